"""Every fault that the benchmark plants, by rule, and in which data it can be planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.detecting.data import TEST_SHARE, Data, Pair
from datacheck.testing.faults import FAULTS, Fault

SEVERITIES = (0.1, 0.25, 0.5, 0.75, 1.0)
MIDDLE = 0.5


@dataclass(frozen=True, slots=True)
class Planted:
    """What is audited, and the settings besides the label."""

    source: Any
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a fault goes: a split of a dataset, and a folder for files of its own."""

    data: Data
    train: pl.DataFrame
    test: pl.DataFrame
    folder: Path

    def put(self, pair: Pair, **settings: Any) -> Planted:
        """The two frames as a dataset."""
        return Planted({"train": pair[0], "test": pair[1]}, settings)


Plant = Callable[[Spot, float, np.random.Generator], Planted]


@dataclass(frozen=True, slots=True)
class Case:
    """A fault: the rule that has to find it, and the data it fits.

    ``base`` gives what the untouched split needs to be audited in the same way, where that is more
    than the frames.
    """

    rule: str
    name: str
    plant: Plant
    fits: Callable[[Data], bool]
    says: str = ""
    base: Plant | None = None


def _kit(fault: Fault) -> Case:
    """A fault of ``datacheck.testing.faults``."""

    def plant(spot: Spot, severity: float, rng: np.random.Generator) -> Planted:
        made = fault(spot.train, spot.test, spot.data.label or "target", severity, rng)
        told = {k: v for k, v in made.settings.items() if k != "label"}
        return spot.put((made.train, made.test), **told)

    rows = fault.name in ROWS

    def fits(data: Data) -> bool:
        if data.label is None:
            return rows and fault.classification is None and fault.rule not in NAMED
        if fault.classification not in (None, data.classes):
            return False
        return data.kind == "table" or rows

    told = (fault.plant.__doc__ or "").strip().split("\n\n")[0]
    return Case(fault.rule, fault.name, plant, fits, " ".join(told.split()))


# Faults of the kit that need no column of numbers.
ROWS = {
    "duplicates-across-splits", "group-leak", "time-overlap", "conflicting-labels",
    "suspect-labels", "missing-labels", "duplicates-within", "imbalance", "rare-class",
    "class-missing", "label-shift", "order-leak", "target-leak",
}  # fmt: skip
NAMED = {"LK005", "LK008", "LB003"}  # rules whose faults name the label


# Rules that count, rather than tell a difference from chance: for them any data is enough.
COUNT = {
    "LK001", "LK002", "LK003", "LK004", "LB001", "LB003", "LB004", "LB005", "MV001", "MV002",
    "MV005", "MV006", "NM004", "SC001", "SC002", "SC003", "SL003", "DC001",
}  # fmt: skip
SMALL = 100  # rows, below which only those are asked
GRADES = 20  # values of a label that is a number, below which it has no tail
# Copies with one cell changed, at the middle severity: a share of all rows.
ONE_CELL = {"one-cell-off-across": 0.1 * TEST_SHARE, "one-cell-off-within": 0.1 * (1 - TEST_SHARE)}


def lacking(case: Case, data: Data) -> str:
    """What a dataset lacks for a fault that fits its kind to be planted; nothing where it can be.

    Told from the data alone, before any rule is asked.
    """
    if case.rule not in COUNT and data.frame.height < SMALL:
        return f"fewer than {SMALL} rows"
    if case.rule == "CB005" and data.label and data.frame[data.label].n_unique() < GRADES:
        return f"a label of fewer than {GRADES} values: a grade or a count"
    share = ONE_CELL.get(case.name)
    if share and one_cell_off(data) >= share * data.frame.height:
        return "by nature, as many pairs of rows differ in one cell as would be planted"
    return ""


def one_cell_off(data: Data) -> int:
    """How many pairs of different rows differ in one feature."""
    columns = [c for c in data.frame.columns if c != data.label]
    rows = data.frame.select(columns).unique()
    sizes = [rows.group_by([c for c in columns if c != one]).len()["len"] for one in columns]
    return sum(int((n * (n - 1)).sum()) // 2 for n in sizes)


def enough(case: Case, data: Data) -> bool:
    """Whether a fault fits a dataset, and can be planted in it."""
    return case.fits(data) and not lacking(case, data)


def cases() -> list[Case]:
    """All faults, in the order of the table of rules."""
    from benchmarks.detecting import files, pictures, words
    from datacheck.checks.codes import CODES

    kit = [_kit(fault) for faults in FAULTS.values() for fault in faults]
    found = [*kit, *words.CASES, *pictures.CASES, *files.CASES]
    order = list(CODES)
    return sorted(found, key=lambda case: order.index(case.rule))
