"""# classes-missing-from-batches (DL007)

## What it finds
Classes that a whole epoch does not have, and batches for training that have fewer classes than
batches drawn at random would.

## Why it hurts training
A batch without some classes pulls the model towards the others, and the next one pulls it back:
the loss saw-tooths. A class that does not come at all is forgotten.

## How it is measured
The labels of all batches of an epoch are counted. The classes that should come are those that the
dataset names (`targets`, `labels`, the last tensor of a `TensorDataset`, or those of datacheck's
loaders). If all come, the classes of each batch are compared with what random rows would have: of
n draws, a class with share p is among them with probability 1 − (1 − p)^n. Over all batches (three
at least) the ratio of both must be below `share`. This second part is for train only.

## Example
120 rows that are sorted by their four classes, in batches of 10 without a shuffle: "batches have
1.0 classes on average, random ones would have 3.8".

## Repair and repair safety
`shuffle` (safe), where batches are poor in classes. Classes that do not come are left out by a
sampler; that is for you to mend.

## Options
- `share` (0.7): told if batches have less than this share of the classes that random ones would
  have.

## Known limits
Labels are seen where a batch plainly has some. A sampler of few classes a batch that is meant, as
for contrastive losses, is told all the same.

## References
- Zhao & Zhang 2014, "Accelerating Minibatch Stochastic Gradient Descent using Stratified
  Sampling", arXiv:1405.3080.
- Ioffe 2017, "Batch Renormalization: Towards Reducing Minibatch Dependence in Batch-Normalized
  Models", NeurIPS: minibatches that are not drawn independently.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from datacheck.checks.base import NotApplicable
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding, Repair
from datacheck.pipelines.loader_rules.base import LoaderRule
from datacheck.pipelines.loader_rules.seen import Seen
from datacheck.types import Ints

FEWEST = 3  # batches, below which nothing is said of them


@dataclass(frozen=True)
class ClassesMissingFromBatches(LoaderRule):
    """Classes that an epoch lacks, or batches that are poor in them."""

    why = "a batch without some classes pulls the model towards the others: the loss saw-tooths"
    repairs = (Repair("shuffle", "safe"),)

    share: float = 0.7

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise UsageError(f"share is {self.share}", "a share, such as 0.7")

    def judge_loader(self, split: Seen) -> Iterable[Finding]:
        labels = [y for e in split.first for y in e.labels]
        if not labels:
            raise NotApplicable("batches have no labels of classes")
        every = np.concatenate(labels)
        known, counts = np.unique(every[every >= 0], return_counts=True)
        wanted = _classes_of(split)
        absent = np.setdiff1d(wanted, known) if wanted is not None else known[:0]
        if absent.size:
            yield self._absent(split, absent, known)
        elif split.train and known.size > 1 and len(labels) >= FEWEST:
            yield from self._poor(split, labels, counts)

    def _absent(self, split: Seen, absent: Ints, known: Ints) -> Finding:
        return self.finding(
            f"{absent.size} of {absent.size + known.size} classes do not come in an epoch",
            splits=split.splits,
            count=absent.size,
            total=absent.size + known.size,
            unit="classes",
            evidence={"classes": absent[:10].tolist()},
            repairs=(),
        )

    def _poor(self, split: Seen, labels: list[Ints], counts: Ints) -> Iterable[Finding]:
        # Of n random draws, class c is among them with probability 1 − (1 − p)^n.
        p = counts / counts.sum()
        held = sum(float(np.unique(y[y >= 0]).size) for y in labels)
        chance = sum(float((1 - (1 - p) ** y.size).sum()) for y in labels)
        share = held / chance
        if share >= self.share:
            return
        yield self.finding(
            f"batches have {held / len(labels):.1f} classes on average, "
            f"random ones would have {chance / len(labels):.1f}",
            splits=split.splits,
            count=len(labels),
            total=len(labels),
            unit="batches",
            effect=Effect("classes beside random", share, share, share, self.share),
        )


def _classes_of(split: Seen) -> Ints | None:
    """The classes that the dataset names: a TensorDataset's or an image folder's, or ours."""
    from datacheck.pipelines.loader import Loader

    inner = split.loaders[0]
    dataset = getattr(inner, "dataset", None)
    if isinstance(inner, Loader):
        collate: Any = inner.collate_fn
        table: Any = inner.dataset
        if not collate.label or collate.label not in table.fields:
            return None
        values = np.unique(table.column(collate.label))
        if collate.classes:
            return np.arange(len(collate.classes))
        return values[values >= 0].astype(np.int64) if values.dtype.kind in "iu" else None
    named = getattr(dataset, "targets", getattr(dataset, "labels", None))
    tensors = getattr(dataset, "tensors", None)
    if named is None and isinstance(tensors, tuple) and len(tensors) > 1:
        named = tensors[-1]
    found = None if named is None else np.asarray(named)
    return np.unique(found) if found is not None and found.dtype.kind in "iu" else None
