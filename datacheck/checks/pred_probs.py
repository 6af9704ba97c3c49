"""Class probabilities of the user's own model, for LB002: from files or arrays, one row a row.

A file is ``.npz`` (one array for each split, by its name, and the classes in order as ``classes``),
``.npy``, or a table (``.csv``, ``.tsv``, ``.parquet``) whose columns are named after the classes.
Pickles are never loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.types import Floats

WHOLE = ""  # the name of what is given for the one split there is
TOLERANCE = 1e-3  # of a row's sum


@dataclass(frozen=True, eq=False)
class PredProbs:
    """Probabilities of one split, float64 of shape (rows, classes), rows in the split's order.

    ``classes`` names the columns; empty stands for the sorted classes of the label.
    """

    values: Floats
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = self.values.shape
        if len(shape) != 2 or shape[1] < 2:
            raise UsageError(
                f"pred_probs have the shape {shape}",
                "two dimensions are wanted: a row for each row and a column for each class",
            )
        if self.classes and len(self.classes) != shape[1]:
            raise UsageError(
                f"pred_probs have {shape[1]} columns and name {len(self.classes)} classes",
                "name one class for each column",
            )
        bad = ~np.isfinite(self.values).all(axis=1)
        if bad.any():
            raise UsageError(
                f"pred_probs of row {int(bad.argmax()):,} hold NaN or infinity",
                f"{int(bad.sum()):,} of {shape[0]:,} rows do; counted from 0",
            )
        sums = self.values.sum(axis=1)
        bad = (np.abs(sums - 1) > TOLERANCE) | (self.values < -TOLERANCE).any(axis=1)
        if bad.any():
            at = int(bad.argmax())
            raise UsageError(
                f"pred_probs of row {at:,} are no probabilities: they sum to {sums[at]:.6g}",
                "apply softmax to scores; each row sums to 1 and nothing is negative",
            )


def read(given: Any, splits: Sequence[str], train: str | None) -> dict[str, PredProbs]:
    """What was given as ``pred_probs``, by split. Raises UsageError, with a hint.

    ``given`` is an array, a frame or a file for the one split (or train), a ``.npz`` for several,
    a mapping of split names to any of these, or a list of texts such as ``test=FILE``.
    """
    if isinstance(given, list | tuple) and all(isinstance(g, str) for g in given):
        given = dict(_assigned(g) for g in given)
    parts: dict[str, PredProbs] = {}
    for name, one in (given if isinstance(given, Mapping) else {WHOLE: given}).items():
        for inner, probabilities in _one(one).items():
            parts[inner or str(name)] = probabilities
    alone = train if train is not None else (splits[0] if len(splits) == 1 else None)
    if WHOLE in parts:
        if alone is None:
            raise UsageError(
                "pred_probs do not say of which split they are",
                f"name it, as {splits[0] if splits else 'test'}=FILE; "
                f"there are: {', '.join(splits)}",
            )
        parts[alone] = parts.pop(WHOLE)
    if unknown := [s for s in parts if s not in splits]:
        raise UsageError(
            f"pred_probs are given for {names(unknown)}, which is no split",
            f"there are: {', '.join(splits)}",
        )
    return parts


def _assigned(text: str) -> tuple[str, str]:
    """``SPLIT=FILE`` or ``FILE``."""
    split, mark, file = text.partition("=")
    return (split, file) if mark and not {"/", ".", "\\"} & set(split) else (WHOLE, text)


def _one(given: Any) -> dict[str, PredProbs]:
    if isinstance(given, str | Path):
        return _file(Path(given))
    if hasattr(given, "columns") and hasattr(given, "to_numpy"):  # a Polars or pandas frame
        return {WHOLE: PredProbs(_floats(given.to_numpy()), tuple(map(str, given.columns)))}
    return {WHOLE: PredProbs(_floats(given))}


def _file(path: Path) -> dict[str, PredProbs]:
    ending = path.suffix.lower()
    try:
        if ending == ".npz":
            return _archive(path)
        if ending == ".npy":
            return {WHOLE: PredProbs(_floats(np.load(path, allow_pickle=False)))}
        if ending in (".csv", ".tsv", ".parquet"):
            return {WHOLE: _table(path, ending)}
    except UsageError:
        raise
    except OSError as error:
        said = error.strerror or "it is broken"
        raise UsageError(f"cannot read {path}: {said}", "check pred_probs") from None
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise UsageError(f"cannot read {path}: {reason}", "arrays of numbers are wanted") from None
    raise UsageError(
        f"pred_probs in {path} are of no known kind", "use .npz, .npy, .csv, .tsv or .parquet"
    )


def _archive(path: Path) -> dict[str, PredProbs]:
    with np.load(path, allow_pickle=False) as archive:
        held = {name: archive[name] for name in archive.files}
    classes = tuple(str(c) for c in np.ravel(held.pop("classes"))) if "classes" in held else ()
    if not held:
        raise UsageError(f"{path} holds no probabilities", "save one array for each split")
    parts = {name: PredProbs(_floats(array), classes) for name, array in held.items()}
    if len(parts) == 1 and next(iter(parts)) in ("arr_0", "pred_probs"):
        return {WHOLE: next(iter(parts.values()))}
    return parts


def _table(path: Path, ending: str) -> PredProbs:
    import polars as pl

    if ending == ".parquet":
        frame = pl.read_parquet(path)
    else:
        mark = "\t" if ending == ".tsv" else ","
        frame = pl.read_csv(path, separator=mark, infer_schema_length=None)
    words = [c for c, t in frame.schema.items() if not t.is_numeric()]
    if words:
        raise UsageError(
            f"the column {words[0]} of {path} holds no numbers",
            "a column for each class, and nothing else",
        )
    return PredProbs(_floats(frame.to_numpy()), tuple(frame.columns))


def _floats(given: Any) -> Floats:
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError(
            f"pred_probs hold what is no number ({type(given).__name__})",
            "an array of shape (rows, classes) is wanted",
        ) from None
