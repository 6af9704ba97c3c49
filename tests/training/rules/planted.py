"""Runs with and without a fault, as a monitor would have recorded them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from datacheck.training.run import DEAD, EVALUATIONS, LAYERS, STEPS, Run
from datacheck.types import Floats

REFERENCE = 2.3
BATCH = 32
KINDS = ("sgd", "adam", "memorized", "cosine", "stairs", "plateau", "regression", "short")


def frame(schema: dict[str, Any], columns: dict[str, Any]) -> pl.DataFrame:
    """All columns of the schema, null where they are not given."""
    n = len(next(iter(columns.values()))) if columns else 0
    return pl.DataFrame(
        {
            k: pl.Series(k, columns.get(k, [None] * n), dtype=t, strict=False)
            for k, t in schema.items()
        }
    )


def recorded(
    steps: dict[str, Any],
    evaluations: dict[str, Any] | None = None,
    dead: dict[str, Any] | None = None,
    layers: dict[str, Any] | None = None,
    **meta: Any,
) -> Run:
    """A run of those columns; ``step`` counts from 0 unless it is given."""
    n = len(steps["loss"])
    return Run(
        meta={"reference": REFERENCE, **meta},
        steps=frame(STEPS, {"step": range(n), "epoch": [i // 50 for i in range(n)], **steps}),
        evaluations=frame(EVALUATIONS, evaluations or {}),
        dead=frame(DEAD, dead or {}),
        ended=True,
        layers=frame(LAYERS, layers or {}),
    )


def courses(kind: str, seed: int, n: int = 1000) -> dict[str, Floats]:
    """Loss and gradient norm of a healthy run of that kind, shape (n,)."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    n = 120 if kind == "short" else n
    t = np.arange(n) / n
    noise = np.exp(rng.normal(0, rng.uniform(0.05, 0.35), n))
    grad_noise = np.exp(rng.normal(0, rng.uniform(0.1, 0.5), n))
    fall = np.exp(-rng.uniform(2, 8) * t)
    level = {
        "sgd": 0.3 + 2.0 * fall,
        "adam": 0.1 + 2.2 * fall,
        # Learned by heart: the loss of a batch is nearly nothing, but for the odd hard row.
        "memorized": 2.3 * np.exp(-9 * t) * rng.gamma(0.7, 1 / 0.7, n) + 1e-5,
        "cosine": 0.2 + 1.0 * (1 + np.cos(np.pi * t)),
        "stairs": 2.3 * 0.4 ** np.floor(4 * t),
        "plateau": np.where(t < 0.4, 2.3, 0.5 + 1.8 * np.exp(-10 * (t - 0.4))),
        "regression": (0.1 + fall) * rng.chisquare(BATCH, n) / BATCH,
        "short": 0.3 + 2.0 * fall,
    }[kind]
    return {"loss": level * noise, "grad_norm": (0.2 + level) * grad_noise * (0.3 + 0.7 * t)}


@cache
def healthy(kind: str, seed: int, n: int = 1000) -> Run:
    """A run with nothing wrong, with all that a monitor records."""
    rng = np.random.default_rng(seed)
    course = courses(kind, seed, n)
    loss, grad = course["loss"], course["grad_norm"]
    n = len(loss)
    rows = rng.integers(0, 5000, (n, BATCH))
    row_loss = rng.gamma(2, 0.5, (n, BATCH))
    row_loss *= loss[:, None] / row_loss.mean(axis=1, keepdims=True)
    at = np.linspace(n // 20, n - 1, 20).astype(int)
    level = np.array([np.median(loss[max(0, i - 30) : i + 1]) for i in at])
    looks = list(range(0, n, 7))
    return recorded(
        {
            "loss": loss,
            "grad_norm": grad,
            "update_ratio": [
                2e-3 * float(np.exp(rng.normal(0, 0.3))) if i % 7 == 0 else None for i in range(n)
            ],
            "lr": np.full(n, 1e-3),
            "clipped": (grad > np.quantile(grad, 0.8)).tolist(),
            "rows": rows.tolist(),
            "row_loss": row_loss.tolist(),
        },
        {
            "step": at,
            "split": ["val"] * 20,
            "loss": np.maximum(level, 0.2) * 1.1 + rng.normal(0, 0.03, 20),
            "score": 0.9 - 0.3 * level / 2.3,
            "n": [1000] * 20,
            "flips": [None, *[30] * 19],
        },
        {
            "step": np.repeat(looks, 2),
            "layer": ["relu1", "relu2"] * len(looks),
            "share": rng.uniform(0, 0.3, 2 * len(looks)),
        },
        {
            "step": np.repeat(looks, 4),
            "layer": ["in", "middle", "more", "out"] * len(looks),
            "grad_norm": np.exp(rng.normal(-1, 1, 4 * len(looks))),
            "weight_norm": np.full(4 * len(looks), 5.0),
        },
        max_norm=5.0,
    )


def changed(run: Run, **columns: Any) -> Run:
    """The same run with other columns of its steps."""
    new = [pl.Series(k, v, dtype=STEPS[k], strict=False) for k, v in columns.items()]
    return replace(run, steps=run.steps.with_columns(new))


def guilty(run: Run, at: Any, factor: float, row: int = 7) -> Run:
    """On the steps ``at``, one row of the batch makes the loss ``factor`` times what it was."""
    loss = run.steps["loss"].to_numpy().copy()
    rows, losses = run.steps["rows"].to_list(), run.steps["row_loss"].to_list()
    for i in np.flatnonzero(at) if np.asarray(at).dtype == bool else at:
        rows[i][3] = row
        losses[i][3] += BATCH * loss[i] * (factor - 1)
        loss[i] *= factor
    return changed(run, loss=loss, rows=rows, row_loss=losses)
