"""``datacheck rules``: the table of all rules."""

from __future__ import annotations

import click

from datacheck.cli.common import debug


@click.command("rules", epilog="Example: datacheck rules --format json")
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "json"]),
    default="terminal",
    show_default=True,
)
@debug
def command(form: str) -> None:
    """List all rules: code, severity, name."""
    from datacheck.checks.codes import TABLE
    from datacheck.cli.output import write_stdout

    if form == "json":
        import json

        rows = [
            {"rule": c.code, "severity": c.severity.value, "name": c.name, "family": c.family}
            for c in TABLE
        ]
        write_stdout(json.dumps(rows, indent=2) + "\n", utf8=True)
        return
    write_stdout("".join(f"{c.code}  {c.severity.value:<7}  {c.name}\n" for c in TABLE))
