"""From the results of all runs to what is told: plain data, the same bytes for the same results.

The form of ``study.json`` is in docs/study-json.md. Times are not in it: they are in
``timing.json``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from datacheck.training.study.arms import ALL, CLIP, ORIGINAL, PLACEBO, RAW, Design
from datacheck.training.study.ledger import Key, plain
from datacheck.training.study.measures import METRICS, OTHER, Defect
from datacheck.training.study.statistics import Paired
from datacheck.training.study.verdicts import Verdict, adjust, compare

VERSION = 1
Results = Mapping[Key, Mapping[str, Any]]
POINTS = 60  # of a curve


def outcome(
    chosen: Design, seeds: Sequence[int], results: Results, told: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that the table and the page show; ``told`` is said of the study as a whole."""
    runs = {a.key: [results[a.key, s] for s in seeds] for a in chosen.arms}
    metrics = {key: [_numbers(r["metrics"]) for r in mine] for key, mine in runs.items()}
    defects = [c.repair.defect for c in chosen.contrasts]
    verdicts = adjust(
        [
            compare(d, metrics[c.without], metrics[c.with_])
            for c, d in zip(chosen.contrasts, defects, strict=True)
        ],
        defects,
    )
    out: dict[str, Any] = {"version": VERSION, **told, "seeds": list(seeds)}
    out["repairs"] = []
    for contrast, defect, verdict in zip(chosen.contrasts, defects, verdicts, strict=True):
        alone = compare(defect, metrics[RAW], metrics[contrast.alone])
        out["repairs"].append(
            {
                "key": contrast.repair.key,
                "words": contrast.repair.words,
                "rules": list(contrast.repair.rules),
                "unsafe": contrast.repair.unsafe,
                "defect": defect.name,
                "declared": [defect.primary, defect.second],
                "arms": {"without": contrast.without, "with": contrast.with_},
                **_told(verdict, metrics[contrast.without], metrics[contrast.with_]),
                "alone": {"arm": contrast.alone, **_effect(alone.metric, alone.effect)},
            }
        )
    out["controls"] = _controls(chosen, metrics)
    out["arms"] = [
        {
            "key": a.key,
            "words": a.words,
            "repairs": list(a.repairs),
            "control": a.control,
            "levels": {k: _level(metrics[a.key], k) for k in METRICS if _has(metrics[a.key], k)},
            "runs": [
                {"seed": s, **{k: v for k, v in r.items() if k != "curves"}}
                for s, r in zip(seeds, runs[a.key], strict=True)
            ],
            "curves": _bands(runs[a.key]),
        }
        for a in chosen.arms
    ]
    cleaned: dict[str, Any] = plain(out)
    return cleaned


def _controls(
    chosen: Design, metrics: Mapping[str, Sequence[Mapping[str, float]]]
) -> list[dict[str, Any]]:
    """All repairs at once, the placebo, clipping, and the original where there is one."""
    pairs = [("all repairs together", RAW, ALL), ("clipping alone", RAW, CLIP)]
    pairs += [("the original, before the fault", RAW, ORIGINAL)]
    pairs += [("placebo: the same data, another order", ALL, PLACEBO)]
    if not chosen.repairs:
        pairs = [("placebo: the same data, another order", RAW, PLACEBO)]
    one = {c.repair.defect.name: c.repair.defect for c in chosen.contrasts}
    defect: Defect = next(iter(one.values())) if len(one) == 1 else OTHER
    out = []
    for words, a, b in pairs:
        if a in metrics and b in metrics:
            verdict = compare(defect, metrics[a], metrics[b])
            told = _told(verdict, metrics[a], metrics[b])
            out.append({"words": words, "arms": {"without": a, "with": b}, **told})
    return out


def _told(
    verdict: Verdict, without: Sequence[Mapping[str, float]], with_: Sequence[Mapping[str, float]]
) -> dict[str, Any]:
    return {
        "verdict": verdict.word,
        "why": verdict.why,
        **_effect(verdict.metric, verdict.effect),
        "p_holm": verdict.adjusted,
        "levels": {
            key: {"without": _mean(without, key), "with": _mean(with_, key)}
            for key in dict.fromkeys((verdict.metric, *verdict.beside))
        },
        "beside": {k: _effect(k, e) for k, e in verdict.beside.items()},
    }


def _effect(metric: str, effect: Paired) -> dict[str, Any]:
    return {
        "metric": metric,
        "kind": effect.kind,
        "value": effect.value,
        "low": effect.low,
        "high": effect.high,
        "p": effect.p,
        "p_error": effect.p_error,
        "pairs": effect.n,
        "left_out": effect.left_out,
        "refused": effect.refused,
    }


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """What was not finite is NaN again."""
    return {k: math.nan if v is None else float(v) for k, v in metrics.items()}


def _has(runs: Sequence[Mapping[str, float]], key: str) -> bool:
    return any(key in run for run in runs)


def _mean(runs: Sequence[Mapping[str, float]], key: str) -> float:
    """Over the runs that have a number; NaN where none has."""
    values = np.array([run.get(key, math.nan) for run in runs])
    good = values[np.isfinite(values)]
    return float(good.mean()) if good.size else math.nan


def _level(runs: Sequence[Mapping[str, float]], key: str) -> dict[str, Any]:
    values = np.array([run.get(key, math.nan) for run in runs])
    good = values[np.isfinite(values)]
    spread = float(good.std(ddof=1)) if good.size > 1 else math.nan
    return {"mean": _mean(runs, key), "sd": spread, "of": int(good.size)}


def _bands(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Median, least and greatest over the seeds at each step of a curve."""
    out: dict[str, Any] = {}
    names = dict.fromkeys(name for run in runs for name in run.get("curves", {}))
    for name in names:
        curves = [run["curves"][name] for run in runs if name in run.get("curves", {})]
        longest: list[int] = max((c["steps"] for c in curves), key=len, default=[])
        table = np.full((len(curves), len(longest)), np.nan)
        for row, curve in zip(table, curves, strict=True):
            values = [math.nan if v is None else v for v in curve["values"]]
            row[: len(values)] = values
        keep = np.unique(np.linspace(0, max(len(longest) - 1, 0), POINTS).astype(int))
        keep = keep[: len(longest)]
        columns = table[:, keep]
        some = np.isfinite(columns).any(axis=0)
        filled = np.where(np.isfinite(columns), columns, np.nan)[:, some]
        out[name] = {
            "steps": [int(longest[i]) for i in keep[some]],
            "middle": _rounded(np.nanmedian(filled, axis=0)) if filled.size else [],
            "low": _rounded(np.nanmin(filled, axis=0)) if filled.size else [],
            "high": _rounded(np.nanmax(filled, axis=0)) if filled.size else [],
            "finite": [int(n) for n in np.isfinite(columns[:, some]).sum(axis=0)],
        }
    return out


def _rounded(values: Any) -> list[float]:
    return [float(f"{v:.6g}") for v in values]
