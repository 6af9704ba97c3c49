"""``guard``: batches are checked as they pass, for a few microseconds each.

Two reductions and a comparison say that a tensor is finite and within bounds; only where that
fails is the culprit looked for. Wrap the loader, before batches go to an accelerator: a check
there would wait for the device in each step.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from datacheck.errors import DatacheckError, UsageError
from datacheck.findings import names
from datacheck.pipelines.collate import Batch
from datacheck.pipelines.profile import FieldProfile, Profile, other_axes, parts_of

OnViolation = Literal["raise", "warn", "quarantine"]
WINDOW = 256  # numbers of a feature that its scale is judged by, at least
EVERY = 8  # batches, of which one is looked at for its scale after the first window
TIMES = 3.0  # a scale this many times off, in most features, is no chance
SURE = 6.0  # standard errors
KEPT = 10_000  # rows that a guard remembers


class BatchError(DatacheckError):
    """A batch that violates the profile; ``violations`` say how."""

    def __init__(self, violations: list[Violation]) -> None:
        self.violations = violations
        super().__init__(str(violations[0]), violations[0].hint)


class BatchWarning(UserWarning):
    """The same, told and let pass."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something wrong in one field of one batch.

    ``kind`` is ``non-finite``, ``range``, ``unseen class``, ``scale``, ``dtype`` or ``shape``.
    ``batch`` counts from 0 in the epoch. ``rows`` are the addresses of the rows where batches
    carry them, else places in the batch; all of the batch where empty.
    """

    kind: str
    field: str
    batch: int
    rows: tuple[int, ...]
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"batch {self.batch}: {self.message}"


@dataclass(slots=True)
class _Check:
    """A field's bounds as tensors of its own type, and what was summed up for its scale."""

    known: FieldProfile | None
    low: Tensor
    high: Tensor
    seen: Tensor | None
    center: Tensor
    sums: list[Tensor] = field(default_factory=list)
    count: int = 0
    judged: bool = False


class Guard:
    """The wrapped loader: iterate it in the loader's place; all else is passed on to the loader.

    ``violations`` are those of the current epoch (the last, when it has ended), ``quarantined``
    those whose rows were taken out, ``rows_out`` how many rows that were since the beginning.
    """

    def __init__(
        self,
        loader: Iterable[Any],
        profile: Profile | None,
        on_violation: OnViolation,
        margin: float,
    ) -> None:
        if on_violation not in ("raise", "warn", "quarantine"):
            raise UsageError(
                f"on_violation is {on_violation!r}", "it is 'raise', 'warn' or 'quarantine'"
            )
        self.loader, self.profile, self.on_violation = loader, profile, on_violation
        self.margin = margin
        self.violations: list[Violation] = []
        self.quarantined: list[Violation] = []
        self.rows_out = 0
        self._checks: dict[tuple[str, torch.dtype, torch.device], _Check] = {}
        self._told: set[tuple[str, str]] = set()

    def __len__(self) -> int:
        return len(self.loader)  # type: ignore[arg-type] # where the loader has a length

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "loader":
            raise AttributeError(name)
        return getattr(self.loader, name)

    def __iter__(self) -> Iterator[Any]:
        self.violations = []
        self._checks.clear()
        for number, batch in enumerate(self.loader):
            found = self.check(batch, number)
            if not found:
                yield batch
            elif (kept := self._act(batch, found)) is not None:
                yield kept

    def check(self, batch: Any, number: int = 0) -> list[tuple[Violation, Tensor | None]]:
        """What is wrong with a batch, with a mask of the rows it is about (None: all)."""
        found: list[tuple[Violation, Tensor | None]] = []
        for name, tensor in parts_of(batch).items():
            check = self._check_of(name, tensor)
            if not tensor.numel():
                continue
            wrong = self._whole(check, tensor)
            if wrong:
                kind, message = wrong
                told = f"{name} {message}"
                found.append((Violation(kind, name, number, (), told), None))
                continue
            if not _fine(check, tensor):
                found += _culprits(check, name, tensor, number, _addresses(batch))
            elif number % EVERY == 0 or not check.judged:
                said = _scale(check, tensor)
                if said:
                    hint = "apply to it the pipeline that was fitted on train, once"
                    told = f"{name} {said}"
                    found.append((Violation("scale", name, number, (), told, hint), None))
        return found

    def _check_of(self, name: str, tensor: Tensor) -> _Check:
        key = (name, tensor.dtype, tensor.device)
        check = self._checks.get(key)
        if check is None:
            known = self.profile.fields.get(name) if self.profile is not None else None
            check = self._checks[key] = _check(known, tensor, self.margin)
        return check

    def _whole(self, check: _Check, tensor: Tensor) -> tuple[str, str] | None:
        """A type or shape that train did not have."""
        known = check.known
        if known is None:
            return None
        if known.dtype and str(tensor.dtype) != known.dtype:
            return "dtype", f"is {tensor.dtype}, in train it was {known.dtype}"
        want = known.trailing
        if tensor.ndim - 1 != len(want) or any(
            w not in (-1, s) for w, s in zip(want, tensor.shape[1:], strict=True)
        ):
            if known.padded and tensor.ndim - 1 == len(want):
                return None
            shown = ["rows", *("any" if w < 0 else str(w) for w in want)]
            return "shape", f"has shape {tuple(tensor.shape)}, in train ({', '.join(shown)})"
        return None

    def _act(self, batch: Any, found: list[tuple[Violation, Tensor | None]]) -> Any | None:
        told = [violation for violation, _ in found]
        self.violations += told[: max(KEPT - len(self.violations), 0)]
        if self.on_violation == "raise":
            raise BatchError(told)
        if self.on_violation == "warn":
            for one in told:
                if (one.kind, one.field) not in self._told:
                    self._told.add((one.kind, one.field))
                    warnings.warn(str(one), BatchWarning, stacklevel=3)
            return batch
        self.quarantined += told[: max(KEPT - len(self.quarantined), 0)]
        rows = next(iter(parts_of(batch).values())).shape[0]
        bad = torch.zeros(rows, dtype=torch.bool)
        for _, mask in found:
            bad |= torch.ones_like(bad) if mask is None else mask.cpu()
        out = int(bad.sum())
        self.rows_out += out
        return None if out == rows else _select(batch, ~bad, rows)


