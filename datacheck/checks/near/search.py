"""All pairs of rows of a dataset that are near each other; worked out once for each audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from datacheck.checks.base import Context, NotApplicable
from datacheck.checks.near.cells import cell_edges, need_cells
from datacheck.checks.near.hamming import MOST
from datacheck.checks.near.items import Edges, Items, edges, items
from datacheck.checks.near.pictures import PictureOptions, need_pictures, picture_edges
from datacheck.checks.near.rounded import rounded_edges
from datacheck.checks.near.texts import TextOptions, need_texts, text_edges
from datacheck.checks.support import hash_columns, need_row_hashes
from datacheck.dataset import Dataset
from datacheck.errors import UsageError
from datacheck.summaries.base import Need
from datacheck.summaries.text_sketches import AUTO, CHARACTERS

if TYPE_CHECKING:
    from datacheck.summaries.row_hashes import RowHashes

LEAST = 3  # rows of a table: one or two may be neighbors, in time or on a grid


@dataclass(frozen=True, slots=True)
class NearOptions:
    """From when on two rows are near; see the pages of LK002 and LB005.

    Raises UsageError for what makes no sense.
    """

    min_jaccard: float = 0.8
    containment: float = 0.9
    shingles: str = AUTO
    differing: int = 1
    hamming: int = MOST

    def __post_init__(self) -> None:
        for name in ("min_jaccard", "containment"):
            value = getattr(self, name)
            if not 0.5 <= value <= 1:
                raise UsageError(f"{name} is {value}", "it is a similarity from 0.5 to 1")
        if self.shingles not in (AUTO, CHARACTERS):
            raise UsageError(f"no shingles {self.shingles!r}", f"there are: {AUTO}, {CHARACTERS}")
        if not 0 <= self.differing <= 2:
            raise UsageError(f"differing is {self.differing}", "it is 0, 1 or 2")

        if not 0 <= self.hamming <= MOST:
            raise UsageError(f"hamming is {self.hamming}", f"it is a number of bits, 0–{MOST}")

    @property
    def texts(self) -> TextOptions:
        """Those of texts."""
        return TextOptions(self.min_jaccard, self.containment, self.shingles, self.differing)

    @property
    def pictures(self) -> PictureOptions:
        """Those of pictures."""
        return PictureOptions(self.hamming, self.differing)

    def told(self) -> dict[str, Any]:
        """As plain data, for evidence and plans."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def taken(from_: Mapping[str, Any]) -> NearOptions:
    """The options that a mapping holds among other things."""
    names = {f.name for f in fields(NearOptions)}
    return NearOptions(**{k: v for k, v in from_.items() if k in names})


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of a dataset, and the pairs of distinct rows that are near."""

    items: Items
    edges: Edges
    accident: float = 0.0
    """How likely two rows are such a pair by accident, at most."""
    least: int = 1
    """Rows that have to be near others before it is told."""


def need_near(data: Dataset, options: NearOptions) -> list[Need]:
    """What the scan has to gather, where rows can be compared at all."""
    more = [*need_texts(data, options.texts), *need_pictures(data), *need_cells(data)]
    return [*need_row_hashes(data), *more] if more else []


_found: WeakKeyDictionary[RowHashes, dict[NearOptions, Found]] = WeakKeyDictionary()


def near(context: Context, options: NearOptions) -> Found:
    """The pairs. Raises NotApplicable where there is nothing to compare."""
    applicable(context, options)
    known = _found.setdefault(context.row_hashes(context.splits[0]), {})
    if options not in known:
        known[options] = search(context, items(context), options)
    return known[options]


def applicable(context: Context, options: NearOptions) -> None:
    """Raises NotApplicable where there is nothing to compare."""
    if not hash_columns(context.data) or not need_near(context.data, options):
        raise NotApplicable("no feature that near-duplicates can be told by")
    if not context.splits:
        raise NotApplicable("no split has rows")
    if context.fetch is None:
        raise NotApplicable("the rows cannot be read again to verify what is like what")


def search(context: Context, known: Items, options: NearOptions) -> Found:
    """The pairs among some rows. Raises NotApplicable where rows agree by accident."""
    parts = [
        text_edges(context, known, options.texts),
        picture_edges(context, known, options.pictures),
    ]
    found = [p for p in parts if p is not None]
    cells = cell_edges(context, known, options.differing)
    if cells is not None:
        rounded = rounded_edges(context, known)
        together = edges([cells[0], rounded[0]])
        accident = sum(chance for some, chance in (cells, rounded) if some.n)
        return Found(known, together, accident, LEAST)
    if not found:
        raise NotApplicable("too few columns tell rows apart: rows agree by accident")
    return Found(known, edges(found))


