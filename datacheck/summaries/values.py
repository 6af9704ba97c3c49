"""Value counts: exact up to a cap, and beyond it exact for a uniform sample of the values.

Past the cap only the values with the smallest hashes stay (bottom-k: Beyer et al. 2007, "On
synopses for distinct-value estimation under multiset operations"). A value that stays has been
counted from its first row, so its count is exact; the k-th smallest hash estimates how many
distinct values there are. Dropping by hash keeps the merge associative and commutative. With
``firsts`` the smallest addresses of each value are kept besides: bottom-k again, of addresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from datacheck.dataset import Batch
from datacheck.summaries.base import State, Summary
from datacheck.summaries.hashing import hash_strings

if TYPE_CHECKING:
    import polars as pl

CAP = 50_000


class Values(Summary):
    """Counts per value, values as canonical strings (whole floats without ``.0``); nulls apart.

    ``firsts`` is how many of the smallest addresses of each value stay, 0 for none.
    """

    def __init__(
        self, columns: Sequence[str] = (), cap: int = CAP, firsts: int = 0, **params: Any
    ) -> None:
        super().__init__(columns, cap=cap, firsts=firsts, **params)
        self.cap, self.firsts = cap, firsts
        self._parts: dict[str, list[pl.DataFrame]] = {c: [] for c in self.columns}
        self._full: dict[str, bool] = dict.fromkeys(self.columns, True)

    def __getitem__(self, column: str) -> dict[str, int]:
        """value → count, most frequent first, ties in order of the value."""
        frame = self._compact(column).sort(["n", "v"], descending=[True, False])
        return dict(zip(frame["v"].to_list(), frame["n"].to_list(), strict=True))

    def first(self, column: str) -> dict[str, list[int]]:
        """value → its smallest addresses, ascending; at most ``firsts`` of them."""
        frame = self._compact(column)
        return dict(zip(frame["v"].to_list(), frame["a"].to_list(), strict=True))

    def __contains__(self, column: str) -> bool:
        return column in self._parts

    def complete(self, column: str) -> bool:
        """Whether every value is there; otherwise only a uniform sample of the values is."""
        self._compact(column)
        return self._full[column]

    def distinct(self, column: str) -> float:
        """The number of distinct values; an estimate (±1.4 % at the default cap) past the cap."""
        frame = self._compact(column)
        if self._full[column]:
            return float(frame.height)
        top = float(np.asarray(frame["h"].max(), dtype=np.float64)) / 2.0**64
        return (self.cap - 1) / top

    def update(self, batch: Batch) -> None:
        """Absorb the rows of a batch."""
        for column in self.columns:
            if batch.height:
                self.push(column, batch.frame[column], batch)

    def push(self, column: str, series: pl.Series, batch: Batch) -> None:
        """Absorb the values of one column, one for each row of the batch."""
        self._push(column, _placed(series, batch, self.firsts) if self.firsts else _count(series))

    def merge(self, other: Self) -> Self:
        """Sums per value."""
        for column in self.columns:
            self._full[column] = self._full[column] and other._full[column]
            for part in other._parts[column]:
                self._push(column, part)
        return self

    def _push(self, column: str, part: pl.DataFrame) -> None:
        parts = self._parts[column]
        parts.append(part)
        if len(parts) >= 32 or sum(p.height for p in parts) > 2 * self.cap:
            self._compact(column)

    def _compact(self, column: str) -> pl.DataFrame:
        import polars as pl

        parts = self._parts[column]
        match parts:
            case [only] if "h" in only.columns:  # put together already
                return only
        if parts:
            frame = pl.concat([p.drop("h", strict=False) for p in parts])
            firsts = [pl.col("a").explode().sort().head(self.firsts)] if self.firsts else []
            frame = frame.group_by("v").agg(pl.col("n").sum(), *firsts)
        else:
            lists = {"a": pl.List(pl.Int64)} if self.firsts else {}
            frame = pl.DataFrame(schema={"v": pl.String, "n": pl.Int64, **lists})
        frame = frame.with_columns(hash_strings(frame["v"]).alias("h")).sort(["h", "v"])
        if frame.height > self.cap:
            self._full[column] = False
            frame = frame.head(self.cap)
        self._parts[column] = [frame]
        return frame

    def state(self) -> State:
        """Values sorted by hash, with counts and first addresses, per column."""
        out: State = {}
        for i, column in enumerate(self.columns):
            frame = self._compact(column)
            out[f"v{i}"] = frame["v"].to_list()
            out[f"n{i}"] = frame["n"].to_numpy()
            out[f"full{i}"] = self._full[column]
            if self.firsts:
                out[f"a{i}"] = frame["a"].explode(empty_as_null=False).to_numpy()
        return out

    def restore(self, state: State) -> None:
        """Take over a state."""
        import polars as pl

        for i, column in enumerate(self.columns):
            values = pl.Series("v", state[f"v{i}"], dtype=pl.String)
            counts = pl.Series("n", state[f"n{i}"], dtype=pl.Int64)
            frame = pl.DataFrame([values, counts])
            if self.firsts:
                own = np.repeat(np.arange(frame.height), np.minimum(state[f"n{i}"], self.firsts))
                flat = pl.DataFrame({"i": own, "a": state[f"a{i}"]})
                lists = flat.group_by("i", maintain_order=True).agg("a")["a"]
                frame = frame.with_columns(lists)
            self._parts[column] = [frame]
            self._full[column] = bool(state[f"full{i}"])


def canonical_strings(series: pl.Series) -> pl.Series:
    """Any scalar column as strings: 1.0 and 1 are both ``1``, True is ``true``."""
    import polars as pl

    if series.dtype == pl.String:
        return series
    text = series.cast(pl.String)
    if series.dtype.is_float():
        text = text.str.strip_suffix(".0").replace("-0", "0")
        text = text.replace("NaN", None)
    return text


def _count(series: pl.Series) -> pl.DataFrame:
    import polars as pl

    counted = series.alias("value").drop_nulls().value_counts(name="n")
    values = canonical_strings(counted.to_series(0)).alias("v")
    frame = pl.DataFrame([values, counted["n"].cast(pl.Int64)]).drop_nulls("v")
    # Two spellings of a number (−0.0 and 0.0) may have become one string.
    return frame.group_by("v").agg(pl.col("n").sum()) if series.dtype.is_float() else frame


def _placed(series: pl.Series, batch: Batch, firsts: int) -> pl.DataFrame:
    """Counts, and the first addresses of each value; those of a batch ascend."""
    import polars as pl

    cells = [canonical_strings(series).alias("v"), pl.Series("a", batch.addresses)]
    groups = pl.DataFrame(cells).drop_nulls("v").group_by("v")
    return groups.agg(pl.len().cast(pl.Int64).alias("n"), pl.col("a").head(firsts))
