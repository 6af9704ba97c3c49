"""Which batches make a step together, such that steps are alike in more than one respect.

A step of one batch from each stratum of the lengths still varies with where in its stratum each
batch lies. Batches are exchanged between steps, within their stratum, for as long as that evens
out the steps: in tokens, in rows, in the first waves of a smooth function of length, and in what
the caller wants mirrored. The steps begin in random order, so they differ from epoch to epoch.
(Balanced sampling: Deville & Tillé 2004 reach it by the cube method; exchange is faster here.)
"""

from __future__ import annotations

import numpy as np

from datacheck.types import Floats, Ints

WAVES = (1.0, 1.0, 0.5)  # weights of cos(jπt), t the batch's rank by mean length: any smooth curve
EVEN_TOKENS = 0.3  # weight of the tokens themselves: they only scale what else is uneven
EVEN_ROWS = 0.5  # and that of the rows beside what is mirrored: what first tokens cost
SWEEPS = 25  # rounds of exchanges a stratum, for few steps
WORK = 40_000  # pairs of steps to look at, for many: a few rounds come near


def features(
    tokens: Floats, rows: Floats, mirror: Floats | None = None, classes: Floats | None = None
) -> Floats:
    """What the steps are to be even in, of each batch: float64 of shape (batches, features).

    ``tokens`` and ``rows`` are the batches' real tokens and rows, ``mirror`` the sums of what the
    caller gave (batches, k), ``classes`` counts (batches, classes). Sums are taken less what the
    batch's tokens (classes: its rows) would have on average, each in units of its deviation. All
    classes together weigh as much as one other feature. Where nothing is to be mirrored, curves
    of length stand for what is not known; else the rows do.
    """
    share = tokens / max(float(tokens.mean()), 1.0)
    found = [EVEN_TOKENS * _standard(tokens[:, None])]
    if mirror is None:
        # By mean length; ties (as of batches of one length) in order.
        rank = np.empty(tokens.size)
        rank[np.argsort(tokens / rows, kind="stable")] = np.arange(tokens.size) + 0.5
        angle = np.pi * rank / max(tokens.size, 1)
        found += [
            w * _standard((share * np.cos(j * angle))[:, None]) for j, w in enumerate(WAVES, 1)
        ]
    else:
        mean = mirror.sum(axis=0) / max(float(tokens.sum()), 1.0)
        found += [EVEN_ROWS * _standard(rows[:, None]), _standard(mirror - tokens[:, None] * mean)]
    if classes is not None:
        off = classes - rows[:, None] * (classes.sum(axis=0) / max(float(rows.sum()), 1.0))
        scale = float(np.sqrt(off.var(axis=0).sum()))
        found.append(off / scale if scale > 0 else off)
    return np.concatenate(found, axis=1)


def _standard(values: Floats) -> Floats:
    """Each column less its mean, over its standard deviation (where there is one)."""
    off = values - values.mean(axis=0)
    deviation = off.std(axis=0)
    return np.asarray(off / np.where(deviation > 0, deviation, 1.0))


def deal(even: Floats, strata: int, random: np.random.Generator) -> Ints:
    """Batches in order of length dealt to steps, one of each stratum: shape (strata, steps).

    ``even`` is of shape (batches, features), batches a multiple of ``strata``. The sum over steps
    of the squared distance of their features from the mean is never more than that of the random
    deal it begins with. Takes O(batches), a bounded number of rounds.
    """
    steps = even.shape[0] // strata
    dealt: Ints = np.argsort(random.random((strata, steps)), axis=1)
    dealt += np.arange(strata)[:, None] * steps
    half = steps // 2
    if strata < 2 or not half:
        return dealt
    off = even[dealt].sum(axis=0)
    off -= off.mean(axis=0)
    rounds = strata * max(6, min(SWEEPS, WORK // (strata * half)))
    for i in range(rounds):
        mine = dealt[i % strata]
        turned = random.permutation(steps)
        a, b = turned[:half], turned[half : 2 * half]
        gap = even[mine[a]] - even[mine[b]]
        # |off_a - gap|² + |off_b + gap|² < |off_a|² + |off_b|², written out
        better = np.einsum("ij,ij->i", gap, off[a] - off[b] - gap) > 0
        a, b, gap = a[better], b[better], gap[better]
        off[a] -= gap
        off[b] += gap
        mine[a], mine[b] = mine[b], mine[a]
    return dealt


def spread(order: Ints, blocks: Ints, labels: Ints, random: np.random.Generator) -> Ints:
    """The rows ``order``, those of each block rearranged so that classes come evenly in it.

    ``blocks`` are the blocks of the places, shape (rows,), ascending; labels are by row.
    """
    held = labels[order]
    together = np.lexsort((held, blocks))
    fresh = np.ones(order.size, dtype=np.bool_)
    fresh[1:] = (np.diff(held[together]) != 0) | (np.diff(blocks[together]) != 0)
    starts = np.flatnonzero(fresh)
    counts = np.diff(np.append(starts, order.size))
    place = np.arange(order.size) - np.repeat(starts, counts) + random.random(order.size)
    at = np.empty(order.size)
    at[together] = place / np.repeat(counts, counts)
    return order[np.lexsort((at, blocks))]
