"""LK003: what makes an undeclared column an entity, against plain counting; borders and figures."""

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
from datacheck.checks.codes import CODES
from datacheck.checks.leakage.group_across_splits import (
    _agreement,
    _candidates,
    _keys,
)
from datacheck.dataset import Batch, Kind, Task
from datacheck.findings import Status
from datacheck.summaries.keys import Keys

Z = 3.8906


def agreement(entities, labels, *, ordered=False):
    column = pl.Series("shop", entities)
    return _agreement(column, np.asarray(labels, dtype=np.int64), ordered=ordered)


def plain(entities, labels):
    """Pairs of rows of one entity that agree, by counting, and how far from chance that is."""
    known = [(e, y) for e, y in zip(entities, labels, strict=True) if e is not None]
    rows: dict[Any, list[int]] = {}
    for e, y in known:
        rows.setdefault(e, []).append(y)
    all_ = [y for _, y in known]
    n = len(all_)
    chance = sum(all_.count(c) * (all_.count(c) - 1) for c in set(all_)) / (n * (n - 1))
    own = np.array(
        [sum(y.count(c) * (y.count(c) - 1) for c in set(y)) / (len(y) * (len(y) - 1))
         for y in rows.values() if len(y) > 1]
    )  # fmt: skip
    error = max(own.std() / math.sqrt(own.size), 1 / own.size)
    null = math.sqrt(chance * (1 - chance) / own.size)
    p = 0.5 * math.erfc((own.mean() - chance) / null / math.sqrt(2))
    return chance, own.mean(), error, p


def drawn(seed, values=60, rows=200, noise=0.1, classes=3):
    rng = np.random.default_rng(seed)
    e = np.concatenate([np.arange(values), rng.integers(0, values, rows - values)])
    y = rng.integers(0, classes, values)[e]
    return e, np.where(rng.random(rows) < noise, rng.integers(0, classes, rows), y)


@given(st.integers(0, 999), st.sampled_from([0.0, 0.1, 0.6]), st.booleans())
def test_agreement_is_that_of_counting_pairs(seed, noise, numbers):
    e, y = drawn(seed, noise=noise)
    rng = np.random.default_rng(seed)
    names: list[Any] = [None if rng.random() < 0.05 else int(v) if numbers else f"s{v}" for v in e]
    shuffled = rng.permutation(60)  # so that neighbors mean nothing
    names = [int(shuffled[v]) if numbers and v is not None else v for v in names]
    found = agreement(names, y, ordered=numbers)
    chance, mean, error, p = plain(names, y.tolist())
    if found is None:  # neighbors that agree by accident
        assert numbers
        return
    assert found.value == pytest.approx((mean - chance) / (1 - chance))
    assert found.low == pytest.approx((mean - Z * error - chance) / (1 - chance))
    assert found.high == pytest.approx(min(1, (mean + Z * error - chance) / (1 - chance)))
    assert found.p == pytest.approx(p, rel=1e-6, abs=1e-300)
    assert found.column == "shop"


@pytest.mark.parametrize(
    ("values", "rows", "judged"),
    [
        (50, 150, True), (49, 150, False),  # at least fifty values
        (60, 120, True), (60, 119, False),  # two rows each on average
        (60, 6000, True), (60, 6100, False),  # one value in a hundred rows
    ],
)  # fmt: skip
def test_what_repeats_like_entities(values, rows, judged):
    e = [f"s{i % values}" for i in range(rows)]
    assert (agreement(e, np.arange(rows) % values % 2) is not None) == judged


@pytest.mark.parametrize(("most", "judged"), [(20, True), (21, False)])
def test_no_entity_has_more_than_a_tenth_of_the_rows(most, judged):
    e = np.array([0] * most + [1 + i % 60 for i in range(200 - most)])
    assert (agreement([f"s{v}" for v in e], e % 2) is not None) == judged


def test_one_label_says_nothing():
    e = [f"s{i % 60}" for i in range(200)]
    assert agreement(e, np.zeros(200)) is None
    assert agreement(e, np.arange(200)) is None  # nor does a label for each row


