"""What a drawn dataset costs: 100 of 200 × 8, beside pandera's own strategy for the same schema.

Each strategy draws ``--count`` examples of 200 rows × 8 columns in Hypothesis's phase of
generation, with nothing under test, and is timed in seconds of CPU (of all threads), the least of
``--repeats`` runs after one that is not counted. pandera's ``schema.strategy(size=200)`` (of
pandas: that of Polars has none) draws ``--pandera`` examples of the same schema in the same
process, once; its figure is told for as many as the others drew. The schema has no free text: with
a column of such, pandera's strategy drew no frame of 200 rows in the time that runs were given.
``--write FILE`` keeps the table.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandera.pandas as pp
import pandera.polars as pa
from hypothesis import HealthCheck, Phase, given, settings

from datacheck.testing.strategies import datasets, from_schema, like

ROWS, COLUMNS = 200, 8
TARGET_SECONDS, TARGET_RATIO = 1.0, 20.0
FLAGS: dict[str, Any] = {
    "database": None,
    "deadline": None,
    "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


def schemas() -> tuple[pp.DataFrameSchema, pa.DataFrameSchema]:
    """The same eight columns, for pandas and for Polars."""
    made = []
    for home in (pp, pa):
        check = home.Check
        columns = {
            "id": home.Column(int, check.ge(0), unique=True),
            "age": home.Column(int, check.in_range(18, 99)),
            "score": home.Column(float, check.in_range(0, 1)),
            "income": home.Column(float, check.gt(0), nullable=True),
            "country": home.Column(str, check.isin(["de", "fr", "it", "nl"])),
            "visits": home.Column(int, check.in_range(0, 20)),
            "active": home.Column(bool),
            "label": home.Column(int, check.isin([0, 1])),
        }
        made.append(home.DataFrameSchema(columns))
    return made[0], made[1]


def cost(strategy: Any, count: int, repeats: int) -> tuple[float, int]:
    """(seconds of CPU, examples drawn) of the best of some runs.

    The first is not counted, unless it is the only one.
    """
    drawn = 0

    @settings(max_examples=count, **FLAGS)
    @given(strategy)
    def draw(example: object) -> None:
        nonlocal drawn
        drawn += 1

    best, n = float("inf"), count
    for nth in range(repeats + (repeats > 1)):
        drawn, began = 0, time.process_time()
        draw()
        took = time.process_time() - began
        if (nth or repeats == 1) and took < best:
            best, n = took, drawn
    return best, n


def cases() -> dict[str, Callable[[], Any]]:
    """Ours, each 200 rows × 8 columns."""
    pandas, polars = schemas()
    train = ("train",)
    return {
        "`datasets`, of every kind": lambda: datasets(rows=ROWS, columns=COLUMNS, splits=train),
        "`datasets`, with missing cells, groups, times": lambda: datasets(
            rows=ROWS, columns=COLUMNS, splits=train, missing=0.3, group="apart", time="ordered"
        ),
        "`datasets`, 100 rows in each of two splits": lambda: datasets(
            rows=ROWS // 2, columns=COLUMNS
        ),
        "`from_schema`, Polars": lambda: from_schema(polars, rows=ROWS),
        "`from_schema`, pandas": lambda: from_schema(pandas, rows=ROWS),
        "`like`, a table of these columns": lambda: like(
            from_schema_once(polars), rows=ROWS, label="label"
        ),
    }


def from_schema_once(schema: pa.DataFrameSchema) -> Any:
    """One table of the schema, for others to be like."""
    from hypothesis import find

    return find(from_schema(schema, rows=1000), lambda _: True)


def main() -> int:
    """Print the table; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=100, help="datasets that each draws")
    parser.add_argument("--pandera", type=int, default=10, help="datasets that pandera draws")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", type=Path, help="also write the table to this file")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")  # pandera warns of slow strategies
    theirs, n = cost(schemas()[0].strategy(size=ROWS), chosen.pandera, 1)
    each = theirs / n
    rows = []
    missed = []
    for name, make in cases().items():
        took, drawn = cost(make(), chosen.count, chosen.repeats)
        seconds = took / drawn * chosen.count
        ratio = each * chosen.count / seconds
        rows.append(f"| {name} | {seconds:.2f} | {ratio:.0f} × |")
        print(rows[-1], flush=True)
        if seconds > TARGET_SECONDS or ("from_schema" in name and ratio < TARGET_RATIO):
            missed.append(name)
    how = (
        f"`python benchmarks/strategies.py --count {chosen.count} --pandera {chosen.pandera} "
        f"--repeats {chosen.repeats}`"
    )
    names = ("hypothesis", "pandera", "polars", "numpy")
    told = ", ".join(f"{name} {version(name)}" for name in names)
    machine = f"Python {platform.python_version()}, {told}, {os.cpu_count()} cores"
    verdict = f"Missed by: {', '.join(missed)}." if missed else "All of them meet it."
    body = "\n".join(rows)
    text = f"""# What drawing a dataset costs

{how} ({machine}). Seconds of CPU for {chosen.count} datasets of {ROWS} rows × {COLUMNS} columns,
beside `schema.strategy(size={ROWS})` of pandera for the schema that `from_schema` got ({n} drawn,
{each:.2f} s each).

| strategy | CPU seconds for {chosen.count} | pandera takes |
|---|---|---|
{body}
| pandera's `schema.strategy` | {each * chosen.count:.0f} | 1 × |

Target: at most {TARGET_SECONDS:g} s, and at least {TARGET_RATIO:g} × for the same schema. {verdict}
"""
    print(text)
    if chosen.write:
        chosen.write.write_text(text, encoding="utf-8")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
