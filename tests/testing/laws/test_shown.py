"""Counterexamples are told with their cells where these are few."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from datacheck.testing.laws.comparing import shown


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (pl.DataFrame({"a": [1, 2]}), "{'a': [1, 2]}"),
        (pd.DataFrame({"a": [1, 2]}), "DataFrame {'a': [1, 2]}"),
        (pd.Series([1, 2]), "Series [1, 2]"),
        (np.array([[1.5, 2.0]]), "ndarray [[1.5, 2.0]]"),
        ([1, "x"], "[1, 'x']"),
        (np.zeros((1, 900)), "ndarray of shape (1, 900)"),
        (np.zeros((900, 1)), "ndarray of shape (900, 1)"),
        (pl.DataFrame({"a": range(900)}), "900 rows of a"),
        ("x" * 5, "str"),
    ],
)
def test_data_in_one_line(data, told):
    assert shown(data) == told
