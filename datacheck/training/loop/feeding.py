"""The batches of a run, step by step, from any point on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from datacheck.errors import UsageError
from datacheck.pipelines.loader import Loader
from datacheck.training.determinism import reseed


class Feed:
    """Groups of batches of ``loader``, one group for each step of the optimizer, epoch by epoch.

    A group is ``accumulate`` batches, or as many steps of a bucketed loader (all its batches); the
    last of an epoch may have fewer. What is drawn while batches are fetched (augmentation, the
    order of a plain shuffled DataLoader) is keyed by (seed, epoch, place in the epoch).

    ``load_state_dict`` goes on exactly where ``state_dict`` was taken: in constant time for
    datacheck's own :class:`Loader`; of others the epoch's batches before are fetched again and
    passed over.
    What random numbers *workers* draw goes by what each has fetched since it began: with
    augmentation in workers a run that is resumed within an epoch is not the same to the bit.
    """

    def __init__(self, loader: Iterable[Any], seed: int, accumulate: int = 1) -> None:
        self.loader, self.seed, self.accumulate = loader, seed, accumulate
        self.epoch = self._taken = self._passed = 0
        self._parts: Iterator[list[Any]] | None = None
        self._generator: Any = None  # the state of the loader's own, as the epoch began
        self._groups: int | None = None  # in this epoch: orders may be cut differently
        self._resumed: Mapping[str, Any] | None = None

    def groups(self) -> int | None:
        """Groups in an epoch, None where the loader does not know its length."""
        try:
            batches = len(self.loader)  # type: ignore[arg-type] # asked, not known
        except TypeError:
            return None
        within = int(getattr(_sampler(self.loader), "accumulate", 1))
        return math.ceil(math.ceil(batches / within) / self.accumulate)

    def next(self) -> list[Any]:
        """The batches of the next step. Raises UsageError where an epoch holds none."""
        while True:
            if self._parts is None:
                self._parts = self._begin()
            group = []
            for _ in range(self.accumulate):
                reseed(self.seed, "data", self.epoch, self._passed)
                part = next(self._parts, None)
                if part is None:
                    break
                group += part
                self._passed += 1
            if group:
                self._taken += 1
                return group
            if not self._taken:
                raise UsageError(
                    f"epoch {self.epoch} has no batches",
                    "the loader is empty, or can be read only once: give a DataLoader",
                )
            self.epoch, self._taken, self._passed, self._parts = self.epoch + 1, 0, 0, None

    @property
    def ended(self) -> bool:
        """Whether this epoch has been read to its end; never where its length is not known."""
        return self._taken > 0 and self._taken == self._groups

    def whole(self, epoch: int) -> Iterator[Any]:
        """All batches of an epoch; where the feed stands does not change."""
        state = self.state_dict()
        self.epoch, self._taken, self._passed, self._resumed = epoch, 0, 0, None
        self._parts = None
        try:
            for part in self._begin():
                yield from part
        finally:
            self._parts = None
            self.load_state_dict(state)

    def state_dict(self) -> dict[str, Any]:
        """Where the consumer stands."""
        if self._parts is None and self._resumed is not None:
            return dict(self._resumed)
        return {
            "epoch": self.epoch,
            "taken": self._taken,
            "passed": self._passed,
            "groups": self._groups,
            "generator": self._generator,
            "position": self._position() if self._parts is not None else None,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there. Raises UsageError for a state of another loader."""
        self.epoch, self._taken = int(state["epoch"]), int(state["taken"])
        self._passed, self._parts, self._groups = int(state["passed"]), None, state["groups"]
        self._generator, self._resumed = state["generator"], dict(state)

    # -- within an epoch --------------------------------------------------------------------------

    def _begin(self) -> Iterator[list[Any]]:
        """The parts of this epoch (a batch, or a bucketed step) after those passed already."""
        resumed, self._resumed = self._resumed, None
        middle = resumed is not None and self._passed > 0
        own = getattr(self.loader, "generator", None)
        if isinstance(own, torch.Generator):
            if resumed is not None and isinstance(resumed["generator"], Tensor):
                own.set_state(resumed["generator"])
            self._generator = own.get_state()
        go_to(self.loader, self.epoch)
        position = resumed["position"] if resumed is not None and middle else None
        if position is not None:
            self.loader.load_state_dict(position)  # type: ignore[attr-defined] # a Loader's
        self._groups = self.groups()
        reseed(self.seed, "epoch", self.epoch)
        parts = self._iterate()
        if middle and position is None:
            for at in range(self._passed):
                reseed(self.seed, "data", self.epoch, at)
                if next(parts, None) is None:
                    raise UsageError(
                        f"the loader gives {at} batches, and {self._passed} were read already",
                        "resume with the same data and batch size",
                    )
        return parts

    def _position(self) -> dict[str, Any] | None:
        return self.loader.state_dict() if isinstance(self.loader, Loader) else None

    def _iterate(self) -> Iterator[list[Any]]:
        if isinstance(self.loader, Loader):
            # The weights of a step's batches go by what the objective counts, not by the sampler's.
            return ([batch for batch, _ in step] for step in self.loader.steps())
        return ([batch] for batch in self.loader)


def go_to(loader: Any, epoch: int) -> None:
    """Put a loader to the beginning of an epoch, if it knows them."""
    turned = loader if hasattr(loader, "set_epoch") else _sampler(loader)
    if hasattr(turned, "set_epoch"):
        turned.set_epoch(epoch)


def _sampler(loader: Any) -> Any:
    """What chooses the order, if it has a protocol: datacheck's, or DistributedSampler's."""
    if isinstance(loader, Loader):
        return loader.sampler_
    if isinstance(loader, DataLoader):
        for sampler in (loader.batch_sampler, loader.sampler):
            if hasattr(sampler, "set_epoch"):
                return sampler
    return None


def to_device(batch: Any, device: torch.device) -> Any:
    """A batch on ``device``: whatever has ``to``, and tuples, lists and mappings of such."""
    if device.type == "cpu" and not isinstance(batch, Tensor):
        # Batches are made on the CPU; what was put elsewhere on purpose stays there.
        return batch
    if hasattr(batch, "to"):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, Mapping):
        return {name: to_device(part, device) for name, part in batch.items()}
    if isinstance(batch, tuple | list):
        moved = [to_device(part, device) for part in batch]
        return type(batch)(*moved) if hasattr(batch, "_fields") else type(batch)(moved)
    return batch
