"""Checks of single settings. Each raises UsageError, with a hint, for a value that cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from datacheck.errors import UsageError

GIB = 1 << 30
_MIN_MEMORY = 1 << 20
_UNITS = {
    "": 1, "b": 1,
    "k": 1 << 10, "kb": 10**3, "kib": 1 << 10,
    "m": 1 << 20, "mb": 10**6, "mib": 1 << 20,
    "g": GIB, "gb": 10**9, "gib": GIB,
    "t": 1 << 40, "tb": 10**12, "tib": 1 << 40,
}  # fmt: skip


def parse_memory(value: int | str) -> int:
    """Bytes of ``512MB``, ``2 GiB``, ``1.5G`` or a number. Raises UsageError."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise UsageError(f"memory is {value!r}", "such as 512MB or 2GiB")
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*([a-zA-Z]*)\s*", value)
        if match is None or match[2].lower() not in _UNITS:
            raise UsageError(f"memory {value!r} is not a size", "such as 512MB or 2GiB")
        value = int(float(match[1]) * _UNITS[match[2].lower()])
    if value < _MIN_MEMORY:
        raise UsageError(
            f"memory of {value} bytes is too little", "1MiB is the least, 1GiB the default"
        )
    return value


def nearest(wanted: str, known: Iterable[str]) -> str:
    """``did you mean x? `` or nothing: the beginning of a hint."""
    near = get_close_matches(wanted, list(known), n=1, cutoff=0.5)
    return f"did you mean {near[0]}? " if near else ""


def text(name: str, value: Any, *, empty: bool = True) -> str:
    """``value`` if it is text, not empty unless it may be."""
    if not isinstance(value, str) or not (value or empty):
        raise UsageError(f"{shown(name)} is {value!r}", "it is a text between quotes")
    return value


def texts(name: str, value: Any) -> tuple[str, ...]:
    """One text or several, none of them empty."""
    items = (value,) if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise UsageError(f"{shown(name)} is {value!r}", "it is a list of texts")
    return tuple(text(name, item, empty=False) for item in items)


def choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """One of ``allowed``, whatever its case."""
    word = str(value).lower()
    if word not in allowed:
        raise UsageError(f"{shown(name)} is {value!r}", f"it is one of {', '.join(allowed)}")
    return word


def integer(name: str, value: Any, low: int, high: int) -> None:
    """Check that it is a whole number from ``low`` to ``high``."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(
            f"{shown(name)} is {value!r}", f"it is a whole number from {low} to {high}"
        )


def shown(name: str) -> str:
    """A setting as files and flags write it."""
    return name.replace("_", "-")
