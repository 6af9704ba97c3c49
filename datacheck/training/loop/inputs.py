"""What a model is called with: tensors taken from a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Inputs = Callable[[Any], tuple[Any, ...]]


def table(batch: Any) -> tuple[Any, ...]:
    """Numbers (batch, features), codes (batch, columns), then values and mask of each sequence.

    What the batch lacks is None.
    """
    pairs = [part for p in batch.sequences.values() for part in (p.values, p.mask)]
    return (batch.x, batch.categories, *pairs)


def unmasked_table(batch: Any) -> tuple[Any, ...]:
    """As :func:`table`, but padding counts as real: a mistake, to be shown."""
    got = table(batch)
    return (*got[:2], *(None if at % 2 else part for at, part in enumerate(got[2:])))


def image(batch: Any) -> tuple[Any, ...]:
    """Images, shape (batch, channels, height, width)."""
    return (batch.x,)


def sequence(batch: Any) -> tuple[Any, ...]:
    """The first sequence of a row and where it is real, both (batch, longest)."""
    return (batch.sequence, batch.mask)


def unmasked_sequence(batch: Any) -> tuple[Any, ...]:
    """As :func:`sequence`, but padding counts as real: a mistake, to be shown."""
    return (batch.sequence, None)


def series(batch: Any) -> tuple[Any, ...]:
    """All sequences of numbers side by side, (batch, longest, columns), and the mask."""
    return (batch.channels(), batch.mask)
