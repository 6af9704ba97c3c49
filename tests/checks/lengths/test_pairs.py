"""Pairs out of proportion (SL006) and copied pairs (SL007): where they begin, what is told."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datacheck
from datacheck.checks.lengths.pair_length_ratio import PairLengthRatio, _median

near = pytest.approx


def lists(lengths):
    return pl.Series([[1.5] * int(n) for n in lengths], dtype=pl.List(pl.Float64))


def pairs(of, to):
    return pl.DataFrame({"source": lists(of), "target": lists(to)})


def judged(frames, code="SL006", **options):
    frames = frames if isinstance(frames, dict) else {"train": frames}
    return datacheck.audit(frames, settings={"select": [code], "rules": {code: options}})


def beyond(of, to, **options):
    """How many of these pairs are out of proportion among 60 of 10 and 20."""
    frame = pairs([10] * 60 + of, [20] * 60 + to)
    return sum(f.count for f in judged(frame, **options).findings)


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 9)), min_size=1, max_size=9))
def test_the_median_of_values_that_occur_several_times(some):
    values, n = np.array([v for v, _ in some]), np.array([c for _, c in some])
    exact = np.quantile(np.repeat(values, n), 0.5, method="inverted_cdf")
    assert _median(values.astype(float), n) == exact


def test_what_is_usual_and_how_far_from_it_is_too_far():
    of, to, n = np.array([10, 10, 10, 10]), np.array([5, 10, 20, 30]), np.array([2, 2, 5, 1])
    found = PairLengthRatio()._bounds(of, to, n)  # logs: -ln 2, 0, ln 2, ln 3; off by ln 2 mostly
    assert found.usual == near(2.0)
    assert (found.low, found.high) == near((2 / 3, 6.0))
    assert found.difference == 8
    found = PairLengthRatio(fence=2.0, difference=3)._bounds(of, to, np.array([2, 4, 2, 2]))
    reach = 2 * 1.4826 * math.log(2)
    assert (found.usual, found.low, found.high) == near((1.0, math.exp(-reach), math.exp(reach)))
    assert found.difference == 3


def test_beyond_begins_at_the_factor():
    assert beyond([10], [59]) == 0
    assert beyond([10], [61]) == 1
    assert beyond([30], [21]) == 0
    assert beyond([30], [19]) == 1
    assert beyond([10, 30], [61, 19]) == 2
    assert beyond([10], [45], factor=2.5) == 0
    assert beyond([10], [45], factor=2.0) == 1


def test_pairs_that_differ_by_few_units_may_have_any_ratio():
    assert beyond([2], [12]) == 0  # 12 is 8 more than the usual 4, but three times of it
    assert beyond([2], [13]) == 1
    assert beyond([1], [9]) == 0
    assert beyond([1], [10]) == 1  # 8 more than 2
    assert beyond([1], [10], difference=9) == 0


def test_empty_sides_are_no_pairs():
    frame = pairs([10] * 20 + [0] * 40 + [10] * 60, [20] * 20 + [20] * 40 + [0] * 60)
    assert not judged(frame).findings
    (outcome,) = judged(pairs([0, 3] * 10, [4, 0] * 10)).outcomes
    assert "no pair has two sides" in outcome.reason


def test_what_is_told_of_pairs_out_of_proportion():
    train = pairs([10] * 60 + [10, 1, 50], [20] * 60 + [90, 60, 3])
    test = pairs([10] * 20 + [10, 10], [20] * 20 + [80, 70])
    clean = pairs([10] * 30, [20] * 30)
    (found,) = judged({"train": train, "val": clean, "test": test}).findings
    assert (found.count, found.total, found.splits) == (5, 63 + 22, ("train", "test"))
    assert found.columns == ("source", "target")
    assert found.evidence["beyond"] == {"train": 3, "test": 2}
    assert (found.evidence["usual"], found.evidence["difference"]) == (near(2.0), 8)
    assert (found.evidence["low"], found.evidence["high"]) == near((2 / 3, 6.0))
    assert found.message == (
        "5 of 85 pairs are out of proportion: target has 2.00 times the items of source at the "
        "median of train, these less than 0.67 or more than 6.00 times"
    )
    assert [(e.addresses[0], e.values["lengths"]) for e in found.examples] == [
        ("train:62", {"source": 50, "target": 3}),
        ("train:61", {"source": 1, "target": 60}),
        ("train:60", {"source": 10, "target": 90}),
        ("test:20", {"source": 10, "target": 80}),
        ("test:21", {"source": 10, "target": 70}),
    ]
    assert [r.name for r in found.repairs] == ["quarantine-pairs"]
    (found,) = judged({"train": clean, "test": test}).findings
    assert [r.name for r in found.repairs] == ["review-rows"]
    many = pairs([10] * 60 + [5] * 7, [20] * 60 + [90] * 7)
    (found,) = judged(many).findings
    assert [e.addresses[0] for e in found.examples] == [f"train:{i}" for i in range(60, 65)]


def test_texts_are_counted_in_words():
    frame = pl.DataFrame({
        "source": [f"a{i} b c d" for i in range(40)] + ["a b c"],
        "target": [f"u{i} v w x" for i in range(40)] + [" ".join(f"v{i}" for i in range(30))],
    })  # fmt: skip
    (found,) = judged(frame).findings
    assert "1.00 times the words of source" in found.message
    assert found.examples[0].values["lengths"] == {"source": 3, "target": 30}


def copies(copied, other, words=4):
    """Pairs that repeat the source, of so many words each, and pairs that do not."""
    said = [" ".join(f"w{i}{k}" for k in range(words)) for i in range(copied + other)]
    answer = [s if i < copied else f"{s} no" for i, s in enumerate(said)]
    return pl.DataFrame({"source": said, "target": answer})


def test_copies_begin_at_a_share():
    assert judged(copies(1, 999), "SL007").findings
    assert not judged(copies(1, 1000), "SL007").findings
    assert judged(copies(10, 30), "SL007", min_share=0.25).findings
    assert not judged(copies(10, 31), "SL007", min_share=0.25).findings
    assert not judged(copies(0, 40), "SL007", min_share=0.0).findings
    assert judged(copies(1, 99), "SL007", min_share=0.0).findings
    assert not judged(copies(9, 9, words=3), "SL007").findings
    for bad in (-1e-9, 1.0):
        with pytest.raises(datacheck.errors.UsageError):
            judged(copies(1, 9), "SL007", min_share=bad)


def test_what_is_told_of_copies():
    report = judged({"train": copies(7, 33), "test": copies(2, 18)}, "SL007")
    found = sorted(report.findings, key=lambda f: -f.count)
    assert [(f.count, f.total, f.splits) for f in found] == [
        (7, 40, ("train",)), (2, 20, ("test",)),
    ]  # fmt: skip
    assert found[0].message == "target repeats source in 7 of 40 pairs of train (17.5%)"
    assert found[0].evidence == {"least": 4, "share": 7 / 40}
    assert [e.addresses[0] for e in found[0].examples] == [f"train:{i}" for i in range(5)]
    assert [r.name for r in found[0].repairs] == ["quarantine-pairs"]
    assert [r.name for r in found[1].repairs] == ["review-rows"]
    (alone,) = judged(pairs([4, 5] * 20, [4, 6] * 20), "SL007").findings
    assert (alone.count, alone.total) == (20, 40)
