"""How far an update moved the weights, and which step it belongs to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import Optimizer

from datacheck.training.recording.instruments import HALF

Place = Literal["before", "inside", "after"]
BLOCK = 16  # values that lie together in the sample of a weight
WHOLE = 1024  # weights up to this size are read whole
SAMPLE = 1 << 16  # values of all weights that the update-to-weight ratio reads, about


class Updates:
    """Listens to an optimizer: its learning rate, and the update-to-weight ratio of some steps.

    Whether the monitor's step is called before the optimizer's, inside it (by its closure) or
    after it shows at the first one. ``wanted`` says of the number of a step whether its ratio is;
    ``number`` is that of the step to come.
    """

    def __init__(self, optimizer: Optimizer, wanted: Callable[[int], bool], number: int) -> None:
        self.number = number
        self.place: Place | None = None  # of step(), beside the optimizer's
        self._optimizer, self._wanted = optimizer, wanted
        self._ratio = UpdateRatio()
        self._found: Tensor | None = None
        self._looking = self._inside = self._seen = False
        self._lr: float | Tensor | None = None
        self._handles = [
            optimizer.register_step_pre_hook(self._begins),
            optimizer.register_step_post_hook(self._ended),
        ]

    def close(self) -> None:
        """Listen no more."""
        for handle in self._handles:
            handle.remove()

    def step(self) -> float | Tensor | None:
        """The monitor's step was called: the learning rate of its update."""
        if self.place is None:
            self.place = "inside" if self._inside else "after" if self._seen else "before"
        self.number += 1
        return self._lr if self.place == "after" else self._rate()

    @property
    def follows(self) -> bool:
        """Whether the update of a step comes after the monitor's step."""
        return self.place != "after"

    def take(self) -> Tensor | None:
        """The ratio of the last update, a scalar, if it was wanted; once."""
        found, self._found = self._found, None
        return found

    def _begins(self, optimizer: Optimizer, arguments: Any, named: Any) -> None:
        self._inside = self._seen = True
        rate = self._rate()
        # A tensor is changed in place by the schedule.
        self._lr = rate.clone() if isinstance(rate, Tensor) else rate
        self._looking = self._wanted(self.number - 1 if self.place == "before" else self.number)
        if self._looking:
            self._ratio.before(p for g in optimizer.param_groups for p in g["params"])

    def _ended(self, optimizer: Optimizer, arguments: Any, named: Any) -> None:
        self._inside = False
        if self._looking:
            self._looking, self._found = False, self._ratio.after()

    def _rate(self) -> float | Tensor | None:
        groups = self._optimizer.param_groups
        rate: float | Tensor | None = groups[0].get("lr") if groups else None
        return rate


class UpdateRatio:
    """How far an update moves the weights: ‖Δθ‖/‖θ‖, over all that the optimizer holds.

    Weights of more than :data:`WHOLE` values are read in blocks, spread evenly, so that about
    :data:`SAMPLE` values are copied in all, whatever the size of the model; each weight's part
    is scaled up to its size. A model of no more values is read whole: then the ratio is exact.
    """

    def __init__(self) -> None:
        self._views: list[Tensor] = []
        self._was: Tensor | None = None
        self._scale: Tensor | None = None

    def before(self, parameters: Iterable[Tensor]) -> None:
        """Note the weights before an update."""
        wanted = [p.detach() for p in parameters if p.requires_grad and p.numel()]
        every = _stride(wanted)
        # Anew each time: whoever moves a model to another device gives it other memory.
        self._views = [_sample(p, every) for p in wanted]
        self._was = self._read()
        known = self._scale
        if (
            self._was is not None
            and every > 1
            and (
                known is None or known.shape != self._was.shape or known.device != self._was.device
            )
        ):
            parts = [
                math.sqrt(p.numel() / v.numel()) for p, v in zip(wanted, self._views, strict=True)
            ]
            sizes = torch.tensor([v.numel() for v in self._views])
            known = torch.repeat_interleave(torch.tensor(parts), sizes)
            if self._was.device.type == "cuda":
                known = known.pin_memory()  # or the copy would wait for the device
            known = known.to(self._was, non_blocking=True)
        self._scale = known if every > 1 else None

    def after(self) -> Tensor | None:
        """The ratio, a scalar; call it once after the update. None without weights."""
        was, now = self._was, self._read()
        self._was, self._views = None, []
        if was is None or now is None:
            return None
        moved = now.sub_(was)
        if self._scale is not None:
            moved, was = moved.mul_(self._scale), was.mul_(self._scale)
        ratio: Tensor = torch.linalg.vector_norm(moved) / torch.linalg.vector_norm(was)
        return ratio

    def _read(self) -> Tensor | None:
        """The sampled values, one after the other: far fewer operations than a weight each."""
        if not self._views:
            return None
        parts = [v.reshape(-1) for v in self._views]
        if any(p.device != parts[0].device for p in parts):
            parts = [p.to(parts[0].device) for p in parts]
        flat = torch.cat(parts)
        return flat.float() if flat.dtype in HALF else flat


def _stride(parameters: Sequence[Tensor]) -> int:
    """One block of so many is read, of the large weights."""
    large = sum(p.numel() for p in parameters if p.numel() > WHOLE)
    return max(1, -(-large // SAMPLE))


def _sample(weight: Tensor, every: int) -> Tensor:
    """A view of some of the values; of all where the weight is small or lies in pieces."""
    size = weight.numel()
    if every == 1 or size <= WHOLE:
        return weight
    dense = weight.is_contiguous() or (
        weight.ndim == 4 and weight.is_contiguous(memory_format=torch.channels_last)
    )
    blocks = -(-(size // BLOCK) // every)
    return weight.as_strided((blocks, BLOCK), (BLOCK * every, 1)) if dense else weight
