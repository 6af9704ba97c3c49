"""Columns as a model takes them: numbers side by side, categories and words as codes.

Vocabularies and classes are learned on train alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from datacheck.dataset import Dataset, Kind, Role, Task
from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.collate import CATEGORIES, IGNORED, Collate, X, Y
from datacheck.pipelines.storage.tables import ADDRESS
from datacheck.summaries.values import canonical_strings
from datacheck.types import Ints

PAD, UNKNOWN, FIRST_WORD = 0, 1, 2  # codes of tokens
WORD = r"\S+"
VOCABULARY = 50_000
_KEPT = 40  # times the vocabulary: how many different words are counted at most
_LEFT_OUT = (Kind.DATETIME, Kind.ARRAY, Kind.IMAGE)


@dataclass(slots=True)
class Encoder:
    """What becomes of each column; ``fit`` learns codes, ``encode`` applies them.

    ``categories`` maps a column to its values on train, whose codes are 1 … k (0: unknown or
    missing). ``words`` maps a column of texts (split at white space) or of token lists to its
    most frequent tokens on train, whose codes are 2 … (0: padding, 1: unknown). ``series`` are
    columns of lists of numbers, ``ids`` those whose whole numbers are token ids already, or texts
    (``tokenized``) that a ``tokenizer`` makes into ids. ``target`` is the sequence that is to be
    said, where the label is one.
    ``classes`` are the label's values on train, in ascending order, as canonical strings; their
    index is the class. ``left_out`` are features that no tensor can hold.
    """

    numbers: tuple[str, ...] = ()
    categories: dict[str, list[str]] = field(default_factory=dict)
    words: dict[str, list[str]] = field(default_factory=dict)
    series: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    label: str = ""
    task: Task | None = None
    classes: list[str] = field(default_factory=list)
    left_out: tuple[str, ...] = ()
    tokenized: tuple[str, ...] = ()
    tokenizer: str = ""
    target: str = ""

    @property
    def sequences(self) -> tuple[str, ...]:
        """All columns that become padded sequences."""
        return (*self.series, *self.ids, *self.words)

    @property
    def learns(self) -> bool:
        """Whether anything is learned from train."""
        return bool(self.categories or self.words or self.task is Task.CLASSIFICATION)

    def tokens_known(self) -> int:
        """How many tokens the tokenizer knows."""
        from datacheck.summaries.tokenizing import load

        return int(load(self.tokenizer).get_vocab_size())

    def collate(self) -> Collate:
        """The collate of encoded rows."""
        return Collate(
            numbers=(X,) if self.numbers else (),
            categories=(CATEGORIES,) if self.categories else (),
            sequences=self.sequences,
            label=Y if self.label else "",
        )

    def fit(self, frames: Iterable[pl.DataFrame], vocabulary: int = VOCABULARY) -> Encoder:
        """Learn codes from the frames of train. Memory is bounded by the vocabularies."""
        values: dict[str, set[str]] = {c: set() for c in self.categories}
        counts: dict[str, Counter[str]] = {c: Counter() for c in self.words}
        labels: set[str] = set()
        for frame in frames:
            for name, seen in values.items():
                seen.update(canonical_strings(frame[name]).drop_nulls().unique().to_list())
            for name, counter in counts.items():
                counted = tokens_of(frame[name]).explode().drop_nulls().value_counts()
                counter.update(dict(zip(*counted.get_columns(), strict=True)))
                if len(counter) > _KEPT * vocabulary:
                    kept = Counter(dict(counter.most_common(_KEPT * vocabulary // 2)))
                    counts[name] = counter = kept
            if self.label and self.task is Task.CLASSIFICATION and self.label in frame.columns:
                labels.update(canonical_strings(frame[self.label]).drop_nulls().unique().to_list())
        self.categories = {name: sorted(seen) for name, seen in values.items()}
        for name, counter in counts.items():
            listed = sorted(counter.items(), key=lambda one: (-one[1], one[0]))
            self.words[name] = [word for word, _ in listed[:vocabulary]]
        self.classes = sorted(labels, key=_as_number)
        if self.label and self.task is Task.CLASSIFICATION and not self.classes:
            raise UsageError(
                f"the label {self.label!r} has no value on train", "name another with label="
            )
        return self

    def encode(self, frame: pl.DataFrame, addresses: Ints, tally: Tally) -> pl.DataFrame:
        """The frame in codes; what is missing or unknown is counted in ``tally``.

        A split without the label (or with an empty one) is encoded without it.
        """
        absent = [c for c in self._features() if c not in frame.columns]
        if absent:
            raise UsageError(f"the split lacks {names(absent)}", f"columns: {names(frame.columns)}")
        out: list[pl.Series] = []
        if self.numbers:
            x = frame.select(self.numbers).cast(pl.Float32).to_numpy(order="c")
            # Float32 makes what is beyond it infinite: count after the cast.
            tally.add(self.numbers, np.count_nonzero(~np.isfinite(x), axis=0))
            out.append(pl.Series(X, x, dtype=pl.Array(pl.Float32, len(self.numbers))))
        if self.categories:
            codes = [_codes(canonical_strings(frame[c]), v) for c, v in self.categories.items()]
            width = pl.Array(pl.Int32, len(codes))
            out.append(pl.Series(CATEGORIES, np.column_stack(codes), dtype=width))
        for name, known in self.words.items():
            tokens = tokens_of(frame[name])
            if isinstance(frame[name].dtype, pl.List):
                tally.add([name], [tokens.null_count()])
            else:  # no text is an empty one
                tokens = tokens.fill_null(pl.Series([[]], dtype=pl.List(pl.String)))
            out.append(_token_codes(tokens, known).alias(name))
        for name in (*self.series, *self.ids):
            inner = pl.Float32 if name in self.series else pl.Int64
            column = frame[name]
            if name in self.tokenized and column.dtype == pl.String:
                column = _tokenized(column, self.tokenizer)
            lists = column.cast(pl.List(inner))
            good = lists.list.eval(pl.element().is_finite().fill_null(value=False)).list.all()
            tally.add([name], [int((~good.fill_null(value=False)).sum())])
            out.append(lists)
        if self.label:
            out.append(self._target(frame, tally))
        return pl.DataFrame([*out, pl.Series(ADDRESS, addresses)])

    def _features(self) -> tuple[str, ...]:
        return (*self.numbers, *self.categories, *self.sequences)

    def _target(self, frame: pl.DataFrame, tally: Tally) -> pl.Series:
        if self.label not in frame.columns:
            tally.unlabeled += frame.height
            return pl.repeat(IGNORED, frame.height, dtype=pl.Int64, eager=True).alias(Y)
        given = frame[self.label]
        if self.task is not Task.CLASSIFICATION:
            y = given.cast(pl.Float32, strict=False).fill_null(float("nan"))
            tally.unlabeled += int((~y.is_finite()).sum())
            return y.alias(Y)
        text = canonical_strings(given)
        codes = _codes(text, self.classes) - 1
        unseen = text.filter(pl.Series(codes < 0)).drop_nulls()
        tally.unseen.update(unseen.to_list())
        tally.unlabeled += text.null_count()
        return pl.Series(Y, np.where(codes < 0, IGNORED, codes).astype(np.int64))


@dataclass(slots=True)
class Tally:
    """What encoding a split met: cells that hold no number, rows without a label, new classes."""

    missing: Counter[str] = field(default_factory=Counter)
    unlabeled: int = 0
    unseen: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    unreadable: int = 0

    def add(self, columns: Iterable[str], counts: Iterable[int]) -> None:
        """Count cells by column."""
        for column, n in zip(columns, counts, strict=True):
            if n:
                self.missing[column] += int(n)


def plan_columns(
    data: Dataset,
    schema: Mapping[str, Any],
    *,
    task: Task | None,
    ids: tuple[str, ...] = (),
    texts: tuple[str, ...] = (),
    tokenizer: str = "",
) -> Encoder:
    """What each column of ``schema`` (name to Polars type, after the pipeline) becomes.

    Columns that the pipeline added are features by their type. Raises UsageError where no feature
    is left, where ``ids`` names no column of lists of numbers or ``texts`` none of strings.
    """
    out: dict[str, list[str]] = {"number": [], "category": [], "words": [], "series": [], "ids": []}
    tokenized: list[str] = []
    left: list[str] = []
    for name, dtype in schema.items():
        column = data.columns.get(name)
        if column is not None and column.role is not Role.FEATURE:
            continue
        kind = column.kind if column is not None else None
        inner = getattr(dtype, "inner", None)
        if name in ids and inner is not None and inner.is_numeric():
            out["ids"].append(name)
        elif inner is not None and (inner.is_numeric() or inner == pl.Boolean):
            out["series"].append(name)
        elif tokenizer and dtype == pl.String and (kind is Kind.TEXT or name in texts):
            out["ids"].append(name)
            tokenized.append(name)
        elif inner == pl.String or kind is Kind.TEXT or (name in texts and dtype == pl.String):
            out["words"].append(name)
        elif kind in _LEFT_OUT or inner is not None:
            left.append(name)
        elif dtype.is_numeric() or dtype == pl.Boolean:
            out["number"].append(name)
        elif dtype == pl.String or kind is Kind.CATEGORY:
            out["category"].append(name)
        else:
            left.append(name)
    if unknown := [n for n in ids if n not in out["ids"]]:
        raise UsageError(
            f"{unknown[0]!r} holds no lists of token ids",
            f"lists of numbers: {names(out['series']) or 'none'}",
        )
    if unknown := [n for n in texts if n not in (*out["words"], *tokenized)]:
        strings = [n for n, dtype in schema.items() if dtype == pl.String]
        raise UsageError(f"{unknown[0]!r} holds no texts", f"strings: {names(strings) or 'none'}")
    kept = (X, CATEGORIES, Y)  # columns of the encoded table; sequences stand beside them
    if taken := [n for n in (*out["words"], *out["series"], *out["ids"]) if n in kept]:
        raise UsageError(f"tables of a loader keep the name {taken[0]!r}", "rename the column")
    if not any(out.values()):
        told = ", ".join(f"{c.name} ({c.role})" for c in data.columns.values())
        raise UsageError("no feature can become a tensor", f"columns: {told[:200]}")
    label = data.label
    return Encoder(
        numbers=tuple(out["number"]),
        categories={c: [] for c in out["category"]},
        words={c: [] for c in out["words"]},
        series=tuple(out["series"]),
        ids=tuple(out["ids"]),
        label=label.name if label else "",
        task=task,
        left_out=tuple(left),
        tokenized=tuple(tokenized),
        tokenizer=tokenizer if tokenized else "",
    )


def tokens_of(series: pl.Series) -> pl.Series:
    """Lists of strings: those of the column, or the words of its texts."""
    if isinstance(series.dtype, pl.List):
        return series.cast(pl.List(pl.String))
    return series.cast(pl.String).str.extract_all(WORD)


def _tokenized(texts: pl.Series, path: str) -> pl.Series:
    """Ids of the tokens of each text, by a tokenizer."""
    from datacheck.summaries.tokenizing import encoded

    ids = [one for piece in encoded(texts, path) for one in piece]
    return pl.Series(texts.name, ids, dtype=pl.List(pl.Int64))


def _codes(values: pl.Series, known: list[str]) -> Ints:
    """1 … k for known values, 0 for others, shape (rows,)."""
    if not known:
        return np.zeros(len(values), dtype=np.int64)
    physical = values.cast(pl.Enum(known), strict=False).to_physical().cast(pl.Int64)
    return np.asarray((physical + 1).fill_null(0).to_numpy(), dtype=np.int64)


def _token_codes(tokens: pl.Series, known: list[str]) -> pl.Series:
    code = pl.element().cast(pl.Enum(known), strict=False).to_physical().cast(pl.Int32)
    return tokens.list.eval((code + FIRST_WORD).fill_null(UNKNOWN))


def _as_number(text: str) -> tuple[int, float, str]:
    """Numbers before words, numbers by size; false before true."""
    try:
        return (0, float(text), text)
    except ValueError:
        return (1, 0.0, text)
