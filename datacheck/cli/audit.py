"""``datacheck audit``: flags into a Config, a report out, and the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datacheck.cli.common import data_options, debug, source_of
from datacheck.errors import UsageError

if TYPE_CHECKING:
    from datacheck.baseline import Key
    from datacheck.config import Config
    from datacheck.findings import Finding, Report

EXAMPLES = """\b
Examples:
  datacheck audit dataset/
  datacheck audit data.csv --label income --split-column fold
  datacheck audit --train a.parquet --test b.parquet --format json > report.json
  datacheck audit dataset/ --select LK,LB --fail-on warning
  datacheck audit images.npz --transforms my_project.data:train,my_project.data:test
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
@click.option("--baseline", metavar="FILE", help="A report: what it has does not fail again.")
@click.option(
    "--write-baseline", metavar="FILE", help="Accept today's findings: write FILE, exit 0."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "json"]),
    default="terminal",
    show_default=True,
)
@click.option("-o", "--output", metavar="FILE", help="Write the report there instead.")
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

    known = load(baseline) if baseline else frozenset()
    settings = Config.load(config, path if path and Path(path).is_dir() else None).replace(**flags)
    options.check(settings)
    target = writable(Path(output)) if output else None
    accepted = writable(Path(write_baseline)) if write_baseline else None
    if target is not None and target == accepted:
        raise UsageError(
            f"--output and --write-baseline both name {output}", "a file for each of the two"
        )
    report = _run(source, settings, runs, progress=progress and not quiet)
    click.get_current_context().exit(
        _deliver(report, settings, known, form=form, target=target, accepted=accepted, quiet=quiet)
    )


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
    known: frozenset[Key],
    *,
    form: str,
    target: Path | None,
    accepted: Path | None,
    quiet: bool,
) -> int:
    """Write what was asked for; the exit code."""
    from datacheck.baseline import divide
    from datacheck.cli.output import write_file, write_stdout
    from datacheck.report import json_

    new, old = divide(report.findings, known)
    if accepted:
        write_file(accepted, json_.render(report, timing=False))
    text = json_.render(report) if form == "json" else _terminal(report, old, target, quiet)
    if target:
        write_file(target, text)
    else:
        write_stdout(text, utf8=form == "json")
    if form == "json" and old and not quiet:
        from datacheck.report.words import amount

        click.echo(f"{amount(len(old), 'known finding')} in the baseline", err=True)
    return 0 if accepted else _exit_code(new, settings.fail_on)


def _terminal(report: Report, old: list[Finding], target: Path | None, quiet: bool) -> str:
    from datacheck.cli.output import wants_color, width
    from datacheck.report import terminal

    color = target is None and wants_color()
    return terminal.render(
        report, width=80 if target else width(), color=color, quiet=quiet, known=old
    )


def _exit_code(findings: list[Finding], fail_on: str) -> int:
    if fail_on == "never":
        return 0
    from datacheck.findings import Severity

    limit = Severity(fail_on).rank
    return int(any(f.severity.rank <= limit for f in findings))
