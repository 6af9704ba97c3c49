"""Pandera schemas by name: a YAML file, ``module:Model``, or an object that a program holds.

Summaries are told of a schema by its name, so that a need stays a value that can be hashed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from copy import copy
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacheck.errors import UsageError

if TYPE_CHECKING:
    from pandera.polars import DataFrameSchema

_HELD: dict[str, Any] = {}
_LOADED: dict[str, DataFrameSchema] = {}
SIZE = 16 << 20  # bytes of a schema file
HINT = "a file that `datacheck schema` wrote, module:Model, or a pandera.polars schema"


def name_of(schema: Any) -> str:
    """What stands for the schema: text stays as it is, an object is held for this process."""
    if isinstance(schema, str | Path):
        return str(schema)
    name = f"object:{type(schema).__name__}:{id(schema):x}"
    _HELD[name] = schema  # held, so that the id stays its own
    return name


def load(name: str) -> DataFrameSchema:
    """The schema of that name; raises UsageError, with a hint.

    ``module:Model`` imports the module, from the current folder first: only a person who asks for
    it by flag or in Python can name one. A file is read as YAML data and runs nothing.
    """
    if name not in _LOADED:
        _LOADED[name] = _as_schema(name, _found(name))
    return _LOADED[name]


def load_for(name: str, columns: Sequence[str]) -> DataFrameSchema:
    """The schema of that name, with a column of its own for each that a pattern of it matches."""
    schema = load(name)
    if not any(c.regex for c in schema.columns.values()):
        return schema
    found: dict[str, Any] = {}
    for pattern, column in schema.columns.items():
        matching = [c for c in columns if re.fullmatch(pattern, c)] if column.regex else []
        for own in matching or [pattern]:
            found[own] = alone = copy(column)
            alone.name, alone.regex = own, column.regex and not matching
    whole = copy(schema)
    whole.columns = found
    return whole


def _found(name: str) -> Any:
    if name in _HELD:
        return _HELD[name]
    path = Path(name)
    if path.suffix.lower() in (".yaml", ".yml") or path.is_file():
        return _from_file(path)
    module, colon, attribute = name.partition(":")
    if not (colon and module and attribute):
        raise UsageError(f"no schema {name!r}: no such file", HINT)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return getattr(import_module(module), attribute)
    except Exception as error:  # whatever a module of theirs raises
        said = " ".join(str(error).split())[:200]
        raise UsageError(f"cannot import the schema {name}: {said}", HINT) from None


def _from_file(path: Path) -> Any:
    from pandera.io import polars_io

    try:
        with path.open("rb") as file:
            text = file.read(SIZE + 1)
    except OSError as error:
        raise UsageError(f"cannot read the schema {path}: {error.strerror}", HINT) from None
    if len(text) > SIZE:
        raise UsageError(f"the schema {path} is larger than 16 MiB", HINT)
    try:
        found = polars_io.from_yaml(text.decode("utf-8-sig"))  # type: ignore[no-untyped-call] # pandera's own
        if not found.columns:
            raise ValueError("it names no column")
        return found
    except Exception as error:  # pandera and PyYAML raise many kinds for what is no schema
        said = " ".join(str(error).split())[:200]
        raise UsageError(f"{path} is no schema that pandera can read: {said}", HINT) from None


def _as_schema(name: str, found: Any) -> DataFrameSchema:
    from pandera.polars import DataFrameModel, DataFrameSchema

    try:
        if isinstance(found, type) and issubclass(found, DataFrameModel):
            found = found.to_schema()
    except Exception as error:  # a model of theirs may be malformed in any way
        said = " ".join(str(error).split())[:200]
        raise UsageError(f"the schema {name} cannot be made: {said}", HINT) from None
    if not isinstance(found, DataFrameSchema):
        raise UsageError(
            f"{name} is a {type(found).__name__}, no schema of pandera.polars",
            "schemas of pandas are made with pandera.pandas; " + HINT,
        )
    return found
