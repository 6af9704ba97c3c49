"""Pictures to repair: which cannot be read, and how all are to be written again in one way."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datacheck.dataset import FILE_SHIFT, Dataset, Kind, Problem
from datacheck.errors import UsageError
from datacheck.pipelines.plan import Step
from datacheck.pipelines.repairing.view import View
from datacheck.sources.images.decoding import decode
from datacheck.sources.images.folders import FolderFragment
from datacheck.sources.images.fragments import WithImages
from datacheck.sources.images.pictures import pillow
from datacheck.sources.raw import stored
from datacheck.types import Ints

GREY = ("L", "1", "LA", "I", "F")
LARGEST = 1 << 14  # of a side


def columns(data: Dataset) -> list[str]:
    """The columns of pictures."""
    return [c.name for c in data.columns.values() if c.kind is Kind.IMAGE]


# -- what cannot be read -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Broken:
    """Rows whose picture cannot be decoded: addresses by split (ascending), and why."""

    rows: Mapping[str, Ints]
    reasons: Mapping[int, str]


def broken(view: View) -> Broken:
    """Decode all pictures, as far as an audit does."""
    by: dict[str, list[Ints]] = {}
    reasons: dict[int, str] = {}
    ordinals = view.file_of
    split_column = view.data.split_column
    for fragment in view.fragments():
        lost: dict[int, str] = {}
        one = fragment
        while isinstance(one, WithImages):
            lost |= _lost(one)
            one = one.inner
        if not lost:
            continue
        rows = np.array(sorted(lost), dtype=np.int64)
        base = np.int64(ordinals[fragment.file] << FILE_SHIFT)
        reasons.update({int(base) + r: lost[r] for r in rows.tolist()})
        if fragment.split or not split_column:
            by.setdefault(fragment.split or view.splits[0], []).append(base + rows)
            continue
        for batch in stored(fragment).read([split_column], 65_536):
            mine = np.isin(batch.rows, rows)
            names = batch.frame[split_column].cast(pl.String).to_list()
            for at in np.flatnonzero(mine).tolist():
                by.setdefault(names[at], []).append(base + batch.rows[at : at + 1])
    return Broken({s: np.sort(np.concatenate(parts)) for s, parts in by.items()}, reasons)


def _lost(fragment: WithImages) -> dict[int, str]:
    """Row and reason of each picture of one column that cannot be decoded."""
    there = list(fragment.inner.read([fragment.column], 65_536))
    others = [p for b in there for p in b.problems]
    read = list(_found(fragment))
    reasons = [p.reason for _, told in read for p in told if not p.warning and p not in others]
    if not reasons:
        return {}
    # Both in the order of the rows.
    rows = np.setdiff1d(
        np.concatenate([b.rows for b in there]), np.concatenate([r for r, _ in read])
    )
    return dict(zip(rows.tolist(), reasons, strict=True))


def _found(fragment: WithImages) -> Iterator[tuple[Ints, Sequence[Problem]]]:
    for batch in fragment.read([fragment.column], 65_536):
        yield batch.rows, batch.problems


# -- written again -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recoding:
    """How all pictures are written: PNG of a mode and, unless None, of one size (height, width).

    ``steps`` are the places of the steps that ask for it.
    """

    mode: str
    size: tuple[int, int] | None
    steps: tuple[int, ...]

    def encoded(self, path: Path) -> bytes:
        """The picture upright, without metadata. Raises Unreadable."""
        out = io.BytesIO()
        pillow().fromarray(decode(path, self.size, self.mode)).save(out, "PNG")
        return out.getvalue()


def recoding(
    view: View, steps: Sequence[tuple[int, Step]], said: list[str]
) -> Recoding | None:
    """What the steps ask for; what they leave open is chosen by the pictures of train.

    None, and a sentence in ``said``, where pictures lie in no folder. Raises UsageError where two
    steps ask for different things.
    """
    if not steps:
        return None
    if any(not isinstance(stored(f), FolderFragment) for f in view.fragments()):
        said += [
            f"{step.repair} was left out: it writes pictures of folders again, and those of "
            "tables not yet"
            for _, step in steps
        ]
        return None
    train = view.data.train
    if train is None:
        raise UsageError(
            f"{steps[0][1].repair} needs a train split", f"there are: {', '.join(view.splits)}"
        )
    made = {_asked(view, train, step) for _, step in steps}
    if len(made) > 1:
        names = " and ".join(dict.fromkeys(s.repair for _, s in steps))
        raise UsageError(f"{names} ask for different pictures", "give both the same parameters")
    mode, size = made.pop()
    return Recoding(mode, size, tuple(i for i, _ in steps))


def _asked(view: View, train: str, step: Step) -> tuple[str, tuple[int, int] | None]:
    mode, height, width = str(step.get("mode")), int(step.get("height")), int(step.get("width"))
    if mode not in ("auto", "L", "RGB"):
        raise UsageError(f"{step.repair}: mode is {mode!r}", "it is auto, L or RGB")
    if not (0 <= height <= LARGEST and 0 <= width <= LARGEST) or (height == 0) != (width == 0):
        raise UsageError(
            f"{step.repair}: height is {height}, width is {width}",
            f"both from 1 to {LARGEST:,}, or both 0, which chooses",
        )
    column = columns(view.data)[0]
    read = [f"{column}.{n}" for n in ("mode", "width", "height", "orientation")]
    parts = [frame for _, frame, _ in view.pieces(read, splits=[train])]
    if not parts or not sum(p.height for p in parts):
        raise UsageError(f"{train} has no pictures", "there is nothing to go by")
    modes, sides = set[str](), list[Any]()
    for part in parts:
        modes |= set(part[read[0]].drop_nulls().to_list())
        sides.append(upright_sides(part, column))
    if mode == "auto":
        mode = "L" if all(m in GREY or m.startswith("I;16") for m in modes) else "RGB"
    if not step.get("resize"):
        return mode, None
    if not height:
        all_ = np.concatenate(sides)
        height, width = (max(1, round(float(v))) for v in np.median(all_, axis=0))
    return mode, (height, width)


def upright_sides(frame: Any, column: str) -> Ints:
    """(height, width) of each picture as it is seen, int64 of shape (pictures, 2)."""
    known = frame.drop_nulls(f"{column}.width")
    sides = known.select(f"{column}.height", f"{column}.width").to_numpy().astype(np.int64)
    turned = (known[f"{column}.orientation"].fill_null(1) >= 5).to_numpy()
    out: Ints = np.where(turned[:, None], sides[:, ::-1], sides)
    return out
