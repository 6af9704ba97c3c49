"""From the runs of two arms to one of four words: reduces, trades, no detectable effect, increases.

Non-finite steps come first, whatever the defect: every other metric is conditional on finite steps.
Where neither arm has any, the metric declared for the defect speaks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from datacheck.training.study.measures import METRICS, Defect
from datacheck.training.study.statistics import Paired, holm, seeds_needed

Word = Literal["reduces", "trades", "no detectable effect", "increases", "no claim"]
Runs = Sequence[Mapping[str, float]]  # one mapping of metrics a seed, in the order of the seeds
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one comparison came to.

    ``metric`` is the one that the verdict speaks of and ``effect`` its effect; ``adjusted`` is its
    p after Holm. ``beside`` holds the effects of the other metrics, without adjustment.
    """

    word: Word
    metric: str
    effect: Paired
    adjusted: float
    beside: Mapping[str, Paired]
    why: str = ""


def compare(defect: Defect, raw: Runs, repaired: Runs) -> Verdict:
    """The comparison of two arms over the same seeds, with the p not adjusted as yet."""
    metric = defect.primary
    if metric == "NFR" or _lost(raw) or _lost(repaired):
        metric = "NFR" if _lost(raw) or _lost(repaired) else defect.second
    effects = {
        key: one.compare(_of(raw, key), _of(repaired, key))
        for key, one in METRICS.items()
        if any(key in run for run in raw) and any(key in run for run in repaired)
    }
    if metric not in effects:
        nothing = Paired("ratio", math.nan, math.nan, math.nan, math.nan, 0, refused="not measured")
        return _worded(Verdict("no claim", metric, nothing, math.nan, effects), defect)
    effect = effects.pop(metric)
    return _worded(Verdict("no claim", metric, effect, effect.p, effects), defect)


def adjust(verdicts: Sequence[Verdict], defects: Sequence[Defect]) -> list[Verdict]:
    """The verdicts of a study together, their p adjusted (Holm).

    Where so many are judged by so few pairs that the first of them could not be told from chance
    whatever the data, no claim is made.
    """
    adjusted = holm([v.effect.p for v in verdicts])
    claims = sum(not v.effect.refused for v in verdicts)
    out = []
    for verdict, p, defect in zip(verdicts, adjusted, defects, strict=True):
        needed, n = seeds_needed(claims), verdict.effect.n
        if verdict.effect.refused or n >= needed:
            out.append(_worded(replace(verdict, adjusted=p), defect))
        else:
            why = f"{n} pairs cannot tell {claims} repairs from chance, {needed} can"
            out.append(replace(verdict, adjusted=p, word="no claim", why=why))
    return out


def _worded(verdict: Verdict, defect: Defect) -> Verdict:
    effect = verdict.effect
    if effect.refused:
        return replace(verdict, word="no claim", why=effect.refused)
    sure = verdict.adjusted <= ALPHA
    better = [k for k in _others(verdict, defect.levels) if verdict.beside[k].calmer]
    worse = [k for k in _others(verdict, defect.levels) if verdict.beside[k].wilder]
    if defect.guard and defect.guard in verdict.beside and verdict.metric != defect.guard:
        worse += [defect.guard] if verdict.beside[defect.guard].wilder else []
    if sure and effect.calmer:
        if worse:
            return replace(verdict, word="trades", why=f"worse: {_words(worse)}")
        return replace(verdict, word="reduces", why="")
    if sure and effect.wilder:
        if better:
            return replace(verdict, word="trades", why=f"better: {_words(better)}")
        return replace(verdict, word="increases", why="")
    why = "" if verdict.metric != "NFR" or effect.value else "neither arm stays finite"
    return replace(verdict, word="no detectable effect", why=why)


def _others(verdict: Verdict, keys: Sequence[str]) -> list[str]:
    return [k for k in keys if k in verdict.beside and not verdict.beside[k].refused]


def _words(keys: Sequence[str]) -> str:
    return ", ".join(METRICS[k].words for k in keys)


def _of(runs: Runs, key: str) -> list[float]:
    return [run.get(key, math.nan) for run in runs]


def _lost(runs: Runs) -> bool:
    """Whether any step of any run was not finite."""
    return any(run.get("NFR", 0.0) > 0 for run in runs)
