"""LB001: its figures, its borders, and which labels can be compared."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datacheck
from benchmarks.conflicting_labels import KINDS
from datacheck.checks.duplicates import SLACK, beyond_chance, repeats
from datacheck.checks.labels.conflicting_labels import _several, _surplus
from datacheck.findings import Status
from tests.checks.contexts import context_of


def audit(splits, *, low=0.0, **flags):
    chosen = {"label": "label", "select": ("LB001",), "rules": {"LB001": {"min_share": low}}}
    report = datacheck.audit(splits, settings=chosen | flags)
    assert report.outcomes[0].status is not Status.FAILED
    return report.findings


def rows(seed, n=100):
    x = np.random.default_rng(seed).normal(size=(n, 2))
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "label": ["u", "v"] * (n // 2)})


def turned(frame, *at):
    """Those rows with another label."""
    other = pl.when(pl.col("label") == "u").then(pl.lit("v")).otherwise(pl.lit("u"))
    return pl.concat([frame[i : i + 1] for i in at]).with_columns(label=other)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=30))
def test_rows_whose_features_have_several_labels(pairs):
    labels = defaultdict(set)
    for f, y in pairs:
        labels[f].add(y)
    f, y = (np.array([p[k] for p in pairs], dtype=np.uint64) for k in (0, 1))
    assert _several(f, y).tolist() == [len(labels[p[0]]) > 1 for p in pairs]


def test_the_finding_in_full():
    """Two groups: one within train, of which test has a row too, and one between the splits."""
    train = pl.concat([rows(0), turned(rows(0), 3)])
    test = pl.concat([rows(1)[:50], turned(rows(0), 3, 8), rows(0)[20:21]])
    (one,) = audit({"train": train, "test": test})
    assert one.message == (
        "5 rows of train, test have the same features as another row and a different label: "
        "2 contradictory groups"
    )
    assert (one.count, one.total, one.splits) == (5, 154, ("train", "test"))
    told = dict(one.evidence)
    assert told.pop("expected_contradictions_by_chance") < 0.01
    assert told == {
        "groups": 2, "groups_within_split": {"train": 1}, "rows_in_split": {"train": 3, "test": 2},
        "confirmed": 7,
    }  # fmt: skip
    shown = [(e.addresses, e.values["label"]) for e in one.examples]
    assert shown == [(("train:3", "train:100"), ["v", "u"]), (("train:8", "test:51"), ["u", "v"])]
    assert one.severity.value == "error"
    assert audit({"train": train, "test": test}, low=5 / 154)
    assert not audit({"train": train, "test": test}, low=math.nextafter(5 / 154, 1))


def test_one_group_of_test_alone():
    test = pl.concat([rows(1)[:50], turned(rows(1), 8)])
    (one,) = audit({"train": rows(0), "test": test})
    assert one.message == (
        "2 rows of test have the same features as another row and a different label: "
        "1 contradictory group"
    )
    assert one.splits == ("test",)
    assert one.evidence["groups_within_split"] == {"test": 1}
    assert one.evidence["rows_in_split"] == {"test": 2}


def test_rows_without_a_label_contradict_nothing():
    bare = rows(0)[5:6].with_columns(label=pl.lit(None, pl.String))
    assert not audit({"train": pl.concat([rows(0), bare])})


def test_at_most_five_groups_are_shown():
    train = pl.concat([rows(0), turned(rows(0), *range(20, 28))])
    (one,) = audit({"train": train})
    assert one.evidence["groups"] == 8
    assert [e.addresses for e in one.examples] == [
        (f"train:{20 + i}", f"train:{100 + i}") for i in range(5)
    ]


def test_classes_that_are_numbers_are_shown_as_they_are_counted():
    train = rows(0).with_columns(label=pl.Series([1.0, 2.0] * 50))
    again = train[4:5].with_columns(label=pl.lit(2.0))
    (one,) = audit({"train": pl.concat([train, again])}, task="classification")
    assert [str(v) for v in one.examples[0].values["label"]] == ["1", "2"]


def test_splits_without_a_class_in_common_are_not_compared():
    train = rows(0)
    dotted = train.with_columns(label=pl.col("label") + ".")
    assert not audit({"train": train, "test": dotted})
    bridge = pl.concat([rows(2)[:20], dotted[20:40]])
    (one,) = audit({"train": train, "test": dotted[:20], "valid": bridge})
    # through valid, which has the classes of both, all three are compared
    assert one.count == 80
    assert one.total == 100 + 20 + 40


def test_few_repeats_among_coarse_rows_are_noise():
    rng = np.random.default_rng(0)
    coarse = pl.DataFrame({"a": rng.integers(0, 4, 300) / 7, "b": rng.integers(0, 5, 300) / 7})
    coarse = coarse.with_columns(label=pl.Series(rng.integers(0, 2, 300)))
    assert not audit({"train": coarse}, task="classification")


def test_what_chance_explains_is_five_times_what_is_estimated():
    """Of rows that agree by accident half have the other label, whatever the features say."""
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({c: rng.integers(0, k, 600) / 7 for c, k in
                          (("a", 9), ("b", 12), ("c", 30), ("d", 40))})  # fmt: skip
    frame = frame.with_columns(label=pl.Series(["u", "v"] * 300))
    frame = pl.concat([frame, turned(frame, *range(200))])
    (one,) = audit({"train": frame})
    shares = 1.0
    for c in "abcd":
        counts = frame[c].value_counts()["count"].to_numpy()
        shares *= (counts * (counts - 1)).sum() / (800 * 799)
    expected = 5 * 800 * 799 / 2 * shares / 2
    told = one.evidence["expected_contradictions_by_chance"]
    assert told == pytest.approx(expected, rel=0.4)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=30))
def test_the_surplus_is_what_has_to_leave_and_no_more_than_the_pairs(pairs):
    labels: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for f, y in pairs:
        labels[f][y] += 1
    f, y = (np.array([p[k] for p in pairs], dtype=np.uint64) for k in (0, 1))
    surplus = _surplus(f, y)
    assert surplus == sum(c.total() - max(c.values()) for c in labels.values())
    against = sum(p[0] == q[0] and p[1] != q[1] for p, q in combinations(pairs, 2))
    assert surplus <= against


# -- accidents -----------------------------------------------------------------------------------


def accidents(frame):
    """(contradictions to remove, pairs that contradict each other, how many chance may make)."""
    features = [c for c in frame.columns if c != "label"]
    cells = frame.group_by(*features, "label").len("n").group_by(features)
    told = cells.agg(pl.col("n").sum().alias("all"), pl.col("n").max().alias("most"),
                     (pl.col("n") ** 2).sum().alias("same"))  # fmt: skip
    pairs = (told["all"] ** 2 - told["same"]).sum() // 2
    context = context_of("LB001", {"train": frame}, label="label", task="classification")
    share = repeats(context).chance(context, ["train"], "label")
    most = SLACK * share * math.comb(frame.height, 2)
    return (told["all"] - told["most"]).sum(), pairs, most


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_accidents_among_coarse_rows_are_no_contradictions(kind):
    """24 tables of each way in which classes overlap: no word on any, nor more pairs than told."""
    seen, told = 0, 0.0
    for i in range(24):
        rng = np.random.default_rng([7, KINDS.index(kind), i])
        frame = kind(rng, int(rng.integers(60, 401)))
        surplus, pairs, most = accidents(frame)
        assert not beyond_chance(surplus, most), (i, surplus, most)
        seen, told = seen + pairs, told + most
    assert seen <= told


@pytest.mark.parametrize("copies", [3, 6, 9])
def test_contradictions_among_classes_that_seldom_overlap(copies):
    """Like iris: accidents are frequent in a class, and between classes they are not."""
    rng = np.random.default_rng(copies)
    y = np.arange(150) % 3
    x = np.round(rng.normal(size=(150, 4)) * 0.4 + 2.5 * y[:, None], 1)
    label = pl.Series(["uvw"[v] for v in y])
    frame = pl.DataFrame({f"x{j}": x[:, j] for j in range(4)}).with_columns(label=label)
    assert not audit({"train": frame})
    other = frame["label"].replace({"u": "v", "v": "w", "w": "u"})
    wrong = frame.with_columns(label=other)[10 : 10 + copies]
    (one,) = audit({"train": pl.concat([frame, wrong])})
    assert one.count == 2 * copies
    again = frame[10 : 10 + copies]
    assert not audit({"train": pl.concat([frame, again])})  # copies contradict nothing


def test_copies_do_not_make_accidents_contradictions():
    """Each row twice with its label, and two accidents among coarse features: noise as before."""
    rng = np.random.default_rng(3)
    frame = pl.DataFrame({c: rng.integers(0, 9, 300) / 7 for c in "abcd"})
    frame = frame.with_columns(label=pl.Series(rng.choice(["u", "v"], 300)))
    surplus, _, _ = accidents(frame)
    assert surplus > 0
    assert not audit({"train": frame})
    assert not audit({"train": pl.concat([frame, frame])})


# -- tags ----------------------------------------------------------------------------------------


def tagged(kind, lengths=True):
    rng = np.random.default_rng(0)
    words = [[f"w{v}" for v in rng.integers(0, 500, 3 + i % 5)] for i in range(120)]
    tags = [[["A", "B"][v] for v in rng.integers(0, 2, len(w))] for w in words]
    if kind == "codes":
        tags = [[ord(t) for t in one] for one in tags]
    if kind == "floats":
        tags = [[ord(t) / 2 for t in one] for one in tags]
    if not lengths:
        tags[7] = tags[7][:-1]
    other = [*tags[3][1:], tags[3][0]]
    assert other != tags[3]
    return pl.DataFrame({"words": [*words, words[3]], "label": [*tags, other]})


@pytest.mark.parametrize(
    ("kind", "lengths", "found"),
    [("names", True, 1), ("codes", True, 1), ("floats", True, 0), ("names", False, 0)],
)
def test_tags_are_names_or_codes_one_for_each_word(kind, lengths, found):
    frame = tagged(kind, lengths)
    told = [f for f in audit({"train": frame}) if f.severity.value == "error"]
    assert len(told) == found
    if told:
        assert (told[0].count, told[0].evidence["groups"]) == (2, 1)
        assert told[0].examples[0].values == {}


@pytest.mark.parametrize(
    ("accidents", "contradictions", "told"),
    [(1.5, 0.49, True), (1.5, 0.51, False), (30.0, 0.49, False), (0.0, 0.0, True)],
)
def test_where_rows_are_copied_twice_what_accidents_make_is_enough(
    accidents, contradictions, told, monkeypatch
):
    """20 copies and one contradiction, which alone is no more than a Poisson mean of 0.4 makes."""
    frame = rows(0, 200)
    frame = pl.concat([frame, frame[:20], turned(frame, 30)])
    assert accidents == 0 or not beyond_chance(1, contradictions)
    pairs = SLACK * frame.height * (frame.height - 1) / 2

    def chance(self, context, splits, label=""):
        return (contradictions if label else accidents) / pairs

    monkeypatch.setattr("datacheck.checks.duplicates.Repeats.chance", chance)
    found = audit({"train": frame})
    assert [f.count for f in found] == [2] * told
