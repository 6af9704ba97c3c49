"""Anything a person may name becomes tables by split; what cannot be read is told, not fatal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from datacheck.dataset import Dataset, Kind, Problem
from datacheck.errors import SourceError, UsageError
from datacheck.findings import names
from datacheck.sources import memory
from datacheck.sources.assembling import assemble
from datacheck.sources.images.arrays import agreed
from datacheck.sources.images.folders import open_folder
from datacheck.sources.images.idx import is_idx, open_idx
from datacheck.sources.images.joined import joined
from datacheck.sources.images.pictures import is_picture
from datacheck.sources.images.shards import is_shard, open_shards
from datacheck.sources.layout import (
    MAYBE,
    Layout,
    Listing,
    explore,
    form_of,
    listed,
    shown,
    split_of,
)
from datacheck.sources.layout import place as split_at
from datacheck.sources.links import OUT
from datacheck.sources.npz import is_npy, open_npy
from datacheck.sources.options import SourceOptions
from datacheck.sources.single import Place, exists, tables_of
from datacheck.sources.table import ALONE, Opened
from datacheck.sources.texts.opening import open_texts

Opener: TypeAlias = Callable[[Path, Listing, SourceOptions], Opened | None]
OF_PICTURES: tuple[Opener, ...] = (open_shards, open_idx, open_folder)
OPENERS: tuple[Opener, ...] = (*OF_PICTURES, open_npy, open_texts)
"""What a folder may hold besides tables, asked in this order; None: it is none of mine."""
LOOKED_AT = 3  # files of a split whose first rows are looked at in full


def open_dataset(source: Any, options: SourceOptions) -> Dataset:
    """A dataset from anything. Raises SourceError and UsageError, with hints."""
    opened = open_tables(source, options)
    if not any(opened.tables.values()):
        first = opened.problems[0] if opened.problems else None
        told = f"{first.file} {first.reason}" if first else f"{opened.name} holds no table"
        more = len(opened.problems) - 1
        raise SourceError(told + (f"; {more} more files likewise" if more > 0 else ""), _hint(told))
    return assemble(opened, options)


def _hint(told: str) -> str:
    if told.endswith("holds no table"):
        return (
            "text files there have one column only, and their names tell no split: say how they go "
            "together with --text-layout lines, classes or files"
        )
    if "values a row" in told:
        return memory.TOO_WIDE
    if "different numbers of rows" in told:
        return "name one table, or splits: x_train, y_train, x_test, y_test"
    if "is a ." in told or "without columns" in told:
        return "CSV, TSV, Parquet, JSONL, Arrow and npz are read"
    if "binary" in told or "not what its name says" in told:
        return "give delimited text, Parquet, JSONL, Arrow or npz"
    return "check that the file was written to its end"


def open_tables(source: Any, options: SourceOptions) -> Opened:
    """Tables by split, before they are a dataset. Raises SourceError and UsageError."""
    if isinstance(source, str) and not source.strip():
        raise UsageError("the path is empty", "name a folder or a file; . is the current folder")
    if isinstance(source, str | Path):
        return _open_path(Path(source).expanduser(), options)
    if memory.is_data(source):
        return _add_memory(Opened("data"), ALONE, source)
    if not isinstance(source, Mapping):
        raise UsageError(f"cannot audit a {type(source).__name__}", f"give {memory.UNDERSTOOD}")
    if not source:
        raise UsageError("an empty mapping holds nothing to audit", f"give {memory.UNDERSTOOD}")
    if memory.is_columns(source) and not all(split_of(str(k)) for k in source):
        return _add_memory(Opened("data"), ALONE, source)
    arrays = [v for v in source.values() if hasattr(v, "ndim")]
    if len(arrays) == len(source) and not any(split_of(str(k)) for k in source):
        return _add_memory(Opened("data"), ALONE, source)
    opened = Opened("data")
    pictures = agreed(memory.arrays_of(v) for v in source.values())
    for key, value in source.items():
        name = str(key)
        if not name:
            raise UsageError("a split has an empty name", "name it, such as train or test")
        if isinstance(value, str | Path):
            _add_path(opened, name, Path(value).expanduser(), options)
        else:
            _add_memory(opened, name, value, pictures)
    paths = [Path(v) for v in source.values() if isinstance(v, str | Path)]
    if paths:
        opened.name = " + ".join(p.name for p in paths)[:80]
    return opened


def _add_memory(
    opened: Opened, split: str, thing: Any, pictures: Collection[str] | None = None
) -> Opened:
    known = agreed([memory.arrays_of(thing)]) if pictures is None else pictures
    table = joined(memory.open_memory(thing, split, pictures=known))
    opened.tables[split] = [table]
    opened.said += table.said
    if not table.peek.height:
        opened.problems.append(Problem(split, split, -1, "has columns but no rows"))
    return opened


def _open_path(path: Path, options: SourceOptions) -> Opened:
    exists(path)
    if not path.is_dir():
        if is_shard(path.name) or is_idx(path.name) or is_npy(path.name):
            special = _special(path.parent, Listing([path]), options)
            if special is not None:
                special.name = path.name
                return special
        opened = Opened(path.resolve().name or str(path))
        found = tables_of(opened, ALONE, path, path.name, options, Place(path.parent))
        for split, table in found.items():
            opened.tables.setdefault(split or ALONE, []).append(table)
        return opened
    listing = listed(path, follow=options.follow_links)
    opened = _special(path, listing, options) or _open_tables(path, listing, options)
    opened.problems += _outside(listing, opened.tables)
    return opened


def _outside(listing: Listing, splits: Collection[str], split: str = "") -> list[Problem]:
    """Links that lead out of the folder, in the split that their path tells."""
    out = []
    for file in listing.outside:
        told = split or split_at(Path(file))[0]
        name = listing.prefix + shown(file)
        out.append(Problem(told if split or told in splits else "", name, -1, OUT))
    return out


def _special(
    path: Path, listing: Listing, options: SourceOptions, openers: Sequence[Opener] = OPENERS
) -> Opened | None:
    """What a folder holds besides tables; None where it is a folder of tables.

    Pictures that tables name are columns of those tables.
    """
    pictures = any(is_picture(f.name) for f in listing.files)
    if pictures and any(form_of(f)[0] for f in listing.files):
        try:
            tabled = _open_tables(path, listing, options)
        except SourceError:
            tabled = None
        if tabled is not None and _has_pictures(tabled):
            return tabled
    for opener in openers:
        special = opener(path, listing, options)
        if special is not None:
            return special
    return None


def _has_pictures(opened: Opened) -> bool:
    tables = [t for some in opened.tables.values() for t in some]
    return any(g.kind is Kind.IMAGE for t in tables for g in t.given.values())


def _open_tables(path: Path, listing: Listing, options: SourceOptions) -> Opened:
    opened = Opened(path.resolve().name or str(path))
    layout = explore(path, listing)
    opened.said += layout.said
    place = Place(path, [str(f.relative_to(path)) for f in listing.files if is_picture(f.name)])
    for split, files in layout.files.items():
        for file in files:
            _place(opened, split, file, str(file.relative_to(path)), options, place)
    _lines(opened)
    if "" in opened.tables:
        _unnamed(opened, path)
    if _has_pictures(opened):
        layout.aside = [one for one in layout.aside if not is_picture(one)]
    if layout.aside:
        opened.said.append(f"passed over, no data: {names(_visible(layout), 5)}")
    return opened


def _visible(layout: Layout) -> list[str]:
    return sorted(layout.aside, key=lambda one: (one.startswith("."), one))


def _place(
    opened: Opened, split: str, file: Path, shown: str, options: SourceOptions, place: Place
) -> None:
    guess = form_of(file)[1] in MAYBE
    for told, table in tables_of(opened, split or ALONE, file, shown, options, place).items():
        if guess and table.peek.width < 2 and options.text_layout == "auto":
            opened.lines.setdefault(told or split, []).append(table)
            continue
        tables = opened.tables.setdefault(told or split, [])
        if len(tables) >= LOOKED_AT:
            table.peek = table.peek.head(200)
        tables.append(table)


def _lines(opened: Opened) -> None:
    """Text without columns is one example a line, where there is no table, and splits are named."""
    tables = [t for of in opened.lines.values() for t in of]
    if not opened.tables and (len(tables) == 1 or "" not in opened.lines):
        opened.tables.update(opened.lines)
        if tables:
            files = names(t.file for t in tables)
            opened.said.append(
                f"{files}: each line is an example, assumed: text without columns; set with "
                "--text-layout"
            )
        return
    for split, of in opened.lines.items():
        if split and split not in opened.tables:  # or a split would be gone without a finding
            reason = "is text without columns where other files hold tables (see --text-layout)"
            opened.problems += [Problem(split, t.file, -1, reason) for t in of]
        else:
            opened.said += [f"passed over, no table: {t.file}" for t in of]


def _unnamed(opened: Opened, folder: Path) -> None:
    """Files that name no split: parts of one dataset if they have the same columns."""
    tables = opened.tables.pop("")
    columns = {tuple(t.peek.columns) for t in tables}
    if opened.tables and len(tables) and all(opened.tables.values()):
        opened.said.append(f"passed over, no split in the name: {names(t.file for t in tables)}")
        return
    if len(columns) > 1:
        raise SourceError(
            f"{folder} holds files with different columns and no split in their names: "
            f"{names((t.file for t in tables), 4)}",
            "name one file, or each split: datacheck audit --train FILE --test FILE",
        )
    opened.tables[ALONE] = tables
    if len(tables) > 1:
        opened.said.append(
            f"no file name tells a split: {names(t.file for t in tables)} are read as one; "
            "set with --train and --test"
        )


def _add_path(opened: Opened, split: str, path: Path, options: SourceOptions) -> None:
    """All files of a split that the user names."""
    exists(path)
    files = [path]
    root = path if path.is_dir() else path.parent
    listing = (
        listed(path, follow=options.follow_links) if path.is_dir() else Listing([path])
    )
    listing.prefix = f"{split}/"
    opened.problems += _outside(listing, (), split)
    if path.is_dir() or is_shard(path.name) or is_idx(path.name) or is_npy(path.name):
        openers = OPENERS if path.is_dir() else (*OF_PICTURES, open_npy)
        special = _special(root, listing, options, openers)
        if special is not None:
            opened.tables.setdefault(split, []).extend(
                t for some in special.tables.values() for t in some
            )
            opened.said += [one for one in special.said if one not in opened.said]
            for note, noted in special.notes.items():
                opened.notes.setdefault(note, []).extend(noted)
            opened.problems += [replace(one, split=split) for one in special.problems]
            return
    if path.is_dir():
        layout = explore(path, listing)
        files = [f for part in layout.files.values() for f in part]
        opened.said += layout.said
    place = Place(root, [str(f.relative_to(root)) for f in listing.files if is_picture(f.name)])
    for file in files:
        shown = str(file.relative_to(path)) if path.is_dir() else path.name
        for table in tables_of(opened, split, file, f"{split}/{shown}", options, place).values():
            opened.tables.setdefault(split, []).append(table)
