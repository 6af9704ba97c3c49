"""Initial weights that depend on the seed and each parameter's name alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.training.loop.keys import key, untouched

Draw = Callable[[nn.Module], Any]
M = TypeVar("M", bound=nn.Module)


def init(
    model: M,
    seed: int,
    *,
    draw: Draw | None = None,
    columns: Mapping[str, Sequence[str]] | None = None,
) -> M:
    """The model itself, with initial weights keyed by (seed, parameter name).

    Each module draws its weights anew by its own ``reset_parameters``, inner modules first, as
    their constructors do; or by ``draw``, called with each module as ``Module.apply`` does. All
    that is drawn into a parameter depends on its name alone, so that an added layer shifts no
    other. A parameter that no module resets (a bare one) stays as it is where its values are all
    alike, and is drawn from a normal distribution with their mean and deviation otherwise.

    ``columns`` names what dimension 1 of a parameter stands for, such as
    ``{"layers.0.weight": ["age", "income"]}``: that parameter is then drawn column by column,
    keyed by (seed, parameter, column), and an added column shifts no other (only their scale,
    which goes by their number). It is for weights whose elements are drawn independently.

    The global generators stay as they were. Raises UsageError for a model that is not on the
    CPU (init it first, then move it: it is the same then on every device), for parameters that
    do not exist yet, and for ``columns`` that do not fit.
    """
    owners = _owners(model)
    asked = dict(columns or {})
    for name, labels in asked.items():
        _check_columns(owners, name, labels)
    with untouched(), torch.no_grad(), _Keyed(owners, seed) as keyed:
        # Inner modules first: what holds them may overrule, as in MultiheadAttention.
        for name, module in reversed(list(model.named_modules())):
            keyed.reset(name, module, draw)
        for name in owners.keys() - keyed.written():
            _redraw(owners[name], key(seed, "init", name))
        for name, labels in asked.items():
            owner = name.rpartition(".")[0]
            drawn = owners[name].clone()
            for at, keyed.column in enumerate(labels):
                keyed.reset(owner, model.get_submodule(owner), draw, named=name)
                # The first that were drawn: how many follow is no matter then.
                column = drawn[:, at]
                column.copy_(owners[name].flatten()[: column.numel()].view(column.shape))
            owners[name].copy_(drawn)
    return model


class _Keyed(TorchFunctionMode):
    """Seeds the generator by a parameter's name before something is done to the parameter."""

    def __init__(self, owners: Mapping[str, nn.Parameter], seed: int) -> None:
        super().__init__()
        self._owners, self._seed = owners, seed
        self._names = {id(p): name for name, p in owners.items()}
        self._versions = {name: p._version for name, p in owners.items()}
        self._through_data: set[str] = set()
        self._last = self._named = self.column = ""

    def reset(self, name: str, module: nn.Module, draw: Draw | None, named: str = "") -> None:
        """Let a module draw its weights; ``named`` is the one keyed by ``column`` too."""
        self._last, self._named = "", named
        # For what is drawn elsewhere and then copied into a parameter.
        torch.default_generator.manual_seed(key(self._seed, "module", name, self.column))
        if draw is not None:
            draw(module)
            return
        # torch calls it _reset_parameters where it is about parameters of inner modules too.
        own = getattr(module, "reset_parameters", getattr(module, "_reset_parameters", None))
        if callable(own):
            own()

    def written(self) -> set[str]:
        """The parameters that something was written to."""
        changed = {n for n, p in self._owners.items() if p._version != self._versions[n]}
        return changed | self._through_data

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        name = self._names.get(id(args[0] if args else given.get("tensor")))
        if name is not None:
            # Once for all that is done in a row: some initializers draw until a draw fits.
            if name != self._last:
                column = (self.column,) if name == self._named else ()
                torch.default_generator.manual_seed(key(self._seed, "init", name, *column))
                self._last = name
            if func == torch.Tensor.data.__get__:  # type: ignore[attr-defined] # a descriptor
                self._through_data.add(name)
        return func(*args, **given)


def _owners(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters by name; a shared one by its first. Raises UsageError."""
    owners = dict(model.named_parameters())
    for name, parameter in owners.items():
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise UsageError(f"{name} has no shape yet", "run the model on a batch first")
        if parameter.device.type != "cpu":
            raise UsageError(
                f"{name} is on {parameter.device}", "init(model, seed) first, then model.to(device)"
            )
    return owners


def _check_columns(owners: Mapping[str, nn.Parameter], name: str, labels: Sequence[str]) -> None:
    if name not in owners:
        raise UsageError(f"the model has no parameter {name!r}", f"it has {names(owners)}")
    shape = tuple(owners[name].shape)
    if len(shape) < 2 or shape[1] != len(labels) or len(set(labels)) < len(labels):
        raise UsageError(
            f"{len(labels)} columns ({len(set(labels))} different) for {name} of shape {shape}",
            "a name of its own for each index of dimension 1",
        )


def _redraw(parameter: nn.Parameter, chosen: int) -> None:
    """Normal values with the mean and deviation of those that are there."""
    if parameter.numel() < 2 or not parameter.is_floating_point() or parameter.std() == 0:
        return
    drawn = torch.randn(
        parameter.shape, generator=torch.Generator().manual_seed(chosen), dtype=parameter.dtype
    )
    drawn = (drawn - drawn.mean()) / drawn.std()
    parameter.copy_(parameter.mean() + parameter.std() * drawn)
