"""Summaries that merge: one commutative monoid a file. ``TABLE`` maps a kind to its class."""

from __future__ import annotations

from importlib import import_module

from datacheck.summaries.base import Need, Summary

TABLE: dict[str, str] = {
    "joint_hashes": "JointHashes",
    "keys": "Keys",
    "lengths": "Lengths",
    "moments": "Moments",
    "nulls": "Nulls",
    "pairs": "Pairs",
    "row_hashes": "RowHashes",
    "row_sample": "RowSample",
    "text_sketches": "TextSketches",
    "thumbnails": "Thumbnails",
    "tokens": "Tokens",
    "values": "Values",
    "violations": "Violations",
}
"""For each kind, the name of its class, in the module of the kind's name."""


def summary_class(kind: str) -> type[Summary]:
    """The class of a kind. KeyError if there is none."""
    found: type[Summary] = getattr(import_module(f"datacheck.summaries.{kind}"), TABLE[kind])
    return found


__all__ = ["TABLE", "Need", "Summary", "summary_class"]
