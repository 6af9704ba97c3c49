"""What a model is asked to do: the loss of a batch, its predictions, and how they are scored.

An objective calls a model as a plain function of tensors that it takes from a batch, so that the
same objective serves a module, an average of modules, and ``torch.func.functional_call``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.collate import IGNORED, Padded
from datacheck.training.loop.inputs import Inputs, sequence, table

Model = Callable[..., Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """The loss of a batch.

    ``mean`` is the scalar to call backward on: the mean over rows, or over real tokens.
    ``per_row`` has shape (batch,), detached: each row's own mean, before class weights; 0 where a
    row has nothing to predict. ``count`` is how many rows or tokens the mean is over. Of tensors
    on an accelerator it is the batch's own count on the host, so that nothing waits for it; the
    two differ only where labels are missing.
    """

    mean: Tensor
    per_row: Tensor
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What one forward pass of evaluation gives.

    ``predicted`` and ``target`` hold what is scored, flat, shape (items,): rows with a label, or
    real tokens, in the order of the batch. ``correct`` has shape (batch,): see
    :meth:`Objective.correct`.
    """

    losses: Losses
    predicted: Tensor
    target: Tensor
    correct: Tensor


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A loss and a score; the subclasses say which.

    ``inputs`` takes from a batch what the model is called with.
    """

    inputs: Inputs = table
    score_name: ClassVar[str] = ""

    def __call__(self, model: Model, batch: Any) -> Losses:
        """The loss of ``model`` on ``batch``."""
        return self._losses(model(*self.inputs(batch)), batch)

    def predict(self, model: Model, batch: Any) -> Tensor:
        """Class indices or numbers, shape (batch,); of tokens (batch, longest)."""
        return self.decide(model(*self.inputs(batch)))

    def correct(self, model: Model, batch: Any) -> Tensor:
        """How right each row is, float32 of shape (batch,).

        0 or 1 for a class; of tokens the share that is right; of a number 1 where it is closer
        to the target than the mean of train is.
        """
        return self.judge(model, batch).correct

    def judge(self, model: Model, batch: Any) -> Judged:
        """Loss, predictions, targets and correctness from one forward pass."""
        return self.judge_output(model(*self.inputs(batch)), batch)

    def judge_output(self, output: Tensor, batch: Any) -> Judged:
        """As :meth:`judge`, of an output that is there already (such as an average)."""
        target, valid = self.target(batch)
        predicted = self.decide(output)
        right = self._right(predicted, target) & valid
        share = right.float()
        if share.ndim > 1:
            share = share.sum(1) / valid.sum(1).clamp(min=1)
        return Judged(self._losses(output, batch), predicted[valid], target[valid], share)

    def target(self, batch: Any) -> tuple[Tensor, Tensor]:
        """What is to be predicted, and (bool, of its shape) where there is something.

        Raises UsageError for a batch without a label.
        """
        if batch.y is None:
            raise UsageError("the batch has no label", "name it with label= of loaders")
        return batch.y, batch.y != IGNORED

    def decide(self, output: Tensor) -> Tensor:
        """Predictions from the model's output."""
        return output.argmax(-1)

    def average(self, outputs: Tensor) -> Tensor:
        """One output for several, stacked in dimension 0: the mean of their probabilities, as log.

        Of numbers their mean.
        """
        logs = functional.log_softmax(outputs, -1)
        return torch.logsumexp(logs, 0) - torch.log(torch.tensor(float(len(outputs))))

    def score(self, predicted: Tensor, target: Tensor) -> float:
        """The score of predictions over a whole evaluation set, both of shape (items,)."""
        return float((predicted == target).double().mean()) if len(target) else float("nan")

    def _right(self, predicted: Tensor, target: Tensor) -> Tensor:
        return predicted == target

    def _losses(self, output: Tensor, batch: Any) -> Losses:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Classification(Objective):
    """Cross-entropy in nats over classes; ``y`` holds class indices, −100 where there is none.

    The model gives logits (batch, classes). ``class_weights`` (classes,) weight the mean as in
    ``torch.nn.CrossEntropyLoss``. With ``balanced`` the score is the mean recall of the classes
    that the targets hold.
    """

    class_weights: Tensor | None = None
    balanced: bool = False

    @property
    def score_name(self) -> str:  # type: ignore[override] # depends on `balanced`
        """``accuracy`` or ``balanced accuracy``."""
        return "balanced accuracy" if self.balanced else "accuracy"

    def score(self, predicted: Tensor, target: Tensor) -> float:
        """Accuracy, or the mean recall of the classes among the targets."""
        if not self.balanced or not len(target):
            return super().score(predicted, target)
        rows = torch.bincount(target)
        right = torch.bincount(target[predicted == target], minlength=len(rows))
        return float((right[rows > 0].double() / rows[rows > 0]).mean())

    def _losses(self, output: Tensor, batch: Any) -> Losses:
        target, valid = self.target(batch)
        per_row = functional.cross_entropy(output, target, reduction="none", ignore_index=IGNORED)
        weights = valid.to(per_row.dtype)
        if self.class_weights is not None:
            weights = weights * self.class_weights.to(per_row)[target.clamp(min=0)]
        mean = (per_row * weights).sum() / _positive(weights.sum())
        return Losses(mean, per_row.detach(), _count(valid, len(batch)))


