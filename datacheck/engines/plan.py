"""The plan: the set union of what the enabled checks need, and the grid of rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from datacheck.dataset import Dataset
from datacheck.summaries import Need, Summary, summary_class
from datacheck.summaries.base import summary_key
from datacheck.summaries.row_sample import SIZE

BLOCK_ROWS = 65_536
BLOCK_CELLS = 1 << 22
SAMPLE_CELLS = 1 << 23  # 64 MiB of numbers a split
SAMPLE_LEAST = 1_000


@dataclass(frozen=True, slots=True)
class Plan:
    """Which summaries to fill, over which columns; the same for every fragment.

    ``block_rows`` is the fixed grid: summaries see blocks of that many rows, counted from the
    start of each fragment, whatever chunks the reader delivers.
    """

    needs: tuple[Need, ...]
    columns: tuple[str, ...]
    block_rows: int

    def fresh(self) -> dict[str, Summary]:
        """The identity of every summary, by :func:`summary_key`."""
        return {
            summary_key(n.kind, n.params): summary_class(n.kind)(n.columns, **dict(n.params))
            for n in self.needs
        }


def make_plan(data: Dataset, needs: Iterable[Need], *, sample: int = SIZE) -> Plan:
    """One need for each kind and parameters, over the union of their columns, in schema order.

    ``sample`` is the size of row samples; fewer of very wide rows, see :func:`sample_rows`.
    """
    columns: dict[tuple[str, tuple[tuple[str, Any], ...]], set[str]] = {}
    for need in needs:
        if need.kind == "row_sample":
            size = sample_rows(sample, len(data.columns))
            need = replace(need, params=(*need.params, ("size", size)))
        chosen = columns.setdefault((need.kind, need.params), set())
        if chosen and not summary_class(need.kind).columnwise and chosen != set(need.columns):
            raise ValueError(f"two checks ask for {need.kind} over different columns")
        chosen.update(need.columns)
    order = {name: i for i, name in enumerate(data.columns)}
    merged = tuple(
        Need(kind, tuple(sorted(chosen, key=order.__getitem__)), params)
        for (kind, params), chosen in sorted(columns.items(), key=lambda kv: repr(kv[0]))
    )
    read: set[str] = set()
    for need in merged:
        read.update(summary_class(need.kind)(need.columns, **dict(need.params)).reads())
    cells = sum(data.columns[name].cells for name in read)
    return Plan(merged, tuple(sorted(read, key=order.__getitem__)), block_rows(cells))


def block_rows(columns: int) -> int:
    """Rows of a block: 65,536, or the power of two that keeps a block at some 4 million cells."""
    rows = BLOCK_ROWS
    while rows > 64 and rows * max(columns, 1) > BLOCK_CELLS:
        rows //= 2
    return rows


def sample_rows(wanted: int, columns: int) -> int:
    """Rows of a sample: as many as wanted, of wide rows some 8 million cells (at least 1,000)."""
    return min(wanted, max(SAMPLE_LEAST, SAMPLE_CELLS // max(columns, 1)))
