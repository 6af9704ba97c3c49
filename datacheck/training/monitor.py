"""``StabilityMonitor``: what a training loop does, recorded step by step at little cost."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from torch import Tensor, nn
from torch.optim import Optimizer

from datacheck.errors import UsageError
from datacheck.training.record import Record
from datacheck.training.recording import layers, monitor_options
from datacheck.training.recording.finiteness import Judge, OnNonFinite
from datacheck.training.recording.instruments import Gradients
from datacheck.training.recording.ledger import Ledger, Step
from datacheck.training.recording.units import Units
from datacheck.training.recording.updates import Updates
from datacheck.training.run import Run

if TYPE_CHECKING:
    from datacheck.findings import Report


class StabilityMonitor:
    """Watches a training loop, and writes down what each step did.

    ::

        with StabilityMonitor(model, optimizer, path="run.jsonl") as monitor:
            for batch in loader:
                loss = ...
                loss.backward()
                monitor.step(loss, rows=batch.rows, per_row_loss=losses)
                optimizer.step()
                optimizer.zero_grad()

    It only watches: parameters, gradients, autograd and random numbers stay as they are. Each
    step has its loss, the norm of the gradient before clipping, and what :meth:`step` is told;
    every ``every``-th step (of a stride that shares no factor with ``epoch_steps``, the steps of
    an epoch, where that is given) also the update-to-weight ratio, the share of dead units, and
    the norms of gradient and weights layer by layer.

    ``path`` names the record, a file of JSON Lines that is appended to (:class:`Record`); without
    one it stays in memory, about a kilobyte a step where rows are told. ``resume`` goes on with
    the record of the same run; see :meth:`resume_at`. ``max_norm`` is where the loop clips,
    ``reference`` the loss of the constant predictor, ``meta`` whatever else describes the run.

    A loss or gradient that is not finite raises :class:`NonFiniteError` with the step, the rows
    and where it began; with ``on_nonfinite="record"`` it is only recorded. With ``scaler=True``
    (the loop uses a ``GradScaler``; call :meth:`step` after its ``unscale_``) a gradient that is
    not finite under a finite loss is the scaler's to skip: the step is recorded as ``overflow``,
    without a norm, and is no finding unless the scaler finds no way out (25 in a row).
    On the CPU that is tested in the step itself. On an accelerator nothing waits for the device:
    numbers are fetched together every ``flush_every`` steps, on CUDA without ever waiting, and
    the error comes when they are there: at most two such intervals late. ``deferred`` says which
    of the two; None: by the device of the model.

    Gradients are taken over all parameters of ``model``; where they are sharded over processes,
    give ``grad_norm``. Safe to call from several threads. Raises UsageError for options that make
    no sense, and as :class:`Record` does.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        *,
        path: str | os.PathLike[str] | None = None,
        every: int = 10,
        epoch_steps: int | None = None,
        max_norm: float | None = None,
        reference: float | None = None,
        meta: Mapping[str, Any] | None = None,
        on_nonfinite: OnNonFinite = "raise",
        scaler: bool = False,
        resume: bool = False,
        flush_every: int = 20,
        deferred: bool | None = None,
    ) -> None:
        monitor_options.check(
            on_nonfinite, every=every, flush_every=flush_every, epoch_steps=epoch_steps
        )
        self.model, self.optimizer = model, optimizer
        self.every, self.epoch_steps = monitor_options.coprime(every, epoch_steps), epoch_steps
        if deferred is None:
            deferred = any(p.device.type != "cpu" for p in model.parameters())
        given = {"max_norm": max_norm, "reference": reference, "every": self.every}
        self.record = Record(
            path, monitor_options.describe(model, optimizer, given, meta), resume=resume
        )
        self._lock = threading.RLock()
        self._gradients, self._units = Gradients(model), Units(model)
        self._updates = Updates(optimizer, self._is_stride, self._after_the_last())
        self._judge = Judge(
            model,
            self._gradients,
            lambda: self._updates.follows,
            max_norm=max_norm,
            on_nonfinite=on_nonfinite,
            scaler=scaler,
            deferred=deferred,
        )
        self._ledger = Ledger(self.record, self._judge, deferred=deferred, every=flush_every)
        self._open: Step | None = None  # the last step: its update may be still to come
        self._first, self._closed = True, False
        self._measured: tuple[Tensor, Tensor, list[str]] | None = None
        self._listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(complete=kind is None)

    @property
    def next_step(self) -> int:
        """The number of the step to come; they begin with 0."""
        return self._updates.number

    @property
    def run(self) -> Run:
        """What was recorded until now; waits for the device."""
        with self._lock:
            if not self._closed:
                self._complete()
                self._ledger.write(wait=True)  # an error that it finds waits for the next step
        path = self.record.path
        return Run.from_lines(self.record.lines) if path is None else Run.load(path)

    def report(
        self, *, audit: Report | None = None, locate: Callable[[int], str] | None = None
    ) -> Report:
        """The findings of rules ST001 to ST009 on what was recorded until now.

        ``locate`` spells a row's address; with the report of an ``audit`` too, the rules are told
        that had named the rows.
        """
        from datacheck.training.judging import judge

        return judge(self.run, audit=audit, locate=locate)

    def step(
        self,
        loss: Tensor | float,
        *,
        rows: Tensor | Sequence[int] | np.ndarray[Any, Any] | None = None,
        per_row_loss: Tensor | Sequence[float] | np.ndarray[Any, Any] | None = None,
        tokens: int | Tensor | None = None,
        padded: int | None = None,
        grad_norm: Tensor | float | None = None,
        clipped: bool | None = None,
        epoch: int | None = None,
    ) -> None:
        """Record a step: call it once for each of the optimizer's, after ``backward``.

        Before the optimizer's step or after it (then before ``zero_grad``), but always at the
        same place: which of the two shows by itself at the first. ``loss`` is the mean that was
        minimized, a scalar; ``rows`` the addresses of the batch's rows, shape (batch,), and
        ``per_row_loss`` the loss of each, shape (batch,). ``tokens`` and ``padded`` count the
        real items and all items of the batch. ``grad_norm`` is the norm before clipping where the
        loop knows it, as ``clip_grad_norm_`` returns it: it is then not measured again.
        ``clipped`` says whether the gradient was; None: whether its norm is above ``max_norm``.

        Raises NonFiniteError as the class says, and UsageError for what has another shape, for a
        first step without any gradient, and after :meth:`close`.
        """
        with self._lock:
            self._must_be_open()
            self._complete()
            if self._ledger.write_if_due():
                self._gradients.refresh()
            self._ledger.raise_error()
            step = self._measure(grad_norm)
            entry, put = step.entry, self._ledger.put
            put(entry, "loss", loss)
            self._ledger.put_rows(entry, rows, per_row_loss)
            lr = self._updates.step()
            if lr is not None:
                put(entry, "lr", lr)
            if epoch is None and self.epoch_steps:
                epoch = entry["step"] // self.epoch_steps
            if tokens is not None:
                put(entry, "tokens", tokens)
            more = {"epoch": epoch, "clipped": clipped, "padded": padded}
            entry.update({k: v for k, v in more.items() if v is not None})
            if not self._updates.follows and (ratio := self._updates.take()) is not None:
                put(entry, "update_ratio", ratio)
            if shares := self._units.stop():
                entry["dead"] = {}
                for name, share in shares.items():
                    put(entry["dead"], name, share)
            if self._is_stride(entry["step"]):
                at_hand = None if step.norms is None else (step.names, step.norms)
                if (looked := layers.look(self._gradients, at_hand)) is not None:
                    self._ledger.put_layers(step, *looked)
            self._ledger.hold()
            self._open, self._first = step, False
            self._listen()
            if not self._ledger.deferred and (error := self._judge(step)) is not None:
                self._ledger.error = error
                self.flush()

    def measure(self, scale: Tensor | float = 1.0) -> None:
        """Measure the gradient now, for the next :meth:`step`: where that comes after clipping.

        ``scale`` is what the loss was multiplied by, if gradients are not unscaled yet.
        """
        with self._lock:
            self._must_be_open()
            found = self._gradients.norms()
            self._measured = found and (found[0] / scale, found[1], found[2])

    def evaluation(
        self,
        split: str,
        loss: float | Tensor | None = None,
        score: float | Tensor | None = None,
        n: int | None = None,
        flips: int | None = None,
    ) -> None:
        """Record an evaluation after the last step, of ``n`` rows of a split.

        ``flips`` counts the rows whose prediction is another than at the evaluation before.
        """
        numbers = {
            k: v.detach() if isinstance(v, Tensor) else v
            for k, v in (("loss", loss), ("score", score))
        }
        counts = {"n": n, "flips": flips}
        with self._lock:
            self._must_be_open()
            self.record.add(
                {
                    "kind": "evaluation",
                    "step": max(self.next_step - 1, 0),
                    "split": split,
                    **{k: float(v) for k, v in numbers.items() if v is not None},
                    **{k: int(v) for k, v in counts.items() if v is not None},
                }
            )

    def only_record(self) -> None:
        """Raise no NonFiniteError from here on: what runs the loop decides about such steps."""
        self._judge.only_record()

    def resume_at(self, step: int) -> None:
        """Go on with that step: what was recorded from it on counts no more.

        For a loop that goes on from a checkpoint older than the record's end; without it a
        resumed record goes on after its last step. Raises UsageError for a negative number.
        """
        if step < 0:
            raise UsageError(f"step {step} cannot be resumed at", "steps begin with 0")
        with self._lock:
            self._must_be_open()
            self.flush()
            self.record.add({"kind": "resume", "step": int(step)})
            self._updates.number, self._first = int(step), True
            self._units.stop()
            self._listen()

    def flush(self) -> None:
        """Write all that was recorded; waits for the device. Raises NonFiniteError as a step."""
        with self._lock:
            self._complete()
            self._ledger.write(wait=True)
            self._ledger.raise_error()

    def close(self, *, complete: bool = True) -> None:
        """Write what is left, and listen no more; closing twice is nothing.

        ``complete`` says that the run came to its end, and was not stopped: only then the record
        gets its last line, and a number that is not finite is told here too.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._updates.close()
            self._units.stop()
            self._judge.close()
            self._complete()
            self._ledger.close(self.next_step, complete=complete)

    def _measure(self, grad_norm: Tensor | float | None) -> Step:
        ours = grad_norm is None and self._measured is None
        step = Step({"kind": "step", "step": self.next_step}, there=ours)
        measured, self._measured = self._measured, None
        if grad_norm is None and (found := measured or self._gradients.norms()) is not None:
            grad_norm, step.norms, step.names = found
        if grad_norm is not None:
            self._ledger.put(step.entry, "grad_norm", grad_norm)
        elif self._first:
            raise UsageError(
                "no parameter of the model has a gradient",
                "call step() after backward() and before zero_grad(), or give grad_norm",
            )
        return step

    def _complete(self) -> None:
        """The last step has got its update, if it was to come after it."""
        step, self._open = self._open, None
        if step is not None:
            if self._updates.follows and (ratio := self._updates.take()) is not None:
                self._ledger.put(step.entry, "update_ratio", ratio)
            self._ledger.add(step)

    def _is_stride(self, number: int) -> bool:
        return number % self.every == 0

    def _listen(self) -> None:
        if self._is_stride(self.next_step):
            self._units.listen()

    def _must_be_open(self) -> None:
        if self._closed:
            raise UsageError("the monitor is closed", "make another one; resume=True goes on")

    def _after_the_last(self) -> int:
        if not self.record.resumed or self.record.path is None:
            return 0
        try:
            last = Run.load(self.record.path).steps["step"].max()
        except UsageError:
            self.record.close()
            raise
        return last + 1 if isinstance(last, int) else 0
