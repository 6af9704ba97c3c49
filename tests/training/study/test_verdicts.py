from __future__ import annotations

import math

import numpy as np
import pytest

from datacheck.training.study.measures import (
    IMBALANCE,
    JUNK,
    LEAKAGE,
    LENGTHS,
    MISMATCH,
    MISSING,
    SCALING,
)
from datacheck.training.study.verdicts import adjust, compare

SEEDS = 10
NOISE = np.exp(np.random.default_rng(0).normal(0, 0.03, (2, SEEDS)))


def runs(side=0, **levels):
    """Runs whose metrics scatter about the levels."""
    return [{k: v * NOISE[side, i] for k, v in levels.items()} for i in range(SEEDS)]


def verdict(defect, raw, repaired):
    return adjust([compare(defect, raw, repaired)], [defect])[0]


STILL = {"NFR": 0.0, "clean_loss": 0.5, "clean_score": 0.8}


@pytest.mark.parametrize(
    ("raw", "repaired", "word"),
    [
        ({"VLJ": 3.0}, {"VLJ": 1.0}, "reduces"),
        ({"VLJ": 1.0}, {"VLJ": 1.0}, "no detectable effect"),
        ({"VLJ": 1.0}, {"VLJ": 3.0}, "increases"),
        ({"VLJ": 3.0}, {"VLJ": 1.0, "clean_loss": 0.9}, "trades"),
        ({"VLJ": 3.0}, {"VLJ": 1.0, "clean_score": 0.6}, "trades"),
        ({"VLJ": 1.0}, {"VLJ": 3.0, "clean_loss": 0.2}, "trades"),
        ({"VLJ": 1.0}, {"VLJ": 1.0, "clean_loss": 0.2}, "no detectable effect"),
    ],
)
def test_words(raw, repaired, word):
    found = verdict(SCALING, runs(0, **STILL | raw), runs(1, **STILL | repaired))
    assert found.word == word
    assert found.metric == "VLJ"
    assert bool(found.why) == (word == "trades")


def test_steps_that_are_not_finite_come_first():
    raw = [{"NFR": 1.0}] * SEEDS
    for defect in (SCALING, JUNK, LEAKAGE, MISSING):
        found = verdict(defect, raw, runs(1, **STILL | {"VLJ": 1.0}))
        assert (found.metric, found.word) == ("NFR", "reduces")
        assert found.effect.value == 1.0
    back = verdict(SCALING, runs(0, **STILL | {"VLJ": 1.0}), raw)
    assert (back.metric, back.word) == ("NFR", "increases")
    none = verdict(SCALING, raw, raw)
    assert (none.word, none.why) == ("no detectable effect", "neither arm stays finite")


def test_missing_values_without_a_lost_step_are_judged_by_jitter():
    found = verdict(MISSING, runs(0, **STILL | {"VLJ": 2.0}), runs(1, **STILL | {"VLJ": 1.0}))
    assert (found.metric, found.word) == ("VLJ", "reduces")


def test_a_guard_that_gets_worse_is_a_trade():
    raw = runs(0, **STILL | {"PW": 0.6, "LV": 1.0})
    assert verdict(LENGTHS, raw, runs(1, **STILL | {"PW": 0.1, "LV": 1.0})).word == "reduces"
    found = verdict(LENGTHS, raw, runs(1, **STILL | {"PW": 0.1, "LV": 2.0}))
    assert found.word == "trades"
    assert "loss volatility" in found.why


def test_leakage_is_a_level_and_not_jitter():
    """The measured score falls, the gap closes, the clean score stays: that is what is right."""
    raw = runs(0, **STILL | {"honesty_gap": 0.05, "measured_score": 0.85, "VLJ_measured": 1.0})
    repaired = runs(1, **STILL | {"honesty_gap": 0.0, "measured_score": 0.8, "VLJ_measured": 1.3})
    found = verdict(LEAKAGE, raw, repaired)
    assert (found.metric, found.word) == ("honesty_gap", "reduces")
    assert found.beside["VLJ_measured"].wilder
    assert found.beside["measured_score"].wilder


def test_even_batches_are_not_blamed_for_the_loss_on_uneven_rows():
    raw = runs(0, NFR=0.0, clean_loss=0.1, clean_score=0.5, balanced=0.5, LV_probe=0.5)
    repaired = runs(1, NFR=0.0, clean_loss=0.4, clean_score=0.8, balanced=0.8, LV_probe=0.5)
    assert verdict(IMBALANCE, raw, repaired).word == "reduces"


def test_a_metric_that_was_not_measured_makes_no_claim():
    found = verdict(MISMATCH, runs(0, **STILL), runs(1, **STILL))
    assert (found.word, found.why) == ("no claim", "not measured")
    assert math.isnan(found.adjusted)


def test_many_repairs_need_more_pairs():
    """Six pairs tell one repair from chance, and not eight."""
    raw = runs(0, **STILL | {"VLJ": 9.0})[:6]
    repaired = runs(1, **STILL | {"VLJ": 1.0})[:6]
    one = compare(SCALING, raw, repaired)
    assert adjust([one], [SCALING])[0].word == "reduces"
    found = adjust([one] * 8, [SCALING] * 8)
    assert {v.word for v in found} == {"no claim"}
    assert found[0].why == "6 pairs cannot tell 8 repairs from chance, 9 can"
    assert found[0].effect.low > 1  # the interval is told all the same


def test_holm_is_over_the_defects_of_the_study():
    strong = compare(SCALING, runs(0, **STILL | {"VLJ": 9.0}), runs(1, **STILL | {"VLJ": 1.0}))
    null = compare(SCALING, runs(0, **STILL | {"VLJ": 1.0}), runs(1, **STILL | {"VLJ": 1.0}))
    found = adjust([strong, null, null], [SCALING] * 3)
    assert found[0].adjusted == pytest.approx(3 * 2 / 2**10)
    assert [v.word for v in found] == ["reduces"] + ["no detectable effect"] * 2
