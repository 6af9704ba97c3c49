"""A run, trained by the shared trainer, and everything that a study says of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import nn

from datacheck.errors import NonFiniteError
from datacheck.training.loop.evaluating import evaluate
from datacheck.training.metrics import spikes, summarize, validation_jitter, volatility
from datacheck.training.objectives import Classification
from datacheck.training.run import Run
from datacheck.training.study.watching import Watch
from datacheck.training.train_config import TrainConfig
from datacheck.training.trainer import Trainer

POINTS = 200  # of a curve
SPIKES, SUSPECTS = 5, 3  # spikes kept of a run, and rows of each
LEFT_OUT = ("loss", "score")  # of the summary: they are told under other names

Splits = Mapping[str, Sequence[Any]]


def measured_run(
    model: nn.Module,
    objective: Any,
    config: TrainConfig,
    train: Iterable[Any],
    splits: Splits,
    *,
    reference: float,
    probe: Any = None,
    judge: Any = None,
) -> dict[str, Any]:
    """Train ``model`` and say what came of it, as plain data.

    ``splits`` are batches of the ``clean`` evaluation set and, if it is another, of the user's
    own, ``measured``; ``reference`` is L_ref. ``judge`` is the objective that losses on ``probe``
    and on the splits are taken by, where arms train on unlike ones. A run that does not stay
    finite ends there, and counts all later steps as lost: that is what they are in a loop that
    nothing guards.
    """
    fair = judge or objective
    watches: list[Watch] = []

    def watch(model: nn.Module, optimizer: torch.optim.Optimizer) -> Watch:
        watches.append(Watch(model, optimizer, fair, probe))
        return watches[0]

    shown = objective if judge is None else _Judged(objective, judge)
    lost: int | None = None
    try:
        Trainer(model, shown, config, watch).fit(train, splits)
    except NonFiniteError as error:
        lost = error.step
    run = watches[0].run
    out: dict[str, Any] = {
        "seen": {
            "steps": run.steps.height,
            "rows": int(run.steps["rows"].list.len().sum()),
            "tokens": int(run.steps["tokens"].sum()),
            "padded": int(run.steps["padded"].sum()),
        },
        "first": lost,
        "curves": {"loss": _curve(run.steps, "loss")},
        "spikes": [],
    }
    for split in splits:
        out["curves"][split] = _curve(_of(run, split), "loss")
    if lost is not None:
        total = int(config.steps or lost + 1)
        out["metrics"] = {"NFR": (total - lost) / total}
        return out
    found = {k: v for k, v in summarize(run, reference, split="clean").items() if k not in LEFT_OUT}
    if "measured" in splits:
        own = _of(run, "measured")["loss"].to_numpy()
        found["VLJ_measured"] = validation_jitter(own, reference)
    if watches[0].probed:
        found["LV_probe"] = volatility(np.array(watches[0].probed), reference)
    found |= _levels(model, fair, splits)
    out["metrics"] = {k: short(v) for k, v in found.items()}
    out["spikes"] = _spikes(run)
    return out


class _Judged:
    """Trains on one objective and is evaluated by another."""

    def __init__(self, objective: Any, judge: Any) -> None:
        self.objective, self.judge_by = objective, judge
        self.score_name, self.score = judge.score_name, judge.score

    def __call__(self, model: Any, batch: Any) -> Any:
        return self.objective(model, batch)

    def judge(self, model: Any, batch: Any) -> Any:
        """As the other objective does."""
        return self.judge_by.judge(model, batch)


def _levels(model: nn.Module, objective: Any, splits: Splits) -> dict[str, float]:
    """Loss and score of the final weights on the clean rows and on the user's own."""
    out: dict[str, float] = {}
    for split, batches in splits.items():
        judged = evaluate(model, objective, batches)
        out[f"{split}_loss"], out[f"{split}_score"] = judged.loss, judged.score
    if isinstance(objective, Classification):
        even = replace(objective, balanced=True)
        out["balanced"] = evaluate(model, even, splits["clean"]).score
    if "measured" in splits:
        out["honesty_gap"] = out["measured_score"] - out["clean_score"]
        out["mismatch_gap"] = -out["honesty_gap"]
    return out


def _of(run: Run, split: str) -> pl.DataFrame:
    return run.evaluations.filter(pl.col("split") == split)


def _curve(frame: pl.DataFrame, column: str) -> dict[str, Any]:
    """At most 200 points, of which the last is one."""
    steps, values = frame["step"].to_list(), frame[column].to_list()
    last = len(steps) - 1
    keep = sorted({round(i) for i in np.linspace(0, last, POINTS)}) if steps else []
    return {"steps": [steps[i] for i in keep], "values": [short(values[i]) for i in keep]}


def _spikes(run: Run) -> list[dict[str, Any]]:
    """The highest spikes of the gradient, each with the rows that weigh most in its batch."""
    norms = run.steps["grad_norm"].to_numpy()
    found = spikes(norms)
    places = [i for i in np.flatnonzero(found.mask) if math.isfinite(found.z[i])]
    out = []
    for i in sorted(places, key=lambda i: -found.z[i])[:SPIKES]:
        step = int(run.steps["step"][int(i)])
        worst = np.argsort(-run.row_losses(step), kind="stable")[:SUSPECTS]
        out.append(
            {
                "step": step,
                "what": "gradient",
                "size": f"z {found.z[i]:.1f}",
                "loss": short(run.steps["loss"][int(i)]),
                "rows": [int(r) for r in run.rows(step)[worst]],
            }
        )
    return sorted(out, key=lambda s: int(str(s["step"])))


def short(value: float) -> float:
    """Seven digits: what float32 holds."""
    return float(f"{value:.7g}")
