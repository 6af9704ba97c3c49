"""Stored rows in, repaired rows out: the one loop that `datacheck fix` writes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from datacheck.dataset import Batch, Fragment
from datacheck.pipelines.fitting.fingerprints import Fingerprint
from datacheck.pipelines.repairing.cells import (
    as_text,
    diagonal,
    differing,
    missing,
    typed,
    where_differ,
)
from datacheck.pipelines.repairing.view import View, among, take, together, with_parsed
from datacheck.pipelines.repairing.writing import Piece, in_order
from datacheck.sources.convert import Reading
from datacheck.sources.lines import Bad
from datacheck.sources.raw import Raw, readings_of
from datacheck.types import Ints, Mask

if TYPE_CHECKING:
    from datacheck.pipelines.transforms.base import Transform

ROWS = 65_536
WHOLLY = ("scale", "invert")  # transforms that give every value another
FILLING = ("impute",)  # those that change only what is missing
KEEPING = ("scale",)  # and those that leave missing what was


@dataclass
class Tally:
    """Values that change, by step and column, and rows by what becomes of them."""

    values: dict[int, dict[str, int]] = field(default_factory=dict)
    read: int = 0
    kept: int = 0
    gone: int = 0
    away: int = 0
    bad: int = 0
    train: Fingerprint | None = None
    """Of the rows that are train's in the end, as they were."""

    def add(self, step: int, column: str, count: int) -> None:
        """Count changed values."""
        if count:
            mine = self.values.setdefault(step, {})
            mine[column] = mine.get(column, 0) + count


@dataclass(frozen=True)
class Applied:
    """A fitted transform and the place of its step in the plan."""

    step: int
    transform: Transform


