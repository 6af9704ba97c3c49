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
    edges = np.stack([starts, ends], axis=1).ravel()
    edges = edges[: edges.size - int(edges[-1] == shingles.size)]
    product = np.empty_like(shingles)
    for band in range(BANDS):
        key = np.zeros(starts.size, dtype=np.uint64)
        for row in range(ROWS):
            np.multiply(shingles, _FACTORS[band * ROWS + row], out=product)
            key = mix(key * _STEP + np.minimum.reduceat(product, edges)[::2])
        out[:, band] = key >> np.uint64(32)
    return out
