"""# order-or-id-leak (LK008)

## What it finds
Where a row stands tells its label: the rows of train are sorted by label (a warning), the files
that train is read from hold different classes, or the order of an id follows the label.

## Why it hurts training
Batches of neighboring rows hold one class, so that gradients swing and normalization layers learn
the class from the batch. A split by position leaves classes out. A model that is given the id (or
what differs between the files: the scanner, the site) learns that instead of the label.

## How it is measured
On the uniform row sample of train. Classes: the rows, in their order, are cut into stretches of
equal length (at least 16, and so many that each class with 2 % of the rows could fill eight). How
much more often than any two rows do two rows of one stretch have the same class? 0 is chance, 1 is
sorted. The lower end of the jackknife's interval (at 1e-4 over all orders tested) must be at least
`min_order`. Numbers: Spearman's rank correlation of position and label, whose lower end must be at
least `min_rank`. Ids are judged by the same figures in their own order. Files: how many of the
mistakes that guessing the most frequent class makes are saved by guessing each file's most frequent
class; the lower end must be at least `min_file`.

Rows in the order of time are left alone (a label that drifts with time is no leak), and so are ids
that number them. An id that numbers rows sorted by label is told with the order of the rows, not
twice. Files that differ in numbers only (`part-0001.csv`) are parts of one order, and files that
bear the names of their classes are where the label comes from.

Measured on scikit-learn's bundled datasets, with splits that set no threshold: sorted rows of which
7.5 % were then moved are found in 19 of 20, with 5 % in all; of 200 clean re-splits none raises an
alarm.

## Example
All 212 `malignant` rows come before all 357 `benign` ones.

## Repair and repair safety
`shuffle` (safe): draw rows at random while training. `drop-id` (safe): give the model no id.

## Options
- `min_order` (0.35): the least excess agreement within stretches, for classes.
- `min_rank` (0.8): the least rank correlation, for numbers.
- `min_file` (0.8): the least share of mistakes that the files save.

## Known limits
A period shorter than a stretch (labels that alternate) is not seen. Ids are compared by their
leading text and first number; a class hidden further on in an id is not found. A measurement that
was taken for an id (the report lists what is assumed) is judged like one. Folders of pictures come
in the order of their names, by class, whoever reads them: of them no order is told.

## References
- Efron & Stein 1981, "The jackknife estimate of variance", Annals of Statistics 9(3).
- Goodman & Kruskal 1954, "Measures of association for cross classifications", JASA 49 (λ).
- Bonett & Wright 2000, "Sample size requirements for estimating Pearson, Kendall and Spearman
  correlations", Psychometrika 65.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import ADDRESS, Context, Rule
from datacheck.checks.leakage.shortcuts import TABLE
from datacheck.checks.predict import LEAST, Target, read_target
from datacheck.checks.scores import RHO, Score, critical, rank_correlation
from datacheck.checks.stats import midranks, wilson
from datacheck.checks.support import NUMERIC, need_sample
from datacheck.dataset import FILE_SHIFT, Dataset, Role, to_matrix
from datacheck.errors import UsageError
from datacheck.findings import Finding, Repair, Severity, names
from datacheck.summaries.base import Need
from datacheck.types import Floats, Ints

MOST_BLOCKS = 2_048
RARE = 0.02  # share of the rows below which a class does not make stretches shorter
SAME = 0.99  # rank correlation from which on two orders are one
SHUFFLE = Repair("shuffle", "safe")
DROP = Repair("drop-id", "safe")


@dataclass(frozen=True)
class OrderOrIdLeak(Rule):
    """The place, the file or the id of a row tells its label."""

    why = "batches of neighboring rows hold one class, and splits by position leave classes out"
    repairs = (SHUFFLE,)

    min_order: float = 0.35
    min_rank: float = 0.8
    min_file: float = 0.8

    def __post_init__(self) -> None:
        if not all(0 < v <= 1 for v in (self.min_order, self.min_rank, self.min_file)):
            raise UsageError("the options of LK008 must be in (0, 1]")

    def needs(self, data: Dataset) -> Iterable[Need]:
        return need_sample(data) if data.label else []

    def judge(self, context: Context) -> Iterable[Finding]:
        label, split = context.label(), context.train
        target = read_target(context, split, uniform=True)
        assert split is not None
        ranked = ((c, _rank(context, target, c)) for c in _ids(context, split))
        ids = {c: rank for c, rank in ranked if rank is not None}
        z = critical(2 + len(ids))
        told, source = self._files(context, target, z)
        if told:
            yield self._by_file(told, label.name, split, context)
        place = np.arange(target.n, dtype=np.float64)
        timed = [_rank(context, target, c) for c in _times(context, split)]
        known = [t for t in timed if t is not None]
        counters = [c for c, r in ids.items() if _alike(r, place)]
        # The pictures of folders come in the order of their names, which is no one's choice.
        named = all(f.file in context.data.row_names for f in context.data.splits[split].fragments)
        if not told and not source and not named and not any(_alike(t, place) for t in known):
            score = _order(place, target, z)
            if score and score.low >= self._least(target):
                yield self._by_order(score, label.name, split, counters, context)
        found: dict[str, Score] = {}
        for column, rank in ids.items():
            if column in counters or any(_alike(rank, t) for t in known):
                continue
            score = _order(rank, target, z)
            if score and score.low >= self._least(target):
                found[column] = score
        if found:
            yield self._by_id(found, label.name, split, target, len(ids))

    def _least(self, target: Target) -> float:
        return self.min_order if target.classes else self.min_rank

    # -- files -------------------------------------------------------------------------------

    def _files(self, context: Context, target: Target, z: float) -> tuple[Score | None, bool]:
        """What the files tell, and whether they are where the label comes from."""
        ordinals = target.frame[ADDRESS].to_numpy() >> FILE_SHIFT
        files, rows = np.unique(ordinals, return_inverse=True)
        if not target.classes or files.size < 2:
            return None, False
        k = len(target.classes)
        if files.size * k > TABLE:
            return None, False
        table = np.bincount(rows * k + target.codes, minlength=files.size * k).reshape(-1, k)
        paths = [context.data.files[f] for f in files]
        major = [target.classes[c].casefold() for c in table.argmax(axis=1)]
        bearing = sum(_bears(p, c) for p, c in zip(paths, major, strict=True))
        if bearing >= 0.9 * files.size:
            return None, True
        parts = len({re.sub(r"\d+", "", p) for p in paths}) == 1
        if parts or files.size > target.n / 20:
            return None, False
        right, base = int(table.max(axis=1).sum()), int(table.sum(axis=0).max())
        rest = 1 - base / target.n
        low, high = ((w - base / target.n) / rest for w in wilson(right, target.n, z))
        score = Score("λ", (right - base) / target.n / rest, low, high, target.n)
        return (score if score.low >= self.min_file else None), False

    def _by_file(self, score: Score, label: str, split: str, context: Context) -> Finding:
        return self.finding(
            f"the file that a row of {split} comes from tells its {label}: "
            f"{score.value:.1%} of the mistakes of guessing the most frequent class are saved",
            splits=[split],
            columns=[label],
            count=context.rows[split],
            total=context.rows[split],
            effect=score.effect(self.min_file),
            why="what differs between the files (device, site, date) is learned for the label",
        )

    # -- orders ------------------------------------------------------------------------------

    def _by_order(
        self, score: Score, label: str, split: str, counters: list[str], context: Context
    ) -> Finding:
        numbered = f"; {names(counters)} numbers them" if counters else ""
        return self.finding(
            f"the rows of {split} are sorted by {label} ({_said(score)}){numbered}",
            splits=[split],
            columns=[label, *counters],
            count=context.rows[split],
            total=context.rows[split],
            effect=score.effect(self.min_rank if score.metric == RHO else self.min_order),
            severity=Severity.WARNING,
            repairs=[SHUFFLE, DROP] if counters else [SHUFFLE],
        )

    def _by_id(
        self, found: dict[str, Score], label: str, split: str, target: Target, tested: int
    ) -> Finding:
        best = min(found, key=lambda c: (-found[c].low, c))
        verb = "follow" if len(found) > 1 else "follows"
        return self.finding(
            f"the order of {names(sorted(found))} {verb} {label} in {split} ({_said(found[best])})",
            splits=[split],
            columns=sorted(found),
            count=len(found),
            total=tested,
            unit="columns",
            effect=found[best].effect(self._least(target)),
            why="a model that is given the id learns it instead of the label",
            repairs=[DROP],
        )


AGREEMENT = "excess agreement"


def _said(score: Score) -> str:
    if score.metric == RHO:
        return f"rank correlation {score.value:.3f}"
    return f"agreement of neighbors {score.value:.3f}, where 0 is chance and 1 is sorted"


def _ids(context: Context, split: str) -> list[str]:
    """Ids that are (nearly) unique."""
    chosen = context.columns(roles=[Role.ID], splits=[split])
    return [c for c in chosen if context.data.columns[c].unique]


def _times(context: Context, split: str) -> list[str]:
    return context.columns(*NUMERIC, roles=[Role.TIME], splits=[split])


def _rank(context: Context, target: Target, column: str) -> Floats | None:
    """The rank of each row by a column; None where more than one row in ten has no value."""
    import polars as pl

    series = target.frame[column]
    if context.data.columns[column].kind in NUMERIC:
        x = to_matrix(target.frame, [column])[:, 0]
    elif series.dtype == pl.String:
        keys = target.frame.select(
            series.str.extract(r"^(\D*)").alias("text"),
            series.str.extract(r"(\d{1,15})").cast(pl.Float64).fill_null(-1.0).alias("number"),
            series.alias("all"),
        )
        x = keys.select(pl.struct(pl.all()).rank("dense")).to_series().cast(pl.Float64).to_numpy()
        x = np.where(series.is_null().to_numpy(), np.nan, x)
    else:
        return None
    missing = np.isnan(x)
    if missing.mean() > 0.1:
        return None
    return np.where(missing, np.nan, midranks(x))


def _alike(a: Floats, b: Floats) -> bool:
    """Whether two rankings put the rows in the same order, or in the opposite one."""
    known = np.isfinite(a) & np.isfinite(b)
    return bool(known.any()) and rank_correlation(a[known], b[known]).value >= SAME


def _order(rank: Floats, target: Target, z: float) -> Score | None:
    """What an order of the rows tells of the label; None where little is known."""
    known = np.isfinite(rank)
    if int(known.sum()) < LEAST:
        return None
    if not target.classes:
        return rank_correlation(rank[known], target.values[known], z)
    codes = target.codes[known][np.argsort(rank[known], kind="stable")]
    return _stretches(codes, len(target.classes), z)


def _stretches(codes: Ints, k: int, z: float) -> Score | None:
    """How much more often than chance two rows of one stretch have the same class."""
    n = codes.size
    totals = np.bincount(codes, minlength=k)
    # A class that fills less than a stretch or two would leave its mark on too few of them.
    rarest = int(totals[totals >= RARE * n].min(initial=n))
    blocks = min(max(8 * k, 8 * n // rarest), n // 4, MOST_BLOCKS)
    block = np.arange(n) * blocks // n
    table = np.bincount(block * k + codes, minlength=blocks * k).reshape(blocks, k)
    sizes = table.sum(axis=1)
    same = (table * (table - 1)).sum(axis=1).astype(np.float64)
    pairs = (sizes * (sizes - 1)).astype(np.float64)
    chance = float((totals * (totals - 1)).sum()) / (n * (n - 1))
    if not chance < 1:
        return None
    value = (float(same.sum() / pairs.sum()) - chance) / (1 - chance)
    without = ((same.sum() - same) / (pairs.sum() - pairs) - chance) / (1 - chance)
    spread = math.sqrt((blocks - 1) / blocks * float(((without - without.mean()) ** 2).sum()))
    return Score(AGREEMENT, value, value - z * spread, min(1.0, value + z * spread), n)


def _bears(path: str, name: str) -> bool:
    """Whether a path has the name of a class among its words."""
    words = re.split(r"[^\w]+|_", path.casefold())
    return bool(name) and (name in words or (len(name) > 3 and name in path.casefold()))
