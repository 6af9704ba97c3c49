"""From tables to a dataset: splits, one schema, roles, and what has to be said about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import polars as pl

from datacheck.dataset import Column, Dataset, Fragment, Kind, Problem, Split
from datacheck.errors import DatacheckError, SourceError, UsageError
from datacheck.findings import names
from datacheck.sources import memory, streams
from datacheck.sources.convert import Reading
from datacheck.sources.kinds import Look, agree, look
from datacheck.sources.layout import MAYBE, Layout, explore, form_of, split_of
from datacheck.sources.options import SourceOptions
from datacheck.sources.roles import SPLITS, assign, known
from datacheck.sources.table import Table

ALONE = "data"  # the name of a split that nothing names
MOST_SPLITS = 50
NOT_READ = {
    ".json": "JSON Lines is read, with one object a line",
    ".pkl": "pickles are never loaded, they can run code",
    ".pickle": "pickles are never loaded, they can run code",
    ".pt": "pickles are never loaded, they can run code",
    ".npy": "npz is read, or the array in memory",
    ".xlsx": "save the sheet as CSV",
    ".xls": "save the sheet as CSV",
    ".zip": "unpack it first",
    ".tar": "unpack it first",
}
LOOKED_AT = 3  # files of a split whose first rows are looked at in full


@dataclass(slots=True)
class Opened:
    """Tables by split, and what happened on the way."""

    name: str
    tables: dict[str, list[Table]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)
    """What was assumed about single files: the note, and the files it holds for."""


def open_dataset(source: Any, options: SourceOptions) -> Dataset:
    """A dataset from anything. Raises SourceError and UsageError, with hints."""
    opened = _open(source, options)
    if not any(opened.tables.values()):
        first = opened.problems[0] if opened.problems else None
        told = f"{first.file} {first.reason}" if first else f"{opened.name} holds no table"
        more = len(opened.problems) - 1
        raise SourceError(told + (f"; {more} more files likewise" if more > 0 else ""), _hint(told))
    return _assemble(opened, options)


def _hint(told: str) -> str:
    if told.endswith("holds no table"):
        return "text files there have one column only; give CSV, TSV, Parquet, JSONL, Arrow or npz"
    if "is a ." in told or "without columns" in told:
        return "CSV, TSV, Parquet, JSONL, Arrow and npz are read"
    if "binary" in told or "not what its name says" in told:
        return "give delimited text, Parquet, JSONL, Arrow or npz"
    return "check that the file was written to its end"


def _open(source: Any, options: SourceOptions) -> Opened:
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
    layout = explore(path)
    opened.said += layout.said
    for split, files in layout.files.items():
        for file in files:
            _place(opened, split, file, str(file.relative_to(path)), options)
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
        if guess and table.peek.width < 2:
            opened.said.append(f"passed over, no table: {shown}")
            continue
        tables = opened.tables.setdefault(told or split, [])
        if len(tables) >= LOOKED_AT:
            table.peek = table.peek.head(200)
        tables.append(table)


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
) -> dict[str, Table]:
    """The tables of one file by split ('' for the one it is placed in); none where it is broken."""
    try:
        found = _table(path, file, options)
    except SourceError as error:
        opened.problems.append(Problem(split, file, -1, error.message))
        return {}
    except (OSError, pl.exceptions.PolarsError, MemoryError) as error:
        said = (
            getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        )
        opened.problems.append(Problem(split, file, -1, f"cannot be read: {said}"[:200]))
        return {}
    for told, table in found.items():
        for note in table.said:
            opened.notes.setdefault(note, []).append(file)
        for row, reason, warning in table.problems:
            opened.problems.append(Problem(told or split, file, row, reason, warning))
        if not table.peek.height:
            opened.problems.append(Problem(told or split, file, -1, "has columns but no rows"))
    return found


def _table(path: Path, file: str, options: SourceOptions) -> dict[str, Table]:
    form, suffix = form_of(path)
    streams.readable(path)
    sign = streams.magic(path)
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
        raise SourceError("is text without columns", "name its --delimiter, or give CSV or TSV")
    return {"": table}


# -- one schema --------------------------------------------------------------------------------


def _assemble(opened: Opened, options: SourceOptions) -> Dataset:
    train = next((n for n in opened.tables if n.lower() in ("train", "training")), None)
    order = [*([train] if train else []), *(n for n in opened.tables if n != train)]
    peeks = {name: _peek(opened.tables[name]) for name in order}
    if not any(p.height for p in peeks.values()):
        files = names(t.file for tables in opened.tables.values() for t in tables)
        raise SourceError(f"{files} has columns but no rows", "check what wrote it")
    looks: dict[str, list[Look]] = {}
    own: dict[str, dict[str, Look]] = {}
    left: list[str] = []
    for name in order:
        own[name] = {}
        for series in peeks[name].iter_columns():
            found = look(series)
            if found is None:
                left.append(series.name)
                continue
            own[name][series.name] = found
            looks.setdefault(series.name, []).append(found)
    if not looks:
        raise SourceError(
            f"no column can be audited ({names(dict.fromkeys(left))} hold nested or binary data)",
            "numbers, text, dates and lists are read",
        )
    common = {name: agree(found) for name, found in looks.items()}
    said = [f"{names(files)}: {note}" for note, files in opened.notes.items()] + opened.said
    if left:
        said.append(f"not read, nested or binary: {names(dict.fromkeys(left), 5)}")
    split_column, found_by = _split_column(opened, common, peeks, options)
    if split_column:
        common[split_column] = replace(common[split_column], how=Reading(Kind.CATEGORY))
    columns, task, assumed = assign(common, options, split_column)
    if split_column and found_by:
        assumed.insert(
            0, f"splits: by the column {split_column}, assumed: {found_by}; set with --split-column"
        )
        columns[split_column] = replace(columns[split_column], assumed=found_by)
    readings = {name: one.how for name, one in common.items()}
    splits = {
        name: Split(
            name,
            _fragments(opened.tables[name], name, readings, bool(split_column)),
            _kinds(own[name], columns),
        )
        for name in opened.tables
    }
    data = Dataset(opened.name, splits, columns, task, [*assumed, *said], opened.problems)
    if split_column:
        _divide(data, split_column)
    return data


def _peek(tables: Iterable[Table]) -> pl.DataFrame:
    """The first rows of all files of a split, together."""
    frames = [t.peek for t in tables if t.peek.width]
    if not frames:
        return pl.DataFrame()
    if len(frames) == 1:
        return frames[0]
    try:
        return pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError:
        # Files of one split disagree about types: what they say as text decides.
        texts = [
            f.select(
                pl.col(c).cast(pl.String, strict=False)
                for c, d in f.schema.items()
                if not d.is_nested()
            )
            for f in frames
        ]
        return pl.concat(texts, how="diagonal_relaxed")


def _kinds(own: Mapping[str, Look], columns: Mapping[str, Column]) -> dict[str, Kind]:
    """Kinds as the split's own rows suggest; a split without a value says nothing of its own."""
    return {name: one.kind if one.known else columns[name].kind for name, one in own.items()}


