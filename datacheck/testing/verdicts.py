"""What an audit says, as plain data that the workers of a test session share.

Each dataset is audited once in a session: the first worker that needs the verdicts audits, the
others wait for the file that it leaves in the session's temporary folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from datacheck.auditing import opened, run_audit
from datacheck.checks.codes import Code, select
from datacheck.config import Config
from datacheck.errors import DatacheckError
from datacheck.findings import Finding, Severity, Status
from datacheck.report import words

if TYPE_CHECKING:
    import pytest

WAIT = 0.05  # seconds between looks at what another worker does
_HERE: dict[tuple[int, str], Verdicts] = {}


class Verdict(TypedDict):
    """One finding, as its test tells it."""

    rule: str
    splits: list[str]
    fails: bool
    text: str


class Verdicts(TypedDict):
    """All that the tests of a dataset say; reasons by code."""

    findings: list[Verdict]
    skipped: dict[str, str]
    failed: dict[str, str]


def settings(path: str, options: pytest.Config) -> Config:
    """The settings of a dataset's audit, with what the command line says. Raises UsageError."""
    config = Config.load(
        options.getoption("--datacheck-config"), path if Path(path).is_dir() else None
    )
    return config.replace(
        select=(chosen,) if (chosen := options.getoption("--datacheck-select")) else (),
        fail_on=options.getoption("--datacheck-fail-on"),
    )


def plan(path: str, options: pytest.Config) -> tuple[list[Code], list[str]]:
    """The rules that will judge a dataset, and its splits. Opens it, and reads little of it."""
    config = settings(path, options)
    codes = list(select(config.select, config.ignore, judges="data"))
    return codes, list(opened(path, config).splits)


def of(path: str, options: pytest.Config) -> Verdicts:
    """The verdicts on a dataset. Raises DatacheckError where it cannot be audited."""
    key = (id(options), path)
    if key not in _HERE:
        worker = hasattr(options, "workerinput")  # of pytest-xdist
        _HERE[key] = _shared(path, options) if worker else _audit(path, options)
    return _HERE[key]


def text(finding: Finding) -> str:
    """A finding as the failure of a test."""
    lines = [f"{finding.rule} {finding.severity.value}: {words.said(finding.message)}"]
    lines.append(f"  why     {words.said(finding.why)}")
    if finding.effect:
        lines.append(f"  effect  {words.interval(finding.effect)}")
    lines += [f"  e.g.    {words.example(e)}" for e in finding.examples]
    if mends := words.repairs(finding):
        lines.append(f"  repair  {mends}")
    return "\n".join([*lines, f"  more    datacheck rule {finding.rule}"])


def _audit(path: str, options: pytest.Config) -> Verdicts:
    config = settings(path, options)
    report = run_audit(path, config)
    rank = -1 if config.fail_on == "never" else Severity(config.fail_on).rank
    reasons = {o.rule: o.reason for o in report.outcomes}
    return {
        "findings": [
            {
                "rule": f.rule,
                "splits": list(f.splits),
                "fails": f.severity.rank <= rank,
                "text": text(f),
            }
            for f in report.findings
        ],
        "skipped": {
            o.rule: reasons[o.rule] for o in report.outcomes if o.status is Status.NOT_APPLICABLE
        },
        "failed": {o.rule: reasons[o.rule] for o in report.outcomes if o.status is Status.FAILED},
    }


def _shared(path: str, options: pytest.Config) -> Verdicts:
    """The verdicts that the workers of one run share by a file, in the run's own folder."""
    told = hashlib.blake2b(os.path.realpath(path).encode(), digest_size=12).hexdigest()
    factory: Any = getattr(options, "_tmp_path_factory")  # noqa: B009 - pytest has no public name for it outside fixtures
    base = factory.getbasetemp().parent
    target, lock = base / f"datacheck-{told}.json", base / f"datacheck-{told}.lock"
    while True:
        found = _read(target)
        if found is not None:
            return found
        try:
            handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            if _gone(lock):
                lock.unlink(missing_ok=True)
            time.sleep(WAIT)
            continue
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(str(os.getpid()))
            made = _audit(path, options)
            part = target.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps(made), encoding="utf-8")
            part.replace(target)
            return made
        except DatacheckError:
            raise  # the other workers will meet and tell it as well
        finally:
            lock.unlink(missing_ok=True)


def _read(target: Path) -> Verdicts | None:
    try:
        found: Any = json.loads(target.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found  # type: ignore[no-any-return] # written whole by this module, in a folder of ours


def _gone(lock: Path) -> bool:
    """Whether the worker that holds the lock has died."""
    try:
        owner = int(lock.read_text(encoding="ascii") or 0)
        if owner:
            os.kill(owner, 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        return False  # it is just being written or taken away, or not ours to look at
    return False
