"""What a transform is: parameters, what it learns from train, and a change of values.

The constructor stores, :meth:`Transform.learn` returns a fitted copy, :meth:`Transform.apply`
rewrites columns of a frame in the common schema (``datacheck.sources.convert``), and never the
number or order of rows. Null and NaN are both missing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

import polars as pl

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.transforms.coding import build, decode, encode, hints

if TYPE_CHECKING:
    from datacheck.pipelines.fitting.spreads import Spread

Frames: TypeAlias = Callable[[tuple[str, ...]], Iterator[pl.DataFrame]]
"""``frames(columns)`` yields train's rows in the common schema, block by block and with those
columns at least; called again it yields the same rows in the same order."""

Value: TypeAlias = bool | int | float | str
"""One cell as JSON holds it."""

Change: TypeAlias = Callable[[str, pl.DataType, pl.Expr], "pl.Expr | None"]
"""(name, type, the column) → its new value, or None to leave it."""


@dataclass(frozen=True)
class Transform(ABC):
    """A change of values, fitted on train only.

    ``columns`` are those it is about. ``splits`` names the splits it is for; without any it is
    for all of them and for serving. Where ``allow_missing``, columns that a frame lacks are
    passed over; otherwise :meth:`apply` raises UsageError. Fields whose names end in ``_`` are
    learned, and None before.
    """

    kind: ClassVar[str]

    columns: tuple[str, ...]
    splits: tuple[str, ...] = ()
    allow_missing: bool = False

    def __post_init__(self) -> None:
        for name, hint in hints(type(self)).items():
            given = getattr(self, name)
            object.__setattr__(self, name, decode(given, hint, f"{self.kind}.{name}"))
        if len(set(self.columns)) < len(self.columns):
            twice = next(c for c in self.columns if self.columns.count(c) > 1)
            raise UsageError(f"{self.kind} names the column {twice!r} twice", "name it once")
        self.check()

    def check(self) -> None:  # noqa: B027 - most have no bounds
        """Bounds of the parameters. Raises UsageError."""

    @cached_property
    def own(self) -> frozenset[str]:
        """The columns, to ask whether one is among them: there may be thousands."""
        return frozenset(self.columns)

    # -- fit and apply ------------------------------------------------------------------------

    def learn(self, frames: Frames) -> Self:
        """A fitted copy, learned from train's rows; itself where nothing is to be learned."""
        return self

    @property
    def wants(self) -> tuple[str, ...]:
        """Columns whose spread it learns from (:mod:`datacheck.pipelines.fitting.spreads`)."""
        return ()

    def carries(self, column: str) -> bool:
        """Whether the spread of a column after it will follow from the one before."""
        return column not in self.own

    def spread(self, column: str, before: Spread) -> Spread | None:
        """The spread of a column after it, fitted, from the one before; None: look again."""
        return None if column in self.own else before

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with the change. Same rows, same order.

        Raises UsageError before it is fitted, where columns are missing from the frame (unless
        ``allow_missing``), and where a column holds what the change has no meaning for.
        """
        if not self.fitted:
            raise UsageError(f"{self.kind} is not fitted", "call learn(frames) or Pipeline.fit")
        have = set(frame.columns)
        lacking = [c for c in self.columns if c not in have]
        if lacking and not self.allow_missing:
            raise UsageError(
                f"{self.kind} needs {names(lacking, 5)}, which the frame lacks",
                f"it has {names(frame.columns, 8) or 'no columns'}",
            )
        return self._apply(frame, tuple(c for c in self.columns if c in have))

    @abstractmethod
    def _apply(self, frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
        """The change, on the columns of the frame that it is about."""

    @property
    def fitted(self) -> bool:
        """Whether all that is to be learned has been."""
        return all(getattr(self, f.name) is not None for f in fields(self) if f.name.endswith("_"))

    # -- what it touches ----------------------------------------------------------------------

    @property
    def added(self) -> tuple[str, ...]:
        """Columns that it adds, known once it is fitted."""
        return ()

    @property
    def may_add(self) -> tuple[str, ...]:
        """Columns that it may add, before it is fitted."""
        return self.added

    @property
    def dropped(self) -> tuple[str, ...]:
        """Columns that it drops."""
        return ()

    @property
    def said(self) -> tuple[str, ...]:
        """Sentences about what was assumed, sampled or left out when it was fitted."""
        return ()

    def changes(self, schema: Collection[str]) -> tuple[str, ...]:
        """The columns that it rewrites, adds or drops, of a schema with those columns."""
        known = set(schema)
        return (*(c for c in self.columns if c in known), *self.added)

    def narrow(self, columns: Collection[str]) -> Self | None:
        """The same for as few columns as give these their values; None if it changes none."""
        asked = set(columns)
        kept = tuple(c for c in self.columns if c in asked)
        return self._only(kept) if kept else None

    def _only(self, kept: tuple[str, ...], **changed: Any) -> Self:
        """A copy for some of the columns: what is kept by column is cut down to them."""
        left = set(self.columns) - set(kept)
        if not left and not changed:
            return self
        cut = {
            f.name: {k: v for k, v in given.items() if k not in left}
            for f in fields(self)
            if isinstance(given := getattr(self, f.name), Mapping)
        }
        return replace(self, **{**cut, "columns": kept, **changed})

    def avoid(self, taken: Collection[str]) -> Self:
        """The same with other names for the columns it adds where those are taken."""
        return self

    # -- JSON ---------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Plain data: ``kind``, and the fields; what is not learned yet is left out."""
        out: dict[str, Any] = {"kind": self.kind}
        for f in fields(self):
            value = getattr(self, f.name)
            if value is None and f.name.endswith("_"):
                continue
            out[f.name] = encode(value)
        return out

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """What :meth:`to_dict` wrote. Raises UsageError for what is damaged."""
        kind = given.get("kind", cls.kind)
        if kind != cls.kind:
            raise UsageError(f"a transform of kind {kind!r}", f"expected {cls.kind}")
        rest = {k: v for k, v in given.items() if k != "kind"}
        made: Self = build(cls, rest, cls.kind)
        return made