@dataclass(frozen=True, kw_only=True)
class SequenceClassification(Classification):
    """Classification of the first sequence of a row: its values and mask go to the model."""

    inputs: Inputs = sequence


@dataclass(frozen=True, kw_only=True)
class Regression(Objective):
    """Squared error of (y − ``center``)/``scale``, the mean and deviation of train.

    The model gives (batch,) or (batch, 1) on that scale; ``predict`` gives the units of y. The
    score is R², 1 − Σ(y − ŷ)²/Σ(y − ȳ)² over the evaluation set. Raises UsageError for a scale
    that is not greater than 0.
    """

    center: float = 0.0
    scale: float = 1.0
    score_name: ClassVar[str] = "r2"

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise UsageError(f"scale is {self.scale}", "a number greater than 0")

    def target(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Numbers, and where there is one: not where it is NaN; an infinite one is no secret.

        Raises UsageError for a batch without a label.
        """
        if batch.y is None:
            raise UsageError("the batch has no label", "name it with label= of loaders")
        return batch.y, ~torch.isnan(batch.y)

    def decide(self, output: Tensor) -> Tensor:
        """In the units of y."""
        return output.reshape(len(output)) * self.scale + self.center

    def average(self, outputs: Tensor) -> Tensor:
        """Their mean."""
        return outputs.mean(0)

    def score(self, predicted: Tensor, target: Tensor) -> float:
        """R²; NaN where the targets do not vary."""
        got, true = predicted.double(), target.double()
        spread = ((true - true.mean()) ** 2).sum()
        return float(1 - ((got - true) ** 2).sum() / spread) if spread > 0 else float("nan")

    def _right(self, predicted: Tensor, target: Tensor) -> Tensor:
        return (predicted - target).abs() < (target - self.center).abs()

    def _losses(self, output: Tensor, batch: Any) -> Losses:
        target, valid = self.target(batch)
        wanted = torch.where(valid, (target - self.center) / self.scale, 0.0)
        per_row = (output.reshape(len(output)) - wanted) ** 2 * valid
        mean = per_row.sum() / _positive(valid.sum())
        return Losses(mean, per_row.detach(), _count(valid, len(batch)))


@dataclass(frozen=True, kw_only=True)
class Tokens(Objective):
    """Cross-entropy in nats over the real tokens of a sequence, each predicted from those before.

    ``column`` names the sequence (default: the first), ``start`` is the token put before it. With
    ``masked=False`` padding is a token to predict like any other: a mistake, to be shown.
    """

    start: int
    column: str = ""
    masked: bool = True
    score_name: ClassVar[str] = "accuracy"

    def target(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Tokens (batch, longest), and where they are real."""
        part = _column(batch, self.column)
        return part.values, part.mask if self.masked else torch.ones_like(part.mask)

    def _losses(self, output: Tensor, batch: Any) -> Losses:
        target, valid = self.target(batch)
        each = functional.cross_entropy(output.flatten(0, 1), target.flatten(), reduction="none")
        # A product would let what is not finite in padding into the sum.
        each = torch.where(valid, each.view(target.shape), 0.0)
        per_row = each.detach().sum(1) / valid.sum(1).clamp(min=1)
        host = batch.tokens if self.masked else batch.padded
        return Losses(each.sum() / _positive(valid.sum()), per_row, _count(valid, host))

    def shifted(self, batch: Any) -> tuple[Tensor, Tensor]:
        """The tokens one place later, ``start`` before them, and where those are real."""
        part = _column(batch, self.column)
        first = torch.full_like(part.values[:, :1], self.start)
        real = torch.ones_like(part.mask[:, :1])
        return (
            torch.cat([first, part.values[:, :-1]], 1),
            torch.cat([real, part.mask[:, :-1]], 1),
        )


@dataclass(frozen=True, kw_only=True)
class CausalLM(Tokens):
    """A language model: ``model(tokens, mask)``, both (batch, longest), gives logits

    (batch, longest, vocabulary); place t sees ``start`` and the tokens before t.
    """

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", self.shifted)


@dataclass(frozen=True, kw_only=True)
class SequenceToSequence(Tokens):
    """``model(source, source_mask, shifted_target)`` gives logits (batch, longest target, vocab).

    ``column`` is the target; ``source`` the other sequence.
    """

    source: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", self._inputs)

    def _inputs(self, batch: Any) -> tuple[Any, ...]:
        source = _column(batch, self.source)
        return source.values, source.mask if self.masked else None, self.shifted(batch)[0]


def _column(batch: Any, name: str) -> Padded:
    sequences = batch.sequences
    if not sequences or (name and name not in sequences):
        raise UsageError(
            f"the batch has no sequence {name!r}" if name else "the batch has no sequences",
            f"sequences: {names(sequences) or 'none'}",
        )
    found: Padded = sequences[name] if name else next(iter(sequences.values()))
    return found


def _positive(total: Tensor) -> Tensor:
    """A divisor: a batch with nothing to predict has the loss 0, not NaN."""
    return torch.where(total > 0, total, 1.0)


def _count(valid: Tensor, host: int) -> int:
    return int(valid.sum()) if valid.device.type == "cpu" else host
