"""A pytest plugin: datasets are held to the rules as code is held to its tests.

``pytest --datacheck dataset/`` makes one test of each rule and split; the fixtures
``datacheck_report`` and ``no_leakage`` audit what a test makes. Without ``--datacheck`` and those
fixtures nothing happens, and nothing but pytest is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from datacheck.findings import Finding, Report
    from datacheck.testing.verdicts import Verdict

MARK = "datacheck"
LEVELS = ("error", "warning", "info")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, all of which begin with ``--datacheck``."""
    group = parser.getgroup("datacheck", "audit datasets")
    group.addoption(
        "--datacheck",
        action="append",
        default=[],
        metavar="PATH",
        help="A dataset to audit: one test for each rule and split. Repeatable.",
    )
    group.addoption(
        "--datacheck-config",
        metavar="FILE",
        help="Settings, instead of a datacheck.toml that is found.",
    )
    group.addoption(
        "--datacheck-select", metavar="RULES", help="Codes, names or families (LK,MV001)."
    )
    group.addoption(
        "--datacheck-fail-on",
        choices=LEVELS,
        help="The mildest severity that fails a test. [default: error]",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker means."""
    config.addinivalue_line(
        "markers",
        "datacheck(allow=[...], expect=[...], fail_on='error'): of the reports of this test, the "
        "rules (codes, names or families) that may be found, and those that have to be.",
    )


# -- one test for each rule and split ------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add the tests of the datasets that ``--datacheck`` names, after all others."""
    for path in session.config.getoption("--datacheck"):
        dataset = DatasetCollector.from_parent(
            session, name=str(path), path=Path(path).absolute(), nodeid=str(path)
        )
        items.extend(dataset.collect())


class DatasetCollector(pytest.Collector):
    """A dataset, whose tests are those of its rules."""

    def collect(self) -> Iterator[RuleItem]:
        """An item for each rule and split, in the order of the table of rules."""
        from datacheck.errors import DatacheckError
        from datacheck.testing import verdicts

        try:
            codes, splits = verdicts.plan(str(self.path), self.config)
        except DatacheckError as error:
            raise pytest.UsageError(f"--datacheck {self.path}: {error}") from None
        for code in codes:
            for split in (*splits, ""):
                name = f"{code.code} {code.name}" + (f"[{split}]" if split else "")
                yield RuleItem.from_parent(self, name=name, code=code.code, split=split)


class RuleItem(pytest.Item):
    """One rule and one split, or what the rule says of no split in particular."""

    def __init__(self, *, code: str, split: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.code, self.split = code, split
        # With `--dist loadgroup` all tests of a dataset run where it was audited.
        self.add_marker(pytest.mark.xdist_group(f"datacheck:{self.path}"))

    def runtest(self) -> None:
        """Audit the dataset, once for all of its tests, and look up what concerns this one."""
        from datacheck.testing import verdicts

        told = verdicts.of(str(self.path), self.config)
        found = [v for v in told["findings"] if self._mine(v)]
        bad = [v for v in found if v["fails"]]
        if bad:
            raise Found("\n\n".join(v["text"] for v in bad))
        if found:
            self.add_report_section("call", "datacheck", "\n\n".join(v["text"] for v in found))
        reason = told["skipped"].get(self.code)
        if reason:
            pytest.skip(reason)
        if self.code in told["failed"]:
            raise Found(f"{self.code} failed: {told['failed'][self.code]}")

    def _mine(self, verdict: Verdict) -> bool:
        splits = verdict["splits"]
        return verdict["rule"] == self.code and (
            self.split in splits if self.split else not splits
        )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The finding; no traceback, since no code of theirs is at fault."""
        from datacheck.errors import DatacheckError

        if isinstance(excinfo.value, Found | DatacheckError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it is: the dataset."""
        return self.path, None, f"{self.path} {self.name}"


class Found(Exception):  # noqa: N818 - it is a verdict
    """A finding at or above the level that fails."""


# -- fixtures ------------------------------------------------------------------------------------


@pytest.fixture
def datacheck_report(request: pytest.FixtureRequest) -> Callable[..., Report]:
    """``datacheck_report(source, **settings)`` audits like :func:`datacheck.audit`.

    A marker ``datacheck(allow=[...], expect=[...], fail_on=...)`` on the test turns the report into
    a verdict: rules at or above ``fail_on`` that are neither allowed nor expected fail the test,
    and so do expected ones that are not found.
    """

    def audited(*source: Any, **settings: Any) -> Report:
        from datacheck.auditing import audit

        with _in_a_line():
            report = audit(*source, **settings)
            marker = request.node.get_closest_marker(MARK)
            if marker is not None:
                _hold(report, **marker.kwargs)
        return report

    return audited


@pytest.fixture
def no_leakage() -> Callable[..., None]:
    """``no_leakage(train, test, **settings)`` fails if a rule of leakage (LK) finds something.

    ``train`` and ``test`` are whatever :func:`datacheck.audit` understands; ``allow=["LK004"]``
    names rules that may speak.
    """

    def check(train: Any, test: Any, *, allow: Any = (), **settings: Any) -> None:
        from datacheck.auditing import audit

        with _in_a_line():
            report = audit(
                {"train": train, "test": test}, settings={"select": ("LK",), **settings}
            )
            _hold(report, allow=allow, fail_on="info")

    return check


@contextmanager
def _in_a_line() -> Iterator[None]:
    """What is wrong with the request fails the test in a line, without a traceback of ours."""
    from datacheck.errors import DatacheckError

    try:
        yield
    except DatacheckError as error:
        pytest.fail(str(error), pytrace=False)


def _hold(report: Report, *, allow: Any = (), expect: Any = (), fail_on: str = "error") -> None:
    """Fail the test unless the report is as it should be."""
    from datacheck.findings import Severity
    from datacheck.testing.verdicts import text

    fine, wanted = _codes(allow), _codes(expect)
    rank = Severity(fail_on).rank
    bad: list[Finding] = [
        f
        for f in report.findings
        if f.severity.rank <= rank and f.rule not in fine and f.rule not in wanted
    ]
    seen = {f.rule for f in report.findings}
    named = [expect] if isinstance(expect, str) else list(expect)
    missing = [name for name in named if not _codes(name) & seen]
    told = [*map(text, bad)]
    if missing:
        told.append(f"expected, and not found: {', '.join(missing)}")
    if told:
        pytest.fail("\n\n".join(told), pytrace=False)


def _codes(given: Any) -> set[str]:
    """Codes of codes, names and families. Raises UsageError for what is none."""
    from datacheck.checks.codes import select

    names = (given,) if isinstance(given, str) else tuple(given)
    return {c.code for c in select(names, judges="data")} if names else set()
