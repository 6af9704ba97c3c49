"""Rows that left, with the repair and the reason for each: `quarantine/rows.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import polars as pl

from datacheck.dataset import Fragment, Problem
from datacheck.pipelines.plan import Step
from datacheck.pipelines.repairing.mending import Mended

FILE = "rows.jsonl"


class Quarantine:
    """Appends rows to the file, which is made with the first of them."""

    def __init__(self, folder: Path, steps: Sequence[Step]) -> None:
        self.folder = folder
        self.steps = steps
        self.rows = 0
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def take(self, mended: Mended, fragment: Fragment) -> None:
        """The rows and broken records of a piece that leave."""
        if mended.gone.any():
            frame = left(mended, fragment, self.steps)
            frame.write_ndjson(self._open())
            self.rows += frame.height
        for bad in mended.leaving:
            self._tell(
                fragment.split, fragment.file, bad.line, bad.reason,
                text=bad.text.decode("utf-8", "replace").rstrip("\n"),
            )  # fmt: skip

    def broken(self, fragment: Fragment, reason: str) -> None:
        """A file that breaks off: what came before was kept."""
        self._tell(fragment.split, fragment.file, None, f"breaks off: {reason}")

    def unread(self, problem: Problem) -> None:
        """A file that could not be opened at all."""
        self._tell(problem.split, problem.file, None, problem.reason)

    def _tell(self, split: str, file: str, row: int | None, reason: str, **more: Any) -> None:
        line = {
            "split": split, "file": file, "row": row, "repair": "quarantine-unreadable",
            "rules": "MV006", "reason": reason, **more,
        }  # fmt: skip
        self._open().write(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        self.rows += 1

    def _open(self) -> IO[bytes]:
        if self._file is None:
            self.folder.mkdir(exist_ok=True)
            self._file = (self.folder / FILE).open("wb")
        return self._file


def left(mended: Mended, fragment: Fragment, steps: Sequence[Step]) -> pl.DataFrame:
    """The rows of a piece that leave, as they were: split, file, row, repair, reason, values."""
    frame = mended.raw.frame.filter(pl.Series(mended.gone))
    by = mended.by
    repairs = pl.Series([s.repair for s in steps], dtype=pl.String).gather(pl.Series(by))
    rules = pl.Series([",".join(s.rules) for s in steps], dtype=pl.String).gather(pl.Series(by))
    why = pl.Series([s.why.split("\n")[0] or s.kind.does for s in steps], dtype=pl.String)
    values = pl.DataFrame([_plain(s) for s in frame.iter_columns()])
    n = frame.height
    reason = why.gather(pl.Series(by))
    if any(mended.why):  # those that leave for a reason of their own
        told = pl.Series([one or None for one in mended.why], dtype=pl.String)
        reason = told.fill_null(reason)
    return pl.DataFrame(
        [
            pl.Series("split", [fragment.split] * n, dtype=pl.String),
            pl.Series("file", [fragment.file] * n, dtype=pl.String),
            pl.Series("row", np.asarray(mended.raw.rows[mended.gone])),
            repairs.alias("repair"),
            rules.alias("rules"),
            reason.alias("reason"),
            values.to_struct("values") if values.width else pl.Series("values", [None] * n),
        ]
    )


def _plain(series: pl.Series) -> pl.Series:
    """A column as JSON can hold it."""
    if series.dtype == pl.Binary:
        return series.bin.encode("hex")
    if isinstance(series.dtype, pl.Struct) and series.dtype.fields:
        fields = [_plain(s) for s in series.struct.unnest().iter_columns()]
        return pl.DataFrame(fields).to_struct(series.name)
    if isinstance(series.dtype, pl.Categorical | pl.Enum | pl.Decimal):
        return series.cast(pl.String)
    return series.dt.total_microseconds() if series.dtype == pl.Duration else series
