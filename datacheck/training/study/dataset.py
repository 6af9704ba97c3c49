"""``datacheck.study``: audit, plan, train all arms with paired seeds, say what each repair did."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from datacheck.config import Config
from datacheck.dataset import FILE_SHIFT, Dataset
from datacheck.errors import UsageError
from datacheck.findings import Report, names
from datacheck.training.study import budget as budgets
from datacheck.training.study.arms import Design, design
from datacheck.training.study.conduct import RESULTS, Study, conduct
from datacheck.training.study.lab import EVALUATIONS, ArmSetup, Build, DatasetLab, laboratory
from datacheck.training.study.ledger import plain, read_head
from datacheck.training.study.measures import IMBALANCE
from datacheck.training.study.models import build as build_model
from datacheck.training.study.opening import (
    WORK,
    audited,
    check_output,
    evaluation_of,
    steps_of,
)
from datacheck.training.study.repairs import take_apart
from datacheck.training.study.running import Progress, cores
from datacheck.training.study.versions import Prepared, prepare_versions

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """How a study is done. Raises UsageError out of bounds."""

    seeds: int | None = None
    """Pairs of runs for each comparison; 10, or what the budget allows."""
    steps: int | None = None
    """Steps of each run; 400, or what the budget allows."""
    budget: float | None = None
    """Seconds that the study may take; it chooses seeds and steps."""
    repairs: tuple[str, ...] = ()
    """Only repairs of these rules or families (``MV``, ``LK001``); all others are left undone."""
    unsafe: bool = False
    """Also study repairs that change what a model is asked to learn."""
    preset: str = "auto"
    """The model and its settings; auto: by the kinds of the data."""
    batch: int = 32
    """Rows a step."""
    lr: float | None = None
    """The learning rate, instead of the preset's."""
    evaluate: str = ""
    """The split to evaluate on; by default test, or else the last one."""
    workers: int | None = None
    """Processes; one a core."""

    def __post_init__(self) -> None:
        for name, least in (("seeds", 1), ("steps", 20), ("batch", 2)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{name} is {value}", f"{least} or more")
        if self.lr is not None and not 0 < self.lr < float("inf"):
            raise UsageError(f"lr is {self.lr}", "a number greater than 0")
        if self.workers is not None and self.workers < 0:
            raise UsageError(f"workers is {self.workers}", "0 (in this process) or more")


def study(
    source: Any = None,
    output: str | Path = "study",
    /,
    *,
    config: Config | None = None,
    progress: Progress | None = None,
    say: Say | None = None,
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> Study:
    """What each repair of a dataset does to training: paired runs, intervals, verdicts.

    ``source`` is a path or a mapping of split names to frames. ``options`` are the fields of
    :class:`StudyConfig` and of :class:`~datacheck.config.Config` (``label``, ``group``, …; a field
    by any name goes in through ``settings``). The folder ``output`` gets ``study.json``,
    ``study.html``, ``timing.json`` and ``results.jsonl``; a study that was stopped goes on there.
    It trains in processes of their own: in a script call it under ``if __name__ == "__main__"``.

    Raises :class:`~datacheck.errors.DatacheckError` where there is nothing to study, or where the
    folder holds something else.
    """
    mine = {f.name for f in fields(StudyConfig)}
    known = {f.name for f in fields(Config)}
    if unknown := set(options) - mine - known:
        raise UsageError(
            f"no option {names(sorted(unknown))}", f"there are: {names(sorted(mine), 20)}"
        )
    if source is None:
        raise UsageError("nothing to study", "datacheck study dataset/")
    chosen = StudyConfig(**{k: v for k, v in options.items() if k in mine})
    flags = {k: v for k, v in options.items() if k in known and k not in mine}
    settled = (config or Config()).replace(**flags, **(settings or {}))
    return run_study(source, Path(output), settled, chosen, progress=progress, say=say)


def run_study(
    source: Any,
    output: Path,
    settings: Config,
    config: StudyConfig,
    *,
    progress: Progress | None = None,
    say: Say | None = None,
    original: Any = None,
    build: Build = build_model,
) -> Study:
    """What :func:`study` and the command line share.

    ``original`` is the data before a fault was planted, row by row, for one more control;
    ``build`` makes the model of all arms, and pickles.
    """
    began = time.monotonic()
    told: Say = say or (lambda _: None)
    output = output.expanduser()
    check_output(output)
    told("auditing")
    data, report = audited(source, settings)
    evaluation = evaluation_of(data, config.evaluate)
    steps, said = steps_of(report, config.repairs, unsafe=config.unsafe)
    chosen = design(take_apart(steps), original=original is not None)
    before = None if original is None else audited(original, settings)[0]
    with _work(output) as work:
        prepared = prepare_versions(
            data, chosen, report.plan().steps, settings, work, evaluation=evaluation,
            found={f.rule for f in report.findings}, original=before, progress=told,
        )  # fmt: skip
        lab = _laboratory(prepared, chosen, config, build)
        head = _head(data, report, chosen, settings, config)
        size = _size(output, head, lab, chosen, config, began, told)
        lab.config = replace(lab.config, steps=size.steps, evaluate_every=_every(size.steps))
        head |= {"seeds": size.seeds, "steps": size.steps}
        named = {
            "dataset": data.name,
            "evaluation": evaluation,
            "setup": lab.describe(),
            "plan": [s.to_dict() for s in steps],
            "assumed": [*data.assumptions, *said, *prepared.said, *lab.said],
        }
        told(f"{len(chosen.arms)} arms × {size.seeds} seeds of {size.steps} steps")
        return conduct(
            chosen, lab, range(size.seeds), named, output, head=head, workers=config.workers,
            progress=progress, locate=speller(data),
        )  # fmt: skip


# -- the laboratory -----------------------------------------------------------------------------


@contextmanager
def _work(output: Path) -> Any:
    """A folder for tables below the output; it goes away when the study is done."""
    work = output / WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
        with suppress(OSError):  # it holds what was done
            output.rmdir()


def _laboratory(
    prepared: Prepared, chosen: Design, config: StudyConfig, build: Build
) -> DatasetLab:
    arms = {
        a.key: ArmSetup(
            prepared.data[a.key],
            prepared.loader[a.key],
            clip=a.control == "clip",
            shuffle="placebo" if a.control == "placebo" else "",
        )
        for a in chosen.arms
    }
    unlike = any(c.repair.defect is IMBALANCE for c in chosen.contrasts)
    return laboratory(
        prepared.folder, arms, steps=config.steps, lr=config.lr, batch=config.batch,
        preset=config.preset, probe=unlike, build=build,
    )  # fmt: skip


def _size(
    output: Path,
    head: Mapping[str, Any],
    lab: DatasetLab,
    chosen: Design,
    config: StudyConfig,
    began: float,
    told: Say,
) -> budgets.Size:
    """Seeds and steps: those of a study that goes on, those asked for, or what the time allows."""
    before = read_head(output / RESULTS)
    if before is not None and config.budget is not None:
        same = {k: v for k, v in before.items() if k not in ("seeds", "steps")}
        if same == plain(dict(head)):
            return budgets.Size(int(before["seeds"]), int(before["steps"]), 0.0)
    if config.budget is None:
        return budgets.Size(config.seeds or budgets.SEEDS, config.steps or budgets.STEPS, 0.0)
    told("timing a trial")
    lab.start()
    pace = budgets.measure(lab.trial, [a.key for a in chosen.arms])
    left = config.budget - (time.monotonic() - began)
    workers = cores() if config.workers is None else max(config.workers, 1)
    size = budgets.choose(
        pace, left, workers, len(chosen.repairs), seeds=config.seeds, steps=config.steps
    )
    if size.expected_s > left:
        told(f"the least that says anything takes about {size.expected_s:.0f} s more")
    return size


def _every(steps: int) -> int:
    return max(1, steps // EVALUATIONS)


def _head(
    data: Dataset, report: Report, chosen: Design, settings: Config, config: StudyConfig
) -> dict[str, Any]:
    """What must be the same for a study to go on."""
    prints = sorted(f.fingerprint() for s in data.splits.values() for f in s.fragments)
    what = {
        "files": prints,
        "columns": {c.name: [c.kind.value, c.role.value] for c in data.columns.values()},
        "steps": [s.to_dict() for r in chosen.repairs for s in r.steps],
    }
    text = json.dumps(what, sort_keys=True, default=str)
    asked = {f.name: getattr(config, f.name) for f in fields(config)}
    for name in ("budget", "workers", "seeds", "steps"):
        asked.pop(name)
    asked["repairs"] = list(config.repairs)
    return {
        "dataset": data.name,
        "data": hashlib.sha256(text.encode()).hexdigest()[:16],
        "options": asked,
        "versions": {name: _version(name) for name in ("datacheck-ml", "torch", "numpy", "polars")},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def speller(data: Dataset) -> Callable[[int], str]:
    """Addresses as people write them: ``split/file:row``."""
    split_of = {f.file: f.split for s in data.splits.values() for f in s.fragments}
    files = data.files

    def spell(address: int) -> str:
        return data.locate(split_of.get(files[address >> FILE_SHIFT], ""), address).lstrip("/")

    return spell


