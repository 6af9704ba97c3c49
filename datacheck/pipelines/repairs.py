"""THE table of repairs: what each is called, when it runs, what it may touch, and what it does.

The order of the table is the order of execution: values are made missing before anything is
filled, mismatches are undone before anything is scaled, rows are moved and dropped before anything
is fitted, and what only the loader needs comes last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from datacheck.errors import UsageError
from datacheck.findings import Safety

Acts = Literal["values", "rows", "splits", "pictures", "loader"]


@dataclass(frozen=True, slots=True)
class RepairKind:
    """One line of the table.

    ``acts`` says on what: values of cells, rows of train, the split of rows, how pictures are
    stored, or only on what the loader is told. ``parameters`` maps each parameter to its default;
    None has to be given.
    """

    name: str
    acts: Acts
    safety: Safety
    does: str
    parameters: tuple[tuple[str, Any], ...] = ()

    @property
    def order(self) -> int:
        """Its place in the table."""
        return _ORDER[self.name]


def _row(called: str, acts: Acts, safety: Safety, does: str, **parameters: Any) -> RepairKind:
    return RepairKind(called, acts, safety, does, tuple(parameters.items()))


NEARNESS: dict[str, Any] = {
    "min_jaccard": 0.8, "containment": 0.9, "shingles": "auto", "differing": 1, "hamming": 6,
}  # fmt: skip

ANEW: dict[str, Any] = {"mode": "auto", "resize": True, "height": 0, "width": 0}

TABLE = (
    _row("quarantine-unreadable", "rows", "safe", "take out records that cannot be read"),
    _row("parse", "values", "unsafe", "read numbers with a decimal comma or marks of thousands",
         form="decimal-comma"),
    _row("to-missing", "values", "safe", "make stand-ins for missing values and ±inf missing",
         values=[], infinite=False),
    _row("invert-transform", "values", "safe", "bring a split back to the scale of train",
         scale={}, offset={}, curve=""),
    _row("drop-id", "values", "safe", "drop an id that gives the label away"),
    _row("drop-column", "values", "unsafe", "drop a column that never varies"),
    _row("drop-feature", "values", "unsafe", "drop a feature that gives the label away"),
    _row("quarantine", "rows", "safe", "take rows without a usable label out of train",
         invalid=[]),
    _row("quarantine-rows", "rows", "safe", "take empty sequences out of train"),
    _row("quarantine-pairs", "rows", "unsafe",
         "take pairs out of train that are out of proportion, or whose target is the source",
         usual=1.0, low=0.0, high=0.0, difference=8.0, copies=0),
    _row("quarantine-conflicts", "rows", "unsafe",
         "take rows out of train whose features have another label elsewhere"),
    _row("time-aware-split", "splits", "unsafe", "move rows so that evaluation comes after train"),
    _row("group-aware-split", "splits", "unsafe", "move rows so that no entity is in two splits"),
    _row("stratified-resplit", "splits", "unsafe", "move rows so that each split has each class"),
    _row("drop-from-train", "rows", "safe", "take rows out of train that an evaluation split has"),
    _row("drop-near-from-train", "rows", "safe",
         "take rows out of train that are nearly the same as one of an evaluation split",
         **NEARNESS),
    _row("drop-duplicates", "rows", "safe", "keep one of each repeated row of train"),
    _row("drop-near-duplicates", "rows", "safe", "keep one of nearly the same rows of train",
         **NEARNESS),
    _row("map-to-other", "values", "safe", "give categories that train lacks one name",
         name="other", least=1),
    _row("truncate", "values", "unsafe",
         "cut sequences at a length in items, texts at one in words or characters, between words",
         length=None),
    _row("winsorize", "values", "unsafe", "clip at median ± k · MAD of train", k=6.0),
    _row("impute-with-indicator", "values", "safe", "fill what is missing, from train",
         number="median", category="most_frequent", indicator=True, neighbors=5, constant=0.0),
    _row("standardize", "values", "safe", "subtract the mean of train, divide by its deviation"),
    _row("robust-scale", "values", "safe",
         "subtract the median of train, divide by its interquartile range"),
    _row("min-max-scale", "values", "safe", "map the range of train to 0…1"),
    _row("re-encode", "pictures", "unsafe",
         "write all pictures as PNG of one mode and size, without metadata", **ANEW),
    _row("shared-decode", "pictures", "unsafe",
         "decode the pictures of all splits in one way, and write them as PNG", **ANEW),
    _row("shuffle", "loader", "safe", "the loader shuffles train in each epoch"),
    _row("class-weights", "loader", "safe", "weights for the loss, by class"),
    _row("balanced-sampler", "loader", "safe", "the loader draws classes evenly"),
    _row("reweight-classes", "loader", "unsafe", "weights for the loss that undo a label shift"),
    _row("length-bucketing", "loader", "safe", "batches of like lengths", edges=[]),
    _row("class-aware-buckets", "loader", "safe", "buckets of lengths that mix the classes"),
    _row("token-budget", "loader", "safe", "batches of so many tokens, not rows", tokens=0),
)  # fmt: skip

REPAIRS = {kind.name: kind for kind in TABLE}
_ORDER = {kind.name: i for i, kind in enumerate(TABLE)}


def find(name: str) -> RepairKind:
    """The line of that name. Raises UsageError for an unknown one."""
    if name not in REPAIRS:
        from difflib import get_close_matches

        near = get_close_matches(name, REPAIRS, n=1)
        did = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"no repair {name!r}", f"{did}there are: {', '.join(REPAIRS)}")
    return REPAIRS[name]
