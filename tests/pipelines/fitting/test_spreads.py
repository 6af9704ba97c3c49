from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.pipelines.fitting.spreads import Looks, Spread, learn_all, of_frame
from datacheck.pipelines.pipeline import after
from datacheck.pipelines.transforms.impute import Impute
from datacheck.pipelines.transforms.scale import Scale
from datacheck.pipelines.transforms.winsorize import Winsorize
from tests.pipelines.transforms.frames import blocks, drawn

HUGE = np.finfo(np.float64).max


def spread(values: list[float | None]) -> Spread:
    return of_frame(pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64)}), ["x"])[0]


def close(a: Spread, b: Spread) -> None:
    assert (a.missing, a.finite) == (b.missing, b.finite)
    assert (a.min, a.max) == pytest.approx((b.min, b.max), nan_ok=True, rel=0, abs=0)
    assert a.mean == pytest.approx(b.mean, rel=1e-9, abs=1e-9, nan_ok=True)
    assert a.var == pytest.approx(b.var, rel=1e-9, abs=1e-9, nan_ok=True)


@given(st.integers(0, 10_000), st.integers(0, 60), st.integers(1, 30))
def test_a_spread_is_that_of_the_finite_values(seed, rows, size):
    frame = drawn(seed, rows, huge=False)
    looks = Looks(blocks(frame, size))
    told = looks.spreads(("x", "i", "b", "c"))
    x = frame["x"].to_numpy()
    good = x[np.isfinite(x)]
    assert told["x"].missing == int(np.isnan(x).sum())
    assert told["c"] == Spread(frame["c"].null_count())
    assert told["x"].finite == good.size
    assert told["i"].finite == frame["i"].count()
    assert told["b"].finite == frame["b"].count()
    if good.size:
        np.testing.assert_allclose(told["x"].mean, good.mean(), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(told["x"].var, good.var(), rtol=1e-9, atol=1e-9)
        assert (told["x"].min, told["x"].max) == (good.min(), good.max())


numbers = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(float("inf"))), max_size=30)


@given(numbers, numbers, numbers)
def test_merging_is_commutative_to_the_bit_and_cuts_do_not_matter(a, b, c):
    x, y, z = spread(a), spread(b), spread(c)
    assert repr(x.merge(y)) == repr(y.merge(x))
    assert repr(x.merge(Spread())) == repr(x)
    close(x.merge(y).merge(z), x.merge(y.merge(z)))
    close(x.merge(y), spread(a + b))


@given(numbers, st.floats(-1e6, 1e6))
def test_a_filled_spread_is_that_of_the_filled_column(values, value):
    filled = [value if v is None else v for v in values]
    close(spread(values).filled(value), spread(filled))


def test_sums_that_overflow_are_divided_first():
    told = spread([HUGE, HUGE, HUGE / 2]).merge(spread([HUGE]))
    assert told.max == HUGE
    assert told.min <= told.mean <= told.max
    assert told.var == float("inf")


class Counted:
    """Looks at a frame, counted."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame, self.looks = frame, 0

    def __call__(self, columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
        self.looks += 1
        yield from (self.frame.select(columns).slice(at, 40) for at in (0, 40, 80))


@given(st.integers(0, 10_000), st.sampled_from(["median", "mean", "most_frequent", "constant"]))
def test_what_follows_is_not_looked_at_and_is_the_same(seed, strategy):
    frame = drawn(seed, 120, huge=False).select("x", "i")
    source = Counted(frame)
    impute = Impute(("x", "i"), strategy=strategy, constant=2.0, indicator=True)
    steps = [impute, Scale(("x", "i"))]
    made = learn_all(steps, lambda done: after(source, done), frame.columns)
    before = source.looks
    slow = Scale(("x", "i")).learn(after(lambda c: iter([frame.select(c)]), made[:1]))
    assert isinstance(made[1], Scale)
    for column, one in (slow.scaling_ or {}).items():
        fast = (made[1].scaling_ or {})[column]
        assert (fast.center, fast.scale) == pytest.approx(
            (one.center, one.scale), rel=1e-9, abs=1e-9
        )
    # A peek at the types, and the look of the imputation; scaling takes none of its own.
    first = Counted(frame)
    impute.learn(first)
    assert before == first.looks


def test_what_does_not_follow_is_looked_at_again():
    frame = drawn(3, 120, huge=False).select("x")
    source = Counted(frame)
    steps = [Winsorize(("x",)), Scale(("x",))]
    made = learn_all(steps, lambda done: after(source, done), frame.columns)
    direct = Scale(("x",)).learn(after(lambda c: iter([frame.select(c)]), made[:1]))
    assert isinstance(made[1], Scale)
    assert made[1].scaling_ is not None
    assert direct.scaling_ is not None
    assert made[1].scaling_["x"].scale == pytest.approx(direct.scaling_["x"].scale)
