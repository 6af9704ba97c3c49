"""Datasets of chosen kinds, roles and structure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import polars as pl
from hypothesis import strategies as st

from datacheck.errors import UsageError
from datacheck.testing.strategies import cells
from datacheck.testing.strategies.tables import Tables
from datacheck.types import Floats, Ints

Span: TypeAlias = int | tuple[int, int]
LABEL, GROUP, TIME, ID = "label", "group", "time", "id"


def datasets(
    *,
    rows: Span = (1, 200),
    columns: Span = (1, 8),
    kinds: Sequence[str] = cells.KINDS,
    splits: Sequence[str] = ("train", "test"),
    label: Literal["classification", "regression"] | None = "classification",
    classes: Span = (2, 4),
    imbalance: float = 1.0,
    group: Literal["apart", "across"] | None = None,
    time: Literal["ordered", "mixed"] | None = None,
    ids: bool = False,
    missing: float = 0.0,
    patterns: Sequence[str] = cells.PATTERNS,
    lengths: Span = (1, 20),
    tail: float = 0.5,
) -> st.SearchStrategy[Tables]:
    """Datasets, as a strategy.

    ``rows`` of each split and feature ``columns`` are a number or (least, most); features are of
    the ``kinds`` number, whole, category, boolean, datetime, text, sequence. The first and most
    frequent of the ``classes`` is at most ``imbalance`` times as frequent as the last; labels are
    whole numbers from 0, or for regression floats; numbers tell something of the label.

    ``group`` adds a column of entities of up to 8 rows, whose splits keep them ``apart`` or have
    them ``across``; ``time`` a column of moments, in which splits follow each other (``ordered``)
    or not (``mixed``); ``ids`` a column that numbers the rows.

    ``missing`` is the largest share of a feature that is null, its cells chosen by one of the
    ``patterns``: scattered, runs (of eight rows), largest (not at random), label (one class only).
    ``lengths`` is the median number of items of sequences and words of texts, ``tail`` the largest
    sigma of their log-normal distribution (0.5: calm, 1.7: the longest is 50 times the median).

    Examples shrink to fewer rows and columns, numbers before other kinds, no holes, short
    sequences of one length, and an even mix. Raises UsageError for arguments that cannot be.
    """
    plan = _Plan(
        _span("rows", rows, 0), _span("columns", columns, 0), tuple(kinds), tuple(splits), label,
        _span("classes", classes, 1), imbalance, group, time, ids, missing, tuple(patterns),
        _span("lengths", lengths, 1), tail,
    )  # fmt: skip
    plan.check()
    return _drawn(plan)


@dataclass(frozen=True, slots=True)
class _Plan:
    rows: tuple[int, int]
    columns: tuple[int, int]
    kinds: tuple[str, ...]
    splits: tuple[str, ...]
    label: str | None
    classes: tuple[int, int]
    imbalance: float
    group: str | None
    time: str | None
    ids: bool
    missing: float
    patterns: tuple[str, ...]
    lengths: tuple[int, int]
    tail: float

    def check(self) -> None:
        _among("kinds", self.kinds, cells.KINDS)
        _among("patterns", self.patterns, cells.PATTERNS)
        _among("label", (self.label,), ("classification", "regression", None))
        _among("group", (self.group,), ("apart", "across", None))
        _among("time", (self.time,), ("ordered", "mixed", None))
        if not self.splits or len(set(self.splits)) < len(self.splits):
            raise UsageError(f"splits are {self.splits}", "name at least one, each once")
        for name, value, low, high in (
            ("imbalance", self.imbalance, 1, 1e6), ("missing", self.missing, 0, 1),
            ("tail", self.tail, 0, 5),
        ):  # fmt: skip
            if not low <= value <= high:
                raise UsageError(f"{name} is {value}", f"it lies between {low} and {high:g}")


def _span(name: str, given: Span, least: int) -> tuple[int, int]:
    low, high = (given, given) if isinstance(given, int) else given
    if not least <= low <= high:
        raise UsageError(f"{name} is {given}", f"a number from {least}, or (least, most)")
    return low, high


def _among(name: str, given: Sequence[Any], known: Sequence[Any]) -> None:
    wrong = [g for g in given if g not in known]
    if wrong or not given:
        told = ", ".join(str(k) for k in known)
        raise UsageError(f"{name} has {wrong[0] if wrong else 'nothing'!r}", f"there are: {told}")


@dataclass(frozen=True, slots=True)
class _Column:
    """One feature: what Hypothesis drew of it."""

    kind: str
    flavor: int
    rate: int  # missing, in hundredths
    pattern: str
    median: int
    tail: int  # sigma in tenths


@st.composite
def _drawn(draw: st.DrawFn, plan: _Plan) -> Tables:
    heights = [draw(st.integers(*plan.rows)) for _ in plan.splits]
    low, high = plan.columns
    features = draw(st.lists(_column(plan), min_size=low, max_size=high))
    seed = draw(st.integers(0, 2**32 - 1))
    count, ratio, entity = 1, 1.0, 1
    if plan.label == "classification":
        count = draw(st.integers(*plan.classes))
        if plan.imbalance > 1:
            ratio = plan.imbalance ** (draw(st.integers(0, 10)) / 10)
    if plan.group:
        entity = draw(st.integers(1, 8))
    shares = cells.mix(count, ratio)
    names = [f"{c.kind}_{j}" for j, c in enumerate(features)]
    frames: dict[str, pl.DataFrame] = {}
    before = 0
    for k, (split, height) in enumerate(zip(plan.splits, heights, strict=True)):
        u = cells.stream(seed, k).random(height)
        signal = np.log(np.maximum(u, 1e-12)) - np.log1p(-u)
        codes = np.minimum(np.searchsorted(np.cumsum(shares), u, side="right"), count - 1)
        out = [pl.Series(ID, before + np.arange(height))] if plan.ids else []
        out += _structure(plan, k, height, entity, before, seed)
        out += _features(dict(zip(names, features, strict=True)), signal, codes, (seed, k))
        if plan.label == "classification":
            out.append(pl.Series(LABEL, codes.astype(np.int64)))
        elif plan.label == "regression":
            out.append(pl.Series(LABEL, 50 + 10 * signal))
        frames[split] = pl.DataFrame(out)
        before += height
    roles = {
        "label": LABEL if plan.label else None,
        "task": plan.label,
        "group": GROUP if plan.group else None,
        "time": TIME if plan.time else None,
        "id": (ID,) if plan.ids else None,
    }
    return Tables(frames, {k: v for k, v in roles.items() if v is not None})


@st.composite
def _column(draw: st.DrawFn, plan: _Plan) -> _Column:
    kind = plan.kinds[draw(st.integers(0, len(plan.kinds) - 1))]
    flavor, median, tail = 0, 1, 0
    if kind in cells.SIMPLE:
        flavor = draw(st.integers(0, 3))
    else:
        median = draw(st.integers(*plan.lengths))
        tail = draw(st.integers(0, math.floor(plan.tail * 10)))
    rate, pattern = 0, "scattered"
    if plan.missing:
        rate = draw(st.integers(0, math.floor(plan.missing * 100)))
        pattern = plan.patterns[draw(st.integers(0, len(plan.patterns) - 1))]
    return _Column(kind, flavor, rate, pattern, median, tail)


def _features(
    columns: Mapping[str, _Column], signal: Floats, codes: Ints, at: tuple[int, int]
) -> list[pl.Series]:
    """The columns of one split; ``at`` is the seed and the number of the split."""
    made: dict[str, pl.Series] = {}
    ragged: dict[str, cells.Ragged] = {}
    for place, (name, column) in enumerate(columns.items()):
        rng = cells.stream(*at, place)
        if column.kind in cells.SIMPLE:
            made[name] = cells.SIMPLE[column.kind](column.flavor, signal, rng, place)
        else:
            lengths = cells.counts(signal.size, column.median, column.tail / 10, rng)
            make = cells.text if column.kind == "text" else cells.sequence
            ragged[name] = make(lengths, cells.stream(*at, place, 1))
    made.update(cells.cut(ragged))
    for place, (name, column) in enumerate(columns.items()):
        if column.rate:
            gaps = cells.stream(*at, place, 2)
            made[name], _ = cells.holes(
                column.pattern, column.rate / 100, made[name], codes, gaps
            )
    return [made[name].alias(name) for name in columns]


def _structure(
    plan: _Plan, split: int, height: int, entity: int, before: int, seed: int
) -> list[pl.Series]:
    """The columns of group and time."""
    out = []
    if plan.group:
        entities = np.arange(height) // entity
        start = before if plan.group == "apart" else 0
        out.append(pl.Series(GROUP, entities + start))
    if plan.time:
        u = cells.stream(seed, split, 1 << 20).random(height)
        at = np.floor(u * 100 * 86_400).astype(np.int64)
        if plan.time == "ordered":
            at += split * 101 * 86_400
        moments = cells.START + at * 1_000_000
        out.append(pl.Series(TIME, moments).cast(pl.Datetime("us")))
    return out
