"""Chance as an explanation: no alarm on random splits with a long tail, and one when it is none."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from datacheck.checks.balance.class_missing_from_split import unlikely


def counts(values: Any) -> dict[str, int]:
    return {str(k): n for k, n in Counter(values.tolist()).items()}


def test_random_splits_of_a_long_tail_raise_no_alarm():
    rng = np.random.default_rng(0)
    for again in range(300):
        labels = rng.zipf(1.5, 400) % 200
        rng.shuffle(labels)
        cut = (100, 200, 350)[again % 3]
        for has, lacks in ((labels[:cut], labels[cut:]), (labels[cut:], labels[:cut])):
            assert unlikely(counts(has), counts(lacks), tests=2)[1] > 0.005


def test_two_classes_together_are_unlikely_where_each_alone_is_not():
    missing, chance = unlikely({"a": 38, "b": 37, "c": 37}, {"a": 12})
    assert set(missing) == {"b", "c"}
    assert chance < 1e-4
    assert unlikely({"a": 75, "b": 37}, {"a": 12})[1] > 0.005


def test_tail_classes_are_not_blamed_beside_a_large_one():
    has = {"a": 500, "b": 400, **{f"rare{i}": 1 for i in range(20)}}
    missing, chance = unlikely(has, {"a": 200})
    assert set(missing) == {"b"}
    assert chance < 1e-10