def test_a_measurement_whose_neighbors_agree_is_no_entity():
    """The label turns every so many values: neighbors agree in all but those places."""
    e = np.arange(400) % 100
    labels = {run: e // run % 2 for run in (1, 2, 3, 5, 10)}
    near = {run: np.mean([a == b for a, b in zip(np.arange(99) // run % 2,
                                                 np.arange(1, 100) // run % 2, strict=True)])
            for run in labels}  # fmt: skip
    for run, y in labels.items():
        chance = plain(e.tolist(), y.tolist())[0]
        entity = (near[run] - chance) / (1 - chance) <= 0.5
        assert (agreement(e, y, ordered=True) is not None) == entity
        assert agreement([f"s{v}" for v in e], y) is not None
    assert {run for run in labels if near[run] < 0.75} == {1, 2, 3}


def test_numbers_that_are_not_finite_are_no_entity():
    e, y = drawn(1)
    rng = np.random.default_rng(0)
    e = rng.permutation(60)[e].astype(float)
    odd = np.concatenate([e, [np.nan, np.inf, -np.inf]])
    assert agreement(odd, [*y, 0, 1, 2], ordered=True) == agreement(e, y, ordered=True)


@pytest.mark.parametrize(
    ("distinct", "peeked", "kind", "integer", "tried"),
    [
        (25, 100, Kind.CATEGORY, False, True), (24, 100, Kind.CATEGORY, False, False),
        (75, 100, Kind.NUMBER, True, True), (76, 100, Kind.NUMBER, True, False),
        (50, 100, Kind.NUMBER, False, False),
    ],
)  # fmt: skip
def test_candidates_repeat_in_the_peek(distinct, peeked, kind, integer, tried):
    one = SimpleNamespace(distinct=distinct, peeked=peeked, kind=kind, integer=integer)
    data: Any = SimpleNamespace(
        task=Task.CLASSIFICATION, splits={}, columns={"c": one}, select=lambda *a, **k: ("c",)
    )
    assert _candidates(data) == ["c"] * tried


# -- findings ------------------------------------------------------------------------------------


def audit(train, test, *, more=None, **options):
    chosen: dict[str, Any] = {"select": ("LK003",), "label": "label"}
    chosen["rules"] = {"LK003": options}
    flags: dict[str, Any] = {k: options.pop(k) for k in ("group", "task") if k in options}
    frames = {"train": train, "test": test, **(more or {})}
    report = datacheck.audit(frames, settings={**chosen, **flags})
    assert report.outcomes[0].status is not Status.FAILED
    return report


def users(*names):
    x = np.arange(len(names)) / 7
    return pl.DataFrame({"user": names, "x": x, "label": ["a", "b"] * (len(names) // 2)})


TRAIN = users("a", "b", "b", "c", "c", "c", "d", "e")
TEST = users("f", "c", "b", "c", "g", "h", "b", "i")


def test_the_finding_of_known_entities_in_full():
    (one,) = audit(TRAIN, TEST, group="user").findings
    assert one.message == (
        "4 of 8 rows of test (50.0%) belong to 2 values of user that train has too"
    )
    assert (one.count, one.total, one.columns) == (4, 8, ("user",))
    assert one.evidence == {
        "entities": 2, "entities_of_train": 5, "entities_of_test": 6, "rows_of_train": 5,
        "exact": True,
    }  # fmt: skip
    shown = [(e.addresses, e.values["user"]) for e in one.examples]
    assert shown == [(("test:1", "train:3"), "c"), (("test:2", "train:1"), "b")]


def test_the_least_share_is_enough():
    assert audit(TRAIN, TEST, group="user", min_share=0.5).findings
    assert not audit(TRAIN, TEST, group="user", min_share=math.nextafter(0.5, 1)).findings


def test_every_pair_of_splits_is_looked_at_train_first():
    """Also the two that are not train."""
    other = users("f", "f", "w", "z")
    report = audit(TRAIN, TEST, group="user", more={"valid": other})
    assert {f.splits: f.count for f in report.findings} == {
        ("train", "test"): 4, ("test", "valid"): 2,
    }  # fmt: skip


def test_at_most_five_examples_are_shown():
    names = [f"u{i}" for i in range(8)]
    (one,) = audit(users(*names), users(*names[::-1]), group="user").findings
    shown = [(f"test:{i}", f"train:{7 - i}") for i in range(5)]
    assert [e.addresses for e in one.examples] == shown


@pytest.mark.parametrize(("values", "found"), [(5, 1), (4, 0)])
def test_a_group_by_its_name_alone_has_five_values(values, found):
    """In both splits together: of five each has four, of four each has all."""
    names = [f"g{i}" for i in range(values)]
    some = (names[:-1], names[1:]) if values == 5 else (names, names)
    frame = [
        pl.DataFrame({"group": n * 6, "x": np.arange(6.0 * len(n)) / 7,
                      "label": (["a", "b"] * 20)[: 6 * len(n)]})
        for n in some
    ]  # fmt: skip
    assert len(audit(*frame).findings) == found
    assert len(audit(*frame, group="group").findings) == 1


def keys(entities, cap):
    found = Keys(("user",), cap=cap)
    found.update(Batch(pl.DataFrame({"user": entities}), np.arange(len(entities))))
    return found


@pytest.mark.parametrize("cap", [150, 400])
def test_of_too_many_entities_a_sample_says_how_many_rows(cap):
    one, other = ([f"u{i // 2}" for i in range(a, b)] for a, b in ((0, 1600), (1200, 2400)))
    whole = {"train": keys(one, cap), "test": keys(other, 5000)}
    frames = {s: pl.DataFrame({"user": e[:4], "__address__": range(4)})
              for s, e in (("train", one), ("test", other))}  # fmt: skip
    context: Any = SimpleNamespace(
        rows={"train": 1600, "test": 1300}, keys=whole.get, sample=frames.get,
        locate=lambda split, at: tuple(f"{split}:{a}" for a in at),
    )  # fmt: skip
    column: Any = SimpleNamespace(name="user", assumed=False)
    rule: Any = CODES["LK003"].load()()
    (one_,) = rule._shared(context, column, "train", "test")
    _, (hashes, counts), exact = _keys(whole["train"], whole["test"], "user")
    assert not exact
    shared = np.isin(hashes, keys(one, 5000).hashes("user"))
    share = counts[shared].sum() / counts.sum()
    assert 0.2 < share < 0.5
    assert (one_.count, one_.total) == (round(share * 1300), 1300)
    assert one_.evidence["entities"] == shared.sum()
    assert one_.evidence["exact"] is False


def test_one_key_at_the_border_is_kept_on_both_sides():
    """The last key that one of two has kept is that of an entity that both have."""
    names = [f"u{i}" for i in range(400)]
    part = keys(names, 100)
    a, b, exact = _keys(part, keys(names, 5000), "user")
    assert not exact
    assert a[0].tolist() == b[0].tolist() == part.hashes("user").tolist()


def entities(seed, n_train=400, n_test=200, pure=1.0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, 120)

    def frame(n, low, high):
        shop = np.concatenate([np.arange(low, high), rng.integers(low, high, n - high + low)])
        y = np.where(rng.random(n) < pure, label[shop], 1 - label[shop])
        return pl.DataFrame({"shop": [f"s{v}" for v in shop], "x": rng.normal(size=n), "label": y})

    return frame(n_train, 0, 80), frame(n_test, 60, 120)


def test_the_finding_of_an_undeclared_entity_in_full():
    train, test = entities(0)
    (one,) = audit(train, test, task="classification").findings
    known = set(train["shop"])
    count = sum(s in known for s in test["shop"])
    common = {s for s in test["shop"] if s in known}
    assert one.message == (
        f"{count} of 200 rows of test ({count / 200:.1%}) have a shop that train has too, and "
        "rows with one shop nearly always have the same label: if shop is an entity, name it "
        "with --group"
    )
    assert (one.count, one.total, one.evidence) == (count, 200, {"entities": len(common)})
    both = pl.concat([train, test])
    found = agreement(both["shop"].to_list(), both["label"].to_numpy())
    assert (one.effect.value, one.effect.low, one.effect.high) == found[1:4]
    assert one.effect.threshold == 0.9
    assert one.severity.value == "warning"
    shops = test["shop"].to_list()
    first = next(i for i, s in enumerate(shops) if s in common)
    twin = train["shop"].to_list().index(shops[first])
    assert one.examples[0].addresses == (f"test:{first}", f"train:{twin}")
    share = count / 200
    assert audit(train, test, task="classification", min_share=share).findings
    more = math.nextafter(share, 1)
    assert not audit(train, test, task="classification", min_share=more).findings


def test_an_entity_is_told_from_the_least_agreement_on():
    train, test = entities(1, pure=0.995)
    (one,) = audit(train, test, task="classification", purity=0.5).findings
    low = one.effect.low
    assert audit(train, test, task="classification", purity=low).findings
    above = math.nextafter(low, 1)
    assert not audit(train, test, task="classification", purity=above).findings


@pytest.mark.parametrize(("columns", "noted"), [(200, False), (201, True)])
def test_two_hundred_columns_are_tried(columns, noted):
    rng = np.random.default_rng(0)

    def frame(n):
        tried = {f"c{j:03}": rng.integers(0, 30, n) for j in range(columns)}
        return pl.DataFrame({**tried, "label": rng.integers(0, 2, n)})

    report = audit(frame(90), frame(60), task="classification")
    said = [a for a in report.assumptions if a.startswith("LK003 tried")]
    assert said == [f"LK003 tried 200 of {columns} columns as entities"] * noted
    assert not report.findings


def test_what_is_not_judged():
    train, test = entities(2)
    reasons = [
        audit(train, test.clear(), task="classification").outcomes[0].reason,
        audit(train.drop("shop"), test.drop("shop")).outcomes[0].reason,
    ]
    assert reasons == [
        "needs two splits with rows",
        "no group column is known, and none looks like one; use --group",
    ]
