"""# fitted-on-everything (LK007)

## What it finds
Features scaled with figures of the evaluation rows: fitted on train and evaluation together, or on
each split by itself.

## Why it hurts training
Evaluation rows have told the model about themselves: the score is too good. Where each split was
scaled on itself, the same raw value means different things in train and in evaluation as well.

## How it is measured
A fit leaves fingerprints. Only numbers with fractions are looked at, and a finding needs at least
`min_columns` of them, or one that fits to a ten-thousandth of `tolerance`:

1. *each on itself*: an evaluation split has mean 0 and deviation 1 within `tolerance` (with n or
   n − 1 in the denominator), as no honest evaluation split has;
2. *on everything*: train and evaluation together have mean 0 and deviation 1 (or 1/√n: columns of
   unit length) within `tolerance`, and train alone has not;
3. *ranges*: the least value is exactly 0 (or −1) and the greatest exactly 1, each once, in every
   split, or in all splits together where train alone does not reach them. As quantities may be
   bounded by nature, this needs three columns (nearly) without repeated values, and half of all
   such columns.

For 1 and 2, the number of columns that an honest split would show by accident is binomial, with
p ≈ 0.9 · tolerance² · n for a column; the rule speaks below 1e-4. At n = 10,000 and the default
tolerance p is 1e-6.

Measured on scikit-learn's bundled datasets: a quarter of the columns scaled in either of the first
two ways is found in all ten trials; of 100 clean re-splits none raises an alarm.

## Example
scikit-learn's diabetes data comes with every column of mean 0 and length 1 over all 442 rows. Split
it afterwards, and ten columns are told: together exact, train alone not.

## Repair and repair safety
`refit-on-train` (manual): go back to the raw values, fit the scaler on train only, and apply that
one to every split. From the scaled values alone the raw ones cannot be restored.

## Options
- `tolerance` (1e-5): how near to 0 and 1, in deviations.
- `min_columns` (2): the least number of columns, where none fits to float precision.

## Known limits
Other fits (robust scaling, imputation, encodings, feature selection) leave no such fingerprint.
Rounding to fewer than about four decimals hides it. Rows dropped or added after scaling hide it.

## References
- Kaufman et al. 2012, "Leakage in Data Mining", ACM TKDD 6(4).
- Kapoor & Narayanan 2023, "Leakage and the reproducibility crisis in machine-learning-based
  science", Patterns 4(9).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.stats import ALPHA, binomial_sf
from datacheck.dataset import Dataset, Kind
from datacheck.findings import Finding, Repair, names
from datacheck.summaries.base import Need
from datacheck.summaries.moments import Moment

LEAST_ROWS = 10
EXACT = 1e-12
PRECISE = 1e-4
RANGE_COLUMNS = 3
RANGES = ((0.0, 1.0), (-1.0, 1.0))


@dataclass(frozen=True)
class FittedOnEverything(Rule):
    """Scaling whose parameters know the evaluation rows."""

    why = "evaluation rows took part in the fit, so the score is too good"
    repairs = (Repair("refit-on-train", "manual"),)

    tolerance: float = 1e-5
    min_columns: int = 2

    def needs(self, data: Dataset) -> Iterable[Need]:
        columns = data.select(Kind.NUMBER, splits=tuple(data.splits))
        return [Need("moments", columns)] if columns and len(data.splits) > 1 else []

    def judge(self, context: Context) -> Iterable[Finding]:
        pairs = context.pairs()
        train, others = pairs[0][0], [other for _, other in pairs]
        columns = context.columns(Kind.NUMBER, splits=tuple(context.data.splits))
        if not columns:
            raise NotApplicable("no feature column of numbers that all splits have")
        moments = {s: context.moments(s) for s in (train, *others)}
        table = {c: {s: m[c] for s, m in moments.items()} for c in columns}
        table = {c: t for c, t in table.items() if all(_fits(m) for m in t.values())}
        if not table:
            raise NotApplicable("no column of numbers with fractions in every split")
        told: set[str] = set()
        for finding in (
            *self._each(train, others, table),
            *self._together(train, others, table),
            *self._ranges(context, train, others, table),
        ):
            if not told.issuperset(finding.columns):  # one cause is told once
                told.update(finding.columns)
                yield finding

    def _each(
        self, train: str, others: list[str], table: dict[str, dict[str, Moment]]
    ) -> Iterable[Finding]:
        """Evaluation splits that are standardized by themselves."""
        hit: dict[str, list[str]] = {}
        for other in others:
            found = [
                c
                for c, t in table.items()
                if _standard(t[other], self.tolerance) and not _copy(t[train], t[other])
            ]
            rows = min(t[other].finite for t in table.values())
            exact = any(_standard(table[c][other], self.tolerance * PRECISE) for c in found)
            if self._sure(len(found), len(table), rows, exact):
                hit[other] = found
        if hit:
            columns = [c for c in table if any(c in found for found in hit.values())]
            where = names(hit, 4)
            yield self._told(
                f"{_of(columns)} of {where} {_have(columns)} mean 0 and deviation 1 to within "
                f"{self.tolerance:g}: {where} was standardized on itself, not with the figures "
                f"of {train}",
                (train, *hit),
                columns,
                table,
                "each split on itself",
            )

    def _together(
        self, train: str, others: list[str], table: dict[str, dict[str, Moment]]
    ) -> Iterable[Finding]:
        """Splits that are standardized together while train alone is not."""
        pools = [(train, *others), *((train, o) for o in others if len(others) > 1)]
        for pool in pools:
            found, exact = [], False
            for c, t in table.items():
                whole = _pooled([t[s] for s in pool])
                unit = _standard(whole, self.tolerance, unit=True)
                if unit and not _standard(t[train], self.tolerance, unit=True):
                    found.append(c)
                    exact |= _standard(whole, self.tolerance * PRECISE, unit=True)
            rows = sum(min(t[s].finite for t in table.values()) for s in pool)
            if self._sure(len(found), len(table), rows, exact):
                yield self._told(
                    f"{_of(found)} {_have(found)} mean 0 and the same deviation to within "
                    f"{self.tolerance:g} over {names(pool, 4)} together, but not in {train} "
                    "alone: the scaling was fitted on everything",
                    pool,
                    found,
                    table,
                    "all splits together",
                )
                return

    def _ranges(
        self, context: Context, train: str, others: list[str], table: dict[str, dict[str, Moment]]
    ) -> Iterable[Finding]:
        """Splits whose ranges are exactly 0 to 1, by themselves or together."""
        columns = context.data.columns
        smooth = [c for c in table if columns[c].distinct >= 0.5 * columns[c].peeked > 0]
        least = max(RANGE_COLUMNS, self.min_columns, len(smooth) / 2)
        pooled = {c: _pooled(list(table[c].values())) for c in smooth}
        for low, high in RANGES:
            each = [
                c
                for c in smooth
                if all(_spans(m, low, high) for m in table[c].values())
                and not any(_copy(table[c][train], table[c][o]) for o in others)
            ]
            if len(each) >= least:
                yield self._told(
                    f"{_of(each)} {_have(each)} a range of exactly {low:g} to {high:g} in each of "
                    f"{names((train, *others), 4)}: each split was scaled on itself",
                    (train, *others),
                    each,
                    table,
                    "each split on itself",
                )
            whole = [c for c in smooth if _spans(pooled[c], low, high)]
            both = [c for c in whole if not _spans(table[c][train], low, high)]
            if len(whole) >= least and len(both) >= self.min_columns:
                yield self._told(
                    f"{_of(both)} {_have(both)} a range of exactly {low:g} to {high:g} over "
                    f"{names((train, *others), 4)} together, but not in {train} alone: "
                    "the scaling was fitted on everything",
                    (train, *others),
                    both,
                    table,
                    "all splits together",
                )

    def _sure(self, hits: int, columns: int, rows: int, exact: bool) -> bool:
        """Whether so many columns cannot be an accident of an honest split."""
        least = 1 if exact else self.min_columns
        root = self.tolerance * math.sqrt(rows)
        p = 0.8 * root * min(1.0, 1.13 * root)  # densities of mean and deviation at 0
        return hits >= least and binomial_sf(hits, columns, p) < ALPHA

    def _told(
        self,
        message: str,
        splits: Sequence[str],
        columns: list[str],
        table: dict[str, dict[str, Moment]],
        fitted_on: str,
    ) -> Finding:
        first = table[columns[0]]
        return self.finding(
            message,
            splits=list(splits),
            columns=columns,
            count=len(columns),
            total=len(table),
            unit="columns",
            evidence={
                "fitted_on": fitted_on,
                f"of_{columns[0]}": {
                    s: {"mean": m.mean, "sd": m.sd, "min": m.min, "max": m.max}
                    for s, m in first.items()
                },
            },
        )


def _fits(m: Moment) -> bool:
    """Numbers with fractions that vary."""
    return m.finite >= LEAST_ROWS and m.fractional > 0 and 0 < m.var < math.inf


def _standard(m: Moment, tolerance: float, *, unit: bool = False) -> bool:
    """Mean 0 and deviation 1 (with ``unit`` also length 1), with n or n − 1."""
    if abs(m.mean) > tolerance * m.sd:
        return False
    scales = [1.0, math.sqrt(m.finite / (m.finite - 1))]
    if unit:
        scales.append(math.sqrt(m.finite))
    return any(abs(m.sd * s - 1) <= tolerance for s in scales)


def _spans(m: Moment, low: float, high: float) -> bool:
    ends = abs(m.min - low) <= EXACT and abs(m.max - high) <= EXACT
    return ends and m.at_min == 1 and m.at_max == 1


def _copy(a: Moment, b: Moment) -> bool:
    """The very same values: a copied split, LK001's matter."""
    return (a.min, a.max, a.finite) == (b.min, b.max, b.finite) and math.isclose(
        a.var, b.var, rel_tol=1e-12
    )


def _pooled(parts: list[Moment]) -> Moment:
    """The figures of all parts together (Chan, Golub & LeVeque 1979)."""
    n = sum(m.finite for m in parts)
    mean = sum(m.finite * m.mean for m in parts) / n
    var = sum(m.finite * (m.var + (m.mean - mean) ** 2) for m in parts) / n
    least, most = min(m.min for m in parts), max(m.max for m in parts)
    return Moment(
        n=sum(m.n for m in parts),
        null=0,
        nan=0,
        posinf=0,
        neginf=0,
        finite=n,
        zeros=0,
        fractional=sum(m.fractional for m in parts),
        mean=mean,
        var=var,
        min=least,
        max=most,
        at_min=sum(m.at_min for m in parts if m.min == least),
        at_max=sum(m.at_max for m in parts if m.max == most),
    )


def _of(columns: list[str]) -> str:
    return f"{len(columns)} columns ({names(columns)})" if len(columns) > 1 else columns[0]


def _have(columns: list[str]) -> str:
    return "have" if len(columns) > 1 else "has"
