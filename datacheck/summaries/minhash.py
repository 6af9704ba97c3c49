"""MinHash bands of sets of shingles (Broder 1997, "On the resemblance and containment of
documents").

Two sets of Jaccard similarity J have the same minimum under one hash function with probability J;
under the three of a band all at once with J³; in one of eight bands at least with 1 − (1 − J³)⁸:
0.997 at J = 0.8, 0.95 at 0.68, 0.22 at 0.3. A hash function is a product with an odd number modulo
2³², as the shingles are well mixed before.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from datacheck.summaries.hashing import mix, seed
from datacheck.types import Ints

BANDS, ROWS = 8, 3
Bands = npt.NDArray[np.uint32]
_FACTORS = (mix(np.arange(BANDS * ROWS, dtype=np.uint64) ^ np.uint64(seed("minhash")))).astype(
    np.uint32
) | np.uint32(1)
_STEP = np.uint64(0x9E3779B97F4A7C15)


def bands(shingles: npt.NDArray[np.uint32], starts: Ints, ends: Ints) -> Bands:
    """uint32 of shape (sets, 8): set i holds ``shingles[starts[i] : ends[i]]``, at least one.

    The sets ascend and do not overlap.
    """
    out = np.empty((starts.size, BANDS), dtype=np.uint32)
    if not starts.size:
        return out
    own, begins = _packed(shingles, starts, ends)
    product = np.empty_like(own)
    least = np.empty((BANDS * ROWS, starts.size), dtype=np.uint32)
    for factor, found in zip(_FACTORS, least, strict=True):
        np.multiply(own, factor, out=product)
        np.minimum.reduceat(product, begins, out=found)
    key = np.zeros((BANDS, starts.size), dtype=np.uint64)
    for row in range(ROWS):
        key = mix(key * _STEP + least[row::ROWS])
    out[:] = (key >> np.uint64(32)).T
    return out


def _packed(
    shingles: npt.NDArray[np.uint32], starts: Ints, ends: Ints
) -> tuple[npt.NDArray[np.uint32], Ints]:
    """The shingles of the sets without what lies between, and where each set begins there."""
    sizes = ends - starts
    begins = np.cumsum(sizes) - sizes
    if int(begins[-1] + sizes[-1]) == shingles.size:
        return shingles, begins
    change = np.zeros(shingles.size + 1, dtype=np.int8)
    change[starts] += 1  # no set begins where another does
    change[ends] -= 1
    return shingles[np.cumsum(change[:-1], dtype=np.int8).view(np.bool_)], begins
