"""How long a repair takes, against copying the files with Polars (scan → sink) in the same run.

The dataset is that of ``audit_speed.py``: 5,000,000 rows x 30 columns of Parquet. Two plans: the
one that the audit makes (20 columns are imputed, 24 standardized: most of what is written is new),
and one that only takes rows out (rows of train that repeat, or that test has). Each runs as a
process of its own, in turn with the copy; medians, ratios and peak resident memory are printed. A
repair reads, fits, writes, and keeps the originals with checksums; the copy reads and writes.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from audit_speed import Run, run  # type: ignore[import-not-found] # beside this script
from audit_speed import write as dataset
from telling import tell, writable, write  # type: ignore[import-not-found] # as audit_speed

COPY = """
import pathlib, sys, polars as pl
source, target = map(pathlib.Path, sys.argv[1:])
target.mkdir()
for path in source.iterdir():
    pl.scan_parquet(path).sink_parquet(target / path.name)
"""
ROWS_OUT = """version = 1
[[step]]
repair = "drop-from-train"
[[step]]
repair = "drop-duplicates"
"""


def main() -> None:
    """Time the copy and both plans in turn."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the dataset is kept between runs")
    writable(parser)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        source = dataset(chosen.folder or place, chosen.rows, 30)
        own, rows = place / "own.toml", place / "rows.toml"
        run([sys.executable, "-m", "datacheck", "fix", str(source), "--write-plan", str(own)])
        rows.write_text(ROWS_OUT)
        out = place / "out"
        commands = {
            "copy with Polars": [sys.executable, "-c", COPY, str(source), str(out)],
            "the audit's plan": _fix(source, out, own),
            "rows out": _fix(source, out, rows),
        }
        runs: dict[str, list[Run]] = {name: [] for name in commands}
        for _ in range(chosen.repeats):
            for name, command in commands.items():
                runs[name].append(run(command)[0])
                shutil.rmtree(out)
    base = statistics.median(r.process for r in runs["copy with Polars"])
    tell(f"{chosen.rows:,} rows x 30 columns, medians of {chosen.repeats}")
    for name, those in runs.items():
        ratio = statistics.median(r.process for r in those) / base
        peak = max(r.peak for r in those) / 2**20
        tell(f"{name:<18} {ratio:6.2f} x the copy   peak {peak:,.0f} MiB")
    write(chosen.write)


def _fix(source: Path, out: Path, plan: Path) -> list[str]:
    verb = [sys.executable, "-m", "datacheck", "fix", str(source), "-o", str(out)]
    return [*verb, "--plan", str(plan), "--no-progress"]


if __name__ == "__main__":
    main()
