"""What a training run is told: one frozen dataclass."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.training import optimizers, schedules
from datacheck.training.loop.clipping import WAYS, Way

Precision = Literal["float32", "bfloat16", "float16"]
OnNonfinite = Literal["stop", "skip", "apply"]
ELSEWHERE = {"checkpoint", "save_every", "device"}
"""Fields that may differ when a run is resumed."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train. Steps are steps of the optimizer. Raises UsageError out of bounds."""

    steps: int | None = None
    """The length of the run; or give ``epochs``."""
    epochs: int | None = None
    """Passes over the training data; 10 where ``steps`` is not given either."""
    optimizer: optimizers.Name = "adam"
    lr: float = 1e-3
    """The learning rate, which the schedule multiplies."""
    weight_decay: float = 0.0
    decayed: optimizers.Decayed = "all"
    """What weight decay is for: all parameters, or those of two dimensions and more."""
    momentum: float = 0.0
    """Of sgd and rmsprop."""
    schedule: schedules.Name = "constant"
    warmup: int = 0
    """Steps of linear warm-up before the schedule."""
    decay: float = 0.1
    """The factor of ``step``, ``exponential`` and ``plateau``."""
    decay_every: int | None = None
    """Steps until ``step`` and ``exponential`` have multiplied by ``decay``; a third of the run."""
    floor: float = 0.0
    """The share of ``lr`` at which ``cosine``, ``linear`` and ``plateau`` end."""
    plateau_patience: int = 2
    """Evaluations without a lower loss that ``plateau`` waits."""
    clip: Way | None = None
    """How gradients are clipped: by their norm, their value, adaptively, or not."""
    clip_at: float = 1.0
    accumulate: int = 1
    """Batches (or steps of a bucketed loader) to a step of the optimizer."""
    precision: Precision = "float32"
    """What autocast computes in; float16 needs CUDA, where its gradients are scaled."""
    on_nonfinite: OnNonfinite = "stop"
    """A step whose loss or gradient is not finite: the run stops, the step is left out and
    counted, or it is applied (and counted) as an unguarded loop would."""
    patience: int | None = None
    """Evaluations without improvement after which the run stops early; None: never."""
    select: Literal["loss", "score"] = "loss"
    """What improvement is measured by, on the first evaluation split."""
    ema: float | None = None
    """The decay of an exponential average of the weights, which is evaluated too."""
    swa: float | None = None
    """The share of the run after which weights are averaged evenly (SWA)."""
    seed: int = 0
    """Of what a step draws (dropout, augmentation); weights are drawn by ``determinism.init``."""
    evaluate_every: int | None = None
    """Steps between evaluations; None: after each epoch. The last step is always evaluated."""
    checkpoint: str | Path | None = None
    """A folder for ``last.pt`` and ``best.pt``."""
    save_every: int | None = None
    """Steps between checkpoints; None: at each evaluation."""
    device: str = "auto"
    """Where to train: a name that torch knows; ``auto`` is CUDA where there is one."""

    def __post_init__(self) -> None:
        if self.steps is not None and self.epochs is not None:
            raise UsageError("steps and epochs are both given", "one says how long the run is")
        if self.steps is None and self.epochs is None:
            object.__setattr__(self, "epochs", 10)
        optimizers.check(self.optimizer, self.momentum)
        schedules.check(self.schedule, decay=self.decay, every=self.decay_every, floor=self.floor)
        for name in ("steps", "epochs", "accumulate", "patience", "evaluate_every", "save_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}", "a number from 1")
        for name in ("lr", "clip_at"):
            if not 0 < getattr(self, name) < float("inf"):
                raise UsageError(f"{name} is {getattr(self, name)}", "a number greater than 0")
        for name in ("weight_decay", "warmup", "plateau_patience"):
            if not getattr(self, name) >= 0:
                raise UsageError(f"{name} is {getattr(self, name)}", "not below 0")
        for name in ("momentum", "ema", "swa"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise UsageError(f"{name} is {value}", "from 0 to below 1")
        if self.ema is not None and self.swa is not None:
            raise UsageError("ema and swa are both given", "one average of weights is kept")
        _among("precision", self.precision, get_args(Precision))
        _among("on_nonfinite", self.on_nonfinite, get_args(OnNonfinite))
        _among("decayed", self.decayed, get_args(optimizers.Decayed))
        _among("select", self.select, ("loss", "score"))
        if self.clip is not None:
            _among("clip", self.clip, WAYS)

    def identity(self) -> dict[str, Any]:
        """What must be the same for a run to be resumed."""
        return {name: value for name, value in asdict(self).items() if name not in ELSEWHERE}


def _among(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{name} is {value!r}", f"it is one of {names(known)}")
