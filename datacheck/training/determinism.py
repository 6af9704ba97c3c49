"""Random numbers that depend on names, not on what was drawn before.

A pair of runs is to differ in one thing only. So the order of rows is keyed by (seed, epoch, row
address), initial weights by (seed, parameter name) and what a step draws (dropout) by (seed,
step): a row that is dropped or a layer that is added shifts nothing else, and a run that goes on
after a stop needs no history.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.balanced import RowBatchSampler
from datacheck.pipelines.loader import Loader
from datacheck.types import Hashes, Ints

# -- keys ---------------------------------------------------------------------------------------


def key(*parts: int | str) -> int:
    """A 64-bit number from names and numbers: BLAKE2b of what they spell."""
    spelled = "\0".join(f"{type(p).__name__}:{p}" for p in parts)
    return int.from_bytes(hashlib.blake2b(spelled.encode(), digest_size=8).digest(), "little")


def row_keys(addresses: Ints, *parts: int | str) -> Hashes:
    """A 64-bit key of each row, of shape (rows,), different for different addresses.

    Two rounds of SplitMix64's finalizer (Steele, Lea & Flood 2014), each one-to-one, with a key
    of ``parts`` before each.
    """
    state = addresses.astype(np.int64).view(np.uint64)
    for turn in (0, 1):
        state = _mixed(state + np.uint64(key("rows", turn, *parts)))
    return state


def _mixed(state: Hashes) -> Hashes:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


# -- the order of rows --------------------------------------------------------------------------


class KeyedBatchSampler(RowBatchSampler):
    """Batches of rows in the order of a 64-bit hash of (seed, epoch, row address).

    ``addresses`` is int64 of shape (n,), no two alike: those of ``Batch.rows``, or any numbers
    that name rows. Yields positions in them. Dropping rows leaves the order of all others as it
    is. With ``among``, the addresses of all rows that ever were, batches are also cut as if those
    were still there: a dropped row makes its own batch smaller, and all other batches stay the
    same to the row (a batch that loses all its rows is left out). ``among`` is for one rank.

    Every row comes once an epoch, over all ranks together; ``set_epoch``, ``state_dict`` and
    ``load_state_dict`` are those of the other samplers: resuming iterates nothing. Raises
    UsageError for addresses that are not distinct whole numbers, or not in ``among``.
    """

    def __init__(
        self,
        addresses: Any,
        batch_size: int,
        seed: int = 0,
        *,
        among: Any = None,
        rank: int = 0,
        world_size: int = 1,
        drop_last: bool = False,
    ) -> None:
        self.addresses = _distinct(addresses, "addresses")
        self.among = None if among is None else _distinct(among, "among")
        if self.among is not None:
            lacking = np.setdiff1d(self.addresses, self.among)
            if lacking.size:
                raise UsageError(
                    f"{lacking.size:,} addresses are not in among, such as {lacking[0]}",
                    f"among holds {self.among.size:,} rows; it has to hold them all",
                )
            if world_size > 1 or drop_last:
                raise UsageError(
                    "among is for one rank that drops no batch",
                    f"world_size is {world_size}, drop_last is {drop_last}",
                )
        self._content = _content(self.addresses) + ("" if among is None else _content(self.among))
        self._cut: tuple[int, Ints] | None = None
        super().__init__(
            int(self.addresses.size),
            batch_size,
            seed=seed,
            rank=rank,
            world_size=world_size,
            drop_last=drop_last,
        )

    def __len__(self) -> int:
        self._cut_batches()
        return super().__len__()

    def __iter__(self) -> Iterator[list[int]]:
        self._cut_batches()
        yield from super().__iter__()

    def order(self) -> Ints:
        """Positions in ``addresses`` of this epoch, of all ranks, int64 of shape (n,)."""
        keys = row_keys(self.addresses, self.seed, self.epoch)
        return np.argsort(keys, kind="stable").astype(np.int64)

    def _cut_batches(self) -> None:
        """Set where this epoch's batches begin and end."""
        if self.among is None or (self._cut is not None and self._cut[0] == self.epoch):
            return
        mine = np.sort(row_keys(self.addresses, self.seed, self.epoch))
        everyone = np.sort(row_keys(self.among, self.seed, self.epoch))
        ends = everyone[self.batch_size - 1 :: self.batch_size]
        edges = np.searchsorted(mine, ends, side="right")
        self._edges = np.unique(np.concatenate([[0], edges, [mine.size]])).astype(np.int64)
        self._cut = (self.epoch, self._edges)

    def _identity(self) -> dict[str, Any]:
        return {**super()._identity(), "rows": self._content}


def keyed(loader: Loader, batch_size: int, seed: int = 0, *, among: Any = None) -> Loader:
    """A loader of the same table, its rows in the order of :class:`KeyedBatchSampler`."""
    sampler = KeyedBatchSampler(loader.table.addresses(), batch_size, seed, among=among)
    return Loader(
        loader.table,
        sampler,
        collate_fn=loader.collate_fn,
        num_workers=loader.num_workers,
        persistent_workers=loader.persistent_workers,
        generator=torch.Generator().manual_seed(seed),
    )


def _distinct(given: Any, name: str) -> Ints:
    found = np.asarray(given)
    if found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        raise UsageError(
            f"{name} of shape {found.shape} and type {found.dtype}", "one whole number for each row"
        )
    found = found.astype(np.int64)
    twice = found.size - np.unique(found).size
    if twice:
        raise UsageError(f"{twice:,} of {name} are there twice", "each row has its own address")
    return found


def _content(addresses: Any) -> str:
    return hashlib.blake2b(addresses.tobytes(), digest_size=8).hexdigest()


# -- the generators of a run --------------------------------------------------------------------


def reseed(*parts: int | str) -> None:
    """Set torch's, NumPy's and Python's global generators to a state that is ``parts``' own.

    Waits for no accelerator.
    """
    chosen = key(*parts)
    if _accelerated():
        torch.manual_seed(chosen & 0x7FFF_FFFF_FFFF_FFFF)
    else:  # the same, without a call that waits, with its traceback, for each kind of device
        torch.default_generator.manual_seed(chosen & 0x7FFF_FFFF_FFFF_FFFF)
    np.random.seed(chosen & 0xFFFF_FFFF)  # noqa: NPY002 - augmentations draw from the old generator
    random.seed(chosen)


@cache
def _accelerated() -> bool:
    return bool(torch.accelerator.is_available())


@contextmanager
def untouched() -> Iterator[None]:
    """The global generators are afterwards as they were before."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 - as reseed
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002 - as reseed
            random.setstate(python_state)


# -- initial weights ----------------------------------------------------------------------------

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
