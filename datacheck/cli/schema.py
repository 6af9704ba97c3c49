"""``datacheck schema``: a pandera schema of what train holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from datacheck.cli.common import data_options, debug, source_of

EXAMPLES = """\b
Examples:
  datacheck schema dataset/ -o schema.yaml
  datacheck schema dataset/ --margin 0.5 | less
  datacheck audit dataset/ --schema schema.yaml
"""


@click.command("schema", epilog=EXAMPLES)
@data_options
@click.option("-o", "--output", metavar="FILE", help="Write the schema there instead.")
@click.option(
    "--margin",
    type=float,
    default=0.1,
    show_default=True,
    help="How far beyond train's range a number may lie, as a share of the range.",
)
@click.option(
    "--config", metavar="FILE", help="Settings, instead of a datacheck.toml that is found."
)
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
    margin: float,
    config: str | None,
    progress: bool,
    **flags: Any,
) -> None:
    """Infer a schema from train, to hold every split to.

    Types, ranges, categories, missing cells, unique ids and lengths of text, as a YAML file that
    pandera reads. Look through it: what train holds by accident is in it too.
    """
    from contextlib import nullcontext

    from datacheck.cli.output import writable, write_file, write_stdout
    from datacheck.config import Config
    from datacheck.contract import infer_schema
    from datacheck.report.progress import bar

    source = source_of(path, {"train": train, "val": val, "test": test}, splits, "schema")
    settings = Config.load(config, path if path and Path(path).is_dir() else None).replace(**flags)
    target = writable(Path(output)) if output else None
    with bar() if progress else nullcontext() as shown:
        _, text = infer_schema(source, settings, margin=margin, progress=shown)
    if target is None:
        write_stdout(text, utf8=True)
        return
    write_file(target, text)
    click.echo(f"{output} written; datacheck audit {path or '…'} --schema {output}", err=True)
