import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck

SEEDS = st.integers(0, 2**32 - 1)


def audit(train: pl.DataFrame, **flags) -> datacheck.Report:
    given_ = {"label": "label", "select": ("LK005",), **flags}
    return datacheck.audit({"train": train}, settings=given_)


def clean(rng: np.random.Generator, classes: int, n: int = 300) -> pl.DataFrame:
    """A good feature, noise, names that few rows share, and a category of few values."""
    y = rng.integers(0, classes, n)
    return pl.DataFrame(
        {
            "good": y + 0.5 * rng.normal(size=n),
            "noise": rng.normal(size=n),
            "name": [f"n{v}" for v in rng.integers(0, n // 2, n)],
            "site": rng.choice(["a", "b", "c"], n),
            "label": [f"c{v}" for v in y],
        }
    )


@settings(max_examples=25, deadline=None, derandomize=True)
@given(SEEDS, st.integers(2, 6))
def test_clean_data_is_clean(seed, classes):
    assert not audit(clean(np.random.default_rng(seed), classes)).findings


@settings(max_examples=15, deadline=None, derandomize=True)
@given(SEEDS)
def test_a_label_of_numbers_that_is_clean_is_clean(seed):
    rng = np.random.default_rng(seed)
    y = np.exp(rng.normal(size=200))
    frame = pl.DataFrame(
        {"good": y + 0.3 * rng.normal(size=200), "x": rng.normal(size=200), "label": y}
    )
    assert not audit(frame).findings


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_finding_does_not_hang_on_the_order_of_rows_and_columns(classes, order):
    rng = np.random.default_rng(7)
    frame = clean(rng, classes)
    code = {f"c{k}": int(v) for k, v in enumerate(rng.permutation(100)[:classes])}
    frame = frame.with_columns(code=frame["label"].replace_strict(code))
    mixed = np.random.default_rng(order)
    names = [frame.columns[i] for i in mixed.permutation(frame.width)]
    (found,) = audit(frame[mixed.permutation(frame.height)].select(names)).findings
    assert (found.columns, found.count, found.total) == (("code",), 1, 5)


def test_many_columns_do_not_make_more_alarms():
    rng = np.random.default_rng(3)
    wide = pl.DataFrame({f"x{i}": rng.normal(size=120) for i in range(1500)})
    assert not audit(wide.with_columns(label=pl.Series(rng.integers(0, 2, 120)))).findings


def test_a_rare_class_is_seen():
    rng = np.random.default_rng(4)
    y = np.zeros(20_000, dtype=int)
    y[rng.permutation(20_000)[:30]] = 1
    frame = pl.DataFrame(
        {"copy": y + rng.normal(scale=0.05, size=20_000), "x": rng.normal(size=20_000), "label": y}
    )
    (found,) = audit(frame).findings
    assert found.columns == ("copy",)


@pytest.mark.parametrize("sign", [1, -1])
def test_sums_are_found_among_many_columns(sign):
    rng = np.random.default_rng(5)
    frame = pl.DataFrame({f"x{i}": rng.normal(size=150).round(3) for i in range(300)})
    (found,) = audit(frame.with_columns(label=pl.col("x7") + sign * pl.col("x250"))).findings
    assert found.columns == ("x250", "x7")
    assert found.count == found.total == 150


def test_values_at_the_ends_of_floats_do_no_harm():
    rng = np.random.default_rng(6)
    y = rng.normal(size=200) * 3e307
    x = y / 2
    x[:3] = np.inf, -np.inf, np.nan
    frame = pl.DataFrame({"z": rng.normal(size=200) * 1e-310, "x": x, "label": y})
    (found,) = audit(frame, task="regression").findings
    assert found.columns == ("x",)
