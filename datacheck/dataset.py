"""What an audit reads: a dataset of named splits, made of fragments, with roles and kinds.

Sources build these objects, engines read them, nothing here opens a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    import polars as pl

    from datacheck.types import Floats, Ints

EXACT = "exact"  # of pictures in a column x, x.exact is a hash of all of their pixels
FILE_SHIFT = 40  # an address is file ordinal << 40 | row number: 16 M files of 1.1e12 rows


class Kind(StrEnum):
    """What a column holds, as the rules see it (not its storage type)."""

    NUMBER = "number"
    CATEGORY = "category"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    TEXT = "text"
    SEQUENCE = "sequence"
    IMAGE = "image"
    ARRAY = "array"


class Role(StrEnum):
    """What a column is for."""

    LABEL = "label"
    FEATURE = "feature"
    ID = "id"
    GROUP = "group"
    TIME = "time"
    WEIGHT = "weight"
    SPLIT = "split"
    MEASURED = "measured"
    """What was measured of an image or a text on reading it (its size, its mean): no model sees it,
    and no rule does unless it asks."""
    IGNORE = "ignore"


class Task(StrEnum):
    """What the label asks for."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the common schema.

    ``assumed`` is the reason for an inferred kind or role, said in every report; it is empty
    where the user gave the role. ``unique`` says that (nearly) every row has a value of its own:
    such ids and times stay out of row hashes, or no duplicate would ever be found.
    ``integer`` says that every value seen was a whole number. ``distinct`` is the number of
    distinct values in the peek, ``peeked`` the number of non-missing values looked at. ``cells`` is
    how many values of 8 bytes one of its cells takes, where the source knows it to be many.
    """

    name: str
    kind: Kind
    role: Role = Role.FEATURE
    assumed: str = ""
    unique: bool = False
    integer: bool = False
    distinct: int = 0
    peeked: int = 0
    cells: int = 1


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something that could not be read: a whole file (``row`` −1) or one record of it.

    ``hint`` is what a person can do. ``warning`` marks what was read all the same, after a
    stated assumption (an unusual encoding, say).
    """

    split: str
    file: str
    row: int
    reason: str
    warning: bool = False


@dataclass(slots=True, eq=False)
class Batch:
    """Some consecutive rows of one file, in the common schema.

    ``rows`` are the row numbers within the file (the line number for CSV and JSONL, the row
    counted from 0 otherwise), strictly increasing, int64 of shape (n,). ``tokens`` holds, per
    column, the raw strings that could not be read as the column's kind (string, as long as
    ``frame``, null where all is well; those cells are null in ``frame``). ``problems`` are
    records that could not be read at all and are not in ``frame``.
    Never change a batch: it is shared by all summaries.
    """

    frame: pl.DataFrame
    rows: Ints
    file: int = 0
    tokens: Mapping[str, pl.Series] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    _matrices: dict[tuple[str, ...], Floats] = field(default_factory=dict)

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.frame.height

    @property
    def addresses(self) -> Ints:
        """One int64 per row, unique in the dataset: file ordinal << 40 | row."""
        return self.rows + np.int64(self.file << FILE_SHIFT)

    def matrix(self, columns: tuple[str, ...]) -> Floats:
        """The named columns as float64 of shape (rows, columns), column-major; missing is NaN.

        Datetimes are microseconds since 1970. Made once per batch for each set of columns.
        """
        found = self._matrices.get(columns)
        if found is None:
            found = to_matrix(self.frame, columns)
            self._matrices[columns] = found
        return found


def to_matrix(frame: pl.DataFrame, columns: Sequence[str]) -> Floats:
    """Numbers, booleans and datetimes as a float64 matrix (rows, columns); missing is NaN."""
    import polars as pl
    import polars.selectors as cs

    if not columns:
        return np.empty((frame.height, 0), dtype=np.float64)
    picked = frame.select(columns)
    if any(dtype != pl.Float64 for dtype in picked.dtypes):
        picked = picked.with_columns(
            cs.datetime().cast(pl.Datetime("us")).dt.timestamp("us"),
            cs.date().cast(pl.Datetime("us")).dt.timestamp("us"),
        ).cast(pl.Float64)
    return np.asarray(picked.to_numpy(order="fortran"), dtype=np.float64)


