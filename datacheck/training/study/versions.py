"""The data of each arm: fitted once, encoded in common, written once, shared by all seeds.

All arms have the same columns, vocabularies and classes, those of any of them: a column that an
arm lacks is 0 there, which trains no weight. So a model has the same shape, and with a seed the
same initial weights, in every arm.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datacheck.config import Config
from datacheck.dataset import Dataset, Kind, Role
from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.building import build
from datacheck.pipelines.encoding import Encoder, Tally, plan_columns
from datacheck.pipelines.fixing import Job, prepare
from datacheck.pipelines.plan import Plan, Step
from datacheck.pipelines.tables import ArrowTable, ArrowWriter, Table
from datacheck.pipelines.view import View
from datacheck.training.study.arms import Arm, Design
from datacheck.training.study.clean import CORRECTS, TELLS, clean_set, filled, gaps, middles
from datacheck.training.study.repairs import FILL, Repair
from datacheck.types import Ints

MOST_TRAIN, MOST_EVALUATION = 100_000, 4_000  # rows; more are sampled by a hash of their address
VOCABULARY = 20_000
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
    by_entity: bool,
    progress: Callable[[str], None] | None = None,
) -> Prepared:
    """Fit, encode and write the data of all arms below ``folder``.

    ``steps`` is the whole plan, unsafe steps too: the clean set is corrected by all of them.
    """
    out = Prepared(folder)
    by_key = {r.key: r for r in chosen.repairs}
    versions: dict[Kept, _Version] = {}
    for arm in chosen.arms:
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
    corrected = _Version("", data, corrections.steps, config)
    elsewhere = np.concatenate([v.into_train for v in versions.values()])
    in_study = [s for r in chosen.repairs for s in r.steps]
    clean = clean_set(
        data, _reader(), raw.view, corrected.view,
        [s for s in in_study if s.repair in TELLS], evaluation,
        elsewhere=elsewhere, by_entity=by_entity,
    )  # fmt: skip
    out.said += [f"clean evaluation set: {'; '.join(clean.said)}", *ground.said]
    encoder = _common(data, list(versions.values()), ground)
    for version in versions.values():
        if progress is not None:
            progress(f"encoding {version.name}")
        where = folder / version.name
        rows = _write(where / "train", encoder, version.frames(str(data.train)), ground, True)
        _write(where / "measured", encoder, version.frames(evaluation), ground, False)
        shown = version.represent(clean.frame, evaluation)
        _write(where / "clean", encoder, iter([(shown, clean.addresses)]), ground, False)
        for key, name in out.data.items():
            if name == version.name:
                out.rows[key] = rows
    told = asdict(encoder)
    told["task"] = None if encoder.task is None else encoder.task.value
    (folder / "encoder.json").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    out.said += _sampled(data, raw, evaluation)
    return out


def load_encoder(folder: Path) -> Encoder:
    """The encoder that all arms share."""
    from datacheck.dataset import Task

    told = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    for name in ("numbers", "series", "ids", "left_out"):
        told[name] = tuple(told[name])
    told["task"] = None if told["task"] is None else Task(told["task"])
    return Encoder(**told)


def load_table(folder: Path, version: str, split: str) -> Table:
    """The rows of one split as an arm sees them: ``train``, ``clean`` or ``measured``."""
    return ArrowTable(sorted((folder / version / split).glob("part-*.arrow")))


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
        return moves.moved[moves.to == at]

    def tell_loader(self, asked: Sequence[Step]) -> dict[str, Any]:
        """What those steps tell the loader of this data."""
        built = build(self.data, asked)
        built.fit(self.view)
        return built.loader

    def frames(self, split: str) -> Iterator[tuple[pl.DataFrame, Ints]]:
        """(frame, addresses) of a split, sampled where there are very many rows."""
        return ((f, a) for f, a in _pieces(self.view, split))

    def represent(self, frame: pl.DataFrame, split: str) -> pl.DataFrame:
        """Right values as the models of this version are given them.

        All its transforms but those that correct values: they have been corrected.
        """
        done = ("parse", "to_missing", "invert")
        for transform in self.view.transforms:
            if transform.kind not in done and (not transform.splits or split in transform.splits):
                frame = replace(transform, allow_missing=True).apply(frame)
        return frame


def _pieces(view: View, split: str) -> Iterator[tuple[pl.DataFrame, Ints]]:
    from datacheck.training.determinism import row_keys

    most = MOST_TRAIN if split == view.data.train else MOST_EVALUATION
    count = _count(view, split)
    bound = None if count <= most else np.uint64(int(most / count * float(2**64 - 1)))
    for _, frame, addresses in view.pieces(list(_columns(view)), splits=[split]):
        if bound is not None:
            keep = row_keys(addresses, "study") < bound
            frame, addresses = frame.filter(pl.Series(keep)), addresses[keep]
        if frame.height:
            yield frame, addresses


def _columns(view: View) -> dict[str, None]:
    """All columns, and those that transforms add."""
    out = dict.fromkeys(view.data.columns)
    for transform in view.transforms:
        out.update(dict.fromkeys(transform.added))
    return out


def _count(view: View, split: str) -> int:
    one = [next(iter(view.data.columns))]
    return sum(a.size for _, _, a in view.pieces(one, splits=[split]))


def _reader() -> Callable[[View, str], tuple[pl.DataFrame, Ints]]:
    known: dict[tuple[int, str], tuple[pl.DataFrame, Ints]] = {}

    def read(view: View, split: str) -> tuple[pl.DataFrame, Ints]:
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


# -- encoding ------------------------------------------------------------------------------------


def _common(data: Dataset, versions: Sequence[_Version], ground: _Ground) -> Encoder:
    """One encoder for all: the union of columns, vocabularies and classes, raw data's first."""
    out: Encoder | None = None
    for version in versions:
        pieces = list(version.frames(str(data.train)))
        if not pieces:
            raise UsageError("a repair leaves no row of train", "take it out with --repairs")
        schema = filled(pieces[0][0], ground.medians).schema
        mine = plan_columns(data, schema, task=data.task)
        mine.fit((f for f, _ in pieces), VOCABULARY)
        out = mine if out is None else _joined(out, mine)
    assert out is not None
    return out


