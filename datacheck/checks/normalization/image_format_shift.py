"""# image-format-shift (NM007)

## What it finds
Pictures of one split that are stored in another way than those of train: of another size, in
another mode (grey, color, palette, with alpha, 16 bits), in another format, more or less
compressed, or turned by EXIF where train's are not.

## Why it hurts training
A network sees the traces of resizing, of compression and of a missing channel as clearly as the
objects. Trained on clean PNG it is asked about JPEG; where classes come from two sources, it learns
the source. A loader that passes over EXIF gets pictures that lie on their side.

## How it is measured
Exact counts of modes, formats and orientations: total variation distance of the two splits, whose
interval begins at McDiarmid's bound, less what two samples differ by anyway, or at Newcombe's for
the value that differs most, whichever is higher; and Pearson's χ². Width, height and, between
pictures of one format, bytes a pixel: Kolmogorov–Smirnov distance on the row sample with its
interval. Benjamini–Hochberg over all that is compared; the lower end of the interval must reach
`min_variation` for what is counted and `min_distance` for what is measured. All that differs
between two splits is one finding.

## Example
Train has 400 PNG of 32 × 32 in RGB, test 100 JPEG of 32 × 32, 60 of them grey: formats differ in
all pictures, modes in 60 %.

## Repair and repair safety
`shared-decode` (unsafe): the pictures of all splits are written again in one mode and as PNG,
without metadata. Loaders decode, resize and convert all splits in one way without that.
`recode` (manual): where compression differs, what was lost is not to be had again.

## Options
- `min_variation` (0.05): the least total variation distance, at the lower end of its interval.
- `min_distance` (0.3): the least distance of sizes and of bytes a pixel, at the lower end.

## Known limits
Bytes a pixel also tell what pictures show: a split of busier scenes is less compressed, which is
why that distance has to be larger. Says nothing of settings of an encoder that leave the sizes of
files alike, and nothing of compression where a format differs.

## References
- Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and
  perturbations", ICLR.
- McDiarmid 1989, "On the method of bounded differences".
- Newcombe 1998, "Interval Estimation for the Difference between Independent Proportions",
  Statistics in Medicine 17.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.duplicates import percent
from datacheck.checks.normalization.pixels import pictures
from datacheck.checks.quantiles import REACH, distance, distance_p, needs_two
from datacheck.checks.scores import critical
from datacheck.checks.stats import (
    benjamini_hochberg,
    homogeneity_p,
    newcombe,
    total_variation,
)
from datacheck.checks.support import need_sample
from datacheck.dataset import Dataset
from datacheck.errors import UsageError
from datacheck.findings import Effect, Finding, Repair
from datacheck.summaries.base import Need
from datacheck.types import Floats

COUNTED = ("mode", "format", "orientation")
SIZES = ("width", "height", "bytes")
WORDS = {"orientation": "EXIF orientation"}
LEAST = 10  # pictures of each split


@dataclass(frozen=True, slots=True)
class Facet:
    """One way in which two splits may differ: what, how much, by chance or not, in words."""

    name: str
    effect: Effect
    p: float
    said: str

    @property
    def excess(self) -> float:
        """How many times the threshold the lower end is."""
        return self.effect.low / max(self.effect.threshold, 1e-9)


@dataclass(frozen=True)
class ImageFormatShift(Rule):
    """Pictures of another size, mode, format or compression than train's."""

    why = "a network sees how pictures were stored as clearly as what they show"
    repairs = (Repair("shared-decode", "unsafe"), Repair("recode", "manual"))

    min_variation: float = 0.05
    min_distance: float = 0.3

    def __post_init__(self) -> None:
        if not (0 <= self.min_variation < 1 and 0 <= self.min_distance < 1):
            raise UsageError("the options of NM007 must be in [0, 1)")

    def needs(self, data: Dataset) -> Iterable[Need]:
        columns = pictures(data)
        if not columns:
            raise NotApplicable("no column of pictures")
        needs_two(data)
        counted = tuple(f"{c}.{name}" for c in columns for name in COUNTED)
        sizes = [f"{c}.{name}" for c in columns for name in (*SIZES, "format")]
        return [Need("values", counted), *need_sample(data, *sizes)]

    def judge(self, context: Context) -> Iterable[Finding]:
        pairs = context.pairs()
        if all(min(context.rows[t], context.rows[o]) < LEAST for t, o in pairs):
            raise NotApplicable(f"fewer than {LEAST} pictures in train or in another split")
        for train, other in pairs:
            if min(context.rows[train], context.rows[other]) < LEAST:
                continue
            for column in pictures(context.data):
                tested = [
                    *self._counted(context, column, train, other),
                    *self._measured(context, column, train, other),
                ]
                real = benjamini_hochberg([one.p for one in tested])
                found = [
                    one
                    for one, ok in zip(tested, real, strict=True)
                    if ok and one.effect.low >= one.effect.threshold
                ]
                if found:
                    yield self._tell(column, found, len(tested), train, other)

    def _counted(self, context: Context, column: str, train: str, other: str) -> Iterator[Facet]:
        for name in COUNTED:
            known = context.values(train)[f"{column}.{name}"]
            seen = context.values(other)[f"{column}.{name}"]
            each = list(dict.fromkeys([*known, *seen]))
            a = np.array([known.get(v, 0) for v in each], dtype=np.float64)
            b = np.array([seen.get(v, 0) for v in each], dtype=np.float64)
            if not a.sum() or not b.sum():
                continue
            effect = Effect("tv", *_variation(a, b), self.min_variation)
            shares = f"{_top(known)} in {train}, {_top(seen)} in {other}"
            said = f"{WORDS.get(name, name)} ({shares})"
            yield Facet(name, effect, homogeneity_p(a, b), said)

    def _measured(self, context: Context, column: str, train: str, other: str) -> Iterator[Facet]:
        first, second = _sizes(context, train, column), _sizes(context, other, column)
        for name in first:
            x, y = first[name], second.get(name, np.zeros(0))
            if min(x.size, y.size) < LEAST:
                continue
            d, size = distance(np.sort(x), np.sort(y)), x.size * y.size / (x.size + y.size)
            half = REACH / np.sqrt(size)
            effect = Effect("ks", d, max(0.0, d - half), min(1.0, d + half), self.min_distance)
            p = float(distance_p(np.array([d]), np.array([size]))[0])
            medians = f"median {np.median(x):.4g} in {train}, {np.median(y):.4g} in {other}"
            yield Facet(name, effect, p, f"{WORDS.get(name, name)} ({medians})")

    def _tell(
        self, column: str, found: list[Facet], tested: int, train: str, other: str
    ) -> Finding:
        found = sorted(found, key=lambda one: (-one.excess, one.name))
        return self.finding(
            f"pictures of {other} are stored in another way than those of {train}: "
            + "; ".join(one.said for one in found),
            splits=[train, other],
            columns=[column],
            count=len(found),
            total=tested,
            unit="figures",
            effect=found[0].effect,
            evidence={
                one.name: [one.effect.metric, one.effect.value, one.effect.low] for one in found
            },
        )


