"""Encoded splits: what they are, what must not be in them, and Arrow files that are ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from datacheck.dataset import Dataset, Kind, Role, Task
from datacheck.errors import SourceError, UsageError
from datacheck.findings import names
from datacheck.pipelines.collate import Collate
from datacheck.pipelines.storage.arrow_file import fields_of
from datacheck.pipelines.storage.encoding import Encoder, Tally
from datacheck.pipelines.storage.tables import ArrowTable, Table

Missing = Literal["raise", "keep"]


@dataclass(slots=True)
class Encoded:
    """Tables by split, the collate that fits them, and what the label's classes are called.

    ``mapped`` says that the source's own Arrow files are read.
    """

    tables: dict[str, Table]
    collate: dict[str, Collate]
    encoder: Encoder
    tallies: dict[str, Tally] = field(default_factory=dict)
    mapped: bool = False


def check(tallies: Mapping[str, Tally], encoder: Encoder, missing: Missing, train: str) -> None:
    """Raises UsageError for what a model cannot be given: holes, rows without a label."""
    if missing == "keep":
        return
    for name, tally in tallies.items():
        if tally.unreadable:
            raise UsageError(
                f"{tally.unreadable:,} records of {name} cannot be read",
                "mend them with: datacheck fix DATA -o CLEAN, or pass missing='keep' to go without",
            )
        if tally.missing:
            told = [f"{c} ({n:,})" for c, n in tally.missing.most_common()]
            raise UsageError(
                f"{name} has missing or infinite values in {names(told, 5)}",
                "mend them with: datacheck fix DATA -o CLEAN, and load CLEAN; "
                "or pass pipeline=, or missing='keep' for NaN",
            )
        if tally.unlabeled and (name == train or tally.unlabeled < tally.rows):
            raise UsageError(
                f"{tally.unlabeled:,} of {tally.rows:,} rows of {name} have no label "
                f"in {encoder.label!r}",
                "mend them with: datacheck fix DATA -o CLEAN, or pass missing='keep' "
                "(class −100, which torch's losses leave out)",
            )
        if tally.unseen:
            told = [f"{c} ({n:,})" for c, n in tally.unseen.most_common()]
            raise UsageError(
                f"{name} has classes that {train} lacks: {names(told, 5)}",
                f"classes of {train}: {names(encoder.classes, 5)}; unify their spellings, "
                "split again with datacheck fix DATA -o CLEAN --unsafe, or pass missing='keep' "
                "(class −100, which torch's losses leave out)",
            )


def direct(data: Dataset, train: str, ids: tuple[str, ...], missing: Missing) -> Encoded | None:
    """The source's own files, where they are Arrow files of numbers; None where they are not."""
    fragments = [f for s in data.splits.values() for f in s.fragments]
    if data.split_column or any(getattr(f, "form", "") != "arrow" for f in fragments):
        return None
    used = [c for c in data.columns.values() if c.role in (Role.FEATURE, Role.LABEL)]
    if any(c.kind not in (Kind.NUMBER, Kind.BOOLEAN, Kind.SEQUENCE) for c in used):
        return None
    tables: dict[str, Table] = {}
    for name, split in data.splits.items():
        paths = list(dict.fromkeys((getattr(f, "path"), f.file) for f in split.fragments))  # noqa: B009 - the protocol has no path; Arrow fragments do
        try:
            if not all(
                {f.name for f in fields_of(p) if f.form} >= {c.name for c in used} for p, _ in paths
            ):
                return None
        except SourceError:  # compressed, or a stream: it is converted
            return None
        tables[name] = ArrowTable(
            [p for p, _ in paths],
            [c.name for c in used],
            files=[data.files.index(shown) for _, shown in paths],
        )
    return _described(data, train, tables, ids, missing)


def _described(
    data: Dataset,
    train: str,
    tables: dict[str, Table],
    ids: tuple[str, ...],
    missing: Missing,
) -> Encoded | None:
    label, forms = data.label, tables[train].fields
    features = [c.name for c in data.columns.values() if c.role is Role.FEATURE]
    lists = [c for c in features if forms[c].form == "list"]
    if any(forms[c].dtype[1] != "f" and c not in ids for c in lists) or any(
        forms[c].dtype[1] == "f" for c in ids if c in lists
    ):
        return None  # whole numbers that are values: converted
    classification = label is not None and data.task is Task.CLASSIFICATION
    encoder = Encoder(
        numbers=tuple(c for c in features if c not in lists),
        series=tuple(c for c in lists if c not in ids),
        ids=tuple(c for c in lists if c in ids),
        label=label.name if label else "",
        task=data.task,
    )
    classes: Sequence[float] = ()
    if label is not None and classification:
        values = tables[train].column(label.name).astype(np.float64)
        classes = np.unique(values[np.isfinite(values)]).tolist()
        encoder.classes = [_spelled(v, forms[label.name].form) for v in classes]
    tallies: dict[str, Tally] = {}
    for name, table in tables.items():
        tally = tallies[name] = Tally(rows=len(table))
        tally.add(features, [table.missing(c) for c in features])
        tally.unlabeled = table.missing(label.name) if label is not None else 0
        if label is not None and classification and not tally.unlabeled:
            found = np.unique(table.column(label.name).astype(np.float64))
            tally.unseen.update([f"{v:g}" for v in found if v not in set(classes)])
    check(tallies, encoder, missing, train)
    if any(t.unlabeled or t.unseen for t in tallies.values()):
        return None  # told to keep such rows: they need codes of their own
    plain = Collate(
        numbers=encoder.numbers,
        sequences=encoder.sequences,
        label=encoder.label,
        classes=tuple(classes),
    )
    return Encoded(tables, dict.fromkeys(tables, plain), encoder, tallies, mapped=True)


def _spelled(value: float, form: str) -> str:
    """A class as it is spelled elsewhere: 1, 1.5, true."""
    if form == "boolean":
        return "true" if value else "false"
    return str(int(value)) if value == int(value) else str(value)
