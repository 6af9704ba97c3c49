"""One file becomes its tables; what cannot be read is told, not fatal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from datacheck.errors import SourceError
from datacheck.sources import streams
from datacheck.sources.images.joined import joined
from datacheck.sources.layout import JSON, form_of
from datacheck.sources.options import SourceOptions
from datacheck.sources.table import Opened, Table
from datacheck.sources.texts import telling
from datacheck.sources.trying import tried

NOT_READ = {
    ".pkl": "pickles are never loaded, they can run code",
    ".pickle": "pickles are never loaded, they can run code",
    ".pt": "pickles are never loaded, they can run code",
    ".npy": "npz is read, or the array in memory",
    ".xlsx": "save the sheet as CSV",
    ".xls": "save the sheet as CSV",
    ".zip": "unpack it first",
}


@dataclass(frozen=True, slots=True)
class Place:
    """The folder that no path in a table leads out of, and the pictures below it."""

    root: Path
    pictures: Sequence[str] = ()


def exists(path: Path) -> None:
    """Raise SourceError, with what is nearest, unless there is such a file or folder."""
    try:
        if path.exists():
            return
    except OSError as error:
        raise SourceError(
            f"cannot read {path}: {error.strerror}", "check the permissions"
        ) from None
    if path.is_symlink():
        raise SourceError(f"{path} is a link that leads nowhere", "check what it links to")
    near: list[str] = []
    if path.parent.is_dir():
        try:
            near = get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1)
        except OSError:
            near = []
    hint = f"did you mean {path.parent / near[0]}?" if near else "check the path"
    raise SourceError(f"no such file or folder: {path}", hint)


def tables_of(
    opened: Opened, split: str, path: Path, file: str, options: SourceOptions, place: Place
) -> Mapping[str, Table]:
    """The tables of one file by split ('' for the one it is placed in); none where it is broken."""

    def tables() -> dict[str, Table]:
        found = _table(path, file, options)
        return {t: _joined(one, path, place, options) for t, one in found.items()}

    return tried(opened, split, file, tables)


def _joined(table: Table, path: Path, place: Place, options: SourceOptions) -> Table:
    return joined(table, path, place.root, place.pictures, follow=options.follow_links)


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