def _fragments(
    tables: Iterable[Table], split: str, readings: Mapping[str, Reading], divided: bool
) -> list[Fragment]:
    name = "" if divided else split
    return [fragment for table in tables for fragment in table.fragments(name, readings)]


# -- a split column ----------------------------------------------------------------------------


def _split_column(
    opened: Opened,
    looks: Mapping[str, Look],
    peeks: Mapping[str, pl.DataFrame],
    options: SourceOptions,
) -> tuple[str | None, str]:
    """(column, why it is assumed): given, or found by its name and values in one unsplit table."""
    if options.split_column is not None:
        known(options.split_column, "split-column", looks)
        if len(opened.tables) > 1:
            raise UsageError(
                f"--split-column, but the files already are splits: {names(opened.tables)}",
                "drop it, or name one file",
            )
        return options.split_column, ""
    if list(opened.tables) != [ALONE]:
        return None, ""
    for name in looks:
        if name.strip().lower() not in SPLITS or name == options.label:
            continue
        values = peeks[ALONE][name].drop_nulls().cast(pl.String, strict=False).unique().to_list()
        if values and all(split_of(str(v).strip()) for v in values):
            return name, "its name and values"
    return None, ""


def _divide(data: Dataset, column: str) -> None:
    """Splits by the values of a column, which takes a look at that column alone beforehand."""
    (alone,) = data.splits.values()
    counts: dict[str, int] = {}
    for fragment in alone.fragments:
        try:
            for batch in fragment.read([column], 65_536):
                if batch.height:
                    found = batch.frame[column].cast(pl.String).fill_null("").value_counts(name="n")
                    for value, n in found.iter_rows():
                        counts[value] = counts.get(value, 0) + n
        except (DatacheckError, OSError, pl.exceptions.PolarsError):
            continue  # the scan meets it again, and tells it
        if len(counts) > MOST_SPLITS:
            raise UsageError(
                f"column {column!r} has more than {MOST_SPLITS} values, so it names no splits",
                "name another with --split-column",
            )
    if nameless := counts.pop("", 0):
        file = alone.fragments[0].file
        reason = f"{nameless:,} rows have no value in {column!r} and belong to no split"
        data.problems.append(Problem("", file, -1, reason))
    if not counts:
        raise UsageError(f"column {column!r} names no split", "it has no values")
    names_ = sorted(counts, key=lambda n: (n.lower() not in ("train", "training"), n))
    first = names_[0]
    kinds = {k: v for k, v in alone.kinds.items() if k != column}
    data.splits = {n: Split(n, alone.fragments if n == first else [], dict(kinds)) for n in names_}
    data.split_column = column
