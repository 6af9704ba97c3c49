"""Laws of re-splits: atoms whole, rows neither lost nor doubled, good splits left alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datacheck
from datacheck.errors import UsageError
from datacheck.pipelines.fixing import fix
from datacheck.pipelines.repairing import resplit

seeds = st.integers(0, 2**20)


def drawn(seed: int, rows: int = 400, atoms: int = 90, splits: int = 3):
    rng = np.random.default_rng(seed)
    p = np.array([0.7, 0.2, 0.1])[:splits]
    split_of = rng.choice(splits, rows, p=p / p.sum())
    keys = rng.integers(0, 2**63, atoms, dtype=np.uint64)[rng.integers(0, atoms, rows)]
    labels = rng.integers(0, 2**63, 3, dtype=np.uint64)[rng.choice(3, rows, p=[0.6, 0.3, 0.1])]
    return split_of.astype(np.int64), keys, labels


@given(seeds, st.integers(1, 200), st.integers(2, 3))
def test_entities_end_in_one_split(seed, atoms, splits):
    split_of, keys, labels = drawn(seed, atoms=atoms + 1, splits=splits)
    found = resplit.group_aware(split_of, resplit.components([keys]), labels=labels)
    assert found.split_of.shape == split_of.shape
    assert set(found.split_of.tolist()) <= set(range(splits))
    held = pl.DataFrame({"k": keys, "s": found.split_of})
    assert held.group_by("k").agg(pl.col("s").n_unique())["s"].max() == 1
    again = resplit.group_aware(found.split_of, resplit.components([keys]), labels=labels) \
        if np.unique(found.split_of).size > 1 else found  # fmt: skip
    assert (again.split_of == found.split_of).all(), "a good split is left alone"


@given(seeds)
def test_sizes_and_classes_stay_near_what_they_were(seed):
    split_of, keys, labels = drawn(seed, rows=2_000, atoms=600)
    found = resplit.group_aware(split_of, resplit.components([keys]), labels=labels).split_of
    was, now = np.bincount(split_of, minlength=3), np.bincount(found, minlength=3)
    assert np.abs(was - now).max() <= 0.02 * split_of.size
    for label in np.unique(labels):
        mine = labels == label
        share = np.bincount(split_of[mine], minlength=3) / mine.sum()
        after = np.bincount(found[mine], minlength=3) / mine.sum()
        assert np.abs(share - after).max() < 0.12


@given(seeds)
def test_the_order_of_rows_does_not_matter(seed):
    split_of, keys, labels = drawn(seed)
    turn = np.random.default_rng(seed + 1).permutation(split_of.size)
    one = resplit.group_aware(split_of, resplit.components([keys]), labels=labels).split_of
    two = resplit.group_aware(
        split_of[turn], resplit.components([keys[turn]]), labels=labels[turn]
    ).split_of
    assert (one[turn] == two).all()


@given(seeds)
def test_few_straddling_entities_move_few_rows(seed):
    rng = np.random.default_rng(seed)
    keys = np.repeat(rng.integers(0, 2**63, 200, dtype=np.uint64), 5)
    split_of = np.repeat((rng.random(200) < 0.3).astype(np.int64), 5)
    split_of[[0, 1]] = 0, 1
    split_of[::250] = 1 - split_of[::250]  # four rows astray, at most two of them in one entity
    found = resplit.group_aware(split_of, resplit.components([keys])).split_of
    assert (found != split_of).sum() <= 8 + 5


@given(seeds, st.integers(2, 3))
def test_time_runs_forward(seed, splits):
    split_of, _, _ = drawn(seed, splits=splits)
    rng = np.random.default_rng(seed)
    times = rng.integers(0, 300, split_of.size).astype(np.float64)
    times[rng.random(split_of.size) < 0.02] = np.nan
    found = resplit.time_aware(split_of, times, order=range(splits)).split_of
    known = ~np.isnan(times)
    assert (found[~known] == split_of[~known]).all()
    for k in range(splits - 1):
        first, second = times[known & (found == k)], times[known & (found == k + 1)]
        assert first.size
        assert second.size
        assert first.max() < second.min()
    assert (resplit.time_aware(found, times, order=range(splits)).split_of == found).all()
    was, now = np.bincount(split_of, minlength=splits), np.bincount(found, minlength=splits)
    assert np.abs(was - now).max() <= 0.11 * split_of.size


@given(seeds)
def test_every_class_comes_to_every_split(seed):
    split_of, _, labels = drawn(seed)
    rare = labels == np.unique(labels)[0]
    split_of[rare] = 0  # the others lack it
    found = resplit.stratified(split_of, labels).split_of
    for label in np.unique(labels):
        assert set(found[labels == label].tolist()) == {0, 1, 2}
    assert (found[~rare] == split_of[~rare]).all()
    assert (resplit.stratified(found, labels).split_of == found).all()


@given(seeds)
def test_components_are_what_shared_keys_connect(seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 30, 40).astype(np.uint64) for _ in range(2))
    found = resplit.components([a, b])
    label = list(range(40))  # by brute force
    for _ in range(40):
        for i in range(40):
            near = [label[j] for j in range(40) if a[j] == a[i] or b[j] == b[i]]
            label[i] = min(near)
    expected = np.array(label)
    assert ((found[:, None] == found) == (expected[:, None] == expected)).all()


def test_refusals():
    with pytest.raises(UsageError, match="two splits"):
        resplit.group_aware(np.zeros(4, np.int64), np.arange(4))
    with pytest.raises(UsageError, match="no key"):
        resplit.components([])


@pytest.mark.parametrize("form", ["frames", "files", "column"])
def test_rows_move_and_the_finding_goes(tmp_path, form):
    rng = np.random.default_rng(4)
    patients = rng.integers(0, 120, 700)
    frame = pl.DataFrame(
        {
            "patient_id": [f"p{p:03}" for p in patients],
            "x": rng.normal(size=700) + patients * 0.1,
            "z": rng.normal(size=700),
            "label": (patients % 3 == 0).astype(np.int64),
            "row": [f"r{i}" for i in range(700)],
        }
    )
    cut = rng.random(700) < 0.75
    data = {"train": frame.filter(cut), "test": frame.filter(~cut)}
    settings = {"label": "label", "group": "patient_id", "id": ("row",)}
    source: object = data
    if form == "files":
        for split, part in data.items():
            part.write_csv(tmp_path / f"{split}.csv")
        source = {s: tmp_path / f"{s}.csv" for s in data}
    elif form == "column":
        named = frame.with_columns(split=pl.when(pl.Series(cut)).then(pl.lit("train"))
                                   .otherwise(pl.lit("test")))  # fmt: skip
        named.write_csv(tmp_path / "all.csv")
        source = tmp_path / "all.csv"
    before = datacheck.audit(source, settings=settings)
    plan = before.plan().select(["LK003"])
    assert [s.repair for s in plan.steps] == ["group-aware-split"]
    out = None if form == "frames" else tmp_path / "clean"
    done = fix(source, out, plan=plan, unsafe=True, settings=settings)
    assert done.done[0].rows > 0
    if out is None:
        after = datacheck.audit(done.frames, settings=settings)
        rows = pl.concat(list(done.frames.values()))["row"]
    else:
        after = datacheck.audit(out, settings=settings)
        files = [p for p in out.rglob("*.csv") if "originals" not in p.parts]
        rows = pl.concat([pl.read_csv(p) for p in files], how="diagonal")["row"]
    assert after.of("LK003") == []
    assert sorted(rows.to_list()) == sorted(frame["row"].to_list())
