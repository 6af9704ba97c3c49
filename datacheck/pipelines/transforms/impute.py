"""Missing cells filled from what train holds, with a column that tells where they were."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
import polars as pl

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.gathering import (
    mean_of,
    missing_counts,
    moments,
    most_frequent,
    sample_rows,
)
from datacheck.pipelines.order_statistics import quantiles
from datacheck.pipelines.transforms import chained
from datacheck.pipelines.transforms.base import (
    Frames,
    Transform,
    Value,
    cells,
    fits,
    is_missing,
    pick,
    rewrite,
    wrong_type,
)
from datacheck.pipelines.transforms.chained import Chain
from datacheck.pipelines.transforms.neighbors import Neighbors
from datacheck.types import Floats, Mask

Strategy: TypeAlias = Literal[
    "median", "mean", "most_frequent", "constant", "missing", "knn", "iterative"
]
JOINT = ("knn", "iterative")
MISSING = "missing"


@dataclass(frozen=True)
class Impute(Transform):
    """Each missing cell (null or NaN) gets a value, by the ``strategy`` of its column.

    - ``median`` and ``mean``, of numbers and datetimes;
    - ``most_frequent``, the smallest of several;
    - ``constant``: ``constant``, or what ``values`` has for the column;
    - ``missing``: a category of that name in columns of text, or what ``values`` has; booleans and
      datetimes, which have none, get the most frequent and the median;
    - ``knn``: the mean of the ``neighbors`` nearest rows, over all columns with that strategy;
    - ``iterative``: regressions on the other columns with that strategy, at most ``rounds`` times.

    As scikit-learn's ``SimpleImputer``, ``KNNImputer`` and ``IterativeImputer``, but learned from
    finite values, and a column without any in train gets 0, false or "missing". ``knn`` and
    ``iterative`` learn from at most ``most_rows`` rows, drawn by ``seed``. ``indicator``: which
    columns get ``<column><suffix>`` beside them, Int8, 1 where a cell was missing; True: those
    that lack values in train.
    """

    kind: ClassVar[str] = "impute"
    strategy: Strategy | Mapping[str, Strategy] = "median"
    constant: Value | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    indicator: bool | tuple[str, ...] = False
    suffix: str = "_missing"
    neighbors: int = 5
    rounds: int = 10
    most_rows: int = 5_000
    seed: int = 0
    fill_: Mapping[str, Value] | None = None
    indicators_: tuple[str, ...] | None = None
    neighbors_: Neighbors | None = None
    chain_: Chain | None = None
    said_: tuple[str, ...] | None = None

    def check(self) -> None:
        """Every column has its strategy, and its constant where that asks for one."""
        if isinstance(self.strategy, Mapping):
            lacking = [c for c in self.columns if c not in self.strategy]
            if lacking:
                raise UsageError(f"impute has no strategy for {lacking[0]!r}", "name one")
        for c in self.columns:
            if self.of(c) == "constant" and self._constant(c) is None:
                raise UsageError(f"impute has no constant for {c!r}", "give constant, or values")
        for name in ("neighbors", "rounds", "most_rows"):
            if getattr(self, name) < 1:
                raise UsageError(f"impute.{name} is {getattr(self, name)}", "1 or more")
        if not self.suffix:
            raise UsageError("impute.suffix is empty", "such as _missing")
        if isinstance(self.indicator, tuple) and not set(self.indicator) <= set(self.columns):
            odd = next(c for c in self.indicator if c not in self.columns)
            raise UsageError(f"impute: an indicator for {odd!r}", f"columns: {names(self.columns)}")
        self._check_learned()

    def _check_learned(self) -> None:
        if self.fill_ is None:
            return
        for c in self.columns:
            joint = {"knn": self.neighbors_, "iterative": self.chain_}.get(self.of(c))
            known = joint is not None and c in joint.means
            if c not in self.fill_ and not known:
                raise UsageError(f"impute has learned nothing of {c!r}", "fit it again")

    def of(self, column: str) -> Strategy:
        """The strategy of a column."""
        given = self.strategy
        return given[column] if isinstance(given, Mapping) else given

    def _constant(self, column: str) -> Value | None:
        return self.values.get(column, self.constant)

    # -- learn --------------------------------------------------------------------------------

    def learn(self, frames: Frames) -> Self:
        """Fitted on train. Raises UsageError where a strategy has no meaning for a column."""
        first = next(iter(frames(self.columns)), None)
        if first is None:
            raise UsageError("impute: train has no rows to learn from", "name the train split")
        types: dict[str, Any] = dict(first.schema)
        for c in self.columns:
            self._check_type(c, types.get(c, pl.Null()))
        chosen: tuple[str, ...] = ()
        if self.indicator is True:
            gone = missing_counts(frames, self.columns)
            chosen = tuple(c for c in self.columns if gone[c])
        elif self.indicator:
            chosen = self.indicator
        fill = self._simple(frames, types)
        said: list[str] = []
        found = {c: v for c, v in fill.items() if v is not None}
        for c, v in fill.items():
            if v is None:
                found[c] = _nothing(types.get(c, pl.Null()))
                said.append(f"train has no value of {c}: missing cells become {found[c]!r}")
        near, chain = self._joint(frames, found, said)
        return replace(
            self,
            fill_=found,
            indicators_=chosen,
            neighbors_=near,
            chain_=chain,
            said_=tuple(said),
        )

    def _check_type(self, c: str, dtype: pl.DataType) -> None:
        strategy = self.of(c)
        number = dtype.is_numeric() or dtype == pl.Null
        if dtype.is_nested() or dtype.is_(pl.Binary):
            raise wrong_type(self.kind, c, dtype, "single values; quarantine empty sequences")
        if strategy in ("median", "mean") and not (number or dtype.is_temporal()):
            raise wrong_type(f"{self.kind} ({strategy})", c, dtype, "numbers, or most_frequent")
        if strategy in JOINT and not number:
            raise wrong_type(f"{self.kind} ({strategy})", c, dtype, "numbers, or most_frequent")
        text = dtype == pl.String or dtype == pl.Null
        if strategy == "missing" and dtype.is_numeric():
            raise wrong_type(f"{self.kind} (missing)", c, dtype, "text; median or most_frequent")
        given = self._constant(c)
        if strategy == "constant" and dtype != pl.Null and given is not None:
            wanted = str if text else bool if dtype == pl.Boolean else (int, float)
            if not isinstance(given, wanted) or (isinstance(given, bool) and dtype != pl.Boolean):
                raise wrong_type(f"{self.kind} (constant {given!r})", c, dtype, "its own type")

    def _simple(self, frames: Frames, types: Mapping[str, pl.DataType]) -> dict[str, Value | None]:
        """The value of each column with a strategy of its own; None where train has none."""
        by: dict[str, tuple[str, ...]] = {}
        for c in self.columns:
            strategy, dtype = self.of(c), types.get(c, pl.Null())
            if strategy == "missing" and (dtype == pl.Boolean or dtype.is_temporal()):
                strategy = "most_frequent" if dtype == pl.Boolean else "median"
            by[strategy] = (*by.get(strategy, ()), c)
        out: dict[str, Value | None] = {}
        if columns := by.get("median"):
            middle = quantiles(frames, columns, (0.5,))[:, 0].tolist()
            out |= {c: None if v != v else v for c, v in zip(columns, middle, strict=True)}
        if columns := by.get("mean"):
            known = moments(frames, columns)
            out |= {c: mean_of(known[c]) if known[c].finite else None for c in columns}
        if columns := by.get("most_frequent"):
            out |= most_frequent(frames, columns)
        out |= {c: self._constant(c) for c in by.get("constant", ())}
        out |= {c: self.values.get(c, MISSING) for c in by.get("missing", ())}
        for c, v in out.items():
            if v is not None and types.get(c, pl.Null()).is_temporal():
                out[c] = round(float(v))  # microseconds since 1970
        return {c: out[c] for c in self.columns if c in out}

    def _joint(
        self, frames: Frames, fill: dict[str, Value], said: list[str]
    ) -> tuple[Neighbors | None, Chain | None]:
        near, chain = None, None
        for strategy in JOINT:
            columns = tuple(c for c in self.columns if self.of(c) == strategy)
            if not columns:
                continue
            rows, total = sample_rows(frames, columns, self.most_rows, self.seed)
            x = matrix(rows, columns)
            x[~np.isfinite(x)] = np.nan
            known: Mask = np.any(~np.isnan(x), axis=0, keepdims=True)[0]
            for j in np.flatnonzero(~known):
                fill[columns[j]] = 0.0
                said.append(f"train has no value of {columns[j]}: missing cells become 0")
            kept, x = tuple(c for c, k in zip(columns, known, strict=True) if k), x[:, known]
            if rows.height < total:
                said.append(f"{strategy} is fitted on {rows.height:,} of {total:,} rows of train")
            if strategy == "knn":
                near = self._neighbors(x, kept)
            elif kept:
                chain = chained.fit(x, kept, self.rounds)
                if not chain.steps and len(kept) > 1:
                    said.append("iterative imputation fails on numbers so large: means stand in")
                elif not chain.converged:
                    said.append(f"iterative imputation still moved after {self.rounds} rounds")
            else:
                chain = Chain({}, ())
        return near, chain

    def _neighbors(self, x: Floats, columns: tuple[str, ...]) -> Neighbors:
        donors = {
            c: tuple(None if v != v else v for v in x[:, j].tolist()) for j, c in enumerate(columns)
        }
        rows = pl.DataFrame({c: x[:, j] for j, c in enumerate(columns)})
        means = moments(lambda some: iter([pick(rows, some)]), columns)
        return Neighbors(self.neighbors, donors, {c: mean_of(means[c]) for c in columns})

    # -- what it touches ----------------------------------------------------------------------

    @property
    def fitted(self) -> bool:
        """Whether the values are learned."""
        return self.fill_ is not None and self.indicators_ is not None

    @property
    def said(self) -> tuple[str, ...]:
        """What was sampled, and columns that train knows nothing of."""
        return self.said_ or ()

    @property
    def added(self) -> tuple[str, ...]:
        """The indicator columns."""
        return tuple(f"{c}{self.suffix}" for c in self.indicators_ or ())

    @property
    def may_add(self) -> tuple[str, ...]:
        """An indicator for any of the columns."""
        return tuple(f"{c}{self.suffix}" for c in self.columns) if self.indicator else ()

    def avoid(self, taken: Collection[str]) -> Self:
        """With a longer suffix where a column has the name of an indicator."""
        suffix, n = self.suffix, 1
        while any(f"{c}{suffix}" in taken for c in self.columns):
            n += 1
            suffix = f"{self.suffix}_{n}"
        return self if suffix == self.suffix else replace(self, suffix=suffix)

    def narrow(self, columns: Collection[str]) -> Self | None:
        """Columns that are filled together stay together."""
        wanted = {c for c in self.columns if c in columns or f"{c}{self.suffix}" in columns}
        joint = {self.of(c) for c in wanted} & set(JOINT)
        kept = tuple(c for c in self.columns if c in wanted or self.of(c) in joint)
        if not kept:
            return None
        own = self.indicator
        chosen = tuple(c for c in own if c in kept) if isinstance(own, tuple) else own
        learned = self.indicators_
        if learned is not None:
            learned = tuple(c for c in learned if c in kept)
        return self._only(kept, indicator=chosen, indicators_=learned)

    # -- apply --------------------------------------------------------------------------------

    def _apply(self, frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
        flags = self._flags(frame, set(columns))
        filled = self._filled(frame, set(columns))
        out = rewrite(frame, [c for c in columns if c not in filled], self._change)
        return out.with_columns(*filled.values(), *flags) if filled or flags else out

    def _flags(self, frame: pl.DataFrame, here: set[str]) -> list[pl.Series]:
        out = []
        for c in self.indicators_ or ():
            name = f"{c}{self.suffix}"
            if c not in here:
                continue
            x = cells(frame, c)
            one = x.to_frame().select(is_missing(x.dtype, pl.col("x"))).to_series()
            if name in frame.columns:  # filled before: what was missing then stays told
                one = one | (cells(frame, name) != 0)
            out.append(one.cast(pl.Int8).alias(name))
        return out

    def _change(self, name: str, dtype: pl.DataType, x: pl.Expr) -> pl.Expr | None:
        assert self.fill_ is not None
        if name not in self.fill_:
            return None  # filled together with others
        value = self.fill_[name]
        text = isinstance(value, str)
        if dtype == pl.Null:
            kind = pl.String if text else pl.Boolean if isinstance(value, bool) else pl.Float64
            return x.cast(kind).fill_null(value)
        if isinstance(dtype, pl.Categorical | pl.Enum):
            dtype, x = pl.String(), x.cast(pl.String)
        if text is not (dtype == pl.String) or isinstance(value, bool) is not (dtype == pl.Boolean):
            raise wrong_type(f"{self.kind} ({value!r})", name, dtype, "the type that train has")
        if dtype.is_temporal():
            return x.cast(pl.Datetime("us")).fill_null(pl.lit(value).cast(pl.Datetime("us")))
        if dtype.is_integer() and not fits(value, dtype):
            return x.cast(pl.Float64).fill_null(float(value))
        filling = (
            pl.lit(value, dtype=dtype)
            if not dtype.is_integer()
            else pl.lit(int(value), dtype=dtype)
        )
        return (x.fill_nan(None) if dtype.is_float() else x).fill_null(filling)

    def _filled(self, frame: pl.DataFrame, here: set[str]) -> dict[str, pl.Series]:
        """Columns that are filled together, by name; Float64."""
        out: dict[str, pl.Series] = {}
        for state in (self.neighbors_, self.chain_):
            columns = tuple(state.means) if state is not None else ()
            columns = tuple(c for c in columns if c in self.columns)
            if state is None or not columns:
                continue
            lacking = [c for c in state.means if c not in here]
            if lacking:
                raise UsageError(
                    f"impute needs {names(lacking, 5)} to fill {names(columns, 5)}",
                    "these are filled together",
                )
            for c in columns:
                if not (frame.schema[c].is_numeric() or frame.schema[c] == pl.Null):
                    raise wrong_type(self.kind, c, frame.schema[c], "numbers")
            x = matrix(frame, tuple(state.means))
            gone = np.isnan(x)
            if not gone.any():
                for c in columns:
                    out[c] = cells(frame, c).cast(pl.Float64).alias(c)
                continue
            made = state.fill(np.where(np.isfinite(x), x, np.nan))
            made = np.where(gone, made, x)
            for j, c in enumerate(state.means):
                out[c] = pl.Series(c, np.ascontiguousarray(made[:, j]))
        return out


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
