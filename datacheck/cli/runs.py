"""``datacheck audit --run``: recorded runs, judged alone or beside the data of their training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacheck.errors import UsageError

if TYPE_CHECKING:
    from datacheck.config import Config
    from datacheck.dataset import Dataset
    from datacheck.findings import Outcome, Report
    from datacheck.types import Ints

ORDER = ("failed", "found", "clean", "not applicable")  # what a rule is told to have come to


def judge_runs(
    paths: tuple[str, ...],
    source: str | dict[str, str] | None,
    settings: Config,
    audit: Callable[[Any], Report],
) -> Report:
    """The runs at ``paths``, and the data at ``source`` if there is one, in one report.

    ``audit`` audits an opened dataset; it is left out where only rules of runs are chosen. Rows of
    the batches are spelled as rows of the train split. Raises UsageError where no rule is chosen
    that judges a run.
    """
    from datacheck.checks.codes import select
    from datacheck.training.judging import judge
    from datacheck.training.run import Run

    if not select(settings.select, settings.ignore, judges="run"):
        raise UsageError(
            "--run is given, and no rule is chosen that judges a run", "add ST to --select"
        )
    runs = [(path, Run.load(path)) for path in paths]
    data: Report | None = None
    locate = rows = None
    if source is not None:
        from datacheck.auditing import opened

        dataset = opened(source, settings)
        train = dataset.train
        if train is not None:
            locate = lambda row: dataset.locate(train, row)  # noqa: E731 - one word of it is bound
        if select(settings.select, settings.ignore, judges="data"):
            data = audit(dataset)
            rows = _rows(dataset, data, settings)
    judged = [
        judge(run, audit=data, locate=locate, rows=rows, config=settings, name=Path(path).name)
        for path, run in runs
    ]
    return merged([*([data] if data else []), *judged], several=len(judged) > 1)


def _rows(dataset: Dataset, report: Report, settings: Config) -> Callable[[], Mapping[str, Ints]]:
    """What tells all rows that each rule named: reads the data when it is first asked."""

    @cache
    def rows() -> Mapping[str, Ints]:
        from datacheck.pipelines.named_rows import rows_named

        return rows_named(dataset, report, threads=settings.threads, memory=settings.memory)

    return rows


def merged(reports: list[Report], *, several: bool) -> Report:
    """One report of all; with ``several`` runs, a finding of a run says of which it is."""
    if len(reports) == 1:
        return reports[0]
    from datacheck.findings import Report

    findings, timing, assumptions = [], dict(reports[0].timing), list(reports[0].assumptions)
    for report in reports:
        name = next((r["name"] for r in report.dataset.get("runs", ())), None)
        prefix = f"{name}: " if several and name else ""
        findings += [replace(f, message=prefix + f.message) for f in report.findings]
        if report is not reports[0]:
            timing["judge runs"] = timing.get("judge runs", 0.0) + report.timing["total"]
            timing["total"] += report.timing["total"]
            assumptions += [prefix + a for a in report.assumptions]
    first = reports[0].dataset
    named = {**first, "name": first["name"] if first["splits"] else f"{len(reports)} runs"}
    return Report(
        dataset={**named, "runs": [r for x in reports for r in x.dataset.get("runs", ())]},
        findings=_once(findings),
        outcomes=_outcomes(reports),
        assumptions=list(dict.fromkeys(assumptions)),
        timing=timing,
        versions=reports[0].versions,
        suppressed=[s for r in reports for s in r.suppressed],
        profile=reports[0].profile,
        peek=reports[0].peek,
    )


def _once(findings: list[Any]) -> list[Any]:
    """Without repetitions: unused suppressions are unused in each run."""
    out: list[Any] = []
    for finding in findings:
        if finding not in out:
            out.append(finding)
    return out


def _outcomes(reports: list[Report]) -> list[Outcome]:
    """What came of each rule: the first of :data:`ORDER` that came of it anywhere."""
    best: dict[str, Outcome] = {}
    for outcome in (o for r in reports for o in r.outcomes):
        known = best.get(outcome.rule)
        if known is None or ORDER.index(outcome.status) < ORDER.index(known.status):
            best[outcome.rule] = outcome
    return list(best.values())
