"""How often rows agree by accident, held to counting pairs."""

from __future__ import annotations

import math
from itertools import combinations
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks import chance as module
from datacheck.checks.chance import chance
from datacheck.checks.stats import wilson
from datacheck.dataset import Kind, Role
from datacheck.summaries.hashing import mix

near = pytest.approx


def by_chance(frames, label="", **kinds):
    """The chance over frames by split, of columns that are numbers unless said otherwise."""
    frames = frames if isinstance(frames, dict) else {"train": frames}
    names = next(iter(frames.values())).columns
    columns = {
        c: SimpleNamespace(name=c, kind=kinds.get(c, Kind.NUMBER), role=Role.FEATURE, unique=False)
        for c in names
        if c != label
    }
    splits = {s: SimpleNamespace(kinds=columns) for s in frames}
    data = SimpleNamespace(columns=columns, splits=splits)
    context = SimpleNamespace(data=data, sample=lambda s: frames[s])
    return chance(cast(Any, context), list(frames), label)


def pairs_agree(*columns):
    """The share of pairs of rows that agree in all of some columns."""
    rows = list(zip(*columns, strict=True))
    return sum(a == b for a, b in combinations(rows, 2)) / math.comb(len(rows), 2)


def hashed(values):
    return mix(np.asarray(values, dtype=np.uint64))


def test_one_row_agrees_with_none():
    assert by_chance(pl.DataFrame({"x": [1.0]})) == 0.0
    assert by_chance(pl.DataFrame({"x": [1.0, 1.0]})) == 1.0
    assert by_chance({"a": pl.DataFrame({"x": [1.0]}), "b": pl.DataFrame({"x": [2.0]})}) == 0.0


@given(st.lists(st.integers(0, 6), min_size=2, max_size=30))
def test_of_one_column_it_is_the_share_of_pairs_that_agree(values):
    assert by_chance(pl.DataFrame({"x": values, "same": [7] * len(values)})) == near(
        pairs_agree(values)
    )


