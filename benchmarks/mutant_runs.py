"""Runs tests on changed modules in forked processes, for mutation.py.

What is heavy is imported once; datacheck is not, and neither is any test: each forked process
imports them itself, and in it one module's code is another. Nothing on disk changes. Only importing
has happened before the fork, so no thread of Polars or torch is lost by it.
"""

from __future__ import annotations

import gc
import importlib.abc
import importlib.machinery
import json
import os
import resource
import select
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "build" / "mutation"
HEAVY = (
    "hypothesis.strategies", "numpy", "pandera.polars", "PIL.Image", "polars", "pyarrow", "rich",
    "scipy.special", "scipy.stats", "sklearn", "torch", "click.testing", "jinja2",
)  # fmt: skip
PLUGINS = ("datacheck.testing.pytest_plugin", "_hypothesis_pytestplugin")
MEMORY = 6 << 30
"""Bytes that one forked process may hold: a changed cap must not take the machine down."""


def ready() -> None:
    """Import what is heavy, and keep Hypothesis from shrinking what it finds: one failure does."""
    sys.path.insert(0, str(ROOT))
    os.chdir(ROOT)
    for name in HEAVY:
        import_module(name)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    gc.freeze()  # what is imported stays shared with the forked processes
    from hypothesis import Phase, settings

    register = settings.register_profile

    def registered(name: str, parent: settings | None = None, **others: Any) -> None:
        others |= {"phases": (Phase.explicit, Phase.generate), "database": None}
        register(name, parent, **others)

    type.__setattr__(settings, "register_profile", staticmethod(registered))  # it guards itself


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module another code when it is imported."""

    def __init__(self, module: str, code: Any) -> None:
        self.module, self.code = module, code

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """The usual place, with this loader."""
        if name != self.module:
            return None
        found = importlib.machinery.PathFinder.find_spec(name, path)
        assert found is not None
        found.loader = self
        return found

    def exec_module(self, module: Any) -> None:
        """Run the changed code."""
        exec(self.code, module.__dict__)


@dataclass
class Watch:
    """A pytest plugin: which tests run, in which order, for how long, and what they say."""

    wanted: Sequence[str]
    tell: Callable[..., None]
    budget: float = float("inf")
    """Seconds of the processor, after which no further test begins."""
    limits: Mapping[str, float] = field(default_factory=dict)
    """For each test, the seconds of the processor after which the process is ended."""
    traced: Mapping[str, set[int]] | None = None
    """By file, the lines that are being executed, emptied before each test."""
    failed: set[str] = field(default_factory=set)
    begun: float = 0.0

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Only the wanted tests, in the order wanted."""
        if self.wanted:
            place = {name: i for i, name in enumerate(self.wanted)}
            items[:] = [i for i in items if i.nodeid in place]
            items.sort(key=lambda item: place[item.nodeid])
        self.begun = time.process_time()
        self.tell("collected", len(items))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """One test, told before and after."""
        start = time.process_time()
        if start - self.begun > self.budget:
            self.tell("budget")
            os._exit(0)
        self.tell("begins", item.nodeid, self.limits.get(item.nodeid, 0.0))
        # The signal ends the process; 0 is no limit.
        signal.setitimer(signal.ITIMER_PROF, self.limits.get(item.nodeid, 0.0))
        for lines in (self.traced or {}).values():
            lines.clear()
        try:
            return (yield)
        finally:
            if self.traced is not None and item.nodeid not in self.failed:
                lines_by_file = {f: sorted(s) for f, s in self.traced.items() if s}
                self.tell("ran", item.nodeid, time.process_time() - start, lines_by_file)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A failure, in whatever phase of the test."""
        if report.failed:
            self.failed.add(report.nodeid)
            self.tell("failed", report.nodeid)


def trace(files: Iterable[str]) -> dict[str, set[int]]:
    """Note executed lines of some files, in all threads; the sets fill up by themselves."""
    found: dict[str, set[int]] = {file: set() for file in files}

    def noting(lines: set[int]) -> Callable[..., Any]:
        def local(frame: Any, event: str, arg: Any) -> Any:
            lines.add(frame.f_lineno)
            return local

        return local

    known = {str(ROOT / file): noting(lines) for file, lines in found.items()}

    def called(frame: Any, event: str, arg: Any) -> Any:
        note = known.get(frame.f_code.co_filename)
        return note(frame, event, arg) if note else None

    threading.settrace(called)
    sys.settrace(called)
    return found


@dataclass(frozen=True)
class Task:
    """One forked process: tests to run, with or without a changed module."""

    name: str
    files: Sequence[str]
    wanted: Sequence[str] = ()
    changed: Callable[[], Changed] | None = None
    budget: float = float("inf")
    limits: Mapping[str, float] = field(default_factory=dict)
    trace: Sequence[str] = ()

    def run(self, tell: Callable[..., None]) -> int:
        """In the forked process: the exit code of pytest."""
        silent = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silent, stream)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if self.changed is not None:
            sys.meta_path.insert(0, self.changed())
        traced = trace(self.trace) if self.trace else None
        watch = Watch(self.wanted, tell, self.budget, self.limits, traced)
        scratch = str(SCRATCH / f"tmp-{os.getpid()}")
        options = ["-q", "-p", "no:cacheprovider", "--basetemp", scratch]
        options += [o for name in PLUGINS for o in ("-p", name)]
        stop = [] if self.trace else ["-x"]
        return int(pytest.main([*options, *stop, *self.files], plugins=[watch]))


@dataclass
class Told:
    """What a process has said, and how it ended."""

    task: Task
    pid: int
    pipe: int
    deadline: float
    events: list[list[Any]] = field(default_factory=list)
    rest: bytes = b""
    status: int = 0
    overdue: bool = False

    def read(self, patience: float) -> bool:
        """Take what has come; False at the end."""
        data = os.read(self.pipe, 1 << 20)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            self.events.append(event)
            if event[0] == "begins":
                self.deadline = time.monotonic() + patience + 20 * event[2]
        return bool(data)

    def said(self, what: str) -> list[list[Any]]:
        """The events of one kind."""
        return [event for event in self.events if event[0] == what]


def run_all(tasks: Iterable[Task], jobs: int, patience: float = 300.0) -> Iterator[Told]:
    """Run tasks, some at a time; ``patience`` is in seconds of the clock, for one test.

    Each forked process is a group of its own; what hangs is ended with all it has started.
    """
    SCRATCH.mkdir(parents=True, exist_ok=True)
    waiting = iter(tasks)
    running: dict[int, Told] = {}
    try:
        while True:
            while len(running) < jobs and (task := next(waiting, None)) is not None:
                told = _fork(task, patience)
                running[told.pipe] = told
            if not running:
                return
            for pipe in select.select(list(running), [], [], 1.0)[0]:
                if not running[pipe].read(patience):
                    yield _end(running.pop(pipe))
            for told in [t for t in running.values() if time.monotonic() > t.deadline]:
                told.overdue = True
                os.killpg(told.pid, signal.SIGKILL)
                yield _end(running.pop(told.pipe))
    finally:
        for told in running.values():
            os.killpg(told.pid, signal.SIGKILL)
            _end(told)


def _fork(task: Task, patience: float) -> Told:
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.close(out)

        def tell(*event: Any) -> None:
            os.write(into, json.dumps(event).encode() + b"\n")

        code = 99
        try:
            code = task.run(tell)
        except BaseException as error:
            tell("crashed", repr(error))
        finally:
            os._exit(code)
    os.close(into)
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(pid, pid)  # whoever is first
    return Told(task, pid, out, time.monotonic() + patience)


def _end(told: Told) -> Told:
    os.close(told.pipe)
    _, told.status = os.waitpid(told.pid, 0)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(told.pid, signal.SIGKILL)  # what it has started and left behind
    shutil.rmtree(SCRATCH / f"tmp-{told.pid}", ignore_errors=True)
    return told
