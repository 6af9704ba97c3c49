"""The profile: what pictures are drawn from is right, small, the same on any number of threads."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from datacheck.auditing import run_audit
from datacheck.checks.profile import MOST
from datacheck.checks.shapes import LEVELS, length_edges, most_frequent, shape
from datacheck.config import Config
from tests.checks.test_battery import ROOT

FLOATS = arrays(np.float64, st.integers(1, 200),
                elements=st.floats(-1e307, 1e307) | st.sampled_from([0.5, 0.7, 3.0, 1e300])
                | st.integers(-20, 20).map(float))  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(FLOATS, FLOATS)
def test_every_value_is_counted_once_and_quantiles_ascend(train, test):
    made = shape({"train": train, "test": test})
    for split, values in (("train", train), ("test", test)):
        one = made["splits"][split]
        assert one["n"] == values.size
        assert sum(one["counts"]) + one["below"] + one["above"] == values.size
        known = [q for q in one["quantiles"] if q is not None]
        assert len(one["quantiles"]) == len(LEVELS)
        if len(known) == len(LEVELS):  # not finite where two huge numbers lie too far apart
            assert known == sorted(known)
            slack = 1e-5 * np.abs(values).max()
            assert values.min() - slack <= known[0]
            assert known[-1] <= values.max() + slack
    assert len({len(s["counts"]) for s in made["splits"].values()}) == 1


def test_whole_numbers_over_a_short_range_have_a_bin_each():
    made = shape({"train": np.array([1.0, 2, 2, 5])})
    assert (made["low"], made["high"]) == (0.5, 5.5)
    assert made["splits"]["train"]["counts"] == [1, 2, 0, 0, 1]


@given(st.integers(0, 10**9))
def test_bins_of_lengths_begin_at_0_ascend_and_hold_the_longest(longest):
    edges = list(length_edges(longest))
    assert edges[0] == 0
    assert edges == sorted(set(edges))
    assert edges[-1] <= longest
    assert len(edges) <= 49


COUNTS = st.dictionaries(st.text(max_size=4), st.integers(1, 99), max_size=20)


@given(COUNTS, COUNTS)
def test_no_row_is_lost_among_the_most_frequent(one, other):
    made = most_frequent({"a": one, "b": other}, 5)
    assert len(made["values"]) + made["left_out"] == len({*one, *other})
    assert made["rows"] == {"a": sum(one.values()), "b": sum(other.values())}
    kept = sum(made["splits"]["a"])
    assert kept <= made["rows"]["a"]


def test_quantiles_are_those_of_the_data_and_the_same_on_any_number_of_threads():
    folder = ROOT / "fixtures" / "clinic"
    one = run_audit(str(folder), Config(threads=1)).profile
    assert one == run_audit(str(folder), Config(threads=4)).profile
    values = pl.read_csv(folder / "test.csv", infer_schema_length=None)["glucose"].drop_nulls()
    told = one["numbers"]["glucose"]["splits"]["test"]
    assert told["n"] == len(values)
    assert told["quantiles"] == pytest.approx(np.quantile(values, LEVELS), rel=1e-5)
    assert one["missing"]["lactate"]["test"] == [84, 400]
    assert sum(one["classes"]["splits"]["train"]) == 1200
    lengths = one["lengths"]["visit_codes"]["splits"]["train"]
    assert sum(lengths["counts"]) == lengths["n"]


def test_a_report_is_not_lost_where_its_shapes_cannot_be_made(monkeypatch):
    def broken(*_):
        raise ValueError("no\nway")

    monkeypatch.setattr("datacheck.checks.profile.shape", broken)
    made = run_audit(str(ROOT / "fixtures" / "clinic"), Config())
    assert made.profile == {}
    assert made.assumptions[-1].endswith("they could not be made: ValueError: no way")
    assert len(made.findings) == 18


def test_only_what_findings_name_and_a_bounded_number_of_columns():
    rng = np.random.default_rng(0)
    frame = {f"c{i}": rng.normal(i % 3, 1.0, 400) for i in range(300)}
    moved = {k: v + 3 for k, v in frame.items()}
    made = run_audit({"train": pl.DataFrame(frame), "test": pl.DataFrame(moved)}, Config())
    assert made.of("NM")
    assert len(json.dumps(made.profile)) < 40_000
    assert all(len(made.profile.get(k, ())) <= MOST for k in ("numbers", "missing"))
    plain = pl.DataFrame({"a": rng.normal(size=50)})
    clean = run_audit({"train": plain}, Config(select=("MV002",)))
    assert clean.profile == {}
