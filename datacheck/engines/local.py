"""The local engine: one reader, some threads that summarize blocks, merged in order of the rows."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from datacheck.dataset import FILE_SHIFT, Dataset, Problem
from datacheck.engines.plan import Plan
from datacheck.engines.scan import Part, blocks, fold, summarize
from datacheck.sources.images.fragments import WithImages
from datacheck.summaries import Summary
from datacheck.summaries.row_hashes import RowHashes
from datacheck.summaries.row_sample import ADDRESS
from datacheck.summaries.text_sketches import TextSketches
from datacheck.summaries.thumbnails import Thumbnails
from datacheck.types import Ints

Progress = Callable[[int, float | None, str], None]
"""``progress(rows so far, share of the bytes or None, file)``."""


@dataclass(slots=True)
class Scan:
    """What one scan brought: rows and summaries by split, and what could not be read."""

    rows: dict[str, int]
    summaries: dict[tuple[str, str], Summary]
    problems: list[Problem] = field(default_factory=list)


def run(
    data: Dataset,
    plan: Plan,
    *,
    threads: int = 0,
    memory: int = 1 << 30,
    progress: Progress | None = None,
) -> Scan:
    """Read every fragment once; the same bytes out for any number of threads.

    ``threads`` 0 means one for each core. Blocks are merged in the order of the rows, never of
    completion. At most ``threads + 2`` blocks are in memory at a time, and a quarter of
    ``memory`` bytes of row hashes; what is more goes to scratch files.
    """
    RowHashes.SPILL = TextSketches.SPILL = Thumbnails.SPILL = max(memory // 4, 1 << 20)
    WithImages.THREADS = threads
    threads = threads or os.cpu_count() or 1
    total = Part(dict.fromkeys(data.splits, 0), {s: plan.fresh() for s in data.splits})
    base = {s: dict(filled) for s, filled in total.summaries.items()}
    problems: list[Problem] = []
    ordinals = {name: i for i, name in enumerate(data.files)}
    fragments = [f for s in data.splits.values() for f in s.fragments]
    sizes = [max(f.fingerprint()[1], 0) for f in fragments]
    columns = plan.columns
    if data.split_column and data.split_column not in columns:
        columns = (*columns, data.split_column)
    waiting: deque[Future[Part]] = deque()
    done = 0
    pool = ThreadPoolExecutor(threads, thread_name_prefix="datacheck")
    try:
        for i, fragment in enumerate(fragments):
            share = sum(sizes[:i]) / sum(sizes) if any(sizes) else None

            def seen(rows: int, share: float | None = share, file: str = fragment.file) -> None:
                nonlocal done
                done += rows
                if progress is not None:
                    progress(done, share, file)

            ordinal = ordinals[fragment.file]
            for block in blocks(fragment, ordinal, columns, plan.block_rows, seen):
                problems.extend(block.problems)
                if not block.height:
                    continue
                by = data.split_column or ""
                waiting.append(pool.submit(summarize, block, fragment.split, base, by))
                while len(waiting) > threads + 1 or (waiting and waiting[0].done()):
                    fold(total, waiting.popleft().result())
        while waiting:
            fold(total, waiting.popleft().result())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return Scan(
        total.rows,
        {(s, k): v for s, filled in total.summaries.items() for k, v in filled.items()},
        problems,
    )


def fetch(data: Dataset, addresses: Ints, columns: Sequence[str]) -> pl.DataFrame:
    """Those very rows, in order of address, with the column ``__address__``.

    For confirming and showing what the scan found; reads only the files that hold the rows.
    """
    wanted = np.unique(addresses)
    files = set((wanted >> FILE_SHIFT).tolist())
    ordinals = {name: i for i, name in enumerate(data.files)}
    parts: list[pl.DataFrame] = []
    for split in data.splits.values():
        for fragment in split.fragments:
            file = ordinals[fragment.file]
            if file not in files:
                continue
            rows = wanted[(wanted >> FILE_SHIFT) == file] & ((1 << FILE_SHIFT) - 1)
            if isinstance(fragment, WithImages):
                fragment = fragment.picked(rows)
            for block in blocks(fragment, file, columns, 65_536):
                mine = np.isin(block.rows, rows, assume_unique=True)
                if mine.any():
                    picked = block.frame.select(columns).filter(pl.Series(mine))
                    parts.append(picked.with_columns(pl.Series(ADDRESS, block.addresses[mine])))
                if block.height and block.rows[-1] >= rows[-1]:
                    break  # the rest of the fragment has none of them
    if not parts:
        return pl.DataFrame(schema={**dict.fromkeys(columns, pl.Null), ADDRESS: pl.Int64})
    return pl.concat(parts, how="vertical_relaxed").sort(ADDRESS)
