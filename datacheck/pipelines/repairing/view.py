"""A dataset seen through the repairs so far: fewer rows, rows in other splits, mended values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from datacheck.dataset import Batch, Dataset, Fragment, Split
from datacheck.engines.plan import block_rows
from datacheck.engines.scan import blocks
from datacheck.types import Ints, Mask

if TYPE_CHECKING:
    from datacheck.pipelines.transforms.base import Transform

NO_ROWS: Ints = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Moves:
    """What becomes of rows: those that leave, and those that go to another split.

    ``gone`` and ``moved`` are addresses in ascending order (int64); ``by`` is, for each row that
    leaves, the place of its step in the plan; ``why`` the reason by address, where each has its
    own; ``to``, for each that moves, the ordinal of its new
    split.
    """

    gone: Ints = field(default_factory=lambda: NO_ROWS)
    by: Ints = field(default_factory=lambda: NO_ROWS)
    why: Mapping[int, str] = field(default_factory=dict)
    moved: Ints = field(default_factory=lambda: NO_ROWS)
    to: Ints = field(default_factory=lambda: NO_ROWS)

    def leaving(self, addresses: Ints) -> Mask:
        """Which of the addresses leave."""
        return among(addresses, self.gone)[0]


def among(addresses: Ints, known: Ints) -> tuple[Mask, Ints]:
    """Which addresses are in ``known`` (ascending), and where (of any use only for those)."""
    if not known.size or not addresses.size:
        return np.zeros(addresses.size, dtype=np.bool_), np.zeros(addresses.size, dtype=np.int64)
    at = np.minimum(np.searchsorted(known, addresses), known.size - 1)
    return np.asarray(known[at] == addresses), np.asarray(at, dtype=np.int64)


@dataclass(frozen=True)
class View:
    """A dataset with repairs applied as it is read. Nothing of it is ever all in memory.

    ``transforms`` are applied in their order, each to the splits it is for; a row's split for
    that purpose is the one its file says, wherever it is moved to: a mismatch sits in the file.
    ``parsed`` are number columns whose texts are read as numbers, with their form.
    """

    data: Dataset
    transforms: tuple[Transform, ...] = ()
    moves: Moves = field(default_factory=Moves)
    parsed: Mapping[str, str] = field(default_factory=dict)

    @property
    def splits(self) -> list[str]:
        """Names, by ordinal."""
        return list(self.data.splits)

    @property
    def file_of(self) -> dict[str, int]:
        """The ordinal of each file."""
        return {name: i for i, name in enumerate(self.data.files)}

    def fragments(self) -> Iterator[Fragment]:
        """All fragments; with a split column each stands for all splits."""
        for split in self.data.splits.values():
            yield from split.fragments

    def mend(self, batch: Batch, split: str) -> pl.DataFrame:
        """The batch's columns with the transforms for a split applied; rows stay."""
        frame = with_parsed(batch, self.parsed)
        for transform in self.transforms:
            if not transform.splits or split in transform.splits:
                frame = transform.apply(frame)
        return frame

    def divided(self, batch: Batch, split: str) -> Iterator[tuple[str, Mask | None]]:
        """The splits of a batch's rows as their files say, with a mask where there are several.

        A batch without a row is of the first split: what becomes of its columns is asked.
        """
        if split or not batch.height:
            yield split or self.splits[0], None
            return
        named = batch.frame[str(self.data.split_column)].cast(pl.String).fill_null("")
        for name in self.data.splits:
            mine = (named == name).to_numpy()
            if mine.any():
                yield name, mine

    def pieces(
        self, columns: Sequence[str], *, splits: Sequence[str] = ()
    ) -> Iterator[tuple[str, pl.DataFrame, Ints]]:
        """(split, mended frame, addresses) over all rows that stay, in order within each file.

        ``columns`` are those of the data, or that the transforms add. Moved rows come under their
        new split. ``splits`` limits what is asked for: files that cannot hold any such row are
        not opened.
        """
        wanted = set(splits or self.data.splits)
        by = self.data.split_column
        asked = dict.fromkeys((*columns, by) if by else columns)
        read = tuple(c for c in asked if c in self.data.columns)
        ordinals = self.file_of
        anywhere = bool(self.moves.moved.size)
        for fragment in self.fragments():
            if fragment.split and fragment.split not in wanted and not anywhere:
                continue
            size = block_rows(len(read))
            for block in blocks(fragment, ordinals[fragment.file], read, size):
                if block.height:
                    yield from self._pieces(block, fragment.split, columns, wanted)

    def _pieces(
        self, block: Batch, split: str, columns: Sequence[str], wanted: set[str]
    ) -> Iterator[tuple[str, pl.DataFrame, Ints]]:
        names = self.splits
        for told, mask in self.divided(block, split):
            piece = block if mask is None else take(block, mask)
            frame, addresses = self.mend(piece, told), piece.addresses
            there = set(frame.columns)
            have = [c for c in columns if c in there]
            keep = ~self.moves.leaving(addresses)
            hit, at = among(addresses, self.moves.moved)
            homes = np.full(addresses.size, names.index(told), dtype=np.int64)
            homes[hit] = self.moves.to[at[hit]]
            for home in np.unique(homes[keep]).tolist():
                if names[home] not in wanted:
                    continue
                mine = keep & (homes == home)
                chosen = frame if mine.all() else frame.filter(pl.Series(mine))
                yield names[home], chosen.select(have), addresses[mine]

    def as_dataset(self) -> Dataset:
        """The same as a dataset that engines read: its fragments mend what they yield."""
        mends = bool(self.transforms or self.parsed)
        splits = {
            name: Split(
                name, [Mended(f, self) if mends else f for f in split.fragments], dict(split.kinds)
            )
            for name, split in self.data.splits.items()
        }
        return replace(self.data, splits=splits, problems=list(self.data.problems))

    def with_transforms(self, more: Sequence[Transform]) -> View:
        """The same with further transforms at the end."""
        return replace(self, transforms=(*self.transforms, *more))

    def with_moves(self, moves: Moves) -> View:
        """The same with these moves instead."""
        return replace(self, moves=moves)


