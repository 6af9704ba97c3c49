"""The command: its verbs, and what a person sees when something goes wrong.

Exit codes: 0 nothing to fail on, 1 findings at or above ``--fail-on``, 2 the audit could not run,
130 interrupted. Only click is imported before a verb is known.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from datacheck.errors import DatacheckError

VERBS = {
    "audit": "Say what in a dataset will make training unstable or its score a lie.",
    "schema": "Infer a schema from train, to hold every split to.",
    "diff": "Compare a new version of a dataset with the old one.",
    "fix": "Repair what an audit finds, into a new folder.",
    "undo": "Give back the original files of a repaired folder.",
    "study": "Train with and without each repair, and say what each did.",
    "train": "Train a model that fits a dataset, and say how calm the training was.",
    "rules": "List all rules.",
    "rule": "Print the page of one rule.",
    "repairs": "List all repairs.",
}
DEBUG = "datacheck.debug"  # in click's context: whether to show tracebacks


class Verbs(click.Group):
    """Verbs that are imported when they are asked for, and errors of one line with a hint."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb, imported now."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"datacheck.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of verbs, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; errors become a line, a hint and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of Polars is no Exception, but as much a fault
            code = explain(error, traceback=bool(ctx.meta.get(DEBUG)))
        return ctx.exit(code)

    def main(  # type: ignore[override] # one signature instead of click's overloads
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> Any:
        """Run and leave, with the exit code of this page."""
        extra["standalone_mode"] = False
        try:
            code = super().main(args, prog_name or "datacheck", **extra)
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else "datacheck"
            complain(error.format_message(), f"`{path} --help` shows what there is")
            code = 2
        except click.ClickException as error:
            complain(error.format_message())
            code = 2
        except click.Abort:
            click.echo("interrupted", err=True)
            code = 130
        sys.exit(code if isinstance(code, int) else 0)


def explain(error: BaseException, *, traceback: bool = False) -> int:
    """Tell a person what went wrong; the exit code."""
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has gone. Nothing more may be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    if traceback:
        from traceback import print_exception

        print_exception(error)
    if isinstance(error, DatacheckError):
        complain(error.message, error.hint)
        return 2
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    complain(told, "a fault of datacheck itself; the same with `--debug` at the end shows where")
    return 2


def complain(message: str, hint: str = "") -> None:
    """``error: …`` and ``hint: …`` on standard error, harmless for a terminal."""
    from datacheck.findings import plain

    click.echo(f"error: {plain(message)}", err=True)
    if hint:
        click.echo(f"hint: {plain(hint)}", err=True)


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: datacheck audit dataset/ --label income",
)
@click.version_option(package_name="datacheck-ml", prog_name="datacheck")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Find what in a dataset makes training unstable or its score a lie."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)


def main() -> None:
    """Entry point of the ``datacheck`` command."""
    cli.main()
