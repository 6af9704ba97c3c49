"""Pairs of pictures that an audit holds for one: those behind its findings, not its examples."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import TypeAlias

from datacheck.checks.near.search import NearOptions, near
from datacheck.checks.near.within import nodes
from datacheck.pipelines.repairing.near_rows import scanned
from datacheck.sources import open_source
from datacheck.sources.options import SourceOptions

Pair: TypeAlias = tuple[str, str]
"""Names in order."""


def pairs_of(folder: Path) -> tuple[set[Pair], int]:
    """All pairs of pictures behind LB004 and LB005, by name, and how many pictures the two rules
    count.
    """
    data = open_source(folder, SourceOptions())
    (split,) = data.splits
    options = NearOptions()
    found = near(scanned(data, options, os.cpu_count() or 1, 1 << 30), options)
    known = nodes(found, split, by_label=False)
    shown = [data.locate(split, int(a)) for a in found.items.addresses[known.rows]]
    names = [one.rpartition("/")[2] for one in shown]
    held: dict[int, list[str]] = {}
    for name, node in zip(names, known.node.tolist(), strict=True):
        held.setdefault(node, []).append(name)
    out = within(held.values())
    for one, other in zip(known.pairs.a.tolist(), known.pairs.b.tolist(), strict=True):
        out |= {_pair(a, b) for a in held[one] for b in held[other]}
    return out, len(names) - len(held) + int(known.gone().sum())


def within(sets: Iterable[Sequence[str]]) -> set[Pair]:
    """All pairs within each of some sets."""
    return {_pair(a, b) for one in sets for a, b in combinations(one, 2)}


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)
