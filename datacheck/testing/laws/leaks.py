"""The law that a preprocessing function does not leak."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from datacheck.testing.laws.comparing import copy, difference, height, shifted, shown, take


def does_not_leak(
    prepare: Callable[[Any, Any], Any],
    train: Any,
    test: Any,
    rng: np.random.Generator | int = 0,
    *,
    rows_apart: bool = True,
    tolerance: float = 1e-9,
) -> None:
    """``prepare(train, test)`` learns nothing from the rows of evaluation.

    It returns what it makes of train and of test, as a pair. That of train must stay the same,
    whatever is in test: the same rows in another order, half of them, one of them, other cells.
    With ``rows_apart``, what becomes of a row of test must not depend on the other rows of test
    either (a scaler that is fitted on each split breaks this); that is only looked at where
    ``prepare`` keeps the number of rows of test. Numbers may differ by ``tolerance``, in units of
    1 or of their size where that is larger.

    Data are frames (Polars, pandas), arrays, or tuples and mappings of them with one number of
    rows. Train and test are given as copies. What ``prepare`` draws at random it must draw from a
    seed of its own. Raises AssertionError with the change of test that was seen, and where.

    >>> import numpy as np
    >>> def scaled(train, test):
    ...     mean = np.concatenate([train, test]).mean()
    ...     return train - mean, test - mean
    >>> does_not_leak(scaled, np.arange(4.0), np.arange(3.0))
    Traceback (most recent call last):
    AssertionError: train changed when test was cut to half of its rows: row 0: ...
    """
    __tracebackhide__ = True  # what is told is the counterexample
    random = np.random.default_rng(rng)
    fitted, seen = _pair(prepare(copy(train), copy(test)))
    again, _ = _pair(prepare(copy(train), copy(test)))
    told = difference(fitted, again, tolerance=tolerance)
    if told:
        raise AssertionError(f"train is another one each time, so a leak cannot be told: {told}")
    for what, other in _changes(test, random):
        told = difference(fitted, _pair(prepare(copy(train), other))[0], tolerance=tolerance)
        if told:
            raise AssertionError(
                f"train changed when test was {what}: {told}; test was {shown(test)}"
            )
    n = height(test)
    if not rows_apart or n < 2 or height(seen) != n:
        return
    for rows in (np.arange(n // 2), np.array([int(random.integers(n))])):
        part = _pair(prepare(copy(train), take(test, rows)))[1]
        told = difference(take(seen, rows), part, tolerance=tolerance)
        if told:
            raise AssertionError(
                f"rows of test depend on each other: with only {rows.size} of {n} rows of test, "
                f"{told}; test was {shown(test)}"
            )


def _pair(made: Any) -> tuple[Any, Any]:
    if not isinstance(made, tuple | list) or len(made) != 2:
        raise AssertionError(
            f"prepare(train, test) gave a {type(made).__name__}, not what it made of train and test"
        )
    return made[0], made[1]


def _changes(test: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Other rows of evaluation, of the same types, and what was done to them."""
    n = height(test)
    if n > 1:
        yield "put in another order", take(test, rng.permutation(n))
        yield "cut to half of its rows", take(test, np.arange(n // 2))
        yield "cut to one row", take(test, np.array([int(rng.integers(n))]))
        yield "given twice", take(test, np.concatenate([np.arange(n), np.arange(n)]))
    yield "given other cells", shifted(test, rng)
