"""Options that verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from datacheck.cli.app import DEBUG

F = TypeVar("F", bound=Callable[..., Any])


def _set(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta[DEBUG] = value


def debug(function: F) -> F:
    """``--debug``: errors come with their traceback."""
    return click.option(
        "--debug",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_set,
        help="Show the traceback of an error.",
    )(function)
