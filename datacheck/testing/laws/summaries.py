"""The laws that every summary keeps, for anyone's own summary too.

``check_summary(summary, batch, seed)`` takes an identity and some rows, and raises
AssertionError naming the law that is broken and the rows that break it:

identity, associativity, commutativity, batch-split invariance, and the round trip through bytes.
Two states compare by the summary's own :meth:`~datacheck.summaries.base.Summary.equals`;
commutativity is exact, as merges are written symmetrically.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from datacheck.dataset import Batch
from datacheck.summaries.base import Summary
from datacheck.testing.laws.comparing import shown


def pieces(batch: Batch, cuts: Sequence[int]) -> list[Batch]:
    """The batch cut before the given rows."""
    edges = [0, *sorted(cuts), batch.height]
    return [
        Batch(
            batch.frame.slice(a, b - a),
            batch.rows[a:b],
            batch.file,
            {column: raw.slice(a, b - a) for column, raw in batch.tokens.items()},
        )
        for a, b in pairwise(edges)
    ]


def of(summary: Summary, *batches: Batch) -> Summary:
    """A new summary of those batches, absorbed one after the other."""
    out = type(summary)(summary.columns, **summary.params)
    for batch in batches:
        out.update(batch)
    return out


def _hold(kept: bool, law: str, summary: Summary, *batches: Batch) -> None:
    """Raises AssertionError that tells the law, the summary, and the rows."""
    if not kept:
        rows = "; ".join(shown(b.frame) for b in batches)
        raise AssertionError(f"{type(summary).__name__} breaks {law}, on {rows}")


def identity(summary: Summary, batch: Batch) -> None:
    """Merging with the identity changes nothing, on either side."""
    alone = of(summary, batch)
    _hold(of(summary, batch).merge(of(summary)).equals(alone), "x + 0 = x", summary, batch)
    _hold(of(summary).merge(of(summary, batch)).equals(alone), "0 + x = x", summary, batch)


def associativity(summary: Summary, a: Batch, b: Batch, c: Batch) -> None:
    """(a + b) + c = a + (b + c)."""
    left = of(summary, a).merge(of(summary, b)).merge(of(summary, c))
    right = of(summary, a).merge(of(summary, b).merge(of(summary, c)))
    _hold(left.equals(right), "(a + b) + c = a + (b + c)", summary, a, b, c)


def commutativity(summary: Summary, a: Batch, b: Batch) -> None:
    """a + b = b + a, to the last bit."""
    ab = of(summary, a).merge(of(summary, b))
    ba = of(summary, b).merge(of(summary, a))
    _hold(ab.equals(ba), "a + b = b + a", summary, a, b)
    _hold(ab.to_bytes() == ba.to_bytes(), "a + b = b + a in every byte", summary, a, b)


def split_invariance(summary: Summary, batch: Batch, cuts: Sequence[int]) -> None:
    """However the rows are cut into batches, updated or merged, the answer is the same."""
    whole, parts = of(summary, batch), pieces(batch, cuts)
    law = "updates of parts = update of the whole"
    _hold(of(summary, *parts).equals(whole), law, summary, *parts)
    merged = of(summary)
    for part in parts:
        merged = merged.merge(of(summary, part))
    _hold(merged.equals(whole), "merged parts = the whole", summary, *parts)


def round_trip(summary: Summary, batch: Batch) -> None:
    """Bytes and back give the same state, and the same bytes again."""
    filled = of(summary, batch)
    data = filled.to_bytes()
    back = type(summary).from_bytes(data)
    _hold(back.equals(of(summary, batch)), "from_bytes(to_bytes(x)) = x", summary, batch)
    _hold(back.to_bytes() == data, "the bytes are canonical", summary, batch)


def check_summary(summary: Summary, batch: Batch, seed: int = 0) -> None:
    """All laws that a summary has to keep, on cuts of the batch drawn from ``seed``.

    ``summary`` is an identity (new, and empty) and stays one. Raises AssertionError with the law
    and the rows that break it.
    """
    __tracebackhide__ = True  # what is told is the counterexample
    rng = np.random.default_rng(seed)
    identity(summary, batch)
    round_trip(summary, batch)
    cuts = sorted(rng.integers(0, batch.height + 1, size=3).tolist())
    split_invariance(summary, batch, cuts)
    a, b, c, _ = pieces(batch, cuts)
    commutativity(summary, a, b)
    associativity(summary, a, b, c)
