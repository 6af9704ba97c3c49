"""Steps on their way to the record: numbers are fetched, judged, and written."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datacheck.errors import NonFiniteError, UsageError
from datacheck.training.record import Entry, Record, RecordWarning
from datacheck.training.recording import layers
from datacheck.training.recording.readings import Readings

SECONDS = 5.0  # steps that are older than this are written, however few they are


@dataclass(slots=True, eq=False)
class Step:
    """A step whose numbers may still be on a device.

    ``norms`` are those of each gradient, shape (n,), and ``names`` theirs, where they were
    measured; ``there`` tells whether the gradients are still those that were. ``look`` has norms
    by layer, of steps that are looked at.
    """

    entry: Entry
    norms: Tensor | None = None
    names: list[str] = field(default_factory=list)
    there: bool = False
    look: layers.Look | None = None


class Ledger:
    """Between a monitor and its record.

    With ``deferred``, numbers that are on a device are fetched for ``every`` steps together, and
    ``judge`` sees a step when it has its numbers; else they are read at once, and the monitor
    judges. ``error`` is the first that a judge found and nobody raised yet.
    """

    def __init__(
        self,
        record: Record,
        judge: Callable[[Step], NonFiniteError | None],
        *,
        deferred: bool,
        every: int,
    ) -> None:
        self.record, self.deferred = record, deferred
        self.error: NonFiniteError | None = None
        self._judge, self._every = judge, every
        self._readings = Readings()
        self._waiting: list[Step] = []
        self._sent: list[list[Step]] = []
        self._written = time.monotonic()

    def put(self, target: Entry, key: str, value: Any) -> None:
        """A number, or a tensor of one, now or when it is there. Raises UsageError for others."""
        if not isinstance(value, Tensor):
            target[key] = int(value) if isinstance(value, Integral) else float(value)
        elif value.numel() != 1:
            raise UsageError(f"{key} has shape {tuple(value.shape)}", "a scalar: the mean, say")
        elif self.deferred:
            self._readings.put(target, key, value.detach().reshape(()))
        else:
            target[key] = value.item()

    def put_layers(self, step: Step, look: layers.Look, norms: dict[str, Tensor]) -> None:
        """Norms by parameter, each of shape (parameters,), for the layers of a step."""
        step.look = look
        for key, tensor in norms.items():
            if self.deferred:
                self._readings.put(look.found, key, tensor)
            else:
                look.found[key] = layers.read(tensor)

    def put_rows(self, entry: Entry, rows: Any, losses: Any) -> None:
        """Addresses and losses, one for each row. Raises UsageError for other shapes."""
        count: dict[str, int] = {}
        for key, values, kind in (("rows", rows, np.int64), ("row_loss", losses, np.float32)):
            if values is None:
                continue
            shape = values.shape if isinstance(values, Tensor) else np.shape(values)
            if len(shape) != 1:
                raise UsageError(f"{key} has shape {tuple(shape)}", "one for each row of the batch")
            count[key] = shape[0]
            # Always a copy: the loop may use its own again.
            if not isinstance(values, Tensor):
                entry[key] = np.array(values, dtype=kind)
            elif self.deferred and (key == "row_loss" or values.device.type != "cpu"):
                self._readings.put(entry, key, values)
            elif values.dtype == torch.bfloat16:  # which NumPy does not know
                entry[key] = values.float().numpy(force=True)
            else:
                entry[key] = values.numpy(force=True).astype(kind)
        if len(set(count.values())) > 1:
            raise UsageError(
                f"{count['rows']} rows, and per_row_loss of {count['row_loss']}",
                "one loss for each row",
            )

    def hold(self) -> None:
        """From here on the tensors that were put may change."""
        self._readings.hold()

    def add(self, step: Step) -> None:
        """The step is complete: its update, too, has taken place."""
        self._waiting.append(step)

    def write_if_due(self) -> bool:
        """Write if enough steps, or time, have gone by; whether it was."""
        now = time.monotonic()
        due = len(self._waiting) >= self._every or now > self._written + SECONDS
        if due:
            self._written = now
            self.write(wait=False)
        return due

    def write(self, *, wait: bool) -> None:
        """Fetch numbers, and write the steps that have them all; ``wait``: all steps."""
        self._readings.send()
        self._sent.append(self._waiting)
        self._waiting = []
        for _ in range(self._readings.receive(wait=wait)):
            for step in self._sent.pop(0):
                if self.deferred:
                    found = self._judge(step)  # each: it also says what a step's numbers mean
                    self.error = self.error or found
                if step.look is not None:
                    step.look.tell(step.entry)
                if math.isnan(step.entry.get("update_ratio", 0.0)):
                    del step.entry["update_ratio"]  # 0/0: weights of zero that stay so
                self.record.add(step.entry)
        self.record.flush()

    def raise_error(self) -> None:
        """Raise what was found, once."""
        error, self.error = self.error, None
        if error is not None:
            raise error

    def close(self, steps: int, *, complete: bool) -> None:
        """Write all; ``complete``: with the last line, and errors are raised.

        Otherwise another error is on its way already, and stays the one that is seen.
        """
        try:
            self.write(wait=True)
        except Exception:
            # With a device that failed, the numbers of the last steps are lost.
            if complete:
                raise
        finally:
            try:
                self.record.close({"kind": "end", "steps": steps} if complete else None)
            except UsageError as error:
                if complete:
                    raise
                warnings.warn(str(error), RecordWarning, stacklevel=4)
        if complete:
            self.raise_error()
