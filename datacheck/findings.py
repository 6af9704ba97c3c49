"""Findings, outcomes and the report: numbers as evidence, one sentence for people.

The JSON of :meth:`Report.to_json` is a contract; ``docs/report-json.md`` describes it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

    from datacheck.pipelines.plan import Plan

REPORT_VERSION = 1
MAX_EXAMPLES = 5
MAX_VALUE_CHARS = 80

Safety = Literal["safe", "unsafe", "manual"]


class Severity(StrEnum):
    """How bad a finding is; the order is the order of the report."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the most severe."""
        return _RANKS[self]


_RANKS = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


class Status(StrEnum):
    """What came of one rule."""

    CLEAN = "clean"
    FOUND = "found"
    NOT_APPLICABLE = "not applicable"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect size with its interval, and the threshold that its lower end had to clear."""

    metric: str
    value: float
    low: float
    high: float
    threshold: float

    def to_dict(self) -> dict[str, Any]:
        """As plain data, rounded to 6 significant digits."""
        return {
            "metric": self.metric,
            "value": tidy(self.value),
            "low": tidy(self.low),
            "high": tidy(self.high),
            "threshold": tidy(self.threshold),
        }


@dataclass(frozen=True, slots=True)
class Example:
    """Rows that show a finding: their addresses and the values that matter."""

    addresses: tuple[str, ...]
    values: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As plain data; long values are cut."""
        return {
            "addresses": list(self.addresses),
            "values": {str(k): clip(v) for k, v in self.values.items()},
        }


@dataclass(frozen=True, slots=True)
class Repair:
    """What would mend a finding: a name that ``pipelines`` knows, and how safe it is."""

    name: str
    safety: Safety


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect with one cause.

    ``count`` of ``total`` are numbers of ``unit`` (rows, columns, files, classes, cells …).
    ``evidence`` holds the further figures of the rule, by name; numbers and short lists only.
    """

    rule: str
    name: str
    severity: Severity
    message: str
    why: str
    splits: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    count: int = 0
    total: int = 0
    unit: str = "rows"
    effect: Effect | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    repairs: tuple[Repair, ...] = ()

    @property
    def share(self) -> float:
        """count / total, 0 where there is no total."""
        return self.count / self.total if self.total else 0.0

    @property
    def key(self) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """What makes it the same finding as one in a baseline: rule, splits and columns."""
        return (self.rule, tuple(sorted(self.splits)), tuple(sorted(self.columns)))

    def to_dict(self) -> dict[str, Any]:
        """As plain data, in the order of the contract."""
        return {
            "rule": self.rule,
            "name": self.name,
            "severity": self.severity.value,
            "splits": list(self.splits),
            "columns": list(self.columns),
            "count": int(self.count),
            "total": int(self.total),
            "share": tidy(self.share),
            "unit": self.unit,
            "effect": self.effect.to_dict() if self.effect else None,
            "message": self.message,
            "why": self.why,
            "evidence": {str(k): clip(v) for k, v in sorted(self.evidence.items())},
            "examples": [e.to_dict() for e in self.examples[:MAX_EXAMPLES]],
            "repairs": [{"name": r.name, "safety": r.safety} for r in self.repairs],
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one rule, and why where nothing could be said."""

    rule: str
    status: Status
    reason: str = ""


