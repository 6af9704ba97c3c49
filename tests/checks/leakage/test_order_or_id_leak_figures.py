"""LK008: its figures against plain counting, and the borders of what it tells."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datacheck
from datacheck.checks.leakage.order_or_id_leak import (
    OrderOrIdLeak,
    _alike,
    _bears,
    _order,
    _rank,
    _stretches,
)
from datacheck.checks.predict import Target
from datacheck.checks.scores import critical, rank_correlation
from datacheck.checks.stats import wilson
from datacheck.dataset import FILE_SHIFT, Kind
from datacheck.errors import UsageError
from datacheck.findings import Status


def target(y, classes=(), files=None):
    addresses = np.arange(len(y))
    if files is not None:
        addresses = (np.asarray(files, dtype=np.int64) << FILE_SHIFT) + addresses
    frame = pl.DataFrame({"__address__": addresses})
    return Target(frame, np.asarray(y, dtype=float), tuple(classes))


# -- orders --------------------------------------------------------------------------------------


def plain(codes, k):
    """The excess agreement of two rows of a stretch, and its jackknife error, by counting pairs."""
    n = len(codes)
    sizes = [codes.count(c) for c in range(k)]
    large = [s for s in sizes if s >= 0.02 * n]
    blocks = min(max(8 * k, 8 * n // min(large)) if large else 8 * k, n // 4, 2048)
    parts: list[list[int]] = [[] for _ in range(blocks)]
    for i, c in enumerate(codes):
        parts[i * blocks // n].append(c)
    pairs = [len(p) * (len(p) - 1) for p in parts]
    same = [sum(p.count(c) * (p.count(c) - 1) for c in set(p)) for p in parts]
    chance = sum(s * (s - 1) for s in sizes) / (n * (n - 1))

    def excess(same, pairs):
        return (same / pairs - chance) / (1 - chance)

    left = np.array(
        [excess(sum(same) - s, sum(pairs) - p) for s, p in zip(same, pairs, strict=True)]
    )
    error = math.sqrt((blocks - 1) / blocks * ((left - left.mean()) ** 2).sum())
    return excess(sum(same), sum(pairs)), error


def drawn(seed, *sizes):
    """Classes of those sizes, half sorted."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(codes.size) + rng.normal(size=codes.size) * codes.size / 4
    return codes[np.argsort(place)]


@pytest.mark.parametrize(
    "sizes",
    [(200, 200), (392, 8), (393, 7), (61, 39), (70, 50, 9), (2, 3, 55), (5,) * 60,
     tuple([30] * 299 + [31])],
)  # fmt: skip
def test_the_agreement_is_that_of_counting_pairs(sizes):
    codes = drawn(len(sizes), *sizes)
    score = _stretches(codes, len(sizes), 3.0)
    assert score is not None
    value, error = plain(codes.tolist(), len(sizes))
    assert (score.value, score.low) == pytest.approx((value, value - 3 * error))
    assert score.high == pytest.approx(min(1, value + 3 * error))
    assert (score.metric, score.n) == ("excess agreement", sum(sizes))


def test_sorted_is_one_and_one_class_alone_is_nothing():
    score = _stretches(np.repeat([0, 1], 200), 2, 3.0)
    assert score is not None
    assert score.value == score.high == 1
    assert _stretches(np.zeros(99, dtype=np.int64), 2, 3.0) is None


@pytest.mark.parametrize(("known", "judged"), [(50, True), (49, False)])
def test_fifty_rows_that_have_a_place_are_judged(known, judged):
    rank = np.where(np.arange(60) < known, np.arange(60.0), np.nan)
    assert (_order(rank, target(np.arange(60) % 2, "ab"), 3.0) is not None) == judged
    assert (_order(rank, target(np.arange(60) / 7), 3.0) is not None) == judged


@given(st.integers(0, 999))
def test_an_order_leaves_out_what_has_no_place(seed):
    rng = np.random.default_rng(seed)
    rank = rng.permutation(80).astype(float)
    rank[rng.random(80) < 0.1] = np.nan
    known = np.isfinite(rank)
    codes, numbers = rng.integers(0, 2, 80), rng.normal(size=80)
    ranked = codes[known][np.argsort(rank[known])]
    assert _order(rank, target(codes, "ab"), 2.0) == _stretches(ranked, 2, 2.0)
    wanted = rank_correlation(rank[known], numbers[known], 2.0)
    assert _order(rank, target(numbers), 2.0) == wanted


