"""Which two columns are the sides of pairs: what is read, and what is to be said."""

from __future__ import annotations

import re

from datacheck.checks.base import NotApplicable
from datacheck.dataset import Column, Dataset, Kind, Role
from datacheck.summaries.base import Need

LISTS = (Kind.SEQUENCE, Kind.TEXT)
SOURCE = re.compile(r"^(source|src|input|question|prompt)s?([_\s-]?(text|sentence|tokens|ids))?$")
TARGET = re.compile(
    r"^(target|tgt|trg|output|answer|response|translation)s?([_\s-]?(text|sentence|tokens|ids))?$"
)
LEAST = 4  # words or items of a copy: names, numbers and greetings may well be the same


def pair(data: Dataset) -> tuple[str, str] | None:
    """(source, target), or None: a label of text or items and the one feature of such, or two
    features whose names say it.
    """
    label = data.label
    listed = [c for c in data.columns.values() if c.role is Role.FEATURE and c.kind in LISTS]
    if label is not None and label.kind in LISTS:
        return (listed[0].name, label.name) if len(listed) == 1 else None
    sources = [c for c in listed if SOURCE.match(c.name.strip().lower())]
    targets = [c for c in listed if TARGET.match(c.name.strip().lower())]
    if len(sources) == len(targets) == 1:
        return sources[0].name, targets[0].name
    return None


def need_pairs(data: Dataset) -> list[Need]:
    """The summary of pairs. Raises NotApplicable where no two columns are such."""
    found = pair(data)
    if found is None:
        raise NotApplicable("no two columns of text or sequences are a source and its target")
    return [Need("pairs", columns(data, found), params(data, found))]


def columns(data: Dataset, found: tuple[str, str]) -> tuple[str, ...]:
    """Both columns, in the order of the schema."""
    return tuple(c for c in data.columns if c in found)


def params(data: Dataset, found: tuple[str, str]) -> tuple[tuple[str, str | int], ...]:
    """Parameters of the summary."""
    own = (("least", LEAST), ("source", found[0]), ("target", found[1]))
    return (*own, *data.measure.params)


def is_text_pair(data: Dataset) -> bool:
    """Whether the label is a text that goes with one of text or items: no class, and no tags."""
    label: Column | None = data.label
    return label is not None and label.kind is Kind.TEXT and pair(data) is not None
