"""Tables of files that may be broken: what is wrong with one becomes a problem, not the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from datacheck.dataset import Problem
from datacheck.errors import SourceError
from datacheck.sources.table import Opened, Table


def tried(
    opened: Opened, split: str, file: str, make: Callable[[], Mapping[str, Table]]
) -> Mapping[str, Table]:
    """The tables of one file by split ('' for the one it is placed in); none where it is broken.

    What was assumed and what is wrong is noted in ``opened``.
    """
    try:
        found = make()
    except SourceError as error:
        opened.problems.append(Problem(split, file, -1, error.message))
        return {}
    except (
        OSError,
        MemoryError,
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
    ) as error:
        said = (
            getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        )
        opened.problems.append(Problem(split, file, -1, f"cannot be read: {said}"[:200]))
        return {}
    for told, table in found.items():
        for note in table.said:
            opened.notes.setdefault(note, []).append(file)
        for row, reason, warning in table.problems:
            opened.problems.append(Problem(told or split, file, row, reason, warning))
        if not table.peek.height:
            opened.problems.append(Problem(told or split, file, -1, "has columns but no rows"))
    return found
