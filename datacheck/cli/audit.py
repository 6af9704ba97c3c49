"""``datacheck audit``: flags into a Config, a report out, and the exit code."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datacheck.cli.common import data_options, debug, source_of
from datacheck.errors import UsageError

if TYPE_CHECKING:
    from datacheck.baseline import Known
    from datacheck.config import Config
    from datacheck.findings import Finding, Report
    from datacheck.report.where import Where

EXAMPLES = """\b
Examples:
  datacheck audit dataset/
  datacheck audit data.csv --label income --split-column fold
  datacheck audit --train a.parquet --test b.parquet --format json > report.json
  datacheck audit dataset/ --select LK,LB --fail-on warning
  datacheck audit dataset/ --format github --report datacheck.sarif --report datacheck.xml
  datacheck audit images.npz --transforms my_project.data:train,my_project.data:test
  datacheck audit dataset/ --schema schema.yaml
  datacheck audit dataset/ --report report.html    # pictures, to open in a browser
  datacheck audit --run run.jsonl
  datacheck audit dataset/ --run run.jsonl --select ST --fail-on warning

\b
Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 the audit could not run.
"""


@click.command("audit", epilog=EXAMPLES)
@data_options
@click.option(
    "--select", metavar="RULES", multiple=True, help="Codes, names or families (LK,MV001)."
)
@click.option("--ignore", metavar="RULES", multiple=True, help="Rules to leave out, likewise.")
@click.option(
    "--transforms",
    metavar="NAMES",
    help="Image transforms to compare, as module:train,module:test or SPLIT=module:object,…; "
    "imports those modules, from the current folder first.",
)
@click.option(
    "--pred-probs",
    metavar="FILE",
    multiple=True,
    help="Class probabilities of your own model for LB002, as FILE or SPLIT=FILE: .npz, .npy, "
    ".csv or .parquet. Repeatable.",
)
@click.option(
    "--schema",
    metavar="NAME",
    help="A pandera schema that every row must keep to: a YAML file (`datacheck schema` writes "
    "one), or module:Model, which imports that module, from the current folder first.",
)
@click.option(
    "--run",
    "runs",
    metavar="FILE",
    multiple=True,
    help="A training run that a monitor recorded, judged by the rules ST. Repeatable; with PATH, "
    "its rows are named.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "never"]),
    help="The mildest severity that makes the exit code 1.  [default: error]",
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever is found.")
@click.option("--baseline", metavar="FILE", help="A report: what it has does not fail again.")
@click.option(
    "--write-baseline", metavar="FILE", help="Accept today's findings: write FILE, exit 0."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "json", "sarif", "junit", "github", "markdown", "html"]),
    default="terminal",
    show_default=True,
)
@click.option("-o", "--output", metavar="FILE", help="Write the report there instead.")
@click.option(
    "--report",
    "reports",
    metavar="FILE",
    multiple=True,
    help="Write a further report, its form by the suffix: .json, .sarif, .xml (JUnit), .md, .html, "
    ".txt. "
    "Repeatable.",
)
@click.option(
    "--config", metavar="FILE", help="Settings, instead of a datacheck.toml that is found."
)
@click.option("--memory", metavar="SIZE", help="Budget, such as 512MB.  [default: 1GiB]")
@click.option("--threads", metavar="N", type=int, help="Readers; 0 for one a core.  [default: 0]")
@click.option(
    "--progress/--no-progress", default=True, help="A bar, if standard error is a terminal."
)
@click.option("--quiet", "-q", is_flag=True, help="One line a finding, and nothing else.")
@debug
def command(
    path: str | None,
    train: str | None,
    val: str | None,
    test: str | None,
    splits: tuple[str, ...],
    runs: tuple[str, ...],
    baseline: str | None,
    write_baseline: str | None,
    form: str,
    output: str | None,
    reports: tuple[str, ...],
    exit_zero: bool,
    config: str | None,
    progress: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Say what in a dataset will make training unstable or its score a lie.

    PATH is a folder with train and test files, or one file. The data is only read. With --run it
    can be left out.
    """
    named = {"train": train, "val": val, "test": test}
    bare = path is None and not splits and not any(named.values())
    source = None if runs and bare else source_of(path, named, splits, "audit")
    from datacheck import options
    from datacheck.baseline import load
    from datacheck.cli.output import writable
    from datacheck.config import Config
    from datacheck.report.formats import form_of
    from datacheck.report.where import Where

    known = load(baseline) if baseline else {}
    settings = Config.load(config, path if path and Path(path).is_dir() else None).replace(**flags)
    options.check(settings)
    target = writable(Path(output)) if output else None
    accepted = writable(Path(write_baseline)) if write_baseline else None
    further = [(form_of(name), writable(Path(name))) for name in reports]
    _all_different(output, write_baseline, *reports)
    report = _run(source, settings, runs, progress=progress and not quiet)
    code = _deliver(
        report,
        settings,
        known,
        where=Where.of(source),
        form=form,
        target=target,
        further=further,
        accepted=accepted,
        quiet=quiet,
    )
    click.get_current_context().exit(0 if exit_zero else code)


def _all_different(*names: str | None) -> None:
    seen: dict[str, str] = {}
    for name in filter(None, names):
        real = os.path.realpath(name)
        if real in seen:
            raise UsageError(f"{name} is named for two things to write", "a file for each of them")
        seen[real] = name


def _run(
    source: str | dict[str, str] | None, settings: Config, runs: tuple[str, ...], *, progress: bool
) -> Report:
    def audit(data: Any) -> Report:
        return _audit(data, settings, progress=progress)

    if not runs:
        return audit(source)
    from datacheck.cli.runs import judge_runs

    return judge_runs(runs, source, settings, audit)


def _audit(source: Any, settings: Config, *, progress: bool) -> Report:
    from datacheck.auditing import run_audit

    if not progress:
        return run_audit(source, settings)
    from datacheck.report.progress import bar

    with bar() as callback:
        return run_audit(source, settings, progress=callback)


def _deliver(
    report: Report,
    settings: Config,
    known: Known,
    *,
    where: Where,
    form: str,
    target: Path | None,
    further: list[tuple[str, Path]],
    accepted: Path | None,
    quiet: bool,
) -> int:
    """Write what was asked for; the exit code."""
    from datacheck.baseline import divide
    from datacheck.cli.output import wants_color, width, write_file, write_stdout
    from datacheck.report import json_
    from datacheck.report.formats import FORMS, Rendering

    new, old = divide(report.findings, known)
    plain = Rendering(where, old, settings.fail_on, quiet=quiet)
    if accepted:
        write_file(accepted, json_.render(report, timing=False, profile=False))
    for kind, path in further:
        write_file(path, FORMS[kind](report, plain))
    if target:
        write_file(target, FORMS[form](report, plain))
    else:
        shown = replace(plain, width=width(), color=wants_color())
        write_stdout(FORMS[form](report, shown), utf8=form != "terminal")
    if form == "github":
        from datacheck.report.github import summarize

        summarize(report, old)
    if form == "json" and old and not quiet:
        from datacheck.report.words import amount

        click.echo(f"{amount(len(old), 'known finding')} in the baseline", err=True)
    return 0 if accepted else _exit_code(new, settings.fail_on)


def _exit_code(findings: list[Finding], fail_on: str) -> int:
    if fail_on == "never":
        return 0
    from datacheck.findings import Severity

    limit = Severity(fail_on).rank
    return int(any(f.severity.rank <= limit for f in findings))
