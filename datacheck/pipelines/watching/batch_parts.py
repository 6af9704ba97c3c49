"""Batches of any make: the tensors in them by name, the label, and some of their rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from datacheck.errors import UsageError
from datacheck.pipelines.collate import Batch

LABELS = ("y", "label", "labels", "target", "targets")


def parts_of(batch: Any) -> dict[str, Tensor]:
    """The tensors of a batch by name. Raises UsageError where it holds none."""
    if isinstance(batch, Batch):
        return _parts(batch)
    if isinstance(batch, Tensor):
        return {"x": batch}
    if isinstance(batch, Mapping):
        items: Iterable[tuple[Any, Any]] = batch.items()
    elif isinstance(batch, tuple | list):
        items = enumerate(batch)
    else:
        items = ()
    out = {
        str(k): v
        for k, v in items
        if isinstance(v, Tensor) and v.ndim and not (v.dtype == torch.bool or v.is_complex())
    }
    if not out:  # masks alone are no batch
        raise UsageError(
            f"a batch of type {type(batch).__name__} holds no tensors",
            "batches are tensors, tuples or mappings of them, or datacheck's own",
        )
    return out


def _parts(batch: Batch) -> dict[str, Tensor]:
    out = {f"sequences.{name}": p.values for name, p in batch.sequences.items()}
    for name in ("x", "categories", "y"):
        tensor = getattr(batch, name)
        if tensor is not None:
            out[name] = tensor
    return out


def label_field(batch: Any) -> str:
    """The field that holds classes, by the usual conventions; '' where none does.

    ``y``, a key that says so, or what comes last of several: whole numbers, one a row.
    """
    name = ""
    if isinstance(batch, Batch):
        name = "y"
    elif isinstance(batch, Mapping):
        name = next((str(k) for k in batch if str(k) in LABELS), "")
    elif isinstance(batch, tuple | list) and len(batch) > 1:
        name = str(len(batch) - 1)
    found = parts_of(batch).get(name)
    return name if found is not None and found.ndim == 1 and not found.is_floating_point() else ""


def is_padded(name: str) -> bool:
    """Whether the field holds padding."""
    return name.startswith("sequences.")


def addresses_of(batch: Any) -> Tensor | None:
    """The rows' addresses, where a batch carries them."""
    return batch.rows.cpu() if isinstance(batch, Batch) else None


def select(batch: Any, keep: Tensor, rows: int) -> Any:
    """The batch with those rows only, as the type it was."""
    if isinstance(batch, Batch):
        return batch.take(keep)

    def of(value: Any) -> Any:
        if isinstance(value, Tensor) and value.ndim and value.shape[0] == rows:
            return value[keep.to(value.device)]
        if isinstance(value, list) and len(value) == rows:
            return [v for v, k in zip(value, keep.tolist(), strict=True) if k]
        return value

    if isinstance(batch, Tensor):
        return of(batch)
    if isinstance(batch, Mapping):
        return {k: of(v) for k, v in batch.items()}
    parts = [of(v) for v in batch]
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*parts)
    return type(batch)(parts)
