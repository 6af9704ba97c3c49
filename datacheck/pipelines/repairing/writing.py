"""Files written again in the format they had: delimited text, JSON Lines, Parquet, Arrow, npz.

Each writer pulls pieces and writes them as they come, so that memory stays bounded; npz archives
alone are held whole, as they are when read. Rows of text files that no repair touched are written
byte for byte.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl

from datacheck.dataset import Fragment
from datacheck.errors import DatacheckError
from datacheck.pipelines.repairing.text_files import text_file
from datacheck.sources.columnar import ColumnarFragment
from datacheck.sources.delimited import DelimitedFragment
from datacheck.sources.jsonl import JsonlFragment
from datacheck.sources.lines import Bad, Records, Text
from datacheck.sources.sniff import csv_rows
from datacheck.sources.table import reserved
from datacheck.sources.texts.lines import LinesFragment
from datacheck.types import Ints, Mask

T = TypeVar("T")


def in_order(kept: list[T], added: list[T]) -> list[T]:
    """Added columns stand before the last one: what is last is often the label, and stays so."""
    return [*kept[:-1], *added, *kept[-1:]]


@dataclass(slots=True)
class Piece:
    """Rows to be written, in order: the stored columns with the mended ones in place.

    ``touched`` says which rows have a changed value (None: none has); ``records`` are the bytes
    of the rows of a text file; ``bad`` are broken records that stay where they are. ``rows`` are
    the row numbers in the file they come from, ``split`` is the one of the fragment.
    """

    frame: pl.DataFrame
    rows: Ints
    touched: Mask | None = None
    records: Records | None = None
    bad: Sequence[Bad] = field(default_factory=tuple)
    split: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """What becomes of the columns of a file: those that go, and those that are added."""

    dropped: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether no column comes or goes."""
        return not (self.dropped or self.added)


def writer(fragment: Fragment, path: Path | None) -> Callable[[Iterator[Piece], Path, Shape], None]:
    """How a file of that kind is written: ``write(pieces, target, shape)``."""
    if isinstance(fragment, DelimitedFragment):
        return lambda pieces, target, shape: _delimited(fragment, pieces, target, shape)
    if isinstance(fragment, JsonlFragment):
        return lambda pieces, target, shape: _jsonl(fragment, pieces, target, shape)
    if isinstance(fragment, ColumnarFragment):
        from datacheck.pipelines.repairing.columnar import write_columnar

        return lambda pieces, target, shape: write_columnar(fragment, pieces, target)
    if isinstance(fragment, LinesFragment):
        from datacheck.pipelines.repairing.texts import write_lines

        return lambda pieces, target, shape: write_lines(fragment, pieces, target, shape)
    if path is not None and path.suffix.lower() == ".npz":
        from datacheck.pipelines.repairing.arrays import write_npz

        return lambda pieces, target, shape: write_npz(path, pieces, target, shape)
    raise DatacheckError(f"{fragment.file} cannot be written again", "give files or frames")


def placed(piece: Piece, rows: Callable[[int, int], bytes], write: Callable[[bytes], None]) -> None:
    """Rows with the broken records between them, each at the line it had."""
    at = 0
    for one in piece.bad:
        stop = int(np.searchsorted(piece.rows, one.line))
        if stop > at:
            write(rows(at, stop))
            at = stop
        write(one.text)
    if at < piece.rows.size:
        write(rows(at, piece.rows.size))


def verbatim(records: Records, start: int, stop: int) -> bytes:
    """The bytes of some records."""
    bounds = np.append(records.starts, len(records.data))
    return records.data[int(bounds[start]) : int(bounds[stop])]


def _delimited(
    fragment: DelimitedFragment, pieces: Iterator[Piece], target: Path, shape: Shape
) -> None:
    dialect, kept = fragment.dialect, [n for n in fragment.names if n not in shape.dropped or not n]
    order = in_order(kept, list(shape.added))
    with text_file(target, fragment.path, dialect.encoding) as write:
        if dialect.header:
            write(_header(fragment, shape))
        for piece in pieces:
            if shape.same and piece.touched is None and piece.records is not None:
                records = piece.records
                placed(piece, lambda a, b, r=records: verbatim(r, a, b), write)  # type: ignore[misc] # mypy cannot infer a lambda's default
                continue
            cells = _cells(piece.frame, order)

            def rows(start: int, stop: int, cells: pl.DataFrame = cells) -> bytes:
                return _csv(cells.slice(start, stop - start), dialect.delimiter, dialect.quotes)

            placed(piece, rows, write)


