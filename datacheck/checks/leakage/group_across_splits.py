"""# group-across-splits (LK003)

## What it finds
Entities (patients, users, machines) with rows in two splits: those of a column that is declared or
inferred as the group, and else of a column that behaves like one.

## Why it hurts training
Rows of one entity resemble each other. A model recognizes the entity and repeats its label, so the
score says how well it knows the people in train, not how well it does on new ones.

## How it is measured
For the group column the keys of the splits are compared, with their counts: exact (past four
million entities, on a uniform sample of them). Rows are counted, not only entities. A column that
is a group by its name alone and has fewer than `min_entities` values is taken for a category.

Without a group column, each column of codes or whole numbers is tried on the row sample: it has at
least 50 values, at least one in a hundred rows, two rows each on average, and no value with more
than a tenth of the rows. It counts as an entity only if rows of one value almost always have the
same label: chance-corrected agreement within values, (A − A₀) / (1 − A₀), whose lower end exceeds
`purity`; Benjamini–Hochberg over all columns tried. Neighboring numbers must not agree half as
well, or it is a measurement that predicts the label and no entity. Such a finding is a warning.

Measured on scikit-learn's bundled datasets: a declared entity with an eighth of the test rows is
found in 5 of 5; of 100 clean re-splits none raises an alarm.

## Example
`fixtures/clinic`: 103 of 400 test rows are of 95 patients (`patient_id`) whom train knows too.

## Repair and repair safety
`group-aware-split` (unsafe): split again so that each entity falls into one split.

## Options
- `min_share` (0): the least share of the evaluation rows that matters.
- `min_entities` (5): fewer values than this in an inferred group column are no entities.
- `purity` (0.9): the agreement of labels that makes an undeclared column an entity.

## Known limits
An undeclared entity is found only by labels that are classes, and not if its numbers are sorted by
label (then LK008 speaks). If entities are meant to be known (a forecast for the same shops), the
finding is right but no defect: suppress it with that reason.

## References
- Kaufman et al. 2012, "Leakage in Data Mining", ACM TKDD 6(4).
- Saeb et al. 2017, "The need to approximate the use-case in clinical machine learning",
  GigaScience 6(5).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from datacheck.checks.base import ADDRESS, Context, NotApplicable, Rule
from datacheck.checks.stats import Z, benjamini_hochberg, normal_sf
from datacheck.checks.support import need_sample
from datacheck.dataset import Column, Dataset, Kind, Role, Task
from datacheck.findings import MAX_EXAMPLES, Effect, Example, Finding, Repair, Severity, agree
from datacheck.summaries.base import Need
from datacheck.summaries.hashing import hash_column
from datacheck.summaries.keys import Keys
from datacheck.types import Hashes, Ints

if TYPE_CHECKING:
    import polars as pl

TRIED = 200  # undeclared columns at most


class _Entity(NamedTuple):
    """What speaks for an undeclared column: chance-corrected agreement, its interval and p."""

    column: str
    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class GroupAcrossSplits(Rule):
    """Entities with rows in two splits."""

    why = "a model recognizes the entity and repeats its label, so the score is too good"
    repairs = (Repair("group-aware-split", "unsafe"),)

    min_share: float = 0.0
    min_entities: int = 5
    purity: float = 0.9

    def needs(self, data: Dataset) -> Iterable[Need]:
        if len(data.splits) < 2:
            return []
        groups = data.select(roles=(Role.GROUP,), splits=tuple(data.splits))
        if groups:
            return [Need("keys", groups), *need_sample(data)]
        return need_sample(data) if _candidates(data) else []

    def judge(self, context: Context) -> Iterable[Finding]:
        splits = sorted(context.splits, key=lambda s: s != context.train)  # train comes first
        if len(splits) < 2:
            raise NotApplicable("needs two splits with rows")
        data = context.data
        groups = data.select(roles=(Role.GROUP,), splits=tuple(data.splits))
        if groups:
            for column in groups:
                for one, other in combinations(splits, 2):
                    yield from self._shared(context, data.columns[column], one, other)
            return
        tried = _candidates(data)
        if not tried:
            raise NotApplicable("no group column is known, and none looks like one; use --group")
        if len(tried) > TRIED:
            context.notes.append(f"LK003 tried {TRIED} of {len(tried):,} columns as entities")
        for entity in _entities(context, sorted(tried)[:TRIED], splits):
            if entity.low >= self.purity:
                yield from self._discovered(context, entity, splits)

    def _shared(
        self, context: Context, column: Column, one: str, other: str
    ) -> Iterable[Finding]:
        known, seen, exact = _keys(context.keys(one), context.keys(other), column.name)
        entities = np.union1d(known[0], seen[0]).size
        if column.assumed and entities < self.min_entities:
            return
        common, at_one, at_other = np.intersect1d(
            known[0], seen[0], assume_unique=True, return_indices=True
        )
        total = context.rows[other]
        count, share = int(seen[1][at_other].sum()), 0.0
        if exact:
            share = count / total
        elif seen[1].sum():
            share = count / float(seen[1].sum())
            count = round(share * total)
        if not common.size or share < self.min_share:
            return
        rows = int(known[1][at_one].sum())
        yield self.finding(
            f"{count:,} of {total:,} rows of {other} ({share:.1%}) "
            f"{agree(count, 'belongs', 'belong')} to {common.size:,} "
            f"values of {column.name} that {one} has too",
            splits=[one, other],
            columns=[column.name],
            count=count,
            total=total,
            evidence={
                "entities": int(common.size),
                f"entities_of_{one}": int(known[0].size),
                f"entities_of_{other}": int(seen[0].size),
                f"rows_of_{one}": rows,
                "exact": exact,
            },
            examples=_examples(context, column.name, one, other, common),
        )

    def _discovered(
        self, context: Context, entity: _Entity, splits: Sequence[str]
    ) -> Iterable[Finding]:
        name = entity.column
        for one, other in combinations(splits, 2):
            known = np.unique(hash_column(context.sample(one)[name].drop_nulls()))
            cells = context.sample(other)[name].drop_nulls()
            codes = hash_column(cells)
            hit = np.isin(codes, known)
            count, total = int(hit.sum()), context.sample(other).height
            if not count or count / total < self.min_share:
                continue
            common = np.unique(codes[hit])
            where = f"a sample of {total:,} rows" if context.sampled(other) else f"{total:,} rows"
            yield self.finding(
                f"{count:,} of {where} of {other} ({count / total:.1%}) have a {name} that {one} "
                f"has too, and rows with one {name} nearly always have the same label: "
                f"if {name} is an entity, name it with --group",
                splits=[one, other],
                columns=[name],
                count=count,
                total=total,
                severity=Severity.WARNING,
                effect=Effect(
                    "label agreement", entity.value, entity.low, entity.high, self.purity
                ),
                evidence={"entities": int(common.size)},
                examples=_examples(context, name, one, other, common),
            )


def _keys(
    one: Keys, other: Keys, column: str
) -> tuple[tuple[Hashes, Ints], tuple[Hashes, Ints], bool]:
    """Keys and counts of both; up to one hash in both, where some had to be dropped."""
    pairs = [(k.hashes(column), k.counts(column)) for k in (one, other)]
    dropped = [not k.complete(column) for k in (one, other)]
    if not any(dropped):
        return pairs[0], pairs[1], True
    top = min(h[-1] for (h, _), cut in zip(pairs, dropped, strict=True) if cut)
    cut_off = [(h[h <= top], n[h <= top]) for h, n in pairs]
    return cut_off[0], cut_off[1], False


def _examples(
    context: Context, column: str, one: str, other: str, common: Hashes
) -> list[Example]:
    """Sampled rows of the evaluation split, each with a row of train of the same entity."""
    known, seen = context.sample(one), context.sample(other)
    codes, mine = hash_column(seen[column]), hash_column(known[column])
    out = []
    _, first = np.unique(codes, return_index=True)
    for i in np.sort(first[np.isin(codes[first], common)])[:MAX_EXAMPLES].tolist():
        twin = np.flatnonzero(mine == codes[i])[:1]
        addresses = context.locate(other, [seen[ADDRESS][i]])
        addresses += context.locate(one, [known[ADDRESS][int(j)] for j in twin])
        out.append(Example(addresses, {column: seen[column][i]}))
    return out


def _candidates(data: Dataset) -> list[str]:
    """Columns of codes or whole numbers whose peek repeats like entities."""
    if data.task is not Task.CLASSIFICATION:
        return []
    columns = data.select(
        Kind.CATEGORY,
        Kind.NUMBER,
        roles=(Role.FEATURE, Role.ID),
        splits=tuple(data.splits),
    )
    return [
        c
        for c in columns
        if (one := data.columns[c]).distinct >= 25
        and one.distinct <= 0.75 * one.peeked
        and (one.kind is Kind.CATEGORY or one.integer)
    ]


def _entities(context: Context, columns: list[str], splits: Sequence[str]) -> list[_Entity]:
    """The columns whose values almost decide the label and whose neighbors do not."""
    import polars as pl

    label = context.label(Task.CLASSIFICATION).name
    frames = [context.sample(s) for s in splits if label in context.data.splits[s].kinds]
    if not frames:
        raise NotApplicable("no split has the label")
    rows = pl.concat([f.select(*columns, label) for f in frames], how="vertical_relaxed")
    rows = rows.drop_nulls(label)
    classes = np.unique(hash_column(rows[label]), return_inverse=True)[1].astype(np.int64)
    tried = [
        found
        for c in columns
        if (found := _agreement(rows[c], classes, ordered=context.data.columns[c].integer))
    ]
    keep = benjamini_hochberg([e.p for e in tried])
    return [e for e, sure in zip(tried, keep, strict=True) if sure]


def _agreement(column: pl.Series, classes: Ints, *, ordered: bool) -> _Entity | None:
    """How well labels agree within values, beyond chance; None for what is no entity."""
    known = column.is_not_null().to_numpy()
    if ordered:
        values = column.to_numpy()
        known &= np.isfinite(values.astype(np.float64))
        codes = np.unique(values[known], return_inverse=True)[1]
    else:
        codes = np.unique(hash_column(column)[known], return_inverse=True)[1]
    y = classes[known]
    n, k = y.size, int(classes.max(initial=0)) + 1
    sizes = np.bincount(codes).astype(np.float64)
    d = sizes.size
    if d < max(50, 0.01 * n) or n < 2 * d or sizes.max() > 0.1 * n or d * k > 50_000_000:
        return None
    table = np.bincount(codes * k + y, minlength=d * k).reshape(d, k).astype(np.float64)
    marginal = np.bincount(y, minlength=k).astype(np.float64)
    chance = float((marginal * (marginal - 1)).sum() / (n * (n - 1)))
    if not 0 < chance < 1:
        return None
    several = sizes > 1
    own = (table * (table - 1)).sum(axis=1)[several] / (sizes * (sizes - 1))[several]
    mean, spread = float(own.mean()), float(own.std()) / math.sqrt(own.size)
    if ordered:
        share = table / sizes[:, None]
        near = float((share[1:] * share[:-1]).sum(axis=1).mean())
        if near - chance > 0.5 * (mean - chance):
            return None
    # Where all groups are pure the spread vanishes: never less than one group in doubt.
    spread = max(spread, 1 / own.size)
    scale = 1 - chance
    null = math.sqrt(chance * (1 - chance) / own.size)
    p = float(normal_sf((mean - chance) / null))
    return _Entity(
        column.name,
        (mean - chance) / scale,
        (mean - Z * spread - chance) / scale,
        min((mean + Z * spread - chance) / scale, 1.0),
        p,
    )
