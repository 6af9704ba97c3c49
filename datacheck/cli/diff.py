"""``datacheck diff``: a new version of a dataset against the old one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from datacheck.cli.common import debug, role_options

EXAMPLES = """\b
Examples:
  datacheck diff data-v1/ data-v2/
  datacheck diff old.parquet new.parquet --id patient --format json
  datacheck diff data-v1/ data-v2/ --select SC,CB --fail-on warning

\b
Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 they could not be compared.
"""


@click.command("diff", epilog=EXAMPLES)
@click.argument("old")
@click.argument("new")
@role_options
@click.option(
    "--select", metavar="RULES", multiple=True, help="Codes, names or families (SC,NM003)."
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "never"]),
    help="The mildest severity that makes the exit code 1.  [default: error]",
)
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal")
@click.option("-o", "--output", metavar="FILE", help="Write the comparison there instead.")
@click.option(
    "--config", metavar="FILE", help="Settings, instead of a datacheck.toml that is found."
)
@click.option("--memory", metavar="SIZE", help="Budget, such as 512MB.  [default: 1GiB]")
@click.option(
    "--progress/--no-progress", default=True, help="A bar, if standard error is a terminal."
)
@click.option("--quiet", "-q", is_flag=True, help="A line for each split and finding.")
@debug
def command(
    old: str,
    new: str,
    form: str,
    output: str | None,
    config: str | None,
    progress: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Compare a new version of a dataset with the old one.

    Split by split: rows that stay, come and go (and, where ids tell rows apart, changed ones), and
    what the rules say of schema, classes, drift, scale and missing cells. The data is only read.
    """
    from contextlib import nullcontext

    from datacheck import options
    from datacheck.cli.output import wants_color, width, writable, write_file, write_stdout
    from datacheck.comparing import run_diff
    from datacheck.config import Config
    from datacheck.findings import Severity
    from datacheck.report import changes
    from datacheck.report.progress import bar

    settings = Config.load(config, new if Path(new).is_dir() else None).replace(**flags)
    options.check(settings)
    target = writable(Path(output)) if output else None
    with bar() if progress and not quiet else nullcontext() as shown:
        told = run_diff(old, new, settings, progress=shown)
    if form == "json":
        text = changes.to_json(told)
    elif target is not None:
        text = changes.render(told, quiet=quiet)
    else:
        text = changes.render(told, width=width(), color=wants_color(), quiet=quiet)
    if target is not None:
        write_file(target, text)
    else:
        write_stdout(text, utf8=form == "json")
    rank = -1 if settings.fail_on == "never" else Severity(settings.fail_on).rank
    click.get_current_context().exit(int(any(f.severity.rank <= rank for f in told.findings)))
