"""What is drawn: the splits of a dataset, and what an audit has to be told of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from datacheck.errors import UsageError

if TYPE_CHECKING:
    from datacheck.findings import Report
    from datacheck.testing.faults import Chain, Fault, Planted

SHOWN = 10


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """A dataset: frames by the names of their splits, in order, and its roles.

    ``settings`` are what :func:`datacheck.audit` is told: ``label``, ``group``, ``time``, ``id``,
    ``task``, as far as there are such.
    """

    frames: Mapping[str, pl.DataFrame]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def train(self) -> pl.DataFrame:
        """The first split."""
        return next(iter(self.frames.values()))

    @property
    def test(self) -> pl.DataFrame:
        """The last split."""
        return list(self.frames.values())[-1]

    @property
    def label(self) -> str | None:
        """The name of the label, or None."""
        found = self.settings.get("label")
        return None if found is None else str(found)

    @property
    def features(self) -> list[str]:
        """The columns of train that have no role."""
        roles = {r for v in self.settings.values() for r in ((v,) if isinstance(v, str) else v)}
        return [c for c in self.train.columns if c not in roles]

    def audit(self, **settings: Any) -> Report:
        """An audit; ``settings`` override those of the dataset."""
        from datacheck.auditing import audit

        return audit(dict(self.frames), settings={**self.settings, **settings})

    def plant(
        self, fault: Fault | Chain | str, severity: float | None = None, rng: int = 0
    ) -> Planted:
        """The first and the last split with a fault (itself, or its name) in them.

        Raises UsageError without a label, and where the data have no room for the fault.
        """
        from datacheck.testing.faults import find

        if self.label is None:
            raise UsageError("the dataset has no label", "draw it with label='classification'")
        chosen = find(fault) if isinstance(fault, str) else fault
        return chosen(self.train, self.test, self.label, severity, rng)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return iter(self.frames.values())

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # as Hypothesis prints counterexamples

    def __repr__(self) -> str:
        parts = [f"{name}={_shown(frame)}" for name, frame in self.frames.items()]
        return f"Tables({', '.join([*parts, *(f'{k}={v!r}' for k, v in self.settings.items())])})"


def _shown(frame: pl.DataFrame) -> str:
    """The cells of a small frame, the shape of a large one."""
    if frame.height <= SHOWN:
        return f"pl.DataFrame({frame.to_dict(as_series=False)})"
    return f"<{frame.height} rows × {frame.width} columns: {', '.join(frame.columns)[:200]}>"
