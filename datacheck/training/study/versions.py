"""The data of each arm: fitted once, encoded in common, written once, shared by all seeds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datacheck.config import Config
from datacheck.dataset import Dataset, Kind, Role
from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.fixing import Job, prepare
from datacheck.pipelines.plan import Plan, Step
from datacheck.pipelines.repairing.building import build
from datacheck.pipelines.repairing.view import View
from datacheck.pipelines.storage.encoding import Encoder
from datacheck.training.determinism import row_keys
from datacheck.training.study import common
from datacheck.training.study.arms import ORIGINAL, Design
from datacheck.training.study.clean import CORRECTS, TELLS, clean_set, filled, gaps, middles
from datacheck.training.study.common import Piece
from datacheck.training.study.pixels import read, spread
from datacheck.training.study.repairs import FILL, Repair
from datacheck.types import Ints

MOST_TRAIN, MOST_EVALUATION = 100_000, 4_000  # rows; more are sampled by a hash of their address
Kept = frozenset[str]


@dataclass
class Prepared:
    """What the workers read: a folder with tables, and what is told about them.

    ``loader`` is, by arm, what its repairs tell the loader; ``data`` names its tables. ``rows``
    are the rows of train by arm, ``said`` what was assumed.
    """

    folder: Path
    data: dict[str, str] = field(default_factory=dict)
    loader: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


def prepare_versions(
    data: Dataset,
    chosen: Design,
    steps: Sequence[Step],
    config: Config,
    folder: Path,
    *,
    evaluation: str,
    found: Collection[str] = (),
    original: Dataset | None = None,
    progress: Callable[[str], None] | None = None,
) -> Prepared:
    """Fit, encode and write the data of all arms below ``folder``.

    ``steps`` is the whole plan, unsafe steps too: the clean set is corrected by all of them.
    ``found`` are the codes of the rules that fired: repeated rows and entities are left out of
    the clean set where LK001 and LK003 did.
    ``original`` is the data before a fault was planted, with the same rows in the same places:
    then its values are the clean ones, instead of those that the plan corrects.
    """
    out = Prepared(folder)
    by_key = {r.key: r for r in chosen.repairs}
    versions: dict[Kept, _Version] = {}
    for arm in chosen.arms:
        if arm.control == ORIGINAL:
            assert original is not None
            out.data[arm.key], out.loader[arm.key] = ORIGINAL, {}
            versions[frozenset([ORIGINAL])] = _Version(ORIGINAL, original, (), config)
            continue
        kept = frozenset(k for k in arm.repairs if by_key[k].on_data)
        if kept not in versions:
            if progress is not None:
                progress(f"fitting: {arm.words}")
            number = len(versions)
            versions[kept] = _Version(f"data-{number:02}", data, _plan(by_key, kept), config)
        version = versions[kept]
        out.data[arm.key] = version.name
        asked = [s for k in arm.repairs for s in by_key[k].steps if s.kind.acts == "loader"]
        out.loader[arm.key] = version.tell_loader(asked)
    raw = versions[frozenset()]
    ground = _Ground.of(data, raw, chosen.repairs)
    corrections = Plan(tuple(s for s in steps if s.repair in CORRECTS)).ready(unsafe=True)
    corrected = versions.get(frozenset([ORIGINAL])) or _Version("", data, corrections.steps, config)
    elsewhere = np.concatenate([v.into_train for v in versions.values()])
    in_study = [s for r in chosen.repairs for s in r.steps]
    clean = clean_set(
        data, _reader(), raw.view, corrected.view,
        [s for s in in_study if s.repair in TELLS], evaluation,
        elsewhere=elsewhere, by_row="LK001" in found, by_entity="LK003" in found,
    )  # fmt: skip
    out.said += [f"clean evaluation set: {'; '.join(clean.said)}", *ground.said]
    encoder: Encoder | None = None
    for version in versions.values():
        train = [ground.fill(f) for f, _ in version.frames(str(data.train))]
        encoder = common.learn(data, train, encoder)
    assert encoder is not None
    for version in versions.values():
        if progress is not None:
            progress(f"encoding {version.name}")
        where = folder / version.name
        train_rows = ground.filled(version.frames(str(data.train)))
        rows = common.write(where / "train", encoder, train_rows, labeled=False)
        measured = ground.filled(version.frames(evaluation))
        common.write(where / "measured", encoder, measured, labeled=True)
        shown = ground.fill(version.represent(clean.frame, evaluation))
        common.write(where / "clean", encoder, [(shown, clean.addresses)], labeled=True)
        for key, name in out.data.items():
            if name == version.name:
                out.rows[key] = rows
    common.save_encoder(folder, encoder)
    everyone = [common.load_table(folder, v.name, "train").addresses() for v in versions.values()]
    np.save(folder / "among.npy", np.unique(np.concatenate(everyone)))
    out.said += _sampled(data, raw, evaluation)
    return out


def _plan(by_key: Mapping[str, Repair], kept: Kept) -> tuple[Step, ...]:
    steps = [s for k, r in by_key.items() if k in kept for s in r.steps]
    return Plan(tuple(s for s in steps if s.kind.acts != "loader")).ready(unsafe=True).steps


class _Version:
    """One state of the data: a plan, fitted."""

    def __init__(self, name: str, data: Dataset, steps: Sequence[Step], config: Config) -> None:
        self.name, self.data = name, data
        self.job: Job = prepare(data, Plan(tuple(steps)), config)
        applied = [a.transform for a in (*self.job.built.before, *self.job.built.after)]
        self.view: View = self.job.mender.view.with_transforms(applied)

    @property
    def into_train(self) -> Ints:
        """Rows that a re-split moves into train."""
        moves, at = self.job.decided.moves, self.view.splits.index(str(self.data.train))
        return np.asarray(moves.moved[moves.to == at], dtype=np.int64)

    def tell_loader(self, asked: Sequence[Step]) -> dict[str, Any]:
        """What those steps tell the loader of this data."""
        built = build(self.data, asked)
        built.fit(self.view)
        return built.loader

    def frames(self, split: str) -> Iterator[Piece]:
        """The rows of a split, sampled where there are very many."""
        return _pieces(self.view, split)

    def represent(self, frame: pl.DataFrame, split: str) -> pl.DataFrame:
        """Right values as the models of this version are given them.

        All its transforms but those that correct values: they have been corrected.
        """
        done = ("parse", "to_missing", "invert")
        for transform in self.view.transforms:
            if transform.kind not in done and (not transform.splits or split in transform.splits):
                frame = replace(transform, allow_missing=True).apply(frame)
        return frame


def _pieces(view: View, split: str) -> Iterator[Piece]:
    most = MOST_TRAIN if split == view.data.train else MOST_EVALUATION
    count = _count(view, split)
    bound = None if count <= most else np.uint64(int(most / count * float(2**64 - 1)))
    for _, given, addresses in view.pieces(list(_columns(view)), splits=[split]):
        frame = spread(given, view.data)
        if bound is not None:
            keep = row_keys(addresses, "study") < bound
            frame, addresses = frame.filter(pl.Series(keep)), addresses[keep]
        if frame.height:
            yield frame, addresses


def _columns(view: View) -> dict[str, None]:
    """All columns, and those that transforms add."""
    out = dict.fromkeys(read(view.data))
    for transform in view.transforms:
        out.update(dict.fromkeys(transform.added))
    return out


def _count(view: View, split: str) -> int:
    one = [next(iter(view.data.columns))]
    return sum(a.size for _, _, a in view.pieces(one, splits=[split]))


def _reader() -> Callable[[View, str], Piece]:
    """Whole splits, each read once."""
    known: dict[tuple[int, str], Piece] = {}

    def read(view: View, split: str) -> Piece:
        if (id(view), split) not in known:
            parts = list(_pieces(view, split))
            if not parts:
                raise UsageError(f"the split {split!r} has no rows", "a study needs both")
            frame = pl.concat([f for f, _ in parts], how="vertical_relaxed")
            known[id(view), split] = (frame, np.concatenate([a for _, a in parts]))
        return known[id(view), split]

    return read


def _sampled(data: Dataset, raw: _Version, evaluation: str) -> list[str]:
    out = []
    for split, most in ((str(data.train), MOST_TRAIN), (evaluation, MOST_EVALUATION)):
        count = _count(raw.view, split)
        if count > most:
            out.append(f"about {most:,} of the {count:,} rows of {split} take part, by a hash")
    return out


# -- what no repair of the study mends ----------------------------------------------------------


@dataclass
class _Ground:
    """Gaps that are filled alike in every arm, because no repair of the study fills them."""

    medians: dict[str, float]
    said: list[str]

    @classmethod
    def of(cls, data: Dataset, raw: _Version, repairs: Sequence[Repair]) -> _Ground:
        mended = {c for r in repairs for s in r.steps if s.repair == FILL for c in s.columns}
        numbers = [
            c.name
            for c in data.columns.values()
            if c.role is Role.FEATURE
            and c.kind in (Kind.NUMBER, Kind.BOOLEAN)
            and c.name not in mended
        ]
        frame = pl.concat([f for f, _ in raw.frames(str(data.train))], how="vertical_relaxed")
        lacking = [c for c in numbers if gaps(frame, [c]).any()]
        told = []
        if lacking:
            told.append(
                f"gaps of {names(lacking)} are filled with train's median in every arm: no repair "
                "of this study fills them"
            )
        return cls(middles(frame, numbers), told)

    def fill(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with those gaps filled."""
        return filled(frame, self.medians)

    def filled(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """Pieces with those gaps filled."""
        return ((self.fill(frame), addresses) for frame, addresses in pieces)


