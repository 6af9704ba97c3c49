"""When two pictures are one: the borders of level, likeness and distance."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks.near.pictures import EACH, candidates, same

NONE = np.zeros(1, dtype=np.int64)


def compared(one, other):
    """Correlation and verdict of two pictures of (16, 16) levels."""
    correlation, verdict = same(
        np.asarray(one, dtype=np.uint8)[None], np.asarray(other, dtype=np.uint8)[None], NONE
    )
    return float(correlation[0]), bool(verdict[0])


FLAT = np.full((16, 16), 100)
CHECKED = np.indices((16, 16)).sum(axis=0) % 2
NOISE = np.random.default_rng(0).integers(40, 200, (16, 16))


@pytest.mark.parametrize(("step", "one"), [(3, True), (4, False), (6, False)])
def test_up_to_three_levels_two_pictures_are_one_whatever_they_show(step, one):
    """A flat picture and a checkered one, which correlate with nothing: rms is the step."""
    signs = np.where(CHECKED, step, -step)
    assert compared(FLAT, FLAT + signs) == (0.0, one)


def test_a_little_more_than_three_levels_is_too_much():
    other = FLAT + np.where(CHECKED, 3, -3)
    other[0, 1] += 4
    assert not compared(FLAT, other)[1]


@pytest.mark.parametrize(("step", "one"), [(24, True), (25, False), (47, False), (13, True)])
def test_brighter_by_up_to_24_levels_a_picture_is_the_same(step, one):
    correlation, verdict = compared(NOISE, NOISE + step)
    assert correlation == pytest.approx(1)
    assert verdict == one


@pytest.mark.parametrize("amount", [2, 4, 6, 8, 12])
def test_pictures_correlate_at_998_in_a_thousand(amount):
    """Noise of so many levels on top, which alone is more than three."""
    rng = np.random.default_rng(amount)
    other = NOISE + 5 + rng.integers(-amount, amount + 1, (16, 16))
    wanted = float(np.corrcoef(NOISE.ravel(), other.ravel())[0, 1])
    correlation, verdict = compared(NOISE, other)
    assert correlation == pytest.approx(wanted, abs=1e-5)
    assert verdict == (wanted >= 0.998)
    assert (amount < 5) == verdict


@given(st.lists(st.sampled_from([0, 6, 14, 1 << 40, (1 << 40) + 2]), max_size=40))
def test_all_pictures_of_one_hash_and_some_of_near_ones(drawn):
    hashes = np.array(drawn, dtype=np.uint64)
    a, b, turn = candidates(hashes, 1)
    found = {(min(p), max(p)) for p in zip(a.tolist(), b.tolist(), strict=True)}
    assert not turn.any()
    first: dict[int, list[int]] = {}
    for i, h in enumerate(drawn):
        first.setdefault(h, []).append(i)
    wanted = set()
    for h, places in first.items():
        if h and len(places) <= 32:
            wanted |= set(combinations(places, 2))
    for h, other in ((6, 14), (1 << 40, (1 << 40) + 2)):
        pairs = [(i, j) for i in first.get(h, [])[:EACH] for j in first.get(other, [])[:EACH]]
        wanted |= {(min(p), max(p)) for p in pairs}
    large = {h for h, places in first.items() if len(places) > 32}
    assert wanted <= found
    assert found == wanted or large
