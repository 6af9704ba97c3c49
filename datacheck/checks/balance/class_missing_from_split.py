"""# class-missing-from-split (CB003)

## What it finds
A class that one split has and another lacks, where chance does not explain it: in either direction
between train and each other split.

## Why it hurts training
A class that train lacks cannot be predicted, so its rows are lost from the start; one that the
evaluation lacks is learned and never measured. If the labels are only spelled in two ways, every
single prediction is counted as wrong.

## How it is measured
Exact label counts. If the rows of both splits were dealt at random, none of a class's k rows falls
into the other split with probability C(N−k, m)/C(N, m), N rows in all, m of them there. Several
classes together are judged too: the least probable set of the largest missing classes counts, after
a union bound over all sets of that size, all sizes, both directions and all pairs of splits. So a
long tail of classes with two rows each does not fire, and the bound is far above the true chance:
4 of 32,000 random splits of eight kinds of labels fell below `chance`. Classes that differ in case,
spaces or final punctuation only are told as spellings of one another.

## Example
Adult: train has `<=50K` and `>50K`, test has `<=50K.` and `>50K.`: no class is shared.

## Repair and repair safety
`stratified-resplit` (unsafe: it moves rows between splits). For two spellings of one class,
`unify-class-names` (manual).

## Options
- `chance` (0.005): the bound below which chance is no explanation.

## Known limits
A split on purpose by class (zero-shot learning, an out-of-scope class in the test) is reported too:
suppress it with that reason. Splits without labels are left out.

## References
- Kohavi 1995, "A Study of Cross-Validation and Bootstrap", IJCAI (stratified splits).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.checks.support import has_label, label_counts, need_label_counts
from datacheck.dataset import Dataset, Task
from datacheck.findings import Effect, Finding, Repair, clip, names
from datacheck.summaries.base import Need

LIKELY = 0.5


@dataclass(frozen=True)
class ClassMissingFromSplit(Rule):
    """A class of one split that another lacks, beyond chance."""

    why = "a class that train lacks cannot be learned, and one the test lacks is never measured"
    repairs = (Repair("stratified-resplit", "unsafe"),)

    chance: float = 0.005

    def needs(self, data: Dataset) -> Iterable[Need]:
        return need_label_counts(data)

    def judge(self, context: Context) -> Iterable[Finding]:
        label = context.label(Task.CLASSIFICATION).name
        counts = {}
        for split in dict.fromkeys(s for pair in context.pairs() for s in pair):
            if has_label(context, split) and (found := label_counts(context, split)):
                if not context.values(split).complete(label):
                    raise NotApplicable(f"{label} has too many values in {split} to be classes")
                counts[split] = found
        pairs = [(a, b) for a, b in context.pairs() if a in counts and b in counts]
        if not pairs:
            raise NotApplicable("needs labels in train and in another split")
        for train, other in pairs:
            both = set(counts[train]) | set(counts[other])
            sides, chances = [], []
            for has, lacks in ((train, other), (other, train)):
                missing, chance = unlikely(counts[has], counts[lacks], tests=2 * len(pairs))
                if missing and chance < self.chance:
                    sides.append((has, lacks, missing))
                    chances.append(chance)
            if not sides:
                continue
            p = min(chances)
            spelled = _spellings(sides, counts)
            twins = {c for pair in spelled for c in pair}
            said = [self._said(label, counts, *side) for side in sides if set(side[2]) - twins]
            if spelled:
                listed = names(f"{clip(a)!r} and {clip(b)!r}" for a, b in spelled)
                said.insert(0, f"classes of {label} look like two spellings of one: {listed}")
            if len(both) == len(counts[train]) + len(counts[other]):
                said.insert(0, f"{train} and {other} share no class of {label}")
            yield self.finding(
                "; ".join(said),
                splits=[train, other],
                columns=[label],
                count=sum(len(missing) for _, _, missing in sides),
                total=len(both),
                unit="classes",
                effect=Effect("P(missing by chance)", p, 0.0, p, self.chance),
                evidence={
                    "missing": {lacks: list(missing) for _, lacks, missing in sides},
                    "rows": {lacks: sum(missing.values()) for _, lacks, missing in sides},
                    "spellings": [list(s) for s in spelled],
                },
                repairs=[Repair("unify-class-names", "manual")] if spelled else None,
            )

    def _said(
        self, label: str, counts: Mapping[str, Mapping[str, int]], has: str, lacks: str,
        missing: Mapping[str, int],
    ) -> str:  # fmt: skip
        listed = names(f"{clip(c)!r} ({n:,} rows in {has})" for c, n in missing.items())
        of = f"{len(missing):,} of {len(counts[has]):,} classes of {label}"
        return f"{lacks} lacks {of}: {listed}"


def unlikely(
    has: Mapping[str, int], lacks: Mapping[str, int], tests: int = 1
) -> tuple[dict[str, int], float]:
    """The least probable set of classes that only ``has`` has, largest first, and its chance.

    The chance is a union bound over all sets of classes of that size, all sizes and all tests. Of
    the set, classes whose absence alone is likely are not named, unless there are no others.
    """
    from scipy.special import gammaln

    missing = {c: n for c, n in has.items() if c not in lacks}
    if not missing:
        return {}, 1.0
    order = sorted(missing, key=lambda c: (-missing[c], c))
    here, there = sum(has.values()), sum(lacks.values())
    rows = np.cumsum([missing[c] for c in order]).astype(np.float64)
    size = np.arange(1, rows.size + 1)
    classes = len(set(has) | set(lacks))
    total = here + there
    log_p = (
        gammaln(total - rows + 1) - gammaln(here - rows + 1)
        - gammaln(total + 1) + gammaln(here + 1)
    )  # fmt: skip
    sets = gammaln(classes + 1) - gammaln(size + 1) - gammaln(classes - size + 1)
    bound = log_p + sets + math.log(classes * tests)
    at = int(np.argmin(bound))
    chosen = order[: at + 1]
    alone = [c for c in chosen if missing[c] * math.log(here / total) < math.log(LIKELY)]
    chance = math.exp(min(float(bound[at]), 0.0))
    return {c: missing[c] for c in alone or chosen}, chance


def _spellings(
    sides: list[tuple[str, str, dict[str, int]]], counts: Mapping[str, Mapping[str, int]]
) -> list[tuple[str, str]]:
    """Missing classes with a spelling that the other split has, as (there, here)."""
    out: dict[frozenset[str], tuple[str, str]] = {}
    for _, lacks, missing in sides:
        known: dict[str, str] = {}
        for c in sorted(counts[lacks]):
            known.setdefault(_plain(c), c)
        for c in missing:
            if (twin := known.get(_plain(c))) is not None:
                out.setdefault(frozenset((c, twin)), (c, twin))
    return list(out.values())


def _plain(text: str) -> str:
    """A class's name without case, final punctuation and what joins its words."""
    bare = text.strip().casefold().strip("\"'`").rstrip(".,;:! ")
    return re.sub(r"(?<=[^\W\d_])[\s_-]+(?=[^\W\d_])", "", bare)
