"""Datasets of chosen structure: they have it, every audit survives them, and they shrink."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from datacheck.errors import UsageError
from datacheck.findings import Status
from datacheck.testing.strategies import Tables, cells, datasets

QUICK = settings(max_examples=40, deadline=None)
TYPES = {
    "number": pl.Float64, "whole": pl.Int64, "category": pl.String, "boolean": pl.Boolean,
    "datetime": pl.Datetime("us"), "text": pl.String, "sequence": pl.List(pl.Int64),
}  # fmt: skip


def smallest(strategy, condition):
    quiet = settings(max_examples=3_000, database=None, phases=[Phase.generate, Phase.shrink])
    return find(strategy, condition, settings=quiet)


@QUICK
@given(datasets(rows=(0, 30), columns=(0, 5), missing=0.4))
def test_usual_datasets(data):
    assert list(data.frames) == ["train", "test"]
    assert data.settings == {"label": "label", "task": "classification"}
    assert data.train.schema == data.test.schema
    assert data.features == data.train.columns[:-1]
    for name in data.features:
        assert data.train[name].dtype == TYPES[name.split("_")[0]]
    for frame in data:
        assert frame.height <= 30
        assert frame["label"].null_count() == 0
        assert frame["label"].is_between(0, 3).all()


@QUICK
@given(
    data=datasets(rows=(1, 60), columns=2, splits=("train", "valid", "test"), label="regression",
                  time="ordered", group="apart", ids=True),
)  # fmt: skip
def test_entities_apart_times_in_order_and_ids(data):
    assert data.settings == {
        "label": "label", "task": "regression", "group": "group", "time": "time", "id": ("id",),
    }  # fmt: skip
    frames = list(data)
    for first, second in pairwise(frames):
        assert first["time"].max() < second["time"].min()
        assert not set(first["group"]) & set(second["group"])
    ids = pl.concat([f["id"] for f in frames])
    assert ids.to_list() == list(range(ids.len()))
    assert max(f["group"].value_counts()["count"].max() for f in frames) <= 8


def test_entities_across_and_times_mixed_can_be_had():
    across = datasets(rows=(5, 40), columns=1, group="across", time="mixed")
    data = smallest(across, lambda d: True)
    assert set(data.train["group"]) & set(data.test["group"])
    smallest(across, lambda d: d.train["time"].max() > d.test["time"].min())


@QUICK
@given(datasets(rows=2000, columns=0, classes=3, imbalance=20, splits=("train",)))
def test_the_mix_of_classes_stays_within_its_bound(data):
    counts = np.bincount(data.train["label"].to_numpy(), minlength=3)
    assert counts[0] / max(counts[2], 1) < 20 * 1.5
    assert counts[2] > 0


@QUICK
@given(datasets(rows=400, columns=3, missing=0.3, splits=("train",)))
def test_no_more_is_missing_than_asked(data):
    shares = [data.train[c].null_count() / 400 for c in data.features]
    assert max(shares) <= 0.45


@pytest.mark.parametrize("pattern", cells.PATTERNS)
def test_patterns_of_missing_cells(pattern):
    strategy = datasets(rows=400, columns=1, kinds=["number"], missing=0.3, patterns=[pattern],
                        splits=("train",))  # fmt: skip
    data = smallest(strategy, lambda d: d.train["number_0"].null_count() > 80)
    gone = data.train["number_0"].is_null().to_numpy()
    if pattern == "label":
        assert not gone[data.train["label"].to_numpy() > 0].any()
    runs = int((np.diff(gone.astype(int)) == 1).sum()) + int(gone[0])
    assert (runs < gone.sum() / 4) == (pattern == "runs")


def test_lengths_have_their_median_and_tail():
    strategy = datasets(rows=500, columns=1, kinds=["sequence"], lengths=9, tail=1.5,
                        splits=("train",))  # fmt: skip
    data = smallest(strategy, lambda d: d.train["sequence_0"].list.len().max() > 150)
    lengths = data.train["sequence_0"].list.len()
    assert 7 <= lengths.median() <= 11
    assert lengths.min() >= 1
    words = smallest(datasets(rows=5, columns=1, kinds=["text"], lengths=4, tail=0), lambda d: True)
    assert words.train["text_0"].str.split(" ").list.len().to_list() == [4] * 5


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=datasets(rows=(0, 40), missing=0.5, imbalance=10, group="across", time="mixed",
                     ids=True), regression=st.just(value=False))  # fmt: skip
def test_every_audit_survives_them(data, regression):
    if not data.train.height:
        return
    report = data.audit()
    assert [o for o in report.outcomes if o.status is Status.FAILED] == []


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=datasets(rows=(40, 60), columns=(2, 4), kinds=["number"]), seed=st.integers(0, 99))
def test_a_copied_row_is_always_found(data, seed):
    planted = data.plant("duplicates-across-splits", 0.5, seed)
    assert planted.audit(select=("LK001",)).of("LK001")


def test_planting_needs_a_label():
    data = smallest(datasets(label=None, rows=3), lambda d: True)
    assert data.label is None
    with pytest.raises(UsageError, match="no label"):
        data.plant("LK001")


# -- shrinking -----------------------------------------------------------------------------------


@pytest.mark.parametrize("least", [1, 13, 100])
def test_it_shrinks_to_the_fewest_rows(least):
    data = smallest(datasets(rows=(0, 300), missing=0.3), lambda d: d.train.height >= least)
    assert (data.train.height, data.test.height) == (least, 0)
    assert len(data.features) == 1
    assert data.features == ["number_0"]
    assert data.train["number_0"].null_count() == 0


def test_it_shrinks_to_the_fewest_columns_of_the_first_kind():
    data = smallest(datasets(columns=(1, 12)), lambda d: len(d.features) >= 5)
    assert data.features == [f"number_{j}" for j in range(5)]
    assert data.train.height == 1
    kinds = smallest(datasets(columns=(1, 12)), lambda d: any("text" in c for c in d.features))
    assert kinds.features == ["text_0"]
    assert kinds.train["text_0"].str.split(" ").list.len().max() == 1


def test_it_shrinks_to_the_least_rate():
    strategy = datasets(rows=400, columns=1, kinds=["number"], missing=0.5, splits=("train",),
                        patterns=["scattered"])  # fmt: skip

    def share(data):
        return data.train["number_0"].null_count() / 400

    data = smallest(strategy, lambda d: share(d) >= 0.2)
    assert 0.2 <= share(data) < 0.22


@QUICK
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 30), more=st.integers(0, 30),
       rate=st.integers(0, 50), further=st.integers(0, 50))  # fmt: skip
def test_shorter_is_a_beginning_and_fewer_holes_are_some_of_many(seed, n, more, rate, further):
    def column(height, share):
        signal = np.zeros(height)
        values = cells.number(0, signal, cells.stream(seed, 0), 1)
        codes = np.zeros(height, np.int64)
        return cells.holes("scattered", share / 100, values, codes, cells.stream(seed, 1))

    long, gone = column(n + more, rate)
    short, _ = column(n, rate)
    assert short.equals(long.head(n))
    _, wider = column(n + more, rate + further)
    assert not (gone & ~wider).any()


def test_the_same_draw_is_the_same_data():
    first = smallest(datasets(rows=(20, 30)), lambda d: True)
    second = smallest(datasets(rows=(20, 30)), lambda d: True)
    assert_frame_equal(first.train, second.train)


# -- the rest ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rows": (5, 2)}, "rows is"),
        ({"columns": -1}, "columns is"),
        ({"kinds": ["number", "colour"]}, "kinds has 'colour'"),
        ({"kinds": []}, "kinds has 'nothing'"),
        ({"patterns": ["often"]}, "patterns has 'often'"),
        ({"label": "ranking"}, "label has 'ranking'"),
        ({"group": True}, "group has True"),
        ({"time": "later"}, "time has 'later'"),
        ({"splits": ()}, "splits are"),
        ({"splits": ("a", "a")}, "splits are"),
        ({"imbalance": 0.5}, "imbalance is 0.5"),
        ({"missing": 1.5}, "missing is 1.5"),
        ({"tail": -1}, "tail is -1"),
    ],
)
def test_what_cannot_be_is_said_at_once(options, said):
    with pytest.raises(UsageError, match=said) as raised:
        datasets(**options)
    assert raised.value.hint


def test_a_counterexample_reads_well():
    data = smallest(datasets(rows=(1, 300), columns=1), lambda d: d.train.height >= 3)
    assert repr(data).startswith("Tables(train=pl.DataFrame({'number_0': [")
    large = smallest(datasets(rows=(50, 300), columns=1), lambda d: True)
    assert "train=<50 rows × 2 columns: number_0, label>" in repr(large)
    assert repr(Tables({"a": pl.DataFrame()})) == "Tables(a=pl.DataFrame({}))"


def test_a_hundred_datasets_take_a_second():
    strategy = datasets(rows=200, columns=8, splits=("train",), missing=0.3)

    @settings(max_examples=100, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy)
    def draw(data):
        assert data.train.shape == (200, 9)

    draw()  # imports, and what is made once
    began = time.process_time()
    draw()
    assert time.process_time() - began < 2  # 0.5 s of an idle core; benchmarks/strategies.py


def test_without_hypothesis_the_error_says_what_to_install():
    script = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import datacheck.testing\n"
        "try:\n    import datacheck.testing.strategies\n"
        "except ModuleNotFoundError as error:\n    print(error)\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 'pip install "datacheck-ml[testing]"' in done.stdout
