"""``datacheck rule CODE``: the page of one rule."""

from __future__ import annotations

import click

from datacheck.cli.common import debug


@click.command("rule", epilog="Example: datacheck rule LK001")
@click.argument("code")
@debug
def command(code: str) -> None:
    """Print the page of one rule, by code or name: what it finds, why, how, and its options."""
    from datacheck.checks.codes import find
    from datacheck.cli.output import write_stdout
    from datacheck.errors import UsageError

    line = find(code)
    try:
        page = line.page()
    except ModuleNotFoundError:
        page = ""
    if not page:
        raise UsageError(f"{line.code} has no page", "this is a fault of datacheck itself")
    write_stdout(f"{line.code} · {line.severity.value}\n\n{page}\n")
