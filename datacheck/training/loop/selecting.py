"""Evaluations within a run: what they are of, which was the best, and when to stop early."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from datacheck.training import checkpoint
from datacheck.training.loop.averaging import Average, has_running_statistics, refresh
from datacheck.training.loop.evaluating import Evaluated, evaluate
from datacheck.training.loop.feeding import Feed, to_device
from datacheck.training.loop.history import Best, History

if TYPE_CHECKING:
    from datacheck.training.trainer import Trainer


class Selection:
    """Evaluates the splits of a run; the first one says which weights are the best.

    Where weights are averaged both are evaluated, and the average is what is selected by.
    """

    def __init__(
        self,
        trainer: Trainer,
        splits: Mapping[str, Iterable[Any]],
        feed: Feed,
        average: Average | None,
    ) -> None:
        self.splits, self.waited, self.stopped = dict(splits), 0, ""
        self.best: Best | None = None
        self._trainer, self._feed, self._average = trainer, feed, average
        self._predicted: dict[str, Tensor] = {}

    def evaluate(self, step: int, history: History, *, last: bool) -> tuple[float | None, bool]:
        """(the first split's loss, whether that is better than ever) after ``step`` steps."""
        trainer = self._trainer
        candidates: list[tuple[str, nn.Module]] = [("model", trainer.model)]
        averaged = self._average.model if self._average else None
        if averaged is not None and self._average is not None:
            if last:
                self._refresh(averaged)
            candidates.append((self._average.name, averaged))
        judged: Evaluated | None = None
        for split, loader in self.splits.items():
            for weights, candidate in candidates:
                found = evaluate(
                    candidate,
                    trainer.objective,
                    loader,
                    device=trainer.device,
                    autocast=trainer.autocast,
                    seed=trainer.config.seed,
                )
                self._note(step, split, weights, found, history)
                if split == next(iter(self.splits)):
                    judged = found
        if judged is None:
            return None, False
        improved = self._improves(step, judged, candidates[-1][1])
        if self.stopped and averaged is not None and not last:
            self._refresh(averaged)
        return judged.loss, improved

    def _note(
        self, step: int, split: str, weights: str, found: Evaluated, history: History
    ) -> None:
        name = split if weights == "model" else f"{split} ({weights})"
        flips = found.flips(self._predicted.get(name))
        if found.predicted is not None and not found.predicted.is_floating_point():
            self._predicted[name] = found.predicted
        values = {"loss": found.loss, "score": found.score, "n": found.n, "flips": flips}
        history.evaluation(step=step, split=split, weights=weights, **values)
        if self._trainer.watcher is not None:
            self._trainer.watcher.evaluation(name, **values)

    def _improves(self, step: int, judged: Evaluated, model: nn.Module) -> bool:
        config, before = self._trainer.config, self.best
        by_loss = config.select == "loss"
        now = -judged.loss if by_loss else judged.score
        least = -math.inf if before is None else -before.loss if by_loss else before.score
        # What is not finite never improves, but something has to be the best.
        if before is not None and not now > (-math.inf if math.isnan(least) else least):
            self.waited += 1
            if config.patience is not None and self.waited >= config.patience:
                self.stopped = "early"
            return False
        self.waited = 0
        weights = {k: v.detach().to("cpu", copy=True) for k, v in model.state_dict().items()}
        self.best = Best(step, judged.loss, judged.score, weights)
        return True

    def _refresh(self, averaged: nn.Module) -> None:
        """The averaged model's running statistics, from all batches of this epoch."""
        if not has_running_statistics(averaged):
            return

        def forward(batch: Any) -> None:
            with self._trainer.autocast():
                self._trainer.objective(averaged, to_device(batch, self._trainer.device))

        refresh(averaged, self._feed.whole(self._feed.epoch), forward)

    def state_dict(self) -> dict[str, Any]:
        """All but the best weights, which have a file of their own."""
        best = self.best
        return {
            "best": None if best is None else [best.step, best.loss, best.score],
            "waited": self.waited,
            "stopped": self.stopped,
            "predicted": self._predicted,
        }

    def load_state_dict(self, state: Mapping[str, Any], folder: Path) -> None:
        """Go on from there; ``folder`` has the best weights."""
        self._predicted = dict(state["predicted"])
        self.waited, self.stopped = int(state["waited"]), str(state["stopped"])
        if state["best"] is not None:
            step, loss, score = state["best"]
            self.best = Best(step, loss, score, path=folder / checkpoint.BEST)
