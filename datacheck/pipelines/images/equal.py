"""Whether two things that cannot be looked into do the same: by identity, or by code and values."""

from __future__ import annotations

import functools
import hashlib
import types
from collections.abc import Hashable, Mapping
from itertools import count
from typing import Any

DEEPEST = 8
MOST = 10_000  # values that are looked at; past them, the identity of the object decides


def frozen(value: Any) -> Hashable:
    """What makes two values do the same: equal results mean equal code on equal data.

    Where that cannot be told, the identity of the object. What code reads from the globals of
    its module is taken to be the same for both.
    """
    return _frozen(value, 0, count())


def _frozen(value: Any, depth: int, seen: count[int]) -> Hashable:
    if value is None or isinstance(value, bool | int | float | str | bytes | type | complex):
        return (type(value).__name__, value)
    if depth > DEEPEST or next(seen) > MOST:
        return ("id", id(value))
    deeper = functools.partial(_frozen, depth=depth + 1, seen=seen)
    if isinstance(value, list | tuple):
        return ("list", *map(deeper, value))
    if isinstance(value, set | frozenset):
        return ("set", frozenset(map(deeper, value)))
    if isinstance(value, Mapping):
        return ("map", frozenset((deeper(k), deeper(v)) for k, v in value.items()))
    if isinstance(value, types.CodeType | types.CellType | types.FunctionType | types.MethodType):
        return _code(value, deeper)
    if isinstance(value, functools.partial):
        return ("partial", deeper(value.func), deeper(value.args), deeper(value.keywords))
    if hasattr(value, "tobytes") and hasattr(value, "shape"):
        content = hashlib.blake2b(value.tobytes()).digest()
        return ("array", str(value.dtype), tuple(value.shape), content)
    if hasattr(value, "detach") and hasattr(value, "numpy"):
        return deeper(value.detach().cpu().numpy())
    if hasattr(value, "_value_"):
        return ("enum", str(value))
    if hasattr(value, "__dict__") and not isinstance(value, types.ModuleType):
        return ("object", type(value), deeper(vars(value)))
    return ("id", id(value))


def _code(value: Any, deeper: Any) -> Hashable:
    """Of a function: where it was written, its byte code, and all that is bound to it."""
    if isinstance(value, types.CodeType):
        names = (value.co_names, value.co_freevars, value.co_varnames)
        return ("code", value.co_code, names, deeper(value.co_consts))
    if isinstance(value, types.CellType):
        try:
            return ("cell", deeper(value.cell_contents))
        except ValueError:  # not yet filled
            return ("id", id(value))
    if isinstance(value, types.MethodType):
        return ("method", deeper(value.__func__), deeper(value.__self__))
    home = (value.__module__, id(value.__globals__))
    bound = (value.__defaults__, value.__kwdefaults__, value.__closure__)
    return ("function", home, deeper(value.__code__), deeper(bound))
