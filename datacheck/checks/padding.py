"""What padding costs, in closed form from a histogram of lengths: random batches, and buckets.

A batch is padded to its longest sequence. Of ``batch`` independent draws the longest is at most
``l`` with probability F(l)**batch, which gives its mean without simulating a batch.
"""

from __future__ import annotations

import math

import numpy as np

from datacheck.checks.base import NotApplicable
from datacheck.dataset import Dataset, Kind, Role, Task
from datacheck.summaries.base import Need
from datacheck.summaries.lengths import Histogram
from datacheck.types import Floats, Ints

POINTS = 512  # edges that the search for buckets considers
OVERLONG = 10.0  # medians beyond which a length is an outlier (SL004), not the tail of the others


def length_columns(data: Dataset, split: str = "") -> list[str]:
    """Sequence and text features (of a split), and such a label where it is no class."""
    roles = [Role.FEATURE] if data.task is Task.CLASSIFICATION else [Role.FEATURE, Role.LABEL]
    splits = [split] if split else []
    return list(data.select(Kind.SEQUENCE, Kind.TEXT, roles=roles, splits=splits))


def need_lengths(data: Dataset) -> list[Need]:
    """Length histograms of :func:`length_columns`. Raises NotApplicable if there are none."""
    columns = tuple(length_columns(data))
    if not columns:
        raise NotApplicable("no sequence or text columns")
    return [Need("lengths", columns, data.measure.params)]


def fence(median: float, factor: float = OVERLONG) -> float:
    """The length beyond which rows are overlong; of a median of at least 2: words need room."""
    return factor * max(median, 2.0)


def within(histogram: Histogram, limit: float) -> Histogram:
    """The lengths that do not exceed the limit."""
    keep = histogram.lengths <= limit
    return Histogram(histogram.lengths[keep], histogram.counts[keep], histogram.missing)


def expected_max(lengths: Ints, counts: Ints, batch: int) -> float:
    """Mean of the longest of ``batch`` random sequences; 0 if there are none."""
    n = int(counts.sum())
    if not n:
        return 0.0
    reached = (np.cumsum(counts) / n) ** min(batch, n)
    return float((lengths * np.diff(reached, prepend=0.0)).sum())


def waste(lengths: Ints, counts: Ints, batch: int) -> float:
    """Share of padding in random batches: 1 − mean / E[longest]; 0 where nothing is padded."""
    longest = expected_max(lengths, counts, batch)
    mean = float((lengths * counts).sum() / counts.sum()) if longest > 0 else 0.0
    return max(0.0, 1.0 - mean / longest) if longest > 0 else 0.0


def waste_interval(histogram: Histogram, batch: int, z: float) -> tuple[float, float, float]:
    """:func:`waste` with its interval, as (value, low, high).

    Standard error by the delta method: waste is a smooth function of the distribution function,
    and each sequence's influence on it follows from the histogram.
    """
    n, mean = histogram.n, histogram.mean
    lengths, counts = histogram.lengths, histogram.counts
    longest = expected_max(lengths, counts, batch)
    if n < 2 or longest <= 0:
        return 0.0, 0.0, 1.0
    b = min(batch, n)
    reached = np.cumsum(counts) / n
    steps = np.diff(lengths, append=lengths[-1:]).astype(np.float64)
    tail = np.cumsum((reached ** (b - 1) * steps)[::-1])[::-1]  # Σ over l ≥ x of F(l)**(b−1) Δl
    on_longest = -b * (tail - float((reached**b * steps).sum()))
    on_waste = -(lengths - mean) / longest + mean / longest**2 * on_longest
    se = math.sqrt(float((on_waste**2 * counts).sum()) / n / n)
    value = max(0.0, 1.0 - mean / longest)
    return value, max(0.0, value - z * se), min(1.0, value + z * se)


def bucket_edges(lengths: Ints, counts: Ints, k: int) -> Ints:
    """The upper edges of the at most ``k`` buckets that need the least padding.

    Dynamic programme (Fisher 1958; Bellman 1961) over at most :data:`POINTS` candidate edges; the
    cost of a bucket is that of padding all its sequences to its edge.
    """
    if not lengths.size:
        return np.zeros(0, dtype=np.int64)
    at = _candidates(lengths, counts)
    edges = lengths[at].astype(np.float64)
    rows = np.cumsum(counts)[at].astype(np.float64)
    before = np.concatenate([[0.0], rows])
    m, k = edges.size, min(k, edges.size)
    # spent[i, j]: padded size of a bucket with the points i … j; infinite where i > j
    spent = (before[None, 1:] - before[:-1, None]) * edges[None, :]
    spent[np.tril_indices(m, -1)] = np.inf
    best, first = spent[0], []
    for _ in range(k - 1):
        with_one_more = np.concatenate([[np.inf], best[:-1]])[:, None] + spent
        first.append(np.argmin(with_one_more, axis=0))
        best = np.minimum(with_one_more.min(axis=0), best)
    out, j = [m - 1], m - 1
    for starts in reversed(first):
        i = int(starts[j])
        if i == 0:
            break
        j = i - 1
        out.append(j)
    return np.asarray(edges[sorted(out)], dtype=np.int64)


def bucketed_waste(lengths: Ints, counts: Ints, edges: Ints, batch: int) -> float:
    """Share of padding when batches are drawn within buckets with those upper edges."""
    held = padded = 0.0
    for part in np.split(np.arange(lengths.size), np.searchsorted(lengths, edges, side="right")):
        if part.size:
            held += float((lengths[part] * counts[part]).sum())
            longest = expected_max(lengths[part], counts[part], batch)
            padded += float(counts[part].sum()) * longest
    return max(0.0, 1.0 - held / padded) if padded > 0 else 0.0


def quantile_interval(histogram: Histogram, q: float, z: float) -> tuple[float, float]:
    """Interval of a quantile: the order statistics at q ± z √(q(1−q)/n)."""
    half = z * math.sqrt(q * (1 - q) / max(histogram.n, 1))
    return histogram.quantile(q - half), histogram.quantile(q + half)


def skewness_low(histogram: Histogram, z: float) -> float:
    """Lower end of the interval of the skewness, by the delta method; 0 if lengths are equal."""
    if histogram.n < 3:
        return 0.0
    off = histogram.lengths - histogram.mean
    weights = histogram.counts / histogram.n
    m2, m3 = float((off**2 * weights).sum()), float((off**3 * weights).sum())
    if m2 <= 0:
        return 0.0
    g1: float = m3 / m2**1.5
    influence: Floats = (off**3 - m3 - 3 * m2 * off) / m2**1.5 - 1.5 * g1 * (off**2 / m2 - 1)
    return g1 - z * math.sqrt(float((influence**2 * weights).sum()) / histogram.n)


def _candidates(lengths: Ints, counts: Ints) -> Ints:
    """Indices of the candidate edges: all lengths, or those at even steps of rows and of items."""
    if lengths.size <= POINTS:
        return np.arange(lengths.size, dtype=np.int64)
    steps = np.arange(1, POINTS // 2 + 1) / (POINTS // 2)
    found = []
    for mass in (counts.astype(np.float64), counts * lengths.astype(np.float64)):
        total = np.cumsum(mass)
        found.append(np.searchsorted(total, steps * total[-1]))
    return np.unique(np.concatenate(found)).astype(np.int64)  # the last step is the longest