def guard(
    loader: Iterable[Any],
    profile: Profile | None = None,
    on_violation: OnViolation = "raise",
    *,
    margin: float = 1.0,
) -> Guard:
    """Check each batch of a loader: finite, within the range and scale of train, known classes.

    ``profile`` is :meth:`Profile.fit` of train; without one only finiteness is checked. A value
    violates the range where it lies more than ``margin`` × (max − min) of train outside, a scale
    where most features' spread is a third or thrice that of train (or their mean 3 standard
    deviations away), beyond chance: data that was not scaled, or scaled twice. On a violation
    the guard raises :class:`BatchError`, warns (once for each field and kind), or quarantines:
    takes the rows out of the batch, remembers them, and lets the rest pass.

    Works with any iterable of tensors, tuples or mappings of them, and with datacheck's batches.
    Raises UsageError for batches that hold no tensors.
    """
    return Guard(loader, profile, on_violation, margin)


def _check(known: FieldProfile | None, tensor: Tensor, margin: float) -> _Check:
    kind, device = tensor.dtype, tensor.device
    limits = torch.finfo(kind) if kind.is_floating_point else torch.iinfo(kind)
    if known is None or known.dtype not in ("", str(kind)):
        most = [torch.tensor(v, dtype=kind, device=device) for v in (limits.min, limits.max, 0)]
        return _Check(known, most[0], most[1], None, most[2])
    room = (known.high - known.low) * margin
    room = np.where(room == 0, margin * np.abs(known.high), room)
    low, high = known.low - room, known.high + room
    if known.seen is not None:
        low, high = np.zeros(1), np.array([known.seen.size - 1.0])
    elif known.padded:
        low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    elif not kind.is_floating_point:
        low = np.where(known.low >= 0, 0.0, low)  # codes and counts are never negative
    slack = 1e-6 * np.maximum(np.abs(low), np.abs(high)) if kind.is_floating_point else 0.0
    bounds = [np.clip(v, limits.min, limits.max) for v in (low - slack, high + slack)]
    return _Check(
        known,
        torch.as_tensor(bounds[0], device=device).to(kind),
        torch.as_tensor(bounds[1], device=device).to(kind),
        None if known.seen is None else torch.as_tensor(known.seen, device=device),
        torch.as_tensor(known.mean, device=device).to(kind),
    )


def _axis(check: _Check) -> int | None:
    return None if check.known is None or check.low.numel() == 1 else check.known.axis


def _fine(check: _Check, tensor: Tensor) -> bool:
    """Whether all numbers are finite and within bounds: NaN is within none."""
    axes = other_axes(tensor.ndim, _axis(check))
    least, most = torch.amin(tensor, axes), torch.amax(tensor, axes)
    if not bool(((least >= check.low) & (most <= check.high)).all()):
        return False
    return check.seen is None or bool(check.seen[tensor].all())