@dataclass(frozen=True)
class Mended:
    """A fragment whose values are mended as it is read. Rows stay: engines count them."""

    fragment: Fragment
    view: View

    @property
    def split(self) -> str:
        """As the fragment says."""
        return self.fragment.split

    @property
    def file(self) -> str:
        """As the fragment says."""
        return self.fragment.file

    def fingerprint(self) -> tuple[str, int, int]:
        """As the fragment says."""
        return self.fragment.fingerprint()

    def read(self, columns: Sequence[str], batch_rows: int) -> Iterator[Batch]:
        """Batches with mended values."""
        for batch in self.fragment.read(columns, batch_rows):
            if not batch.height:
                yield batch
                continue
            parts = []
            for split, mask in self.view.divided(batch, self.split):
                piece = batch if mask is None else take(batch, mask)
                parts.append((self.view.mend(piece, split), piece.rows))
            if len(parts) == 1 and parts[0][1].size == batch.height:
                frame, rows = parts[0]
            else:
                frame, rows = together(parts)
            there = set(frame.columns)
            have = [c for c in columns if c in there]
            yield Batch(frame.select(have), rows, batch.file, problems=batch.problems)


def together(parts: Sequence[tuple[pl.DataFrame, Ints]]) -> tuple[pl.DataFrame, Ints]:
    """Pieces of one block in the order of their rows again."""
    rows = np.concatenate([r for _, r in parts]) if parts else NO_ROWS
    order = np.argsort(rows, kind="stable")
    frame = pl.concat([f for f, _ in parts], how="vertical_relaxed") if parts else pl.DataFrame()
    return (frame[order] if frame.width else frame), rows[order]


def take(batch: Batch, mask: Mask) -> Batch:
    """Some rows of a batch."""
    chosen = pl.Series(mask)
    tokens = {c: t.filter(chosen) for c, t in batch.tokens.items()}
    return Batch(batch.frame.filter(chosen), batch.rows[mask], batch.file, tokens)


def with_parsed(batch: Batch, columns: Mapping[str, str]) -> pl.DataFrame:
    """The frame, with numbers such as ``12,3`` or ``1,455`` read in those columns."""
    new = []
    for name, form in columns.items():
        texts = batch.tokens.get(name)
        if texts is not None and name in batch.frame.columns:
            numbers = decimal_commas(texts) if form == "decimal-comma" else thousands(texts)
            new.append(batch.frame[name].cast(pl.Float64).fill_null(numbers).alias(name))
        elif name in batch.frame.columns:
            new.append(batch.frame[name].cast(pl.Float64))
    return batch.frame.with_columns(new) if new else batch.frame


def decimal_commas(texts: pl.Series) -> pl.Series:
    """Numbers with a decimal comma; null for any other text."""
    plain = texts.str.strip_chars()
    one = plain.str.count_matches(",", literal=True) == 1
    mended = plain.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    return mended.to_frame("x").select(pl.when(one).then(pl.col("x"))).to_series()


def thousands(texts: pl.Series) -> pl.Series:
    """Numbers with a mark before each three digits; null for any other text."""
    plain = texts.str.strip_chars()
    form = r"^[-+]?\d{1,3}([,' \x{a0}]\d{3})+(\.\d+)?$"
    bare = plain.str.replace_all(r"[,' \x{a0}]", "").cast(pl.Float64, strict=False)
    whole = plain.str.contains(form)
    return bare.to_frame("x").select(pl.when(whole).then(pl.col("x"))).to_series()
