"""The user's own probabilities beside the labels of all rows of a split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from datacheck.checks.base import ADDRESS, Context
from datacheck.checks.support import has_label
from datacheck.dataset import Task
from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.summaries.hashing import hash_column, mix
from datacheck.summaries.values import canonical_strings
from datacheck.types import Floats, Hashes, Ints, Mask

if TYPE_CHECKING:
    from datacheck.checks.pred_probs import PredProbs


@dataclass(frozen=True, eq=False)
class Judged:
    """Rows with a label and class probabilities that did not see it.

    ``addresses`` and ``codes`` (rows,), ``probabilities`` (rows, classes), ``uniform`` (rows,)
    marks rows that are there by chance alone, not for the sake of a rare class. ``sure`` (rows,)
    orders the rows by how sure the predicted class is, ``agreed`` (rows,) marks those of which
    probes of fewer rows say the same.
    """

    addresses: Ints
    codes: Ints
    classes: tuple[str, ...]
    probabilities: Floats
    sure: Floats
    agreed: Mask
    uniform: Mask
    how: str


def ordered(classes: list[str]) -> tuple[str, ...]:
    """Classes as scikit-learn orders them: by value if all are numbers, else as text."""
    try:
        return tuple(sorted(classes, key=lambda c: (float(c), c)))
    except ValueError:
        return tuple(sorted(classes))


def beside_labels(context: Context, split: str, given: PredProbs) -> Judged | None:
    """All labeled rows of the split with their probabilities; None where it has no label.

    Raises UsageError where rows or classes do not fit.
    """
    label = context.label(Task.CLASSIFICATION)
    rows = context.rows[split]
    if given.values.shape[0] != rows:
        raise UsageError(
            f"pred_probs of {split} have {given.values.shape[0]:,} rows, the split has {rows:,}",
            "one row for each, in the order of the split's files",
        )
    if not has_label(context, split):
        return None
    classes = given.classes or ordered(_known(context))
    width = given.values.shape[1]
    if len(classes) != width:
        raise UsageError(
            f"pred_probs of {split} have {width} columns, {label.name} has {len(classes)} classes",
            f"they are {names(classes)}; name the columns after the classes",
        )
    addresses, hashes = _labels(context, split)
    sample = context.class_sample(split)
    text = canonical_strings(sample[label.name])
    position = {c: i for i, c in enumerate(classes)}
    firsts = {t: i for i, t in reversed(list(enumerate(text.to_list()))) if t is not None}
    strange = sorted(t for t in firsts if t not in position)
    if strange:
        raise UsageError(
            f"pred_probs have no column for {names(strange)}",
            f"there are columns for {names(classes)}",
        )
    own = mix(hash_column(sample[label.name]))
    codes = np.full(addresses.size, -1, dtype=np.int64)
    for name, first in firsts.items():
        codes[hashes == own[first]] = position[name]
    known = codes >= 0
    probabilities = np.clip(given.values[known], 0.0, None)
    return Judged(
        addresses[known],
        codes[known],
        tuple(classes),
        probabilities,
        probabilities.max(axis=1),
        np.ones(int(known.sum()), dtype=np.bool_),
        np.ones(int(known.sum()), dtype=np.bool_),
        "the given pred_probs",
    )


def _known(context: Context) -> list[str]:
    """All classes of all splits that have the label."""
    found: dict[str, None] = {}
    for split in context.splits:
        if has_label(context, split):
            found.update(dict.fromkeys(context.values(split)[context.label().name]))
    return list(found)


def _labels(context: Context, split: str) -> tuple[Ints, Hashes]:
    """Addresses of all rows in order, and the hashes of their labels."""
    try:
        table = context.row_hashes(split)
    except KeyError:  # no feature that all splits have: then the sample has to hold all rows
        frame = context.sample(split)
        if frame.height < context.rows[split]:
            raise UsageError(
                f"pred_probs of {split} cannot be laid beside its rows: only a sample was kept",
                f"raise sample above {context.rows[split]:,}",
            ) from None
        return frame[ADDRESS].to_numpy(), mix(hash_column(frame[context.label().name]))
    return table.addresses(), table.labels()
