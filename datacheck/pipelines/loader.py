"""A DataLoader that can be stopped and resumed exactly, and the loaders of all splits together."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch.utils.data import DataLoader

from datacheck.findings import names
from datacheck.pipelines.collate import Batch

if TYPE_CHECKING:
    from datacheck.pipelines.shared_transform import SharedTransform
    from datacheck.pipelines.storage.encoding import Encoder
    from datacheck.pipelines.storage.tables import Table


class UnreadableWarning(UserWarning):
    """Rows that a loader met and could not read: they are in no batch."""


class Loader(DataLoader[Batch]):
    """A DataLoader that knows where it stands, whatever its workers have fetched ahead.

    ``state_dict()`` tells the batches that were delivered; ``load_state_dict`` goes on after
    them. ``unreadable`` are the rows, by address, that could not be read and why (pictures that
    broke after they were audited); each is also told as an :class:`UnreadableWarning`.
    ``set_epoch`` chooses the order; an epoch that was read to its end is followed by the
    next one by itself.
    """

    def __init__(self, table: Table, sampler: Any, **options: Any) -> None:
        self._noted = Noted(sampler)
        self.unreadable: dict[int, str] = {}
        super().__init__(table, batch_sampler=self._noted, **options)  # type: ignore[arg-type] # a table fetches by batch

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override] # a generator that counts
        for batch in super().__iter__():
            self._noted.delivered()
            if getattr(batch, "left_out", ()):
                self._left_out(batch)
                if not len(batch):
                    continue
            yield batch
        self._noted.ended()

    def _left_out(self, batch: Batch) -> None:
        """Remember and tell rows that could not be read, once each."""
        new = {a: why for a, why in batch.left_out if a not in self.unreadable}
        self.unreadable.update(new)
        if new:
            spell = getattr(self.table, "spell", str)
            told = names([f"{spell(a)} ({why})" for a, why in new.items()])
            count = f"{len(new):,} picture{'s' if len(new) > 1 else ''}"
            warnings.warn(
                f"{count} cannot be read and left out: {told}", UnreadableWarning, stacklevel=3
            )

    @property
    def table(self) -> Table:
        """What the rows come from."""
        table: Any = self.dataset
        found: Table = table
        return found

    @property
    def sampler_(self) -> Any:
        """The batch sampler itself."""
        return self._noted.sampler

    def steps(
        self, *, by: Literal["tokens", "rows"] = "tokens"
    ) -> Iterator[Iterator[tuple[Batch, float]]]:
        """The batches of an epoch by steps of the optimizer, each with its weight in the step.

        See :meth:`~datacheck.pipelines.bucketing.BucketBatchSampler.steps`; of batches that are
        not bucketed each is a step, with weight 1.
        """
        if hasattr(self.sampler_, "steps"):
            yield from self.sampler_.steps(self, by=by)
        else:
            for batch in self:
                yield iter([(batch, 1.0)])

    def set_epoch(self, epoch: int) -> None:
        """Go to the beginning of an epoch: another order for each, the same one each time."""
        self._noted.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Where the consumer stands."""
        return self._noted.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there, in constant time. Raises UsageError for another loader's state."""
        self._noted.load_state_dict(state)


class Noted:
    """A batch sampler, and how many of its batches the consumer has got: workers fetch ahead."""

    def __init__(self, sampler: Any) -> None:
        self.sampler = sampler
        # What must be the same on resuming; made once: it may take a hash of all lengths.
        self._same = {k: v for k, v in sampler.state_dict().items() if k not in ("epoch", "step")}
        self._epoch, self._step, self._from = int(sampler.epoch), 0, 0
        self._running = False

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[list[int]]:
        if self._running and self.sampler.epoch != self._epoch:
            # The last loop was left early, after workers had fetched the rest of its epoch.
            self.sampler.set_epoch(self._epoch)
        self._running = True
        self._epoch, self._step, self._from = int(self.sampler.epoch), self._from, 0
        yield from self.sampler

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "sampler":  # while it is being unpickled
            raise AttributeError(name)
        return getattr(self.sampler, name)

    def delivered(self) -> None:
        """The consumer has got the next batch."""
        self._step += 1

    def ended(self) -> None:
        """The consumer has got all of them."""
        self._epoch, self._step, self._running = int(self.sampler.epoch), 0, False

    def state_dict(self) -> dict[str, Any]:
        """The state as of the last batch that was delivered."""
        return {"epoch": self._epoch, "step": self._step, **self._same}

    def set_epoch(self, epoch: int) -> None:
        """Of the sampler."""
        self.sampler.set_epoch(epoch)
        self._epoch, self._step, self._from = int(epoch), 0, 0
        self._running = False

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Of the sampler."""
        self.sampler.load_state_dict(state)
        self._epoch, self._step = int(state["epoch"]), int(state["step"])
        self._from, self._running = self._step, False


class Loaders(dict[str, Loader]):
    """A loader for each split, by name: ``loaders["train"]`` or ``loaders.train``.

    ``classes`` are the label's classes in the order of their indices (strings); empty for
    regression. ``class_weights`` (float32, shape (classes,)) are for the loss where a repair asks
    for them, else None. ``encoder`` says what became of each column, ``notes`` what was assumed
    or left out, ``mapped`` whether the source's own files are read, ``transform`` what pictures go
    through: the same for all splits, and to be saved for serving.
    """

    def __init__(
        self,
        loaders: Mapping[str, Loader],
        *,
        encoder: Encoder,
        train: str,
        class_weights: torch.Tensor | None,
        notes: Sequence[str],
        mapped: bool,
        transform: SharedTransform | None = None,
    ) -> None:
        super().__init__(loaders)
        self.transform = transform
        self.encoder, self.train_name, self.mapped = encoder, train, mapped
        self.class_weights, self.notes = class_weights, list(notes)

    @property
    def classes(self) -> list[str]:
        """Names of the classes, by index."""
        return self.encoder.classes

    def __getattr__(self, name: str) -> Loader:
        if name in self:
            return self[name]
        raise AttributeError(f"no split {name!r}; splits: {', '.join(self)}")

    def __repr__(self) -> str:
        e = self.encoder
        parts = [
            (len(e.numbers), "numbers"),
            (len(e.categories), "categories"),
            (len(e.sequences), "sequences"),
            (len(e.classes), "classes"),
        ]
        told = ", ".join(f"{n} {what}" for n, what in parts if n)
        lines = [f"Loaders({told})"]
        for name, loader in self.items():
            rows, batches = len(loader.table), len(loader)
            lines.append(f"  {name}: {rows:,} rows in {batches:,} batches")
        return "\n".join([*lines, *(f"  note: {n}" for n in self.notes)])

    def set_epoch(self, epoch: int) -> None:
        """Of all loaders."""
        for loader in self.values():
            loader.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader of train stands."""
        return self[self.train_name].state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the loader of train go on from there."""
        self[self.train_name].load_state_dict(state)
