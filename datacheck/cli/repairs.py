"""``datacheck repairs``: the table of repairs, in the order they run in."""

from __future__ import annotations

import click

from datacheck.cli.common import debug


@click.command("repairs", epilog="Example: datacheck repairs")
@debug
def command() -> None:
    """List all repairs in the order they run in, with their parameters and defaults."""
    from datacheck.pipelines.repairs import TABLE

    wide = max(len(kind.name) for kind in TABLE)
    for kind in TABLE:
        given = ", ".join(f"{n} = {_shown(v)}" for n, v in kind.parameters)
        click.echo(f"{kind.name:<{wide}}  {kind.safety:<6}  {kind.acts:<6}  {kind.does}")
        if given:
            click.echo(f"{'':<{wide}}  {given}")


def _shown(value: object) -> str:
    if value is None:
        return "(to be given)"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
