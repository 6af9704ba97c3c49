"""The only loop over batches: a fragment becomes blocks on the grid, a block becomes summaries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from datacheck.dataset import Batch, Fragment, Problem
from datacheck.errors import SourceError
from datacheck.summaries import Summary


@dataclass(slots=True)
class Part:
    """What a block (or all blocks so far) came to: rows and summaries by split."""

    rows: dict[str, int] = field(default_factory=dict)
    summaries: dict[str, dict[str, Summary]] = field(default_factory=dict)


def blocks(
    fragment: Fragment,
    file: int,
    columns: Sequence[str],
    rows: int,
    seen: Callable[[int], None] | None = None,
) -> Iterator[Batch]:
    """The fragment's rows in blocks of exactly ``rows`` (the last may be shorter).

    A file that breaks off ends with an empty batch that carries the problem. ``seen`` is told the
    rows of each batch as it is read: some take long to decode.
    """
    pending: list[Batch] = []
    held = 0
    for batch in _read(fragment, columns, rows):
        if seen is not None:
            seen(batch.height)
        if batch.problems:
            yield Batch(batch.frame.clear(), batch.rows[:0], file, problems=batch.problems)
        pending.append(batch)
        held += batch.height
        while held >= rows:
            whole = _join(pending)
            yield _cut(whole, file, 0, rows)
            held -= rows
            pending = [_cut(whole, file, rows, whole.height)] if held else []
    if held:
        yield _cut(_join(pending), file, 0, held)


def _read(fragment: Fragment, columns: Sequence[str], rows: int) -> Iterator[Batch]:
    try:
        yield from fragment.read(columns, rows)
    except (
        SourceError,
        OSError,
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,  # of hostile bytes: no Exception to Python
    ) as error:
        reason = error.message if isinstance(error, SourceError) else " ".join(str(error).split())
        problem = Problem(fragment.split, fragment.file, -1, f"breaks off while reading: {reason}")
        yield Batch(pl.DataFrame(), np.zeros(0, dtype=np.int64), problems=[problem])


def _join(batches: list[Batch]) -> Batch:
    batches = [b for b in batches if b.height] or batches[:1]
    if len(batches) == 1:
        return batches[0]
    columns = dict.fromkeys(c for b in batches for c in b.tokens)
    tokens = {c: pl.concat([_tokens(b, c) for b in batches]) for c in columns}
    frame = pl.concat([b.frame for b in batches], how="vertical_relaxed")
    return Batch(frame, np.concatenate([b.rows for b in batches]), tokens=tokens)


def _tokens(batch: Batch, column: str) -> pl.Series:
    if column in batch.tokens:
        return batch.tokens[column].alias(column)
    return pl.repeat(None, batch.height, dtype=pl.String, eager=True).alias(column)


def _cut(batch: Batch, file: int, start: int, stop: int) -> Batch:
    tokens = {c: t.slice(start, stop - start) for c, t in batch.tokens.items()}
    return Batch(batch.frame.slice(start, stop - start), batch.rows[start:stop], file, tokens)


def summarize(block: Batch, split: str, base: Mapping[str, Mapping[str, Summary]], by: str) -> Part:
    """Fresh summaries of one block, by split; ``by`` names the split column if there is one."""
    part = Part()
    for name, piece in _pieces(block, split, by, base):
        part.rows[name] = piece.height
        filled = {key: summary.fresh() for key, summary in base[name].items()}
        for summary in filled.values():
            summary.update(piece)
        part.summaries[name] = filled
    return part


def _pieces(
    block: Batch, split: str, by: str, known: Mapping[str, object]
) -> Iterator[tuple[str, Batch]]:
    if split:
        yield split, block
        return
    names = block.frame[by].cast(pl.String).fill_null("")
    for name in known:
        mine = names == name
        if mine.any():
            tokens = {c: t.filter(mine) for c, t in block.tokens.items()}
            yield (
                name,
                Batch(block.frame.filter(mine), block.rows[mine.to_numpy()], block.file, tokens),
            )


def fold(total: Part, part: Part) -> None:
    """Merge a block's summaries into what came before it."""
    for split, summaries in part.summaries.items():
        total.rows[split] = total.rows.get(split, 0) + part.rows[split]
        mine = total.summaries[split]
        for key, summary in summaries.items():
            mine[key] = mine[key].merge(summary)
