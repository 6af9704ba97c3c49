"""``datacheck undo``: the original files out of a repaired folder."""

from __future__ import annotations

import click

from datacheck.cli.common import debug

EXAMPLES = """\b
Example:
  datacheck undo clean/ -o restored/

\b
Exit codes: 0 done, 2 the folder is none of `datacheck fix`, or has been damaged since.
"""


@click.command("undo", epilog=EXAMPLES)
@click.argument("folder")
@click.option("-o", "--output", metavar="FOLDER", required=True, help="The new folder.")
@debug
def command(folder: str, output: str) -> None:
    """Give back the original files of a repaired folder.

    Each file is checked byte for byte against its checksum from before the repair.

    FOLDER is what `datacheck fix` wrote; it is only read.
    """
    from datacheck.findings import names, plain
    from datacheck.pipelines.undoing import undo

    files = undo(folder, output)
    amount = "1 file" if len(files) == 1 else f"{len(files)} files"
    click.echo(plain(f"{amount} in {output}, byte for byte as before the repair: {names(files)}"))
