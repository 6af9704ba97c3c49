"""How surprising each row of tokens is: what steps of like surprise are dealt by.

Length alone does not tell a batch's loss; what is in it does, and some of that can be known before
training: a row's code length under a model of single tokens, pairs and triples. How much that says
of a model's loss depends on the model and on how far it is trained; ``benchmarks/batching.py``
measures it for one small model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from datacheck.errors import UsageError
from datacheck.types import Floats, Ints

ORDERS = 3
PRIOR = 4.0  # how many tokens' worth the shorter context counts (MacKay & Peto 1995)
TOP_BITS = 22  # counts are kept for hashes of so many bits at most: 32 MiB an order
BLOCK = 1 << 14  # rows at a time
MIX = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: Fibonacci hashing

Block = tuple[Any, Ints]
"""Token ids of some rows, after each other, and the rows' lengths."""


def surprise(rows: Sequence[Any] | Iterable[Any]) -> Floats:
    """Code lengths in nats of rows of token ids, float64 of shape (rows, 3).

    ``rows`` are sequences of whole numbers; the columns are the sums of −log p over each row's
    tokens, where p is the share of the token among all, after the token before, and after the two
    before, each backed off to the shorter context; a row's beginning is a context of its own.
    Give it to ``BucketBatchSampler(..., mirror=surprise(rows))``. Raises UsageError for what are
    no whole numbers.
    """
    held = [np.asarray(row) for row in rows]
    for row in held:
        if row.ndim != 1 or (row.size and row.dtype.kind not in "iu"):
            raise UsageError(
                f"a row of shape {row.shape} and type {row.dtype}", "rows are lists of token ids"
            )

    def blocks() -> Iterator[Block]:
        for i in range(0, len(held), BLOCK):
            some = held[i : i + BLOCK]
            lengths = np.array([row.size for row in some], dtype=np.int64)
            full = [row for row in some if row.size]
            yield (np.concatenate(full) if full else np.zeros(0, dtype=np.int64)), lengths

    return surprise_of(blocks)


def surprise_of(blocks: Callable[[], Iterable[Block]]) -> Floats:
    """The same of rows that come in blocks; they are gone through twice, and never held."""
    total = sum(int(lengths.sum()) for _, lengths in blocks())
    bits = min(TOP_BITS, max(10, (4 * total).bit_length()))
    grams = np.zeros((ORDERS, 1 << bits))
    contexts = np.zeros((ORDERS, 1 << bits))
    for tokens, lengths in blocks():
        for k, (context, gram) in enumerate(_hashed(tokens, lengths, bits)):
            contexts[k] += np.bincount(context, minlength=1 << bits)
            grams[k] += np.bincount(gram, minlength=1 << bits)
    out = [np.zeros((0, ORDERS))]
    for tokens, lengths in blocks():
        codes = np.zeros((lengths.size, ORDERS))
        p = np.full(len(tokens), 1 / max(total, 1))
        row = np.repeat(np.arange(lengths.size), lengths)
        for k, (context, gram) in enumerate(_hashed(tokens, lengths, bits)):
            prior = PRIOR if k else 0.0
            p = (grams[k][gram] + prior * p) / (contexts[k][context] + prior)
            codes[:, k] = np.bincount(row, -np.log(p), minlength=lengths.size)
        out.append(codes)
    return np.concatenate(out)


def _hashed(tokens: Any, lengths: Ints, bits: int) -> Iterator[tuple[Ints, Ints]]:
    """Hashes of (context, context and token) of each token, by the length of the context."""
    ids = np.asarray(tokens).astype(np.int64).view(np.uint64) + np.uint64(2)
    ends = np.cumsum(lengths)
    place = np.arange(ids.size) - np.repeat(ends - lengths, lengths)
    down = np.uint64(64 - bits)
    context = np.ones(ids.size, dtype=np.uint64)
    for k in range(ORDERS):
        if k:
            before = np.ones(ids.size, dtype=np.uint64)  # 1: before the beginning
            before[place >= k] = ids[np.flatnonzero(place >= k) - k]
            context = _mixed(context, before)
        yield (
            (_mixed(context, MIX) >> down).astype(np.int64),
            (_mixed(context, ids) >> down).astype(np.int64),
        )


def _mixed(left: Any, right: Any) -> Any:
    mixed = (left ^ (left >> np.uint64(29))) * MIX + right  # uint64 wraps around, as it is meant to
    mixed = (mixed ^ (mixed >> np.uint64(32))) * MIX
    return mixed ^ (mixed >> np.uint64(29))
