"""Batches of a loader: random numbers, order, padding, classes.

Each judge returns findings, or why nothing can be said.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from datacheck.findings import Effect, Finding, Repair, Severity
from datacheck.pipelines.loader_seen import Seen, finding, rows_of, sampler_of
from datacheck.pipelines.recording import State, unwrapped, watch
from datacheck.types import Ints

PADDING = 0.3  # share of padded items beyond which it is told
POOR = 0.7  # share of the classes that random batches would have


def cloned(split: Seen) -> list[Finding] | str:
    """Workers or epochs that draw the same random numbers (DL004)."""
    states = [e.states for e in split.epochs[0]]
    if not any(states):
        return "no dataset with random generators was watched"
    used = {
        name
        for epoch in states
        for s in epoch
        for name in s.before
        if s.before[name] != s.after.get(name)
    }
    out: list[Finding] = []
    firsts = [_first_of_workers(epoch) for epoch in states]
    for name in sorted(used):
        now = {worker: s[name] for worker, s in firsts[0].items() if name in s}
        if len(now) > 1 and len(set(now.values())) < len(now):
            same = len(now) - len(set(now.values())) + 1
            message = f"{same} of {len(now)} workers draw the same random numbers from {name}"
        elif len(firsts) > 1 and any(
            firsts[1].get(w, {}).get(name) == s and s for w, s in now.items()
        ):
            message = f"each epoch draws the same random numbers from {name}"
        else:
            continue
        hint = ": it is copied into each worker" if name.startswith("dataset") else ""
        out.append(
            finding(
                "DL004",
                Severity.WARNING,
                message + hint,
                split,
                count=len(now),
                total=len(now),
                unit="workers",
                evidence={"generator": name},
            )
        )
    return out


def _first_of_workers(states: list[State]) -> dict[int, dict[str, str]]:
    out: dict[int, dict[str, str]] = {}
    for state in states:
        out.setdefault(state.worker, state.before)
    return out


def order(split: Seen) -> list[Finding] | str:
    """No shuffle, or the same one each epoch (DL005)."""
    if not split.train:
        return "evaluation keeps its order"
    orders = [rows_of(split, e) for e in split.epochs[0]]
    n = orders[0].size
    if n < 3:
        return "too few rows to have an order"
    in_order = split.keyed != "content" and bool((np.diff(orders[0]) > 0).all())
    same = len(orders) > 1 and orders[0].size == orders[1].size
    same = same and bool((orders[0] == orders[1]).all())
    if not (in_order or same):
        return []
    severity, more = Severity.WARNING, ""
    if same and not in_order and _turns(split):
        severity, more = Severity.INFO, " unless set_epoch(epoch) is called on its sampler"
    text = "rows come in the order of the file" if in_order else "rows come in the same order"
    return [
        finding(
            "DL005",
            severity,
            text + (", each epoch" if same else "") + more,
            split,
            count=n,
            total=n,
            repairs=(Repair("shuffle", "safe"),),
        )
    ]


def _turns(split: Seen) -> bool:
    """Whether ``set_epoch`` gives another order."""
    inner = unwrapped(split.loaders[0])
    sampler = sampler_of(inner)
    if not hasattr(sampler, "set_epoch"):
        return False
    before = int(getattr(sampler, "epoch", 0))
    sampler.set_epoch(before + 1)
    other = watch(inner, batches=len(split.first[0].rows)).order
    sampler.set_epoch(before)
    order = split.first[0].order
    return other.size != order.size or bool((other != order).any())


def padding(split: Seen) -> list[Finding] | str:
    """Items that only fill up (DL006)."""
    tokens, padded = sum(e.tokens for e in split.first), sum(e.padded for e in split.first)
    if not padded:
        return "batches say nothing about padding"
    share = 1 - tokens / padded
    if share <= PADDING:
        return []
    return [
        finding(
            "DL006",
            Severity.WARNING if split.train else Severity.INFO,  # evaluation keeps its order
            f"{share:.0%} of the items in batches are padding",
            split,
            count=padded - tokens,
            total=padded,
            unit="items",
            effect=Effect("padding share", share, share, share, PADDING),
            repairs=(Repair("length-bucketing", "safe"),),
        )
    ]


def classes(split: Seen) -> list[Finding] | str:
    """Classes that an epoch lacks, or batches that are poor in them (DL007)."""
    labels = [y for e in split.first for y in e.labels]
    if not labels:
        return "batches have no labels of classes"
    every = np.concatenate(labels)
    every = every[every >= 0]
    known, counts = np.unique(every, return_counts=True)
    wanted = _classes_of(split)
    absent = np.setdiff1d(wanted, known) if wanted is not None else known[:0]
    if absent.size:
        return [
            finding(
                "DL007",
                Severity.WARNING,
                f"{absent.size} of {absent.size + known.size} classes do not come in an epoch",
                split,
                count=int(absent.size),
                total=int(absent.size + known.size),
                unit="classes",
                evidence={"classes": absent[:10].tolist()},
            )
        ]
    if not split.train or known.size < 2:
        return []
    # Of n random draws, class c is among them with probability 1 − (1 − p)^n.
    p = counts / counts.sum()
    held = sum(float(np.unique(y[y >= 0]).size) for y in labels)
    chance = sum(float((1 - (1 - p) ** y.size).sum()) for y in labels)
    share = held / chance
    if len(labels) < 3 or share >= POOR:
        return []
    return [
        finding(
            "DL007",
            Severity.WARNING,
            f"batches have {held / len(labels):.1f} classes on average, "
            f"random ones would have {chance / len(labels):.1f}",
            split,
            count=len(labels),
            total=len(labels),
            unit="batches",
            effect=Effect(
                "classes beside random", held / chance, held / chance, held / chance, POOR
            ),
            repairs=(Repair("shuffle", "safe"),),
        )
    ]


def _classes_of(split: Seen) -> Ints | None:
    """The classes that the dataset names: a TensorDataset's or an image folder's, or ours."""
    from datacheck.pipelines.loader import Loader

    inner = unwrapped(split.loaders[0])
    dataset = getattr(inner, "dataset", None)
    if isinstance(inner, Loader):
        collate: Any = inner.collate_fn
        if not collate.label or collate.label not in inner.dataset.fields:  # type: ignore[attr-defined] # a Table
            return None
        values = np.unique(inner.dataset.column(collate.label))  # type: ignore[attr-defined] # as above
        if collate.classes:
            return np.arange(len(collate.classes))
        return values[values >= 0].astype(np.int64) if values.dtype.kind in "iu" else None
    named = getattr(dataset, "targets", getattr(dataset, "labels", None))
    tensors = getattr(dataset, "tensors", None)
    if named is None and isinstance(tensors, tuple) and len(tensors) > 1:
        named = tensors[-1]
    found = None if named is None else np.asarray(named)
    return np.unique(found) if found is not None and found.dtype.kind in "iu" else None
