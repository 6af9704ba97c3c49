"""How long a full audit takes, against DuckDB's ``SUMMARIZE`` on the same files in the same run.

Writes 5,000,000 rows x 30 columns of Parquet once (20 floats with NaNs, 4 integers, 4 categories,
time, label; 10 % of the rows are test), then runs both in turn, each as a process of its own, and
prints medians, their ratio and the peak resident memory of each. ``--linear`` shows how the cost
grows with rows and with columns, ``--startup`` what a small audit and ``--help`` cost beside the
import of the libraries that any such tool needs. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import psutil

ROWS = 5_000_000
TEST_SHARE = 0.1
PIECE = 500_000  # rows made at a time, so that making the files takes little memory
LEVELS = (3, 10, 50, 500)
INTEGERS = (10, 100, 1_000, 100_000)
DUCKDB = """
import sys, time, duckdb
duckdb.sql("SET enable_progress_bar = false")
began = time.perf_counter()
duckdb.sql(f"SUMMARIZE SELECT * FROM read_parquet('{sys.argv[1]}/*.parquet')").fetchall()
print(time.perf_counter() - began)
"""


@dataclass(frozen=True)
class Run:
    """One process: seconds from start to end, seconds by its own clock, peak resident bytes."""

    process: float
    inside: float
    peak: int


# -- data --------------------------------------------------------------------------------------


def piece(rows: int, floats: int, since: int, rng: np.random.Generator) -> pl.DataFrame:
    """Rows of the benchmark: ``floats`` columns of floats with 1 % NaN, and the ten others."""
    data: dict[str, pl.Series] = {}
    for i in range(floats):
        values = rng.normal(size=rows) * 10.0 ** (i % 4) + i
        values[rng.random(rows) < 0.01] = np.nan
        data[f"f{i}"] = pl.Series(values)
    for i, high in enumerate(INTEGERS):
        data[f"i{i}"] = pl.Series(rng.integers(0, high, rows))
    for i, k in enumerate(LEVELS):
        names = np.array([f"cat{j}" for j in range(k)])
        data[f"c{i}"] = pl.Series(names[rng.integers(0, k, rows)])
    seconds = np.sort(rng.integers(0, 20 * rows, rows)) + since
    data["time"] = pl.Series(seconds * 1_000_000).cast(pl.Datetime("us"))
    data["label"] = pl.Series((rng.random(rows) < 0.3).astype(np.int64))
    return pl.DataFrame(data)


def write(folder: Path, rows: int, columns: int) -> Path:
    """The dataset of that size in a folder of its own, made once."""
    target = folder / f"{rows}x{columns}"
    if target.exists():
        return target
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    aside = folder / f".{rows}x{columns}.{os.getpid()}"
    aside.mkdir(parents=True)
    since = 1_500_000_000
    test = max(round(rows * TEST_SHARE), 1)
    size = max(1, min(PIECE, PIECE * 30 // columns))
    for split, total in (("train", rows - test), ("test", test)):
        writer = None
        for begin in range(0, total, size):
            part = piece(min(size, total - begin), columns - 10, since, rng)
            since += 20 * part.height
            table = part.to_arrow(compat_level=pl.CompatLevel.oldest())
            writer = writer or pq.ParquetWriter(aside / f"{split}.parquet", table.schema)
            writer.write_table(table)
        if writer:
            writer.close()
    aside.rename(target)
    return target


# -- running -----------------------------------------------------------------------------------


def run(command: Sequence[str]) -> tuple[Run, str]:
    """Run a command to its end, sampling its resident memory every 5 ms."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        watched = psutil.Process(process.pid)
        while not done.wait(0.005):
            try:
                peak = max(peak, watched.memory_info().rss)
            except psutil.Error:
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    out, err = process.communicate()
    took = time.perf_counter() - began
    done.set()
    watcher.join()
    if process.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {err.strip()}")
    return Run(took, float("nan"), peak), out


def audit(folder: Path, *flags: str) -> Run:
    """A full audit as a user runs it; the time inside is the report's own."""
    done, out = run([*DATACHECK, "audit", str(folder), "--format", "json", *flags])
    return Run(done.process, float(json.loads(out)["timing"]["total"]), done.peak)


