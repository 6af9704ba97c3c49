"""The runs of a study on all cores: one process a core, results written down as they come.

Workers are started anew (spawn): they inherit no locks and no threads. When the main process is
gone, whatever ended it, a worker reads the end of its pipe and ends too.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context, resource_tracker
from pathlib import Path
from typing import Any, Protocol

from datacheck.errors import DatacheckError, UsageError
from datacheck.training.study.ledger import Key, Ledger

Progress = Callable[[int, int, float | None], None]
"""``progress(runs done, runs in all, seconds left or None)``."""


class Lab(Protocol):
    """What trains one arm with one seed. It pickles, and gives the same result each time."""

    def start(self) -> None:
        """Called once in each worker, before the first run."""
        ...

    def run(self, arm: str, seed: int) -> Mapping[str, Any]:
        """Train, and what came of it, as plain data without times."""
        ...


class WorkerError(DatacheckError):
    """A worker failed; what had been done is kept."""


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def run_all(
    lab: Lab,
    jobs: Sequence[Key],
    ledger: Ledger,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Run what the ledger does not hold yet. ``workers`` 0 runs here, one after the other.

    Raises WorkerError where a run fails; KeyboardInterrupt ends the workers and goes on.
    """
    todo = [job for job in jobs if job not in ledger.results]
    count = min(cores() if workers is None else workers, len(todo))
    began, done = time.monotonic(), len(jobs) - len(todo)
    if progress is not None:
        progress(done, len(jobs), None)

    def wrote(job: Key, result: Mapping[str, Any], spent: Mapping[str, float]) -> None:
        nonlocal done
        ledger.add(job, result, spent)
        done += 1
        if progress is not None:
            here = done - (len(jobs) - len(todo))
            pace = (time.monotonic() - began) / here
            progress(done, len(jobs), pace * (len(jobs) - done))

    if not todo:
        return
    if not count:
        lab.start()
        for job in todo:
            wrote(job, *_timed(lab, job))
        return
    with _pool(lab, count) as pipes:
        _deal(pipes, todo, wrote)


def _deal(
    pipes: list[connection.Connection],
    todo: Sequence[Key],
    wrote: Callable[[Key, Mapping[str, Any], Mapping[str, float]], None],
) -> None:
    """Give each free worker the next job, until all are done."""
    waiting = iter(todo)
    busy: dict[Any, Key] = {}
    for one in pipes:
        _give(one, waiting, busy)
    while busy:
        for ready in connection.wait(list(busy)):
            pipe: Any = ready
            job = busy.pop(pipe)
            try:
                kind, *told = pipe.recv()
            except (EOFError, ConnectionResetError):
                raise WorkerError(
                    f"the process that trained {job[0]!r} with seed {job[1]} is gone",
                    "out of memory? Fewer processes: --workers 1. From a script: call it under "
                    "if __name__ == '__main__'. The same command goes on where it stopped",
                ) from None
            if kind == "told":
                raise UsageError(*told)
            if kind == "failed":
                raise WorkerError(f"training {job[0]!r} with seed {job[1]} failed: {told[0]}",
                                  told[1])  # fmt: skip
            wrote(job, *told)
            _give(pipe, waiting, busy)


def _give(pipe: Any, waiting: Iterator[Key], busy: dict[Any, Key]) -> None:
    job = next(waiting, None)
    if job is not None:
        with suppress(BrokenPipeError, ConnectionResetError):  # it is gone: reading says so
            pipe.send(job)
        busy[pipe] = job


@contextmanager
def _pool(lab: Lab, count: int) -> Iterator[list[connection.Connection]]:
    context = get_context("spawn")
    processes, pipes = [], []
    try:
        with _deaf():
            for _ in range(count):
                here, there = context.Pipe()
                process = context.Process(target=_serve, args=(there, lab), daemon=True)
                process.start()
                there.close()
                processes.append(process)
                pipes.append(here)
        yield pipes
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join(0.2)
            process.terminate()
            process.join(5)


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes started within hear no Ctrl-C, not even while they import; here it comes later.

    Ignoring it is their own first line, which on a busy machine is seconds away.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # starting it lifts such a block
    heard: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    ours = threading.current_thread() is threading.main_thread() and handler is not None
    if ours:  # a block is of one thread, and any other may hear it
        signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        if ours:
            signal.signal(signal.SIGINT, handler)
            if heard:
                signal.raise_signal(signal.SIGINT)


def _serve(pipe: Any, lab: Lab) -> None:
    """A worker: jobs in, results out, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends it
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - for as long as the process lives
    try:
        lab.start()
        while True:
            job = pipe.recv()
            try:
                pipe.send(("done", *_timed(lab, job)))
            except DatacheckError as error:
                pipe.send(("told", error.message, error.hint))
            except Exception as error:
                where = "".join(traceback.format_tb(error.__traceback__)[-1:]).strip()
                told = f"{type(error).__name__}: {error}"
                pipe.send(("failed", " ".join(told.split())[:300], " ".join(where.split())[:300]))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _timed(lab: Lab, job: Key) -> tuple[Mapping[str, Any], dict[str, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = lab.run(*job)
    spent = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    return result, {k: round(v, 4) for k, v in spent.items()}