def test_two_orders_are_one_from_a_correlation_of_99_percent_on():
    """Of 25 rows: with squares of differences of 26 it is 1 − 6 · 26 / 15,600 = 0.99 exactly."""
    a = np.arange(25.0)
    wide = a.copy()
    wide[[0, 1, 2, 3]] = [3, 1, 2, 0]  # 18
    for i in (5, 7, 9, 11):
        wide[[i, i + 1]] = wide[[i + 1, i]]  # and 8: 26
    assert ((wide - a) ** 2).sum() == 26
    assert rank_correlation(a, wide).value == 0.99
    assert _alike(a, wide)
    assert _alike(a, -wide)
    wide[[20, 21]] = wide[[21, 20]]
    assert not _alike(a, wide)
    unknown = np.full(25, np.nan)
    assert not _alike(a, unknown)
    few = np.where(a < 5, a, np.nan)
    assert _alike(few, a)


def context(frame: pl.DataFrame, **kinds: Kind) -> Any:
    columns = {c: SimpleNamespace(kind=k) for c, k in kinds.items()}
    return SimpleNamespace(data=SimpleNamespace(columns=columns))


def ranks(values, kind=Kind.CATEGORY):
    frame = pl.DataFrame({"__address__": range(len(values)), "id": values})
    made = Target(frame, np.zeros(len(values)), ())
    found = _rank(context(frame, id=kind), made, "id")
    return None if found is None else found.tolist()


def test_ids_are_ranked_by_their_text_then_their_first_number():
    assert ranks(["b1", "a10", "a2", "a", "a2x9", "b1"]) == [5.5, 4, 2, 1, 3, 5.5]
    assert ranks([30, 10, 20], Kind.NUMBER) == [3, 1, 2]
    assert ranks([[1], [2]]) is None
    assert ranks(["10", "9", "-"]) == [2, 1, 3]


@pytest.mark.parametrize(("missing", "ranked"), [(1, True), (2, False)])
def test_one_in_ten_may_have_no_id(missing, ranked):
    names = [None] * missing + [f"a{i}" for i in range(10 - missing)]
    found = ranks(names)
    assert (found is not None) == ranked
    if found is not None:
        assert math.isnan(found[0])
        assert found[1:] == list(range(1, 10))


# -- files ---------------------------------------------------------------------------------------


def over(names) -> Any:
    """A context with those files."""
    return SimpleNamespace(data=SimpleNamespace(files=dict(enumerate(names))))


def of_files(y, files, names, classes="abc", **options):
    made = target(y, [f"class {c}" for c in classes], files)
    return OrderOrIdLeak(**options)._files(over(names), made, 3.0)


@given(st.integers(0, 999))
def test_what_files_tell_is_goodman_and_kruskals_lambda(seed):
    rng = np.random.default_rng(seed)
    files = rng.integers(0, 4, 120)
    y = np.where(rng.random(120) < 0.95, np.array([0, 1, 2, 1])[files], rng.integers(0, 3, 120))
    files = np.concatenate([files, [0, 1, 2, 3]])
    y = np.concatenate([y, [0, 1, 2, 1]])
    score, source = of_files(y, files, ["north", "south", "west", "east"], min_file=1e-9)
    guess = max((y == c).sum() for c in range(3))
    right = sum(max(((y == c) & (files == f)).sum() for c in range(3)) for f in range(4))
    assert not source
    assert score is not None
    assert score.value == pytest.approx((right - guess) / (124 - guess))
    base = guess / 124
    ends = [(w - base) / (1 - base) for w in wilson(right, 124, 3.0)]
    assert (score.low, score.high) == pytest.approx(tuple(ends))
    assert (score.metric, score.n) == ("λ", 124)
    assert of_files(y, files, ["north", "south", "west", "east"], min_file=score.low)[0] == score
    above = math.nextafter(score.low, 1)
    assert of_files(y, files, ["north", "south", "west", "east"], min_file=above)[0] is None


def sorted_files(files, rows, k=2):
    f = np.repeat(np.arange(files), rows)
    return f % k, f


