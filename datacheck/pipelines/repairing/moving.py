"""Which rows go to another split: what a re-split needs is gathered here, and decided there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from datacheck.dataset import Kind, Role, Task
from datacheck.errors import UsageError
from datacheck.pipelines.plan import Step
from datacheck.pipelines.repairing.view import NO_ROWS, View, among
from datacheck.summaries.hashing import hash_column
from datacheck.types import Floats, Hashes, Ints

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from datacheck.pipelines.repairing import resplit
    from datacheck.summaries.row_hashes import RowHashes

ORDER = {"train": 0, "training": 0, "fit": 0, "val": 1, "valid": 1, "validation": 1, "dev": 1}
FEW = 0.01  # of evaluation rows: so few early ones are no finding of LK004


@dataclass
class Moved:
    """Addresses of rows that move (ascending), the ordinals of their new splits, what to say."""

    moved: Ints = field(default_factory=lambda: NO_ROWS)
    to: Ints = field(default_factory=lambda: NO_ROWS)
    said: list[str] = field(default_factory=list)


@dataclass
class _Rows:
    """All rows that stay, in order of address."""

    addresses: Ints
    split: Ints
    keys: dict[str, Hashes]
    times: Floats
    labels: Hashes | Floats | None


def moved(view: View, step: Step, hashes: Mapping[str, RowHashes], gone: Ints) -> Moved:
    """Run one re-split. Rows with the same features stay together, whatever it is about.

    Raises UsageError where there is only one split, or a column is missing that it needs.
    """
    from datacheck.pipelines.repairing import resplit

    if len(view.splits) < 2:
        raise UsageError(f"{step.repair} needs two splits", "there is only one")
    rows = _gather(view, step, gone)
    keys = [*rows.keys.values(), _features(rows, hashes)]
    k = len(view.splits)
    said: list[str] = []
    if step.repair == "time-aware-split":
        order = sorted(range(len(view.splits)), key=lambda i: _rank(view.splits[i]))
        result = resplit.time_aware(rows.split, rows.times, order=order)
    elif step.repair == "group-aware-split":
        atoms = resplit.components(keys)
        if resplit.chained(atoms):
            said.append("repeated rows chain the entities together; only entities are kept whole")
            atoms = resplit.components(keys[:-1])
        result = resplit.group_aware(rows.split, atoms, labels=rows.labels, splits=k)
        result = _in_time(view, step, rows, atoms, result)
    else:
        if rows.labels is None:
            raise UsageError("stratified-resplit needs a label", "name it with --label")
        atoms = resplit.components(keys)
        result = resplit.stratified(rows.split, rows.labels, atoms=atoms, splits=k)
    changed = np.flatnonzero(result.split_of != rows.split)
    to = np.asarray(result.split_of[changed], dtype=np.int64)
    said += result.notes
    return Moved(rows.addresses[changed], to, [f"{step.repair}: {n}" for n in said])


def _in_time(
    view: View, step: Step, rows: _Rows, atoms: Ints, plain: resplit.Resplit
) -> resplit.Resplit:
    """Whole entities in order of time, where those that are only whole would mix the times."""
    from datacheck.pipelines.repairing import resplit_in_time

    train = view.data.train
    if train is None or np.isnan(rows.times).all() or (plain.split_of == rows.split).all():
        return plain
    at = view.splits.index(train)
    was, mixed = (resplit_in_time.early(s, rows.times, at) for s in (rows.split, plain.split_of))
    target = FEW if "LK004" in step.rules else max(was, FEW)
    if mixed <= target:
        return plain
    _, numbered = np.unique(atoms, return_inverse=True)
    found = resplit_in_time.in_time(
        rows.split, numbered.astype(np.int64), rows.times, train=at, target=target
    )
    made, share = found or (plain, mixed)
    if share >= mixed:
        made, share = plain, mixed
    else:
        sizes = [np.bincount(s, minlength=len(view.splits)) for s in (rows.split, made.split_of)]
        moved = int((made.split_of != rows.split).sum())
        made.notes.append(
            f"whole groups, in order of time; {moved:,} of {rows.split.size:,} rows move; sizes "
            + " → ".join("/".join(f"{n:,}" for n in size.tolist()) for size in sizes)
        )
    said = f"{share:.1%} of evaluation rows lie before the last row of {train}, {was:.1%} did"
    if share > max(was, target):
        said += " (LK004): the price of whole groups, which have rows on both sides of any moment"
    made.notes.append(said)
    return made


def _rank(split: str) -> tuple[int, str]:
    return (ORDER.get(split.lower(), 2), split)


def _gather(view: View, step: Step, gone: Ints) -> _Rows:
    data = view.data
    groups = list(step.columns) if step.repair == "group-aware-split" else []
    if step.repair != "time-aware-split" and not groups:
        groups = [c.name for c in data.columns.values() if c.role is Role.GROUP]
    if step.repair == "group-aware-split" and not groups:
        raise UsageError("group-aware-split names no column", "write columns = [\"…\"] in the plan")
    time = [c for c in step.columns if data.columns[c].kind in (Kind.DATETIME, Kind.NUMBER)]
    if step.repair == "time-aware-split" and not time:
        raise UsageError("time-aware-split names no column of dates", "write columns = [\"…\"]")
    if step.repair == "group-aware-split":
        kinds = (Kind.DATETIME, Kind.NUMBER)
        time = [c.name for c in data.columns.values() if c.role is Role.TIME and c.kind in kinds]
    times = time[:1] if step.repair != "stratified-resplit" else []
    label = data.label
    columns = [*groups, *times, *([label.name] if label else [])]
    parts: list[tuple[Ints, Ints, list[Hashes], Floats, Hashes | Floats]] = []
    for split, frame, addresses in view.pieces(columns):
        keep = ~among(addresses, gone)[0]
        frame, addresses = frame.filter(keep), addresses[keep]
        from datacheck.dataset import to_matrix

        keys = [hash_column(frame[c]) for c in groups]
        when = to_matrix(frame, times)[:, 0] if times else np.full(frame.height, np.nan)
        named = _label(frame[label.name], data.task) if label else np.zeros(frame.height)
        code = np.full(frame.height, view.splits.index(split), dtype=np.int64)
        parts.append((addresses, code, keys, when, named))
    addresses = np.concatenate([p[0] for p in parts]) if parts else NO_ROWS
    order = np.argsort(addresses, kind="stable")

    def joined(pick: Callable[[Any], Any]) -> Any:
        return np.concatenate([pick(p) for p in parts])[order]

    return _Rows(
        addresses[order],
        joined(lambda p: p[1]),
        {c: np.concatenate([p[2][j] for p in parts])[order] for j, c in enumerate(groups)},
        joined(lambda p: p[3]),
        joined(lambda p: p[4]) if label else None,
    )


def _label(series: object, task: Task | None) -> Hashes | Floats:
    import polars as pl

    from datacheck.dataset import to_matrix

    assert isinstance(series, pl.Series)
    if task is Task.REGRESSION and (series.dtype.is_numeric() or series.dtype == pl.Boolean):
        return to_matrix(series.alias("y").to_frame(), ["y"])[:, 0]
    return hash_column(series)


def _features(rows: _Rows, hashes: Mapping[str, RowHashes]) -> Hashes:
    """The feature hash of each row."""
    out = np.zeros(rows.addresses.size, dtype=np.uint64)
    for one in hashes.values():
        hit, at = among(one.addresses(), rows.addresses)
        out[at[hit]] = one.features()[hit]
    return out
