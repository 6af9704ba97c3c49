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


_DATA = (
    click.argument("path", required=False),
    click.option("--train", metavar="PATH", help="The train split."),
    click.option("--val", metavar="PATH", help="The validation split."),
    click.option("--test", metavar="PATH", help="The test split."),
    click.option(
        "--split", "splits", metavar="NAME=PATH", multiple=True, help="A split of any name."
    ),
)
_ROLES = (
    click.option("--label", metavar="COLUMN", help="What a model is to predict."),
    click.option("--group", metavar="COLUMN", help="The entity that a row belongs to."),
    click.option("--time", metavar="COLUMN", help="When a row was observed."),
    click.option(
        "--id", metavar="COLUMN", multiple=True, help="Only numbers the rows. Repeatable."
    ),
    click.option("--split-column", metavar="COLUMN", help="Tells the split of each row."),
    click.option("--ignore-column", metavar="COLUMN", multiple=True, help="Not seen. Repeatable."),
    click.option("--task", type=click.Choice(["classification", "regression"])),
    click.option("--delimiter", metavar="CHAR", help="Of delimited text; `tab` is understood."),
    click.option("--encoding", metavar="NAME", help="Of text files."),
    click.option(
        "--text-layout",
        type=click.Choice(["auto", "lines", "files", "classes", "parallel", "conll", "table"]),
        help="How text without columns is laid out.  [default: auto]",
    ),
    click.option(
        "--tokenizer", metavar="FILE", help="A tokenizer.json, for the lengths of texts in tokens."
    ),
    click.option(
        "--length-unit",
        type=click.Choice(["words", "characters", "tokens"]),
        help="Of texts.  [default: words, tokens with --tokenizer]",
    ),
    click.option(
        "--follow-links", is_flag=True, default=None,
        help="Read files that are links out of the dataset's folder.",
    ),
    click.option(
        "--header/--no-header", default=None, help="Whether the first line names the columns."
    ),
)


def data_options(function: F) -> F:
    """What names a dataset, its splits and its roles, for every verb that reads one."""
    for option in reversed((*_DATA, *_ROLES)):
        function = option(function)
    return function


def role_options(function: F) -> F:
    """What says how a dataset is to be read, for a verb that names its datasets itself."""
    for option in reversed(_ROLES):
        function = option(function)
    return function


def codes_of(given: tuple[str, ...]) -> tuple[str, ...]:
    """Codes of an option that is repeatable and takes lists: ``LK,MV001``."""
    return tuple(c.strip() for one in given for c in one.split(",") if c.strip())


def source_of(
    path: str | None, named: dict[str, str | None], splits: tuple[str, ...], verb: str
) -> str | dict[str, str]:
    """The path, or a path for each split. Raises UsageError unless it is one of the two."""
    from datacheck.errors import UsageError

    given = {name: value for name, value in named.items() if value is not None}
    for item in splits:
        name, equals, value = item.partition("=")
        if not (equals and name and value):
            raise UsageError(f"--split {item!r} is not NAME=PATH", "such as --split holdout=h.csv")
        if name in given:
            raise UsageError(f"split {name!r} is given twice", "one path for each split")
        given[name] = value
    if path is None and not given:
        hint = f"name a folder or a file: datacheck {verb} dataset/"
        raise UsageError(f"nothing to {verb}", hint)
    if path is None:
        return given
    if given:
        raise UsageError(
            f"{path} is given, and the split {next(iter(given))} beside it",
            "either a folder or a file, or a path for each split",
        )
    return path
