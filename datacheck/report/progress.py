"""A progress bar on standard error: only for a terminal, and only once a second has passed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from datacheck.findings import plain

if TYPE_CHECKING:
    from rich.progress import Progress

Callback: TypeAlias = Callable[[int, float | None, str], None]
Steps: TypeAlias = Callable[[int, int, str], None]
DELAY = 1.0  # seconds: what takes less needs no bar
EVERY = 0.1  # seconds between updates: a bar must not slow down what it shows


@contextmanager
def bar(delay: float = DELAY) -> Iterator[Callback | None]:
    """Yield ``callback(rows, share of the bytes or None, file)``; None where there is no terminal.

    The bar goes away when the block ends, however it ends.
    """
    with _shown("reading", ("rows", "file"), delay) as shown:

        def update(rows: int, share: float | None, label: str) -> None:
            assert shown is not None
            total = None if share is None else 1.0
            shown.update(share or 0.0, total, (f"{rows:,} rows", label[-30:]))

        yield update if shown else None


@contextmanager
def steps(title: str, delay: float = DELAY) -> Iterator[Steps | None]:
    """The same with ``callback(steps taken, steps in all, text)``, and the time that is left."""
    with _shown(title, ("text",), delay, counted=True) as shown:

        def update(taken: int, total: int, text: str) -> None:
            assert shown is not None
            shown.update(taken, total, (text,))

        yield update if shown else None


@contextmanager
def _shown(
    title: str, fields: Sequence[str], delay: float, *, counted: bool = False
) -> Iterator[_Bar | None]:
    if not sys.stderr.isatty():
        yield None
        return
    made = _Bar(title, fields, time.monotonic() + delay, counted)
    try:
        yield made
    finally:
        made.stop()


class _Bar:
    def __init__(self, title: str, fields: Sequence[str], begin: float, counted: bool) -> None:
        self._title, self._fields, self._next, self._counted = title, fields, begin, counted
        self._progress: Progress | None = None

    def update(self, done: float, total: float | None, texts: Sequence[str]) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY
        if self._progress is None:
            self._start(done)
        assert self._progress is not None
        shown: dict[str, Any] = dict(zip(self._fields, map(plain, texts), strict=True))
        for task in self._progress.task_ids:
            self._progress.update(task, total=total, completed=done, **shown)

    def _start(self, done: float) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn(self._title),
            BarColumn(bar_width=20),
            *((MofNCompleteColumn(), TimeRemainingColumn()) if self._counted else ()),
            *(TextColumn(f"{{task.fields[{name}]}}", markup=False) for name in self._fields),
            console=Console(stderr=True, highlight=False),
            transient=True,
        )
        empty: dict[str, Any] = dict.fromkeys(self._fields, "")
        self._progress.add_task("", total=None, completed=int(done), **empty)
        self._progress.start()

    def stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
