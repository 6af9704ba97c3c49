"""# normalization-mismatch (NM001)

## What it finds
Columns of one split that are those of train after a map: standardized, scaled to [0, 1] or
[−1, 1], divided by 255, as logarithms, in other units, with the sign flipped. Or the other way
round: train was mapped, the evaluation was not. Columns with one cause are one finding.

Of pictures: 0–255 against 0–1 or [−1, 1], 8 against 16 bits, ImageNet's statistics or the data's
own baked into the files, inverted, red and blue swapped (RGB against BGR).

## Why it hurts training
A model fitted on one scale is asked about another. Nothing fails: the loss of the evaluation is
simply wrong, and a scaler fitted on train makes it worse.

## How it is measured
For each number column that differs beyond chance (Kolmogorov–Smirnov on the row sample or Student's
t of the exact means, Benjamini–Hochberg over all columns), a table of known maps, taken with
train's exact moments, and fitted ones are laid on the quantiles of train. A map is found if it
moves the column by at least half a mean deviation; if undoing it leaves no more distance than
chance does (for maps that only processing makes: no more than 0.1), less than a third of what there
was, and no other spread than chance makes (three standard errors of its logarithm, outliers aside,
or 10 %; where three columns share the map, it is not asked of others); and if for one of its
columns the lower end of the interval of the distance reaches `min_distance`. A map without a name
must change the scale at least threefold, and tenfold where the two distributions overlap by half.
Values within 1 % of the mean deviation count as the same, for rounding's sake. Where at least half
of a finding's columns (and 8) share one line, as pixels do, it is that of all columns that it
brings back, also of those that never vary.

A line that maps every pixel of a picture maps the mean of each channel alike and stretches its
deviation. So pictures are judged by their means and deviations in the three channels: a known map
must bring the distribution of all six back, and that of the difference of red and blue, by the same
bounds. Another kind of pictures is no such image of train.

## Example
Train holds glucose in mg/dL (median 108), test in mmol/L (median 6.0): test holds the column
divided by 18.016. Distance 1.00, and 0.04 once undone.

## Repair and repair safety
`invert-transform` (safe): apply the inverse of the map to the split that has been through it; the
evidence holds scale and offset for each column. `shared-transform` (safe): refit one transform on
train and apply it to all splits. For pictures it is manual: read all splits by one decoder and
transform.

## Options
- `min_distance` (0.2): the least distance, at the lower end of its interval, of one of the columns.

## Known limits
Scaled train looks scaled whatever the other split went through, and a drift on a shared scale is
a map, too. A forgotten scaler is told from it by the evaluation split: it brings two columns or
more back to places of their own (2.5 of train's deviations away, or as much wider), at scales that
differ from train's or from each other by as much, and leaves under 30 % of the scaled columns
where they were. One column alone, a shift of place with a like spread, and a column that rises
with the rows are left to NM003; so is a scaled column that seems in another unit or a logarithm.
Says nothing about a map that moves the data by less than half a mean deviation, about a flip of a
symmetric column, or about columns with two values where no other column shares the map. A pure
displacement without a name, and a change of scale within a factor of 3, are left to NM003: nature
makes those too. So are clocks and counters, whose scale says only when the rows were written. A
split that has been mapped and has also shifted may not be recognized; then NM003 speaks. Small
splits (fewer than some 20 rows) rarely have enough evidence. Pictures that are as often dark as
bright look the same inverted, and grey ones with red and blue swapped.

## References
- Stephens 1970, "Use of the Kolmogorov–Smirnov, Cramér–von Mises and related statistics without
  extensive tables", JRSS B 32(1).
- Breck et al. 2019, "Data validation for machine learning", MLSys (training–serving skew).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.normalization.maps import Mismatch
from datacheck.checks.normalization.mismatches import judged, mismatches
from datacheck.checks.normalization.pixels import (
    CHANNELS,
    PixelMismatch,
    judged_pixels,
    need_pixels,
    pictures,
    pixel_mismatches,
)
from datacheck.checks.quantiles import needs_two, numbers
from datacheck.checks.support import need_sample
from datacheck.dataset import Dataset
from datacheck.findings import Effect, Finding, Repair, names
from datacheck.summaries.base import Need


@dataclass(frozen=True)
class NormalizationMismatch(Rule):
    """One split has been through a transform that another has not."""

    why = "the model is asked about numbers on another scale than it has learned"
    repairs = (Repair("invert-transform", "safe"), Repair("shared-transform", "safe"))

    min_distance: float = 0.2

    def needs(self, data: Dataset) -> Iterable[Need]:
        needs_two(data)
        return [Need("moments", tuple(numbers(data))), *need_sample(data, *need_pixels(data))]

    def judge(self, context: Context) -> Iterable[Finding]:
        pairs = context.pairs()
        seen = {other: judged(context, train, other) for train, other in pairs}
        shown = pictures(context.data)
        if not any(seen.values()) and not shown:
            raise NotApplicable("no number column that varies in train and in another split")
        for train, other in pairs:
            if shown and not seen[other]:
                judged_pixels(context, train, other)
            for mapped in pixel_mismatches(context, train, other, self.min_distance):
                yield self._tell_pixels(mapped, train, other)
            found = mismatches(context, train, other, self.min_distance)
            total = len({*seen[other], *(c for one in found for c in one.columns)})
            for one in found:
                yield self._tell(one, train, other, total)

    def _tell_pixels(self, one: PixelMismatch, train: str, other: str) -> Finding:
        odd, plain = (train, other) if one.map.back else (other, train)
        return self.finding(
            f"{odd} holds its pictures {one.map.text}, {plain} does not: {one.column} (distance "
            f"{one.distance:.2f}, {one.left:.2f} once undone)",
            splits=[train, other],
            columns=[one.column],
            count=1,
            total=1,
            unit="columns",
            effect=Effect(
                "ks", one.distance, one.low, min(1.0, 2 * one.distance - one.low), self.min_distance
            ),
            evidence={
                "map": one.map.name,
                "mapped": odd,
                "left": one.left,
                "scale": list(one.map.scale),
                "offset": list(one.map.offset),
                "channels": [CHANNELS[i] for i in one.map.order],
            },
            repairs=[Repair("shared-transform", "manual")],
        )

    def _tell(self, one: Mismatch, train: str, other: str, total: int) -> Finding:
        worst = int(one.distance.argmax())
        odd, plain = (other, train) if one.map.odd == "other" else (train, other)
        count = len(one.columns)
        lines = {
            c: [float(a), float(b)]
            for c, a, b in zip(one.columns, one.scale, one.offset, strict=True)
        }
        evidence: dict[str, object] = {
            "map": one.map.name,
            "mapped": odd,
            "worst": one.columns[worst],
            "left": float(one.left[worst]),
        }
        if one.map.curve is None:
            evidence["lines"] = lines
        return self.finding(
            f"{odd} holds {count:,} of {total:,} number columns {one.map.text}, {plain} does not: "
            f"{names(one.columns)} (distance {one.distance[worst]:.2f}, "
            f"{one.left[worst]:.2f} once undone)",
            splits=[train, other],
            columns=one.columns,
            count=count,
            total=total,
            unit="columns",
            effect=Effect(
                "ks",
                float(one.distance[worst]),
                float(one.low[worst]),
                min(1.0, 2 * float(one.distance[worst]) - float(one.low[worst])),
                self.min_distance,
            ),
            evidence=evidence,
        )
