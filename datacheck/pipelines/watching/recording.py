"""An epoch of a loader, watched: which rows came in which batch, from which worker, how padded.

A DataLoader over a map-style dataset is rebuilt around a dataset that tells its indices; of any
other iterable rows are known by their addresses (datacheck's batches) or by their content.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from datacheck.pipelines.collate import Batch
from datacheck.pipelines.guard import Guard
from datacheck.pipelines.loader import Loader
from datacheck.pipelines.watching.batch_parts import label_field, parts_of
from datacheck.types import Hashes, Ints

FETCHES = 16  # of a worker, whose random states are looked at
DEPTH = 4  # how deep generators are looked for in a dataset
MASKS = ("mask", "attention_mask")
By = Literal["index", "address", "content"]


@dataclass(slots=True)
class State:
    """Random generators of a worker before and after a fetch: name → fingerprint."""

    worker: int
    before: dict[str, str]
    after: dict[str, str]


@dataclass(slots=True)
class Epoch:
    """What a loader yielded: for each batch the rows (int64, shape (n,)), and labels if any.

    ``by`` says what the numbers of the rows are: places in the dataset, addresses, or hashes of
    the content. ``addresses`` are there where batches carry them. ``tokens`` and ``padded`` are
    totals (0 where nothing is padded). ``whole`` is false where it was stopped before the end.
    """

    by: By
    rows: list[Ints] = field(default_factory=list)
    addresses: list[Ints] = field(default_factory=list)
    labels: list[Ints] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    tokens: int = 0
    padded: int = 0
    whole: bool = True

    @property
    def order(self) -> Ints:
        """All rows in the order they came."""
        return np.concatenate(self.rows) if self.rows else np.zeros(0, dtype=np.int64)

    def see(self, batch: Any) -> None:
        """Labels and padding of a batch."""
        if isinstance(batch, Batch):
            self.addresses.append(batch.rows.numpy().astype(np.int64))
        labels = labels_of(batch)
        if labels is not None:
            self.labels.append(labels)
        tokens, padded = padding_of(batch)
        self.tokens += tokens
        self.padded += padded


@dataclass(slots=True)
class _Told:
    index: Any
    item: Any
    state: State | None


@dataclass(slots=True)
class _Delivered:
    rows: Ints
    batch: Any
    states: list[State]


def watch(loader: Any, *, batches: int = 0) -> Epoch:
    """One epoch of a loader (``batches``: at most so many of it)."""
    inner = unwrapped(loader)
    if isinstance(inner, DataLoader) and not isinstance(inner.dataset, IterableDataset):
        epoch = Epoch("index")
        for number, told in enumerate(_recording(inner)):
            if batches and number == batches:
                epoch.whole = False
                break
            epoch.rows.append(told.rows)
            epoch.states += told.states
            epoch.see(told.batch)
        return epoch
    epoch = Epoch("content")
    for number, batch in enumerate(inner):
        if batches and number == batches:
            epoch.whole = False
            break
        if isinstance(batch, Batch):
            epoch.by = "address"
            epoch.rows.append(batch.rows.numpy().astype(np.int64))
        else:
            epoch.rows.append(content(batch).view(np.int64))
        epoch.see(batch)
    return epoch


def unwrapped(loader: Any) -> Any:
    """The loader within guards."""
    while isinstance(loader, Guard):
        loader = loader.loader
    return loader


def content(batch: Any) -> Hashes:
    """A hash of each row of a batch, uint64 of shape (rows,); padding with 0 changes nothing.

    A multilinear hash (Carter & Wegman 1979) of the numbers as float64, by field.
    """
    total: Hashes | None = None
    for i, tensor in enumerate(parts_of(batch).values()):
        flat = tensor.detach().cpu().reshape(tensor.shape[0], -1).to(torch.float64).numpy()
        bits = np.ascontiguousarray(flat + 0.0).view(np.uint64)
        odd = np.random.Generator(np.random.Philox(i)).integers(
            0, 1 << 63, size=bits.shape[1], dtype=np.uint64
        )
        # The high half of a product mod 2^64 is the well-mixed one: fold it into the low.
        product = (bits ^ (bits >> np.uint64(29))) * (odd * np.uint64(2) + np.uint64(1))
        mixed = (product ^ (product >> np.uint64(32))).sum(axis=1, dtype=np.uint64)
        total = mixed if total is None else total * np.uint64(0x9E3779B97F4A7C15) + mixed
    assert total is not None
    return total


def labels_of(batch: Any) -> Ints | None:
    """The classes of a batch, int64 of shape (rows,), where it plainly has some."""
    name = label_field(batch)
    return parts_of(batch)[name].detach().cpu().numpy().astype(np.int64) if name else None


def padding_of(batch: Any) -> tuple[int, int]:
    """(real, padded) items of a batch; zeros where nothing tells."""
    if isinstance(batch, Batch):
        return (batch.tokens, batch.padded) if batch.sequences else (0, 0)
    if isinstance(batch, Mapping):
        for name in MASKS:
            mask = batch.get(name)
            if isinstance(mask, torch.Tensor) and mask.ndim == 2:
                return int(mask.sum()), mask.numel()
    return 0, 0


def _recording(loader: DataLoader[Any]) -> Iterator[_Delivered]:
    """The same loader around a dataset that tells what is fetched."""
    batched = callable(getattr(loader.dataset, "__getitems__", None))
    options: dict[str, Any] = {
        "num_workers": loader.num_workers,
        "collate_fn": _Collate(loader.collate_fn),
        "timeout": loader.timeout,
        "worker_init_fn": loader.worker_init_fn,
        "multiprocessing_context": loader.multiprocessing_context,
        "generator": loader.generator,
    }
    if loader.num_workers:
        options["prefetch_factor"] = loader.prefetch_factor
    if loader.batch_sampler is not None:
        # Ours counts what a consumer gets; of the sampler within, epochs go on by themselves.
        inner = loader.sampler_ if isinstance(loader, Loader) else loader.batch_sampler
        options["batch_sampler"] = inner
    else:
        options |= {"batch_size": None, "sampler": loader.sampler}
    recorder: Any = (_BatchRecorder if batched else _Recorder)(loader.dataset)
    yield from DataLoader(recorder, **options)


class _Recorder:
    """A dataset that hands out its items with their index and the random states."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self.fetches = 0

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: Any) -> _Told:
        return self._fetch(index, self.dataset.__getitem__)

    def _fetch(self, index: Any, fetch: Any) -> _Told:
        if self.fetches >= FETCHES:
            return _Told(index, fetch(index), None)
        self.fetches += 1
        before = random_states(self.dataset)
        item = fetch(index)
        worker = get_worker_info()
        number = 0 if worker is None else worker.id
        return _Told(index, item, State(number, before, random_states(self.dataset)))


