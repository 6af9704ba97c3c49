"""Which batch sampler train gets: what the call asks for, and what the repairs ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from datacheck.dataset import Task
from datacheck.errors import UsageError
from datacheck.pipelines.samplers.balanced import Balance, BalancedBatchSampler, RowBatchSampler
from datacheck.types import Floats, Ints

if TYPE_CHECKING:
    from datacheck.pipelines.storage.direct import Encoded
    from datacheck.pipelines.storage.tables import Table


MIRRORED = 50_000_000  # tokens: some seconds a pass; beyond, steps mirror lengths alone


@dataclass(frozen=True, slots=True)
class Asked:
    """How batches are wanted. ``rows`` or (if not 0) ``tokens`` a batch; ``bucket`` by length."""

    rows: int
    tokens: int
    bucket: bool
    column: str
    balance: Balance | Mapping[int, float] | None
    class_aware: bool
    accumulate: int | None
    shuffle: bool
    drop_last: bool
    seed: int
    rank: int
    world_size: int

    @classmethod
    def of(
        cls,
        told: Mapping[str, Any],
        *,
        batch_size: int | None,
        max_tokens: int | None,
        balance: Balance | Mapping[int, float] | None,
        accumulate: int | None,
        shuffle: bool,
        drop_last: bool,
        seed: int,
        rank: int,
        world_size: int,
        default: int,
    ) -> Asked:
        """What the call says, or else what ``told`` (the pipeline's word to the loader) says."""
        for name, value in (("batch_size", batch_size), ("max_tokens", max_tokens)):
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, Integral):
                raise UsageError(f"{name} is {value!r}", "a whole number, such as 64")
            if value < 1:
                raise UsageError(f"{name} is {value}", "batches hold at least 1")
        buckets = told.get("length_bucketing") or {}
        budget = int(told.get("token_budget") or 0) if batch_size is None else 0
        evenly: Balance | None = "classes" if told.get("balanced_sampler") else None
        return cls(
            rows=batch_size or default,
            tokens=max_tokens or budget,
            bucket=bool(max_tokens or budget or buckets),
            column=str(buckets.get("column", "")),
            balance=balance if balance is not None else evenly,
            class_aware=bool(told.get("class_aware")),
            accumulate=accumulate,
            shuffle=shuffle,
            drop_last=drop_last,
            seed=seed,
            rank=rank,
            world_size=world_size,
        )


def train_sampler(table: Table, encoded: Encoded, asked: Asked) -> Any:
    """By length where there are sequences and buckets are asked for; else by rows."""
    sequences = encoded.encoder.sequences
    if asked.tokens and not sequences and not asked.column:
        raise UsageError(
            "max_tokens needs sequences or texts", "batch_size counts rows; there are no sequences"
        )
    labels = _labels(table, encoded) if asked.balance is not None or asked.class_aware else None
    if asked.bucket and sequences:
        return _by_length(table, encoded, asked, labels)
    ranks: dict[str, Any] = {"rank": asked.rank, "world_size": asked.world_size, "seed": asked.seed}
    if asked.balance is not None:
        if not asked.shuffle:
            raise UsageError("balanced batches are drawn at random", "leave shuffle as it is")
        return BalancedBatchSampler(
            labels, asked.rows, balance=asked.balance, drop_last=asked.drop_last, **ranks
        )
    return RowBatchSampler(
        len(table), asked.rows, shuffle=asked.shuffle, drop_last=asked.drop_last, **ranks
    )


def _by_length(table: Table, encoded: Encoded, asked: Asked, labels: Ints | None) -> Any:
    from datacheck.pipelines.bucketing import BucketBatchSampler
    from datacheck.pipelines.samplers.budgets import Examples, Tokens

    known = encoded.encoder.sequences
    columns = [asked.column] if asked.column in known else list(known)
    each = [table.lengths(c) for c in columns]
    lengths = each[0] if len(each) == 1 else np.stack(each, axis=1)
    tokens = [c for c in columns if c in (*encoded.encoder.ids, *encoded.encoder.words)]
    budget = Tokens(asked.tokens) if asked.tokens else Examples(asked.rows)
    more: dict[str, Any] = {}
    if asked.accumulate is not None:
        more["accumulate"] = asked.accumulate
    return BucketBatchSampler(
        lengths,
        budget,
        shuffle=asked.shuffle,
        seed=asked.seed,
        labels=labels,
        balance=asked.balance,
        mirror=_surprise(table, tokens, lengths) if asked.shuffle and tokens else None,
        rank=asked.rank,
        world_size=asked.world_size,
        drop_last=asked.drop_last,
        **more,
    )


def _surprise(table: Table, columns: list[str], lengths: Ints) -> Floats | None:
    """How surprising the tokens of each row are, shape (rows, 3 × columns), where that is quick."""
    from datacheck.pipelines.surprise import surprise_of

    each = 1 if lengths.ndim == 2 else len(columns)  # of several columns, the longest is known
    if int(lengths.sum()) * each > MIRRORED:
        return None
    found = []
    for name in columns:

        def blocks(name: str = name) -> Iterator[tuple[Any, Ints]]:
            return ((rows.values, rows.lengths) for rows in table.items(name))

        found.append(surprise_of(blocks))
    return np.concatenate(found, axis=1)


def _labels(table: Table, encoded: Encoded) -> Ints:
    """The class index of each row of train, shape (rows,)."""
    if encoded.encoder.task is not Task.CLASSIFICATION:
        raise UsageError(
            "balancing needs a label that names classes",
            f"the label {encoded.encoder.label or 'is not there'} is for regression",
        )
    collate = next(iter(encoded.collate.values()))
    values = table.column(collate.label)
    if not collate.classes:
        return values.astype(np.int64)
    return np.searchsorted(np.array(collate.classes), values).astype(np.int64)
