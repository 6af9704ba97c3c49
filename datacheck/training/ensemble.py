"""Ensembles: models that differ in their first weights, trained side by side, averaged when used.

Deep ensembles (Lakshminarayanan, Pritzel & Blundell 2017). The members see the same batches. Where
the model allows they are computed as one, their weights stacked, with ``torch.func``; else one
after the other, with the same result.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from datacheck.errors import UsageError
from datacheck.training import determinism
from datacheck.training.loop.averaging import evaluating, has_running_statistics
from datacheck.training.loop.clipping import clip_tensors
from datacheck.training.loop.feeding import Feed
from datacheck.training.loop.history import Fitted
from datacheck.training.objectives import Judged, Losses, Objective
from datacheck.training.train_config import TrainConfig
from datacheck.training.trainer import Trainer

CLOSE = 1e-4  # how far stacked outputs may be from the members' own, relative to their size


class Ensemble(nn.Module):
    """Members as one module: called with a batch's inputs it gives their outputs, stacked in

    dimension 0: (members, batch, …). ``count`` is the number of members.
    """

    count: int

    def losses(self, objective: Objective, batch: Any) -> Losses:
        """The sum of the members' means, each row's mean over the members, and the count."""
        raise NotImplementedError

    def members(self) -> list[nn.Module]:
        """The members as modules of their own; copies, where their weights are stacked."""
        raise NotImplementedError

    def tensors(self, member: int) -> tuple[list[Tensor], list[Tensor]]:
        """Weights and gradients of a member; of those that have a gradient, in place."""
        raise NotImplementedError

    def predict(self, objective: Objective, batch: Any) -> Tensor:
        """Predictions from the mean of the members' probabilities (of numbers, their mean)."""
        return objective.decide(objective.average(self(*objective.inputs(batch))))


class Stacked(Ensemble):
    """Members whose weights are stacked in dimension 0 and computed as one with ``vmap``.

    Names of parameters and buffers have slashes for dots. Each member draws its own dropout.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.count = len(members)
        parameters, buffers = stack_module_state(list(members))
        for name, value in parameters.items():
            wanted = dict(members[0].named_parameters())[name].requires_grad
            self.register_parameter(name.replace(".", "/"), nn.Parameter(value.detach(), wanted))
        for name, value in buffers.items():
            self.register_buffer(name.replace(".", "/"), value)
        # In a list, so that its weights, which are not used, do not count as parameters.
        self._skeleton = [copy.deepcopy(members[0])]

    def forward(self, *inputs: Any) -> Tensor:
        """Outputs of all members, shape (members, batch, …)."""
        outputs: Tensor = self._each(lambda model: model(*inputs))
        return outputs

    def losses(self, objective: Objective, batch: Any) -> Losses:
        """As the class says."""
        counts: list[int] = []

        def one(model: Callable[..., Tensor]) -> tuple[Tensor, Tensor]:
            found = objective(model, batch)
            counts.append(found.count)
            return found.mean, found.per_row

        means, per_row = self._each(one)
        return Losses(means.sum(), per_row.detach().mean(0), counts[0])

    def _each(self, of: Callable[[Callable[..., Tensor]], Any]) -> Any:
        skeleton = self._skeleton[0].train(self.training)

        def one(state: dict[str, Tensor]) -> Any:
            return of(lambda *inputs: functional_call(skeleton, state, inputs))

        return vmap(one, randomness="different")(self._state())

    def _state(self) -> dict[str, Tensor]:
        named = (*self.named_parameters(), *self.named_buffers())
        return {name.replace("/", "."): value for name, value in named}

    def members(self) -> list[nn.Module]:
        """Copies."""
        out = []
        for at in range(self.count):
            member = copy.deepcopy(self._skeleton[0]).train(self.training)
            member.to(next(self.parameters()).device)  # the skeleton stays where it was made
            state = {name: value[at].detach().clone() for name, value in self._state().items()}
            member.load_state_dict(state, strict=False)  # a shared weight has one name here
            out.append(member)
        return out

    def tensors(self, member: int) -> tuple[list[Tensor], list[Tensor]]:
        """Views."""
        having = [(p, p.grad) for p in self.parameters() if p.grad is not None]
        return [p.detach()[member] for p, _ in having], [g[member] for _, g in having]


class Looped(Ensemble):
    """Members that are computed one after the other."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.count = len(members)
        self.each = nn.ModuleList(members)

    def forward(self, *inputs: Any) -> Tensor:
        """Outputs of all members, shape (members, batch, …)."""
        return torch.stack([member(*inputs) for member in self.each])

    def losses(self, objective: Objective, batch: Any) -> Losses:
        """As the class says."""
        found = [objective(member, batch) for member in self.each]
        mean = torch.stack([f.mean for f in found]).sum()
        per_row = torch.stack([f.per_row for f in found]).mean(0)
        return Losses(mean, per_row, found[0].count)

    def members(self) -> list[nn.Module]:
        """The members themselves."""
        return list(self.each)

    def tensors(self, member: int) -> tuple[list[Tensor], list[Tensor]]:
        """Those of the member."""
        parameters = self.each[member].parameters()
        having = [(p.detach(), p.grad) for p in parameters if p.grad is not None]
        return [p for p, _ in having], [g for _, g in having]


