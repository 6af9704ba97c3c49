"""The law that a loader hands out its dataset as it should."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from datacheck.errors import UsageError


def check_loader(
    loader: Any,
    source: Any = None,
    *,
    train: bool | None = None,
    epochs: int = 2,
    batches: int = 0,
    allow: str | Iterable[str] = (),
    fail_on: str = "warning",
) -> None:
    """:func:`datacheck.audit_loader` finds nothing at or above ``fail_on``, but for ``allow``.

    The first arguments are those of ``audit_loader``; ``allow`` has codes or names of rules that
    may speak. Raises AssertionError with the findings, UsageError for what yields no batches and
    for rules that there are not, or where torch is not installed.
    """
    __tracebackhide__ = True  # what is told is the counterexample
    from datacheck.checks.codes import select
    from datacheck.findings import Severity
    from datacheck.testing.verdicts import text

    try:
        from datacheck.pipelines.loader_audit import audit_loader
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        hint = 'pip install "datacheck-ml[torch]"'
        raise UsageError("loaders need torch", hint) from None
    named = (allow,) if isinstance(allow, str) else tuple(allow)
    fine = {c.code for c in select(named)} if named else set()
    rank = Severity(fail_on).rank
    report = audit_loader(loader, source, train=train, epochs=epochs, batches=batches)
    bad = [f for f in report.findings if f.severity.rank <= rank and f.rule not in fine]
    if bad:
        raise AssertionError("\n\n".join(map(text, bad)))
