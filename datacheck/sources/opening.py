"""Anything a person may name becomes tables by split; what cannot be read is told, not fatal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from datacheck.dataset import Dataset
from datacheck.errors import SourceError, UsageError
from datacheck.findings import names
from datacheck.sources import memory, streams
from datacheck.sources.assembling import assemble
from datacheck.sources.layout import (
    JSON,
    MAYBE,
    Layout,
    Listing,
    explore,
    form_of,
    listed,
    split_of,
)
from datacheck.sources.options import SourceOptions
from datacheck.sources.table import ALONE, Opened, Table
from datacheck.sources.texts import telling
from datacheck.sources.texts.opening import open_texts
from datacheck.sources.trying import tried

NOT_READ = {
    ".pkl": "pickles are never loaded, they can run code",
    ".pickle": "pickles are never loaded, they can run code",
    ".pt": "pickles are never loaded, they can run code",
    ".npy": "npz is read, or the array in memory",
    ".xlsx": "save the sheet as CSV",
    ".xls": "save the sheet as CSV",
    ".zip": "unpack it first",
    ".tar": "unpack it first",
}
OPENERS: tuple[Callable[[Path, Listing, SourceOptions], Opened | None], ...] = (open_texts,)
"""What a folder may hold besides tables, asked in this order; None: it is none of mine."""
LOOKED_AT = 3  # files of a split whose first rows are looked at in full


def open_dataset(source: Any, options: SourceOptions) -> Dataset:
    """A dataset from anything. Raises SourceError and UsageError, with hints."""
    opened = _open(source, options)
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
    if "is a ." in told or "without columns" in told:
        return "CSV, TSV, Parquet, JSONL, Arrow and npz are read"
    if "binary" in told or "not what its name says" in told:
        return "give delimited text, Parquet, JSONL, Arrow or npz"
    return "check that the file was written to its end"


def _open(source: Any, options: SourceOptions) -> Opened:
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
    for key, value in source.items():
        name = str(key)
        if not name:
            raise UsageError("a split has an empty name", "name it, such as train or test")
        if isinstance(value, str | Path):
            _add_path(opened, name, Path(value).expanduser(), options)
        else:
            _add_memory(opened, name, value)
    paths = [Path(v) for v in source.values() if isinstance(v, str | Path)]
    if paths:
        opened.name = " + ".join(p.name for p in paths)[:80]
    return opened


def _add_memory(opened: Opened, split: str, thing: Any) -> Opened:
    table = memory.open_memory(thing, split)
    opened.tables[split] = [table]
    opened.said += table.said
    return opened


def _exists(path: Path) -> None:
    try:
        if path.exists():
            return
    except OSError as error:
        raise SourceError(
            f"cannot read {path}: {error.strerror}", "check the permissions"
        ) from None
    near: list[str] = []
    if path.parent.is_dir():
        try:
            near = get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1)
        except OSError:
            near = []
    hint = f"did you mean {path.parent / near[0]}?" if near else "check the path"
    raise SourceError(f"no such file or folder: {path}", hint)


def _open_path(path: Path, options: SourceOptions) -> Opened:
    _exists(path)
    opened = Opened(path.resolve().name or str(path))
    if not path.is_dir():
        for split, table in _tables(opened, ALONE, path, path.name, options).items():
            opened.tables.setdefault(split or ALONE, []).append(table)
        return opened
    listing = listed(path)
    for opener in OPENERS:
        special = opener(path, listing, options)
        if special is not None:
            return special
    layout = explore(path, listing)
    opened.said += layout.said
    for split, files in layout.files.items():
        for file in files:
            _place(opened, split, file, str(file.relative_to(path)), options)
    _lines(opened)
    if "" in opened.tables:
        _unnamed(opened, path)
    if layout.aside:
        opened.said.append(f"passed over, no data: {names(_visible(layout), 5)}")
    return opened


def _visible(layout: Layout) -> list[str]:
    return sorted(layout.aside, key=lambda one: (one.startswith("."), one))


def _place(opened: Opened, split: str, file: Path, shown: str, options: SourceOptions) -> None:
    guess = form_of(file)[1] in MAYBE
    for told, table in _tables(opened, split or ALONE, file, shown, options).items():
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
    opened.said += [f"passed over, no table: {t.file}" for t in tables]


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
    _exists(path)
    files = [path]
    if path.is_dir():
        layout = explore(path)
        files = [f for part in layout.files.values() for f in part]
        opened.said += layout.said
    for file in files:
        shown = str(file.relative_to(path)) if path.is_dir() else path.name
        for table in _tables(opened, split, file, f"{split}/{shown}", options).values():
            opened.tables.setdefault(split, []).append(table)


def _tables(
    opened: Opened, split: str, path: Path, file: str, options: SourceOptions
) -> Mapping[str, Table]:
    """The tables of one file by split ('' for the one it is placed in); none where it is broken."""
    return tried(opened, split, file, lambda: _table(path, file, options))


def _table(path: Path, file: str, options: SourceOptions) -> dict[str, Table]:
    form, suffix = form_of(path)
    streams.readable(path)
    sign = streams.magic(path)
    if suffix == JSON:
        from datacheck.sources.objects import open_objects

        return open_objects(path, file, options.encoding)
    text = sign in ("", "gzip", "zstd") and suffix not in NOT_READ
    if text and form in ("", "delimited") and (not form or options.text_layout == "conll"):
        if options.text_layout == "lines":
            return {"": telling.prose(path, file, options)}
        if special := telling.special(path, file, options, suffix):
            return {"": special}
        if suffix in telling.PROSE and telling.has_nul(path, options):
            return {"": telling.prose(path, file, options)}
    if not form:
        if suffix in NOT_READ:
            raise SourceError(f"is a {suffix} file: {NOT_READ[suffix]}")
        form = sign if sign in ("parquet", "arrow") else "delimited"
    right = {"parquet": ("parquet",), "arrow": ("arrow", ""), "npz": ("zip",)}
    if form in ("delimited", "jsonl"):
        if sign and sign not in ("gzip", "zstd"):
            raise SourceError(f"is a {sign} file, not what its name says")
    elif sign not in right[form]:
        raise SourceError(
            f"is no {form} file, which its name says" + (f" (it is {sign})" if sign else "")
        )
    if form == "jsonl":
        from datacheck.sources.jsonl import open_jsonl

        return {"": open_jsonl(path, file, options.encoding)}
    if form == "npz":
        from datacheck.sources.npz import open_npz

        return open_npz(path, file)
    if form in ("parquet", "arrow"):
        from datacheck.sources.columnar import open_columnar

        return {"": open_columnar(path, file, form)}
    from datacheck.sources.delimited import open_delimited

    table = open_delimited(path, file, options, suffix)
    if not form_of(path)[0] and table.peek.width < 2 and options.delimiter is None:
        if suffix in telling.PROSE and options.text_layout == "auto":
            return {"": telling.prose(path, file, options)}
        raise SourceError("is text without columns", "name its --delimiter, or give CSV or TSV")
    return {"": table}
