"""``StabilityCallback`` for Hugging Face's ``Trainer``: a monitor of its run.

::

    from datacheck.training.huggingface import StabilityCallback

    watch = StabilityCallback(path="run.jsonl")
    transformers.Trainer(model, arguments, train_dataset=data, callbacks=[watch]).train()
    watch.monitor.run.steps

The class is made when it is first asked for, of transformers' ``TrainerCallback``: transformers
is optional.
"""

from __future__ import annotations

import inspect
import math
import os
import weakref
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import torch
from torch.autograd import Variable

from datacheck.errors import UsageError
from datacheck.training.monitor import StabilityMonitor
from datacheck.training.recording.units import Hook


class Watching:
    """Records a run of transformers' ``Trainer`` with a :class:`StabilityMonitor`.

    ``path`` and ``options`` are the monitor's. The loss of a step is the one that the model
    returns (over all accumulated batches); the gradient is measured where the backward pass ends,
    before the trainer clips it. Rows are recorded where batches have an entry ``rows`` (of
    whole numbers, shape (batch,)): it is taken out before the model sees it; set
    ``remove_unused_columns=False``, or the trainer does so earlier. ``row_loss`` is a function of
    the model's inputs and outputs that gives the losses of the rows, shape (batch,); it is called
    without autograd. Evaluations have the loss, and the metric named ``score`` if given.

    A run that goes on from a checkpoint goes on in its record. Only the first process records.
    ``monitor`` is that of the last run; the trainer tells no callback that a run was stopped, so
    the record of a run that failed is whole only after ``monitor.close(complete=False)``, the
    next run, or the end of the program.

    Raises UsageError where the model returns no loss (label smoothing and ``compute_loss_func``
    compute it elsewhere).
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        rows: str = "rows",
        row_loss: Callable[[Mapping[str, Any], Any], torch.Tensor] | None = None,
        score: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.path, self.rows, self.row_loss, self.score = path, rows, row_loss, score
        self.options = options
        self.monitor: StabilityMonitor | None = None
        self._handles: list[Any] = []
        self._scaler: Any = None
        self._hides = False
        self._rows: Any = None  # of the call of the model that goes on
        self._forget()

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Model and optimizer are there: begin, or go on."""
        self._stop(complete=False)
        if not state.is_world_process_zero:
            return
        model, optimizer = given["model"], given["optimizer"]
        self._scaler = getattr(optimizer, "scaler", None)
        resume = state.global_step > 0
        own = {
            "epoch_steps": _steps(given.get("train_dataloader"), args.gradient_accumulation_steps),
            "max_norm": args.max_grad_norm or None,
            "scaler": self._scaler is not None,
            "resume": resume,
        }
        monitor = StabilityMonitor(
            model,
            getattr(optimizer, "optimizer", optimizer),
            path=self.path,
            **{**own, **self.options},
        )
        if resume:
            monitor.resume_at(state.global_step)
        self.monitor = monitor
        weakref.finalize(self, monitor.close, complete=False)
        self._forget()
        taken = inspect.signature(model.forward).parameters
        self._hides = self.rows not in taken
        self._handles = [
            model.register_forward_pre_hook(Hook(self._called), with_kwargs=True, prepend=True),
            model.register_forward_hook(Hook(self._returned), with_kwargs=True),
        ]

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """A step: gradients are whole; they were measured before they were clipped."""
        monitor = self.monitor
        if monitor is None or not self._calls:
            return
        losses = [loss for loss, *_ in self._calls]
        if any(loss is None for loss in losses):
            raise UsageError(
                f"{type(monitor.model).__name__} returned no loss to the trainer",
                "let the model compute it from labels, without label smoothing",
            )
        # Where the model was told the items of all batches together, its losses add up.
        divisor = 1 if all(shared for *_, shared in self._calls) else len(losses)
        rows, per_row, tokens = (_joined([call[n] for call in self._calls]) for n in (1, 2, 3))
        padded = [call[4] for call in self._calls]
        monitor.step(
            torch.stack([loss.reshape(()) for loss in losses]).sum() / divisor,
            rows=rows,
            per_row_loss=per_row,
            tokens=None if tokens is None else tokens.sum(),
            padded=None if None in padded else sum(padded),
            epoch=None if state.epoch is None else int(state.epoch),
        )
        self._forget()

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Mapping[str, float], **given: Any
    ) -> None:
        """An evaluation of each split that the metrics have a loss of."""
        if self.monitor is None or not self._handles:
            return
        for split in [name[: -len("_loss")] for name in metrics if name.endswith("_loss")]:
            score = metrics.get(f"{split}_{self.score}") if self.score else None
            self.monitor.evaluation(split, metrics[f"{split}_loss"], score)

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """The run came to its end."""
        self._stop(complete=True)

    def _called(
        self, module: torch.nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """The rows are for us, not for the model."""
        if not self._hides or self.rows not in named:
            return None
        kept = dict(named)
        rows = kept.pop(self.rows)
        self._rows = rows if module.training else None
        return inputs, kept

    def _returned(
        self, module: torch.nn.Module, inputs: Any, named: dict[str, Any], output: Any
    ) -> None:
        if not module.training:
            return
        loss: Any = output.get("loss") if isinstance(output, Mapping) else output[0]
        mask = named.get("attention_mask")
        per_row = None
        if self.row_loss is not None:
            with torch.no_grad():
                per_row = self.row_loss(named, output)
        is_loss = isinstance(loss, torch.Tensor) and loss.numel() == 1
        self._calls.append(
            (
                loss.detach() if is_loss else None,
                self._rows if self._hides else named.get(self.rows),
                per_row,
                None if mask is None else mask.sum().long().reshape(1),
                None if mask is None else mask.numel(),
                named.get("num_items_in_batch") is not None,
            )
        )
        self._rows = None  # each call has its own
        if is_loss and loss.requires_grad:
            loss.register_hook(self._backward)

    def _backward(self, gradient: torch.Tensor) -> None:
        """The backward pass has begun: measure when it ends, as gradients are clipped next."""
        Variable._execution_engine.queue_callback(self._measure)

    def _measure(self) -> None:
        if self.monitor is not None and self._handles:
            scaler = self._scaler
            one = torch.ones((), device=next(self.monitor.model.parameters()).device)
            self.monitor.measure(1.0 if scaler is None else scaler.scale(one))

    def _stop(self, *, complete: bool) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []
        if self.monitor is not None:
            self.monitor.close(complete=complete)

    def _forget(self) -> None:
        """What belongs to one step."""
        # (loss, rows, losses of the rows, tokens, padded, whether losses add up), a batch each
        self._calls: list[tuple[Any, Any, Any, Any, Any, bool]] = []


def _steps(loader: Any, accumulated: int) -> int | None:
    """Of an epoch, where the loader knows its length."""
    try:
        return max(1, math.ceil(len(loader) / accumulated))
    except TypeError:
        return None


def _joined(parts: list[Any]) -> torch.Tensor | None:
    """One after the other; None where one of them is not known."""
    if not parts or any(p is None for p in parts):
        return None
    return torch.cat([torch.as_tensor(p).reshape(-1) for p in parts])


def __getattr__(name: str) -> Any:
    if name != "StabilityCallback":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        base = import_module("transformers").TrainerCallback
    except ImportError:
        raise UsageError(
            "transformers is not installed", "pip install transformers accelerate"
        ) from None
    made = type(name, (Watching, base), {"__doc__": Watching.__doc__, "__module__": __name__})
    globals()[name] = made
    return made
