from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.checks.lengths import length_label_confounding
from datacheck.checks.scores import critical, rank_correlation
from datacheck.checks.stats import Z, auc

SEEDS = st.integers(0, 2**32 - 1)
spread: Any = length_label_confounding.spread


def audit(lengths, label) -> Any:
    frame = pl.DataFrame({"events": [list(range(n)) for n in lengths], "label": label})
    return datacheck.audit({"train": frame}, settings={"label": "label", "select": ("SL005",)})


@settings(max_examples=30, deadline=None, derandomize=True)
@given(SEEDS, st.floats(1, 3), st.integers(100, 300))
def test_for_two_classes_it_is_the_auc(seed, gap, n):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 3 == 0)
    x = (rng.normal(size=n) + gap * y).round(1)
    score = spread(x, y.astype(np.int64), 20, Z)
    assert score is not None
    assert score.value == pytest.approx(auc(x, y)[0], abs=0.02)
    assert score.low < score.value < score.high


@settings(max_examples=30, deadline=None, derandomize=True)
@given(SEEDS, st.integers(2, 20))
def test_lengths_that_do_not_know_the_label_are_clean(seed, classes):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, 400)
    assert not audit(rng.poisson(12, 400), [f"c{v}" for v in y]).findings


@settings(max_examples=10, deadline=None, derandomize=True)
@given(SEEDS, st.integers(2, 6))
def test_order_of_rows_and_names_of_classes_do_not_matter(seed, classes):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, 400)
    lengths = rng.poisson(10 + 25 * y)
    other = rng.permutation(400)
    (first,) = audit(lengths, [f"c{v}" for v in y]).findings
    (second,) = audit(lengths[other], [f"k{9 - v}" for v in y[other]]).findings
    assert first.effect.low == pytest.approx(second.effect.low)


def by_hand(x, codes, least, z):
    """The spread of mean ranks, class by class."""
    groups = [x[codes == k] for k in np.unique(codes) if (codes == k).sum() >= least]
    k = len(groups)

    def place(v):  # in the mixture of the classes, each with the same weight
        return sum((g < v).mean() + (g == v).mean() / 2 for g in groups) / k

    places = [np.array([place(v) for v in g]) for g in groups]
    off = np.array([p.mean() for p in places]) - 0.5
    error = np.array([p.var(ddof=1) / p.size for p in places])
    between = (off**2).mean() - (k - 1) / k * error.mean()
    noise = np.sqrt((4 * off**2 * error + 2 * error**2).sum()) / k
    return [0.5 + 2 * max(between + s * z * noise, 0) ** 0.5 for s in (-1, 0, 1)]


@settings(max_examples=25)
@given(SEEDS, st.integers(2, 5), st.sampled_from([0.1, 1.5]))
def test_the_spread_and_its_interval_class_by_class(seed, classes, gap):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, classes, 150)
    x = np.round(rng.normal(size=150) * 3 + gap * codes)
    found = spread(x, codes, 2, 1.5)
    low, value, high = by_hand(x, codes, 2, 1.5)
    assert (found.low, found.value) == pytest.approx((low, value))
    assert found.high == pytest.approx(min(high, 1))
    assert found.n == 150


def test_small_classes_are_left_out():
    rng = np.random.default_rng(5)
    codes = np.repeat([0, 1, 2], [40, 20, 19])
    x = rng.normal(size=79) + codes
    assert spread(x, codes, 20, Z).n == 60
    assert spread(x, codes, 19, Z).n == 79
    assert spread(x, codes, 21, Z) is None


def test_lengths_that_tell_nothing_are_not_judged():
    y = ["a", "b"] * 25
    assert audit([5, 9] * 25, y).findings
    assert audit([*[5, 9] * 25, 5], [*y, None]).findings
    assert not audit([5, 9] * 24 + [5], y[:49]).findings
    assert not audit([7] * 50, y).findings
    known = [[1] * n for n in [5, 9] * 25]
    frame = pl.DataFrame({"events": [*known[:49], None], "label": y})
    options = {"label": "label", "select": ("SL005",)}
    assert not datacheck.audit({"train": frame}, settings=options).findings
    frame = pl.DataFrame({"events": [*known, None], "label": [*y, "a"]})
    assert datacheck.audit({"train": frame}, settings=options).findings


def audited(frame) -> Any:
    options = {"label": "label", "select": ("SL005",)}
    return datacheck.audit({"train": frame}, settings=options).findings


def test_what_is_told_of_lengths_that_tell_the_label():
    rng = np.random.default_rng(6)
    n = {"short": 60, "long": 70, "middle": 50, "rare": 19}
    shift = {"short": 5, "long": 40, "middle": 20, "rare": 90}
    label = np.repeat(list(n), list(n.values()))
    sizes = np.concatenate([rng.poisson(shift[k], n[k]) for k in n])
    other = rng.poisson(9, label.size)
    frame = pl.DataFrame({
        "s": [[1.5] * int(v) for v in sizes], "o": [[1.5] * int(v) for v in other], "label": label,
    })  # fmt: skip
    (found,) = audited(frame)
    medians = {k: float(np.median(sizes[label == k])) for k in ("short", "middle", "long")}
    assert found.evidence["medians"] == medians
    assert list(found.evidence["medians"]) == ["short", "middle", "long"]
    assert (found.columns, found.count, found.total) == (("s",), 1, 2)
    codes = np.unique(label, return_inverse=True)[1]
    score = spread(sizes.astype(float), codes, 20, critical(2))
    assert (found.effect.value, found.effect.low) == (score.value, score.low)
    assert (found.effect.high, found.effect.threshold) == (score.high, 0.75)
    assert found.message == (
        f"the length of s predicts label in train (AUC of the length {score.value:.2f}): the "
        f"median is {medians['short']:.0f} for 'short' and {medians['long']:.0f} for 'long'"
    )
    twice = frame.with_columns(o=pl.col("s").list.head(200))
    (found,) = audited(twice)
    assert found.message.startswith("the length of o, s predict label in train")
    assert found.columns == ("o", "s")


def test_the_bar_is_the_lower_end():
    rng = np.random.default_rng(7)
    y = np.arange(200) % 2
    sizes = rng.poisson(10 + 9 * y)
    low = spread(sizes.astype(float), y, 20, Z).low

    def found(label, **bar):
        frame = pl.DataFrame({"events": [[1.5] * int(v) for v in sizes], "label": label})
        options = {"label": "label", "select": ("SL005",), "rules": {"SL005": bar}}
        return datacheck.audit({"train": frame}, settings=options).findings

    names = ["ab"[v] for v in y]
    assert found(names, min_auc=low)
    assert not found(names, min_auc=float(np.nextafter(low, 1)))
    number = sizes + rng.normal(0, 2, 200)
    low = rank_correlation(sizes.astype(float), number, Z).low
    assert 0.5 < low < 1
    (one,) = found(number, min_rank=low)
    assert one.effect.low == low
    assert one.evidence["medians"] == {}
    assert one.message.endswith(")")
    assert not found(number, min_rank=float(np.nextafter(low, 1)))
