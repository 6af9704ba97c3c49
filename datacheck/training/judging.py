"""A recorded run judged by the rules of family ST: the same Report as that of an audit."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from datacheck.auditing import judged, said, versions
from datacheck.checks.base import BaseRule
from datacheck.checks.codes import select
from datacheck.errors import DatacheckError
from datacheck.findings import Finding, Report
from datacheck.training.causes.attributed import RULES, with_causes
from datacheck.training.rules.base import RunRule
from datacheck.training.rules.view import Locate, Named, View
from datacheck.types import Ints

if TYPE_CHECKING:
    from datacheck.config import Config
    from datacheck.training.run import Run


def judge(
    run: Run,
    *,
    audit: Report | None = None,
    locate: Locate | None = None,
    named: Named | None = None,
    rows: Callable[[], Mapping[str, Ints]] | None = None,
    config: Config | None = None,
    name: str = "run",
) -> Report:
    """What is wrong with a recorded run.

    ``locate(row)`` spells the rows of a batch, such as ``train/a.csv:12``; without it they are
    numbers. ``named(rows)`` counts how many of those rows each rule of an audit had named;
    without it, ``rows()`` tells all rows that each rule had named (as
    :func:`~datacheck.pipelines.named_rows.rows_named`; it is asked only if something spiked), or
    else those are counted that stand among the examples of ``audit`` (which needs ``locate``, to
    know them by their spelling). Findings about spikes say what is behind them
    (:mod:`~datacheck.training.attribution`). ``config`` has options, severities, suppressions
    and the choice of rules. Raises DatacheckError for a configuration that cannot be.
    """
    from datacheck.config import Config
    from datacheck.suppress import without_accepted

    began = time.perf_counter()
    settings = config or Config()
    if named is None and rows is not None:
        named = counted(rows)
    if named is None and audit is not None and locate is not None:
        named = examples_of(audit, locate)
    view = View(run, locate, named)
    findings, outcomes = [], []
    for code in select(settings.select, settings.ignore, judges="run"):
        with np.errstate(all="ignore"):  # a run that blew up has any number in it
            found, outcome = judged(code.code, settings, lambda rule: _judge(rule, view))
        findings += found
        outcomes.append(outcome)
    findings, lost = _with_causes(findings, run, rows, locate)
    kept, suppressed, told = without_accepted(findings, outcomes, settings)
    return Report(
        dataset={
            "name": name,
            "splits": {},
            "columns": {},
            "task": None,
            "runs": [facts(run, name)],
        },
        findings=kept,
        outcomes=[*outcomes, *told],
        assumptions=[*_assumed(run), *lost],
        timing={"total": time.perf_counter() - began},
        versions=versions(),
        suppressed=suppressed,
    )


def counted(rows: Callable[[], Mapping[str, Ints]]) -> Named:
    """How many of some rows each rule had named, of all the rows that it had."""

    def named(suspects: Ints) -> Mapping[str, int]:
        counts = {rule: int(np.isin(suspects, known).sum()) for rule, known in rows().items()}
        return {rule: n for rule, n in sorted(counts.items()) if n}

    return named


def examples_of(audit: Report, locate: Locate) -> Named:
    """How many of some rows stand among the examples of an audit's findings, by rule."""
    known: dict[str, set[str]] = defaultdict(set)
    for finding in audit.findings:
        for example in finding.examples:
            known[finding.rule].update(example.addresses)

    def named(rows: Ints) -> Mapping[str, int]:
        spelled = [locate(int(r)) for r in rows]
        counts = {rule: sum(s in rows_of for s in spelled) for rule, rows_of in known.items()}
        return {rule: n for rule, n in sorted(counts.items()) if n}

    return named


def facts(run: Run, name: str) -> dict[str, Any]:
    """The run as reports show it."""
    splits = run.evaluations["split"].unique(maintain_order=True).to_list()
    return {
        "name": name,
        "steps": run.steps.height,
        "evaluations": run.evaluations.height,
        "splits": [str(s) for s in splits],
        "ended": run.ended,
    }


def _judge(rule: BaseRule, view: View) -> Iterable[Finding]:
    assert isinstance(rule, RunRule)
    return rule.judge_run(view)


def _with_causes(
    findings: list[Finding],
    run: Run,
    rows: Callable[[], Mapping[str, Ints]] | None,
    locate: Locate | None,
) -> tuple[list[Finding], list[str]]:
    """The findings with their causes; where those cannot be told, as they are and the reason."""
    if not any(f.rule in RULES for f in findings):
        return findings, []
    try:
        named = rows() if rows is not None else None
        return with_causes(findings, run, rows=named, locate=locate), []
    except DatacheckError:
        raise
    except Exception as error:
        return findings, [f"what is behind the spikes could not be told: {said(error)}"]


def _assumed(run: Run) -> list[str]:
    out = []
    if not run.ended:
        out.append("the run has not come to its end, or was killed: what is there was judged")
    if "reference" not in run.meta:
        out.append("no reference loss was recorded; the loss of the first tenth stands for it")
    return out
