"""Datasets like a real one, from a bounded sample of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st

from datacheck.dataset import Column, Dataset, Kind, Role
from datacheck.errors import UsageError
from datacheck.testing.strategies.cells import Ragged, cut, holes, picked, stream
from datacheck.testing.strategies.tables import Tables
from datacheck.types import Floats

SAMPLE = 4_096  # rows of each split that are looked at
POINTS = 257  # quantiles of a column of numbers
FEW = 50  # distinct whole numbers that are taken for categories
POOL = 2_000  # most frequent words, items and categories that are kept
WIDE = 200  # columns beyond which no correlations are kept
LEFT_OUT = (Role.IGNORE, Role.MEASURED, Role.SPLIT)


def like(
    source: Any, *, rows: int | tuple[int, int] | None = None, **settings: Any
) -> st.SearchStrategy[Tables]:
    """Datasets like a real one, as a strategy: made-up rows with its splits, columns and habits.

    ``source`` is whatever :func:`datacheck.audit` understands, ``settings`` are fields of
    :class:`~datacheck.config.Config` (``label``, ``group``, …). Kept, split by split, from a
    sample of 4,096 rows: the quantiles of numbers and times, categories and their shares, words
    and items and how many there are, shares of missing cells, the mix of classes, the sizes of
    groups, and the rank correlations of columns (a Gaussian copula: Nelsen 2006, chapter 2).
    Rare values are real ones, rows are not. Columns of pictures and arrays are left out.

    ``rows`` of each split are a number or (least, most), by default up to 200 and no more than
    there are. Examples shrink to fewer rows, and to no missing cells. Raises UsageError where
    there is nothing to imitate, SourceError for data that cannot be read.
    """
    from datacheck.auditing import opened
    from datacheck.config import Config

    data = opened(source, Config(**settings))
    columns = [
        c for c in data.columns.values()
        if c.role not in LEFT_OUT and c.kind not in (Kind.IMAGE, Kind.ARRAY)
    ]  # fmt: skip
    samples, heights = _samples(data, columns)
    if not samples:
        raise UsageError(f"{data.name} holds no rows to imitate", "check what wrote it")
    spans = {}
    for name, height in heights.items():
        low, high = rows if isinstance(rows, tuple) else (rows, rows)
        spans[name] = (1, min(200, height)) if low is None or high is None else (low, high)
        if not 0 <= spans[name][0] <= spans[name][1]:
            raise UsageError(f"rows is {rows}", "a number from 0, or (least, most)")
    models = {name: _Model.of(frame, columns) for name, frame in samples.items()}
    return _drawn(models, spans, _roles(data))


def _samples(
    data: Dataset, columns: list[Column]
) -> tuple[dict[str, pl.DataFrame], dict[str, int]]:
    from datacheck.engines import local
    from datacheck.engines.plan import make_plan
    from datacheck.summaries.base import Need

    if not columns:
        raise UsageError(f"{data.name} has no column to imitate", "pictures and arrays are not")
    need = Need("row_sample", tuple(c.name for c in columns), ())
    scan = local.run(data, make_plan(data, [need], sample=SAMPLE))
    found = {
        split: summary.frame()  # type: ignore[attr-defined] # a RowSample, by construction
        for (split, _), summary in scan.summaries.items()
        if scan.rows[split]
    }
    order = [s for s in data.splits if s in found]
    return {s: found[s] for s in order}, {s: scan.rows[s] for s in order}


def _roles(data: Dataset) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for role in (Role.LABEL, Role.GROUP, Role.TIME):
        if (column := data.role(role)) is not None:
            told[role.value] = column.name
    if ids := data.select(roles=(Role.ID,)):
        told["id"] = ids
    if data.task is not None and data.label is not None:
        told["task"] = data.task.value
    return told


@dataclass(frozen=True, slots=True)
class _Habit:
    """How the cells of one column are spread: quantiles, or a pool with shares."""

    dtype: pl.DataType
    missing: float
    quantiles: Floats | None = None
    pool: pl.Series | None = None
    shares: Floats | None = None
    lengths: Floats | None = None  # quantiles of the items of a list, or the words of a text
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class _Model:
    """One split: a habit for each column, and the root of their correlations (columns, columns)."""

    habits: Mapping[str, _Habit]
    root: Floats

    @classmethod
    def of(cls, frame: pl.DataFrame, columns: list[Column]) -> _Model:
        there = [c for c in columns if c.name in frame.columns]
        habits = {c.name: _habit(frame[c.name], c) for c in there}
        return cls(habits, _root(frame, list(habits)))

    def frame(self, n: int, share: float, at: tuple[int, int]) -> pl.DataFrame:
        """``n`` rows, with ``share`` of the usual missing cells."""
        from scipy.special import ndtr

        width = len(self.habits)
        free = [stream(*at, j).normal(size=n) for j in range(width)]
        u = ndtr(np.column_stack(free) @ self.root.T) if width else np.zeros((n, 0))
        made: dict[str, pl.Series] = {}
        ragged: dict[str, Ragged] = {}
        for j, (name, habit) in enumerate(self.habits.items()):
            cells = _cells(habit, u[:, j], at, j)
            if isinstance(cells, Ragged):
                ragged[name] = cells
            else:
                made[name] = cells
        made.update(cut(ragged))
        out = []
        for j, (name, habit) in enumerate(self.habits.items()):
            cells = made[name].cast(habit.dtype)
            gaps = stream(*at, j, 2)
            rate = habit.missing * share
            if rate:
                cells, _ = holes("scattered", rate, cells, np.zeros(n, np.int64), gaps)
            out.append(cells.alias(name))
        return pl.DataFrame(out)


def _habit(cells: pl.Series, column: Column) -> _Habit:
    if cells.dtype.is_float():
        cells = cells.fill_nan(None)
    known = cells.drop_nulls()
    missing = 1 - known.len() / cells.len()
    if column.role is Role.ID and column.unique:
        return _Habit(cells.dtype, missing, numbered=True)
    if not known.len():
        return _Habit(cells.dtype, 1.0, pool=pl.Series([None], dtype=cells.dtype))
    if isinstance(known.dtype, pl.List):
        items = known.explode(empty_as_null=False, keep_nulls=False).drop_nulls()
        lengths = _quantiles(known.list.len().cast(pl.Float64).to_numpy())
        return _Habit(cells.dtype, missing, lengths=lengths, **_pool(items))
    if column.kind is Kind.TEXT:
        words = known.str.split(" ")
        lengths = _quantiles(words.list.len().cast(pl.Float64).to_numpy())
        pool = _pool(words.explode(empty_as_null=False, keep_nulls=False))
        return _Habit(cells.dtype, missing, lengths=lengths, **pool)
    if column.kind in (Kind.NUMBER, Kind.DATETIME):
        few = known.n_unique() <= FEW and (column.integer or known.dtype.is_integer())
        if not few:
            return _Habit(cells.dtype, missing, quantiles=_quantiles(_as_floats(known)))
    return _Habit(cells.dtype, missing, **_pool(known))


def _as_floats(cells: pl.Series) -> Floats:
    numbers = cells.cast(pl.Datetime("us")).to_physical() if cells.dtype.is_temporal() else cells
    values: Floats = numbers.cast(pl.Float64).to_numpy()
    return values[np.isfinite(values)] if np.isfinite(values).any() else np.zeros(1)


def _quantiles(values: Floats) -> Floats:
    """Values of the sample, so that whole numbers stay whole."""
    if not values.size:
        return np.zeros(POINTS)
    at: Floats = np.quantile(values, np.linspace(0, 1, POINTS), method="inverted_cdf")
    return at


def _pool(cells: pl.Series) -> dict[str, Any]:
    """The most frequent values in an order of their own, and their shares."""
    if not cells.len():
        return {"pool": pl.Series([None], dtype=cells.dtype), "shares": np.ones(1)}
    counts = cells.alias("x").value_counts().sort(["count", "x"], descending=[True, False])
    kept = counts.head(POOL).sort("x")
    shares = kept["count"].to_numpy().astype(np.float64)
    return {"pool": kept["x"], "shares": shares / shares.sum()}


def _cells(habit: _Habit, u: Floats, at: tuple[int, int], place: int) -> pl.Series | Ragged:
    n = u.size
    grid = np.linspace(0, 1, POINTS)
    if habit.numbered:
        return pl.Series(np.arange(n) + at[1] * 1_000_000)
    if habit.lengths is not None:
        lengths = np.round(np.interp(u, grid, habit.lengths)).astype(np.int64)
        longest = int(lengths.max(initial=1))
        assert habit.pool is not None
        draws = stream(*at, place, 1).random((n, max(longest, 1))).ravel()
        items = picked(habit.pool.to_list(), habit.pool.dtype, draws, habit.shares)
        return Ragged(items, lengths, words=not isinstance(habit.dtype, pl.List))
    if habit.quantiles is not None:
        values = np.interp(u, grid, habit.quantiles)
        if habit.dtype.is_temporal():
            return pl.Series(np.round(values).astype(np.int64)).cast(pl.Datetime("us"))
        whole = bool((habit.quantiles == np.round(habit.quantiles)).all())
        return pl.Series(np.round(values) if whole else values)
    assert habit.pool is not None
    return picked(habit.pool.to_list(), habit.pool.dtype, u, habit.shares)


def _root(frame: pl.DataFrame, names: list[str]) -> Floats:
    """A root of the correlations of normal scores; columns that have no order stand alone."""
    from scipy.special import ndtri

    width = len(names)
    ordered = [
        j for j, name in enumerate(names)
        if not isinstance(frame[name].dtype, pl.List | pl.Binary | pl.Array)
    ]  # fmt: skip
    corr = np.eye(width)
    if width <= WIDE and frame.height > 3 * len(ordered) and ordered:
        ranks = frame.select(pl.col(names[j]).rank("average").alias(str(j)) for j in ordered)
        scores = ndtri(ranks.cast(pl.Float64).to_numpy() / (frame.height + 1))
        known = np.maximum(np.isfinite(scores).sum(axis=0), 1)
        scores = np.nan_to_num(scores - np.nansum(scores, axis=0) / known)
        size = np.sqrt((scores**2).sum(axis=0))
        scores = scores / np.where(size > 0, size, 1)
        corr[np.ix_(ordered, ordered)] = scores.T @ scores
        np.fill_diagonal(corr, 1.0)
    # A little of the identity keeps columns that repeat each other from having no root.
    root: Floats = np.linalg.cholesky((corr + 1e-6 * np.eye(width)) / (1 + 1e-6)).astype(np.float64)
    return root


@st.composite
def _drawn(
    draw: st.DrawFn,
    models: Mapping[str, _Model],
    spans: Mapping[str, tuple[int, int]],
    roles: Mapping[str, Any],
) -> Tables:
    heights = [draw(st.integers(*spans[name])) for name in models]
    share = draw(st.integers(0, 100)) / 100
    seed = draw(st.integers(0, 2**32 - 1))
    frames = {
        name: model.frame(n, share, (seed, k))
        for k, ((name, model), n) in enumerate(zip(models.items(), heights, strict=True))
    }
    return Tables(frames, dict(roles))
