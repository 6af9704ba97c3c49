"""Draws ``docs/images``: one picture of each pathology of training, from runs made on the spot.

    make images

Each picture is a pair of small real runs (``docs/pathology_runs.py``, ``pathology_sequences.py``),
with the fault and without. What monitor and rules say of them goes to
``docs/images/pathologies.json``, from which ``docs/generate.py`` takes the texts below the
pictures. It takes some minutes; names of pictures
as arguments draw only those. The same machine gives the same files; another one rounds otherwise.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datacheck.training import Run, judge, spikes, summarize
from docs import pathology_runs as runs
from docs import pathology_sequences as sequences
from docs.drawing import Line, picture

IMAGES = Path(__file__).resolve().parent / "images"
TOLD = "pathologies.json"
Series = tuple[Sequence[float], Sequence[float]]


@dataclass(frozen=True)
class Pathology:
    """One picture.

    ``make`` gives the two runs, ``names`` is what they are called. ``shows`` is what is drawn: a
    column of the steps, ``evaluation`` (the held-out loss) or ``dead`` (the largest share of a
    layer). ``rules`` are those that have to speak of the first run, ``figures`` the metrics that
    are told of both.
    """

    name: str
    title: str
    make: Callable[[], runs.Pair]
    names: tuple[str, str]
    shows: str
    figures: tuple[str, ...]
    rules: tuple[str, ...] = ()
    log: bool = False
    first: int | None = None
    """Only so many steps are drawn."""
    skipped: int = 0
    """Of the beginning; the axis then begins at the least value, not at 0."""


PATHOLOGIES = (
    Pathology(
        "non_finite", "Non-finite loss: one cell of 76,800 is NaN", runs.non_finite,
        ("one NaN in train", "filled"), "loss", ("NFR", "LV", "score"), ("ST001",),
    ),
    Pathology(
        "bad_rows", "Loss spikes: 1 % of the rows are multiplied by ±1,000", runs.bad_rows,
        ("bad rows", "pulled in"), "loss", ("SR_l", "SR_g", "OLMo_l", "LV", "GT", "score"),
        ("ST002", "ST003"), log=True,
    ),
    Pathology(
        "exploding", "Exploding gradients: a recurrent network over 300 steps", sequences.exploding,
        ("ReLU, Adam to 0.15", "LSTM at 0.01, clipped"), "grad_norm", ("NFR", "G_peak", "loss"),
        ("ST001", "ST003"), log=True,
    ),
    Pathology(
        "vanishing", "Vanishing gradients: nothing passes the units", runs.vanishing,
        ("pixels × 1,000", "standardized"), "grad_norm", ("UW", "loss", "score"), ("ST004",),
        log=True,
    ),
    Pathology(
        "divergence", "Divergence: a learning rate that is too high", runs.divergence,
        ("SGD at 0.5", "SGD at 0.02"), "loss", ("NFR", "LV", "loss"), ("ST005",), log=True,
        first=60,
    ),
    Pathology(
        "saturated", "Saturated units: tanh on pixels times 1,000", runs.saturated,
        ("pixels × 1,000", "standardized"), "dead", ("UW", "VLJ", "score"), ("ST006",),
    ),
    Pathology(
        "too_large", "Updates as large as the weights: Adam at 0.3", runs.too_large,
        ("Adam at 0.3", "Adam at 0.001"), "update_ratio", ("UW", "UW_tail", "score"), ("ST007",),
        log=True,
    ),
    Pathology(
        "overfitting", "Overfitting: a fifth of 300 labels is wrong", runs.overfitting,
        ("wrong labels", "right labels"), "evaluation", ("loss", "score", "VLJ"), ("ST008",),
    ),
    Pathology(
        "clipping", "Clipping always: max_norm far below the usual norm", runs.clipping,
        ("clipped at 0.01", "clipped at 5"), "loss", ("SN", "loss", "score"), ("ST009",),
    ),
    Pathology(
        "saw_tooth", "Saw-tooth: batches in order of length", sequences.saw_tooth,
        ("sorted by length", "BucketBatchSampler"), "loss", ("PW", "TCV", "LV", "VLJ", "loss"),
        skipped=60,
    ),
    Pathology(
        "unscaled", "Validation jitter: measurements in their own units", runs.unscaled,
        ("as measured", "standardized"), "evaluation", ("VLJ", "AJ", "AJ_floor", "LV", "score"),
    ),
    Pathology(
        "padding_in_the_loss", "Padding in the loss", sequences.padding_in_the_loss,
        ("padding counts", "masked"), "loss", ("PW", "LV", "SN", "loss", "score"),
    ),
)  # fmt: skip
WORDS = {
    "loss": "training loss",
    "grad_norm": "gradient norm",
    "update_ratio": "update ÷ weights",
    "evaluation": "held-out loss",
    "dead": "share of units (worst layer)",
}


def series(run: Run, one: Pathology) -> Series:
    """Steps and values of what is drawn."""
    shows = one.shows
    if shows == "evaluation":
        frame, column = run.evaluations, "loss"
    elif shows == "dead":
        frame, column = run.dead.group_by("step").agg(pl.col("share").max()).sort("step"), "share"
    else:
        frame, column = run.steps.filter(pl.col(shows).is_not_null()), shows
    frame = frame.head(one.first or frame.height).slice(one.skipped)
    return frame["step"].to_list(), frame[column].to_list()


def draw(one: Pathology, pair: runs.Pair) -> str:
    """The picture of a pair."""
    lines = []
    for run, name, style in zip(pair, one.names, ("fault", "calm"), strict=True):
        x, y = series(run, one)
        marks: Sequence[float] = ()
        if one.shows == "loss" and one.rules == ("ST002", "ST003") and style == "fault":
            found = spikes(run.steps["loss"].to_numpy())
            late = np.arange(len(x)) >= len(x) // 10
            marks = [x[i] for i in np.flatnonzero(found.mask & late).tolist()]
        lines.append(Line(name, x, y, style, marks))
    return picture(one.title, lines, what=WORDS[one.shows], log=one.log, tight=one.skipped > 0)


def words(one: Pathology, pair: runs.Pair) -> str:
    """The picture for those who do not see it."""
    parts = []
    for run, name in zip(pair, one.names, strict=True):
        x, y = series(run, one)
        finite = [(v, s) for v, s in zip(y, x, strict=True) if math.isfinite(v)]
        top, at = max(finite)
        told = f"{name}: begins at {_short(y[0])}, highest {_short(top)} at step {at:,}, "
        lost = len(y) - len(finite)
        parts.append(told + (f"{lost} not finite" if lost else f"ends at {_short(y[-1])}"))
    return f"{WORDS[one.shows].capitalize()} by step. {'; '.join(parts)}."


def told(one: Pathology, pair: runs.Pair) -> dict[str, Any]:
    """What is said of a pair. Raises SystemExit where a rule is silent that has to speak."""
    figures, findings = [], []
    for run in pair:
        found = summarize(run, run.meta["reference"])
        figures.append({k: _short(found[k]) for k in one.figures if k in found})
        findings.append([f"{f.rule} {f.message}" for f in judge(run).findings])
    silent = set(one.rules) - {text.split()[0] for text in findings[0]}
    if silent:
        raise SystemExit(f"{one.name}: {', '.join(sorted(silent))} said nothing of it")
    return {
        "title": one.title,
        "names": one.names,
        "what": (one.make.__doc__ or "").replace("\n\n    ", " ").strip(),
        "alt": words(one, pair),
        "figures": figures,
        "findings": findings,
    }


def _short(value: float) -> str:
    if not math.isfinite(value):
        return "none" if math.isnan(value) else "infinite"
    if abs(value) < 1000:
        return f"{value:.3g}"
    return f"{value:,.0f}" if value < 1e6 else f"{value:.1e}"


def main() -> None:
    """Draw all pictures, or those named on the command line."""
    wanted = sys.argv[1:] or [one.name for one in PATHOLOGIES]
    path = IMAGES / TOLD
    IMAGES.mkdir(exist_ok=True)
    said = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for one in PATHOLOGIES:
        if one.name in wanted:
            pair = one.make()
            said[one.name] = told(one, pair)
            (IMAGES / f"{one.name}.svg").write_text(draw(one, pair), encoding="utf-8")
            print(f"docs/images/{one.name}.svg", flush=True)
    ordered = {one.name: said[one.name] for one in PATHOLOGIES if one.name in said}
    path.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
