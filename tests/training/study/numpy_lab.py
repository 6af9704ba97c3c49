"""A cheap lab: logistic regressions by SGD, without torch, for tests of the engine."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np

from datacheck.errors import UsageError


@dataclass(frozen=True)
class NumpyLab:
    """Arms differ in the scale of the first feature: ``arm`` to ``scale``; NaN never trains.

    Seeds from ``held`` on never end while the process that started this one is there.
    """

    scales: dict
    steps: int = 120
    pause: float = 0.0
    fail: str = ""
    held: int | None = None

    def start(self):
        pass

    def run(self, arm, seed):
        if self.fail == "told":
            raise UsageError("no such thing", "take another")
        if self.fail:
            raise RuntimeError(self.fail)
        time.sleep(self.pause)
        parent = os.getppid()
        while self.held is not None and seed >= self.held and os.getppid() == parent:
            time.sleep(0.05)
        scale = self.scales[arm]
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(200, 4))
        y = (x @ [1.0, -1, 0.5, 0] + rng.normal(size=200) > 0).astype(float)
        x[:, 0] *= scale
        order = np.random.default_rng([seed, int(arm == "placebo")])
        w, losses, evaluations = np.zeros(4), [], []
        for step in range(self.steps):
            at = order.integers(0, 150, 16)
            z = np.clip(x[at] @ w, -30, 30)
            p = 1 / (1 + np.exp(-z))
            losses.append(_entropy(y[at], p))
            w = w - 0.1 * x[at].T @ (p - y[at]) / 16
            if step % 10 == 9:
                q = 1 / (1 + np.exp(-np.clip(x[150:] @ w, -30, 30)))
                evaluations.append(_entropy(y[150:], q))
        lost = not np.isfinite(losses[-1])
        half = np.array(evaluations[len(evaluations) // 2 :])
        score = float(((x[150:] @ w > 0) == y[150:]).mean())
        none = float("nan")
        return {
            "metrics": {
                "NFR": float(np.mean(~np.isfinite(losses))),
                "VLJ": none if lost else float(np.abs(np.diff(half)).mean() / np.log(2)),
                "LV": none if lost else float(np.std(losses) / np.log(2)),
                "clean_loss": none if lost else evaluations[-1],
                "clean_score": none if lost else score,
            },
            "first": 1 if lost else None,
            "curves": {"loss": {"steps": list(range(self.steps)), "values": losses}},
            "spikes": [],
        }


def _entropy(y, p):
    return float(-np.mean(y * np.log(p + 1e-9) + (1 - y) * np.log(1 - p + 1e-9)))
