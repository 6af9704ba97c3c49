"""LK002 and LB005 on texts: borders of likeness, counts, clusters and what is shown."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.findings import Status

W = [f"w{k}" for k in range(3000)]


def audit(code, splits, **options):
    flags = {k: options.pop(k) for k in ("label", "task") if k in options}
    chosen = {"select": (code,), "rules": {code: options}}
    report = datacheck.audit(splits, settings=chosen | flags)
    assert report.outcomes[0].status is not Status.FAILED
    return report.findings


def text(*spans):
    """Words of those ranges, one after the other."""
    return " ".join(W[k] for a, b in spans for k in range(a, b))


def fresh(n, start=1000):
    """Texts of 15 words that nothing is like."""
    return [text((start + 16 * i, start + 16 * i + 15)) for i in range(n)]


def pair(one, other, **options):
    splits = {
        "train": pl.DataFrame({"text": [*fresh(20), one]}),
        "test": pl.DataFrame({"text": [*fresh(20, 2000), other]}),
    }
    return audit("LK002", splits, **options)


@pytest.mark.parametrize(
    ("options", "found"),
    [({}, 1), ({"min_jaccard": 0.81, "containment": 1.0}, 0), ({"min_jaccard": 0.79}, 1)],
)
def test_a_jaccard_similarity_of_four_fifths_is_near(options, found):
    """Texts of 20 and 20 words with 18 in common: 16 of 20 shingles."""
    one, other = text((0, 20)), text((0, 18), (100, 102))
    told = pair(one, other, **options)
    assert len(told) == found
    if told:
        assert told[0].evidence["similar"] == 1
        assert told[0].examples[0].values["jaccard"] == 0.8


@pytest.mark.parametrize(("inside", "found"), [(0.9, 1), (0.91, 0)])
def test_nine_tenths_of_a_text_in_a_longer_one_are_near(inside, found):
    """22 words with 20 of another one: 18 of 20 shingles, of 34 in all."""
    one, other = text((0, 34)), text((0, 20), (100, 102))
    told = pair(one, other, containment=inside)
    assert len(told) == found
    if told:
        assert told[0].evidence["contained"] == 1
        assert told[0].examples[0].values["containment"] == 0.9


def test_the_finding_across_splits_in_full():
    base = fresh(30)
    test = [base[3].upper(), base[4].replace(" ", ", "), *fresh(18, 2000)]
    labels = {"train": ["a", "b"] * 15, "test": ["b", "b"] * 10}
    splits = {
        "train": pl.DataFrame({"text": base, "y": labels["train"]}),
        "test": pl.DataFrame({"text": test, "y": labels["test"]}),
    }
    (one,) = audit("LK002", splits, label="y")
    assert one.message == (
        "2 of 20 rows of test (10.0%) are nearly the same as a row of train: 1 but for case and "
        "spaces, 1 but for punctuation; 1 of them with its label"
    )
    assert (one.count, one.total, one.severity.value) == (2, 20, "error")
    assert one.evidence["rows_of_train"] == 2
    assert one.evidence["with_same_label"] == 1
    assert [e.addresses for e in one.examples] == [("test:0", "train:3"), ("test:1", "train:4")]
    assert audit("LK002", splits, label="y", min_share=0.1)
    assert not audit("LK002", splits, label="y", min_share=math.nextafter(0.1, 1))


def test_the_finding_within_a_split_in_full():
    """A cluster of three and one of two; the first of each stays."""
    base = fresh(30)
    rows = [*base, base[3].upper(), base[3].replace(" ", "  "), base[7].upper()]
    (one,) = audit("LB005", {"train": pl.DataFrame({"text": rows})})
    assert one.message == (
        "3 distinct rows of train (9.1% of its 33 rows) are nearly the same as an earlier one: "
        "3 but for case and spaces; they belong to 2 clusters"
    )
    assert (one.count, one.total) == (3, 33)
    assert (one.evidence["clusters"], one.evidence["largest_cluster"]) == (2, 3)
    assert [e.addresses for e in one.examples] == [
        ("train:30", "train:3"), ("train:31", "train:3"), ("train:32", "train:7"),
    ]  # fmt: skip
    single = pl.DataFrame({"text": [*base, base[3].upper()]})
    (two,) = audit("LB005", {"train": single})
    assert two.message.endswith("; it belongs to 1 cluster")
    assert audit("LB005", {"train": single}, min_share=1 / 31)
    assert not audit("LB005", {"train": single}, min_share=math.nextafter(1 / 31, 1))


def test_at_most_five_examples():
    base = fresh(30)
    upper = [t.upper() for t in base[:9]]
    (one,) = audit("LB005", {"train": pl.DataFrame({"text": [*base, *upper]})})
    assert [e.addresses for e in one.examples] == [
        (f"train:{30 + i}", f"train:{i}") for i in range(5)
    ]
    splits = {"train": pl.DataFrame({"text": base}), "test": pl.DataFrame({"text": upper})}
    (two,) = audit("LK002", splits)
    assert [e.addresses for e in two.examples] == [(f"test:{i}", f"train:{i}") for i in range(5)]


@pytest.mark.parametrize(("rows", "found"), [(1000, 1), (1001, 0)])
def test_one_row_of_a_thousand_matters_within_a_split(rows, found):
    texts = [f"{W[i % 3000]} {i} alone in {i * 7} words" for i in range(rows - 1)]
    frame = pl.DataFrame({"text": [*texts, texts[5].upper()]})
    assert len(audit("LB005", {"train": frame}, shingles="auto", min_jaccard=1.0,
                     containment=1.0)) == found  # fmt: skip


@pytest.mark.parametrize(("same", "severity"), [(5, "error"), (4, "warning")])
def test_half_of_the_answers_make_an_error_of_texts_that_are_alike(same, severity):
    source, target = fresh(40), fresh(40, 1700)
    other = fresh(40, 2340)
    near = [t.upper() for t in source[:10]]
    answers = [*target[:same], *other[same:10]]
    train = pl.DataFrame({"source": source, "target": target})
    test = pl.DataFrame({"source": near, "target": answers})
    (one,) = audit("LK002", {"train": train, "test": test}, label="target")
    assert one.evidence["with_same_label"] == same
    assert one.severity.value == severity


@pytest.mark.parametrize(("differing", "found"), [(0, 0), (1, 1)])
def test_other_features_may_differ_in_one_column(differing, found):
    base = fresh(30)
    numbers = np.arange(30) / 7
    train = pl.DataFrame({"text": base, "x": numbers, "z": numbers})
    test = pl.DataFrame({"text": [t.upper() for t in base[:9]], "x": numbers[:9], "z": 99.5})
    assert len(audit("LK002", {"train": train, "test": test}, differing=differing)) == found
    two = test.with_columns(x=99.5)
    assert not audit("LK002", {"train": train, "test": two}, differing=1)
