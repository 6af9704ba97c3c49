"""Pictures repaired: files that stay, leave, move, or are written again in one way for all."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datacheck.dataset import FILE_SHIFT, Dataset, Kind, Problem
from datacheck.errors import UsageError
from datacheck.pipelines.plan import Step
from datacheck.pipelines.repairing import folder
from datacheck.pipelines.repairing.texts import Kept
from datacheck.pipelines.repairing.view import View
from datacheck.pipelines.repairing.writing import Piece, Shape
from datacheck.sources.images.decoding import Unreadable, decode
from datacheck.sources.images.folders import IMAGE, LABEL, FolderFragment
from datacheck.sources.images.fragments import Beside, WithImages
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


# -- folders -----------------------------------------------------------------------------------


def write_pictures(
    fragment: FolderFragment,
    pieces: Iterator[Piece],
    aside: Path,
    name_of: Mapping[str, str],
    told: Mapping[str, Path],
    shape: Shape,
    how: Recoding | None,
    count: Callable[[int], None],
) -> Kept:
    """What comes from other splits, and what is written again; which files of a split are gone.

    ``name_of`` maps a picture of the split, by row order, to its place in the new folder, ``told``
    all pictures as they are told to their files. ``count(n)`` is told how many were written again.
    What stays as it is has been copied already.
    """
    if not shape.same:
        what = (*shape.added, *shape.dropped)[0]
        raise UsageError(
            f"{fragment.file} has no columns, so that {what!r} can neither come nor go",
            "take that step out of the plan",
        )
    names = [name_of[n] for n in fragment.names]
    homes = {c: os.path.split(n)[0] for c, n in zip(fragment.labels, names, strict=True)}
    out = Kept(gone=set(names))
    used = set(names)
    work: list[tuple[Path, str, bool]] = []
    for piece in pieces:
        own = piece.rows < len(names)
        for i in piece.rows[own].tolist():
            out.gone.discard(names[i])
            if how is not None:
                work.append((fragment.root / fragment.names[i], names[i], True))
        cells = piece.frame[IMAGE]
        for i in np.flatnonzero(~own).tolist():
            label = piece.frame[LABEL][i] if LABEL in piece.frame.columns else None
            path = told[str(cells[i])]
            place = _free(_home(homes, label, names[0]), path.name, used)
            used.add(place)
            work.append((path, place, False))
    out.now = _write(work, aside, used, how)
    out.changed = set(out.now)
    if how is not None:
        count(len(out.now))
    return out


def _home(homes: Mapping[str | None, str], label: str | None, other: str) -> str:
    """The folder of a class: where its pictures are, or one beside those of the other classes."""
    if label in homes:
        return homes[label]
    beside = Path(other).parent
    return str(beside.parent / label) if label else str(beside)


def _free(home: str, name: str, used: set[str]) -> str:
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a name may hold any bytes
    place, n = os.path.join(home, name), 1  # noqa: PTH118
    while place in used:
        n += 1
        place = os.path.join(home, f"{stem}-{n}{suffix}")  # noqa: PTH118
    return place


def _write(
    work: Sequence[tuple[Path, str, bool]], aside: Path, used: set[str], how: Recoding | None
) -> dict[str, str]:
    """Copies of what moves, and pictures written again: the new names of own ones by the old."""
    places: list[str] = []
    for _, name, _ in work:
        place = name
        if how is not None and not name.lower().endswith(".png"):
            home, base = os.path.split(name)
            place = _free(home, os.path.splitext(base)[0] + ".png", used)  # noqa: PTH122
            used.add(place)
        places.append(place)
        folder.placed(aside / place)

    def one(i: int) -> bool:
        path, name, own = work[i]
        if how is not None:
            try:
                data = how.encoded(path)
            except Unreadable:  # an evaluation split keeps its broken ones
                if own:
                    return False
            else:
                (aside / places[i]).write_bytes(data)
                return own
        folder.copied(path, aside / name)
        return False

    with ThreadPoolExecutor(os.cpu_count() or 1, "datacheck-pictures") as pool:
        done = list(pool.map(one, range(len(work))))
    return {name: place for (_, name, _), place, hit in zip(work, places, done, strict=True) if hit}


# -- tables with paths -------------------------------------------------------------------------


def pictures_beside(
    source: Any, view: View, aside: Path, known: Collection[str]
) -> list[dict[str, Any]]:
    """Copy the files that tables name as pictures: lines of the manifest.

    Those that no row names any more are kept with the originals. Raises UsageError where two
    would come to lie in one place.
    """
    root = Path(source).expanduser() if isinstance(source, str | Path) else None
    places: dict[str, Path] = {}
    out: list[dict[str, Any]] = []
    for path, (base, stays) in _named(view).items():
        if not path.is_file():
            continue
        within = root if root is not None and root.is_dir() else base
        name = os.path.relpath(path, within)
        if name in known or places.setdefault(name, path) != path:
            raise UsageError(
                f"two files would become {name!r}", "give one folder that holds all splits"
            )
        place = name if stays else f"{folder.ORIGINALS}/{name}"
        digest = folder.copied(path, folder.placed(aside / place))
        out.append(
            {"file": name, "splits": [], "original_sha256": digest,
             "sha256": digest if stays else None, "changed": not stays, "rows": None}
        )  # fmt: skip
    return out


def _named(view: View) -> dict[Path, tuple[Path, bool]]:
    """The files that tables name as pictures: their folder, and whether a row that stays does."""
    ordinals = view.file_of
    out: dict[Path, tuple[Path, bool]] = {}
    for fragment in view.fragments():
        base = np.int64(ordinals[fragment.file] << FILE_SHIFT)
        one = fragment
        while isinstance(one, WithImages):
            if isinstance(one.pictures, Beside):
                for batch in stored(one).read([one.column], 65_536):
                    items, _ = one.pictures.items(batch.frame[one.column], batch.rows)
                    stays = ~view.moves.leaving(base + batch.rows)
                    for item, kept in zip(items, stays.tolist(), strict=True):
                        if isinstance(item, Path):
                            before = out.get(item, (item, False))[1]
                            out[item] = (one.pictures.root, before or kept)
            one = one.inner
    return out
