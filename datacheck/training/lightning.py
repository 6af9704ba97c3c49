"""``StabilityCallback`` for Lightning: a monitor of a ``Trainer``'s run.

::

    from datacheck.training.lightning import StabilityCallback

    watch = StabilityCallback(path="run.jsonl")
    lightning.Trainer(callbacks=[watch]).fit(module, loader)
    watch.monitor.run.steps

The class is made when it is first asked for, of Lightning's ``Callback``: Lightning is optional.
"""

from __future__ import annotations

import math
import os
import sys
from importlib import import_module
from typing import Any

import torch

from datacheck.errors import UsageError
from datacheck.training.monitor import StabilityMonitor


class Watching:
    """Records a run of Lightning's trainer with a :class:`StabilityMonitor`.

    ``path`` and ``options`` are the monitor's. A step is one of the (first) optimizer: its loss
    is what was minimized over the accumulated batches, and its gradient is measured before
    clipping. A batch that has ``rows`` (an attribute, or a key) is recorded with them; so are
    ``tokens`` and ``padded`` of datacheck's batches. A module that leaves the losses of the rows,
    shape (batch,), in its attribute ``row_loss`` in ``training_step`` has them recorded too.
    Validation is recorded by the names that the module logs: ``loss``, and ``score`` if given.

    A run that goes on from a checkpoint goes on in its record. Only the process of rank 0
    records. ``monitor`` is that of the last run; :class:`NonFiniteError` ends it as the monitor
    says, before the update (on an accelerator later).
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        loss: str = "val_loss",
        score: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.path, self.loss, self.score, self.options = path, loss, score, options
        self.monitor: StabilityMonitor | None = None
        self._forget()

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """The optimizers are there: begin, or go on."""
        if not trainer.is_global_zero:
            return
        if self.monitor is not None:
            self.monitor.close(complete=False)
        per_epoch = trainer.num_training_batches / trainer.accumulate_grad_batches
        norm = trainer.gradient_clip_algorithm in (None, "norm") and trainer.gradient_clip_val
        given: dict[str, Any] = {
            "epoch_steps": math.ceil(per_epoch) if math.isfinite(per_epoch) else None,
            "max_norm": float(norm) if norm else None,
            "scaler": getattr(trainer.precision_plugin, "scaler", None) is not None,
        }
        resume = trainer.global_step > 0
        self.monitor = StabilityMonitor(
            pl_module,
            trainer.optimizers[0],
            path=self.path,
            **{"resume": resume, **given, **self.options},
        )
        if resume:
            self.monitor.resume_at(trainer.global_step)
        self._forget()

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note what the batch says of itself."""
        for name, found in self._batch.items():
            value = batch.get(name) if isinstance(batch, dict) else getattr(batch, name, None)
            found.append(None if callable(value) else value)

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: torch.Tensor) -> None:
        """Note the loss, and those of the rows."""
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        loss = loss.detach()
        if scaler is not None:
            loss = loss / scaler.scale(torch.ones_like(loss))
        self._losses.append(loss)
        per_row = getattr(pl_module, "row_loss", None)
        self._row_losses.append(per_row.detach() if isinstance(per_row, torch.Tensor) else None)

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        """A step: gradients are whole, and not clipped yet."""
        monitor = self.monitor
        if monitor is not None and optimizer is monitor.optimizer and self._losses:
            rows = _joined(self._batch["rows"])
            per_row = _joined(self._row_losses)
            if rows is not None and per_row is not None and len(rows) != len(per_row):
                per_row = None  # of another batch: the module did not set them this time
            monitor.step(
                torch.stack([loss.reshape(()) for loss in self._losses]).sum(),
                rows=rows,
                per_row_loss=per_row,
                tokens=_sum(self._batch["tokens"]),
                padded=_sum(self._batch["padded"]),
                epoch=trainer.current_epoch,
            )
        self._forget()

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """An evaluation, if the module logs its loss or score."""
        if self.monitor is None or trainer.sanity_checking:
            return
        loss = trainer.callback_metrics.get(self.loss)
        score = trainer.callback_metrics.get(self.score) if self.score else None
        if loss is not None or score is not None:
            self.monitor.evaluation("val", loss, score)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """The run came to its end."""
        if self.monitor is not None:
            self.monitor.close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """It was stopped."""
        if self.monitor is not None:
            self.monitor.close(complete=False)

    def _forget(self) -> None:
        """What belongs to one step."""
        self._losses: list[torch.Tensor] = []
        self._row_losses: list[torch.Tensor | None] = []
        self._batch: dict[str, list[Any]] = {"rows": [], "tokens": [], "padded": []}


def _joined(parts: list[Any]) -> torch.Tensor | None:
    """One after the other; None where one of them is not known."""
    if not parts or any(p is None for p in parts):
        return None
    return torch.cat([torch.as_tensor(p).reshape(-1) for p in parts])


def _sum(parts: list[Any]) -> int | None:
    return sum(parts) if parts and all(isinstance(p, int) for p in parts) else None


def __getattr__(name: str) -> Any:
    if name != "StabilityCallback":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # The two packages have classes of their own; the one that is used is there already.
    names = sorted(("lightning.pytorch", "pytorch_lightning"), key=lambda n: n not in sys.modules)
    for package in names:
        try:
            base = import_module(package).Callback
        except ImportError:
            continue
        made = type(name, (Watching, base), {"__doc__": Watching.__doc__, "__module__": __name__})
        globals()[name] = made
        return made
    raise UsageError("Lightning is not installed", "pip install lightning")
