"""``guard``: batches are checked as they pass, for a few microseconds each.

Two reductions and a comparison say that a tensor is finite and within bounds; only where that
fails is the culprit looked for. Wrap the loader, before batches go to an accelerator: a check
there would wait for the device in each step.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import torch
from torch import Tensor

from datacheck.errors import DatacheckError, UsageError
from datacheck.pipelines.profile import Profile
from datacheck.pipelines.watching.batch_checks import (
    SETTLED,
    Check,
    Violation,
    culprits,
    is_fine,
    judge_scale,
    prepare,
    watch_scale,
)
from datacheck.pipelines.watching.batch_parts import addresses_of, parts_of, select

OnViolation = Literal["raise", "warn", "quarantine"]
EVERY = 16  # batches, of which one is looked at for its scale once there were enough
KEPT = 10_000  # violations that a guard remembers


class BatchError(DatacheckError):
    """A batch that violates the profile; ``violations`` say how."""

    def __init__(self, violations: list[Violation]) -> None:
        self.violations = violations
        super().__init__(str(violations[0]), violations[0].hint)


class BatchWarning(UserWarning):
    """The same, told and let pass."""


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
        self._checks: dict[tuple[str, torch.dtype, torch.device], Check] = {}
        self._told: set[tuple[str, str]] = set()

    def __repr__(self) -> str:
        seen = f"{len(self.violations)} violations, {self.rows_out} rows taken out"
        return f"Guard({type(self.loader).__name__}, on_violation={self.on_violation!r}: {seen})"

    def __len__(self) -> int:
        return len(self.loader)  # type: ignore[arg-type] # where the loader has a length

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "loader":
            raise AttributeError(name)
        return getattr(self.loader, name)

    def __iter__(self) -> Iterator[Any]:
        self.violations = []
        self._checks.clear()
        number = -1
        for number, batch in enumerate(self.loader):
            found = self.check(batch, number)
            if not found:
                yield batch
            elif (kept := self._act(batch, found)) is not None:
                yield kept
        self._at_the_end(number)

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
            if not is_fine(check, tensor):
                found += culprits(check, name, tensor, number, addresses_of(batch))
            elif (number % EVERY == 0 or check.count < SETTLED) and (
                said := watch_scale(check, tensor)
            ):
                found.append((_scale(name, number, said), None))
        return found

    def _at_the_end(self, number: int) -> None:
        """The scale of the whole epoch, which no single batch tells."""
        known = {v.field for v in self.violations if v.kind == "scale"}
        found = [
            _scale(name, number, said)
            for (name, _, _), check in self._checks.items()
            if name not in known and (said := judge_scale(check))
        ]
        if found:
            self._tell(found)

    def _check_of(self, name: str, tensor: Tensor) -> Check:
        key = (name, tensor.dtype, tensor.device)
        check = self._checks.get(key)
        if check is None:
            known = self.profile.fields.get(name) if self.profile is not None else None
            check = self._checks[key] = prepare(known, tensor, self.margin)
        return check

    def _whole(self, check: Check, tensor: Tensor) -> tuple[str, str] | None:
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
        self._tell([violation for violation, _ in found])
        if self.on_violation == "warn":
            return batch
        rows = next(iter(parts_of(batch).values())).shape[0]
        bad = torch.zeros(rows, dtype=torch.bool)
        for _, mask in found:
            bad |= torch.ones_like(bad) if mask is None else mask.cpu()
        out = int(bad.sum())
        self.rows_out += out
        return None if out == rows else select(batch, ~bad, rows)

    def _tell(self, told: list[Violation]) -> None:
        """Remember, and raise or warn."""
        self.violations += told[: max(KEPT - len(self.violations), 0)]
        if self.on_violation == "raise":
            raise BatchError(told)
        if self.on_violation == "quarantine":
            self.quarantined += told[: max(KEPT - len(self.quarantined), 0)]
            return
        for one in told:
            if (one.kind, one.field) not in self._told:
                self._told.add((one.kind, one.field))
                warnings.warn(str(one), BatchWarning, stacklevel=4)


def guard(
    loader: Iterable[Any],
    profile: Profile | None = None,
    on_violation: OnViolation = "raise",
    *,
    margin: float = 1.0,
) -> Guard:
    """Check each batch of a loader: finite, within the range and scale of train, known classes.

    ``profile`` is :meth:`Profile.fit` of train; without one only finiteness is checked. A value
    violates the range where it lies more than ``margin`` × (max − min) of train outside; a field
    violates the scale where, over many batches or the whole epoch, most features' spread is a
    third or thrice that of train (or their mean 3 standard deviations away), beyond chance: data
    that was not scaled, or scaled twice. On a violation
    the guard raises :class:`BatchError`, warns (once for each field and kind), or quarantines:
    takes the rows out of the batch, remembers them, and lets the rest pass.

    Works with any iterable of tensors, tuples or mappings of them, and with datacheck's batches.
    Raises UsageError for batches that hold no tensors.
    """
    return Guard(loader, profile, on_violation, margin)


def _scale(name: str, number: int, said: str) -> Violation:
    hint = "apply to it the pipeline that was fitted on train, once"
    return Violation("scale", name, number, (), f"{name} {said}", hint)
