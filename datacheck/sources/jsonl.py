"""JSON Lines, read in chunks of whole lines; a line that is no object is told apart."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datacheck.dataset import Batch, Fragment, Problem
from datacheck.errors import SourceError
from datacheck.sources import lines, streams
from datacheck.sources.lines import Records, Text
from datacheck.sources.table import Readings, Table, peek_rows, to_batch
from datacheck.types import Ints

Schema = dict[str, pl.DataType]
MAX_TOLD = 20


@dataclass(frozen=True, slots=True)
class JsonlFragment:
    """A whole JSON Lines file."""

    split: str
    file: str
    path: Path
    schema: Schema
    encoding: str
    readings: Readings

    def fingerprint(self) -> tuple[str, int, int]:
        """(path, size, mtime in ns)."""
        return streams.fingerprint(self.path)

    def read(self, columns: Sequence[str], batch_rows: int) -> Iterator[Batch]:
        """Batches of whole lines; lines that are no objects go to their problems."""
        del batch_rows  # chunks are cut by bytes; the engine puts rows on its own grid
        wanted = {c: self.schema[c] for c in columns if c in self.schema}
        text = Text(self.path, self.encoding, quotes=False)
        told = broken = 0
        for records in text.records():
            raw, rows, bad = parse(records, wanted)
            shown = bad[: max(0, MAX_TOLD - told)]
            told, broken = told + len(shown), broken + len(bad)
            problems = [Problem(self.split, self.file, line, why) for line, why in shown]
            yield to_batch(raw, rows, columns, self.readings, problems)
        last: list[Problem] = []
        if broken > told:
            reason = f"{broken - told:,} more lines like those told apart"
            last.append(Problem(self.split, self.file, -1, reason))
        if text.odd_lines:
            reason = f"{text.odd_lines:,} lines are not UTF-8; read as Windows-1252"
            last.append(Problem(self.split, self.file, text.first_odd, reason, warning=True))
        if last:
            yield to_batch(
                pl.DataFrame(), np.zeros(0, dtype=np.int64), columns, self.readings, last
            )


def parse(records: Records, schema: Schema) -> tuple[pl.DataFrame, Ints, list[tuple[int, str]]]:
    """(frame, line numbers, broken lines) of a chunk, with the columns of ``schema``."""
    if schema:
        try:
            frame = pl.read_ndjson(io.BytesIO(records.data), schema=schema)
            if frame.height == records.starts.size:
                return frame, records.lines, []
        except pl.exceptions.PolarsError:
            pass  # some line is no object or does not fit the schema: line by line, then
    objects, rows, bad = _objects(records)
    frame = pl.DataFrame(
        [_column(name, dtype, [o.get(name) for o in objects]) for name, dtype in schema.items()]
    )
    return frame, rows, bad


def _objects(records: Records) -> tuple[list[dict[str, Any]], Ints, list[tuple[int, str]]]:
    bounds = [*records.starts.tolist(), len(records.data)]
    objects: list[dict[str, Any]] = []
    good: list[int] = []
    bad: list[tuple[int, str]] = []
    for i, line in enumerate(records.lines.tolist()):
        try:
            value = json.loads(records.data[bounds[i] : bounds[i + 1]])
        except (ValueError, RecursionError) as error:
            bad.append((line, f"is no JSON: {error}"[:100]))
            continue
        if isinstance(value, dict):
            objects.append(value)
            good.append(i)
        else:
            bad.append((line, f"holds a {type(value).__name__}, not an object"))
    return objects, records.lines[np.array(good, dtype=np.int64)], bad


def _column(name: str, dtype: pl.DataType, values: list[Any]) -> pl.Series:
    """Values as that type; where one does not fit, all as strings (read again by their kind)."""
    try:
        return pl.Series(name, values, dtype=dtype, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        pass
    text = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
    return pl.Series(name, text, dtype=pl.String)


def open_jsonl(path: Path, file: str, encoding: str | None) -> Table:
    """A table from JSON Lines. Raises SourceError for what is none."""
    raw = lines.head(path)
    if not raw.strip():
        raise SourceError("is empty" if not raw else "holds nothing but blank lines")
    wide = encoding or streams.wide_encoding(raw)
    if not wide and streams.is_binary(raw):
        raise SourceError("is binary, not JSON Lines")
    text = Text(path, wide, quotes=False)
    objects: list[dict[str, Any]] = []
    broken = 0
    try:
        for records in text.records():
            found, _, bad = _objects(records)
            objects += found
            broken += len(bad)
            if len(objects) >= 10_000 or broken > 10_000:
                break
    except SourceError:
        if not objects:
            raise
    if not objects:
        raise SourceError("holds no line that is a JSON object", "one object a line is expected")
    names = list(dict.fromkeys(key for one in objects for key in one))
    objects = objects[: peek_rows(len(names))]
    columns = [_infer(name, [o.get(name) for o in objects]) for name in names]
    peek = pl.DataFrame(columns)
    schema: Schema = dict(peek.schema)

    def fragments(split: str, readings: Readings) -> list[Fragment]:
        return [JsonlFragment(split, file, path, schema, wide or "", readings)]

    return Table(file, peek, fragments)


def _infer(name: str, values: list[Any]) -> pl.Series:
    kinds = {type(v) for v in values if v is not None}
    if kinds <= {int, float}:
        return pl.Series(name, values, dtype=pl.Float64 if kinds else pl.Null, strict=False)
    if kinds <= {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds == {list}:
        items = {type(i) for v in values if v for i in v}
        if items <= {int, float, bool, type(None)}:
            return pl.Series(name, values, dtype=pl.List(pl.Float64), strict=False)
        if items <= {str, type(None)}:
            return pl.Series(name, values, dtype=pl.List(pl.String))
    if kinds == {dict}:
        return pl.Series(
            name, [{"json": json.dumps(v)} for v in values]
        )  # a struct: told, not read
    return _column(name, pl.String(), values)
