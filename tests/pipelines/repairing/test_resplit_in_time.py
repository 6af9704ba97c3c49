"""Entities stay whole and evaluation stays late, or it is said what that costs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.pipelines.fixing import fix
from datacheck.pipelines.repairing import resplit, resplit_in_time

CLINIC = Path(__file__).parents[3] / "fixtures" / "clinic"
seeds = st.integers(0, 2**20)


def drawn(seed: int, rows: int, entities: int, spread: float, splits: int = 2):
    """(split of each row, atom, time): entities begin at random, with a share of times unknown."""
    rng = np.random.default_rng(seed)
    atoms = np.unique(rng.integers(0, entities, rows), return_inverse=True)[1]
    times = np.round(rng.random(entities)[atoms] + spread * rng.random(rows), 2)
    split_of = np.searchsorted([0.75, 0.9][: splits - 1], times / times.max()).astype(np.int64)
    split_of[rng.random(rows) < 0.1] = splits - 1
    split_of[:2] = [0, splits - 1]
    times[rng.random(rows) < 0.05] = np.nan
    return split_of, atoms.astype(np.int64), times


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(10, 300), st.integers(3, 60), st.floats(0, 1), st.integers(2, 3))
def test_atoms_are_whole_and_the_share_is_as_told(seed, rows, entities, spread, splits):
    split_of, atoms, times = drawn(seed, rows, entities, spread, splits)
    was = resplit_in_time.early(split_of, times, 0)
    found = resplit_in_time.in_time(split_of, atoms, times, train=0, target=was)
    if found is None:
        return
    new, share = found[0].split_of, found[1]
    assert pl.DataFrame({"a": atoms, "s": new}).group_by("a").n_unique()["s"].max() == 1
    assert set(new.tolist()) <= set(split_of.tolist())
    assert (new == 0).any()
    size, before = (new != 0).sum(), (split_of != 0).sum()
    assert size >= before * resplit_in_time.LEAST
    assert abs(size - before) <= resplit_in_time.WIDE * rows + np.isnan(times).sum()
    assert share == pytest.approx(resplit_in_time.early(new, times, 0))


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(8, 60))
def test_no_other_assignment_with_that_last_row_has_fewer_early_rows(seed, rows):
    split_of, atoms, times = drawn(seed, rows, 7, 0.5)
    times = np.nan_to_num(times, nan=0.5)
    found = resplit_in_time.in_time(split_of, atoms, times, train=0, target=0.0)
    if found is None:
        return
    last = times[found[0].split_of == 0].max()
    mine = int((times[found[0].split_of == 1] < last).sum())
    a = int(atoms.max()) + 1
    for code in range(1, 2**a - 1):
        other = (code >> np.arange(a))[atoms] & 1
        if times[other == 0].max() == last and (other == 1).sum() >= (found[0].split_of == 1).sum():
            assert int((times[other == 1] < last).sum()) >= mine


def visits(seed: int, *, stay: float, rows: int = 1500, mixed: bool = False):
    """Entities whose visits take a share of the whole time; the last fifth of time is test."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, rows // 4, rows)
    begin = rng.random(rows // 4) * (1 - stay)
    at = begin[who] + stay * rng.random(rows)
    frame = pl.DataFrame(
        {
            "patient": [f"p{i}" for i in who],
            "seen": np.datetime64("2024-01-01", "us") + (at * 3e7).astype("timedelta64[s]"),
            "x": rng.normal(size=rows),
            "y": rng.normal(size=rows),
            "label": rng.integers(0, 2, rows),
        }
    ).sample(fraction=1, shuffle=True, seed=seed)
    late = frame["seen"] > frame["seen"].quantile(0.8)
    if mixed:
        late = pl.Series(rng.random(rows) < 0.2)
    return {"train": frame.filter(~late), "test": frame.filter(late)}


def share(report):
    found = report.of("LK004")
    return found[0].effect.value if found else 0.0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("stay", "mixed"), [(0.02, False), (0.3, False), (0.02, True)])
def test_entities_are_made_whole_and_stay_in_time(seed, stay, mixed):
    data = visits(seed, stay=stay, mixed=mixed)
    flags = {"label": "label", "group": "patient", "time": "seen"}
    judged = ("LK003", "LK004")
    before = datacheck.audit(data, settings={**flags, "select": judged})
    assert before.of("LK003")
    for select in ("LK003", ("LK003", "LK004")):
        done = fix(data, unsafe=True, select=select, settings=flags)
        after = datacheck.audit(done.frames, settings={**done.settings, "select": judged})
        assert not after.of("LK003")
        told = [float(n) for s in done.said for n in re.findall(r"([\d.]+)% of evaluation rows", s)]
        if share(after) > max(share(before), 0.01):
            assert any("the price of whole groups" in s for s in done.said)
            assert told == [pytest.approx(100 * share(after), abs=0.06)]
            assert share(after) < 0.9, "only whole, they would mix the times"
        if stay < 0.1 and mixed and len(select) == 2:
            assert share(after) < 0.2 < share(before)


def test_in_the_clinic_the_price_is_small_and_told():
    done = fix(CLINIC, dry_run=True, unsafe=True)
    (said,) = [s for s in done.said if "evaluation rows" in s]
    assert "29.3% of evaluation rows lie before the last row of train, 17.5% did" in said
    assert "the price of whole groups" in said


def test_what_is_whole_and_late_already_stays():
    split_of = np.array([0, 0, 0, 1, 1, 1])
    times = np.arange(6.0)
    assert resplit_in_time.early(split_of, times, 0) == 0
    plain = resplit.group_aware(split_of, np.array([0, 0, 1, 2, 2, 3]))
    assert (plain.split_of == split_of).all()
