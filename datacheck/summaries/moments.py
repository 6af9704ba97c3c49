"""Counts, extremes, mean and variance of numeric columns, all columns at once.

Merged by the symmetric form of Chan, Golub & LeVeque (1979) and Pébay (2008): no sums of squares
(which give −128 for a variance of 1 at mean 1e9), and bitwise commutative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from datacheck.dataset import Batch
from datacheck.summaries.base import State, Summary
from datacheck.types import Floats, Ints

CELLS = 1 << 17  # cells handled at once: the temporaries stay in the second-level cache

_ADDED = ("null", "nan", "posinf", "neginf", "finite", "zeros", "fractional")


@dataclass(frozen=True, slots=True)
class Moment:
    """The figures of one column.

    ``n`` rows = ``null`` + ``nan`` + ``posinf`` + ``neginf`` + ``finite``. ``mean``, ``var`` (the
    population variance, ddof 0), ``min`` and ``max`` are of finite values, NaN if there are none;
    ``at_min`` and ``at_max`` count the values equal to them, ``zeros`` those equal to 0,
    ``fractional`` those that are not whole numbers.
    """

    n: int
    null: int
    nan: int
    posinf: int
    neginf: int
    finite: int
    zeros: int
    fractional: int
    mean: float
    var: float
    min: float
    max: float
    at_min: int
    at_max: int

    @property
    def missing(self) -> int:
        """Null or NaN."""
        return self.null + self.nan

    @property
    def sd(self) -> float:
        """Population standard deviation."""
        return float(np.sqrt(self.var))

    @property
    def constant(self) -> bool:
        """One finite value, and nothing but it and missing cells; or no value at all."""
        return self.posinf + self.neginf == 0 and (self.finite == 0 or self.min == self.max)


class Moments(Summary):
    """Moments of numeric, boolean and datetime columns (microseconds since 1970)."""

    def __init__(self, columns: Sequence[str] = (), **params: Any) -> None:
        super().__init__(columns, **params)
        p = len(self.columns)
        self.rows = 0
        self.counts = {name: np.zeros(p, dtype=np.int64) for name in _ADDED}
        self.mean: Floats = np.zeros(p)
        self.m2: Floats = np.zeros(p)
        self.min: Floats = np.full(p, np.inf)
        self.max: Floats = np.full(p, -np.inf)
        self.at_min = np.zeros(p, dtype=np.int64)
        self.at_max = np.zeros(p, dtype=np.int64)
        self._index = {c: i for i, c in enumerate(self.columns)}

    def __getitem__(self, column: str) -> Moment:
        i = self._index[column]
        finite = int(self.counts["finite"][i])
        return Moment(
            n=self.rows,
            mean=float(self.mean[i]) if finite else float("nan"),
            var=float(self.m2[i] / finite) if finite else float("nan"),
            min=float(self.min[i]) if finite else float("nan"),
            max=float(self.max[i]) if finite else float("nan"),
            at_min=int(self.at_min[i]),
            at_max=int(self.at_max[i]),
            **{name: int(v[i]) for name, v in self.counts.items()},
        )

    def __contains__(self, column: str) -> bool:
        return column in self._index

    def update(self, batch: Batch) -> None:
        """Absorb the rows of a batch."""
        if batch.height and self.columns:
            self._absorb(self._of(batch))
        else:
            self.rows += batch.height

    def merge(self, other: Self) -> Self:
        """Both together; bitwise the same as the other way round."""
        self._absorb(other)
        return self

    def _of(self, batch: Batch) -> Moments:
        out = Moments(self.columns)
        out.rows = batch.height
        nulls = batch.frame.select(self.columns).null_count()
        out.counts["null"] = nulls.to_numpy().ravel().astype(np.int64)
        matrix = batch.matrix(self.columns)
        width = max(1, CELLS // batch.height)
        for start in range(0, len(self.columns), width):
            out._block(matrix[:, start : start + width], slice(start, start + width))
        out.counts["nan"] -= out.counts["null"]
        return out

    def _block(self, x: Floats, at: slice) -> None:
        """Fill the columns ``at`` from (rows, columns): regular ones at once, others one by one."""
        with np.errstate(invalid="ignore", over="ignore"):
            sums = x.sum(axis=0)
        regular = np.isfinite(sums)
        if regular.all():
            self._fill(x, sums, np.arange(at.start, at.start + x.shape[1]))
            return
        if regular.any():
            self._fill(x[:, regular], sums[regular], at.start + np.flatnonzero(regular))
        for j in np.flatnonzero(~regular):
            column, i = x[:, j], at.start + int(j)
            good = column[np.isfinite(column)]
            self.counts["nan"][i] = np.count_nonzero(np.isnan(column))
            if good.size + self.counts["nan"][i] < column.size:
                self.counts["posinf"][i] = np.count_nonzero(column == np.inf)
                self.counts["neginf"][i] = np.count_nonzero(column == -np.inf)
            if good.size:
                with np.errstate(over="ignore", invalid="ignore"):
                    total = good.sum(keepdims=True)
                self._fill(good[:, None], total, np.array([i]))

    def _fill(self, x: Floats, sums: Floats, at: Ints) -> None:
        """Finite values only, shape (n, columns) with n > 0, column-major."""
        n = x.shape[0]
        with np.errstate(over="ignore", invalid="ignore"):
            mean = sums / n
            wide = ~np.isfinite(mean)  # near the largest float the sum overflows: divide first
            if wide.any():
                shares = (x[:, wide] / n).sum(axis=0)
                mean[wide] = np.clip(shares, x[:, wide].min(axis=0), x[:, wide].max(axis=0))
            off = x - mean
            m2 = np.einsum("ij,ij->j", off, off)
        m2[np.isnan(m2)] = np.inf
        least, most = x.min(axis=0) + 0.0, x.max(axis=0) + 0.0  # −0 → 0
        self.counts["finite"][at] = n
        self.counts["fractional"][at] = np.count_nonzero(np.floor(x) != x, axis=0)
        spans = np.flatnonzero((least <= 0) & (most >= 0))
        self.counts["zeros"][at[spans]] = np.count_nonzero(x[:, spans] == 0.0, axis=0)
        self.mean[at], self.m2[at] = mean, m2
        self.min[at], self.max[at] = least, most
        self.at_min[at] = np.count_nonzero(x == least, axis=0)
        self.at_max[at] = np.count_nonzero(x == most, axis=0)

    def _absorb(self, other: Moments) -> None:
        a, b = self.counts["finite"], other.counts["finite"]
        total = np.maximum(a + b, 1)
        with np.errstate(over="ignore", invalid="ignore"):
            delta = self.mean - other.mean
            mean = (a * self.mean + b * other.mean) / total
            # Near the largest float the products overflow: divide first.
            shares = a / total * self.mean + b / total * other.mean
            within = np.clip(
                shares, np.minimum(self.min, other.min), np.maximum(self.max, other.max)
            )
            mean = np.where(np.isfinite(mean), mean, within)
            m2 = (self.m2 + other.m2) + delta * delta * (a * b / total)
        # Where one side is empty the other stands as it is, to the last bit.
        self.mean = np.where(b == 0, self.mean, np.where(a == 0, other.mean, mean))
        m2 = np.where(b == 0, self.m2, np.where(a == 0, other.m2, m2))
        self.m2 = np.where(np.isnan(m2), np.inf, m2)  # beyond the largest float
        self.at_min = _at(self.min, self.at_min, other.min, other.at_min, np.less)
        self.at_max = _at(self.max, self.at_max, other.max, other.at_max, np.greater)
        self.min = np.minimum(self.min, other.min)
        self.max = np.maximum(self.max, other.max)
        for name in _ADDED:
            self.counts[name] = self.counts[name] + other.counts[name]
        self.rows += other.rows

    def state(self) -> State:
        """Arrays of shape (columns,), and the number of rows."""
        return {
            "rows": self.rows,
            "mean": self.mean,
            "m2": self.m2,
            "min": self.min,
            "max": self.max,
            "at_min": self.at_min,
            "at_max": self.at_max,
            **self.counts,
        }

    def restore(self, state: State) -> None:
        """Take over a state."""
        self.rows = int(state["rows"])
        self.mean, self.m2 = state["mean"], state["m2"]
        self.min, self.max = state["min"], state["max"]
        self.at_min, self.at_max = state["at_min"], state["at_max"]
        self.counts = {name: state[name] for name in _ADDED}

    def equals(self, other: Self, rtol: float = 1e-9) -> bool:
        """Counts and extremes exactly; mean and m2 within ``rtol`` of the column's own scale."""
        mine, theirs = self.state(), other.state()
        exact = all(np.array_equal(mine[k], theirs[k]) for k in mine if k not in ("mean", "m2"))
        scale = np.maximum(np.abs(self.min), np.abs(self.max))
        scale = np.where(np.isfinite(scale), scale, 0.0)
        n = self.counts["finite"]
        with np.errstate(over="ignore", invalid="ignore"):
            mean_off = np.abs(self.mean - other.mean)
            m2_off = np.abs(self.m2 - other.m2)
            close = (mean_off <= rtol * scale) & (
                ~np.isfinite(self.m2 + other.m2) | (m2_off <= rtol * n * scale * scale)
            )
        return exact and bool(close.all())


def _at(x: Floats, nx: Any, y: Floats, ny: Any, better: Any) -> Any:
    """How many values stand at the better of two extremes."""
    return np.where(better(x, y), nx, np.where(better(y, x), ny, nx + ny))