def _variation(a: Floats, b: Floats) -> tuple[float, float, float]:
    """Total variation distance of counts. It is no less than the difference of any one share, whose
    interval (Newcombe's, Bonferroni over the values) is the narrower one where values are few.
    """
    value, low, high = total_variation(a, b)
    n, m, z = float(a.sum()), float(b.sum()), critical(a.size)
    most = int(np.argmax(np.abs(a / n - b / m)))
    below, above = newcombe(float(a[most]), n, float(b[most]), m, z)
    return value, max(low, below, -above), high


def _sizes(context: Context, split: str, column: str) -> dict[str, Floats]:
    """Width, height, and bytes a pixel of the pictures in each format, as far as sampled."""
    sample = context.sample(split)
    width, height, size = (
        sample[f"{column}.{name}"].to_numpy().astype(np.float64) for name in SIZES
    )
    known = np.isfinite(width * height * size)
    out = {"width": width[known], "height": height[known]}
    formats = sample[f"{column}.format"].fill_null("").to_numpy()[known]
    for name in sorted(set(formats.tolist()) - {""}):
        mine = formats == name
        density = size[known][mine] / (width * height)[known][mine]
        out[f"bytes a pixel of {name}"] = density
    return out


def _top(counts: dict[str, int]) -> str:
    """The commonest value with its share."""
    if not counts:
        return "none"
    value = max(counts, key=lambda v: (counts[v], v))
    share = counts[value] / sum(counts.values())
    return f"{value or 'none'} {percent(share)}"
