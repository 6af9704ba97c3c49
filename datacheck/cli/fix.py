"""``datacheck fix``: repair a dataset into a new folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from datacheck.cli.common import codes_of, data_options, debug, source_of

EXAMPLES = """\b
Examples:
  datacheck fix dataset/ -o clean/
  datacheck fix dataset/ --dry-run --unsafe
  datacheck fix dataset/ --write-plan plan.toml      # edit it, then:
  datacheck fix dataset/ -o clean/ --plan plan.toml
  datacheck undo clean/ -o restored/

\b
Exit codes: 0 done, 2 the repair could not run (nothing is written then).
"""


@click.command("fix", epilog=EXAMPLES)
@data_options
@click.option("-o", "--output", metavar="FOLDER", help="The new folder; must not be there yet.")
@click.option("--plan", metavar="FILE", help="Run this plan instead of one from an audit.")
@click.option("--write-plan", metavar="FILE", help="Write the plan to FILE and do nothing else.")
@click.option(
    "--unsafe", is_flag=True, help="Also run steps that change what a model is asked to learn."
)
@click.option(
    "--select", metavar="RULES", multiple=True, help="Only repairs of these (LK,MV001)."
)
@click.option("--dry-run", is_flag=True, help="Show the rows and values that would change.")
@click.option(
    "--config", metavar="FILE", help="Settings, instead of a datacheck.toml that is found."
)
@click.option("--memory", metavar="SIZE", help="Budget, such as 512MB.  [default: 1GiB]")
@click.option("--threads", metavar="N", type=int, help="Readers; 0 for one a core.  [default: 0]")
@click.option(
    "--progress/--no-progress", default=True, help="A bar, if standard error is a terminal."
)
@debug
def command(
    path: str | None,
    train: str | None,
    val: str | None,
    test: str | None,
    splits: tuple[str, ...],
    output: str | None,
    plan: str | None,
    write_plan: str | None,
    unsafe: bool,
    select: tuple[str, ...],
    dry_run: bool,
    config: str | None,
    progress: bool,
    **flags: Any,
) -> None:
    """Repair what an audit finds, into a new folder that `datacheck undo` can take back.

    PATH is a folder with train and test files, or one file. It is only read. Without --unsafe
    nothing is done that changes what a model is asked to learn.
    """
    from datacheck import options
    from datacheck.cli.output import wants_color, width, writable, write_file, write_stdout
    from datacheck.config import Config
    from datacheck.errors import UsageError

    select = codes_of(select)
    source = source_of(path, {"train": train, "val": val, "test": test}, splits, "fix")
    settings = Config.load(config, path if path and Path(path).is_dir() else None).replace(**flags)
    options.check(settings)
    if sum(map(bool, (output, write_plan, dry_run))) != 1:
        raise UsageError(
            "say what to do: one of --output, --dry-run and --write-plan",
            "datacheck fix dataset/ -o clean/, or --dry-run to see what would change",
        )
    if write_plan:
        target = writable(Path(write_plan))
        report = _watched(progress, "audit", source, settings)
        made = report.plan()
        if select:
            from datacheck.checks.codes import select as chosen

            made = made.select(c.code for c in chosen(select, ()))
        write_file(target, made.to_toml())
        click.echo(f"{len(made)} steps in {write_plan}; run them with --plan {write_plan}")
        return
    done = _watched(
        progress, "fix", source, settings, output=output, plan=plan, unsafe=unsafe,
        select=select, dry_run=dry_run,
    )  # fmt: skip
    from datacheck.report import fixed

    write_stdout(fixed.render(done, width=width(), color=wants_color()))


def _watched(progress: bool, verb: str, source: Any, settings: Any, **more: Any) -> Any:
    """Run the audit or the repair, with a bar where that is wanted."""

    def run(callback: Any) -> Any:
        if verb == "audit":
            from datacheck.auditing import run_audit

            return run_audit(source, settings, progress=callback)
        from datacheck.pipelines.fixing import run_fix

        output = more.pop("output")
        return run_fix(source, output, settings, progress=callback, **more)

    if not progress:
        return run(None)
    from datacheck.report.progress import bar

    with bar() as callback:
        return run(callback)
