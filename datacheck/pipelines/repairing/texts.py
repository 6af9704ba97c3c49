"""Texts written again: lines, files side by side, a file an example, documents of JSON.

Records that no repair touched keep their bytes (but for blank lines); what was changed is written
in the form that its file has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datacheck.errors import UsageError
from datacheck.pipelines.repairing import folder
from datacheck.pipelines.repairing.text_files import text_file
from datacheck.pipelines.repairing.writing import Piece, Shape, placed, verbatim
from datacheck.sources import streams
from datacheck.sources.lines import BOM, Text
from datacheck.sources.objects import ObjectsFragment, parsed
from datacheck.sources.texts.files import TEXT, FilesFragment
from datacheck.sources.texts.forms import Commands, Marked, Plain
from datacheck.sources.texts.lines import LABEL, LinesFragment
from datacheck.sources.texts.pairs import PairsFragment
from datacheck.sources.texts.series import Series, header


def write_lines(
    fragment: LinesFragment, pieces: Iterator[Piece], target: Path, shape: Shape
) -> None:
    """A file of records. Raises UsageError for values that its form cannot hold."""
    _same_columns(fragment.file, shape)
    with text_file(target, fragment.path, fragment.encoding) as write:
        if isinstance(fragment.form, Series):
            write(header(Text(fragment.path, fragment.encoding, quotes=False)))
        for piece in pieces:
            touched = piece.touched
            lines = None if touched is None else _rendered(fragment, piece.frame)

            def rows(start: int, stop: int, piece: Piece = piece, lines: Any = lines) -> bytes:
                if lines is None or piece.touched is None:
                    return verbatim(piece.records, start, stop) if piece.records else b""
                if piece.records is None or piece.touched[start:stop].all():
                    return b"".join(lines[start:stop])
                old = (verbatim(piece.records, i, i + 1) for i in range(start, stop))
                new = zip(lines[start:stop], piece.touched[start:stop], old, strict=True)
                return b"".join(line if hit else kept for line, hit, kept in new)

            placed(piece, rows, write)


def _same_columns(file: str, shape: Shape) -> None:
    if not shape.same:
        what = (*shape.added, *shape.dropped)[0]
        raise UsageError(
            f"{file} has no columns, so that {what!r} can neither come nor go",
            "take that step out of the plan",
        )


def _rendered(fragment: LinesFragment, frame: pl.DataFrame) -> list[bytes]:
    """Each row as a line of the file."""
    form = fragment.form
    if isinstance(form, Plain):
        texts = [_line(frame[form.column])]
    elif isinstance(form, Marked):
        marks = pl.lit(Marked.MARK) + frame["label"].str.replace_all(" ", f" {Marked.MARK}")
        texts = [frame.select(marks.alias("m")).to_series(), _line(frame["text"])]
    elif isinstance(form, Commands):
        texts = [pl.lit("IN:"), _line(frame["in"]), pl.lit("OUT:"), _line(frame["out"])]  # type: ignore[list-item] # both are columns to Polars
    else:
        raise UsageError(
            f"{fragment.file} holds tokens or series beside their labels: values of one alone "
            "cannot change",
            "take the steps that change values out of the plan",
        )
    joined = frame.select(pl.concat_str(texts, separator=" ").alias("x")).to_series()
    return [f"{line}\n".encode() for line in joined.to_list()]


def _line(texts: pl.Series) -> pl.Series:
    """Texts that stay on one line."""
    return texts.fill_null("").str.replace_all(r"[\r\n]+", " ")


# -- side by side ------------------------------------------------------------------------------


def write_pairs(
    fragment: PairsFragment, pieces: Iterator[Piece], targets: Sequence[Path], shape: Shape
) -> None:
    """The files of all sides in step; ``targets`` in the order of the sides."""
    _same_columns(fragment.file, shape)
    with ExitStack() as stack:
        writes = [
            stack.enter_context(text_file(target, side.path, side.encoding))
            for side, target in zip(fragment.sides, targets, strict=True)
        ]
        for piece in pieces:
            if piece.frame.height:
                for side, write in zip(fragment.sides, writes, strict=True):
                    lines = _line(piece.frame[side.column])
                    write(("\n".join(lines.to_list()) + "\n").encode())
            for bad in piece.bad:  # lines that only the longer file has
                writes[bad.side](bad.text)


# -- a file an example -------------------------------------------------------------------------


@dataclass(slots=True)
class Kept:
    """What becomes of the files of a split, by name: ``gone`` ones, and ``changed`` ones.

    ``now`` are the new names of changed files that are called otherwise.
    """

    gone: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    now: dict[str, str] = field(default_factory=dict)


def write_files(
    fragments: Sequence[FilesFragment], pieces: Iterator[Piece], aside: Path, shape: Shape
) -> Kept:
    """Changed files below ``aside``, and those that came from another split; which ones are gone.

    What stays as it is has been copied already.
    """
    _same_columns(fragments[0].file, shape)
    names = [n for f in fragments for n in f.names]
    homes = {c: n for f in fragments for c, n in zip(f.classes or f.names, f.names, strict=True)}
    out = Kept(gone=set(names))
    came = 0
    for piece in pieces:
        at = piece.rows
        own = at < len(names)
        out.gone -= {names[i] for i in at[own].tolist()}
        out.gone -= {names[bad.line] for bad in piece.bad}
        touched = np.zeros(at.size, dtype=np.bool_) if piece.touched is None else piece.touched
        texts = piece.frame[TEXT]
        for i in np.flatnonzero(touched & own).tolist():
            name = names[int(at[i])]
            encoding = fragments[0].encoding or "utf-8"
            data = (texts[i] or "").encode(encoding, "replace")
            folder.placed(aside / name).write_bytes(data)
            out.changed.add(name)
        for i in np.flatnonzero(~own).tolist():
            came += 1
            label = piece.frame[LABEL][i] if LABEL in piece.frame.columns else ""
            place = _home(homes, label, fragments[0].names[0])
            while (aside / f"{place}/moved-{came}.txt").exists():
                came += 1
            data = (texts[i] or "").encode("utf-8")
            folder.placed(aside / f"{place}/moved-{came}.txt").write_bytes(data)
    return out


def _home(homes: Mapping[str, str], label: str, other: str) -> str:
    """The folder of a class: where its files are, or one beside those of the other classes."""
    if label in homes:
        return str(Path(homes[label]).parent)
    beside = Path(other).parent
    return str(beside.parent / label) if label else str(beside)


# -- JSON --------------------------------------------------------------------------------------


def write_objects(
    fragments: Sequence[ObjectsFragment], pieces: Iterator[Piece], target: Path, shape: Shape
) -> None:
    """The document with the same lists, fewer or changed records."""
    first = fragments[0]
    document = parsed(first.path, first.encoding)
    by_split = {f.split: f for f in fragments}
    made: dict[str, list[tuple[int, Any]]] = {f.key: [] for f in fragments}
    for piece in pieces:
        fragment = by_split[piece.split]
        items = document[fragment.key] if fragment.key else document
        made[fragment.key] += _records(fragment, items, piece, shape)
    for key, found in made.items():
        listed = [item for _, item in sorted(found, key=lambda one: one[0])]
        if key:
            document[key] = listed
        else:
            document = listed
    indent = _indent(first.path)
    text = json.dumps(document, ensure_ascii=False, indent=indent, default=str)
    with text_file(target, first.path, first.encoding) as write:
        write(text.encode("utf-8", "replace") + b"\n")


def _records(
    fragment: ObjectsFragment, items: list[Any], piece: Piece, shape: Shape
) -> list[tuple[int, Any]]:
    """(row, record) of a piece: as it was where nothing has changed."""
    new = piece.touched is not None or not shape.same
    cells = piece.frame.to_dicts() if new else []
    touched = np.ones(piece.rows.size, dtype=np.bool_) if not shape.same else piece.touched
    out: list[tuple[int, Any]] = [(bad.line, items[bad.line]) for bad in piece.bad]
    for i, row in enumerate(piece.rows.tolist()):
        old = items[row] if row < len(items) else None
        if old is not None and (touched is None or not touched[i]):
            out.append((row, old))
            continue
        out.append((row, _record(fragment, old, cells[i], shape)))
    return out


def _record(fragment: ObjectsFragment, old: Any, new: Mapping[str, Any], shape: Shape) -> Any:
    from datacheck.pipelines.repairing.writing import same, stored_names

    stored = stored_names(fragment.columns)
    if isinstance(old, list) or (old is None and fragment.listed):
        _same_columns(fragment.file, shape)
        values = [new[n] for n in new]
        return [same(a, b) for a, b in zip(old or values, values, strict=True)]
    out = dict(old or {})
    for name, value in new.items():
        key = stored.get(name, name)
        if key in out or value is not None:
            out[key] = same(out.get(key), value)
    for name in shape.dropped:
        out.pop(stored.get(name, name), None)
    return out


def _indent(path: Path) -> int | None:
    with streams.opened(path) as file:
        head = streams.read(file, 4096).removeprefix(BOM).decode("utf-8", "replace")
    line = head[1:].lstrip("\r")
    return len(line) - len(line[1:].lstrip(" ")) - 1 or None if line.startswith("\n") else None
