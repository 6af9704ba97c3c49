"""# time-overlap (LK004)

## What it finds
Evaluation rows that lie before the last train row, by the time column.

## Why it hurts training
A model that has seen what came later is not asked to predict the future. What drifts with time
(prices, sensors, habits) is known to it, and the score is better than it will be in use.

## How it is measured
The extremes of the time column are exact. The share of evaluation rows that are strictly earlier
than the last train row comes from the row sample: exact where the sample holds all rows, otherwise
with Wilson's interval, whose lower end must reach `min_share`. With a group column the finding also
tells how many of these rows lie before the last train row of their own entity. A split whose times
are distributed like train's (Kolmogorov–Smirnov distance below 0.1) is called a random split.

## Example
UCI's occupancy data: the first test file is of 2 to 4 February, train of 4 to 10 February. All of
its rows lie before the last train row.

## Repair and repair safety
`time-aware-split` (unsafe): split again at a moment in time, with a gap if rows depend on the past.

## Options
- `min_share` (0.01): the least share of evaluation rows that matters.

## Known limits
A time that has nothing to do with the order of use (a date of birth) is no reason to split by it:
give the column another role, or suppress the finding. A single train row with a date far in the
future makes all evaluation rows early; the evidence tells how much of train is later than the first
evaluation row.

## References
- Kapoor & Narayanan 2023, "Leakage and the reproducibility crisis in machine-learning-based
  science", Patterns 4(9).
- Bergmeir & Benítez 2012, "On the use of cross-validation for time series predictor evaluation",
  Information Sciences 191.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.stats import ks, wilson
from datacheck.checks.support import examples, need_sample
from datacheck.dataset import Column, Dataset, Kind, Role, to_matrix
from datacheck.findings import Effect, Finding, Repair, agree
from datacheck.summaries.base import Need
from datacheck.summaries.hashing import hash_column
from datacheck.types import Floats, Ints

ALIKE = 0.1  # Kolmogorov–Smirnov distance below which a split is random in time


@dataclass(frozen=True)
class TimeOverlap(Rule):
    """Evaluation rows before the last train row."""

    why = "a model that has seen what came later is not asked to predict the future"
    repairs = (Repair("time-aware-split", "unsafe"),)

    min_share: float = 0.01

    def needs(self, data: Dataset) -> Iterable[Need]:
        times = _times(data, data.splits)
        return [Need("moments", times), *need_sample(data)] if times else []

    def judge(self, context: Context) -> Iterable[Finding]:
        if context.data.role(Role.TIME) is None:
            raise NotApplicable("no time column is known; name it with --time")
        pairs = context.pairs()
        times = _times(context.data, context.data.splits)
        if not times:
            raise NotApplicable("the time column holds neither dates nor numbers in all splits")
        for name in times:
            for train, other in pairs:
                yield from self._pair(context, context.data.columns[name], train, other)

    def _pair(
        self, context: Context, column: Column, train: str, other: str
    ) -> Iterable[Finding]:
        name = column.name
        known, seen = context.moments(train)[name], context.moments(other)[name]
        frame = context.sample(other)
        first, second = _values(context, train, name), _values(context, other, name)
        early = second < known.max
        k, n = int(early.sum()), int(np.isfinite(second).sum())
        sampled = context.sampled(other)
        if not k:
            return
        share = k / n
        low, high = wilson(k, n) if sampled else (share, share)
        if low < self.min_share:
            return
        count = round(share * seen.finite)
        about = "about " if sampled else ""
        last = _moment(known.max, column)
        how = "all rows" if k == n and not sampled else f"{about}{count:,} of {seen.finite:,} rows"
        lie = agree(2 if how == "all rows" else count, "lies", "lie")
        said = f"{how} of {other} ({share:.1%}) {lie} before the last row of {train} ({last})"
        if seen.max < known.min:
            said += f", and all before its first ({_moment(known.min, column)})"
        elif ks(_finite(first), _finite(second))[0] < ALIKE:
            said += ": the split is random in time"
        evidence = {
            f"first_of_{train}": _moment(known.min, column),
            f"last_of_{train}": last,
            f"first_of_{other}": _moment(seen.min, column),
            f"last_of_{other}": _moment(seen.max, column),
            "share_before_first_train_row": float((_finite(second) < known.min).mean()),
            "share_of_train_after_first_evaluation_row": float((_finite(first) > seen.min).mean()),
        }
        group = context.data.select(roles=(Role.GROUP,), splits=(train, other))
        if group:
            rows, entities = _own(context, train, other, name, group[0])
            evidence["rows_before_their_entity"] = rows
            evidence["entities_before_their_entity"] = entities
            where = "of the sampled rows " if sampled or context.sampled(train) else ""
            if rows:
                lie, own = agree(rows, "lies", "lie"), agree(rows, "its", "their")
                said += f"; {rows:,} {where}{lie} before the last {train} row "
                said += f"of {own} own {group[0]}"
        yield self.finding(
            said,
            splits=[train, other],
            columns=[name],
            count=count,
            total=seen.finite,
            effect=Effect("share of rows", share, low, high, self.min_share),
            evidence=evidence,
            examples=examples(context, other, frame[np.flatnonzero(early)], [name]),
        )


def _times(data: Dataset, splits: Iterable[str]) -> tuple[str, ...]:
    """Time columns that every split has as dates or as numbers, all in one way."""
    names = data.select(Kind.DATETIME, Kind.NUMBER, roles=(Role.TIME,), splits=tuple(splits))
    return tuple(
        c for c in names if all(s.kinds[c] is data.columns[c].kind for s in data.splits.values())
    )


def _values(context: Context, split: str, name: str) -> Floats:
    return to_matrix(context.sample(split), [name])[:, 0]


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values)]


def _own(context: Context, train: str, other: str, time: str, group: str) -> tuple[int, int]:
    """Rows earlier than the last train row of their own entity, and how many entities they are."""
    known, seen = context.sample(train)[group], context.sample(other)[group]
    keys, codes = np.unique(
        np.concatenate([hash_column(known), hash_column(seen)]), return_inverse=True
    )
    first, second = _values(context, train, time), _values(context, other, time)
    mine: Ints = codes[: len(known)]
    theirs: Ints = codes[len(known) :]
    last = np.full(keys.size, -np.inf)
    good = np.isfinite(first) & known.is_not_null().to_numpy()
    np.maximum.at(last, mine[good], first[good])
    hit = (second < last[theirs]) & seen.is_not_null().to_numpy()
    return int(hit.sum()), int(np.unique(theirs[hit]).size)


def _moment(value: float, column: Column) -> str:
    """A time as people write it."""
    if column.kind is not Kind.DATETIME:
        return f"{value:.10g}"
    at = np.datetime64(int(value), "us")
    day = at.astype("datetime64[D]")
    return str(day) if day == at else str(at.astype("datetime64[s]")).replace("T", " ")
