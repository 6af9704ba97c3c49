"""# unseen-categories (NM006)

## What it finds
Categories that another split holds and train does not, or hardly: in more rows than a random split
would give.

## Why it hurts training
An encoder fitted on train fails on such a value or maps it to nothing; the model has learned
nothing about it.

## How it is measured
Exact counts. Under a random split the c rows of a category all land in the other split with a
hypergeometric probability, about q^c, q being that split's share of the rows. The number of unseen
rows is held against this by Chernoff's bound over all categories, and the most frequent unseen
category by the chance that any so frequent is unseen. A category with up to `known_rows` rows in
train is judged alike: by the chance that any so frequent has so few there. The smallest of the
three p, times three, goes through Benjamini–Hochberg over all columns. So the one person from a
country with one person is no finding, and a ward that opened after train was cut is. The lower end
of the share of such rows (Wilson) must exceed what chance expects.

## Example
Ward `telehealth` has 16 of the 400 rows of test and none in train.

## Repair and repair safety
`map-to-other` (safe): values that train lacks become the one category `other`, which the option of
that name then tells this rule about; where train hardly has them, its own rare values become
`other` as well, so that the model has rows of it to learn from.

## Options
- `known_rows` (2): rows in train up to which a category counts as hardly known there.
- `min_share` (0): the share of rows with unseen categories, at its lower end, that is let pass.
- `other` (none): categories that stand for all unseen ones, which a model is ready for.

## Known limits
Leaves out numbers (a code that was read as a number has no categories), free text, groups and ids,
and columns with more categories than are counted exactly (50,000; said in the report). A value that
differs from one of train's only in case, spaces or punctuation is unseen too, and named.

## References
- Good 1953, "The population frequencies of species and the estimation of population parameters",
  Biometrika 40.
- Hoeffding 1963, "Probability inequalities for sums of bounded random variables", JASA 58 (drawing
  without replacement is no worse than with).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.quantiles import needs_two
from datacheck.checks.stats import ALPHA, benjamini_hochberg, wilson
from datacheck.checks.support import examples, need_sample
from datacheck.dataset import Dataset, Kind
from datacheck.findings import Effect, Example, Finding, Repair, names
from datacheck.summaries.base import Need
from datacheck.types import Floats

_TILTS = np.geomspace(1e-3, 60, 120)


@dataclass(frozen=True)
class Unseen:
    """The categories of one column that train lacks, most frequent first.

    ``known`` are the rows of train for those that it hardly has.
    """

    column: str
    rows: Mapping[str, int]
    known: Mapping[str, int]
    total: int
    expected: float
    p: float
    respelled: Mapping[str, str]

    @property
    def count(self) -> int:
        """Rows that hold them."""
        return sum(self.rows.values())

    def __str__(self) -> str:
        told = {v: f", {n:,} in train" for v, n in self.known.items()}
        listed = names([f"{v!r} ({n:,} rows{told.get(v, '')})" for v, n in self.rows.items()], 2)
        twin = next(iter(self.respelled.items()), None)
        also = f", where train spells {twin[1]!r}" if twin else ""
        return f"{self.column}: {listed}{also}"


@dataclass(frozen=True)
class UnseenCategories(Rule):
    """Categories of an evaluation split that train lacks."""

    why = "the model has learned nothing about these values, and encoders fail on them"
    repairs = (Repair("map-to-other", "safe"),)

    known_rows: int = 2
    min_share: float = 0.0
    other: tuple[str, ...] = ()

    def needs(self, data: Dataset) -> Iterable[Need]:
        needs_two(data)
        columns = data.select(Kind.CATEGORY)
        if not columns:
            raise NotApplicable("no category columns")
        return [Need("values", columns), *need_sample(data)]

    def judge(self, context: Context) -> Iterable[Finding]:
        pairs = context.pairs()
        shared = {o: context.columns(Kind.CATEGORY, splits=[t, o]) for t, o in pairs}
        if not any(shared.values()):
            raise NotApplicable("no category column that two splits share")
        for train, other in pairs:
            every = [self._unseen(context, train, other, c) for c in shared[other]]
            tested = [u for u in every if u is not None]
            real = benjamini_hochberg([u.p for u in tested])
            found = [u for u, ok in zip(tested, real, strict=True) if ok and self._enough(u)]
            if found:
                yield self._tell(context, found, train, other)

    def _enough(self, one: Unseen) -> bool:
        return wilson(one.count, one.total)[0] > max(self.min_share, one.expected / one.total)

    def _unseen(self, context: Context, train: str, other: str, column: str) -> Unseen | None:
        first, second = context.values(train), context.values(other)
        if not first.complete(column) or not second.complete(column):
            context.notes.append(
                f"NM006: {column} has too many categories to tell which of {other} {train} lacks"
            )
            return None
        known, seen = first[column], second[column]
        if self.other:
            seen = {v: n for v, n in seen.items() if v not in self.other}
        if not known or not seen:
            return None
        both = list(dict.fromkeys([*seen, *known]))
        a = np.array([known.get(v, 0) for v in both], dtype=np.float64)
        b = np.array([seen.get(v, 0) for v in both], dtype=np.float64)
        expected, p, hardly = chance(a, b, self.known_rows)
        odd = (a == 0) & (p <= ALPHA) | (hardly <= ALPHA)
        rows = {v: seen[v] for v, o in zip(both, odd, strict=True) if o}
        total = sum(seen.values())
        p = min(1.0, 3 * min(p, float(hardly.min())))
        plain: dict[str, str] = {}
        for value in known:
            plain.setdefault(_bare(value), value)
        respelled = {v: plain[_bare(v)] for v in rows if v not in known and _bare(v) in plain}
        few = {v: known[v] for v in rows if v in known}
        return Unseen(column, rows, few, total, expected, p, respelled)

    def _tell(self, context: Context, found: list[Unseen], train: str, other: str) -> Finding:
        found.sort(key=lambda u: (-u.count / u.total, u.column))
        worst = found[0]
        count = sum(u.count for u in found)
        kinds = sum(len(u.rows) for u in found)
        shown = "; ".join(str(u) for u in found[:3])
        more = f" and {len(found) - 3:,} more columns" if len(found) > 3 else ""
        low, high = wilson(worst.count, worst.total)
        return self.finding(
            f"{other} holds {kinds:,} categor{'y' if kinds == 1 else 'ies'} that {train} lacks"
            f"{' or hardly has' if any(u.known for u in found) else ''}: {shown}{more}",
            splits=[train, other],
            columns=[u.column for u in found],
            count=count,
            total=sum(u.total for u in found),
            unit="rows" if len(found) == 1 else "cells",
            effect=Effect(
                "unseen_share",
                worst.count / worst.total,
                low,
                high,
                round(max(self.min_share, worst.expected / worst.total), 6),
            ),
            evidence={
                "unseen": {u.column: [[v, n] for v, n in u.rows.items()][:20] for u in found},
                "hardly_known": {u.column: dict(u.known) for u in found if u.known},
                "respelled": {u.column: dict(list(u.respelled.items())[:20]) for u in found},
            },
            examples=_rows(context, other, worst),
        )


def chance(known: Floats, seen: Floats, few: int) -> tuple[float, float, Floats]:
    """(expected unseen rows, p, p of each) of what a random split would leave unseen in train.

    ``known`` and ``seen`` are the rows of each category in train and in the other split. The last
    is the chance that any category so frequent has no more than ``few`` rows in train; 1 for those
    that train lacks or has more of.
    """
    counts, n = known + seen, float(known.sum())
    log_alone = _log_chance(counts, n, 0)
    alone = np.exp(log_alone)
    expected = float((counts * alone).sum())
    hardly = np.ones(counts.size)
    rare = (known > 0) & (known <= few)
    if rare.any():
        some = np.sum([np.exp(_log_chance(counts, n, t)) for t in range(few + 1)], axis=0)
        order = np.argsort(-counts, kind="stable")
        # Summed over all categories at least as frequent, ties included.
        last = np.searchsorted(-counts[order], -counts, side="right") - 1
        hardly = np.where(rare, np.minimum(np.cumsum(some[order])[last], 1.0), 1.0)
    rows = float(seen[known == 0].sum())
    if rows <= expected:
        return expected, 1.0, hardly
    sizes, first, repeats = np.unique(counts, return_index=True, return_counts=True)
    # log E exp(t·rows) ≤ Σ log(1 + p (e^{tc} − 1)): Chernoff, tightest over a grid of t.
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        grown = sizes * _TILTS[:, None] + log_alone[first]
        each = np.logaddexp(np.log1p(-alone[first]), grown)
        bound = (repeats * each).sum(axis=1) - _TILTS * rows
    together = float(np.exp(min(0.0, bound.min())))
    single = float(alone[counts >= seen[known == 0].max()].sum())
    return expected, min(1.0, together, single), hardly


def _log_chance(counts: Floats, train: float, t: int) -> Floats:
    """log P(exactly t of the c rows of a category land in train): hypergeometric."""
    from scipy.special import gammaln

    total = float(counts.sum())
    other = total - train

    def choose(n: Floats | float, k: Floats | float) -> Floats:
        """log C(n, k), −∞ where there is no way."""
        possible = (np.asarray(k) >= 0) & (np.asarray(k) <= n)
        inside = np.clip(k, 0, n)
        log = gammaln(np.asarray(n) + 1) - gammaln(inside + 1) - gammaln(n - inside + 1)
        return np.where(possible, log, -np.inf)

    log = choose(train, t) + choose(other, counts - t) - choose(total, counts)
    return np.asarray(np.minimum(np.where(counts >= t, log, -np.inf), 0.0))


def _bare(value: str) -> str:
    return re.sub(r"[\W_]+", "", value).casefold()


def _rows(context: Context, split: str, worst: Unseen) -> tuple[Example, ...]:
    """Sampled rows with an unseen category of the worst column."""
    import polars as pl

    values = pl.col(worst.column).cast(pl.String)
    rows = context.sample(split).filter(values.is_in(list(worst.rows)[:100]))
    return examples(context, split, rows, [worst.column])
