"""Frames that Hypothesis draws for the laws of transforms, and one transform of each kind."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import polars as pl
from hypothesis import strategies as st

from datacheck.pipelines.transforms import make
from datacheck.pipelines.transforms.base import Frames, Transform

HOSTILE = ("^a$", "*", "", 'say "no"', "__x", "žluť 数", "a\nb", "x" * 300, "^.*$")
STRANGE = (None, math.nan, math.inf, -math.inf, 0.0, -0.0, 999.0, 5e-324, 1e308, -1e308)
HUGE = 2  # of them, at the end
WORDS = (None, "a", "b", "c", "other", "?", "", "ä", "1,5", "2.5")


def drawn(seed: int, rows: int, huge: bool = True) -> pl.DataFrame:
    """Columns x, y, z (numbers), i (whole numbers), c (text), b (booleans), s (lists).

    By NumPy from a seed: Hypothesis would take longer to draw the cells than all laws together.
    """
    rng = np.random.default_rng(seed)

    def pick(of: tuple, share: float) -> list:
        return [of[k] if u < share else None for k, u in zip(
            rng.integers(0, len(of), rows).tolist(), rng.random(rows).tolist(), strict=True
        )]  # fmt: skip

    def numbers() -> list:
        strange, kind = rng.choice([0.0, 0.2, 0.6, 1.0]), rng.integers(0, 3)
        plain = [rng.normal(50, 9, rows), rng.integers(-3, 4, rows) * 1.0, np.full(rows, 7.5)][kind]
        return [
            STRANGE[k] if u < strange else v
            for v, u, k in zip(
                plain.tolist(),
                rng.random(rows).tolist(),
                rng.integers(0, len(STRANGE) - (0 if huge else HUGE), rows).tolist(),
                strict=True,
            )
        ]

    share = float(rng.choice([0.0, 0.5, 0.9, 1.0]))
    return pl.DataFrame(
        [
            *(pl.Series(name, numbers(), dtype=pl.Float64) for name in "xyz"),
            pl.Series("i", pick(tuple(range(-9, 10)), share), dtype=pl.Int64),
            pl.Series("c", pick(WORDS, share), dtype=pl.String),
            pl.Series("b", pick((True, False), share), dtype=pl.Boolean),
            pl.Series("s", pick(([], [1.0], [1.0, 2.0, 3.0]), share), dtype=pl.List(pl.Float64)),
        ]
    )


def frames(most: int = 24, huge: bool = True) -> st.SearchStrategy[pl.DataFrame]:
    """Drawn frames of up to ``most`` rows."""
    return st.builds(drawn, st.integers(0, 2**32 - 1), st.integers(0, most), st.just(huge))


def examples() -> dict[str, Transform]:
    """One or more transforms of each kind, over the columns of :func:`frames`."""
    xyzi = ("x", "y", "z", "i")
    return {
        "to_missing": make(
            "to_missing",
            ("x", "i", "c"),
            values={"x": [999, -0.0], "i": [3], "c": ["?"]},
            infinite=True,
        ),
        "map_values": make(
            "map_values",
            ("x", "c", "i"),
            values={"x": [[0, 1.5]], "c": [["a", "A"]], "i": [[1, 2]]},
        ),
        "drop_columns": make("drop_columns", ("y", "c")),
        "truncate": make("truncate", ("s", "c"), length=2),
        "truncate_tail": make("truncate", ("s", "c"), length=2, keep="tail"),
        "parse": make("parse", ("c",), decimal=","),
        "invert": make(
            "invert",
            ("x", "i"),
            maps={"x": [{"scale": 2.0, "offset": -1.0}], "i": [{"function": "exp"}]},
        ),
        "winsorize": make("winsorize", xyzi, k=2.0),
        "map_to_other": make("map_to_other", ("c",)),
        "map_to_other_rare": make("map_to_other", ("c",), least=3),
        "standard": make("scale", xyzi),
        "robust": make("scale", xyzi, method="robust"),
        "minmax": make("scale", xyzi, method="minmax", feature_range=(-1, 1)),
        "median": make("impute", xyzi, indicator=True),
        "mean": make("impute", xyzi, strategy="mean", indicator=("x",)),
        "most_frequent": make("impute", (*xyzi, "c", "b"), strategy="most_frequent"),
        "constant": make(
            "impute",
            ("x", "i", "c", "b"),
            strategy="constant",
            constant=-1,
            values={"c": "?", "b": True},
        ),
        "missing": make("impute", ("c", "b"), strategy="missing", indicator=True),
        "knn": make("impute", xyzi, strategy="knn", neighbors=2),
        "iterative": make("impute", xyzi, strategy="iterative", rounds=2),
        "mixed": make(
            "impute",
            (*xyzi, "c"),
            strategy={"x": "knn", "y": "knn", "z": "mean", "i": "median", "c": "missing"},
            indicator=True,
        ),
    }


IDEMPOTENT = (
    "to_missing", "map_values", "drop_columns", "truncate", "truncate_tail", "parse", "winsorize",
    "map_to_other", "map_to_other_rare", "median", "mean", "most_frequent", "constant", "missing",
    "knn", "iterative", "mixed",
)  # fmt: skip


def whole(frame: pl.DataFrame) -> Frames:
    """Train in one block."""

    def read(columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
        yield frame.select(columns)

    return read


def blocks(frame: pl.DataFrame, size: int) -> Frames:
    """Train in blocks of ``size`` rows."""

    def read(columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
        for at in range(0, max(frame.height, 1), size):
            yield frame.select(columns).slice(at, size)

    return read