def _culprits(
    check: _Check, name: str, tensor: Tensor, number: int, addresses: Tensor | None
) -> list[tuple[Violation, Tensor | None]]:
    """Which rows and features it is, by kind; slow, and only after a failure."""
    axis = _axis(check)
    shape = [1] * tensor.ndim
    if axis is not None:
        shape[axis] = -1
    low, high = check.low.reshape(shape), check.high.reshape(shape)
    finite = torch.isfinite(tensor)
    outside = finite & ((tensor < low) | (tensor > high))
    kinds = [("non-finite", ~finite), ("range", outside)]
    if check.seen is not None:
        inside = ~outside
        unseen = torch.zeros_like(inside)
        unseen[inside] = ~check.seen[tensor[inside]]
        kinds = [("unseen class", outside | unseen)]
    out: list[tuple[Violation, Tensor | None]] = []
    for kind, cells in kinds:
        if not bool(cells.any()):
            continue
        rows = cells.reshape(cells.shape[0], -1).any(dim=1)
        at = rows.nonzero().flatten().cpu()
        where = (at if addresses is None else addresses[at]).tolist()
        message, hint = _told(check, name, tensor, cells, kind, axis, len(at))
        out.append((Violation(kind, name, number, tuple(where[:KEPT]), message, hint), rows))
    return out


def _told(
    check: _Check,
    name: str,
    tensor: Tensor,
    cells: Tensor,
    kind: str,
    axis: int | None,
    rows: int,
) -> tuple[str, str]:
    value = f"{tensor[cells].flatten()[0].item():.6g}"
    which, hint = name, ""
    if axis is not None:
        hit = cells.any(dim=other_axes(cells.ndim, axis)[0]) if cells.ndim == 2 else None
        if hit is not None:
            at = hit.nonzero().flatten().tolist()
            known = check.known.names if check.known is not None else ()
            which = f"{name}[{names((known[i] if known else str(i) for i in at), 3)}]"
            if kind == "range" and 2 * len(at) > hit.numel() > 1:
                hint = "most features at once: is it scaled as train was?"
    share = f"in {rows} of {tensor.shape[0]} rows"
    if kind == "non-finite":
        return f"{which} holds {value} {share}", "datacheck fix DATA -o CLEAN mends the data"
    if kind == "unseen class":
        return f"{which} holds {value}, which train does not, {share}", "look at the split"
    return f"{which} holds {value}, far outside the range of train, {share}", hint


def _scale(check: _Check, tensor: Tensor) -> str:
    """What is wrong with the scale of the rows so far; '' where nothing is, or too few came."""
    known = check.known
    if known is None or known.padded or not tensor.is_floating_point():
        check.judged = True
        return ""
    axis = _axis(check)
    axes = other_axes(tensor.ndim, axis)
    shape = [1] * tensor.ndim
    if axis is not None:
        shape[axis] = -1
    off = tensor - check.center.reshape(shape)
    new = [off.sum(axes), (off * off).sum(axes)]
    check.sums = [a + b for a, b in zip(check.sums, new, strict=True)] if check.sums else new
    check.count += tensor.numel() // max(check.center.numel(), 1)
    if check.count < WINDOW:
        return ""
    m1, m2 = (s.double().cpu().numpy().reshape(-1) / check.count for s in check.sums)
    n, check.sums, check.count, check.judged = check.count, [], 0, True
    varies = known.sd > 0
    if not varies.any():
        return ""
    sd, kurtosis = known.sd[varies], known.kurtosis[varies]
    m1, var = m1[varies], np.maximum(m2 - m1**2, 0.0)[varies]
    ratio = np.sqrt(var) / sd
    # Cramér (1946): the variance of n draws has the standard error σ² √((kurtosis − 1) / n).
    chance = SURE * np.sqrt(np.maximum(kurtosis - 1, 0.1) / n)
    wide = ((ratio > TIMES) | (ratio < 1 / TIMES)) & (np.abs(ratio**2 - 1) > np.minimum(chance, 1))
    # A spread of 0 is sure only where chance could not make it: rare indicators have it often.
    wide &= (ratio > 1) | (chance < 1)
    away = (np.abs(m1) > TIMES * sd) & (np.abs(m1) > SURE * sd / np.sqrt(n))
    if 2 * np.count_nonzero(wide | away) <= ratio.size:
        return ""
    middle = float(np.median(ratio))
    as_if = "as if it were scaled twice" if middle < 1 else "as if it were not scaled"
    hit = np.count_nonzero(wide | away)
    return (
        f"has another scale than train in {hit} of {ratio.size} features: "
        f"spread × {middle:.3g}, mean off by {float(np.median(np.abs(m1) / sd)):.3g} sd, {as_if}"
    )


def _addresses(batch: Any) -> Tensor | None:
    return batch.rows.cpu() if isinstance(batch, Batch) else None


def _select(batch: Any, keep: Tensor, rows: int) -> Any:
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
