"""Numbers that a caller gives for each row: lengths, classes, and what is to be mirrored."""

from __future__ import annotations

from typing import Any

import numpy as np

from datacheck.errors import UsageError
from datacheck.types import Floats, Ints


def check_lengths(lengths: Any) -> Ints:
    """Lengths as int64 of shape (n,). Raises UsageError for what are none."""
    found = np.asarray(lengths)
    if found.ndim != 1:
        raise UsageError(f"lengths of shape {found.shape}", "one number for each row")
    if not found.size:
        return np.zeros(0, dtype=np.int64)
    if found.dtype.kind == "f" and np.isfinite(found).all() and (found % 1 == 0).all():
        found = found.astype(np.int64)
    if found.dtype.kind not in "iu" or (found < 0).any():
        least = found.min() if found.dtype.kind in "iuf" else ""
        raise UsageError("lengths are no whole numbers from 0", f"found {found.dtype} {least}")
    return found.astype(np.int64)


def check_sides(lengths: Any) -> tuple[Ints, Ints]:
    """(longest of the sequences of each row, length of the last) from (n,) or (n, k), int64 (n,).

    Raises UsageError for what are no lengths.
    """
    found = np.asarray(lengths)
    if found.ndim != 2:
        one = check_lengths(found)
        return one, one
    if not found.shape[1]:
        raise UsageError(f"lengths of shape {found.shape}", "one number for each sequence of a row")
    sides = check_lengths(found.reshape(-1)).reshape(found.shape)
    return np.ascontiguousarray(sides.max(axis=1)), np.ascontiguousarray(sides[:, -1])


def check_numbers(mirror: Any, n: int) -> Floats:
    """Numbers of n rows as float64 of shape (k, n). Raises UsageError for what are none."""
    found = np.asarray(mirror, dtype=np.float64)
    found = found[:, None] if found.ndim == 1 else found
    if found.ndim != 2 or found.shape[0] != n or not np.isfinite(found).all():
        raise UsageError(
            f"mirror is of shape {found.shape}, or not finite", f"finite numbers for {n} rows"
        )
    return np.ascontiguousarray(found.T)


def check_classes(labels: Any, n: int) -> Ints:
    """Classes as int64 of shape (n,). Raises UsageError for what are none, or where none are."""
    if labels is None:
        raise UsageError("balance needs labels", "a class index for each row")
    found = np.asarray(labels)
    if found.shape != (n,) or found.dtype.kind not in "iu":
        raise UsageError(
            f"labels of shape {found.shape} and type {found.dtype}", f"{n} class indices, from 0"
        )
    return found.astype(np.int64)
