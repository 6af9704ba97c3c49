"""What lengths of a target are usual for those of a source, and which pairs are far from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datacheck.summaries.pairs import rounded
from datacheck.types import Ints, Mask


@dataclass(frozen=True, slots=True)
class Proportion:
    """Target over source: what is ``usual``, the bounds, and the least difference that counts."""

    usual: float
    low: float
    high: float
    difference: float

    def off(self, of: Ints, to: Ints) -> Mask:
        """Which pairs of lengths, both at least 1, are beyond the bounds; shape as theirs."""
        a, b = rounded(np.asarray(of)).astype(np.float64), rounded(np.asarray(to))
        outside = (b < self.low * a) | (b > self.high * a)
        far = np.abs(b - self.usual * a) >= self.difference
        return np.asarray(outside & far & (a > 0) & (b > 0))
