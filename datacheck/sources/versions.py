"""Two versions of a dataset, side by side: for each split that both have, one dataset of two."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from datacheck.dataset import Dataset, Fragment
from datacheck.errors import SourceError, UsageError
from datacheck.findings import names
from datacheck.sources.assembling import assemble
from datacheck.sources.opening import open_tables
from datacheck.sources.options import SourceOptions
from datacheck.sources.table import Opened

OLD, NEW = "old", "new"


def side_by_side(
    old: Any, new: Any, options: SourceOptions
) -> tuple[list[tuple[str, Dataset]], dict[str, list[str]]]:
    """([(split, dataset with the splits ``old`` and ``new``)], splits that only one of them has).

    The columns have one schema, old's where the two disagree. Raises SourceError where one of them
    cannot be read, UsageError where they share no split.
    """
    both = {OLD: open_tables(old, options), NEW: open_tables(new, options)}
    for which, opened in both.items():
        if not any(opened.tables.values()):
            first = next((f"{p.file} {p.reason}" for p in opened.problems), "it holds no table")
            raise SourceError(f"the {which} version: {first}", "audit it by itself to see more")
    splits = {w: [s for s, t in o.tables.items() if t] for w, o in both.items()}
    shared = [s for s in splits[OLD] if s in splits[NEW]]
    if not shared:
        listed = {w: names(s) for w, s in splits.items()}
        raise UsageError(
            f"no split is in both: old has {listed[OLD]}, new has {listed[NEW]}",
            "name one file of each",
        )
    alone = {w: [s for s in splits[w] if s not in shared] for w in (OLD, NEW)}
    return list(_paired(both, shared, options)), alone


def _paired(
    both: dict[str, Opened], shared: list[str], options: SourceOptions
) -> Iterator[tuple[str, Dataset]]:
    for split in shared:
        one = Opened(split)
        for which, opened in both.items():
            one.tables[which] = opened.tables[split]
            one.problems += [
                dataclasses.replace(p, split=which) for p in opened.problems if p.split == split
            ]
            one.said += [f"{which}: {said}" for said in opened.said]
        data = assemble(one, options)
        for which, part in data.splits.items():
            part.fragments = [_of(which, f) for f in part.fragments]
        data.row_names = {
            f"{w}/{t.file}": t.row_names
            for w in (OLD, NEW)
            for t in one.tables[w]
            if t.row_names
        }
        data.reference = OLD
        yield split, data


def _of(which: str, fragment: Fragment) -> Fragment:
    """The fragment by a name that the other version does not have."""
    if not dataclasses.is_dataclass(fragment):
        raise SourceError(f"{fragment.file} cannot be compared", "compare files or frames")
    known: Any = fragment
    inner = getattr(known, "inner", None)  # of pictures, which wrap what holds their rows
    if inner is not None:
        known = dataclasses.replace(known, inner=_of(which, inner))
    else:
        known = dataclasses.replace(known, file=f"{which}/{fragment.file}")
    named: Fragment = known
    return named
