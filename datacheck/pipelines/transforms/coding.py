"""Between dataclasses and plain JSON: every value is checked against the type of its field.

Floats survive bit for bit (``json`` writes their ``repr``); what JSON lacks, ±infinity and NaN, is
``{"float": "inf"}``. Nothing is ever evaluated.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np

from datacheck.errors import UsageError

_FLOATS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
_SHOWN = 60
_BITS = 1_000  # whole numbers that float64 can hold, roughly


def encode(value: Any) -> Any:
    """Plain data for JSON: lists, objects with text keys, numbers, text, null."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": str(float(value))}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, int | str):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {k: encode(v) for k, v in value.items()}
    return [encode(v) for v in value]


def decode(value: Any, hint: Any, where: str) -> Any:
    """The value as the type ``hint``: lists become tuples, objects mappings or dataclasses.

    Raises UsageError, naming the place ``where``, for whatever does not have that type.
    """
    if hint is Any:
        return value
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _union(value, args, where)
    if origin is Literal:
        if not any(value == a and type(value) is type(a) for a in args):
            raise _wrong(value, where, "one of " + ", ".join(str(a) for a in args))
        return value
    if origin is tuple:
        return _tuple(value, args, where)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping) or not all(isinstance(k, str) for k in value):
            raise _wrong(value, where, "an object with names")
        return {k: decode(v, args[1], f"{where}.{k}") for k, v in value.items()}
    if dataclasses.is_dataclass(hint):
        return _object(value, hint, where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        known = [one.value for one in hint]
        if not any(type(value) is type(k) and value == k for k in known) and value not in list(
            hint
        ):
            raise _wrong(value, where, "one of " + ", ".join(map(str, known)))
        return hint(value)
    return _scalar(value, hint, where)


@cache
def hints(cls: Any) -> dict[str, Any]:
    """The types of the fields of a dataclass, by name."""
    found = typing.get_type_hints(cls)
    return {f.name: found[f.name] for f in dataclasses.fields(cls)}


def build(cls: Any, given: Mapping[str, Any], where: str) -> Any:
    """A dataclass from an object. Raises UsageError for unknown, missing or wrong fields."""
    fields = {f.name: f for f in dataclasses.fields(cls)}
    strange = [k for k in given if k not in fields]
    if strange:
        raise UsageError(
            f"{where} has no field {_shown(strange[0])}", f"there are {', '.join(fields)}"
        )
    lacking = [
        n
        for n, f in fields.items()
        if n not in given
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    ]
    if lacking:
        raise UsageError(f"{where} lacks {lacking[0]!r}", f"found {', '.join(map(str, given))}")
    known = hints(cls)
    return cls(**{k: decode(v, known[k], f"{where}.{k}") for k, v in given.items()})


def _object(value: Any, hint: Any, where: str) -> Any:
    if isinstance(value, hint):
        return value
    if not isinstance(value, Mapping):
        raise _wrong(value, where, "an object")
    return build(hint, value, where)


def _tuple(value: Any, args: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(value, where, "a list")
    if len(args) == 2 and args[1] is Ellipsis:
        if args[0] is str and all(type(v) is str for v in value):
            return tuple(value)
        return tuple(decode(v, args[0], f"{where}[{i}]") for i, v in enumerate(value))
    if len(value) != len(args):
        raise _wrong(value, where, f"a list of {len(args)}")
    return tuple(
        decode(v, a, f"{where}[{i}]") for i, (v, a) in enumerate(zip(value, args, strict=True))
    )


def _union(value: Any, args: tuple[Any, ...], where: str) -> Any:
    if value is None and type(None) in args:
        return None
    if type(value) in args:  # a whole number stays one where both are allowed
        return decode(value, type(value), where)
    first: UsageError | None = None
    for one in args:
        if one is type(None):
            continue
        try:
            return decode(value, one, where)
        except UsageError as error:
            first = first or error
    assert first is not None
    raise first


def _scalar(value: Any, hint: Any, where: str) -> Any:
    if hint is bool and isinstance(value, bool | np.bool_):
        return bool(value)
    if hint is str and isinstance(value, str):
        return str(value)
    if isinstance(value, bool | np.bool_):
        raise _wrong(value, where, _WORDS.get(hint, str(hint)))
    if hint is int and isinstance(value, int | np.integer):
        if int(value).bit_length() > _BITS:
            raise _wrong(value, where, "a number within float64")
        return int(value)
    if hint is float:
        if isinstance(value, Mapping) and set(value) == {"float"} and _known(value["float"]):
            return _FLOATS[value["float"]]
        if isinstance(value, int | float | np.integer | np.floating):
            try:
                return float(value)
            except OverflowError:
                raise _wrong(value, where, "a number within float64") from None
    if hint is type(None) and value is None:
        return None
    raise _wrong(value, where, _WORDS.get(hint, str(hint)))


_WORDS: dict[Any, str] = {
    bool: "true or false", str: "text", int: "a whole number", float: "a number",
}  # fmt: skip


def _known(word: Any) -> bool:
    return isinstance(word, str) and word in _FLOATS


def _wrong(value: Any, where: str, expected: str) -> UsageError:
    return UsageError(f"{where} is {_shown(value)}", f"expected {expected}")


def _shown(value: Any) -> str:
    """The value, cut short; long numbers and deep lists are never written out."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "a very large number"
    if isinstance(value, list | tuple | Mapping):
        return f"a {type(value).__name__} of {len(value):,}"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
