"""Is a step finite? And if not, where did it begin: rule ST001 while the run goes on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from torch import nn

from datacheck.errors import NonFiniteError
from datacheck.training.recording.instruments import Gradients, first_not_finite
from datacheck.training.recording.ledger import Step
from datacheck.training.recording.locating import LastInput, first_gradient

OnNonFinite = Literal["raise", "record"]


class Judge:
    """Looks at a step that has its numbers: fills in ``clipped`` and ``layer``, finds the error.

    ``deferred`` steps are seen later, when the model has moved on: only their own numbers can
    tell where they went wrong. ``weights_stay`` says whether the weights are still those of the
    step, and not those after its update.
    """

    def __init__(
        self,
        model: nn.Module,
        gradients: Gradients,
        weights_stay: Callable[[], bool],
        *,
        max_norm: float | None,
        on_nonfinite: OnNonFinite,
        scaler: bool,
        deferred: bool,
    ) -> None:
        self._model, self._gradients, self._weights_stay = model, gradients, weights_stay
        self._max_norm, self._on_nonfinite = max_norm, on_nonfinite
        self._scaler, self._deferred = scaler, deferred
        self._input = None if deferred else LastInput(model)

    def close(self) -> None:
        """Listen to the model no more."""
        if self._input is not None:
            self._input.close()

    def only_record(self) -> None:
        """Find no more errors."""
        self._on_nonfinite = "record"

    def __call__(self, step: Step) -> NonFiniteError | None:
        """The error to raise, if any."""
        entry = step.entry
        loss, norm = entry["loss"], entry.get("grad_norm")
        finite = math.isfinite(loss)
        if finite and norm is not None and not math.isfinite(norm):
            norm = self._without_overflow(step, norm)
        if self._max_norm is not None and norm is not None:
            entry.setdefault("clipped", norm > self._max_norm)
        if finite and (norm is None or math.isfinite(norm)):
            return None
        entry["layer"] = self._where(step)
        if self._scaler and finite:
            # A scale too high says nothing of the gradient; the scaler skips the step.
            entry["overflow"] = True
            del entry["grad_norm"]
            entry.pop("clipped", None)
            return None
        if self._on_nonfinite == "record":
            return None
        return not_finite(entry)

    def _without_overflow(self, step: Step, norm: float) -> float:
        """The norm once more in double precision: squares of finite numbers may overflow."""
        if step.there and not self._deferred:
            norm = step.entry["grad_norm"] = self._gradients.exact()
        return norm

    def _where(self, step: Step) -> str:
        """What was first not finite; "" if it cannot be told any more."""
        backward = math.isfinite(step.entry["loss"])
        if not backward and self._input is not None:
            found = self._input.first(weights=self._weights_stay())
            if found:
                return found
        if step.norms is not None:
            return first_gradient(step.names, step.norms, backward=backward)
        if self._deferred:
            return ""
        named = [(f"{n}.grad", p.grad) for n, p in self._model.named_parameters()]
        there = [(name, grad) for name, grad in named if grad is not None]
        bad = [name for name, grad in there if first_not_finite([(name, grad)])]
        if len(bad) == len(there) > 1:
            return ""  # clipping by a norm that is not finite spoils them all
        return bad[-1 if backward else 0] if bad else ""


TOLD = 10  # rows that an error names


def not_finite(entry: Mapping[str, Any]) -> NonFiniteError:
    """The error for a step: which number, where it began, and with which rows."""
    loss, norm, layer = entry["loss"], entry.get("grad_norm"), entry["layer"]
    what = f"gradient's norm is {norm}" if math.isfinite(loss) else f"loss is {loss}"
    where = f", first in {layer}" if layer else ""
    rows, losses = entry.get("rows"), entry.get("row_loss")
    told = ""
    if rows is not None and losses is not None and not np.isfinite(losses).all():
        bad = rows[~np.isfinite(losses)]
        told = f"; rows {', '.join(map(str, bad[:TOLD]))}{' …' if bad.size > TOLD else ''}"
    return NonFiniteError(
        f"ST001: at step {entry['step']} the {what}{where}{told}",
        _HINTS["input" if layer == "input" else "grad" if math.isfinite(loss) else "loss"],
        step=entry["step"],
        layer=layer,
        rows=rows,
    )


_HINTS = {
    "input": "the batch itself holds such values: audit the data, or guard the loader",
    "grad": "clip the gradient or lower the learning rate; on_nonfinite='record' only records",
    "loss": "look at the batch's rows and at the learning rate; on_nonfinite='record' only records",
}
