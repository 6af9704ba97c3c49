"""A trainer whose loop is one page: ``Trainer.fit``. The rest of a run is in ``session.py``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from datacheck.errors import NonFiniteError, UsageError
from datacheck.findings import names
from datacheck.training import checkpoint, optimizers
from datacheck.training.determinism import reseed
from datacheck.training.loop.averaging import has_running_statistics
from datacheck.training.loop.clipping import clip
from datacheck.training.loop.history import Fitted
from datacheck.training.loop.session import Session
from datacheck.training.monitor import StabilityMonitor
from datacheck.training.recording.instruments import first_not_finite
from datacheck.training.recording.locating import LastInput
from datacheck.training.train_config import TrainConfig
from datacheck.types import Ints

PRECISIONS = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Trainer:
    """Trains ``model`` for ``objective`` as ``config`` says.

    ``objective(model, batch)`` gives :class:`~datacheck.training.objectives.Losses`; with the
    methods ``judge`` and ``score`` of :class:`~datacheck.training.objectives.Objective`
    evaluations have scores too. ``monitor`` is the path of a record to write; or a
    ``StabilityMonitor`` of your own (any context with ``step``, ``evaluation`` and ``run``), or a
    function that makes one of the model and the optimizer when :meth:`fit` begins. It only
    watches. ``locate`` spells a row's address in messages.

    The model goes to the device and is trained in place; weights that depend on the seed alone
    are those of ``determinism.init``. Raises UsageError where the configuration does not fit the
    model or the device.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Any,
        config: TrainConfig | None = None,
        monitor: Any = None,
        *,
        locate: Callable[[int], str] = str,
    ) -> None:
        self.config = config or TrainConfig()
        self.device = _device(self.config.device)
        self.model, self.objective, self.locate = model.to(self.device), objective, locate
        self.optimizer = self._optimizer()
        half = self.config.precision == "float16"
        if half and self.device.type != "cuda":
            raise UsageError(f"float16 on {self.device}", "bfloat16 or float32, or CUDA")
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=half)
        self.monitor, self.watcher = monitor, cast(Any, None)
        self.resumed_folder = Path()
        self._called: LastInput | None = None
        self._resumed: Mapping[str, Any] | None = None

    def resume(self, path: str | Path) -> Trainer:
        """Let :meth:`fit` go on from a checkpoint (a folder's last), exactly: the same trainer.

        On a CPU the result is that of a run that was never stopped, to the bit. Raises
        UsageError where there is no checkpoint, or one of another run (by then of ``fit``).
        """
        self._resumed = checkpoint.load(path)
        given = Path(path).expanduser()
        self.resumed_folder = given if given.is_dir() else given.parent
        return self

    def fit(
        self, train: Iterable[Any], evaluation: Mapping[str, Iterable[Any]] | None = None
    ) -> Fitted:
        """Train on the batches of ``train``, evaluating on the splits of ``evaluation``.

        Loaders of datacheck give bucketed steps; any DataLoader or list of batches will do. The
        first split of ``evaluation`` is the one that early stopping, the plateau schedule and
        the best checkpoint go by. Raises NonFiniteError, unless told to skip or apply such
        steps; and KeyboardInterrupt after Ctrl-C, when the step is done and saved.
        """
        run = Session(self, train, evaluation or {})
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            run.load_state_dict(resumed)
        self.watcher = self._watcher(run, resumed is not None)
        with run, self.watcher or nullcontext(), closing(LastInput(self.model)) as self._called:
            self.model.train()
            while run.goes_on():
                batches = run.fetch()
                kept = self._running_statistics()
                reseed(self.config.seed, "step", run.step)  # dropout
                loss, parts = self._backward(batches)
                norm, clipped = self._clip()
                told, per_row = _fetched([loss, norm, clipped], parts)
                finite = math.isfinite(told[0]) and math.isfinite(told[1])
                left_out = not finite and self.config.on_nonfinite != "apply"
                self._watch(run, batches, told, per_row, left_out)
                if not finite:
                    self._not_finite(run, batches, told, per_row, kept)
                if not left_out:
                    self._update()
                    if run.average is not None:
                        run.average.update(self.model, run.step)
                run.advance()
                run.tell(told[0])
            return run.fitted()

    # -- the parts of a step ----------------------------------------------------------------------

    def _backward(self, batches: list[Any]) -> tuple[Tensor, list[Tensor]]:
        """Loss and gradient of the mean over all batches' rows (or tokens).

        Gives the loss, a scalar, and each batch's losses by row.
        """
        self.optimizer.zero_grad(set_to_none=True)
        means, counts, per_row = [], [], []
        for batch in batches:
            with self.autocast():
                losses = self.objective(self.model, batch)
            counts.append(max(int(losses.count), 0))
            # Shares of the first count, for how many there will be is not known yet.
            share = counts[-1] / max(counts[0], 1) if len(batches) > 1 else 1.0
            self.scaler.scale(losses.mean * share).backward()
            means.append(losses.mean.detach() * share)
            per_row.append(losses.per_row)
        if self.scaler.is_enabled():
            self.scaler.unscale_(self.optimizer)
        total = sum(counts) / max(counts[0], 1) if len(batches) > 1 else 1.0
        grads = [p.grad for p in self.model.parameters() if p.grad is not None]
        if grads and total not in (0.0, 1.0):
            torch._foreach_div_(grads, total)
        return torch.stack(means).sum() / (total or 1.0), per_row

    def _clip(self) -> tuple[Tensor, Tensor]:
        """The gradient's norm before clipping, and whether it was clipped."""
        return clip(self.model.parameters(), self.config.clip, self.config.clip_at)

    def _optimizer(self, members: int = 0) -> torch.optim.Optimizer:
        config = self.config
        return optimizers.optimizer(
            config.optimizer,
            self.model,
            lr=config.lr,
            weight_decay=config.weight_decay,
            momentum=config.momentum,
            decayed=config.decayed,
            members=members,
        )

    def _update(self) -> None:
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def _watch(
        self,
        run: Session,
        batches: list[Any],
        told: list[float],
        per_row: Tensor,
        left_out: bool,
    ) -> None:
        """Tell the history and the monitor, before the update."""
        loss, norm, clipped = told[0], told[1], bool(told[2])
        tokens = _sum(batches, "tokens")
        run.history.step(
            step=run.step,
            epoch=run.feed.epoch,
            loss=loss,
            grad_norm=norm,
            lr=run.schedule.rate,
            clipped=clipped,
            left_out=left_out,
            rows=len(per_row),
            tokens=tokens,
        )
        if self.watcher is None:
            return
        with suppress(*([NonFiniteError] if self._decides else [])):
            self.watcher.step(
                loss,
                rows=_rows(batches),
                per_row_loss=per_row,
                tokens=tokens,
                padded=_sum(batches, "padded"),
                grad_norm=norm,
                clipped=clipped,
                epoch=run.feed.epoch,
            )

    @property
    def _decides(self) -> bool:
        """Whether a step that is not finite is the trainer's matter, not its monitor's."""
        return self.config.on_nonfinite != "stop" or self.scaler.is_enabled()

    def _not_finite(
        self,
        run: Session,
        batches: list[Any],
        told: list[float],
        per_row: Tensor,
        kept: list[tuple[Tensor, Tensor]],
    ) -> None:
        """Stop, or put back what the forward pass changed, and count."""
        scaling = self.scaler.is_enabled() and math.isfinite(told[0])
        if scaling and self.scaler.get_scale() > 1:
            run.overflows += 1  # the scale was too high, and is lowered
            self._update()
            return
        run.skipped += 1
        for buffer, before in kept:
            buffer.copy_(before)
        if self.config.on_nonfinite == "stop":
            rows, layer = _rows(batches), self._layer(math.isfinite(told[0]))
            suspects = None if rows is None else _suspects(rows, per_row)
            message = f"the {'gradient' if math.isfinite(told[0]) else 'loss'} is not finite"
            message += f" at step {run.step}" + (f", first in {layer}" if layer else "")
            if suspects is not None:
                message += f"; rows {names([self.locate(r) for r in suspects.tolist()], 5)}"
            raise NonFiniteError(
                f"ST001: {message}",
                "audit the data; on_nonfinite='skip' leaves such steps out and counts them",
                step=run.step,
                layer=layer,
                rows=suspects,
            )

    def _layer(self, loss: bool) -> str:
        """What was first not finite, of a step whose loss was (``loss``) or was not."""
        called = "" if loss or self._called is None else self._called.first(weights=True)
        named = [(f"{n}.grad", p.grad) for n, p in self.model.named_parameters()]
        # The backward pass goes from the loss to the input.
        return called or first_not_finite(reversed(named) if loss else named)

    def _running_statistics(self) -> list[tuple[Tensor, Tensor]]:
        """Buffers that a step which is left out must not change, and what they hold."""
        if self.config.on_nonfinite != "skip" or not has_running_statistics(self.model):
            return []
        return [(b, b.clone()) for b in self.model.buffers()]

    def autocast(self) -> AbstractContextManager[Any]:
        """The precision that forward passes are computed in."""
        kind = PRECISIONS.get(self.config.precision)
        return nullcontext() if kind is None else torch.autocast(self.device.type, kind)

    def _watcher(self, run: Session, resumed: bool) -> Any:
        """The monitor of this run, at its first step."""
        monitor = self.monitor
        if isinstance(monitor, str | Path):
            monitor = StabilityMonitor(
                self.model,
                self.optimizer,
                path=monitor,
                epoch_steps=run.feed.groups(),
                max_norm=self.config.clip_at if self.config.clip == "norm" else None,
                meta={k: v for k, v in self.config.identity().items() if v is not None},
                on_nonfinite="raise" if self.config.on_nonfinite == "stop" else "record",
                scaler=self.scaler.is_enabled(),
                resume=resumed,
                deferred=False,  # its numbers are there
            )
        elif isinstance(monitor, type) or (monitor is not None and not hasattr(monitor, "step")):
            monitor = monitor(self.model, self.optimizer)
        if self._decides and hasattr(monitor, "only_record"):
            monitor.only_record()  # on an accelerator its error would come later
        if resumed and hasattr(monitor, "resume_at"):
            monitor.resume_at(run.step)
        return monitor


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"no device {name!r}", "'auto', 'cpu' or 'cuda'") from error
    return device


def _fetched(scalars: list[Tensor], per_row: list[Tensor]) -> tuple[list[float], Tensor]:
    """Numbers, and the losses of all rows, on the host: the one wait for the device in a step."""
    there = torch.cat([torch.stack([s.double() for s in scalars]), *(p.double() for p in per_row)])
    host = there.detach().cpu()
    return host[: len(scalars)].tolist(), host[len(scalars) :]


def _rows(batches: list[Any]) -> Tensor | None:
    """The addresses of all rows, int64, on the host; None where batches do not know them."""
    rows = [getattr(batch, "rows", None) for batch in batches]
    return None if any(r is None for r in rows) else torch.cat([torch.as_tensor(r) for r in rows])


def _sum(batches: list[Any], name: str) -> int | None:
    found = [getattr(batch, name, None) for batch in batches]
    known = [int(f) for f in found if f is not None]
    return sum(known) if len(known) == len(found) else None


def _suspects(rows: Tensor, per_row: Tensor) -> Ints:
    """The batch's rows, those first whose own loss is not finite, then the highest loss first."""
    losses = per_row.nan_to_num(nan=torch.inf)
    return rows[losses.argsort(descending=True, stable=True)].numpy().astype(np.int64)
