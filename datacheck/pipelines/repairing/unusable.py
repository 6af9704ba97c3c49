"""Rows of train that no model can learn from: without a label, or empty."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from datacheck.errors import UsageError
from datacheck.pipelines.plan import Step
from datacheck.pipelines.repairing.view import View
from datacheck.summaries.lengths import lengths_of
from datacheck.summaries.pairs import copies
from datacheck.summaries.ratios import Proportion
from datacheck.types import Ints


def unlabeled(view: View, train: str, step: Step) -> tuple[Ints, int]:
    """Rows of train without a usable label, and how many rows it has."""
    label = view.data.label
    if label is None:
        raise UsageError("quarantine needs a label column", "name it with --label")
    invalid = [str(v) for v in step.get("invalid")]
    parts, seen = [], 0
    for _, frame, addresses in view.pieces([label.name], splits=[train]):
        seen += frame.height
        cell = frame[label.name]
        bad = cell.is_null()
        if cell.dtype.is_float():
            bad = bad | ~cell.is_finite().fill_null(False)
        if invalid:
            from datacheck.summaries.values import canonical_strings

            bad = bad | canonical_strings(cell).is_in(invalid).fill_null(False)
        parts.append(addresses[bad.to_numpy()])
    return (np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)), seen


def empty(view: View, train: str, step: Step) -> tuple[Ints, int]:
    """Rows of train with an empty sequence or text, and how many rows it has."""
    parts, seen = [], 0
    columns = [c for c in step.columns if c in view.data.columns]
    for _, frame, addresses in view.pieces(columns, splits=[train]):
        seen += frame.height
        bad = np.zeros(frame.height, dtype=np.bool_)
        for name in frame.columns:
            cell = frame[name]
            if cell.dtype == pl.String:
                empty = cell.str.strip_chars() == ""
            elif isinstance(cell.dtype, pl.List):
                empty = cell.list.len() == 0
            else:
                continue
            bad |= empty.fill_null(False).to_numpy()
        parts.append(addresses[bad])
    return (np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)), seen


def mispaired(view: View, train: str, step: Step) -> tuple[Ints, int]:
    """Pairs out of proportion, or whose target is the source, as SL006 and SL007 see them."""
    source, target = step.columns
    measure = view.data.measure
    bounds = Proportion(*(float(step.get(n)) for n in ("usual", "low", "high", "difference")))
    parts: list[Ints] = []
    seen = 0
    for _, frame, addresses in view.pieces([source, target], splits=[train]):
        seen += frame.height
        bad = np.zeros(frame.height, dtype=np.bool_)
        a, b = frame[source], frame[target]
        if step.get("copies"):
            bad |= copies(a, b, int(step.get("copies")))
        if bounds.high > 0:
            of, to = (lengths_of(x, measure).fill_null(0).to_numpy() for x in (a, b))
            bad |= bounds.off(of, to)
        parts.append(addresses[bad])
    return (np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)), seen


BY_CELLS: dict[str, Callable[[View, str, Step], tuple[Ints, int]]] = {
    "quarantine": unlabeled,
    "quarantine-rows": empty,
    "quarantine-pairs": mispaired,
}
"""What finds the rows, by repair."""
