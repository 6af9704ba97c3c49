"""What a study is of: the dataset, its splits, and the steps of the plan that are judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datacheck.config import Config
from datacheck.dataset import Dataset
from datacheck.errors import UsageError
from datacheck.findings import Report, names
from datacheck.pipelines.plan import MOVES, Plan, Step
from datacheck.training.study.conduct import RESULTS

WORK = "work"  # a folder below the output, while a study runs
TEST_NAMES = ("test", "testing", "eval", "evaluation", "holdout")


def check_output(output: Path) -> None:
    """Raises UsageError for a folder that holds something else than a study."""
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file", "name a folder with -o")
    if output.is_dir() and any(output.iterdir()) and not (output / RESULTS).exists():
        known = {WORK}
        others = sorted(p.name for p in output.iterdir() if p.name not in known)
        if others:
            raise UsageError(
                f"{output} holds {names(others)} and no study", "name a new folder with -o"
            )


def audited(source: Any, settings: Config) -> tuple[Dataset, Report]:
    """The dataset with a train and an evaluation split, and its report. Raises UsageError."""
    from datacheck.auditing import run_audit
    from datacheck.pipelines.fixing import source_options
    from datacheck.sources import open_source

    data = open_source(source, source_options(settings))
    if data.train is None:
        raise UsageError("no split is called train", f"splits: {names(data.splits)}")
    if not data.evaluation:
        source, settings = held_out(data, settings)
        data = open_source(source, source_options(settings))
        data.assumptions.append("a quarter of the rows, by a hash, is held out to evaluate on")
    return data, run_audit(source, settings)


def held_out(data: Dataset, settings: Config) -> tuple[dict[str, Any], Config]:
    """A dataset of one split as two: three quarters of the rows, by entity where there is one."""
    import numpy as np
    import polars as pl

    from datacheck.dataset import Role
    from datacheck.pipelines.repairing.view import View
    from datacheck.training.determinism import row_keys

    parts = list(View(data).pieces(list(data.columns)))
    frame = pl.concat([f for _, f, _ in parts], how="vertical_relaxed")
    group = data.role(Role.GROUP)
    if group is None:
        keys = row_keys(np.concatenate([a for _, _, a in parts]), "held out")
    else:
        keys = frame[group.name].cast(pl.String).hash(seed=0).to_numpy()
    out = pl.Series(keys % 4 == 0)
    roles: dict[str, Any] = {}
    for name, role in (("label", Role.LABEL), ("group", Role.GROUP), ("time", Role.TIME)):
        if (column := data.role(role)) is not None:
            roles[name] = column.name
    if ids := tuple(c.name for c in data.columns.values() if c.role is Role.ID):
        roles["id"] = ids
    if data.task is not None:
        roles["task"] = data.task.value
    return {"train": frame.filter(~out), "holdout": frame.filter(out)}, settings.replace(**roles)


def evaluation_of(data: Dataset, asked: str) -> str:
    """The split to evaluate on: the one asked for, or test, or the last."""
    if asked:
        if asked not in data.evaluation:
            raise UsageError(
                f"no split {asked!r} to evaluate on", f"there are: {names(data.evaluation)}"
            )
        return asked
    named = [s for s in data.evaluation if s.lower() in TEST_NAMES]
    return (named or data.evaluation)[-1]


def steps_of(
    report: Report, repairs: tuple[str, ...], *, unsafe: bool
) -> tuple[list[Step], list[str]]:
    """The steps that are studied, and what is left out."""
    plan: Plan = report.plan()
    if repairs:
        from datacheck.checks.codes import select

        plan = plan.select(c.code for c in select(repairs, ()))
    said = plan.conflicts(unsafe=unsafe)
    skipped = plan.skipped(unsafe=unsafe)
    if skipped:
        rules = sorted({r for s in skipped for r in s.rules})
        said.append(f"unsafe repairs are left out ({names(rules, 10)}): --unsafe studies them too")
    steps = [s for s in plan.steps if unsafe or s.safety == "safe"]
    moving = [s for s in steps if s.kind.acts == "splits"]
    if len(moving) > 1:
        first = min(moving, key=lambda s: MOVES.index(s.repair))
        steps = [s for s in steps if s.kind.acts != "splits" or s is first]
    return steps, said