@pytest.mark.parametrize(("rows", "told"), [(20, True), (19, False)])
def test_files_hold_twenty_rows_on_average(rows, told):
    y, f = sorted_files(10, rows)
    names = [f"site-{'abcdefghij'[i]}" for i in range(10)]
    score, source = of_files(y, f, names)
    assert (score is not None, source) == (told, False)


@pytest.mark.parametrize(("bearing", "source"), [(9, True), (8, False)])
def test_nine_of_ten_files_with_the_name_of_their_class_are_where_it_comes_from(bearing, source):
    y, f = sorted_files(10, 30)
    names = [f"{'abcdefghij'[i]}-class {'ab'[i % 2]}" if i < bearing else f"site {'abcdefghij'[i]}"
             for i in range(10)]  # fmt: skip
    score, found = of_files(y, f, names)
    assert found == source
    assert (score is None) == source


def test_what_is_one_file_or_numbered_parts_tells_nothing():
    y, f = sorted_files(10, 30)
    assert of_files(y, f, [f"part-{i}.csv" for i in range(10)]) == (None, False)
    assert of_files(y, f * 0, ["north"]) == (None, False)
    y, two = sorted_files(2, 60)
    score, _ = of_files(y, two, ["north", "south"])
    assert score is not None
    made = target(y / 2, (), two)
    assert OrderOrIdLeak()._files(over(["north", "south"]), made, 3.0) == (None, False)


def test_many_files_and_many_classes_are_judged():
    k = 65
    f = np.repeat(np.arange(k), 20)
    names = [f"{'abcdefghijklm'[i % 13]}{'vwxyz'[i // 13]}" for i in range(k)]
    made = target(f, [f"kind {n}" for n in names], f)
    score, _ = OrderOrIdLeak()._files(over(n[::-1] for n in names), made, 3.0)
    assert score is not None
    assert score.value == 1


@pytest.mark.parametrize(("cells", "judged"), [(4, True), (3, False)])
def test_a_table_of_files_and_classes_has_a_bound(cells, judged, monkeypatch):
    monkeypatch.setattr("datacheck.checks.leakage.order_or_id_leak.TABLE", cells)
    y, files = sorted_files(2, 60)
    score, _ = of_files(y, files, ["north", "south"], "ab")
    assert (score is not None) == judged


def test_a_path_bears_a_name_as_a_word_or_longer_ones_anywhere():
    assert _bears("train/cat/1.csv", "cat")
    assert _bears("train/big_cat.csv", "cat")
    assert not _bears("train/cats.csv", "cat")
    assert _bears("train/Mycats.csv", "cats")
    assert not _bears("train/x.csv", "")


# -- findings ------------------------------------------------------------------------------------


def audit(frame, *, task=None, **options):
    chosen = {"label": "label", "task": task, "select": ("LK008",), "rules": {"LK008": options}}
    report = datacheck.audit({"train": frame}, settings=chosen)
    assert report.outcomes[0].status is not Status.FAILED
    return report.findings


