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
from datacheck.sources.lines import Bad, Records, Text
from datacheck.sources.table import Readings, Table, peek_rows, reserved, to_batch, told

Schema = dict[str, pl.DataType]
MAX_TOLD = 20
HALF = (b"\\ud", b"\\uD")  # how JSON escapes one


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
        other = reserved(tuple(self.schema))
        asked = set(columns)
        wanted = {c: t for c, t in self.schema.items() if other.get(c, c) in asked}
        text = Text(self.path, self.encoding, quotes=False)
        shown = broken = 0
        cut: SourceError | None = None
        try:
            for records in text.records():
                raw, good, bad = parse(records, wanted)
                raw.columns = [other.get(c, c) for c in raw.columns]
                tell = bad[: max(0, MAX_TOLD - shown)]
                shown, broken = shown + len(tell), broken + len(bad)
                problems = [Problem(self.split, self.file, b.line, b.reason) for b in tell]
                yield to_batch(raw, good.lines, columns, self.readings, problems)
        except SourceError as error:
            cut = error
        last: list[Problem] = []
        if broken > shown:
            reason = f"{broken - shown:,} more lines like those told apart"
            last.append(Problem(self.split, self.file, -1, reason))
        last += [Problem(self.split, self.file, row, why, warning=True) for row, why in text.odd()]
        if last:
            yield to_batch(
                pl.DataFrame(), np.zeros(0, dtype=np.int64), columns, self.readings, last
            )
        if cut is not None:
            raise cut


def parse(records: Records, schema: Schema) -> tuple[pl.DataFrame, Records, list[Bad]]:
    """(frame, its records, broken lines) of a chunk, with the columns of ``schema``."""
    if schema:
        try:
            frame = pl.read_ndjson(io.BytesIO(records.data), schema=schema)
            if frame.height == records.starts.size:
                return frame, records, []
        except pl.exceptions.PolarsError:
            pass  # some line is no object or does not fit the schema: line by line, then
    objects, good, bad = _objects(records)
    frame = pl.DataFrame(
        {c: _column(c, dtype, [o.get(c) for o in objects]) for c, dtype in schema.items()}
    )
    return frame, good, bad


def _objects(records: Records) -> tuple[list[dict[str, Any]], Records, list[Bad]]:
    bounds = [*records.starts.tolist(), len(records.data)]
    objects: list[dict[str, Any]] = []
    good = np.zeros(records.starts.size, dtype=np.bool_)
    bad: list[Bad] = []
    for i, line in enumerate(records.lines.tolist()):
        raw = records.data[bounds[i] : bounds[i + 1]]
        try:
            value = json.loads(raw)
            if any(h in raw for h in HALF):
                # Half of a surrogate pair is no character: nothing else could hold it.
                whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
                value = json.loads(whole)
        except (ValueError, RecursionError) as error:
            bad.append(Bad(line, f"is no JSON: {error}"[:100], raw))
            continue
        if isinstance(value, dict):
            objects.append(value)
            good[i] = True
        else:
            bad.append(Bad(line, f"holds a {type(value).__name__}, not an object", raw))
    return objects, records if good.all() else records.keep(good), bad


def _column(name: str, dtype: pl.DataType, values: list[Any]) -> pl.Series:
    """Values as that type; where one does not fit, all as strings (read again by their kind)."""
    nested = not dtype.is_nested() and any(isinstance(v, list | dict) for v in values)
    try:
        if not nested:  # which Polars would find out in the cube of the depth
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
    lines.check_encoding(wide)
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
    # A mapping, as Polars would give a series without a name another one.
    peek = pl.DataFrame({name: infer(name, [o.get(name) for o in objects]) for name in names})
    schema: Schema = dict(peek.schema)

    def fragments(split: str, readings: Readings) -> list[Fragment]:
        return [JsonlFragment(split, file, path, schema, wide or "", readings)]

    other = reserved(names)
    return Table(file, peek.rename(other), fragments, said=told(other))


def infer(name: str, values: list[Any]) -> pl.Series:
    """A column of the type that all values have, or of strings."""
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
