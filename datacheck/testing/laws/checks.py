"""Laws of checks: anything that looks at train and test and says what it finds.

A check is a rule's code, such as ``"LK001"``, or a function ``check(train, test)`` over Polars
frames that gives a :class:`~datacheck.findings.Report`, findings, a number, or true or false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from datacheck.testing.laws.comparing import difference, shown, take

Check: TypeAlias = Callable[[pl.DataFrame, pl.DataFrame], Any]


def row_order_is_not_seen(
    check: Check | str, train: pl.DataFrame, test: pl.DataFrame, rng: Any = 0, **settings: Any
) -> None:
    """The same rows in another order give the same findings, with the same counts."""
    look, random = _check(check, settings), np.random.default_rng(rng)
    before = _said(look(train, test))
    after = _said(look(_shuffled(train, random), _shuffled(test, random)))
    _hold(before == after, "sees the order of rows", before, after, train, test)


def splits_may_be_swapped(
    check: Check | str, train: pl.DataFrame, test: pl.DataFrame, **settings: Any
) -> None:
    """With train and test swapped it speaks of the same things; counts may be others.

    For checks of what two splits share or how they differ; not for those that judge one by the
    other.
    """
    look = _check(check, settings)
    before, after = _said(look(train, test)), _said(look(test, train))
    same = {k for k, v in before.items() if v} == {k for k, v in after.items() if v}
    _hold(same, "tells train from test", before, after, train, test)


def more_copies_say_no_less(
    check: Check | str, train: pl.DataFrame, test: pl.DataFrame, rng: Any = 0, **settings: Any
) -> None:
    """The more rows of train are put into test, the more it finds, or the same: never less.

    For checks of duplicates and leaks, whose verdicts are counts.
    """
    look, random = _check(check, settings), np.random.default_rng(rng)
    order = random.permutation(train.height)
    before = _said(look(train, test))
    grown = test
    for share in (0.1, 0.3, 1.0):
        rows = order[: max(1, round(share * train.height))]
        grown = pl.concat([test, take(train, rows)])
        after = _said(look(train, grown))
        fell = [k for k, v in before.items() if after.get(k, 0) < v]
        law = f"says less of {fell[0] if fell else ''} with {rows.size} copies more"
        _hold(not fell, law, before, after, train, grown)
        before = after


def leaves_its_arguments(
    check: Check | str, train: pl.DataFrame, test: pl.DataFrame, **settings: Any
) -> None:
    """Looking changes nothing."""
    kept = train.clone(), test.clone()
    _check(check, settings)(train, test)
    for was, is_now in zip(kept, (train, test), strict=True):
        told = difference(was, is_now)
        if told:
            raise AssertionError(f"the check changes its data: {told}")


def check_rule(
    check: Check | str,
    train: pl.DataFrame,
    test: pl.DataFrame,
    rng: Any = 0,
    *,
    order: bool = True,
    swap: bool = False,
    copies: bool = False,
    **settings: Any,
) -> None:
    """The laws that a check has to keep: arguments and ``order``; ``swap`` and ``copies`` if asked.

    ``settings`` (``label=…``) go to the audit where the check is a rule's code. Raises
    AssertionError with the law, what was said before and after, and the data.
    """
    __tracebackhide__ = True  # what is told is the counterexample
    leaves_its_arguments(check, train, test, **settings)
    if order:
        row_order_is_not_seen(check, train, test, rng, **settings)
    if swap:
        splits_may_be_swapped(check, train, test, **settings)
    if copies:
        more_copies_say_no_less(check, train, test, rng, **settings)


def _check(check: Check | str, settings: dict[str, Any]) -> Check:
    if not isinstance(check, str):
        if settings:
            raise TypeError(f"a function takes no settings: {', '.join(settings)}")
        return check
    code = check

    def judged(train: pl.DataFrame, test: pl.DataFrame) -> Any:
        from datacheck.auditing import audit

        return audit({"train": train, "test": test}, settings={"select": (code,), **settings})

    return judged


def _said(verdict: Any) -> dict[str, float]:
    """What a check says, as counts by what they are about."""
    if isinstance(verdict, bool | np.bool_ | int | float | np.number):
        return {"": float(verdict)}
    findings: Iterable[Any] = getattr(verdict, "findings", verdict) or ()
    out: dict[str, float] = {}
    for finding in findings:
        about = f"{finding.rule}({', '.join(finding.columns)})"
        out[about] = out.get(about, 0) + finding.count
    return out


def _shuffled(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    return frame[rng.permutation(frame.height)]


def _hold(
    kept: bool,
    law: str,
    before: dict[str, float],
    after: dict[str, float],
    train: pl.DataFrame,
    test: pl.DataFrame,
) -> None:
    if not kept:
        raise AssertionError(
            f"the check {law}: {before or 'nothing'} became {after or 'nothing'}; "
            f"train: {shown(train)}; test: {shown(test)}"
        )
