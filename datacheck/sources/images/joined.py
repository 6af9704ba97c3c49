"""Tables whose cells are pictures, or the paths of pictures: the pictures join as columns."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from datacheck.dataset import Fragment
from datacheck.sources.images.fragments import Beside, Pictures, WithImages, Within
from datacheck.sources.images.measures import given
from datacheck.sources.images.pictures import is_picture, starts_like_a_picture
from datacheck.sources.table import Readings, Table

if TYPE_CHECKING:
    import polars as pl

LOOKED_AT = 200  # cells of the peek, evenly spaced
MOSTLY = 0.8  # share of them that must be named as pictures are
BEGIN = 0.05  # share that must begin as pictures do; other bytes hardly ever do


def joined(
    table: Table,
    path: Path | None = None,
    root: Path | None = None,
    pictures: Sequence[str] = (),
    *,
    follow: bool = False,
) -> Table:
    """The table with its columns of pictures known as such; the same if it has none.

    ``path`` is the table's file (None in memory, where no cell is taken for a path), ``root`` the
    folder of the data set: no path leads out of it.
    ``pictures`` are the paths of the pictures found below ``root``, by which a cell that names
    only the end of its path is completed. ``follow``: those may be links out of ``root``.
    """
    found: dict[str, Pictures] = {}
    for series in table.peek.iter_columns():
        where = _within(series)
        if where is None and path is not None and root is not None:
            where = _beside(series, path, root, pictures, follow)
        if where is not None:
            found[series.name] = where
    if not found:
        return table
    inner = table.fragments
    known = dict(table.given)
    said = list(table.said)
    for column, where in found.items():
        known |= given(column)
        if isinstance(where, Beside):
            folder = where.prefix or "./"
            said.append(f"{column} names pictures in {folder}")

    def fragments(split: str, readings: Readings) -> Sequence[Fragment]:
        made = list(inner(split, readings))
        for column, where in found.items():
            made = [WithImages(one, column, where) for one in made]
        return made

    # What the cells hold is of no use to a look at the table, and bytes take much memory.
    import polars as pl

    peek = table.peek.with_columns(
        pl.Series(c, ["" if gone else "picture" for gone in table.peek[c].is_null()])
        for c, where in found.items()
        if isinstance(where, Within)
    )
    return replace(table, peek=peek, fragments=fragments, given=known, said=said)


def _within(series: pl.Series) -> Pictures | None:
    """Bytes that begin as pictures do."""
    import polars as pl

    cells = series
    if isinstance(cells.dtype, pl.Struct):
        if "bytes" not in {f.name for f in cells.dtype.fields}:
            return None
        cells = cells.struct.field("bytes")
    if cells.dtype != pl.Binary:
        return None
    there = cells.drop_nulls()
    heads = there.gather_every(max(1, len(there) // LOOKED_AT)).to_list()
    good = sum(starts_like_a_picture(h[:16]) for h in heads)
    named = isinstance(series.dtype, pl.Struct) and _named(series)
    return Within() if heads and (named or good >= BEGIN * len(heads)) else None


def _named(series: pl.Series) -> bool:
    """Whether the paths beside the bytes are mostly those of pictures."""
    import polars as pl

    fields = {f.name for f in pl.Struct(series.struct.schema).fields}
    if "path" not in fields or series.struct.schema["path"] != pl.String:
        return False
    paths = series.struct.field("path").drop_nulls().head(LOOKED_AT).to_list()
    return bool(paths) and sum(map(is_picture, paths)) >= MOSTLY * len(paths)


def _beside(
    series: pl.Series, path: Path, root: Path, pictures: Sequence[str], follow: bool
) -> Pictures | None:
    """Paths of pictures that exist, relative to the table, the data set or a folder in it."""
    import polars as pl

    if series.dtype != pl.String:
        return None
    cells = [c for c in series.drop_nulls().head(LOOKED_AT).to_list() if c]
    named = [c for c in cells if is_picture(c)]
    if not cells or len(named) < MOSTLY * len(cells):
        return None
    for folder in dict.fromkeys((path.parent, root)):
        if any(_there(folder / c) for c in named[:20]):
            return Beside(root, _prefix(folder, root), follow)
    votes: Counter[str] = Counter()
    for cell in named[:20]:
        end = "/" + os.path.normpath(cell).lstrip("/")
        votes.update(p[: -len(end) + 1] for p in pictures if ("/" + p).endswith(end))
    if not votes:
        return None
    return Beside(root, votes.most_common(1)[0][0], follow)


def _prefix(folder: Path, root: Path) -> str:
    told = os.path.relpath(folder, root)
    return "" if told == "." else f"{told}/"


def _there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