def ensemble(
    members: Sequence[nn.Module], objective: Objective, batch: Any
) -> tuple[Ensemble, str]:
    """The members as one module, and why they are not stacked ("" where they are).

    They are stacked if a training step of all at once runs on ``batch`` and gives, in evaluation
    mode, the outputs of each alone. Running statistics of batch norms cannot be stacked. Raises
    UsageError for no members.
    """
    if not members:
        raise UsageError("an ensemble without members", "give seeds, such as range(5)")
    why = _unlike(members, objective, batch)
    return (Looped(members) if why else Stacked(members)), why


def _unlike(members: Sequence[nn.Module], objective: Objective, batch: Any) -> str:
    if has_running_statistics(members[0]):
        return "batch norms keep running statistics"
    inputs = objective.inputs(batch)
    try:
        with warnings.catch_warnings(), determinism.untouched():
            warnings.simplefilter("error")  # vmap warns where it would be slower than a loop
            stacked = Stacked(members)
            stacked.losses(objective, batch).mean.backward()  # type: ignore[no-untyped-call] # torch's
            with torch.no_grad(), evaluating(stacked):
                together = stacked(*inputs)
            for member, mine in zip(members, together, strict=True):
                with torch.no_grad(), evaluating(member):
                    own = member(*inputs)
                if own.shape != mine.shape or bool((own - mine).abs().max() > _far(own)):
                    return "stacked members compute something else"
    except Exception as error:  # whatever a model does that vmap cannot
        first = str(error).strip().partition("\n")[0]
        return f"{type(error).__name__}: {first}"[:200]
    return ""


def _far(own: Tensor) -> Tensor:
    return CLOSE * own.abs().max().clamp(min=1.0)


class Together:
    """An objective for an ensemble: members learn each by itself, and are judged as an average."""

    def __init__(self, objective: Objective) -> None:
        self.objective, self.score_name = objective, objective.score_name

    def __call__(self, model: Ensemble, batch: Any) -> Losses:
        """The sum of the members' losses: each has the gradient that it would have alone."""
        return model.losses(self.objective, batch)

    def judge(self, model: Ensemble, batch: Any) -> Judged:
        """Loss, predictions and targets of the average."""
        outputs = model(*self.objective.inputs(batch))
        return self.objective.judge_output(self.objective.average(outputs), batch)

    def score(self, predicted: Tensor, target: Tensor) -> float:
        """The objective's."""
        return self.objective.score(predicted, target)


class EnsembleTrainer(Trainer):
    """A :class:`~datacheck.training.trainer.Trainer` of an ensemble.

    Losses and gradient norms that it tells are means over the members. Gradients are clipped
    member by member. A step that is not finite for one member is so for all.
    """

    def __init__(
        self,
        model: Ensemble,
        objective: Objective,
        config: TrainConfig | None = None,
        monitor: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(model, Together(objective), config, monitor, **options)
        self.ensemble = model
        if isinstance(model, Stacked):
            self.optimizer = self._optimizer(members=1)

    def _backward(self, batches: list[Any]) -> tuple[Tensor, list[Tensor]]:
        loss, per_row = super()._backward(batches)
        return loss / self.ensemble.count, per_row

    def _clip(self) -> tuple[Tensor, Tensor]:
        config, told = self.config, []
        for member in range(self.ensemble.count):
            weights, grads = self.ensemble.tensors(member)
            told.append(clip_tensors(weights, grads, config.clip, config.clip_at))
        return torch.stack([n for n, _ in told]).mean(), torch.stack([c for _, c in told]).any()


def fit_ensemble(
    make: Callable[[], nn.Module],
    objective: Objective,
    train: Iterable[Any],
    evaluation: Mapping[str, Iterable[Any]] | None = None,
    *,
    seeds: Iterable[int] = range(5),
    config: TrainConfig | None = None,
    resume: str | Path | None = None,
    monitor: Any = None,
) -> Fitted:
    """Train one model for each seed on the same batches; evaluations are of their average.

    ``make`` builds a model; its weights are those of ``determinism.init`` with the seed. The
    fitted ``model`` is an :class:`Ensemble`; where no dropout is drawn, each of its ``members()``
    is what training it alone gives, but for rounding. ``resume`` is a checkpoint to go on from.
    Raises UsageError for a loader without batches or one that can be read only once, and as
    ``Trainer`` does.
    """
    config = config or TrainConfig()
    if iter(train) is train:
        raise UsageError(
            "the training batches can be read only once", "give a DataLoader, or a list"
        )
    members = [determinism.init(make(), seed) for seed in seeds]
    with determinism.untouched():
        first = next(Feed(train, config.seed).whole(0), None)
    if first is None:
        raise UsageError("the training loader has no batches", "is it used up, or empty?")
    model, _ = ensemble(members, objective, first)
    trainer = EnsembleTrainer(model, objective, config, monitor)
    if resume is not None:
        trainer.resume(resume)
    return trainer.fit(train, evaluation)