@dataclass(frozen=True)
class Mender:
    """Repairs of values and of rows, on rows as they are stored.

    ``blank`` names, per column of numbers or dates, the texts that become missing (None: all
    texts that cannot be read). ``quarantine`` names the splits whose broken records leave.
    Of the columns ``learned`` from, the rows that end up in train are told by their fingerprint.
    """

    view: View
    applied: Sequence[Applied] = ()
    blank: Mapping[str, tuple[int, frozenset[str] | None]] = field(default_factory=dict)
    parsed: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    quarantine: frozenset[str] = frozenset()
    learned: tuple[str, ...] = ()

    def columns(self, fragment: Fragment) -> tuple[str, ...]:
        """What has to be converted: columns that some step works on."""
        wanted: dict[str, None] = dict.fromkeys((*self.blank, *self.parsed))
        for one in self.applied:
            wanted.update(dict.fromkeys(one.transform.columns))
        if not fragment.split and self.view.data.split_column:
            wanted[self.view.data.split_column] = None
        return tuple(c for c in wanted if c in self.view.data.columns)

    def mend(self, raw: Raw, fragment: Fragment, ordinal: int, tally: Tally) -> Mended:
        """One piece of a file, repaired."""
        stored = set(raw.frame.columns)
        columns = [c for c in self.columns(fragment) if c in stored]
        readings = readings_of(fragment)
        batch = raw.batch(columns, readings, ordinal)
        mended = self._values(batch, fragment.split, tally)
        frame, touched = self._stored(raw, batch, mended, readings, tally)
        addresses = batch.addresses
        gone, where = among(addresses, self.view.moves.gone)
        away, at = among(addresses, self.view.moves.moved)
        away &= ~gone
        homes = np.full(addresses.size, -1, dtype=np.int64)
        homes[away] = self.view.moves.to[at[away]]
        self._fingerprint(batch, fragment.split, gone, homes, tally)
        if away.any() and not fragment.split:
            frame, touched = self._relabel(frame, touched, homes)
            away[:] = False
        leaving = [b for b in raw.bad if fragment.split in self.quarantine]
        tally.read += raw.frame.height
        tally.gone += int(gone.sum())
        tally.away += int(away.sum())
        tally.kept += int((~gone & ~away).sum())
        tally.bad += len(leaving)
        return Mended(
            raw, frame, touched, gone, self.view.moves.by[where[gone]], away, homes,
            leaving, () if leaving else tuple(raw.bad), fragment.split,
            [self.view.moves.why.get(a, "") for a in addresses[gone].tolist()],
        )  # fmt: skip

    def _fingerprint(self, batch: Batch, split: str, gone: Mask, homes: Ints, tally: Tally) -> None:
        """Of the rows that train has in the end; taken here, where all of them come by."""
        train = self.view.data.train
        if not self.learned or train is None or set(self.learned) - set(batch.frame.columns):
            return
        here = np.zeros(batch.height, dtype=np.bool_)
        for told, mask in self.view.divided(batch, split):
            if told == train:
                here |= True if mask is None else mask
        here[homes >= 0] = homes[homes >= 0] == self.view.splits.index(train)
        here &= ~gone
        if tally.train is None:
            tally.train = Fingerprint(self.learned)
        frame = batch.frame if here.all() else batch.frame.filter(pl.Series(here))
        if frame.height:
            tally.train.add(frame)

    # -- values -------------------------------------------------------------------------------

    def _values(self, batch: Batch, split: str, tally: Tally) -> pl.DataFrame:
        """The converted columns with all transforms applied."""
        parts = []
        for told, mask in self.view.divided(batch, split):
            piece = batch if mask is None else take(batch, mask)
            frame = with_parsed(piece, {c: form for c, (_, form) in self.parsed.items()})
            for name, (step, _) in self.parsed.items():
                if name in frame.columns:
                    tally.add(step, name, differing(piece.frame[name], frame[name]))
            lacking: dict[str, int] = {}
            for one in self.applied:
                splits = one.transform.splits
                if splits and told not in splits:
                    continue
                after = one.transform.apply(frame)
                _count(one, frame, after, lacking, tally)
                frame = after
            parts.append((frame, piece.rows))
        covered = sum(r.size for _, r in parts)
        if covered < batch.height:  # rows of no split stay as they are
            known = np.isin(batch.rows, np.concatenate([r for _, r in parts] or [batch.rows[:0]]))
            rest = take(batch, ~known)
            parts.append((rest.frame, rest.rows))
            return diagonal(parts)
        return parts[0][0] if len(parts) == 1 else together(parts)[0]

    def _stored(
        self,
        raw: Raw,
        batch: Batch,
        mended: pl.DataFrame,
        readings: Mapping[str, Reading],
        tally: Tally,
    ) -> tuple[pl.DataFrame, Mask | None]:
        """All stored columns with the mended values in place; which rows have any."""
        touched = np.zeros(batch.height, dtype=np.bool_)
        out, whole = raw.frame, dict[str, tuple[pl.Series, pl.DataType]]()
        texts: list[pl.Series] = []
        have = set(mended.columns)
        out = out.drop([c for c in batch.frame.columns if c not in have])
        for name in batch.frame.columns:
            if name not in have:
                continue
            old, new = batch.frame[name], mended[name]
            stored = raw.frame[name]
            if stored.dtype != pl.String and raw.records is None:
                whole[name] = new, stored.dtype  # no row is looked at
                continue
            differs = where_differ(old, new)
            if name in self.blank and stored.dtype == pl.String:
                gone = self._blanked(name, batch, stored, new, tally)
                differs = differs | gone
            same_type = stored.dtype == pl.String or old.dtype == new.dtype
            if same_type and not differs.any():
                continue
            touched |= differs.to_numpy()
            if stored.dtype == pl.String:
                column = self.view.data.columns[name]
                text = as_text(new, readings[name], integer=column.integer)
                pick = pl.DataFrame([stored.alias("a"), text.alias("b"), differs.alias("c")])
                chosen = pick.select(pl.when("c").then("b").otherwise("a")).to_series()
                texts.append(chosen.alias(name))
            else:
                whole[name] = new, stored.dtype
        out = out.with_columns(*texts, *typed(whole))
        textual = raw.records is not None and all(d == pl.String for d in raw.frame.dtypes)
        had = set(batch.frame.columns)
        added = [mended[c] for c in mended.columns if c not in had]
        if added:
            more = [s.cast(pl.String) if textual else s for s in added]
            out = pl.DataFrame(in_order(list(out.iter_columns()), more))
        return out, touched if touched.any() else None

    def _blanked(
        self, name: str, batch: Batch, stored: pl.Series, new: pl.Series, tally: Tally
    ) -> pl.Series:
        """Texts in a column of numbers or dates that are to be missing, and still are text."""
        step, texts = self.blank[name]
        tokens = batch.tokens.get(name)
        if tokens is None:
            return pl.repeat(False, batch.height, dtype=pl.Boolean, eager=True)
        hit = tokens.is_not_null()
        if texts is not None:
            hit = hit & tokens.str.strip_chars().is_in(list(texts)).fill_null(False)
        tally.add(step, name, int(hit.sum()))
        return hit

    def _relabel(
        self, frame: pl.DataFrame, touched: Mask | None, homes: Ints
    ) -> tuple[pl.DataFrame, Mask]:
        """The split column tells the new split of moved rows."""
        name = str(self.view.data.split_column)
        splits = pl.Series(self.view.splits, dtype=pl.String)
        moved = homes >= 0
        new = splits.gather(pl.Series(np.maximum(homes, 0)))
        pick = pl.DataFrame([frame[name].cast(pl.String).alias("a"), new.alias("b"),
                             pl.Series("c", moved)])  # fmt: skip
        chosen = pick.select(pl.when("c").then("b").otherwise("a")).to_series()
        frame = frame.with_columns(chosen.cast(frame[name].dtype).alias(name))
        return frame, moved if touched is None else touched | moved


