"""Which picture shows which finding: the one table, by code or family."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from datacheck.findings import Finding
from datacheck.report.html.markup import Markup
from datacheck.report.html.pictures import (
    bars,
    classes,
    lengths,
    missing,
    numbers,
    pairs,
    scales,
)
from datacheck.report.html.view import View

Picture: TypeAlias = Callable[[Finding, View], list[Markup]]

PICTURES: tuple[tuple[tuple[str, ...], Picture], ...] = (
    (("LK001", "LK002", "LK003", "LB001", "LB004", "LB005", "SL003", "SL006", "SL007", "MV002",
      "MV003", "MV007", "NM005", "SC003"), pairs.side_by_side),
    (("LB002",), pairs.side_by_side),
    (("LK001", "LK002", "LB001", "LB004", "LB005", "LB002", "MV006"), pairs.thumbnails),
    (("NM001", "NM003", "NM005", "NM007", "LK004", "LK007", "CB005", "MV003"),
     numbers.distributions),
    (("NM003", "NM006"), numbers.categories),
    (("LK005",), numbers.by_class),
    (("NM002",), scales.disparity),
    (("NM003",), scales.shifts),
    (("MV001", "MV004", "LK006"), missing.by_split),
    (("MV001", "MV004", "LK006"), missing.by_class),
    (("LB003", "CB001", "CB002", "CB003", "CB004"), classes.shares),
    (("CB001",), classes.absence),
    (("SL001", "SL002", "SL004", "SL005", "LK009"), lengths.histogram),
    (("SL001",), lengths.padding),
    (("LB002", "LK005", "LK006", "LK009", "SL005"), bars.counted),
)  # fmt: skip
_WRONG = (
    ArithmeticError, AttributeError, LookupError, TypeError, ValueError,
)  # fmt: skip


def draw(finding: Finding, view: View) -> list[Markup]:
    """The pictures of a finding; none where its evidence is not what the rule's page says.

    Reports can be made by hand and evidence can hold anything, so a picture that cannot be drawn
    is left to the table of the evidence.
    """
    out: list[Markup] = []
    for codes, picture in PICTURES:
        if finding.rule in codes:
            try:
                out += picture(finding, view)
            except _WRONG:
                continue
    return out
