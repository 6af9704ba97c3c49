"""Missing cells filled from what train holds, with a column that tells where they were."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self, TypeAlias

import numpy as np
import polars as pl

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.fitting.spreads import Spread, named
from datacheck.pipelines.transforms import impute_fit
from datacheck.pipelines.transforms.base import (
    Frames,
    Transform,
    Value,
    cells,
    fits,
    is_missing,
    rewrite,
    wrong_type,
)
from datacheck.pipelines.transforms.chained import Chain
from datacheck.pipelines.transforms.impute_fit import JOINT, matrix
from datacheck.pipelines.transforms.neighbors import Neighbors

Strategy: TypeAlias = Literal[
    "median", "mean", "most_frequent", "constant", "missing", "knn", "iterative"
]


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
            if self.of(c) == "constant" and self.constant_of(c) is None:
                raise UsageError(f"impute has no constant for {c!r}", "give constant, or values")
        for name in ("neighbors", "rounds", "most_rows"):
            if getattr(self, name) < 1:
                raise UsageError(f"impute.{name} is {getattr(self, name)}", "1 or more")
        if not self.suffix:
            raise UsageError("impute.suffix is empty", "such as _missing")
        if isinstance(self.indicator, tuple) and not set(self.indicator) <= set(self.columns):
            odd = next(c for c in self.indicator if c not in self.own)
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

    def constant_of(self, column: str) -> Value | None:
        """The constant that a column is given, if any."""
        return self.values.get(column, self.constant)

    def learn(self, frames: Frames) -> Self:
        """Fitted on train. Raises UsageError where a strategy has no meaning for a column."""
        found = impute_fit.learn(self, frames)
        return replace(
            self,
            fill_=found.fill,
            indicators_=found.indicators,
            neighbors_=found.neighbors,
            chain_=found.chain,
            said_=tuple(found.said),
        )

    @property
    def wants(self) -> tuple[str, ...]:
        """Columns that get their mean, and those whose missing cells decide on an indicator."""
        return tuple(c for c in self.columns if self.indicator is True or self.of(c) == "mean")

    def carries(self, column: str) -> bool:
        """Where each missing cell gets the same value."""
        return column not in self.own or self.of(column) not in JOINT

    def spread(self, column: str, before: Spread) -> Spread | None:
        """As many values more as there were missing cells."""
        if column not in self.own:
            return before
        value = (self.fill_ or {}).get(column)
        if value is None:
            return None
        return Spread() if isinstance(value, str) else before.filled(float(value))

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
        asked = set(columns)
        wanted = {c for c in self.columns if c in asked or f"{c}{self.suffix}" in asked}
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
        wanted = [c for c in self.indicators_ or () if c in here]
        table = named([frame.get_column(c) for c in wanted])
        ones = [is_missing(d, pl.col(c)).cast(pl.Int8) for c, d in table.schema.items()]
        out, have = [], set(frame.columns)
        for c, one in zip(wanted, table.select(ones).iter_columns() if ones else (), strict=True):
            name = f"{c}{self.suffix}"
            if name in have:  # filled before: what was missing then stays told
                one = (one.cast(pl.Boolean) | (cells(frame, name) != 0)).cast(pl.Int8)
            out.append(one.alias(name))
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
            columns = tuple(c for c in columns if c in self.own)
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