class _BatchRecorder(_Recorder):
    def __getitems__(self, indices: Any) -> _Told:
        return self._fetch(indices, self.dataset.__getitems__)


class _Collate:
    def __init__(self, collate: Any) -> None:
        self.collate = collate

    def __call__(self, got: _Told | Sequence[_Told]) -> _Delivered:
        told = [got] if isinstance(got, _Told) else list(got)
        items = got.item if isinstance(got, _Told) else [t.item for t in told]
        rows = np.concatenate([np.atleast_1d(np.asarray(t.index, dtype=np.int64)) for t in told])
        states = [t.state for t in told if t.state is not None]
        return _Delivered(rows, self.collate(items), states)


def random_states(dataset: Any) -> dict[str, str]:
    """Fingerprints of the random generators that a dataset may draw from, by name."""
    out = {
        "numpy.random": _print(np.random.get_state()),  # noqa: NPY002 - the one that people use
        "random": _print(random.getstate()),
        "torch": _print(torch.get_rng_state().numpy().tobytes()),
    }
    for name, generator in generators(dataset):
        if isinstance(generator, np.random.Generator):
            out[name] = _print(generator.bit_generator.state)
        elif isinstance(generator, np.random.RandomState):
            out[name] = _print(generator.get_state())
        elif isinstance(generator, random.Random):
            out[name] = _print(generator.getstate())
        else:
            out[name] = _print(generator.get_state().numpy().tobytes())
    return out


_KINDS = (np.random.Generator, np.random.RandomState, random.Random, torch.Generator)


def generators(thing: Any, name: str = "dataset", depth: int = DEPTH) -> Iterator[tuple[str, Any]]:
    """Generators that an object keeps, in its attributes and theirs, with their names."""
    if isinstance(thing, _KINDS):
        yield name, thing
        return
    if depth == 0 or isinstance(thing, torch.Tensor | np.ndarray | str | bytes | type):
        return
    if isinstance(thing, list | tuple):
        items: Iterable[tuple[Any, Any]] = [(f"[{i}]", v) for i, v in enumerate(thing[:50])]
    elif isinstance(thing, dict):
        items = [(f"[{k!r}]", v) for k, v in list(thing.items())[:50]]
    else:
        items = [(f".{k}", v) for k, v in list(getattr(thing, "__dict__", {}).items())[:100]]
    for key, value in items:
        yield from generators(value, f"{name}{key}", depth - 1)


def _print(state: Any) -> str:
    shown = state if isinstance(state, bytes) else _plain(state).encode()
    return hashlib.sha256(shown).hexdigest()[:16]


def _plain(state: Any) -> str:
    """The whole state as text; arrays are not cut short, as their own text is."""
    if isinstance(state, np.ndarray):
        return state.tobytes().hex()
    if isinstance(state, dict):
        return repr({k: _plain(v) for k, v in state.items()})
    if isinstance(state, tuple | list):
        return repr([_plain(v) for v in state])
    return repr(state)
