"""Commands of a page, run in this process: another would take seconds to import the same again."""

from __future__ import annotations

from collections.abc import Sequence

from click.testing import CliRunner, Result

from datacheck.cli.app import cli


def ran(arguments: Sequence[str], *codes: int, columns: int | None = None) -> Result:
    """What ``datacheck ARGUMENTS`` says; it ends with 0, or with one of ``codes``."""
    env = {"COLUMNS": None if columns is None else str(columns), "FORCE_COLOR": None}
    done = CliRunner(env=env).invoke(cli, list(arguments), prog_name="datacheck")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code in (codes or (0,)), done.output
    return done