@runtime_checkable
class Fragment(Protocol):
    """The smallest piece that can be read alone. Pickles, and knows its fingerprint."""

    @property
    def split(self) -> str:
        """The split its rows belong to ('' when a split column says so row by row)."""
        ...

    @property
    def file(self) -> str:
        """The path shown to the user, relative to the dataset."""
        ...

    def fingerprint(self) -> tuple[str, int, int]:
        """(path, size, mtime in ns): what changes when the content does."""
        ...

    def read(self, columns: Sequence[str], batch_rows: int) -> Iterator[Batch]:
        """Yield batches of at most about ``batch_rows`` rows, in file order, each row once.

        Only ``columns`` are decoded. Raises :class:`SourceError` where the file breaks off.
        """
        ...


@dataclass(slots=True)
class Split:
    """A named part of the dataset.

    ``kinds`` are the columns *this* split has, with the kind that its own rows suggest; the
    common kind is in :attr:`Dataset.columns`, and SC001/SC002 compare the two.
    """

    name: str
    fragments: list[Fragment]
    kinds: dict[str, Kind] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measure:
    """What lengths of texts are counted in: ``words``, ``characters`` or ``tokens``.

    ``tokenizer`` is the path of the file that makes the tokens. Items of lists are always counted
    as they are.
    """

    unit: str = "words"
    tokenizer: str = ""

    @property
    def params(self) -> tuple[tuple[str, str], ...]:
        """Parameters of summaries that count lengths; none for words."""
        if self.unit == "words":
            return ()
        return (("unit", self.unit), *([("tokenizer", self.tokenizer)] if self.tokenizer else []))


TRAIN_NAMES = ("train", "training", "tr", "fit")


@dataclass
class Dataset:
    """Named splits with one schema.

    ``assumptions`` are sentences told at the top of each report; ``problems`` were met while
    opening; ``split_column`` names the column that tells the split of each row, if one does.
    ``row_names`` has, by file, what its rows are called where a number says nothing (the pictures
    of a folder): row i is ``row_names[file][i]``. ``measure`` says what lengths are counted in.
    """

    name: str
    splits: dict[str, Split]
    columns: dict[str, Column]
    task: Task | None = None
    assumptions: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    split_column: str | None = None
    row_names: dict[str, Sequence[str]] = field(default_factory=dict)
    measure: Measure = field(default_factory=Measure)
    reference: str | None = None
    """The split that others are compared with where no name tells it: an old version, say."""

    @property
    def train(self) -> str | None:
        """The split that models are fitted on: ``train``, or the only one there is."""
        if self.reference is not None:
            return self.reference
        for name in self.splits:
            if name.lower() in TRAIN_NAMES:
                return name
        return next(iter(self.splits)) if len(self.splits) == 1 else None

    @property
    def evaluation(self) -> list[str]:
        """All splits but train."""
        return [name for name in self.splits if name != self.train]

    @cached_property
    def files(self) -> list[str]:
        """Display paths, in the order of file ordinals."""
        seen: dict[str, None] = {}
        for split in self.splits.values():
            for fragment in split.fragments:
                seen.setdefault(fragment.file)
        return list(seen)

    def role(self, role: Role) -> Column | None:
        """The first column with that role, if any."""
        return next((c for c in self.columns.values() if c.role is role), None)

    @property
    def label(self) -> Column | None:
        """The label column, if any."""
        return self.role(Role.LABEL)

    def select(
        self, *kinds: Kind, roles: Sequence[Role] = (Role.FEATURE,), splits: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Columns with one of ``kinds`` (all if none) and ``roles`` that all ``splits`` have."""
        return tuple(
            c.name
            for c in self.columns.values()
            if (not kinds or c.kind in kinds)
            and c.role in roles
            and all(c.name in self.splits[s].kinds for s in splits)
        )

    def locate(self, split: str, address: int) -> str:
        """An address as people write it: ``split/file:row``, or the name that the row has."""
        file = self.files[address >> FILE_SHIFT]
        row = address & ((1 << FILE_SHIFT) - 1)
        if file in self.row_names:
            return self.row_names[file][row]
        return f"{file}:{row}" if file.split("/")[0] == split else f"{split}/{file}:{row}"
