"""NM006 against SciPy's hypergeometric distribution, and what its finding says."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import hypergeom

import datacheck
from datacheck.checks.normalization.unseen_categories import UnseenCategories, _log_chance, chance
from datacheck.checks.stats import wilson


@pytest.mark.parametrize(("train", "seen"), [(60, 40), (7, 93), (95, 5)])
def test_the_chance_of_so_many_rows_in_train_is_hypergeometric(train, seen):
    counts = np.array([1.0, 2, 3, 9, 40, 45])
    assert counts.sum() == train + seen
    for t in range(5):
        wanted = hypergeom.pmf(t, train + seen, counts.astype(int), train)
        assert np.exp(_log_chance(counts, train, t)) == pytest.approx(wanted, abs=1e-12)


KNOWN = np.array([300.0, 200, 150, 2, 1, 0, 0, 3, 0])
SEEN = np.array([80.0, 60, 40, 9, 12, 7, 7, 2, 1])


def p_of(t, counts, n):
    return hypergeom.pmf(t, int(counts.sum()), counts.astype(int), int(n))


@pytest.mark.parametrize("few", [0, 1, 2, 3])
def test_categories_that_train_hardly_has_are_held_against_all_as_frequent(few):
    counts, n = KNOWN + SEEN, KNOWN.sum()
    some = sum(p_of(t, counts, n) for t in range(few + 1))
    _, _, hardly = chance(KNOWN, SEEN, few)
    for i, c in enumerate(counts):
        wanted = min(1.0, some[counts >= c].sum()) if 0 < KNOWN[i] <= few else 1.0
        assert hardly[i] == pytest.approx(wanted), i


def test_ties_are_as_frequent_as_each_other():
    known, seen = np.array([50.0, 1, 2, 2]), np.array([50.0, 3, 2, 2])
    counts = known + seen
    some = sum(p_of(t, counts, known.sum()) for t in range(3))
    _, _, hardly = chance(known, seen, 2)
    assert hardly[1:] == pytest.approx([min(some.sum(), 1)] * 3)


@pytest.mark.parametrize("unseen", [[7, 7, 1], [3, 0, 0], [1, 1, 1], [20, 2, 1]])
def test_unseen_rows_are_held_against_chernoff_s_bound_and_the_most_frequent(unseen):
    seen = SEEN.copy()
    seen[[5, 6, 8]] = unseen
    counts, n = KNOWN + seen, KNOWN.sum()
    alone = p_of(0, counts, n)
    log_alone = hypergeom.logpmf(0, int(counts.sum()), counts.astype(int), int(n))
    expected, p, _ = chance(KNOWN, seen, 2)
    assert expected == pytest.approx((counts * alone).sum())
    rows = sum(unseen)

    def log_bound(t):
        with np.errstate(divide="ignore"):
            return np.logaddexp(np.log1p(-alone), log_alone + t * counts).sum() - t * rows

    best = minimize_scalar(log_bound, bounds=(1e-3, 20), method="bounded").fun
    single = alone[counts >= max(unseen)].sum()
    assert p == pytest.approx(min(1.0, math.exp(best), single), rel=0.03)
    assert p >= 0.999 * min(1.0, math.exp(best), single)


def test_no_more_than_expected_is_no_surprise():
    assert chance(np.array([5000.0, 5000]), np.array([5000.0, 5000]), 2)[:2] == (0.0, 1.0)
    expected, p, _ = chance(np.array([2.0, 1, 0]), np.array([400.0, 1, 1]), 2)
    assert expected > 1
    assert p == 1.0


# -- findings --------------------------------------------------------------------------------------


def column(**counts):
    return [name for name, n in counts.items() for _ in range(n)]


def audit(train, test, **options):
    frames = {}
    for split, columns in (("train", train), ("test", test)):
        n = len(next(iter(columns.values())))
        frames[split] = pl.DataFrame({**columns, "label": [i % 2 for i in range(n)]})
    settings = {"select": ["NM006"], "label": "label", "rules": {"NM006": options}}
    return datacheck.audit(frames, settings=settings)


WARDS = {"north": 320, "south": 280}


def test_a_new_ward():
    test = column(north=90, south=94, telehealth=16)
    (one,) = audit({"ward": column(**WARDS)}, {"ward": test}).findings
    assert one.message == ("test holds 1 category that train lacks: ward: 'telehealth' (16 rows)")
    assert (one.count, one.total, one.unit, one.columns) == (16, 200, "rows", ("ward",))
    assert one.effect is not None
    expected = chance(np.array([320.0, 280, 0]), np.array([90.0, 94, 16]), 2)[0]
    assert (one.effect.value, one.effect.low, one.effect.high, one.effect.threshold) == (
        0.08, *wilson(16, 200), round(expected / 200, 6)
    )  # fmt: skip
    assert one.evidence == {
        "unseen": {"ward": [["telehealth", 16]]}, "hardly_known": {},
        "respelled": {"ward": {}},
    }  # fmt: skip
    assert [e.values["ward"] for e in one.examples] == ["telehealth"] * 5
    assert one.examples[0].addresses[0].endswith(":184")


def test_a_ward_that_train_hardly_has_is_told_with_its_rows_there():
    train, test = column(**WARDS, new=2), column(north=90, south=80, new=30)
    (one,) = audit({"ward": train}, {"ward": test}).findings
    assert one.message == (
        "test holds 1 category that train lacks or hardly has: ward: 'new' (30 rows, 2 in train)"
    )
    assert one.evidence["hardly_known"] == {"ward": {"new": 2}}
    assert one.count == 30
    train = column(**WARDS, new=3)
    assert not audit({"ward": train}, {"ward": test}).findings
    assert audit({"ward": train}, {"ward": test}, known_rows=3).findings


def test_a_value_in_another_spelling_is_named():
    test = column(north=90, south=80, NORTH_=20, **{"So-uth": 3, "east": 12})
    (one,) = audit({"ward": column(**WARDS)}, {"ward": test}).findings
    assert one.message.endswith(
        "3 categories that train lacks: ward: 'NORTH_' (20 rows), 'east' (12 rows) and 1 more, "
        "where train spells 'north'"
    )
    assert one.evidence["respelled"] == {"ward": {"NORTH_": "north", "So-uth": "south"}}


def test_columns_come_by_their_share_and_three_are_told():
    train = {f"c{j}": column(a=300, b=300) for j in range(5)}
    test = {f"c{j}": column(a=100, b=100 - 10 * k, z=10 * k) for j, k in enumerate([2, 3, 3, 5, 4])}
    (one,) = audit(train, test).findings
    assert one.columns == ("c3", "c4", "c1", "c2", "c0")
    assert one.message.startswith(
        "test holds 5 categories that train lacks: c3: 'z' (50 rows); c4:"
    )
    assert one.message.endswith("c1: 'z' (30 rows) and 2 more columns")
    assert (one.count, one.total, one.unit) == (170, 1000, "cells")
    assert one.effect is not None
    assert one.effect.value == 0.25
    three = {c: train[c] for c in ("c1", "c2", "c3")}
    (one,) = audit(three, {c: test[c] for c in three}).findings
    assert "more" not in one.message


def test_the_lower_end_of_the_share_exceeds_what_is_let_pass():
    train, test = {"ward": column(**WARDS)}, {"ward": column(north=90, south=94, new=16)}
    low = wilson(16, 200)[0]
    assert audit(train, test, min_share=math.nextafter(low, 0)).findings
    assert not audit(train, test, min_share=low).findings


def test_the_category_for_all_others_is_no_surprise():
    train, test = {"ward": column(**WARDS)}, {"ward": column(north=90, south=94, new=16)}
    assert not audit(train, test, other=("new",)).findings
    test = {"ward": column(north=90, south=78, new=16, east=16)}
    (one,) = audit(train, test, other=("new",)).findings
    assert (one.count, one.total) == (16, 184)
    assert not audit(train, {"ward": column(new=40)}, other=("new",)).findings


def test_one_person_from_a_country_with_one_person_is_no_finding():
    train, test = column(**WARDS), column(north=90, south=94, tuvalu=1)
    assert not audit({"ward": train}, {"ward": test}).findings
    assert not UnseenCategories().other


def test_at_most_twenty_categories_are_listed():
    new = {f"n{i:02}": 30 - i for i in range(25)}
    train, test = column(a=900, b=900), column(a=300, b=300, **new)
    (one,) = audit({"c": train}, {"c": test}).findings
    assert one.evidence["unseen"]["c"] == [[v, n] for v, n in list(new.items())[:20]]
    assert one.count == sum(new.values())
    new = {f"a-{i:02}": 20 for i in range(25)}
    known = {f"a{i:02}": 40 for i in range(25)}
    (one,) = audit({"c": column(**known)}, {"c": column(**known, **new)}).findings
    assert len(one.evidence["respelled"]["c"]) == 20
