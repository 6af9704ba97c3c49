"""# extreme-values (NM005)

## What it finds
A few values of a column of train that lie so far out that they outweigh all the others: once the
column is standardized, most of its squared norm is theirs.

## Why it hurts training
The gradient of the first layer, the variance that a scaler divides by and every squared loss follow
the squared norm. Those rows make the loss spike; for all the others the column is nearly constant.

## How it is measured
A value is extreme beyond `fence` robust deviations from the median (1.4826 times the median
absolute deviation). Where more than half of the rows share a value the yardstick is the median
distance of the others from it, and the fence half as far. Reported if no more than `max_rows` of
the rows are extreme and they hold at least `min_share` of the sum of (x − mean)². Robust figures
come from the row sample, mean, variance and extremes are exact: one value among millions counts
even if the sample misses it.

## Example
Adult: 0.5 % of the people have a `capital_gain` of 99,999. They hold 88 % of the squared norm of
the column.

## Repair and repair safety
`winsorize` (unsafe): pull the values in to the fence. `robust-scale` (safe): scale by median and
interquartile range, so that the others keep their spread.

## Options
- `fence` (20): robust deviations from the median beyond which a value is extreme.
- `min_share` (0.75): share of the squared norm that the extremes must hold.
- `max_rows` (0.01): share of the rows that may be extreme; one row always may.

## Known limits
Judges train, because no gradient comes from an evaluation. Leaves out columns where more than 95 %
of the rows share a value, and infinite values (MV002). Heavy tails of natural origin (a log-normal
of σ ≥ 1.5, say) do dominate the norm and are reported; a log-normal of σ = 1 is not. A code for
missing, such as −999, may be reported here and by MV003.

## References
- Rousseeuw & Croux 1993, "Alternatives to the median absolute deviation", JASA 88(424).
- Zhang et al. 2020, "Why are adaptive methods good for attention models?", NeurIPS (heavy tails).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import ADDRESS, Context, NotApplicable, Rule
from datacheck.checks.quantiles import numbers, sorted_sample
from datacheck.checks.support import examples, need_sample
from datacheck.dataset import Dataset, Kind
from datacheck.errors import UsageError
from datacheck.findings import Effect, Example, Finding, Repair
from datacheck.summaries.base import Need
from datacheck.summaries.moments import Moment
from datacheck.types import Floats

LEAST = 20  # values without which there is no telling what is far
MAD_TO_SD = 1.4826


@dataclass(frozen=True)
class Extremes:
    """The extremes of one column: their number (in all rows), their fences and their weight."""

    column: str
    count: int
    total: int
    share: float
    low: float
    high: float
    furthest: float


@dataclass(frozen=True)
class ExtremeValues(Rule):
    """A few values that outweigh all others of their column."""

    why = "the loss and its gradient follow these few rows, and the others hardly count"
    repairs = (Repair("winsorize", "unsafe"), Repair("robust-scale", "safe"))

    fence: float = 20.0
    min_share: float = 0.75
    max_rows: float = 0.01

    def __post_init__(self) -> None:
        if self.fence <= 0 or not 0 < self.min_share <= 1 or not 0 < self.max_rows < 0.5:
            raise UsageError(
                "NM005 wants fence > 0, 0 < min_share <= 1 and 0 < max_rows < 0.5",
                "see `datacheck rule NM005`",
            )

    def needs(self, data: Dataset) -> Iterable[Need]:
        if not data.select(Kind.NUMBER):
            raise NotApplicable("no number columns")
        return [Need("moments", tuple(numbers(data))), *need_sample(data)]

    def judge(self, context: Context) -> Iterable[Finding]:
        train = context.train
        if train is None:
            raise NotApplicable("needs a train split with rows")
        sample, moments = sorted_sample(context, train), context.moments(train)
        columns = [
            c for c in context.columns(Kind.NUMBER, splits=[train]) if sample[c].size >= LEAST
        ]
        if not columns:
            raise NotApplicable(f"no number column with {LEAST} values in {train}")
        low, middle, high = sample.quantiles(np.array([0.25, 0.5, 0.75]), columns)
        with np.errstate(all="ignore"):
            # The median absolute deviation is no less than the nearer quartile's distance.
            sure = self.fence * MAD_TO_SD * np.minimum(middle - low, high - middle)
            near = np.stack([middle - sure, middle + sure], axis=1)
        found = [
            e
            for c, (a, b) in zip(columns, near, strict=True)
            if not (a < (m := moments[c]).min and m.max < b)
            and (e := self._extremes(c, sample[c], m)) is not None
        ]
        if not found:
            return
        found.sort(key=lambda e: (-e.share, -abs(e.furthest), e.column))
        shown = ", ".join(
            f"{e.column} ({e.count:,} of {e.total:,} values hold {_percent(e.share)} of the "
            f"squared norm, up to {e.furthest:,.6g})"
            for e in found[:3]
        )
        more = f" and {len(found) - 3:,} more columns" if len(found) > 3 else ""
        worst = found[0]
        yield self.finding(
            f"a few extreme values outweigh all others in {train}: {shown}{more}",
            splits=[train],
            columns=[e.column for e in found],
            count=sum(e.count for e in found),
            total=sum(e.total for e in found),
            unit="values",
            effect=Effect("norm_share", worst.share, worst.share, worst.share, self.min_share),
            evidence={
                "fences": {e.column: [e.low, e.high] for e in found},
                "norm_shares": {e.column: e.share for e in found[:20]},
            },
            examples=_rows(context, train, worst),
        )

    def _extremes(self, column: str, x: Floats, moment: Moment) -> Extremes | None:
        """What lies beyond the fences, if it weighs enough; ``x`` is the sorted sample."""
        fence = _reach(x, self.fence)
        if fence is None:
            return None
        middle = x[(x.size - 1) // 2]
        low, high = middle - fence, middle + fence
        if moment.min >= low and moment.max <= high:
            return None
        core = x[np.searchsorted(x, low, "left") : np.searchsorted(x, high, "right")]
        beyond = x.size - core.size
        if beyond > max(1, self.max_rows * x.size) or not core.size:
            return None
        rare = beyond / x.size
        count = max(round(rare * moment.finite), moment.at_min * (moment.min < low), 0)
        count = max(count, moment.at_max * (moment.max > high))
        with np.errstate(all="ignore"):
            kept = (1 - count / moment.finite) * np.square(core - moment.mean).mean()
            share = 1 - float(kept) / moment.var if np.isfinite(moment.var) else 1.0
        if not share >= self.min_share:
            return None
        furthest = max(moment.min, moment.max, key=lambda v: abs(v - middle))
        return Extremes(
            column, count, moment.finite, share, float(low), float(high), float(furthest)
        )


def _reach(x: Floats, fence: float) -> float | None:
    """How far from the median is extreme; None where nearly all values are the same."""
    with np.errstate(all="ignore"):
        off = np.sort(np.abs(x - x[(x.size - 1) // 2]))
    scale = MAD_TO_SD * float(off[(off.size - 1) // 2])  # beyond all floats without a warning
    if scale <= 0:
        off = off[off > 0]
        if off.size < 0.05 * x.size:
            return None
        scale = float(off[(off.size - 1) // 2]) / 2
    reach = fence * scale
    return reach if 1e-9 * abs(x[x.size // 2]) < reach < np.inf else None


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.9995 else f"{share:.4%}"


def _rows(context: Context, split: str, worst: Extremes) -> tuple[Example, ...]:
    """The most extreme rows of the worst column that the sample holds."""
    import polars as pl

    column = pl.col(worst.column)
    rows = (
        context.sample(split)
        .filter(column.is_finite() & ((column < worst.low) | (column > worst.high)))
        .sort((column - (worst.low + worst.high) / 2).abs(), ADDRESS, descending=[True, False])
    )
    return examples(context, split, rows, [worst.column])