def rewrite(frame: pl.DataFrame, columns: Iterable[str], change: Change) -> pl.DataFrame:
    """The frame with the named columns changed, all at once.

    Names that Polars would take for a pattern (``^a$``, ``*``) are changed under another name.
    """
    expressions: list[pl.Expr] = []
    others: list[pl.Series] = []
    schema = frame.schema
    for name in columns:
        dtype = schema[name]
        if not _pattern(name):
            made = change(name, dtype, pl.col(name))
            if made is not None:
                expressions.append(made.alias(name))
            continue
        made = change(name, dtype, pl.col("x"))
        if made is not None:
            alone = cells(frame, name).to_frame().select(made.alias("x"))
            others.append(alone.to_series().alias(name))
    if not expressions and not others:
        return frame
    return frame.with_columns(*expressions, *others)


def pick(frame: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
    """Those columns, whatever their names; the height stays where there are none."""
    kept = {c: frame.get_column(c) for c in columns}
    return pl.DataFrame(kept) if kept else pl.DataFrame(height=frame.height)


def cells(frame: pl.DataFrame, name: str) -> pl.Series:
    """A column under a name that Polars takes for no pattern: its methods go by name."""
    return frame.get_column(name).alias("x")


def is_missing(dtype: pl.DataType, x: pl.Expr) -> pl.Expr:
    """Null, or NaN."""
    return x.is_null() | x.is_nan().fill_null(True) if dtype.is_float() else x.is_null()


def is_number(dtype: pl.DataType) -> bool:
    """Whether a column of that type holds numbers (booleans do not)."""
    return dtype.is_numeric()


def fits(value: Value, dtype: pl.DataType) -> bool:
    """Whether an integer type holds that number exactly."""
    if isinstance(value, float) and not value.is_integer():  # infinities are no integers either
        return False
    low, high = _limits(dtype)
    return low <= int(value) <= high


def _limits(dtype: pl.DataType) -> tuple[int, int]:
    bits = int(str(dtype).lstrip("UInt"))
    return (
        (0, 2**bits - 1)
        if dtype.is_unsigned_integer()
        else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    )


def _pattern(name: str) -> bool:
    return name in ("", "*") or (name.startswith("^") and name.endswith("$"))


def wrong_type(kind: str, name: str, dtype: pl.DataType, expected: str) -> UsageError:
    """An error for a column that the change has no meaning for."""
    return UsageError(f"{kind}: the column {name!r} holds {dtype}", f"expected {expected}")
