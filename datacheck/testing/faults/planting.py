"""What faults are made of: the fault, what it leaves behind, and chains of faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl

from datacheck.errors import UsageError
from datacheck.testing.faults.tools import classes
from datacheck.types import Ints

if TYPE_CHECKING:
    from datacheck.findings import Report

NONE = np.zeros(0, dtype=np.int64)
EACH = ("train", "test")


@dataclass(frozen=True, slots=True, eq=False)
class Touched:
    """Where a fault is in one split.

    ``rows`` are positions in the frame that came out, int64, ascending; ``columns`` the columns
    whose cells in those rows are not what they were (or that are new, or gone). ``gone`` are
    positions in the frame that went in, of rows that were taken out.
    """

    split: str
    rows: Ints
    columns: tuple[str, ...]
    gone: Ints = field(default_factory=lambda: NONE)


@dataclass(frozen=True, slots=True, eq=False)
class Planted:
    """Two frames with a fault in them, and where it is; ``train, test = planted`` unpacks it.

    ``origin`` has, by split, for each row of the frame that came out its position in the frame of
    that split that went in, int64; −1 for rows that came from elsewhere. ``settings`` are what
    :func:`datacheck.audit` has to be told: the label, and roles or a schema where a fault needs
    them. ``rules`` are the codes of the rules that are to find it.
    """

    train: pl.DataFrame
    test: pl.DataFrame
    touched: tuple[Touched, ...] = ()
    origin: Mapping[str, Ints] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    rules: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return iter((self.train, self.test))

    @property
    def data(self) -> dict[str, pl.DataFrame]:
        """The frames by the names of their splits, as :func:`datacheck.audit` takes them."""
        return {"train": self.train, "test": self.test}

    def rows(self, split: str) -> Ints:
        """Positions of all rows of a split that were touched, int64, ascending."""
        found = [t.rows for t in self.touched if t.split == split]
        return np.unique(np.concatenate(found)) if found else NONE

    def columns(self, split: str) -> tuple[str, ...]:
        """All columns of a split that were touched."""
        return tuple(dict.fromkeys(c for t in self.touched if t.split == split for c in t.columns))

    def audit(self, **settings: Any) -> Report:
        """An audit of the two frames, told what the fault needs; ``settings`` override that."""
        from datacheck.auditing import audit

        return audit(self.data, settings={**self.settings, **settings})


Plant: TypeAlias = Callable[[pl.DataFrame, pl.DataFrame, str, float, np.random.Generator], Planted]
"""``(train, test, label, severity, rng)``, with severity in (0, 1], to what was planted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to go wrong, and the rule that is to find it.

    ``plant`` is the function itself. ``classification`` is true, false, or None where the kind of
    the label does not matter; ``group`` and ``time`` are roles that the audit has to be given,
    because no name can tell them; ``adds`` are columns that are new. ``severity`` is the documented
    one: there, on a few hundred rows of ordinary data, the rule finds the fault. ``related`` are
    further rules of severity *error* that may rightly speak, with the reason.
    """

    name: str
    rule: str
    plant: Plant
    classification: bool | None = None
    group: str | None = None
    time: str | None = None
    adds: tuple[str, ...] = ()
    severity: float = 0.5
    related: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __call__(
        self,
        train: Any,
        test: Any,
        label: str,
        severity: float | None = None,
        rng: np.random.Generator | int = 0,
    ) -> Planted:
        """The two frames with the defect in them, and where it is; the arguments stay as they are.

        ``train`` and ``test`` are frames (Polars, pandas, Arrow) with rows and the label, ``rng``
        a generator or a seed. Raises UsageError for data that the fault cannot be planted in, and
        outside 0 < severity <= 1.
        """
        severity = self.severity if severity is None else severity
        if not 0 < severity <= 1:
            raise UsageError(f"severity is {severity}", "it is more than 0, and at most 1")
        first, second = _frame(train, label), _frame(test, label)
        self._fits(first, second, label)
        made = self.plant(first, second, label, severity, np.random.default_rng(rng))
        roles = {"label": label, "group": self.group, "time": self.time}
        return replace(
            made,
            origin={s: made.origin.get(s, np.arange(f.height)) for s, f in made.data.items()},
            settings={**{k: v for k, v in roles.items() if v}, **made.settings},
            rules=(self.rule,),
        )

    def _fits(self, train: pl.DataFrame, test: pl.DataFrame, label: str) -> None:
        for name in self.adds:
            if name in train.columns or name in test.columns:
                raise UsageError(f"{self.name} adds a column {name!r}", "there is one; rename it")
        if self.classification is False and not train[label].dtype.is_numeric():
            raise UsageError(f"{self.name} wants a label of numbers", f"{label} holds classes")
        if self.classification and len(classes(train, label)) < 2:
            raise UsageError(f"{self.name} wants two classes", f"{label} has fewer in train")


@dataclass(frozen=True, slots=True)
class Chain:
    """Faults that are planted one after the other; see :func:`compose`."""

    faults: tuple[Fault, ...]

    @property
    def rules(self) -> tuple[str, ...]:
        """The codes of the rules that are to find them."""
        return tuple(f.rule for f in self.faults)

    def __call__(
        self,
        train: Any,
        test: Any,
        label: str,
        severity: float | None = None,
        rng: np.random.Generator | int = 0,
    ) -> Planted:
        """The two frames with all of the defects in them; as a single fault is called."""
        random = np.random.default_rng(rng)
        first, second = _frame(train, label), _frame(test, label)
        origin = {"train": np.arange(first.height), "test": np.arange(second.height)}
        done = Planted(first, second, origin=origin)
        for fault in self.faults:
            done = _after(done, fault(done.train, done.test, label, severity, random))
        return done


def _after(first: Planted, second: Planted) -> Planted:
    """What two faults left behind, in the rows and columns of the end."""
    moved = []
    for old in first.touched:
        origin = second.origin[old.split]
        rows = np.flatnonzero(np.isin(origin, old.rows))
        moved.append(replace(old, rows=rows))
    new = [replace(t, gone=_before(first.origin[t.split], t.gone)) for t in second.touched]
    return Planted(
        second.train,
        second.test,
        (*moved, *new),
        {s: _before(first.origin[s], second.origin[s], keep=True) for s in EACH},
        {**first.settings, **second.settings},
        (*first.rules, *second.rules),
    )


def _before(origin: Ints, rows: Ints, *, keep: bool = False) -> Ints:
    """Positions one step further back; −1 stays, or is left out."""
    back = np.where(rows >= 0, origin[np.maximum(rows, 0)], -1) if origin.size else rows
    return back if keep else np.unique(back[back >= 0])


def _frame(data: Any, label: str) -> pl.DataFrame:
    from datacheck.sources.memory import to_frame

    frame, _ = to_frame(data)
    if label not in frame.columns:
        raise UsageError(f"no column {label!r} to be the label", f"there are {frame.columns}")
    if not frame.height:
        raise UsageError("no rows to plant a fault in", "train and test each need some")
    return frame


def planted(
    train: pl.DataFrame,
    test: pl.DataFrame,
    *touched: Touched,
    origin: Mapping[str, Ints] | None = None,
    **settings: Any,
) -> Planted:
    """What a plant gives back; rows are where they were unless ``origin`` says otherwise."""
    return Planted(train, test, touched, origin or {}, settings)


def at(split: str, rows: Any, *columns: str, gone: Ints = NONE) -> Touched:
    """Some rows and columns of a split; ``rows`` is a mask or positions."""
    found = np.asarray(rows)
    found = np.flatnonzero(found) if found.dtype == bool else np.sort(found)
    return Touched(split, found.astype(np.int64), columns, np.sort(gone).astype(np.int64))


def whole(train: pl.DataFrame, test: pl.DataFrame, *columns: str) -> tuple[Touched, Touched]:
    """Columns in all rows of both splits."""
    return at("train", np.arange(train.height), *columns), at(
        "test", np.arange(test.height), *columns
    )