def _joined(a: Encoder, b: Encoder) -> Encoder:
    def union(x: Sequence[str], y: Sequence[str]) -> list[str]:
        return list(dict.fromkeys([*x, *y]))

    both = {
        name: {
            c: union(getattr(a, name).get(c, []), getattr(b, name).get(c, []))
            for c in union(list(getattr(a, name)), list(getattr(b, name)))
        }
        for name in ("categories", "words")
    }
    return replace(
        a,
        numbers=tuple(union(a.numbers, b.numbers)),
        series=tuple(union(a.series, b.series)),
        categories=both["categories"],
        words=both["words"],
        classes=union(a.classes, b.classes),
        left_out=tuple(c for c in a.left_out if c in b.left_out),
    )


def _write(
    folder: Path,
    encoder: Encoder,
    pieces: Iterator[tuple[pl.DataFrame, Ints]],
    ground: _Ground,
    train: bool,
) -> int:
    """Encode and write; the number of rows. Rows without a label judge nothing and are left out."""
    writer, rows = ArrowWriter(folder), 0
    for frame, addresses in pieces:
        known = filled(_completed(frame, encoder), ground.medians)
        encoded = encoder.encode(known, addresses, Tally())
        if not train and encoder.label:
            y = encoded["__y__"]
            encoded = encoded.filter(y >= 0 if encoder.classes else y.is_finite())
        if encoded.height:
            writer.add(encoded)
            rows += encoded.height
    writer.finish()
    return rows


def _completed(frame: pl.DataFrame, encoder: Encoder) -> pl.DataFrame:
    """Columns that an arm lacks: numbers 0, categories and lists without a value."""
    lacking: list[pl.Expr] = []
    for name in encoder.numbers:
        if name not in frame.columns:
            lacking.append(pl.lit(0.0).alias(name))
    for name in encoder.categories:
        if name not in frame.columns:
            lacking.append(pl.lit(None, dtype=pl.String).alias(name))
    for name in encoder.sequences:
        if name not in frame.columns:
            inner = pl.String if name in encoder.words else pl.Float64
            lacking.append(pl.lit([], dtype=pl.List(inner)).alias(name))
    return frame.with_columns(lacking)


def arms_of(prepared: Prepared, arms: Sequence[Arm]) -> dict[str, int]:
    """Rows of train by arm."""
    return {a.key: prepared.rows.get(a.key, 0) for a in arms}
