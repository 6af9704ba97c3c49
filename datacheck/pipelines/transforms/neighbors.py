"""Missing numbers from the nearest rows of train (Troyanskaya et al. 2001), as ``KNNImputer``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from datacheck.errors import UsageError
from datacheck.types import Floats, Ints, Mask

BLOCK = 1 << 17  # distances held at once: they stay in the second-level cache


@dataclass(frozen=True)
class Neighbors:
    """The donors: rows of train by column (None is missing), and what stands in without any.

    ``means`` are those of the donors, for a row that has nothing in common with any of them;
    ``neighbors`` is how many donors give their mean.
    """

    neighbors: int
    donors: Mapping[str, tuple[float | None, ...]]
    means: Mapping[str, float]

    def __post_init__(self) -> None:
        if self.neighbors < 1:
            raise UsageError(f"{self.neighbors} neighbors", "1 or more")
        if len({len(v) for v in self.donors.values()}) > 1 or set(self.donors) != set(self.means):
            raise UsageError("donors of unlike lengths", "fit it again")

    @cached_property
    def matrix(self) -> Floats:
        """The donors, shape (rows, columns), column-major; missing is NaN."""
        made = [np.array(v, dtype=np.float64) for v in self.donors.values()]
        return np.asfortranarray(np.stack(made, axis=1)) if made else np.empty((0, 0))

    def fill(self, x: Floats) -> Floats:
        """x of shape (rows, columns of ``donors``) with NaN filled, as a copy.

        The distance is √(columns / shared · Σ over shared (x − donor)²). Among donors at one
        distance those come first that stand first. Each pair's distance is summed on its own, in
        the order of the columns: what a row gets does not depend on the rows beside it.
        """
        out = np.array(x, dtype=np.float64, order="F")
        gone: Mask = np.isnan(x)
        lacking = np.flatnonzero(gone.any(axis=1))
        if not lacking.size:
            return out
        patterns, which = np.unique(gone[lacking], axis=0, return_inverse=True)
        step = max(1, BLOCK // max(self.matrix.shape[0], 1))
        for k, pattern in enumerate(patterns):
            rows = lacking[which.ravel() == k]
            for start in range(0, rows.size, step):
                part = rows[start : start + step]
                self._fill(x[part], out, part, pattern)
        return out

    def _fill(self, x: Floats, out: Floats, rows: Ints, pattern: Mask) -> None:
        distance = self._distances(x, np.flatnonzero(~pattern))
        means = list(self.means.values())
        for j in np.flatnonzero(pattern):
            giving = np.flatnonzero(~np.isnan(self.matrix[:, j]))
            values, far = self.matrix[giving, j], distance[:, giving]
            k = min(self.neighbors, giving.size)
            if not k:
                out[rows, j] = means[j]
                continue
            near = np.isfinite(far)
            nearest = _first(far, k)
            picked = np.take_along_axis(near, nearest, axis=1)
            shares = np.where(picked, values[nearest], 0.0)
            count = picked.sum(axis=1)
            with np.errstate(over="ignore", invalid="ignore"):
                mean = shares.sum(axis=1) / count
                if not np.isfinite(mean).all():  # near the largest float the sum overflows
                    mean = np.where(np.isfinite(mean), mean, (shares / count[:, None]).sum(axis=1))
            out[rows, j] = np.where(near.any(axis=1), mean, means[j])

    def _distances(self, x: Floats, shared: Ints) -> Floats:
        """Mean squared differences over what both have, (rows, donors); inf where nothing is."""
        total = np.zeros((x.shape[0], self.matrix.shape[0]))
        common = np.zeros(self.matrix.shape[0])
        with np.errstate(over="ignore", invalid="ignore"):
            for j in shared:
                donor = self.matrix[:, j]
                off = x[:, j, None] - donor
                has = ~np.isnan(donor)
                if not has.all():
                    off[:, ~has] = 0.0
                common += has
                off *= off
                total += off
            out = total / common
        out[:, common == 0] = np.inf
        return np.nan_to_num(out, nan=np.inf, posinf=np.inf)


def _first(far: Floats, k: int) -> Ints:
    """The columns of the k smallest in each row; of equal ones the first."""
    if k >= far.shape[1]:
        return np.tile(np.arange(far.shape[1]), (far.shape[0], 1))
    limit = np.partition(far, k - 1, axis=1)[:, k - 1 : k]
    below, level = far < limit, far == limit
    left = k - below.sum(axis=1, keepdims=True)
    keep = below | (level & (np.cumsum(level, axis=1) <= left))
    return np.nonzero(keep)[1].reshape(far.shape[0], k)