def _cells(frame: pl.DataFrame, order: Sequence[str]) -> pl.DataFrame:
    """All fields of a record in order; a column without name and content is empty."""
    empty = pl.Series([None], dtype=pl.String).new_from_index(0, frame.height)
    columns = [(frame[n] if n else empty).alias(str(i)) for i, n in enumerate(order)]
    out = pl.DataFrame(columns)
    # The empty cell of a file of one column would be a blank line, which is no record.
    return out.with_columns(pl.all().fill_null("")) if out.width == 1 else out


def _csv(cells: pl.DataFrame, delimiter: str, quotes: bool) -> bytes:
    out = io.BytesIO()
    style: Any = "necessary" if quotes else "never"
    cells.write_csv(out, include_header=False, separator=delimiter, quote_style=style)
    return out.getvalue()


def _header(fragment: DelimitedFragment, shape: Shape) -> bytes:
    text = Text(fragment.path, fragment.dialect.encoding, fragment.dialect.quotes)
    records = next(text.records())
    line = verbatim(records, 0, 1)
    if shape.same:
        return line
    told = line.decode("utf-8")
    delimiter = fragment.dialect.delimiter
    cells = next(csv_rows(told, delimiter, fragment.dialect.quotes), [])
    named = zip(cells, fragment.names, strict=False)
    kept = [c for c, n in named if not n or n not in shape.dropped]
    out = io.StringIO()
    cells = in_order(kept, list(shape.added))
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerow(cells)
    return out.getvalue().encode()


def _jsonl(fragment: JsonlFragment, pieces: Iterator[Piece], target: Path, shape: Shape) -> None:
    stored = stored_names(tuple(fragment.schema))
    gone = [stored.get(n, n) for n in shape.dropped]
    with text_file(target, fragment.path, fragment.encoding) as write:
        for piece in pieces:
            lines = _lines(piece, stored, gone, all_rows=not shape.same)

            def rows(start: int, stop: int, lines: Any = lines, piece: Piece = piece) -> bytes:
                if lines is None and piece.records is not None:
                    return verbatim(piece.records, start, stop)
                return b"".join(lines[start:stop])

            placed(piece, rows, write)


def _lines(
    piece: Piece, stored: Mapping[str, str], gone: Sequence[str], *, all_rows: bool
) -> list[bytes] | None:
    """The lines of a piece, those of changed rows written again; None if none has changed."""
    changed = piece.touched if not all_rows else np.ones(piece.rows.size, dtype=np.bool_)
    if piece.records is not None and (changed is None or not changed.any()):
        return None
    at = np.arange(piece.rows.size) if changed is None else np.flatnonzero(changed)
    values = piece.frame[at].to_dicts()
    lines = [] if piece.records is None else _cut(piece.records)
    lines = lines or [b"{}\n"] * piece.rows.size
    for i, new in zip(at.tolist(), values, strict=True):
        old = json.loads(lines[i])
        known = set(old)
        for name, value in new.items():
            key = stored.get(name, name)
            if key in old or value is not None:
                old[key] = same(old.get(key), value)
        for key in gone:
            old.pop(key, None)
        if known and len(old) > len(known):
            kept = [k for k in old if k in known]
            old = {k: old[k] for k in in_order(kept, [k for k in old if k not in known])}
        lines[i] = json.dumps(old, ensure_ascii=False, default=str).encode() + b"\n"
    return lines


def same(old: Any, new: Any) -> Any:
    """The old spelling of a value that is equal: 5 is not to become 5.0, nor a list a text."""
    if isinstance(new, float) and new.is_integer() and isinstance(old, int) and old == new:
        return old
    if isinstance(old, dict) or (isinstance(old, list) and not isinstance(new, list)):
        return old
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [same(a, b) for a, b in zip(old, new, strict=True)]
    return new


def _cut(records: Records) -> list[bytes]:
    bounds = [*records.starts.tolist(), len(records.data)]
    return [records.data[a:b] for a, b in itertools.pairwise(bounds)]


def stored_names(names: Sequence[str]) -> dict[str, str]:
    """The names in the file of columns that we call otherwise."""
    return {ours: theirs for theirs, ours in reserved(names).items()}
