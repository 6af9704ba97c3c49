"""What ``guard`` looks at in a tensor: bounds in two reductions, culprits, scale."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from datacheck.findings import names
from datacheck.pipelines.profile import FieldProfile, other_axes

WINDOW, SETTLED = 256, 1024  # numbers of a feature to judge its scale by: at first, and well
TIMES, GROSS = 3.0, 10.0  # how many times off a scale is, in most features, to be told
SURE = 6.0  # standard errors
KEPT = 10_000  # rows that a violation names


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
class Check:
    """A field's bounds as tensors of its own type, and what was summed up for its scale."""

    known: FieldProfile | None
    low: Tensor
    high: Tensor
    seen: Tensor | None
    center: Tensor
    sums: list[Tensor] = field(default_factory=list)
    count: int = 0
    look: int = WINDOW


def prepare(known: FieldProfile | None, tensor: Tensor, margin: float) -> Check:
    """The bounds of a field for tensors of one type, on one device."""
    kind, device = tensor.dtype, tensor.device
    limits = torch.finfo(kind) if kind.is_floating_point else torch.iinfo(kind)
    if known is None or known.dtype not in ("", str(kind)):
        most = [torch.tensor(v, dtype=kind, device=device) for v in (limits.min, limits.max, 0)]
        return Check(known, most[0], most[1], None, most[2])
    room = (known.high - known.low) * margin
    room = np.where(room == 0, margin * np.maximum(np.abs(known.high), 1.0), room)
    low, high = known.low - room, known.high + room
    if known.seen is not None:
        low, high = np.zeros(1), np.array([known.seen.size - 1.0])
    elif known.padded:
        low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    elif not kind.is_floating_point:
        low = np.where(known.low >= 0, 0.0, low)  # codes and counts are never negative
        if not known.trailing:  # indices and lengths go on where train ended
            high = np.full(1, float(limits.max))
    slack = 1e-6 * np.maximum(np.abs(low), np.abs(high)) if kind.is_floating_point else 0.0
    top = float(limits.max)
    if not kind.is_floating_point:
        top = min(top, 2.0**62)  # float64 rounds the largest int64 up, out of it
    bounds = [np.clip(v, max(float(limits.min), -top), top) for v in (low - slack, high + slack)]
    return Check(
        known,
        torch.as_tensor(bounds[0], device=device).to(kind),
        torch.as_tensor(bounds[1], device=device).to(kind),
        None if known.seen is None else torch.as_tensor(known.seen, device=device),
        torch.as_tensor(known.mean, device=device).to(kind),
    )


def _axis(check: Check) -> int | None:
    return None if check.known is None or check.low.numel() == 1 else check.known.axis


def is_fine(check: Check, tensor: Tensor) -> bool:
    """Whether all numbers are finite and within bounds: NaN is within none."""
    axes = other_axes(tensor.ndim, _axis(check))
    least, most = torch.amin(tensor, axes), torch.amax(tensor, axes)
    if not bool(((least >= check.low) & (most <= check.high)).all()):
        return False
    return check.seen is None or bool(check.seen[tensor].all())


def culprits(
    check: Check, name: str, tensor: Tensor, number: int, addresses: Tensor | None
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
    check: Check,
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


def watch_scale(check: Check, tensor: Tensor) -> str:
    """Add a batch to what is known of the field's scale; what is wrong with it, '' if nothing.

    It is judged at 256 numbers a feature, and whenever there are twice as many again. Up to 1,024
    only gross differences count: evaluation comes in order, and an hour of it, or a class, is
    not like the whole.
    """
    known = check.known
    if known is None or known.padded or not tensor.is_floating_point():
        check.count = SETTLED
        return ""
    axis = _axis(check)
    axes = other_axes(tensor.ndim, axis)
    shape = [1] * tensor.ndim
    if axis is not None:
        shape[axis] = -1
    off = tensor - check.center.reshape(shape)
    new = [off.sum(axes).double(), (off * off).sum(axes).double()]
    check.sums = [a + b for a, b in zip(check.sums, new, strict=True)] if check.sums else new
    check.count += tensor.numel() // max(check.center.numel(), 1)
    if check.count < check.look:
        return ""
    check.look = 2 * check.count
    return judge_scale(check, GROSS if check.count < SETTLED else TIMES)


def judge_scale(check: Check, times: float = TIMES) -> str:
    """What is wrong with the scale of all that was seen; '' where nothing is, or little came."""
    known, n = check.known, check.count
    if known is None or not check.sums or n < WINDOW:
        return ""
    m1, m2 = (s.cpu().numpy().reshape(-1) / n for s in check.sums)
    varies = known.sd > 0
    if not varies.any():
        return ""
    sd, kurtosis = known.sd[varies], known.kurtosis[varies]
    m1, var = np.abs(m1[varies]), np.maximum(m2 - m1**2, 0.0)[varies]
    ratio = np.sqrt(var) / sd
    # Cramér (1946): the variance of n draws has the standard error σ² √((kurtosis − 1) / n).
    chance = SURE * np.sqrt(np.maximum(kurtosis - 1, 0.1) / n)
    wide = ((ratio > times) | (ratio < 1 / times)) & (np.abs(ratio**2 - 1) > chance)
    away = (m1 > times * sd) & (m1 > SURE * sd / np.sqrt(n))
    hit = np.count_nonzero(wide | away)
    if 2 * hit <= ratio.size:
        return ""
    middle = float(np.median(ratio))
    as_if = "as if it were scaled twice" if middle < 1 else "as if it were not scaled"
    return (
        f"has another scale than train in {hit} of {ratio.size} features: "
        f"spread × {middle:.3g}, mean off by {float(np.median(m1 / sd)):.3g} sd, {as_if}"
    )
