"""Rows of a table become one batch of tensors: features, codes, padded sequences, label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datacheck.errors import UsageError
from datacheck.pipelines.storage.ragged import Ragged, Rows
from datacheck.types import Floats, Ints

X, CATEGORIES, Y = "__x__", "__categories__", "__y__"  # columns of an encoded table
IGNORED = -100  # the class index that torch's losses leave out


@dataclass(slots=True, eq=False)
class Padded:
    """Sequences of one column, filled up to the longest.

    ``values`` has shape (batch, longest, …), ``mask`` is bool of shape (batch, longest), true
    where an item is real, and ``lengths`` int64 of shape (batch,).
    """

    values: Tensor
    mask: Tensor
    lengths: Tensor

    def map(self, of: Any) -> Padded:
        """The same with ``of`` applied to each tensor."""
        return Padded(of(self.values), of(self.mask), of(self.lengths))


@dataclass(slots=True, eq=False, repr=False)
class Batch:
    """Rows as tensors; what a table lacks is None.

    ``x`` holds the numbers, float32 of shape (batch, features); ``categories`` their codes, int64
    of shape (batch, columns), 0 for unknown; ``y`` the label, class indices (int64) or numbers
    (float32), shape (batch,); ``rows`` the rows' addresses, int64 of shape (batch,), which stay
    on the host. ``tokens`` counts the real items of all sequences (the rows where there are
    none), ``padded`` the items with padding: host numbers, so that reading them never waits for
    an accelerator. ``left_out`` are rows (address, reason) that could not be read.
    """

    rows: Tensor
    # Tensors, or None; Any, so that a typed training loop needs no assertion in each line.
    x: Any = None
    categories: Any = None
    sequences: Mapping[str, Padded] = field(default_factory=dict)
    y: Any = None
    tokens: int = 0
    padded: int = 0
    left_out: tuple[tuple[int, str], ...] = ()

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    def __repr__(self) -> str:
        """Shapes, not thousands of numbers."""
        held = {"x": self.x, "categories": self.categories, "y": self.y}
        held |= {name: padded.values for name, padded in self.sequences.items()}
        told = [f"{name}: {tuple(t.shape)}" for name, t in held.items() if t is not None]
        return f"Batch({', '.join([f'{len(self)} rows', *told])})"

    def _only(self) -> Padded:
        if not self.sequences:
            raise UsageError("the batch has no sequences", "x and categories hold its features")
        return next(iter(self.sequences.values()))

    @property
    def sequence(self) -> Tensor:
        """The first sequence column, shape (batch, longest)."""
        return self._only().values

    @property
    def mask(self) -> Tensor:
        """Where the first sequence column is real, bool of shape (batch, longest)."""
        return self._only().mask

    @property
    def lengths(self) -> Tensor:
        """Lengths in the first sequence column, int64 of shape (batch,)."""
        return self._only().lengths

    def channels(self) -> Tensor:
        """All sequences of numbers side by side, shape (batch, longest, columns).

        Raises UsageError where a row's sequences differ in length.
        """
        parts = [p for p in self.sequences.values() if p.values.is_floating_point()]
        if not parts or any(not torch.equal(p.lengths, parts[0].lengths) for p in parts):
            raise UsageError(
                "the sequences of a row differ in length" if parts else "no sequences of numbers",
                f"sequences: {', '.join(self.sequences) or 'none'}",
            )
        return torch.stack([p.values for p in parts], dim=-1)

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Batch:
        """The batch on ``device``; ``rows`` stay where they are."""
        return self._map(lambda t: t.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Batch:
        """The batch in page-locked memory; DataLoader calls this."""
        return self._map(lambda t: t.pin_memory())

    def take(self, index: Tensor) -> Batch:
        """Those rows (int64 positions or a bool mask); the padding stays as it is."""
        picked = self._map(lambda t: t[index.to(t.device)])
        rows = self.rows[index.to(self.rows.device)]
        tokens, padded = _counts(picked.sequences, int(rows.shape[0]))
        return replace(picked, rows=rows, tokens=tokens, padded=padded)

    def _map(self, of: Any) -> Batch:
        return replace(
            self,
            x=None if self.x is None else of(self.x),
            categories=None if self.categories is None else of(self.categories),
            sequences={name: p.map(of) for name, p in self.sequences.items()},
            y=None if self.y is None else of(self.y),
        )


@dataclass(frozen=True, slots=True)
class Collate:
    """Makes a :class:`Batch` of the :class:`~datacheck.pipelines.storage.ragged.Rows` of a table.

    ``numbers`` and ``categories`` are the columns (of shape (rows,) or (rows, width)) laid side
    by side; ``sequences`` the columns of lists; integers stay whole and are padded with 0.
    With ``classes`` (ascending, shape (k,)) the label's values become their index; a label that
    is none of them raises UsageError.
    """

    numbers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    sequences: tuple[str, ...] = ()
    label: str = ""
    classes: tuple[float, ...] = ()

    def __call__(self, rows: Rows | Sequence[Rows]) -> Batch:
        """One batch; a list of rows (from a DataLoader that fetches one by one) is joined."""
        got = rows if isinstance(rows, Rows) else join(rows)
        sequences: dict[str, Padded] = {}
        for name in self.sequences:
            lists = got.columns[name]
            assert isinstance(lists, Ragged)
            sequences[name] = pad(lists.values, lists.offsets)
        tokens, padded = _counts(sequences, len(got))
        return Batch(
            rows=torch.from_numpy(got.addresses),
            x=_side_by_side(got, self.numbers, np.float32),
            categories=_side_by_side(got, self.categories, np.int64),
            sequences=sequences,
            y=self._target(got),
            tokens=tokens,
            padded=padded,
        )

    def _target(self, got: Rows) -> Tensor | None:
        if not self.label:
            return None
        values = got.columns[self.label]
        assert not isinstance(values, Ragged)
        if self.classes:
            values = class_indices(np.asarray(values, dtype=np.float64), np.array(self.classes))
        kind = np.float32 if values.dtype.kind == "f" else np.int64
        return torch.from_numpy(values.astype(kind, copy=False))


def pad(values: np.ndarray[Any, Any], offsets: Ints) -> Padded:
    """Lists (all items after each other, and offsets of shape (rows + 1,)) as one tensor.

    Equal to ``torch.nn.utils.rnn.pad_sequence(…, batch_first=True)``, in one assignment instead
    of one a row. Numbers become float32, whole numbers int64.
    """
    lengths = np.diff(offsets)
    longest = int(lengths.max(initial=0))
    mask = np.arange(longest) < lengths[:, None]
    kind = np.float32 if values.dtype.kind == "f" else np.int64
    out = np.zeros((lengths.size, longest, *values.shape[1:]), dtype=kind)
    out[mask] = values
    return Padded(*map(torch.from_numpy, (out, mask, lengths.astype(np.int64))))


def join(rows: Sequence[Rows]) -> Rows:
    """Several rows as one batch. Raises UsageError if there are none."""
    if not rows:
        raise UsageError("no rows to put together", "a batch has at least one row")
    columns: dict[str, np.ndarray[Any, Any] | Ragged] = {}
    for name, first in rows[0].columns.items():
        parts: list[Any] = [r.columns[name] for r in rows]
        if isinstance(first, Ragged):
            lengths = np.concatenate([p.lengths for p in parts])
            offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
            columns[name] = Ragged(np.concatenate([p.values for p in parts]), offsets)
        else:
            columns[name] = np.concatenate(parts)
    return Rows(columns, np.concatenate([r.addresses for r in rows]))


def class_indices(values: Floats, classes: Floats) -> Ints:
    """The place of each value in ``classes`` (ascending). Raises UsageError for one that is not."""
    at = np.searchsorted(classes, values)
    wrong = classes[np.minimum(at, classes.size - 1)] != values
    if wrong.any():
        raise UsageError(
            f"the label holds {values[wrong][0]:g}, which train does not",
            f"classes of train: {', '.join(f'{c:g}' for c in classes[:10])}",
        )
    return at.astype(np.int64)


def _counts(sequences: Mapping[str, Padded], rows: int) -> tuple[int, int]:
    if not sequences:
        return rows, rows
    tokens = sum(int(p.lengths.sum()) for p in sequences.values())
    return tokens, sum(p.mask.numel() for p in sequences.values())


def _side_by_side(got: Rows, columns: tuple[str, ...], kind: Any) -> Tensor | None:
    if not columns:
        return None
    first = got.columns[columns[0]]
    if len(columns) == 1 and not isinstance(first, Ragged) and first.ndim == 2:
        return torch.from_numpy(first.astype(kind, copy=False))
    parts: list[Any] = [got.columns[name] for name in columns]
    width = sum(1 if p.ndim == 1 else p.shape[1] for p in parts)
    out = np.empty((len(got), width), dtype=kind)
    at = 0
    for part in parts:
        step = 1 if part.ndim == 1 else part.shape[1]
        out[:, at : at + step] = part if part.ndim == 2 else part[:, None]
        at += step
    return torch.from_numpy(out)
