"""How values are distributed, in few numbers that splits share: what a picture is drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from datacheck.findings import clip, tidy

if TYPE_CHECKING:
    from datacheck.types import Floats

BINS = 40
LEVELS = (0.005, *(k / 40 for k in range(1, 40)), 0.995)


def shape(found: dict[str, Floats]) -> dict[str, Any]:
    """Quantiles of each split, and counts in bins that all splits share.

    The bins reach from the least 0.5 % quantile to the greatest 99.5 % one; what lies outside is
    counted as ``below`` and ``above``. Whole numbers over a short range get a bin each.
    """
    with np.errstate(all="ignore"):  # what lies between two huge numbers may be none
        quantiles = {s: np.quantile(v, LEVELS) for s, v in found.items()}
    low = min(float(q[0]) for q in quantiles.values())
    high = max(float(q[-1]) for q in quantiles.values())
    whole = all(bool((v == np.rint(v)).all()) for v in found.values())
    edges = np.array([low, high])
    if whole and high - low < BINS and max(abs(low), abs(high)) < 2.0**50:
        edges = np.arange(np.floor(low), np.ceil(high) + 2) - 0.5
    elif (high - low) / BINS > 1e-12 * max(abs(low), abs(high)) and np.isfinite(high - low):
        edges = np.linspace(low, high, BINS + 1)
    return {
        "low": tidy(float(edges[0])),
        "high": tidy(float(edges[-1])),
        "splits": {
            s: {
                "n": int(v.size),
                "below": int((v < edges[0]).sum()),
                "above": int((v > edges[-1]).sum()),
                "counts": _counts(v, edges),
                "quantiles": [tidy(float(q)) for q in quantiles[s]],
            }
            for s, v in found.items()
        },
    }


def _counts(values: Floats, edges: Floats) -> list[int]:
    if edges.size < 3:  # all values are one, or no bins lie between them
        return [int(((values >= edges[0]) & (values <= edges[-1])).sum())]
    return [int(n) for n in np.histogram(values, edges)[0]]


def most_frequent(found: dict[str, dict[str, int]], most: int) -> dict[str, Any]:
    """Counts of the values that are most frequent in any split, and how many values are left."""
    share: dict[str, float] = {}
    for counts in found.values():
        total = sum(counts.values())
        for value, n in counts.items():
            share[value] = max(share.get(value, 0.0), n / total)
    ranked = sorted(share, key=lambda v: (-share[v], v))
    kept = ranked[:most]
    names = [str(clip(v)) for v in kept]
    return {
        "values": names,
        "splits": {s: [int(c.get(v, 0)) for v in kept] for s, c in found.items()},
        "rows": {s: int(sum(c.values())) for s, c in found.items()},
        "left_out": len(ranked) - len(kept),
    }


def length_edges(longest: int) -> Sequence[int]:
    """Lower edges of the bins: each length its own up to 48, else even steps of the logarithm."""
    if longest <= 48:
        return list(range(longest + 1))
    grown = np.unique(np.rint(np.geomspace(1, longest, 48)).astype(np.int64))
    return [0, *(int(g) for g in grown)]
