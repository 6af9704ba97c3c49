"""What imputation learns from train: values, donors, regressions, and where cells lack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from datacheck.errors import UsageError
from datacheck.pipelines.fitting.gathering import most_frequent, sample_rows
from datacheck.pipelines.fitting.order_statistics import quantiles
from datacheck.pipelines.fitting.spreads import Looks, looks, of_frame
from datacheck.pipelines.transforms import chained
from datacheck.pipelines.transforms.base import Frames, Value, cells, wrong_type
from datacheck.pipelines.transforms.chained import Chain
from datacheck.pipelines.transforms.neighbors import Neighbors
from datacheck.types import Floats, Mask

if TYPE_CHECKING:
    from datacheck.pipelines.transforms.impute import Impute

JOINT = ("knn", "iterative")
MISSING = "missing"


@dataclass
class Learned:
    """The result, and sentences about it."""

    fill: dict[str, Value] = field(default_factory=dict)
    indicators: tuple[str, ...] = ()
    neighbors: Neighbors | None = None
    chain: Chain | None = None
    said: list[str] = field(default_factory=list)


def learn(one: Impute, frames: Frames) -> Learned:
    """From train's rows. Raises UsageError where a strategy has no meaning for a column."""
    first = next(iter(frames(one.columns)), None)
    if first is None:
        raise UsageError("impute: train has no rows to learn from", "name the train split")
    types: dict[str, pl.DataType] = {c: first.get_column(c).dtype for c in one.columns}
    for c, dtype in types.items():
        _check(one, c, dtype)
    out, seen = Learned(), looks(frames, one.wants)
    for c, value in _simple(one, seen, types).items():
        out.fill[c] = _nothing(types[c]) if value is None else value
        if value is None:
            out.said.append(f"train has no value of {c}: missing cells become {out.fill[c]!r}")
    _joint(one, seen, out)
    if one.indicator is True:
        gone = seen.spreads(one.columns)
        out.indicators = tuple(c for c in one.columns if gone[c].missing)
    elif one.indicator:
        out.indicators = one.indicator
    return out


def _check(one: Impute, c: str, dtype: pl.DataType) -> None:
    """Raises UsageError where the strategy of a column has no meaning for its type."""
    strategy, kind = one.of(c), one.kind
    number = dtype.is_numeric() or dtype == pl.Null
    if dtype.is_nested() or dtype == pl.Binary:
        raise wrong_type(kind, c, dtype, "single values; quarantine empty sequences")
    if strategy in ("median", "mean") and not (number or dtype.is_temporal()):
        raise wrong_type(f"{kind} ({strategy})", c, dtype, "numbers, or most_frequent")
    if strategy in JOINT and not number:
        raise wrong_type(f"{kind} ({strategy})", c, dtype, "numbers, or most_frequent")
    if strategy == "missing" and dtype.is_numeric():
        raise wrong_type(f"{kind} (missing)", c, dtype, "text; median or most_frequent")
    given = one.constant_of(c)
    if strategy == "constant" and dtype != pl.Null and given is not None:
        wanted = str if dtype == pl.String else bool if dtype == pl.Boolean else (int, float)
        if not isinstance(given, wanted) or (isinstance(given, bool) and dtype != pl.Boolean):
            raise wrong_type(f"{kind} (constant {given!r})", c, dtype, "its own type")


def _simple(
    one: Impute, frames: Looks, types: Mapping[str, pl.DataType]
) -> dict[str, Value | None]:
    """The value of each column with a strategy of its own; None where train has none."""
    by: dict[str, tuple[str, ...]] = {}
    for c in one.columns:
        strategy, dtype = one.of(c), types[c]
        if strategy == "missing" and (dtype == pl.Boolean or dtype.is_temporal()):
            strategy = "most_frequent" if dtype == pl.Boolean else "median"
        by[strategy] = (*by.get(strategy, ()), c)
    out: dict[str, Value | None] = {}
    if columns := by.get("median"):
        middle = quantiles(frames, columns, (0.5,))[:, 0].tolist()
        out |= {c: None if v != v else v for c, v in zip(columns, middle, strict=True)}
    if columns := by.get("mean"):
        known = frames.spreads(columns)
        out |= {c: known[c].center if known[c].finite else None for c in columns}
    if columns := by.get("most_frequent"):
        out |= most_frequent(frames, columns)
    out |= {c: one.constant_of(c) for c in by.get("constant", ())}
    out |= {c: one.values.get(c, MISSING) for c in by.get("missing", ())}
    for c, v in out.items():
        if v is not None and types[c].is_temporal():
            out[c] = round(float(v))  # microseconds since 1970
    return {c: out[c] for c in one.columns if c in out}


def _joint(one: Impute, frames: Frames, out: Learned) -> None:
    """What fills several columns together, from a sample of the rows."""
    for strategy in JOINT:
        columns = tuple(c for c in one.columns if one.of(c) == strategy)
        if not columns:
            continue
        rows, total = sample_rows(frames, columns, one.most_rows, one.seed)
        x = matrix(rows, columns)
        x[~np.isfinite(x)] = np.nan
        known: Mask = np.any(~np.isnan(x), axis=0, keepdims=True)[0]
        for j in np.flatnonzero(~known):
            out.fill[columns[j]] = 0.0
            out.said.append(f"train has no value of {columns[j]}: missing cells become 0")
        kept, x = tuple(c for c, k in zip(columns, known, strict=True) if k), x[:, known]
        if rows.height < total:
            out.said.append(f"{strategy} is fitted on {rows.height:,} of {total:,} rows of train")
        if strategy == "knn":
            out.neighbors = _neighbors(one, x, kept)
            continue
        out.chain = chained.fit(x, kept, one.rounds) if kept else Chain({}, ())
        if not out.chain.steps and len(kept) > 1:
            out.said.append("iterative imputation fails on numbers so large: means stand in")
        elif not out.chain.converged:
            out.said.append(f"iterative imputation still moved after {one.rounds} rounds")


def _neighbors(one: Impute, x: Floats, columns: tuple[str, ...]) -> Neighbors:
    donors = {
        c: tuple(None if v != v else v for v in x[:, j].tolist()) for j, c in enumerate(columns)
    }
    rows = pl.DataFrame({c: x[:, j] for j, c in enumerate(columns)})
    means = of_frame(rows, columns)
    return Neighbors(
        one.neighbors, donors, {c: s.center for c, s in zip(columns, means, strict=True)}
    )


def matrix(frame: pl.DataFrame, columns: tuple[str, ...]) -> Floats:
    """float64 of shape (rows, columns); missing is NaN."""
    if not columns:
        return np.empty((frame.height, 0))
    made = [cells(frame, c).cast(pl.Float64).to_numpy() for c in columns]
    return np.stack([np.asarray(x, dtype=np.float64) for x in made], axis=1)


def _nothing(dtype: pl.DataType) -> Value:
    """What stands for a column that has no value in train."""
    if dtype == pl.Boolean:
        return False
    if dtype == pl.String:
        return MISSING
    return 0 if dtype.is_temporal() else 0.0
