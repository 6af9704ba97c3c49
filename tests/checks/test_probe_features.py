"""Features for a probe: what they are of numbers, categories, texts and arrays."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks import probe_features
from datacheck.checks.probe_features import ALIKE, BYTES, FAR, LONGEST, length, views
from datacheck.dataset import Kind

near = pytest.approx


def seen(frame, **kinds):
    """The views of a frame whose columns are numbers unless said otherwise."""
    columns = {c: SimpleNamespace(kind=kinds.get(c, Kind.NUMBER)) for c in frame.columns}
    context = cast(Any, SimpleNamespace(data=SimpleNamespace(columns=columns)))
    return views(context, frame, frame.columns)


@given(st.lists(st.integers(-9, 9).map(float), min_size=3, max_size=40))
def test_numbers_become_normal_scores_of_their_ranks(x):
    found = seen(pl.DataFrame({"x": x}))
    if len(set(x)) < 2:
        assert found == []
        return
    z = scipy.stats.norm.ppf((scipy.stats.rankdata(x) - 0.5) / len(x))
    z = z - z.mean()
    assert found[0][:, 0] == near(np.clip(z / z.std(), -FAR, FAR), abs=1e-5)


def test_neither_scale_nor_outliers_matter():
    x = np.random.default_rng(0).normal(size=60)
    (one,) = seen(pl.DataFrame({"x": x}))
    (other,) = seen(pl.DataFrame({"x": np.exp(3 * x) * 1e6}))
    assert (one == other).all()


def test_a_gap_is_the_middle_and_has_an_indicator():
    x = [1.0, None, 3.0, 2.0, None, 5.0]
    (found,) = seen(pl.DataFrame({"x": x, "all": [None] * 6}, schema={"x": float, "all": float}))
    assert found.shape == (6, 2)
    assert found[[1, 4], 0].tolist() == [0.0, 0.0]
    assert found[:, 1].tolist() == [0, 1, 0, 0, 1, 0]
    assert found[[0, 3, 2, 5], 0].tolist() == sorted(found[[0, 3, 2, 5], 0].tolist())


def pixels(columns, rows=50, low=0.0, high=255.0, seed=0):
    values = np.random.default_rng(seed).uniform(low, high, (rows, columns))
    return pl.DataFrame({f"p{j}": values[:, j] for j in range(columns)})


def test_columns_of_one_range_are_seen_on_one_scale_too():
    frame = pixels(ALIKE)
    own, shared = seen(frame)
    matrix = frame.to_numpy()
    off = matrix - matrix.mean(axis=0)
    assert shared == near(off / np.sqrt((off**2).mean()), abs=1e-5)
    assert own.shape == shared.shape == (50, ALIKE)
    assert len(seen(pixels(ALIKE - 1))) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"p0": [None] + [1.0] * 49},  # a gap
        {"p0": np.linspace(600, 900, 50)},  # elsewhere: its least value is too far off
        {f"p{j}": np.linspace(0, 2000, 50) for j in range(6)},  # a third of the ranges is wider
        {"word": ["a", "b"] * 25},  # not only numbers
    ],
)
def test_columns_that_do_not_share_a_range(change):
    frame = pixels(ALIKE + 2).with_columns(**{k: pl.Series(v) for k, v in change.items()})
    assert len(seen(frame, word=Kind.CATEGORY)) == 1


def test_constant_columns_do_not_count_among_those_that_share():
    still = {f"s{j}": pl.lit(3.0) for j in range(4)}
    own, shared = seen(pixels(ALIKE).with_columns(**still))
    assert own.shape == shared.shape == (50, ALIKE)
    assert len(seen(pixels(ALIKE - 1).with_columns(**still))) == 1
    assert len(seen(pixels(ALIKE, low=-1e160, high=1e160))) == 1


def test_categories_become_indicators_of_the_most_frequent():
    words = ["a"] * 5 + ["b"] * 3 + [f"w{i}" for i in range(60)]
    (found,) = seen(pl.DataFrame({"w": words}), w=Kind.CATEGORY)
    assert found.shape == (68, probe_features.VALUES)
    assert set(found.sum(axis=0).tolist()) == {5.0, 3.0, 1.0}
    assert found[:5].sum(axis=1).tolist() == [1.0] * 5
    assert (found[0] == found[4]).all()
    assert seen(pl.DataFrame({"w": ["a"] * 9}), w=Kind.CATEGORY) == []
    many = pl.DataFrame({f"c{j}": [f"{i % 40}" for i in range(80)] for j in range(64)})
    (wide,) = seen(many, **dict.fromkeys(many.columns, Kind.CATEGORY))
    assert wide.shape == (80, probe_features.INDICATORS)


def test_arrays_of_one_length_are_numbers():
    assert length(pl.Series([[1, 2], [3, 4]])) == 2
    assert length(pl.Series([[1, 2], [3]])) == 0
    assert length(pl.Series([[1, 2], None])) == 0
    assert length(pl.Series([["a"], ["b"]])) == 0
    assert length(pl.Series([1, 2])) == 0
    assert length(pl.Series([[0] * LONGEST])) == LONGEST
    assert length(pl.Series([[0] * (LONGEST + 1)])) == 0
    rows = np.random.default_rng(0).normal(4, 3, (30, 5))
    (found,) = seen(pl.DataFrame({"a": rows.tolist()}), a=Kind.ARRAY)
    off = rows - rows.mean(axis=0)
    assert found == near(off / np.sqrt((off**2).mean()), abs=1e-4)


TOPICS = ["the cat sat on the mat with a cat", "stocks fell as markets and banks lost money"]


def texts(n, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return [" ".join(rng.permutation(TOPICS[k].split())) for k in y], y


def test_texts_lie_near_those_that_share_words():
    said, y = texts(80)
    (found,) = seen(pl.DataFrame({"t": said}), t=Kind.TEXT)
    assert found.shape[1] <= 80 // probe_features.EACH_DIRECTION
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    alike = unit @ unit.T
    same = y[:, None] == y[None, :]
    assert alike[same].mean() > alike[~same].mean() + 0.5
    nearest = np.argsort(alike - 2 * np.eye(80), axis=1)[:, -1]
    assert (y[nearest] == y).all()


def test_case_space_and_what_lies_beyond_the_bytes_read_do_not_matter():
    said, _ = texts(40)
    (one,) = seen(pl.DataFrame({"t": said}), t=Kind.TEXT)
    shout = [s.upper().replace(" ", "  \t") for s in said]
    (other,) = seen(pl.DataFrame({"t": shout}), t=Kind.TEXT)
    assert one == near(other, abs=1e-4)
    long = [s.ljust(BYTES) for s in said]
    (cut,) = seen(pl.DataFrame({"t": [s + "zebra" for s in long]}), t=Kind.TEXT)
    (plain,) = seen(pl.DataFrame({"t": long}), t=Kind.TEXT)
    assert cut == near(plain, abs=1e-4)


def test_words_that_every_text_has_or_only_one_tell_nothing():
    assert seen(pl.DataFrame({"t": ["same words here"] * 20}), t=Kind.TEXT) == []
    alone = [chr(0x4E00 + 40 * i) * 2 for i in range(20)]
    found = seen(pl.DataFrame({"t": alone}), t=Kind.TEXT)
    assert found == [] or found[0].shape[1] <= 2
