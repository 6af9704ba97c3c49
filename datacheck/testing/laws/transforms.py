"""Laws of transforms: objects with ``fit`` and ``transform``, as scikit-learn and datacheck have.

``make`` is a callable without arguments that gives a new one each time, such as a class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from datacheck.testing.laws.comparing import copy, difference, height, shown, take

Make = Callable[[], Any]


def transforming_teaches_nothing(make: Make, train: Any, test: Any) -> None:
    """What becomes of train is the same before and after the transform has seen test.

    Breaks it: a transform that goes on learning. Raises AssertionError with the first difference.
    """
    fitted = _fit(make, train)
    before = fitted.transform(copy(train))
    fitted.transform(copy(test))
    told = difference(before, fitted.transform(copy(train)))
    _hold(told, fitted, "learned from what it transformed", test)


def rows_stand_alone(make: Make, train: Any, test: Any, *, tolerance: float = 1e-9) -> None:
    """What becomes of a row of test does not depend on the rows that come with it.

    Breaks it: a transform that is fitted again on what it is to transform.
    """
    fitted = _fit(make, train)
    whole = fitted.transform(copy(test))
    n = height(test)
    if n < 2 or height(whole) != n:
        return
    for rows in (np.arange(n // 2), np.array([n - 1])):
        part = fitted.transform(take(test, rows))
        told = difference(take(whole, rows), part, tolerance=tolerance)
        _hold(told, fitted, f"made something else of {rows.size} rows alone", test)


def leaves_data_alone(make: Make, train: Any, test: Any) -> None:
    """Neither fitting nor transforming changes the caller's data."""
    kept = copy(train), copy(test)
    fitted = make()
    fitted = fitted.fit(train) or fitted
    fitted.transform(test)
    _hold(difference(kept[0], train), fitted, "changed its own train", train)
    _hold(difference(kept[1], test), fitted, "changed its own test", test)


def twice_is_once(make: Make, train: Any, test: Any, *, tolerance: float = 1e-12) -> None:
    """``transform(transform(x))`` is ``transform(x)``: of clipping and filling, not of scaling."""
    fitted = _fit(make, train)
    once = fitted.transform(copy(test))
    told = difference(once, fitted.transform(copy(once)), tolerance=tolerance)
    _hold(told, fitted, "did more the second time", test)


def agrees_with_its_inverse(make: Make, train: Any, test: Any, *, tolerance: float = 1e-9) -> None:
    """``inverse_transform(transform(x))`` is ``x``, of train and of test."""
    fitted = _fit(make, train)
    for data in (train, test):
        back = fitted.inverse_transform(fitted.transform(copy(data)))
        told = difference(copy(data), back, tolerance=tolerance)
        _hold(told, fitted, "does not come back", data)


def check_transform(
    make: Make,
    train: Any,
    test: Any,
    *,
    idempotent: bool = False,
    invertible: bool | None = None,
    tolerance: float = 1e-9,
) -> None:
    """All laws that a transform has to keep; with ``idempotent`` also :func:`twice_is_once`.

    ``invertible`` None asks for the inverse where there is an ``inverse_transform``. ``train`` and
    ``test`` are frames or arrays. Raises AssertionError with the law, the first difference, and
    the data.
    """
    __tracebackhide__ = True  # what is told is the counterexample
    leaves_data_alone(make, copy(train), copy(test))
    transforming_teaches_nothing(make, train, test)
    rows_stand_alone(make, train, test, tolerance=tolerance)
    if idempotent:
        twice_is_once(make, train, test, tolerance=tolerance)
    if invertible or (invertible is None and hasattr(make(), "inverse_transform")):
        agrees_with_its_inverse(make, train, test, tolerance=tolerance)


def _fit(make: Make, train: Any) -> Any:
    made = make()
    return made.fit(copy(train)) or made


def _hold(told: str | None, transform: Any, law: str, data: Any) -> None:
    if told:
        raise AssertionError(f"{type(transform).__name__} {law}: {told}; data: {shown(data)}")