@dataclass
class Report:
    """What an audit found.

    ``dataset`` is ``{"name", "splits": {name: {"rows", "files"}}, "columns": {name: {"kind",
    "role", "assumed"}}}``. ``timing`` and ``versions`` stand apart: all the rest is the same,
    byte for byte, whenever the same data is audited.
    """

    dataset: Mapping[str, Any]
    findings: Sequence[Finding] = ()
    outcomes: Sequence[Outcome] = ()
    assumptions: Sequence[str] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    suppressed: Sequence[tuple[Finding, str]] = ()
    profile: Mapping[str, Any] = field(default_factory=dict)
    """Shapes of the columns that findings name: quantiles, histograms, counts by class."""
    peek: Any = field(default=None, repr=False, compare=False)
    """A :class:`~datacheck.peeking.Peek` for a second look at rows; never part of the JSON."""

    def __post_init__(self) -> None:
        self.findings = sorted(
            self.findings, key=lambda f: (f.severity.rank, f.rule, f.splits, f.columns, f.message)
        )

    @property
    def not_checked(self) -> list[Outcome]:
        """Rules that could not say anything, with the reason."""
        return [o for o in self.outcomes if o.status in (Status.NOT_APPLICABLE, Status.FAILED)]

    def of(self, *codes: str) -> list[Finding]:
        """Findings of the given rules or families (``"LK"``)."""
        return [f for f in self.findings if f.rule.startswith(codes)]

    def at_least(self, severity: Severity) -> list[Finding]:
        """Findings of that severity or worse."""
        return [f for f in self.findings if f.severity.rank <= severity.rank]

    def plan(self) -> Plan:
        """The repairs that answer the findings, in order and free of conflicts, as data.

        ``plan().to_toml()`` is a file to edit; ``datacheck fix --plan`` and :func:`datacheck.fix`
        run it. Steps that are not safe are marked, and run only when asked for.
        """
        from datacheck.pipelines.planning import make_plan

        return make_plan(self)

    def to_dict(self, *, timing: bool = True, profile: bool = True) -> dict[str, Any]:
        """The report as plain data; ``timing=False`` leaves out what differs between runs,
        ``profile=False`` the shapes of columns.
        """
        out: dict[str, Any] = {
            "version": REPORT_VERSION,
            "dataset": dict(self.dataset),
            "findings": [f.to_dict() for f in self.findings],
            "not_checked": [
                {"rule": o.rule, "status": o.status.value, "reason": o.reason}
                for o in self.not_checked
            ],
            "suppressed": [
                {"rule": f.rule, "splits": list(f.splits), "columns": list(f.columns), "reason": r}
                for f, r in self.suppressed
            ],
            "assumptions": list(self.assumptions),
        }
        if profile:
            out["profile"] = dict(self.profile)
        if timing:
            out["timing"] = {k: round(v, 4) for k, v in self.timing.items()}
            out["versions"] = dict(self.versions)
        return out

    def to_json(
        self, *, timing: bool = True, profile: bool = True, indent: int | None = 2
    ) -> str:
        """The report as JSON text (RFC 8259: no NaN; non-finite numbers become null)."""
        plain_data = self.to_dict(timing=timing, profile=profile)
        return json.dumps(plain_data, indent=indent, ensure_ascii=False, allow_nan=False)

    def to_html(self) -> str:
        """The report as one HTML page that needs no network: pictures, tables, the plan.

        Nothing from the data is markup in it. At most 5 MB; what is left out is told.
        """
        from datacheck.report.html import render

        return render(self)

    def to_frame(self) -> pd.DataFrame:
        """The findings as a pandas DataFrame, one row each.

        Names that are no Unicode text (half of a surrogate pair) come as escapes.
        """
        import pandas as pd

        columns = [
            "rule", "name", "severity", "splits", "columns", "count", "total", "share", "unit",
            "metric", "value", "low", "high", "threshold", "message", "repairs",
        ]  # fmt: skip
        rows = []
        for finding in self.findings:
            row = finding.to_dict()
            row.update(row["effect"] or {})
            row["splits"] = ", ".join(finding.splits)
            row["columns"] = ", ".join(finding.columns)
            row["repairs"] = ", ".join(r.name for r in finding.repairs)
            rows.append({c: _encodable(row.get(c)) for c in columns})
        return pd.DataFrame(rows, columns=columns)

    def __repr__(self) -> str:
        counts = [
            f"{n} {s.value}{'s' if n != 1 and s is not Severity.INFO else ''}"
            for s in Severity
            if (n := sum(f.severity is s for f in self.findings))
        ]
        head = f"Report({self.dataset.get('name', '')}: {', '.join(counts) or 'clean'})"
        lines = [
            f"  {f.rule} {f.severity.value:<7} {plain(f.message)}" for f in list(self.findings)[:20]
        ]
        if len(self.findings) > 20:
            lines.append(f"  … and {len(self.findings) - 20} more")
        return "\n".join([head, *lines])

    def _repr_html_(self) -> str:
        from datacheck.report.notebook import render

        return render(self)


def _encodable(value: Any) -> Any:
    """Text that pandas can keep, whatever it keeps text in."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


def tidy(value: float | None) -> float | int | None:
    """A number as reports show it: 6 significant digits, null where not finite."""
    if value is None or isinstance(value, int):
        return value
    value = float(value)
    return float(f"{value:.6g}") if math.isfinite(value) else None


def plain(text: str) -> str:
    """Text made harmless for a terminal: control characters become visible escapes."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def clip(value: Any) -> Any:
    """A value made fit for the report: plain JSON types, long text cut."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return tidy(value)
    if isinstance(value, Mapping):
        return {str(k)[:MAX_VALUE_CHARS]: clip(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        items = [clip(v) for v in list(value)[:20]]
        return [*items, f"… {len(value) - 20} more"] if len(value) > 20 else items
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return clip(value.item())
    text = str(value)
    return text if len(text) <= MAX_VALUE_CHARS else text[: MAX_VALUE_CHARS - 1] + "…"


def names(items: Iterable[str], limit: int = 3) -> str:
    """``a, b, c and 4 more``: a list as a sentence holds it."""
    listed = list(items)
    shown = ", ".join(listed[:limit])
    rest = len(listed) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown


def agree(count: int, one: str, many: str) -> str:
    """The form of a word that goes with a number: ``1 of 24 rows repeats``, ``2 of 24 repeat``."""
    return one if count == 1 else many
