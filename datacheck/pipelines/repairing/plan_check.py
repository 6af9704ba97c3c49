"""Whether a plan fits the data: told before anything is read, each mistake with what to write."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from datacheck.dataset import Dataset, Kind, Role
from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.plan import DROPS, Step

NUMBERS = (Kind.NUMBER, Kind.BOOLEAN)
ITEMS = (Kind.SEQUENCE, Kind.TEXT)
# Kinds of columns that a repair has a meaning for; the others take any.
KINDS: Mapping[str, tuple[Kind, ...]] = {
    "parse": (Kind.NUMBER,),
    "invert-transform": NUMBERS,
    "winsorize": NUMBERS,
    "standardize": NUMBERS,
    "robust-scale": NUMBERS,
    "min-max-scale": NUMBERS,
    "truncate": (*ITEMS, Kind.CATEGORY),
    "quarantine-rows": (*ITEMS, Kind.CATEGORY),
    "quarantine-pairs": ITEMS,
    "length-bucketing": (*ITEMS, Kind.CATEGORY),
    "token-budget": (*ITEMS, Kind.CATEGORY),
}
WHOLE_ROWS = (
    "quarantine-unreadable", "quarantine-conflicts", "drop-from-train", "drop-duplicates",
    "drop-near-from-train", "drop-near-duplicates",
)  # fmt: skip


def check(data: Dataset, steps: Sequence[Step]) -> None:
    """Raises UsageError for a step that names what the data lacks or has no meaning there."""
    for step in steps:
        _columns(data, step)
        _splits(data, step)
        _parameters(step)


def _columns(data: Dataset, step: Step) -> None:
    lacking = [c for c in step.columns if c not in data.columns]
    if lacking:
        raise UsageError(
            f"{step.repair} names {names(lacking)}, which the data lacks",
            f"its columns: {names(data.columns, 12)}",
        )
    if step.repair in WHOLE_ROWS and step.columns:
        raise UsageError(
            f"{step.repair} names the column {step.columns[0]!r}, and works on whole rows",
            "leave columns out; --ignore-column leaves one out of the comparison",
        )
    if step.kind.acts == "pictures" and not any(
        c.kind is Kind.IMAGE for c in data.columns.values()
    ):
        raise UsageError(f"{step.repair} needs pictures", "take it out of the plan")
    if not step.columns and (step.kind.acts == "values" or step.repair in KINDS):
        raise UsageError(f"{step.repair} names no column", 'write columns = ["…"] in the plan')
    untouchable = (data.label.name if data.label else None, data.split_column)
    touched = [c for c in step.columns if c in untouchable]
    if touched and step.kind.acts == "values":
        raise UsageError(
            f"{step.repair} would change {touched[0]}, which is the label or tells the split",
            "take it out of the plan",
        )
    measured = [c for c in step.columns if data.columns[c].role is Role.MEASURED]
    if measured and step.kind.acts == "values":
        raise UsageError(
            f"{step.repair} would change {measured[0]!r}, which is measured of pictures",
            "re-encode and shared-decode write pictures again",
        )
    allowed = KINDS.get(step.repair, tuple(Kind))
    fitting = [c for c, told in data.columns.items() if told.kind in allowed]
    wrong = [c for c in step.columns if c not in fitting]
    if wrong:
        kind, may = data.columns[wrong[0]].kind, [c for c in fitting if c not in untouchable]
        raise UsageError(
            f"{step.repair} has no meaning for {wrong[0]!r}, a column of kind {kind.value}",
            f"it could be: {names(may, 8)}" if may else "take it out of the plan",
        )


def _splits(data: Dataset, step: Step) -> None:
    strange = [s for s in step.splits if s not in data.splits]
    if strange:
        raise UsageError(
            f"{step.repair} names the split {strange[0]!r}", f"there are: {names(data.splits)}"
        )
    if step.kind.acts == "rows" and any(s != data.train for s in step.splits):
        raise UsageError(
            f"{step.repair} takes rows out of {data.train or 'train'} alone, not of "
            f"{next(s for s in step.splits if s != data.train)}",
            "rows of evaluation splits are left where they are",
        )
    indicator = step.repair == "impute-with-indicator" and step.get("indicator")
    if step.splits and (step.repair in DROPS or indicator):
        raise UsageError(
            f"{step.repair} for {names(step.splits)} alone would give the splits different columns",
            "write indicator = false, or leave splits out" if indicator else "leave splits out",
        )


def _parameters(step: Step) -> None:
    """Values that no type tells: what is not finite, and what would leave nothing of a column."""
    for name in dict(step.kind.parameters):
        value = step.get(name)
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"{step.repair}: {name} is {value}", "give a finite number")
        if isinstance(value, Mapping):
            for column, number in value.items():
                _affine(step.repair, name, column, number)
    if step.repair == "quarantine-pairs" and len(step.columns) != 2:
        raise UsageError(
            f"quarantine-pairs names {len(step.columns)} columns", "name the source and the target"
        )
    if step.repair == "length-bucketing":
        _edges(step.get("edges"))
    if step.repair == "token-budget" and not 0 <= step.get("tokens") < 1 << 40:
        raise UsageError(
            f"token-budget: tokens is {step.get('tokens')}", "0 chooses, or give a number of tokens"
        )


def _affine(repair: str, name: str, column: str, number: Any) -> None:
    plain = isinstance(number, int | float) and not isinstance(number, bool)
    if not plain or not math.isfinite(number):
        raise UsageError(f"{repair}: {name} of {column!r} is {number!r}", "give a finite number")
    if name == "scale" and number == 0:
        raise UsageError(
            f"{repair}: scale of {column!r} is 0, which makes all values the same",
            "drop-column drops a column",
        )


def _edges(edges: Sequence[Any]) -> None:
    whole = all(isinstance(e, int) and not isinstance(e, bool) and e > 0 for e in edges)
    if not whole or any(a >= b for a, b in itertools.pairwise(edges)):
        raise UsageError(
            f"length-bucketing: edges are {list(edges)[:8]}",
            "lengths in ascending order, such as [8, 16, 32]",
        )
