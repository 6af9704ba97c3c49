"""A progress bar on standard error: only for a terminal, and only once a second has passed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from datacheck.findings import plain

if TYPE_CHECKING:
    from rich.progress import Progress

Callback: TypeAlias = Callable[[int, float | None, str], None]
DELAY = 1.0  # seconds: what takes less needs no bar


@contextmanager
def bar(delay: float = DELAY) -> Iterator[Callback | None]:
    """Yield ``callback(rows, share of the bytes or None, file)``; None where there is no terminal.

    The bar goes away when the block ends, however it ends.
    """
    if not sys.stderr.isatty():
        yield None
        return
    shown = _Bar(time.monotonic() + delay)
    try:
        yield shown.update
    finally:
        shown.stop()


class _Bar:
    def __init__(self, begin: float) -> None:
        self._begin = begin
        self._progress: Progress | None = None

    def update(self, rows: int, share: float | None, label: str) -> None:
        if time.monotonic() < self._begin:
            return
        if self._progress is None:
            self._start()
        assert self._progress is not None
        for task in self._progress.task_ids:
            self._progress.update(
                task,
                total=None if share is None else 1.0,
                completed=share or 0.0,
                rows=f"{rows:,} rows",
                file=plain(label)[-30:],
            )

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            TextColumn("reading"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[rows]}", markup=False),
            TextColumn("{task.fields[file]}", markup=False),
            console=Console(stderr=True, highlight=False),
            transient=True,
        )
        self._progress.add_task("", total=None, rows="", file="")
        self._progress.start()

    def stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
