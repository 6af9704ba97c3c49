"""From a plan to a repaired dataset, in one page: open → decide rows → fit → mend → write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacheck.config import Config
from datacheck.dataset import Dataset
from datacheck.errors import UsageError
from datacheck.pipelines.fitting.fingerprints import Fingerprint, FittedOn
from datacheck.pipelines.plan import Plan, Step
from datacheck.pipelines.repairing.arrays import without_parts
from datacheck.pipelines.repairing.building import Built, build
from datacheck.pipelines.repairing.mending import ROWS, Mender, Tally
from datacheck.pipelines.repairing.pictures import Recoding, columns, recoding
from datacheck.pipelines.repairing.plan_check import check
from datacheck.pipelines.repairing.rows import Decided, decide
from datacheck.pipelines.repairing.view import View
from datacheck.sources.images.folders import IMAGE
from datacheck.sources.raw import check_writable, read_raw, stored

if TYPE_CHECKING:
    import polars as pl

    from datacheck.pipelines.pipeline import Pipeline

Progress = Callable[[int, float | None, str], None]


@dataclass(frozen=True, slots=True)
class Done:
    """What one step came to: rows that left or moved, values that changed by column."""

    step: Step
    rows: int = 0
    values: Mapping[str, int] = field(default_factory=dict)

    @property
    def cells(self) -> int:
        """Changed values, all columns together."""
        return sum(self.values.values())


@dataclass
class Fixed:
    """What a repair did, or (``dry``) would do.

    ``frames`` holds the repaired splits of data in memory, and ``quarantine`` their rows that
    left, with repair and reason; a dataset in files has ``output`` instead. ``settings`` are those
    to audit the result with (the ``datacheck.toml`` of a folder): ``audit(done.frames,
    settings=done.settings)``.
    """

    done: list[Done]
    skipped: tuple[Step, ...]
    plan: Plan
    pipeline: Pipeline
    said: list[str]
    rows: dict[str, int]
    dry: bool = False
    output: Path | None = None
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    quarantine: pl.DataFrame | None = None

    def __repr__(self) -> str:
        from datacheck.report.fixed import render

        return render(self)


@dataclass
class Job:
    """A dataset, a plan that fits it, and what the plan comes to before anything is written."""

    data: Dataset
    steps: list[Step]
    built: Built
    decided: Decided
    mender: Mender
    pipeline: Pipeline
    said: list[str]
    anew: Recoding | None = None


def fix(
    source: Any = None,
    output: str | Path | None = None,
    /,
    *,
    plan: Plan | str | Path | None = None,
    unsafe: bool = False,
    select: str | Iterable[str] = (),
    dry_run: bool = False,
    config: Config | None = None,
    progress: bool | Progress = False,
    settings: Mapping[str, Any] | None = None,
    **splits: Any,
) -> Fixed:
    """Repair a dataset: audit it, plan, and write what the plan makes of it to a new folder.

    ``source`` and the names of splits and settings are those of :func:`datacheck.audit`. Files
    are written to the new folder ``output`` in their own layout and formats; data in memory comes
    back in :attr:`Fixed.frames`. ``plan`` is a plan or its TOML file, instead of one from an
    audit; ``select`` limits it to steps that answer those rules or families; ``unsafe`` also runs
    steps that change what a model is asked to learn. ``dry_run`` only counts.

    Raises :class:`~datacheck.errors.DatacheckError` where the plan does not fit the data, the
    folder is there already, or nothing can be read.
    """
    known = {f.name for f in fields(Config)}
    flags = {k: splits.pop(k) for k in list(splits) if k in known}
    flags.update(settings or {})
    if (source is None) == (not splits):
        raise UsageError("give a source or named splits", "fix('folder/', 'clean/')")
    chosen = (config or Config()).replace(**flags)
    thing = source if source is not None else splits
    shown: Progress | None = progress if callable(progress) else None
    codes = (select,) if isinstance(select, str) else tuple(select)

    def run(callback: Progress | None) -> Fixed:
        return run_fix(
            thing, output, chosen, plan=plan, unsafe=unsafe, select=codes, dry_run=dry_run,
            progress=callback,
        )  # fmt: skip

    if progress is True:
        from datacheck.report.progress import bar

        with bar() as shown:
            return run(shown)
    return run(shown)


def run_fix(
    source: Any,
    output: str | Path | None,
    config: Config,
    *,
    plan: Plan | str | Path | None = None,
    unsafe: bool = False,
    select: Sequence[str] = (),
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Fixed:
    """What :func:`fix` and the command line share."""
    from datacheck.pipelines.repairing import folder
    from datacheck.sources import open_source

    target = None if output is None or dry_run else folder.free(Path(output), away=source)
    whole = plan if isinstance(plan, Plan) else Plan.load(plan) if plan is not None else None
    if whole is None:
        from datacheck.auditing import run_audit

        whole = run_audit(source, config, progress=progress).plan()
    if select:
        from datacheck.checks.codes import select as chosen

        whole = whole.select(c.code for c in chosen(tuple(select), ()))
    data = open_source(source, source_options(config))
    whole = whole if whole.dataset else replace(whole, dataset=data.name)
    for fragment in View(data).fragments():
        check_writable(fragment)
    in_memory = all(getattr(stored(f), "path", None) is None for f in View(data).fragments())
    if in_memory and output is not None:
        raise UsageError("data in memory has no files to write again", "leave the folder out")
    if not in_memory and target is None and not dry_run:
        raise UsageError("no folder to write to", "name a new one: fix('data/', 'clean/')")
    if not in_memory:
        folder.clear_of(source, data.files)
    run = [s for s in whole if unsafe or s.safety == "safe"]
    run, bound = without_parts(View(data).fragments(), run)
    ready = replace(whole, steps=tuple(run)).ready(unsafe=unsafe)
    said = [*whole.conflicts(unsafe=unsafe), *bound]
    job = prepare(data, ready, config)
    job.said[:0] = said
    skipped = whole.skipped(unsafe=unsafe)
    if dry_run:
        tally = _count(job, progress)
        return _fixed(job, whole, skipped, tally, dry=True)
    if in_memory:
        from datacheck.pipelines.remembering import in_frames

        tally, frames, quarantine = in_frames(job)
        done = _fixed(job, whole, skipped, tally)
        from datacheck.pipelines.repairing.settings import settings_of

        return replace(
            done, frames=frames, quarantine=quarantine, settings=settings_of(job, config)
        )
    from datacheck.pipelines.repairing.publishing import publish

    assert target is not None
    return publish(
        source, job, whole, target, config,
        lambda tally: _fixed(job, whole, skipped, tally, output=target), progress,
    )  # fmt: skip


def prepare(data: Dataset, plan: Plan, config: Config) -> Job:
    """Check the plan against the data, decide which rows leave, and fit what is to be fitted."""
    steps = list(plan.steps)
    check(data, steps)
    built = build(data, steps)
    forms = {c: form for c, (_, form) in built.parsed.items()}
    view = View(data, tuple(a.transform for a in built.before), parsed=forms)
    decided = decide(view, steps, threads=config.threads, memory=config.memory)
    view = view.with_moves(decided.moves)
    built.fit(view)
    noted: list[str] = []
    anew = recoding(view, built.anew, noted)
    mender = Mender(
        replace(view, transforms=()), (*built.before, *built.after), built.blank, built.parsed,
        built.quarantine, built.learned,
    )  # fmt: skip
    said = [*built.said, *decided.said, *noted]
    image = _image(view, anew, said)
    return Job(data, steps, built, decided, mender, built.pipeline(view, image), said, anew)


def _image(view: View, anew: Recoding | None, said: list[str]) -> dict[str, Any] | None:
    """The transform of pictures that the loader and serving share, with figures of train."""
    if not columns(view.data) or view.data.train is None:
        return None
    from datacheck.pipelines.images.learning import learn

    size, mode = (None, "") if anew is None else (anew.size, anew.mode)
    found = learn(view, columns(view.data)[0], size=size, mode=mode)
    said += found.said
    return None if found.transform is None else found.transform.to_dict()


def source_options(config: Config) -> Any:
    """How the source is opened, from the settings."""
    from datacheck.auditing import source_options as of

    return of(config)


def _count(job: Job, progress: Progress | None) -> dict[str, Tally]:
    """Everything but the writing."""
    tallies: dict[str, Tally] = {}
    ordinals = job.mender.view.file_of
    for fragment in job.mender.view.fragments():
        tally = tallies.setdefault(fragment.file, Tally())
        for raw in read_raw(fragment, ROWS):
            if raw.frame.height or raw.bad:
                job.mender.mend(raw, fragment, ordinals[fragment.file], tally)
                if progress is not None:
                    progress(tally.read, None, fragment.file)
        for i in job.anew.steps if job.anew is not None else ():
            tally.add(i, IMAGE, tally.kept + tally.away)
    return tallies


def _fixed(
    job: Job,
    plan: Plan,
    skipped: tuple[Step, ...],
    tallies: Mapping[str, Tally],
    *,
    dry: bool = False,
    output: Path | None = None,
) -> Fixed:
    done = []
    bad = sum(t.bad for t in tallies.values())
    for i, step in enumerate(job.steps):
        values: dict[str, int] = {}
        for tally in tallies.values():
            for column, count in tally.values.get(i, {}).items():
                values[column] = values.get(column, 0) + count
        rows = job.decided.counts.get(i, 0)
        if step.repair == "quarantine-unreadable":
            rows += bad
        done.append(Done(step, rows, values))
    rows_by = {f: t.kept for f, t in tallies.items()}
    pipeline = job.pipeline.on(_fitted_on(job.built.learned, tallies.values()))
    return Fixed(done, skipped, plan, pipeline, job.said, rows_by, dry, output)


def _fitted_on(learned: tuple[str, ...], tallies: Iterable[Tally]) -> FittedOn | None:
    """The rows of train that stay, as they were, over the columns that were learned from."""
    if not learned:
        return None
    total = Fingerprint(learned)
    for tally in tallies:
        if tally.train is not None:
            total.merge(tally.train)
    return total.found()
