"""The frozen clean evaluation set: the same rows with the same values for every arm.

Rows of the evaluation split, with stand-ins, decimal commas and shifted scales put right, without
rows that train knows. What remains between the arms is what each has learned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from datacheck.dataset import Dataset, Kind, Role
from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.plan import Step
from datacheck.pipelines.repairing.view import View
from datacheck.pipelines.storage.encoding import tokens_of
from datacheck.types import Ints, Mask

CORRECTS = ("parse", "to-missing", "invert-transform")  # values that were wrong
TELLS = ("drop-feature", "drop-id")  # features that are not known when a model is asked
ENOUGH = 100  # rows without gaps that make filling unnecessary
FEWEST = 20  # rows with which anything can be said
Read = Callable[[View, str], tuple[pl.DataFrame, Ints]]


@dataclass
class Clean:
    """The rows (frame and addresses, int64), and sentences about how they were chosen."""

    frame: pl.DataFrame
    addresses: Ints
    said: list[str] = field(default_factory=list)


def clean_set(
    data: Dataset,
    read: Read,
    raw: View,
    corrected: View,
    steps: Sequence[Step],
    evaluation: str,
    *,
    elsewhere: Ints,
    by_row: bool,
    by_entity: bool,
) -> Clean:
    """The clean rows of the split ``evaluation``.

    ``corrected`` is the dataset with the steps of :data:`CORRECTS`; ``elsewhere`` are rows that
    some arm trains on; ``by_row`` leaves out rows that raw train repeats (where that is beyond
    chance), ``by_entity`` those of entities that it knows. Raises UsageError where too few rows
    are left.
    """
    train = str(data.train)
    frame, addresses = read(corrected, evaluation)
    raw_frame, _ = read(raw, evaluation)
    raw_train, _ = read(raw, train)
    right_train, _ = read(corrected, train)
    total, said = frame.height, []
    keep = _labeled(frame, data, raw_train) & ~np.isin(addresses, elsewhere)
    if by_row:
        columns = data.columns.values()
        features = [c.name for c in columns if c.role is Role.FEATURE and not c.unique]
        known = _within(raw_frame, raw_train, features) | _within(frame, right_train, features)
        said.append(f"{int(known.sum()):,} rows that train repeats are not in it")
        keep &= ~known
    group = data.role(Role.GROUP)
    if by_entity and group is not None:
        familiar = frame[group.name].is_in(raw_train[group.name].unique().implode()).to_numpy()
        after = keep & ~familiar
        if int(after.sum()) >= FEWEST:
            said.append(f"{int((keep & familiar).sum()):,} rows of {group.name}s that train knows")
            keep = after
        else:
            said.append(f"too few rows of new {group.name}s: rows of known ones are in it")
    told = [c for s in steps if s.repair in TELLS for c in s.columns]
    if told:
        said.append(f"{names(told)} is blank in it: it is not known when a model is asked")
    numbers = [c.name for c in data.columns.values() if _number(c.kind, c.role)]
    holes = gaps(frame, [c for c in numbers if c not in told])
    whole = keep & ~holes
    if int(whole.sum()) >= min(ENOUGH, int(keep.sum())) or not (keep & holes).any():
        if (keep & holes).any():
            said.append(f"{int((keep & holes).sum()):,} rows with missing values are not in it")
        keep = whole
    else:
        said.append(f"missing values of {int((keep & holes).sum()):,} rows are train's median")
    left = int(keep.sum())
    if left < FEWEST:
        why = ": the others lack a label, or train has them" if left < total else ""
        raise UsageError(
            f"{left} of {total:,} rows of {evaluation} can judge a model{why}",
            f"{FEWEST} are needed; give another split to evaluate on",
        )
    medians = middles(right_train, numbers)
    chosen = filled(frame.filter(pl.Series(keep)), medians, blank=told)
    return Clean(chosen, addresses[keep], [f"{chosen.height:,} of {total:,} rows", *said])


def gaps(frame: pl.DataFrame, numbers: Iterable[str]) -> Mask:
    """Which rows lack one of those numbers (null, NaN or infinite), shape (rows,)."""
    have = [c for c in numbers if c in frame.columns]
    if not have:
        return np.zeros(frame.height, dtype=np.bool_)
    exact = frame.select(have).cast(pl.Float64).to_numpy()
    return np.asarray(~np.isfinite(exact).all(axis=1))


def middles(frame: pl.DataFrame, numbers: Iterable[str]) -> dict[str, float]:
    """The median of the finite values of each column; 0 where there is none."""
    out: dict[str, float] = {}
    for name in numbers:
        if name in frame.columns:
            values = frame[name].cast(pl.Float64).drop_nulls()
            middle = values.filter(values.is_finite()).median()
            out[name] = float(middle) if isinstance(middle, int | float) else 0.0
    return out


def filled(
    frame: pl.DataFrame, medians: dict[str, float], blank: Collection[str] = ()
) -> pl.DataFrame:
    """The frame with gaps of those columns filled; columns in ``blank`` lose all values."""
    out = []
    for name in frame.columns:
        column = pl.col(name)
        if name in medians:
            finite = column.cast(pl.Float64).is_finite().fill_null(value=False)
            if name in blank:
                finite = pl.lit(value=False)
            kept = pl.when(finite).then(column.cast(pl.Float64))
            out.append(kept.otherwise(medians[name]).alias(name))
        elif name in blank:
            out.append(pl.lit(None, dtype=frame.schema[name]).alias(name))
    return frame.with_columns(out)


def _labeled(frame: pl.DataFrame, data: Dataset, train: pl.DataFrame) -> Mask:
    """Rows with a label that train has too."""
    label = data.label
    if label is None:
        raise UsageError("no column is known to be the label", "name it with --label")
    if label.name not in frame.columns:
        raise UsageError("the evaluation split has no label", "give another split to evaluate on")
    given = frame[label.name]
    if label.kind in (Kind.TEXT, Kind.SEQUENCE):  # to be said: any that is not empty will do
        return np.asarray((tokens_of(given).list.len() > 0).fill_null(value=False).to_numpy())
    if label.kind is Kind.NUMBER and data.task != "classification":
        numbers = given.cast(pl.Float64)
        return np.asarray(numbers.is_finite().fill_null(value=False).to_numpy())
    known = train[label.name].drop_nulls().unique().implode()
    return np.asarray(given.is_in(known).fill_null(value=False).to_numpy())


def _within(frame: pl.DataFrame, others: pl.DataFrame, features: Sequence[str]) -> Mask:
    """Which rows have the features of a row of ``others``."""
    shared = [c for c in features if c in frame.columns and c in others.columns]
    if not shared or not others.height:
        return np.zeros(frame.height, dtype=np.bool_)
    both = pl.concat([_plain(frame, shared), _plain(others, shared)], how="vertical_relaxed")
    hashes = both.hash_rows(seed=0).to_numpy()
    return np.isin(hashes[: frame.height], hashes[frame.height :])


def _plain(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Lists as texts, numbers as one type: what hashes alike where it is alike."""
    out = []
    for name in columns:
        dtype = frame.schema[name]
        if isinstance(dtype, pl.List | pl.Array):
            listed = pl.col(name).cast(pl.List(pl.String))
            out.append(listed.list.join("\x1f", ignore_nulls=False))
        elif dtype.is_numeric():
            out.append(pl.col(name).cast(pl.Float64) + 0.0)
        else:
            out.append(pl.col(name).cast(pl.String))
    return frame.select(out)


def _number(kind: Kind, role: Role) -> bool:
    return kind in (Kind.NUMBER, Kind.BOOLEAN) and role is Role.FEATURE
