"""Findings that a person accepted, set apart with their reasons."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from datacheck.checks.codes import find, select
from datacheck.config import Config, Suppression
from datacheck.findings import Finding, Outcome, Status


def matches(suppression: Suppression, finding: Finding) -> bool:
    """Whether the finding is the suppressed one: its rule, no further columns, no further splits.

    A finding over thirty columns is not hidden by a suppression that names one of them.
    """
    rule = suppression.rule.strip()
    if rule.upper() not in (finding.rule, finding.rule[:2]) and rule.lower() != finding.name:
        return False
    return all(
        not allowed or (bool(present) and set(present) <= set(allowed))
        for allowed, present in (
            (suppression.columns, finding.columns),
            (suppression.splits, finding.splits),
        )
    )


def apply_suppressions(
    findings: Sequence[Finding],
    suppressions: Sequence[Suppression],
    *,
    ran: Collection[str] | None = None,
) -> tuple[list[Finding], list[tuple[Finding, str]], list[str]]:
    """Findings kept, findings suppressed with the reason, and the suppressions that matched none.

    ``ran`` are the codes of the rules that judged: a suppression is not called unused because its
    rule was left out of this run. Raises UsageError for a rule that does not exist.
    """
    kept: list[Finding] = []
    suppressed: list[tuple[Finding, str]] = []
    used: set[int] = set()
    for finding in findings:
        hits = [i for i, s in enumerate(suppressions) if matches(s, finding)]
        used.update(hits)
        if hits:
            suppressed.append((finding, suppressions[hits[0]].reason))
        else:
            kept.append(finding)
    unused = [
        str(s)
        for i, s in enumerate(suppressions)
        if i not in used
        and not s.optional
        and (ran is None or any(c.code in ran for c in select((s.rule,))))
    ]
    return kept, suppressed, unused


def without_accepted(
    findings: Sequence[Finding], outcomes: Sequence[Outcome], config: Config
) -> tuple[list[Finding], list[tuple[Finding, str]], list[Outcome]]:
    """What an audit of data does at its end, for what is none: a run, or a loader.

    Findings kept, with that of suppressions that match nothing (DC001) if there are some; findings
    suppressed, with the reason; and what came of DC001, if it is chosen and there are suppressions.
    """
    ran = {o.rule for o in outcomes if o.status in (Status.CLEAN, Status.FOUND)}
    kept, suppressed, unused = apply_suppressions(findings, config.suppress, ran=ran)
    chosen = {c.code for c in select(config.select, config.ignore)}
    if not config.suppress or "DC001" not in chosen:
        return kept, suppressed, []
    if unused:
        kept.append(_unused(unused, config))
    return kept, suppressed, [Outcome("DC001", Status.FOUND if unused else Status.CLEAN)]


def _unused(unused: list[str], config: Config) -> Finding:
    """The finding that suppressions match nothing, as an audit of data has it."""
    from datacheck.checks.datacheck.unused_suppression import UnusedSuppression

    find("DC001").load()  # fills in what the table says
    found = UnusedSuppression().found(unused)
    severity = config.severities().get("DC001")
    return replace(found, severity=severity) if severity else found
