from __future__ import annotations

import pytest

import datacheck
from datacheck.pipelines.plan import Step
from datacheck.training.study.arms import ALL, RAW, design
from datacheck.training.study.measures import (
    IMBALANCE,
    JUNK,
    LEAKAGE,
    LENGTHS,
    METRICS,
    MISMATCH,
    MISSING,
    OTHER,
    SCALING,
    defect_of,
)
from datacheck.training.study.repairs import take_apart

FILL = "impute-with-indicator"


def test_filling_goes_with_what_makes_missing():
    steps = [
        Step("parse", ("MV007",), ("t",), params={"form": "thousands"}, safety="unsafe"),
        Step("to-missing", ("MV003",), ("a", "b"), params={"values": ["-999"]}, safety="unsafe"),
        Step("to-missing", ("MV002",), ("c",), params={"infinite": True}),
        Step(FILL, ("MV003", "MV007"), ("a", "b", "t")),
        Step(FILL, ("MV002",), ("c",)),
        Step(FILL, ("MV001",), ("d", "e")),
    ]
    found = {r.key: r for r in take_apart(steps)}
    assert {k: r.columns for k, r in found.items()} == {
        "MV007": ("t",),
        "MV003": ("a", "b"),
        "MV002": ("c",),
        "MV001": ("d", "e"),
    }
    assert [s.repair for s in found["MV003"].steps] == ["to-missing", FILL]
    assert found["MV003"].steps[1].columns == ("a", "b")
    assert found["MV003"].unsafe
    assert not found["MV001"].unsafe


def test_no_cell_is_lost_or_done_twice():
    steps = datacheck.audit("fixtures/clinic").plan().ready(unsafe=True).steps
    want = sorted((s.repair, c) for s in steps for c in s.columns or [""])
    apart = take_apart(steps)
    assert sorted((s.repair, c) for r in apart for s in r.steps for c in s.columns or [""]) == want
    assert len({r.key for r in apart}) == len(apart)


def test_neighbors_are_filled_together():
    both = Step(FILL, ("MV001",), ("a", "b"), params={"number": "knn"})
    blank = Step("to-missing", ("MV003",), ("a",), params={"values": ["?"]})
    (one,) = take_apart([blank, both])
    assert one.columns == ("a", "b")
    assert one.key == "MV001+MV003"


def test_one_sampler_is_one_repair():
    steps = [
        Step("length-bucketing", ("SL001",), ("x",), params={"edges": [3]}),
        Step("token-budget", ("SL004",), ("x",)),
        Step("balanced-sampler", ("CB001",), ("y",)),
    ]
    found = take_apart(steps)
    assert [r.key for r in found] == ["CB001", "SL001+SL004"]
    assert not any(r.on_data for r in found)


def test_same_rules_get_a_number():
    steps = [Step("winsorize", ("NM005",), (c,), params={"k": k}) for c, k in (("a", 6), ("b", 9))]
    assert [r.key for r in take_apart(steps)] == ["NM005", "NM005#2"]


@pytest.mark.parametrize(
    ("steps", "defect"),
    [
        ([Step(FILL, ("MV001",), ("a",))], MISSING),
        ([Step("to-missing", ("MV003",), ("a",), params={"values": ["?"]})], MISSING),
        ([Step("to-missing", ("MV003",), ("a",), params={"values": ["-999"]})], JUNK),
        ([Step("to-missing", ("MV002",), ("a",), params={"infinite": True})], MISSING),
        ([Step("winsorize", ("NM005",), ("a",))], JUNK),
        ([Step("invert-transform", ("NM001",), ("a",), params={"curve": "exp"})], MISMATCH),
        ([Step("standardize", ("NM002",), ("a",))], SCALING),
        ([Step("balanced-sampler", ("CB001",))], IMBALANCE),
        ([Step("drop-from-train", ("LK001",))], LEAKAGE),
        ([Step("drop-from-train", ("LK001", "NM001"))], LEAKAGE),
        ([Step("length-bucketing", ("SL001",), ("a",), params={"edges": [3]})], LENGTHS),
        ([Step("drop-column", ("MV005",), ("a",))], OTHER),
    ],
)
def test_each_defect_has_its_metric(steps, defect):
    (one,) = take_apart(steps)
    assert one.defect is defect
    for key in (defect.primary, defect.second, *filter(None, [defect.guard]), *defect.levels):
        assert key in METRICS


def test_what_no_rule_of_the_table_finds():
    assert defect_of(["XX999"]) is OTHER


# -- arms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_arms_are_2r_and_2_those_that_are_the_same_once(n):
    steps = [Step("winsorize", ("NM005",), (f"c{i}",), params={"k": 2.0 + i}) for i in range(n)]
    chosen = design(take_apart(steps), original=True)
    plain = [a for a in chosen.arms if not a.control]
    # One repair alone is all of them; of two, alone is all but the other.
    assert len(plain) == {0: 1, 1: 2, 2: 4}.get(n, 2 * n + 2)
    assert len({a.repairs for a in plain}) == len(plain)
    assert [a.control for a in chosen.arms if a.control] == ["placebo", "clip", "original"]
    assert len({a.key for a in chosen.arms}) == len(chosen.arms)


def test_a_contrast_differs_in_one_repair():
    steps = [Step("winsorize", ("NM005",), (f"c{i}",), params={"k": 2.0 + i}) for i in range(4)]
    chosen = design(take_apart(steps))
    for contrast in chosen.contrasts:
        without, with_ = chosen.arm(contrast.without), chosen.arm(contrast.with_)
        assert set(with_.repairs) - set(without.repairs) == {contrast.repair.key}
        assert chosen.arm(contrast.alone).repairs == (contrast.repair.key,)
        assert with_.key == ALL
    assert chosen.arm(RAW).repairs == ()
