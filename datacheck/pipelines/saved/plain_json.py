"""JSON that people read and machines check: no NaN, no repeated names, bounded size, atomic."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from datacheck.errors import SourceError

LARGEST = 512 << 20  # bytes of a file that is read
_DEEPEST = 60
_WIDE = 90  # characters of an object on one line


def dumps(value: Any, indent: int = 0) -> str:
    """Objects and lists of objects over several lines, lists of plain values on one."""
    if indent > _DEEPEST:
        raise ValueError("nested too deeply")
    pad, end = "  " * (indent + 1), "  " * indent
    if isinstance(value, dict) and value:
        if not all(isinstance(k, str) for k in value):
            raise TypeError("names of an object are text")
        if not any(isinstance(v, dict | list | tuple) for v in value.values()):
            short = _one(value)
            if len(short) <= _WIDE:
                return short
        parts = [f"{pad}{_one(k)}: {dumps(v, indent + 1)}" for k, v in value.items()]
        return "{\n" + ",\n".join(parts) + f"\n{end}}}"
    if isinstance(value, list | tuple) and any(isinstance(v, dict | list | tuple) for v in value):
        parts = [f"{pad}{dumps(v, indent + 1)}" for v in value]
        return "[\n" + ",\n".join(parts) + f"\n{end}]"
    return _one(value)


def _one(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def loads(text: str) -> Any:
    """The value. Raises ValueError for NaN, ±Infinity, repeated names, and what is no JSON."""
    try:
        return json.loads(text, parse_constant=_constant, object_pairs_hook=_pairs)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        keys = [k for k, _ in pairs]
        twice = next(k for k in keys if keys.count(k) > 1)
        raise ValueError(f"an object has {twice[:40]!r} twice")
    return out


def write(path: Path, value: Any) -> None:
    """The whole file or none. Raises SourceError where it cannot be written."""
    try:
        text = dumps(value) + "\n"
        data = text.encode("utf-8")
    except (TypeError, ValueError) as error:
        raise SourceError(
            f"{path.name} cannot be written: {error}", "numbers, text, lists and objects only"
        ) from None
    aside = path.with_name(f".{path.name[:40]}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with aside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise SourceError(
            f"cannot write {path}: {error.strerror or error}", "check the folder and its space"
        ) from None


def read(path: Path) -> Any:
    """The value in a file. Raises SourceError for what is missing, too large or no JSON."""
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise SourceError(
                f"{path} has {size >> 20:,} MiB", f"at most {LARGEST >> 20} MiB are read"
            )
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SourceError(
            f"cannot read {path}: {error.strerror or error}", "check the path"
        ) from None
    except UnicodeDecodeError:
        raise SourceError(
            f"{path} is no JSON: it is not UTF-8", "save the pipeline again"
        ) from None
    try:
        return loads(text)
    except ValueError as error:
        said = " ".join(str(error).split())[:120]
        raise SourceError(f"{path} is no JSON: {said}", "save the pipeline again") from None
