"""Rows of train that no model can learn from: without a label, or empty."""

from __future__ import annotations

import numpy as np
import polars as pl

from datacheck.errors import UsageError
from datacheck.pipelines.plan import Step
from datacheck.pipelines.repairing.view import View
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
