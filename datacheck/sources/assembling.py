"""From tables to a dataset: one schema, roles, splits, and what has to be said about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import polars as pl

from datacheck.dataset import Column, Dataset, Fragment, Kind, Measure, Problem, Split
from datacheck.errors import DatacheckError, SourceError, UsageError
from datacheck.findings import names
from datacheck.sources.convert import Reading
from datacheck.sources.kinds import Look, agree, described, look
from datacheck.sources.layout import split_of
from datacheck.sources.options import SourceOptions
from datacheck.sources.roles import SPLITS, assign, known
from datacheck.sources.table import ALONE, Given, Opened, Table

MOST_SPLITS = 50


def assemble(opened: Opened, options: SourceOptions) -> Dataset:
    """The dataset of those tables. Raises SourceError where no column or row is left."""
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
        given = _given(opened.tables[name])
        for series in peeks[name].iter_columns():
            one = given.get(series.name)
            found = look(series) if one is None else described(series, one.how)
            if found is None:
                left.append(series.name)
                continue
            own[name][series.name] = found
            looks.setdefault(series.name, []).append(found)
        for column, one in given.items():
            if one.computed:
                own[name][column] = found = Look(one.how, peeks[name].height)
                looks.setdefault(column, []).append(found)
    if not looks:
        raise SourceError(
            f"no column can be audited ({names(dict.fromkeys(left))} hold nested or binary data)",
            "numbers, text, dates and lists are read",
        )
    common = {name: agree(found) for name, found in looks.items()}
    said = [
        f"{names(dict.fromkeys(files))}: {note}" for note, files in opened.notes.items()
    ] + opened.said
    if left:
        said.append(f"not read, nested or binary: {names(dict.fromkeys(left), 5)}")
    split_column, found_by = _split_column(opened, common, peeks, options)
    if split_column:
        common[split_column] = replace(common[split_column], how=Reading(Kind.CATEGORY))
    given = _given(t for name in order for t in opened.tables[name])
    columns, task, assumed = assign(common, options, split_column, given)
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
    data.row_names = {
        t.file: t.row_names for ts in opened.tables.values() for t in ts if t.row_names
    }
    if split_column:
        _divide(data, split_column)
    _measure(data, options)
    return data


def _measure(data: Dataset, options: SourceOptions) -> None:
    """What lengths are counted in: tokens where a tokenizer is given, unless asked otherwise."""
    unit = options.length_unit or ("tokens" if options.tokenizer else "words")
    if unit == "tokens" and not options.tokenizer:
        raise UsageError("lengths in tokens need a tokenizer", "--tokenizer tokenizer.json")
    data.measure = Measure(unit, options.tokenizer or "" if unit == "tokens" else "")
    if unit != "words" and any(c.kind is Kind.TEXT for c in data.columns.values()):
        of = f" of {options.tokenizer}" if unit == "tokens" else ""
        data.assumptions.append(f"lengths of texts are counted in {unit}{of}")


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


def _given(tables: Iterable[Table]) -> dict[str, Given]:
    """What the tables know of their columns; the first that knows a column has the say."""
    out: dict[str, Given] = {}
    for table in tables:
        for name, one in table.given.items():
            out.setdefault(name, one)
    return out


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
                    cells = batch.frame[column].alias("value").cast(pl.String).fill_null("")
                    found = cells.value_counts(name="n")
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
