"""Every fault is what it says: in the cells it tells, found by its rule, and by no other error."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import datacheck
from datacheck.checks.codes import CODES, TABLE
from datacheck.errors import UsageError
from datacheck.findings import Severity, Status
from datacheck.testing import faults
from datacheck.testing.faults import FAULTS, Fault, Planted, compose, find
from tests.testing.ordinary import LABEL, ordinary

ALL = [fault for of_rule in FAULTS.values() for fault in of_rule]
IDS = [f"{fault.rule}-{fault.name}" for fault in ALL]
IN_SETTINGS = {"NM004", "DC001"}  # what is wrong is not in the data
every = pytest.mark.parametrize("fault", ALL, ids=IDS)


def plant(fault: Fault, seed: int, severity: float | None = None) -> Planted:
    # A fifth of wrong labels hides where the task itself contradicts itself, as ordinary ones do.
    plain = fault.rule == "LB002"
    rows = 3600 if plain else 900
    frames = ordinary(seed, classes=fault.classification is not False, plain=plain, rows=rows)
    if fault.name == "transforms-differ":
        pytest.importorskip("torchvision")
    return fault(*frames, LABEL, severity, seed + 1)


def test_every_rule_of_data_has_a_fault():
    assert set(FAULTS) == {c.code for c in TABLE if c.judges == "data"}
    assert len({f.name for f in ALL}) == len(ALL)


@every
def test_it_is_documented(fault):
    assert (fault.plant.__doc__ or "").strip()
    assert 0 < fault.severity <= 1
    assert all(CODES[r].severity is Severity.ERROR or r == "MV001" for r in fault.related)
    assert all(reason.strip() for reason in fault.related.values())


@every
def test_it_is_found_by_its_rule_and_by_no_unrelated_error(fault):
    report = plant(fault, 0).audit()
    assert [o for o in report.outcomes if o.status is Status.FAILED] == []
    assert report.of(fault.rule), "not found at the documented severity"
    errors = {f.rule for f in report.findings if f.severity is Severity.ERROR}
    assert errors <= {fault.rule, *fault.related}


def test_nothing_is_found_where_nothing_is_planted():
    for classes in (True, False):
        train, test = ordinary(0, classes=classes)
        report = datacheck.audit({"train": train, "test": test}, label=LABEL)
        assert report.at_least(Severity.WARNING) == [], report


def alike(new: pl.DataFrame, old: pl.DataFrame) -> pl.DataFrame:
    """Where two frames of one height agree, by column; missing agrees with missing."""
    out = []
    for name in new.columns:
        a, b = new[name], old[name]
        if a.dtype != b.dtype and a.dtype.is_numeric() and b.dtype.is_numeric():
            a, b = a.cast(pl.Float64), b.cast(pl.Float64)
        same = a.eq_missing(b) if a.dtype == b.dtype else pl.Series([False] * a.len())
        out.append(same.alias(name))
    return pl.DataFrame(out)


def held(planted: Planted, before: dict[str, pl.DataFrame], fault: Fault) -> None:
    """What was not touched is what it was; what was touched is not."""
    for split, frame in planted.data.items():
        old, origin = before[split], planted.origin[split]
        assert origin.shape == (frame.height,)
        rows = planted.rows(split)
        assert np.array_equal(rows, np.unique(rows))
        columns = planted.columns(split)
        new_names = set(frame.columns) - set(old.columns)
        gone_names = set(old.columns) - set(frame.columns)
        assert new_names - set(fault.adds) | gone_names <= set(columns)
        shared = [c for c in frame.columns if c in old.columns]
        known = origin >= 0
        assert set(np.flatnonzero(~known).tolist()) <= set(rows.tolist())
        came = old.select(pl.all().gather(pl.Series(np.maximum(origin, 0))))
        same = alike(frame.select(shared), came.select(shared))
        touched = np.zeros(frame.height, dtype=bool)
        touched[rows] = True
        for name in shared:
            wrong = ~same[name].to_numpy() & known
            if name in columns:
                wrong &= ~touched
            assert not wrong.any(), f"{name} changed in {split} rows {np.flatnonzero(wrong)}"
        lost = np.setdiff1d(np.arange(old.height), origin)
        told = [t.gone for t in planted.touched if t.split == split]
        assert set(lost.tolist()) <= set(np.concatenate([[], *told]).astype(int).tolist())


@every
@pytest.mark.parametrize("severity", [0.1, None, 1.0])
def test_it_touches_the_cells_that_it_tells_and_no_others(fault, severity):
    planted = plant(fault, 3, severity)
    classes, plain = fault.classification is not False, fault.rule == "LB002"
    rows = 3600 if plain else 900
    train, test = ordinary(3, classes=classes, plain=plain, rows=rows)
    held(planted, {"train": train, "test": test}, fault)
    somewhere = sum(t.rows.size + t.gone.size for t in planted.touched)
    assert bool(somewhere) == (fault.rule not in IN_SETTINGS)
    again = plant(fault, 3, severity)
    for split, frame in planted.data.items():
        assert_frame_equal(again.data[split], frame)


@every
def test_a_touched_cell_is_another_one(fault):
    """But for the order of rows, each touched row differs, is new, or is there twice."""
    planted = plant(fault, 5)
    if fault.rule in (*IN_SETTINGS, "LK008") or fault.name == "mixed-types":
        return  # as is the text of a number without a comma
    classes, plain = fault.classification is not False, fault.rule == "LB002"
    frames = ordinary(5, classes=classes, plain=plain, rows=3600 if plain else 900)
    before = dict(zip(("train", "test"), frames, strict=True))
    for one in planted.touched:
        new, old = planted.data[one.split], before[one.split]
        shared = [c for c in one.columns if c in new.columns and c in old.columns]
        if len(shared) < len(one.columns):
            continue  # a column that is new or gone
        origin = planted.origin[one.split]
        copies = np.bincount(origin[origin >= 0], minlength=old.height)
        came = old.select(pl.all().gather(pl.Series(np.maximum(origin, 0))))
        same = alike(new.select(shared), came.select(shared))
        moved = ~pl.select(pl.all_horizontal(same)).to_series().to_numpy()
        fresh = (origin < 0) | (copies[np.maximum(origin, 0)] > 1) | moved
        assert fresh[one.rows].all()


@every
def test_the_arguments_stay_as_they_are(fault):
    train, test = ordinary(1, classes=fault.classification is not False, rows=90)
    kept = train.clone(), test.clone()
    if fault.name == "transforms-differ":
        pytest.importorskip("torchvision")
    fault(train, test, LABEL, 1.0, 0)
    assert_frame_equal(train, kept[0])
    assert_frame_equal(test, kept[1])


# -- whatever it is planted in -------------------------------------------------------------------


@st.composite
def small(draw):
    """Frames of a few rows with holes, classes by name or number, and other columns."""
    n, m, seed = draw(st.integers(1, 12)), draw(st.integers(1, 12)), draw(st.integers(0, 99))
    named, holes = draw(st.booleans()), draw(st.integers(0, 100))
    frames = []
    for k, height in enumerate((n, m)):
        rng = np.random.default_rng([seed, k])
        gone = pl.Series(rng.random(height) * 100 < holes)
        y = rng.integers(0, 3, height)
        label = np.array(["a", "b", "c"])[y] if named else y
        frames.append(
            pl.DataFrame(
                {
                    "x": rng.normal(size=height),
                    "i": rng.integers(-5, 5, height),
                    "w": np.array(["u", "v"])[rng.integers(0, 2, height)],
                    "y": label,
                }
            ).with_columns(pl.when(gone).then(None).otherwise(pl.all()).name.keep())
        )
    return frames[0], frames[1]


@pytest.mark.parametrize(
    "fault", [f for f in ALL if f.name != "transforms-differ"], ids=lambda f: f.name
)
@given(frames=small(), severity=st.integers(1, 100), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_small_and_holey_tables_take_it_or_say_why_not(fault, frames, severity, seed):
    train, test = frames
    try:
        planted = fault(train, test, "y", severity / 100, seed)
    except UsageError:
        return
    held(planted, {"train": train, "test": test}, fault)
    assert planted.settings["label"] == "y"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("y", 0.0), "severity is 0.0"),
        (("y", 1.5), "severity is 1.5"),
        (("z", 0.5), "no column 'z'"),
    ],
)
def test_what_cannot_be_is_said(arguments, said):
    frame = pl.DataFrame({"x": [1.0, 2, 3], "y": [0, 1, 0]})
    with pytest.raises(UsageError, match=said):
        find("missing-values")(frame, frame, *arguments)


def test_data_that_a_fault_does_not_fit():
    frame = pl.DataFrame({"x": [1.0, 2, 3], "y": [0, 1, 0], "text": ["a", "b", "c"]})
    with pytest.raises(UsageError, match="adds a column 'text'"):
        find("near-copies-across")(frame, frame, "y")
    with pytest.raises(UsageError, match="no rows"):
        find("missing-values")(frame.clear(), frame, "y")
    with pytest.raises(UsageError, match="no feature of numbers"):
        find("missing-values")(frame.select("text", "y"), frame, "y")
    with pytest.raises(UsageError, match="wants a label of numbers"):
        find("skewed-target")(frame, frame, "text")
    with pytest.raises(UsageError, match="wants two classes"):
        find("suspect-labels")(frame.with_columns(y=1), frame, "y")


def test_pandas_frames_are_taken():
    import pandas as pd

    frame = pd.DataFrame({"x": np.arange(50.0), "y": [0, 1] * 25})
    made = find("LK001")(frame, frame, "y")
    assert isinstance(made.test, pl.DataFrame)
    assert made.rules == ("LK001",)


def test_names_are_found_and_near_ones_offered():
    assert find("NM001").name == "z-score"
    assert find("Target-Leak").rule == "LK005"
    with pytest.raises(UsageError, match="did you mean target-leak"):
        find("target-leek")


# -- together ------------------------------------------------------------------------------------

PARTS = [
    "missing-values", "duplicates-within", "group-leak", "imbalance", "times-1000",
    "duplicates-across-splits", "infinite-values", "suspect-labels", "empty-sequences",
]  # fmt: skip


@given(names=st.lists(st.sampled_from(PARTS), min_size=1, max_size=4, unique=True),
       seed=st.integers(0, 999))  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_faults_in_a_chain_tell_where_they_are_in_the_end(names, seed):
    train, test = ordinary(seed, rows=180)
    chain = compose(*names)
    made = chain(train, test, LABEL, 0.5, seed)
    assert made.rules == chain.rules == tuple(find(n).rule for n in names)
    everything = tuple(c for n in names for c in find(n).adds)
    held(made, {"train": train, "test": test}, Fault("chain", "", find("LK001").plant,
                                                     adds=everything))  # fmt: skip
    if len(names) == 1:
        alone = find(names[0])(train, test, LABEL, 0.5, np.random.default_rng(seed))
        for split in ("train", "test"):
            assert_frame_equal(alone.data[split], made.data[split])
            assert np.array_equal(alone.rows(split), made.rows(split))
    if "infinite-values" in names and "missing-values" not in names:
        rows, column = next(
            (t.rows, t.columns[0]) for t, n in zip(made.touched, _parts(names), strict=False)
            if n == "infinite-values"
        )  # fmt: skip
        assert made.train[column].is_infinite().to_numpy().nonzero()[0].tolist() == rows.tolist()


def _parts(names: list[str]) -> list[str]:
    """The fault that each entry of ``touched`` belongs to, as these faults have so many each."""
    many = {"missing-values": 2, "imbalance": 2}
    return [n for n in names for _ in range(many.get(n, 1))]


def test_a_chain_is_found_as_a_whole():
    chain = compose("missing-values", "infinite-values", "group-leak", "duplicates-across-splits")
    made = chain(*ordinary(2), LABEL, 0.8)
    assert {f.rule for f in made.audit().findings} >= {"MV001", "MV002", "LK001", "LK003"}
    assert made.settings == {"label": LABEL, "group": "patient"}


def test_a_chain_that_cannot_be():
    with pytest.raises(UsageError, match="no fault to plant"):
        compose()
    with pytest.raises(UsageError, match="both add a column 'site'"):
        compose("text-sentinel", "unseen-categories")


# -- files ---------------------------------------------------------------------------------------

SHAPES = Path(__file__).resolve().parents[2] / "fixtures" / "shapes"


def test_corrupt_files_are_found_and_told(tmp_path):
    broken = faults.corrupt_files(SHAPES, tmp_path / "bad", 1.0, 0)
    assert broken
    for path in (p for p in SHAPES.rglob("*") if p.is_file()):
        copy = tmp_path / "bad" / path.relative_to(SHAPES)
        assert (copy.read_bytes() != path.read_bytes()) == (copy in broken)
    report = datacheck.audit(tmp_path / "bad", select=("MV006",))
    pictures = [p for p in broken if p.suffix == ".png"]
    assert sum(f.count for f in report.of("MV006")) >= len(pictures) > 0
    with pytest.raises(UsageError, match="there already"):
        faults.corrupt_files(SHAPES, tmp_path / "bad")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no files"):
        faults.corrupt_files(tmp_path / "empty", tmp_path / "other")
    shutil.rmtree(tmp_path / "bad")
