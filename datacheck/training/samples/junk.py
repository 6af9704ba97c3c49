"""Junk among sequences: rows whose tokens are unlike those of the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from datacheck.pipelines.storage.ragged import Ragged
from datacheck.training.series import mads
from datacheck.types import Floats, Mask

FENCE = 5.0
SHORTEST = 8  # the mean of fewer tokens says little


def junk(sequences: Ragged, fence: float = FENCE) -> Mask:
    """Which rows are junk, shape (rows,); no label is read.

    A row's surprisal is the mean of −log share over its tokens, share being that of the rows which
    hold the token at all (so that a row of one token again and again stands out as well as one of
    tokens that are rare elsewhere). Junk is what lies more than ``fence`` MADs, widened as the
    mean of n tokens varies, from the median of the rows.
    """
    values, lengths = np.asarray(sequences.values), sequences.lengths
    if not values.size:
        return np.zeros(lengths.size, dtype=np.bool_)
    _, at = np.unique(values, return_inverse=True)
    rows = np.repeat(np.arange(lengths.size), lengths)
    pairs = np.unique(rows * (int(at.max()) + 1) + at)
    holding = np.bincount(pairs % (int(at.max()) + 1))
    surprisal = -np.log(holding / lengths.size)[at]
    ends = np.concatenate([[0.0], np.cumsum(surprisal)])[sequences.offsets]
    each = np.diff(ends) / np.maximum(lengths, 1)
    judged = lengths >= SHORTEST
    if not judged.any():
        return np.zeros(lengths.size, dtype=np.bool_)
    distance = np.abs(each - np.median(each[judged]))
    # The mean of n tokens varies as 1/√n: that is scaled away before the rows are compared.
    scaled: Floats = distance * np.sqrt(lengths)
    spread = mads((each - np.median(each[judged]))[judged] * np.sqrt(lengths[judged]))
    return np.asarray(judged & (scaled > fence * max(spread, 1e-9)), dtype=np.bool_)


def junk_rows(table: Any, column: str, fence: float = FENCE) -> Mask:
    """Which rows of a table (see ``datacheck.pipelines.storage.tables``) are junk in ``column``."""
    rows = table.__getitems__(np.arange(len(table), dtype=np.int64))
    sequences = rows.columns[column]
    assert isinstance(sequences, Ragged)
    return junk(sequences, fence)
