"""What a benchmark prints, kept, so that ``--write FILE`` puts the same lines into a page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

LINES: list[str] = []


def tell(line: str = "") -> None:
    """Print a line at once, and keep it."""
    LINES.append(line)
    print(line, flush=True)


def writable(parser: argparse.ArgumentParser) -> None:
    """Give a script the option ``--write``."""
    parser.add_argument("--write", type=Path, help="write what is printed to a Markdown file too")


def write(
    path: Path | None, *, but: tuple[str, ...] = ("--folder",), markdown: bool = False
) -> None:
    """The page, with the command that made it; options that name a place of this machine apart.

    ``markdown`` says that the lines are Markdown themselves, with a heading first or without.
    """
    if path is None:
        return
    given = sys.argv[1:]
    for name in but:
        if name in given:
            at = given.index(name)
            del given[at : at + 2]
    command = " ".join([f"python benchmarks/{Path(sys.argv[0]).name}", *given])
    table = "\n".join(LINES).strip()
    if markdown:
        heading, _, rest = table.partition("\n") if table.startswith("# ") else ("", "", table)
        parts = [heading, f"Written by `{command}`.", rest.strip()]
        path.write_text("\n\n".join(p for p in parts if p) + "\n", encoding="utf-8")
        return
    path.write_text(f"Written by `{command}`.\n\n```text\n{table}\n```\n", encoding="utf-8")