@dataclass(slots=True)
class Mended:
    """What a piece of a file came to: rows that stay, leave, and go to another split's file."""

    raw: Raw
    frame: pl.DataFrame
    touched: Mask | None
    gone: Mask
    by: Ints
    away: Mask
    homes: Ints
    leaving: Sequence[Bad]
    staying: Sequence[Bad]
    split: str
    why: Sequence[str] = ()

    def kept(self) -> Piece:
        """What is written to the file."""
        stays = ~self.gone & ~self.away
        if stays.all():
            return Piece(
                self.frame, self.raw.rows, self.touched, self.raw.records, self.staying, self.split
            )
        touched = None if self.touched is None else self.touched[stays]
        if touched is not None and not touched.any():
            touched = None
        records = None if self.raw.records is None else self.raw.records.keep(stays)
        frame = self.frame.filter(pl.Series(stays))
        return Piece(frame, self.raw.rows[stays], touched, records, self.staying, self.split)

    def sent(self) -> Iterator[tuple[int, pl.DataFrame]]:
        """(ordinal of the new split, rows) for rows that go to another file."""
        for home in np.unique(self.homes[self.away]).tolist():
            mine = self.away & (self.homes == home)
            yield home, self.frame.filter(pl.Series(mine))


def _count(
    one: Applied, before: pl.DataFrame, after: pl.DataFrame, lacking: dict[str, int], tally: Tally
) -> None:
    """Values that a transform changed. ``lacking`` keeps the missing cells that were counted."""
    there = set(before.columns) & set(after.columns)
    columns = [c for c in one.transform.columns if c in there]
    kind = one.transform.kind
    if kind not in WHOLLY + FILLING:
        for c in columns:
            tally.add(one.step, c, differing(before[c], after[c]))
            lacking.pop(c, None)
        return
    lacking |= missing(before, [c for c in columns if c not in lacking])
    new = lacking if kind in KEEPING else missing(after, columns)
    for c in columns:
        tally.add(one.step, c, after.height - new[c] if kind in WHOLLY else lacking[c] - new[c])
    lacking |= new