def summarize(folder: Path) -> Run:
    """DuckDB's SUMMARIZE of the same files; the time inside is that of the query."""
    done, out = run([sys.executable, "-c", DUCKDB, str(folder)])
    return Run(done.process, float(out), done.peak)


DATACHECK = (sys.executable, "-m", "datacheck")


def median(runs: Sequence[Run], name: str) -> float:
    """The median of one figure."""
    return float(statistics.median(getattr(r, name) for r in runs))


# -- tables ------------------------------------------------------------------------------------


def versus(folder: Path, runs: int) -> None:
    """The headline: audit and SUMMARIZE in turn."""
    for path in sorted(folder.glob("*.parquet")):
        path.read_bytes()  # both then read from the page cache
    audits, peers = [], []
    for _ in range(runs):
        audits.append(audit(folder))
        peers.append(summarize(folder))
    print(f"\n{folder.name}, medians of {runs} alternating runs\n")
    print("| | process | inside | peak memory |\n|---|---|---|---|")
    for name, all_runs in (("datacheck audit, all rules", audits), ("DuckDB SUMMARIZE", peers)):
        peak = max(r.peak for r in all_runs) / 2**20
        print(
            f"| {name} | {median(all_runs, 'process'):.2f} s | {median(all_runs, 'inside'):.2f} s "
            f"| {peak:,.0f} MiB |"
        )
    ratios = [median(audits, n) / median(peers, n) for n in ("process", "inside")]
    print(f"| **ratio** | **{ratios[0]:.3f}** | **{ratios[1]:.3f}** | |")


def linear(folder: Path, runs: int) -> None:
    """Cost by rows at 30 columns, and by columns at 20,000 rows."""
    sizes = [(n, 30) for n in (1_000_000, 2_000_000, 4_000_000)]
    sizes += [(20_000, c) for c in (30, 300, 3_000)]
    print("\nCost by rows at 30 columns, and by columns at 20,000 rows\n")
    print("| rows | columns | inside | ns per cell | peak memory |\n|---|---|---|---|---|")
    for rows, columns in sizes:
        data = write(folder, rows, columns)
        done = [audit(data) for _ in range(runs)]
        took = median(done, "inside")
        print(
            f"| {rows:,} | {columns:,} | {took:.2f} s | {took / rows / columns * 1e9:.1f} "
            f"| {max(r.peak for r in done) / 2**20:,.0f} MiB |"
        )


def startup(runs: int = 7) -> None:
    """What a small audit and ``--help`` cost, beside the imports of any such tool."""
    with tempfile.TemporaryDirectory() as scratch:
        piece(1_000, 10, 0, np.random.default_rng(0)).write_csv(Path(scratch) / "data.csv")
        pairs = (
            ("datacheck --help", ("--help",), "import polars"),
            (
                "datacheck audit, CSV of 1,000 rows",
                ("audit", str(Path(scratch) / "data.csv")),
                "import polars, scipy.stats",
            ),
        )
        print(f"\nMedians of {runs} alternating runs\n")
        print("| command | time | beside | time | ratio |\n|---|---|---|---|---|")
        for name, arguments, imports in pairs:
            ours, theirs = [], []
            for _ in range(runs + 1):
                ours.append(run([*DATACHECK, *arguments])[0])
                theirs.append(run([sys.executable, "-c", imports])[0])
            a, b = median(ours[1:], "process"), median(theirs[1:], "process")  # the first warms up
            print(f"| {name} | {a:.3f} s | `{imports}` | {b:.3f} s | **{a / b:.2f}** |")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--dir", type=Path, default=Path("build/bench"), help="where data is kept")
    parser.add_argument("--runs", type=int, default=3, help="runs of each that medians are of")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of the headline")
    parser.add_argument("--linear", action="store_true", help="also cost by rows and by columns")
    parser.add_argument("--startup", action="store_true", help="also cost of starting")
    parser.add_argument("--only", action="store_true", help="leave the headline out")
    chosen = parser.parse_args()
    if not chosen.only:
        versus(write(chosen.dir, chosen.rows, 30), chosen.runs)
    if chosen.linear:
        linear(chosen.dir, chosen.runs)
    if chosen.startup:
        startup()


if __name__ == "__main__":
    main()
