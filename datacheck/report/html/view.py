"""What the pictures may look at: the report, its profile, and a few rows read a second time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datacheck.findings import Finding, Report
from datacheck.report.html import svg

SECOND_LOOKS = 240  # rows, of all findings together
SMALL_PICTURES = 96
READ_AGAIN = (
    "LK001", "LK002", "LK003", "LB001", "LB002", "LB004", "LB005", "SL003", "SL006", "SL007",
    "MV002", "MV003", "MV007", "NM005", "SC003",
)  # fmt: skip
"""Rules whose examples are shown as whole rows, side by side."""


@dataclass
class View:
    """``rows`` and ``pictures`` are by address; ``splits`` are in the order of the dataset."""

    report: Report
    splits: list[str]
    rows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    pictures: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, report: Report, *, most: int = SECOND_LOOKS) -> View:
        """Reads what the findings show as rows, if there is something to read it from."""
        splits = [str(s) for s in _mapping(report.dataset.get("splits"))]
        view = cls(report, splits)
        if report.peek is not None:
            wanted: dict[str, None] = {}
            for finding in report.findings:
                if finding.rule in READ_AGAIN and len(wanted) < most:
                    for example in finding.examples[:5]:
                        wanted.update(dict.fromkeys(example.addresses[:3]))
            asked = list(wanted)[:most]
            named = [c for f in report.findings if f.rule in READ_AGAIN for c in f.columns[:3]]
            view.rows = report.peek.rows(asked, list(dict.fromkeys(named))[:12])
            shown = [*asked, *(a for a in _addresses(report.findings) if a not in wanted)]
            view.pictures = report.peek.pictures(shown[:SMALL_PICTURES])
        return view

    def part(self, name: str) -> Mapping[str, Any]:
        """A part of the profile; empty where it has none."""
        return _mapping(self.report.profile.get(name))

    def color(self, split: str) -> str:
        """The class of a split's color."""
        return svg.color(self.splits.index(split) if split in self.splits else svg.SERIES - 1)

    def colors(self, names: Sequence[str]) -> dict[str, str]:
        """Colors of splits, or of what is told apart in a picture, by place."""
        if all(n in self.splits for n in names):
            return {n: self.color(n) for n in names}
        return {n: svg.color(i) for i, n in enumerate(names)}

    def ordered(self, found: Mapping[str, Any]) -> list[str]:
        """Splits of a mapping in the order of the dataset."""
        return [s for s in self.splits if s in found] + [s for s in found if s not in self.splits]

    def kind(self, column: str) -> str:
        """The kind of a column; empty where it is unknown."""
        return str(_mapping(_mapping(self.report.dataset.get("columns")).get(column)).get("kind"))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _addresses(findings: Sequence[Finding]) -> list[str]:
    return [a for f in findings for e in f.examples[:5] for a in e.addresses[:2]]
