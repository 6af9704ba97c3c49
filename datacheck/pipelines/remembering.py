"""Repairs of data in memory: frames in, frames out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from datacheck.pipelines.repairing.mending import ROWS, Tally
from datacheck.pipelines.repairing.quarantine import left
from datacheck.sources.raw import read_raw

if TYPE_CHECKING:
    from datacheck.pipelines.fixing import Job

Frames = dict[str, pl.DataFrame]


def in_frames(job: Job) -> tuple[dict[str, Tally], Frames, pl.DataFrame]:
    """(tallies, repaired frame of each split, rows that left)."""
    view = job.mender.view
    tallies: dict[str, Tally] = {}
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in view.splits}
    sent: dict[str, list[pl.DataFrame]] = {}
    gone: list[pl.DataFrame] = []
    for fragment in view.fragments():
        tally = tallies.setdefault(fragment.file, Tally())
        for raw in read_raw(fragment, ROWS):
            mended = job.mender.mend(raw, fragment, view.file_of[fragment.file], tally)
            parts[fragment.split or view.splits[0]].append(mended.kept().frame)
            for home, frame in mended.sent():
                sent.setdefault(view.splits[home], []).append(frame)
            if mended.gone.any():
                gone.append(left(mended, fragment, job.steps))
    for split, frames in sent.items():
        parts[split] += frames
    out = {s: pl.concat(p, how="vertical_relaxed") for s, p in parts.items() if p}
    none = pl.DataFrame(schema={"split": pl.String, "row": pl.Int64, "repair": pl.String})
    return tallies, out, pl.concat(gone, how="diagonal_relaxed") if gone else none