def half_sorted(seed, n=300):
    rng = np.random.default_rng(seed)
    y = drawn(seed, n // 2, n // 2)
    return pl.DataFrame({"x": rng.normal(size=n), "label": [f"c{v}" for v in y]}), y


def test_the_finding_of_an_order_in_full():
    frame, y = half_sorted(3)
    (one,) = audit(frame, min_order=0.01)
    score = _stretches(y, 2, critical(2))
    assert score is not None
    assert (one.effect.value, one.effect.low, one.effect.high) == (
        score.value, score.low, score.high,
    )  # fmt: skip
    assert one.effect.threshold == 0.01
    assert one.message == (
        f"the rows of train are sorted by label (agreement of neighbors {score.value:.3f}, "
        "where 0 is chance and 1 is sorted)"
    )
    assert (one.count, one.total, one.columns) == (300, 300, ("label",))
    assert [r.name for r in one.repairs] == ["shuffle"]
    assert audit(frame, min_order=score.low)
    assert not audit(frame, min_order=math.nextafter(score.low, 1))


def test_the_interval_holds_for_all_orders():
    """Two ids beside the order of the rows: three more tests than with none."""
    frame, y = half_sorted(4)
    rng = np.random.default_rng(1)
    frame = frame.with_columns(
        id=pl.Series(rng.permutation(300) + 1000), user_id=pl.Series(rng.permutation(300) + 5000)
    )
    (one,) = audit(frame, min_order=0.01)
    score = _stretches(y, 2, critical(4))
    assert score is not None
    assert one.effect.low == score.low


def test_a_third_of_excess_agreement_is_what_matters():
    y = np.repeat([0, 1], 4000)
    rng = np.random.default_rng(0)

    def mixed(share):
        """So many rows drawn anew: the agreement is about the square of the rest."""
        some = rng.random(y.size) < share
        return pl.DataFrame({"x": rng.normal(size=y.size), "label": np.where(some, 1 - y, y)})

    assert audit(mixed(0.15), task="classification")  # (1 − 0.3)² = 0.49
    assert not audit(mixed(0.22), task="classification")  # (1 − 0.44)² = 0.31


def test_numbers_follow_an_order_from_a_rank_correlation_of_four_fifths_on():
    rng = np.random.default_rng(0)
    place = np.arange(4000.0)

    def noisy(width):
        y = place + rng.normal(size=4000) * width
        return pl.DataFrame({"x": rng.normal(size=4000), "label": y})

    (one,) = audit(noisy(300), task="regression")
    assert one.effect.metric == "rank correlation"
    assert one.effect.threshold == 0.8
    assert f"(rank correlation {one.effect.value:.3f})" in one.message
    assert not audit(noisy(1000), task="regression")  # about 0.75


def test_ids_that_follow_the_label_are_told_together_the_surest_first():
    rng = np.random.default_rng(5)
    n = 400
    y = np.repeat([0, 1], n // 2)
    frame = pl.DataFrame(
        {
            "id": np.argsort(np.argsort(y * 300 + rng.random(n) * 310)) + 10_000,
            "user_id": np.argsort(np.argsort(y + rng.random(n) * 0.5)) + 50_000,
            "x": rng.normal(size=n),
            "label": [f"c{v}" for v in y],
        }
    )[rng.permutation(n)]
    (one,) = audit(frame)
    assert one.columns == ("id", "user_id")
    assert (one.count, one.total, one.unit) == (2, 2, "columns")
    assert one.message.startswith("the order of id, user_id follow label in train (agreement")
    assert one.effect.value == 1
    assert one.effect.threshold == 0.35
    (two,) = audit(frame.drop("id"))
    assert two.message.startswith("the order of user_id follows label in train (")


def test_an_id_that_numbers_sorted_rows_is_told_with_them():
    n = 200
    frame = pl.DataFrame(
        {"id": np.arange(n) + 70, "x": np.random.default_rng(0).normal(size=n),
         "label": ["a"] * 100 + ["b"] * 100}
    )  # fmt: skip
    (one,) = audit(frame)
    assert one.columns == ("label", "id")
    assert "; id numbers them" in one.message
    assert [r.name for r in one.repairs] == ["shuffle", "drop-id"]


def test_the_finding_of_files_in_full(tmp_path):
    (tmp_path / "train").mkdir()
    rng = np.random.default_rng(0)
    for k, name in enumerate(("north", "south")):
        label = np.where(np.arange(300) < 3, 1 - k, k)
        pl.DataFrame({"x": rng.normal(size=300), "label": [f"c{v}" for v in label]}).write_csv(
            tmp_path / "train" / f"{name}.csv"
        )
    (one,) = datacheck.audit(
        tmp_path, settings={"label": "label", "select": ("LK008",)}
    ).findings
    assert one.message == (
        "the file that a row of train comes from tells its label: 98.0% of the mistakes of "
        "guessing the most frequent class are saved"
    )
    assert (one.count, one.total) == (600, 600)
    low = (wilson(594, 600, critical(2))[0] - 0.5) / 0.5
    assert one.effect is not None
    assert one.effect.low == pytest.approx(low)
    assert one.effect.threshold == 0.8


@pytest.mark.parametrize("option", ["min_order", "min_rank", "min_file"])
def test_options_are_above_zero_and_at_most_one(option):
    assert getattr(OrderOrIdLeak(**{option: 1.0}), option) == 1
    for value in (0.0, 1.01):
        with pytest.raises(UsageError, match="LK008"):
            OrderOrIdLeak(**{option: value})
