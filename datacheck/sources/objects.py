"""Plain JSON: a list of objects or of lists, or such lists by the names of splits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datacheck.dataset import Batch, Fragment, Problem
from datacheck.errors import SourceError
from datacheck.findings import names
from datacheck.sources import lines, streams
from datacheck.sources.jsonl import infer
from datacheck.sources.layout import split_of
from datacheck.sources.table import Readings, Table, peek_rows, reserved, to_batch, told

LARGEST = 512 << 20  # bytes; a document of JSON is held whole, several times over
MAX_TOLD = 20
PAIR = ("text", "label")  # what two strings side by side are called


@dataclass(frozen=True, slots=True)
class ObjectsFragment:
    """One list of a JSON document: that of ``key``, or the document itself ('').

    Rows are numbered from 0 in their list.
    """

    split: str
    file: str
    path: Path
    key: str
    columns: tuple[str, ...]
    encoding: str
    readings: Readings
    listed: bool = False
    """Whether records are lists, not objects."""

    def fingerprint(self) -> tuple[str, int, int]:
        """(path, size, mtime in ns)."""
        return streams.fingerprint(self.path)

    def read(self, columns: Sequence[str], batch_rows: int) -> Iterator[Batch]:
        """Slices of the list; items of another form than the first go to their problems."""
        frame, rows, bad = self.frame()
        have = set(frame.columns)
        picked = frame.select([c for c in columns if c in have])
        problems = [Problem(self.split, self.file, row, why) for row, why in bad[:MAX_TOLD]]
        if len(bad) > MAX_TOLD:
            more = f"{len(bad) - MAX_TOLD:,} more records like those told apart"
            problems.append(Problem(self.split, self.file, -1, more))
        for at in range(0, max(frame.height, 1), max(batch_rows, 1)):
            piece = picked.slice(at, batch_rows)
            yield to_batch(piece, rows[at : at + batch_rows], columns, self.readings, problems)
            problems = []

    def frame(self) -> tuple[pl.DataFrame, np.ndarray[Any, Any], list[tuple[int, str]]]:
        """(cells as stored, their row numbers, (row, reason) of items that do not fit)."""
        document = parsed(self.path, self.encoding)
        return _frame(document[self.key] if self.key else document, self.columns)


def parsed(path: Path, encoding: str = "") -> Any:
    """The document. Raises SourceError for a file that is none, or too large."""
    streams.readable(path)
    with streams.opened(path) as file:
        data = streams.read(file, LARGEST + 1)
    if len(data) > LARGEST:
        raise SourceError("holds more than 512 MiB of JSON in one document; write JSON Lines")
    wide = encoding or streams.wide_encoding(data)
    lines.check_encoding(wide)
    try:
        return json.loads(data.decode(wide) if wide else data.removeprefix(lines.BOM))
    except (ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:100]
        raise SourceError(f"is no JSON: {said}") from None


def open_objects(path: Path, file: str, encoding: str | None) -> dict[str, Table]:
    """Tables by split ('' for a list that is the document). Raises SourceError."""
    document = parsed(path, encoding or "")
    if isinstance(document, list):
        return {"": _table(document, path, file, "", encoding or "")}
    if not isinstance(document, dict):
        raise SourceError(f"holds a {type(document).__name__}, and no list of records")
    lists = {k: v for k, v in document.items() if isinstance(v, list) and v and _record(v[0])}
    splits = [k for k in lists if _names_split(k)]
    if not splits:
        if len(lists) == 1:
            ((key, value),) = lists.items()
            return {"": _table(value, path, file, key, encoding or "")}
        raise SourceError(
            f"is a JSON object of {names(map(str, document), 4)}, none a list of records of a split"
        )
    out = {}
    for key, value in lists.items():
        # Splits of one document are files of their own: each numbers its rows from 0.
        out[split_of(key) or key] = _table(value, path, f"{key}/{file}", key, encoding or "")
    left = [k for k in document if k not in lists]
    if left:
        next(iter(out.values())).said.append(f"not read, no lists of records: {names(left, 5)}")
    return out


def _names_split(key: str) -> bool:
    return any(split_of(part) for part in (key, *key.replace("-", "_").split("_")))


def _record(item: Any) -> bool:
    return isinstance(item, dict) or (
        isinstance(item, list) and bool(item) and not any(isinstance(v, dict) for v in item)
    )


def _table(items: list[Any], path: Path, file: str, key: str, encoding: str) -> Table:
    head = items[:10_000]
    columns = tuple(_columns(head))
    if not columns:
        raise SourceError("holds no record with a field")
    limit, listed = peek_rows(len(columns)), isinstance(items[0], list)
    peek, _, _ = _frame(items[:limit], columns)
    other = reserved(columns)

    def fragments(split: str, readings: Readings) -> list[Fragment]:
        return [ObjectsFragment(split, file, path, key, columns, encoding, readings, listed)]

    table = Table(file, peek, fragments, said=told(other))
    if listed:
        table.said.append(f"records are lists; their items are called {names(columns, 6)}")
    return table


def _columns(items: Sequence[Any]) -> list[str]:
    first = next((i for i in items if _record(i)), None)
    if isinstance(first, dict):
        return list(dict.fromkeys(k for i in items if isinstance(i, dict) for k in i))
    if first is None:
        return []
    if len(first) == 2 and all(isinstance(v, str) for v in first):
        return list(PAIR)
    return [f"column_{j + 1}" for j in range(len(first))]


def _frame(
    items: Any, columns: Sequence[str]
) -> tuple[pl.DataFrame, np.ndarray[Any, Any], list[tuple[int, str]]]:
    """Records as columns, by the names that an audit calls them."""
    if not isinstance(items, list):
        raise SourceError("has changed while it was read")
    form = next((type(i) for i in items if _record(i)), dict)
    width = len(columns)
    rows, bad, kept = [], [], []
    for i, item in enumerate(items):
        if not isinstance(item, form):
            bad.append((i, f"holds a {type(item).__name__}, not a {_word(form)}"))
        elif form is list and len(item) != width:
            bad.append((i, f"{len(item)} fields instead of {width}"))
        else:
            rows.append(i)
            kept.append(item)
    if form is list:
        each = {c: [item[j] for item in kept] for j, c in enumerate(columns)}
    else:
        each = {c: [item.get(c) for item in kept] for c in columns}
    other = reserved(columns)
    frame = pl.DataFrame({other.get(c, c): infer(c, values) for c, values in each.items()})
    return frame, np.array(rows, dtype=np.int64), bad


def _word(form: type) -> str:
    return "list" if form is list else "object"
