"""The first half of the flow in one page: source → needs → plan → one scan → verdicts → report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from datacheck.checks.base import BaseRule, Context, NotApplicable, Rule
from datacheck.checks.codes import Code, find, select
from datacheck.checks.pred_probs import read as read_pred_probs
from datacheck.checks.profile import profile
from datacheck.dataset import Dataset
from datacheck.errors import DatacheckError, UsageError
from datacheck.findings import Finding, Outcome, Report, Severity, Status, names
from datacheck.peeking import Peek
from datacheck.summaries import Need

if TYPE_CHECKING:
    from datacheck.config import Config
    from datacheck.sources.options import SourceOptions

Progress = Callable[[int, float | None, str], None]


def audit(
    source: Any = None,
    /,
    *,
    config: Config | None = None,
    progress: bool | Progress = False,
    settings: Mapping[str, Any] | None = None,
    **splits: Any,
) -> Report:
    """Audit a dataset and return what is wrong with it.

    ``source`` is a path, a DataFrame (pandas, Polars), an Arrow table, a NumPy array or a mapping
    of split names to those; or give the splits by name: ``audit(train=a, test=b, label="y")``.
    Names of :class:`~datacheck.config.Config` fields (``label``, ``group``, ``time``, ``id``,
    ``split_column``, ``ignore_column``, ``select``, ``ignore``, ``memory``, ``threads``, …) set
    those fields; every other name is a split. A split that bears a field's name goes in through
    the mapping; a field by any name goes in through ``settings``.

    Raises :class:`~datacheck.errors.DatacheckError` where nothing can be audited.
    """
    from datacheck.config import Config

    known = {f.name for f in fields(Config)}
    flags = {k: splits.pop(k) for k in list(splits) if k in known}
    flags.update(settings or {})
    if (source is None) == (not splits):
        raise UsageError(
            "nothing to audit" if source is None else "give a source or named splits, not both",
            "audit('folder/'), audit(frame, label='y') or audit(train=a, test=b)",
        )
    chosen = (config or Config()).replace(**flags)
    shown: Progress | None = progress if callable(progress) else None
    if progress is True:
        from datacheck.report.progress import bar

        with bar() as shown:
            return run_audit(source if source is not None else splits, chosen, progress=shown)
    return run_audit(source if source is not None else splits, chosen, progress=shown)


def run_audit(source: Any, config: Config, *, progress: Progress | None = None) -> Report:
    """Open, plan, scan once, judge. What :func:`audit` and the command line share."""
    from datacheck.suppress import apply_suppressions

    began = time.perf_counter()
    codes = _chosen(config)
    data = opened(source, config)
    if data.measure.tokenizer:
        from datacheck.summaries.tokenizing import load

        load(data.measure.tokenizer)  # what is wrong with it is said before the scan
    ready = time.perf_counter()
    transforms = _transforms(codes, config)
    rules, outcomes = _build(codes, config)
    needs = _needs(rules, data, outcomes)
    context = _scan(data, needs, config, progress)
    if transforms is not None:
        context.transforms, said = transforms
        context.notes += [f"transforms: {s}" for s in said]
    if config.pred_probs is not None and any(c.code == "LB002" for c in codes):
        context.pred_probs = read_pred_probs(config.pred_probs, context.splits, context.train)
    scanned = time.perf_counter()
    late = [r for r in rules if r.code.startswith("DC")]
    findings: list[Finding] = []
    for rule in rules:
        if rule not in late and rule.code not in outcomes:
            findings += _judge(rule, context, outcomes)
    ran = {c for c, o in outcomes.items() if o.status in (Status.CLEAN, Status.FOUND)}
    kept, suppressed, unused = apply_suppressions(findings, config.suppress, ran=ran)
    context.unused_suppressions = unused
    for rule in late:
        kept = [*kept, *_judge(rule, context, outcomes)]
    shapes = profile(context, kept)
    judged = time.perf_counter()
    return Report(
        dataset=describe(data, context),
        findings=kept,
        outcomes=[outcomes[c.code] for c in codes],
        assumptions=[*data.assumptions, *context.notes],
        timing={
            "open": ready - began,
            "scan": scanned - ready,
            "judge": judged - scanned,
            "total": judged - began,
        },
        versions=versions(),
        suppressed=suppressed,
        profile=shapes,
        peek=Peek.of(data, source, config),
    )


def opened(source: Any, config: Config) -> Dataset:
    """The dataset that ``source`` names, by the settings; a Dataset is itself."""
    if isinstance(source, Dataset):
        return source
    from datacheck.sources import open_source

    return open_source(source, source_options(config))


_ELSEWHERE = {
    "run": (
        "a recorded training run",
        "name one: datacheck audit --run run.jsonl, or datacheck.training.judge(run)",
    ),
    "loader": ("a loader", "give it to datacheck.audit_loader(loader)"),
}


def _chosen(config: Config) -> tuple[Code, ...]:
    """The rules to judge data by. Raises UsageError if only rules of runs or loaders are chosen."""
    codes = select(config.select, config.ignore, judges="data")
    if not codes and (others := select(config.select, config.ignore)):
        kinds = dict.fromkeys(c.judges for c in others)
        raise UsageError(
            f"{names(c.code for c in others)} can judge only "
            + " or ".join(_ELSEWHERE[k][0] for k in kinds),
            "; ".join(_ELSEWHERE[k][1] for k in kinds),
        )
    return codes


def source_options(config: Config) -> SourceOptions:
    """What the settings say of how a dataset is read."""
    from datacheck.sources.options import SourceOptions

    return SourceOptions(
        label=config.label,
        group=config.group,
        time=config.time,
        id=config.id,
        split_column=config.split_column,
        ignore=config.ignore_column,
        delimiter=config.delimiter,
        encoding=config.encoding,
        header=config.header,
        task=config.task,
        text_layout=config.text_layout or "auto",
        length_unit=config.length_unit,
        tokenizer=config.tokenizer,
        follow_links=bool(config.follow_links),
    )


def _build(codes: tuple[Code, ...], config: Config) -> tuple[list[Rule], dict[str, Outcome]]:
    """The chosen rules with their options; a rule that cannot even be loaded has failed."""
    rules: list[Rule] = []
    outcomes: dict[str, Outcome] = {}
    for code in codes:
        try:
            rule = code.load()(**config.rule_options(code.code))
            assert isinstance(rule, Rule)
            rules.append(rule)
        except DatacheckError:
            raise
        except Exception as error:  # a rule's own crash is an outcome, never the end of the run
            outcomes[code.code] = Outcome(code.code, Status.FAILED, said(error))
    return rules, outcomes


def _needs(rules: list[Rule], data: Dataset, outcomes: dict[str, Outcome]) -> set[Need]:
    needs: set[Need] = set()
    for rule in rules:
        try:
            needs.update(rule.needs(data))
        except UsageError:
            raise  # what a person named for the rule is not there, or not what it should be
        except NotApplicable as reason:
            outcomes[rule.code] = Outcome(rule.code, Status.NOT_APPLICABLE, str(reason))
        except Exception as error:
            outcomes[rule.code] = Outcome(rule.code, Status.FAILED, said(error))
    return needs


def _transforms(codes: tuple[Code, ...], config: Config) -> tuple[list[Finding], list[str]] | None:
    """What NM004 judges by, if transforms are named and it is among the rules."""
    if config.transforms is None or all(c.code != "NM004" for c in codes):
        return None
    from datacheck.pipelines.images.load import loaded
    from datacheck.pipelines.transforms_audit import compare

    return compare(loaded(config.transforms))


def _scan(data: Dataset, needs: set[Need], config: Config, progress: Progress | None) -> Context:
    from datacheck.engines import local
    from datacheck.engines.plan import make_plan

    plan = make_plan(data, needs, sample=config.sample)
    scan = local.run(data, plan, threads=config.threads, memory=config.memory, progress=progress)
    return Context(
        data=data,
        rows=scan.rows,
        summaries=scan.summaries,
        problems=sorted([*data.problems, *scan.problems]),
        fetch=lambda addresses, columns: local.fetch(data, addresses, columns),
        severities=config.severities(),
    )


def _judge(rule: Rule, context: Context, outcomes: dict[str, Outcome]) -> list[Finding]:
    try:
        found = list(rule.judge(context))
    except NotApplicable as reason:
        outcomes[rule.code] = Outcome(rule.code, Status.NOT_APPLICABLE, str(reason))
        return []
    except UsageError:  # what the user gave does not fit the data
        raise
    except Exception as error:
        outcomes[rule.code] = Outcome(rule.code, Status.FAILED, said(error))
        return []
    outcomes[rule.code] = Outcome(rule.code, Status.FOUND if found else Status.CLEAN)
    severity: Severity | None = context.severities.get(rule.code)
    return [replace(f, severity=severity) for f in found] if severity else found


def judged(
    code: str, config: Config, judge: Callable[[BaseRule], Iterable[Finding]]
) -> tuple[list[Finding], Outcome]:
    """What ``judge`` finds with one rule, for what is not an audit of data, and what came of it.

    The rule has its options and severity of ``config``; a crash is an outcome, not the end.
    """
    try:
        found = list(judge(find(code).load()(**config.rule_options(code))))
    except DatacheckError:
        raise
    except NotApplicable as reason:
        return [], Outcome(code, Status.NOT_APPLICABLE, str(reason))
    except Exception as error:
        return [], Outcome(code, Status.FAILED, said(error))
    severity = config.severities().get(code)
    if severity:
        found = [replace(f, severity=severity) for f in found]
    return found, Outcome(code, Status.FOUND if found else Status.CLEAN)


def describe(data: Dataset, context: Context) -> dict[str, Any]:
    """The dataset as reports show it."""
    files = {
        name: sum(len(data.row_names.get(f, " ")) for f in {f.file for f in split.fragments})
        for name, split in data.splits.items()
    }
    if data.split_column:
        files = dict.fromkeys(files, sum(files.values()))
    return {
        "name": data.name,
        "splits": {
            name: {"rows": context.rows.get(name, 0), "files": files[name]} for name in data.splits
        },
        "columns": {
            c.name: {"kind": c.kind.value, "role": c.role.value, "assumed": c.assumed}
            for c in data.columns.values()
        },
        "task": data.task.value if data.task else None,
    }


def said(error: Exception) -> str:
    """A crash in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def versions() -> dict[str, str]:
    """Versions of what ran, by name."""
    import platform

    out = {"python": platform.python_version()}
    for name in ("datacheck-ml", "polars", "numpy"):
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            out[name] = "not installed"
    return out
