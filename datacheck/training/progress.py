"""A progress bar of a training run, on standard error: for a terminal, after a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from rich.progress import Progress

Callback: TypeAlias = Callable[[int, int, str], None]
DELAY = 1.0  # seconds: what takes less needs no bar
EVERY = 0.1  # seconds between updates: a bar must not slow the steps down


@contextmanager
def bar(delay: float = DELAY) -> Iterator[Callback | None]:
    """Yield ``callback(steps taken, steps in all, text)``; None where there is no terminal.

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
        self._next = begin
        self._progress: Progress | None = None

    def update(self, taken: int, total: int, text: str) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY
        if self._progress is None:
            self._start(taken)
        assert self._progress is not None
        for task in self._progress.task_ids:
            self._progress.update(task, total=total, completed=taken, text=text)

    def _start(self, taken: int) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("training"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=Console(stderr=True, highlight=False),
            transient=True,
        )
        self._progress.add_task("", total=None, completed=taken, text="")
        self._progress.start()

    def stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