@given(st.integers(0, 10**6), st.integers(5, 40))
def test_of_two_columns_it_is_the_product_without_the_pairs_that_agree_in_both(seed, n):
    rng = np.random.default_rng(seed)
    x, y = (np.repeat(rng.integers(0, n // 2, n), 1) for _ in range(2))
    frame = pl.DataFrame({"x": x, "y": y})
    both, pairs = pairs_agree(x, y), math.comb(n, 2)
    distinct = len(set(zip(x.tolist(), y.tolist(), strict=True)))
    if len(set(x)) < 2 or len(set(y)) < 2:
        return
    if distinct <= 2 * math.sqrt(n):
        if len(set(zip(x, y, strict=True))) > max(len(set(x)), len(set(y))):
            assert by_chance(frame) == near(both)
        return
    sure = []
    for one, other in ((x, y), (y, x)):
        share = pairs_agree(one)
        alone = share - both
        alone = max(alone - 2 * math.sqrt(alone / pairs), 0) / (1 - pairs_agree(other))
        sure.append(min(share, alone))
    if {len(set(x)), len(set(y))} & {2}:
        return  # a column of two values may be a mark
    assert by_chance(frame) == near(sure[0] * sure[1], abs=1e-12)


def test_independent_columns_agree_as_often_as_the_product_says():
    rng = np.random.default_rng(0)
    sizes = (40, 12, 6)
    frame = pl.DataFrame({f"c{k}": rng.integers(0, k, 4000) for k in sizes})
    assert by_chance(frame) == near(1 / math.prod(sizes), rel=0.25)


def coded(values, rows=100):
    """A column of ``values`` distinct numbers, a name for it, and an independent column of two."""
    x = np.arange(rows) % values
    return pl.DataFrame({"x": x, "name": 1000 - 3 * x, "z": np.arange(rows) // values % 2})


def test_a_code_and_its_name_count_once_where_values_must_repeat():
    # Of 100 rows, 2 √100 = 20 values must repeat, 21 need not.
    told = by_chance(coded(20))
    assert told == near(by_chance(coded(20).drop("name")))
    assert told > 0.01
    assert by_chance(coded(21)) == 0.0
    assert by_chance(coded(21).drop("name")) > 0.01


def test_a_catalog_agrees_as_often_as_it_does():
    x = np.arange(100) % 20
    frame = pl.DataFrame({"x": x, "half": x // 2, "third": x // 3})
    assert by_chance(frame) == near(pairs_agree(x))
    x = np.arange(100) % 21
    assert by_chance(frame.with_columns(x=x, half=x // 2, third=x // 3)) == 0.0


def test_a_large_sample_is_thinned_evenly():
    even = np.arange(65_537)
    x = np.where(even % 2 == 0, even // 2 % 3, even)
    thinned = by_chance(pl.DataFrame({"x": x}))
    assert thinned == near(1 / 3, rel=1e-3)
    assert by_chance(pl.DataFrame({"x": x[:-1]})) == near(1 / 12, rel=1e-3)


@pytest.mark.parametrize(
    ("kind", "distinct", "free"),
    [(Kind.TEXT, 1, False), (Kind.TEXT, 2, True), (Kind.CATEGORY, 4, False),
     (Kind.CATEGORY, 5, True), (Kind.ARRAY, 2, True), (Kind.SEQUENCE, 9, False)],
)  # fmt: skip
def test_text_that_is_mostly_different_repeats_by_no_accident(kind, distinct, free):
    context = cast(
        Any, SimpleNamespace(data=SimpleNamespace(columns={"t": SimpleNamespace(kind=kind)}))
    )
    said = [f"said {i % distinct}" for i in range(10)]
    assert module._free(context, pl.Series("t", said + [None] * 10)) is free
    assert module._free(context, pl.Series("t", said + [None] * 11)) is False
    assert by_chance(pl.DataFrame({"t": said, "x": [1] * 10}), t=kind) == near(
        0.0 if free else pairs_agree(said)
    )


def marks(**columns):
    return module._marks({k: hashed(v) for k, v in columns.items()})


def test_a_mark_of_one_certain_value_is_known():
    filled = [9] * 5 + [1, 2, 3, 4, 5, 6]  # five rows have to be alike, at least
    mark = [1] * 5 + [0] * 6
    assert marks(x=filled, was_missing=mark) == ["was_missing"]
    assert marks(x=filled, was_present=[1 - m for m in mark]) == ["was_present"]
    assert marks(noise=[*range(11)], x=filled, m=mark) == ["m"]
    # too few rows; a row of the mark that is another; three values; nothing that it could mark
    assert marks(x=[9, *filled[6:]], m=[1] + [0] * 5) == []
    assert marks(x=[1, 2, 9, 9, 9, 9, 3, 4, 5, 6, 7], m=[0] * 2 + [1] * 4 + [0] * 5) == []
    assert marks(x=[*filled, 8], m=[*mark, 1]) == []
    assert marks(x=filled, m=[2, *[0] * 5, *[1] * 5]) == []
    assert marks(a=mark, b=mark[::-1]) == []
    assert marks(x=filled) == []


def test_a_mark_does_not_tell_rows_apart():
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 30, 400), rng.integers(0, 30, 400)
    frame = pl.DataFrame({"x": x, "y": y})
    assert by_chance(frame.with_columns(m=x == 3)) == by_chance(frame) > 0


def test_numbers_dates_and_booleans_are_hashed_as_numbers():
    for dtype in (pl.Int8(), pl.Float32(), pl.Boolean(), pl.Date(), pl.Datetime("us")):
        assert module._numeric(dtype)
    assert not module._numeric(pl.String())


def test_blocks_stand_for_the_columns_of_wide_tables():
    for width, own in ((256, True), (257, False)):
        frame = pl.DataFrame({f"c{j}": [j, j + 1] for j in range(width)})
        codes = module._codes(frame, frame.columns, [])
        assert (len(codes) == width) is own
        if not own:
            assert 100 < len(codes) <= 256
        assert all(c[0] != c[1] for c in codes.values())


def test_a_sequence_is_the_items_at_even_and_those_at_odd_places():
    frame = pl.DataFrame({"s": [[1, 2, 3, 4, 5], [1, 0, 3, 0, 5], [0, 2, 0, 4, 0]], "x": [1, 2, 3]})
    codes = module._codes(frame, ["s", "x"], ["s"])
    assert list(codes) == ["x", "s even", "s odd"]
    even, odd = codes["s even"], codes["s odd"]
    assert even[0] == even[1] != even[2]
    assert odd[0] == odd[2] != odd[1]
    assert set(module._codes(frame.with_columns(t=pl.lit("a")), ["x", "t"], ["t"])) == {"x", "t"}


told = st.dictionaries(st.sampled_from("abcdefghi"), st.floats(0.01, 9), min_size=2, max_size=9)


@given(told, st.integers(0, 7))
def test_halves_weigh_about_the_same_in_any_order(told, h):
    one = module._half(told, h)
    assert set(one) == set(module._half(dict(reversed(told.items())), h))
    weight = sum(told[c] for c in one)
    assert abs(2 * weight - sum(told.values())) <= max(told.values()) + 1e-9
    assert 0 < len(one) < len(told)


def test_weights_are_shaken_by_less_than_a_factor_of_two():
    assert all(module._half({"light": 4.9, "heavy": 10.0}, h) == ["heavy"] for h in range(64))
    drawn = [module._half({"light": 1.0, "heavy": 1.7}, h) for h in range(500)]
    assert 0 < drawn.count(["light"]) < 50


def test_two_standard_errors_are_taken_off():
    assert module._least(0.25, 9) == near(0.25 - 2 * math.sqrt(0.25 / 36))
    assert module._least(0.05, 9) == module._least(0.0, 9) == module._least(-1e-18, 9) == 0.0


# -- and have different labels -------------------------------------------------------------------


def labeled(seed, n, most=8):
    """A frame of three coarse columns and a label that depends on them, with copies of rows."""
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame({c: rng.integers(0, most, n) for c in "xyz"})
    label = (frame["x"] + pl.Series(rng.integers(0, 3, n))) // 3
    frame = frame.with_columns(label=label)
    return pl.concat([frame, frame[: n // 4]])


@given(st.integers(0, 10**6), st.integers(8, 80))
def test_no_more_rows_agree_with_different_labels_than_agree(seed, n):
    frame = labeled(seed, n)
    assert 0.0 <= by_chance(frame, "label") <= by_chance(frame.drop("label"))


@given(st.integers(0, 10**6), st.integers(8, 80))
def test_only_which_labels_are_the_same_matters(seed, n):
    frame = labeled(seed, n)
    told = by_chance(frame, "label")
    named = frame.with_columns(label=pl.Series([f"class {v}" for v in frame["label"]]))
    assert by_chance(named, "label") == told
    assert by_chance(frame.sample(fraction=1.0, shuffle=True, seed=1), "label") == near(told)
    parts = {"train": frame[: n // 2], "test": frame[n // 2 :].cast({"label": pl.Float64})}
    assert by_chance(parts, "label") == told


@given(st.integers(0, 10**6), st.integers(40, 120))
def test_labels_differ_as_often_as_those_of_pairs_that_agree_in_one_half(seed, n):
    """Of two columns, which are the halves: counted pair by pair."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, n // 3, n), rng.integers(0, n // 3, n)
    label = (x + rng.integers(0, 5, n)) // 4
    frame = pl.DataFrame({"x": x, "y": y, "label": label})
    if frame.select("x", "y").n_unique() <= 2 * math.sqrt(n):
        return
    i, j = np.triu_indices(n, 1)
    half = (x[i] == x[j]) ^ (y[i] == y[j])
    differ = half & (label[i] != label[j])
    upper = wilson(int(differ.sum()), int(half.sum()))[1]
    assert by_chance(frame, "label") == near(upper * by_chance(frame.drop("label")), abs=1e-15)


def test_a_label_that_features_say_nothing_of_differs_as_often_as_anywhere():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"c{k}": rng.integers(0, k, 4000) for k in (40, 12, 6)})
    label = pl.Series(rng.choice(4, 4000, p=(0.7, 0.1, 0.1, 0.1)))
    told = by_chance(frame.with_columns(label=label), "label")
    assert told == near(by_chance(frame) * (1 - 0.49 - 0.03), rel=0.02)


def test_rows_without_a_label_differ_from_none():
    frame = labeled(5, 90)
    for missing in (None, math.nan):
        bare = frame.with_columns(label=pl.lit(missing, pl.Float64))
        mixed = pl.concat([frame.cast({"label": pl.Float64}), bare])
        share = math.comb(frame.height, 2) / math.comb(mixed.height, 2)
        assert by_chance(mixed, "label") == near(share * by_chance(frame, "label"))
        assert by_chance(bare, "label") == 0.0
        assert by_chance(pl.concat([bare, mixed[:1]]), "label") == 0.0


def test_labels_stay_with_their_rows_in_a_thinned_sample():
    n = 2 * 65_536 + 1
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({c: rng.integers(0, 60, n) for c in "xyz"})
    frame = frame.with_columns(label=frame["x"])
    thinned = frame.gather_every(3)
    assert by_chance(frame, "label") == by_chance(thinned, "label") > 0
