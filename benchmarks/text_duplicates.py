"""Near-duplicate texts: ``audit --select LK002`` against datasketch's MinHashLSH on the same file.

Writes train and test as CSV, texts of about 100 words drawn by Zipf's law; a tenth of test are rows
of train with up to six words changed, so that their Jaccard similarity (sets of 3-grams of words)
is 0.7 to 1. Each program is a process that reads the files, sketches every text and finds
what is near, datasketch with 128 permutations at a threshold of 0.8, train inserted and test
queried, each text's shingles given in one call. Besides the time on the clock stands the processor
time of all threads, which tells more where a machine is shared.

Recall and precision are those of the audit, against sets of Python's own: recall over the planted
rows of a true similarity of 0.8 or more, precision over all rows named. What datasketch returns is
not verified by it; its recall and precision are counted in the same way on what it returned.

``--peer-rows`` has datasketch see a quarter of so many rows, and then all of those; its time for
every row is then a straight line through the two, and the table says so. Without ``--peer`` the
script makes datasketch an environment of its own; ``--venv`` keeps that for the next run, and
``--folder`` the texts. A peak below that of the script itself, which holds the texts of test, is
told as the script's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from telling import tell, writable, write  # type: ignore[import-not-found] # beside this script

PEER = """
import csv, json, sys
from datasketch import MinHash, MinHashLSH
folder, most = sys.argv[1], int(sys.argv[2])
def texts(name, share):
    with open(f"{folder}/{name}.csv", newline="") as file:
        for k, row in enumerate(csv.DictReader(file)):
            if k >= most * share:
                return
            yield row["text"]
def hashed(text):
    words = text.split()
    out = MinHash(num_perm=128)
    out.update_batch([" ".join(words[k : k + 3]).encode() for k in range(len(words) - 2)])
    return out
index = MinHashLSH(threshold=0.8, num_perm=128)
seen = 0
with index.insertion_session() as session:
    for k, text in enumerate(texts("train", 0.8)):
        session.insert(k, hashed(text))
        seen += 1
found = []
for k, text in enumerate(texts("test", 0.2)):
    found.append(sorted(index.query(hashed(text))))
    seen += 1
json.dump({"rows": seen, "found": found}, open(sys.argv[3], "w"))
"""
WORDS = 30_000
PIECE = 50_000  # texts made at a time


@dataclass(frozen=True)
class Took:
    """Of one process: seconds on the clock, of all processors, and peak resident bytes."""

    wall: float
    cpu: float
    peak: int


# -- data --------------------------------------------------------------------------------------


def make(folder: Path, rows: int) -> None:
    """Train (four fifths) and test below ``data``, and in ``planted.json`` the text of train that
    each of some rows of test was made from.
    """
    rng = np.random.default_rng(rows)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(WORDS)])
    weights = 1 / np.arange(1, WORDS + 1) ** 0.9
    order = np.cumsum(weights / weights.sum())
    train = rows * 4 // 5
    kept: list[np.ndarray] = []
    for begin in range(0, train, PIECE):
        part = list(_texts(rng, order, min(PIECE, train - begin)))
        _append(folder / "data" / "train.csv", [" ".join(words[t]) for t in part], begin == 0)
        kept += [t for t in part if rng.random() < 0.05]
    sources = iter(kept)
    planted: list[list[str]] = []
    for begin in range(0, rows - train, PIECE):
        part = list(_texts(rng, order, min(PIECE, rows - train - begin)))
        for k in np.flatnonzero(rng.random(len(part)) < 0.1).tolist():
            origin = next(sources, None)
            if origin is None:
                break
            source, text = " ".join(words[origin]), origin.copy()
            for at in rng.integers(0, text.size, int(rng.integers(0, 7))).tolist():
                text[at] = rng.integers(WORDS)
            part[k] = text
            planted.append([str(begin + k), source])
        _append(folder / "data" / "test.csv", [" ".join(words[t]) for t in part], begin == 0)
    (folder / "planted.json").write_text(json.dumps(planted))


def _texts(rng: np.random.Generator, order: np.ndarray, n: int) -> Iterator[np.ndarray]:
    lengths = np.clip(rng.normal(100, 25, n), 30, 200).astype(np.int64)
    words = np.minimum(np.searchsorted(order, rng.random(int(lengths.sum()))), WORDS - 1)
    yield from np.split(words, np.cumsum(lengths)[:-1])


def _append(path: Path, texts: Sequence[str], first: bool) -> None:
    frame = pl.DataFrame({"text": texts, "label": np.arange(len(texts)) % 3})
    with path.open("wb" if first else "ab") as file:
        frame.write_csv(file, include_header=first)


# -- truth -------------------------------------------------------------------------------------


def grams(text: str) -> set[tuple[str, ...]]:
    """The 3-grams of words of a text."""
    words = text.split()
    return {tuple(words[k : k + 3]) for k in range(len(words) - 2)}


def jaccard(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    """What two sets have in common."""
    return len(one & other) / len(one | other)


def told(found: set[int], planted: dict[int, float]) -> str:
    """Recall at 0.8 and precision."""
    near = {k for k, j in planted.items() if j >= 0.8}
    recall = len(near & found) / max(len(near), 1)
    precision = len(near & found) / max(len(found), 1)
    return f"recall {recall:.4f}, precision {precision:.4f}"


# -- processes ---------------------------------------------------------------------------------


def run(command: Sequence[str]) -> Took:
    """Run a command to its end, with compiled bytecode, as what is installed has."""
    began = time.perf_counter()
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env
    )
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode not in (0, 1):
        raise SystemExit(f"{command[0]} ended with {process.returncode}: {said.strip()}")
    return Took(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def named(folder: Path) -> set[int]:
    """The rows of test that the audit's finding names, in a run of its own."""
    import datacheck
    from datacheck.config import Config
    from datacheck.dataset import FILE_SHIFT
    from datacheck.pipelines.named_rows import rows_named
    from datacheck.sources import open_source

    report = datacheck.audit(folder, config=Config(select=("LK002",), label="label"))
    data = open_source(folder)
    rows = rows_named(data, report).get("LK002", np.zeros(0, dtype=np.int64))
    test = next(i for i, name in enumerate(data.files) if name.endswith("test.csv"))
    lines = rows[(rows >> FILE_SHIFT) == test] & ((1 << FILE_SHIFT) - 1)
    return {int(line) - 2 for line in lines}  # lines count from 1, and the first is the heading


def environment(folder: Path) -> str:
    """A Python that has datasketch, installed there unless it is already."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "datasketch"]
        subprocess.run(command, check=True)
    return str(python)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000])
    parser.add_argument("--peer", help="a Python that has datasketch")
    parser.add_argument("--venv", type=Path, help="an environment with datasketch, or for it")
    parser.add_argument("--folder", type=Path, help="where the texts are kept")
    parser.add_argument("--peer-rows", type=int, default=0, help="rows datasketch sees; 0: all")
    writable(parser)
    given = parser.parse_args()
    tell(f"{'rows':>9} {'program':<28} {'wall':>9} {'processor':>9} {'rows/s':>8} {'peak':>9}")
    with tempfile.TemporaryDirectory() as scratch:
        peer = given.peer or environment(given.venv or Path(scratch) / "venv")
        for rows in given.rows:
            folder = (given.folder or Path(scratch)) / f"{rows}"
            compare(folder, rows, peer, min(given.peer_rows or rows, rows))
            if not given.folder:
                shutil.rmtree(folder)
    write(given.write, but=("--peer", "--venv", "--folder"))


def compare(folder: Path, rows: int, peer: str, most: int) -> None:
    """One size: both programs, and what they found."""
    data = folder / "data"
    planting = folder / "planted.json"
    if not planting.exists():
        data.mkdir(parents=True, exist_ok=True)
        make(folder, rows)
    sources = dict(json.loads(planting.read_text()))
    test = pl.read_csv(data / "test.csv")["text"]
    planted = {int(k): jaccard(grams(test[int(k)]), grams(s)) for k, s in sources.items()}
    exact = {k for k, j in planted.items() if test[k] == sources[str(k)]}
    mine = run([sys.executable, "-m", "datacheck", "audit", str(data), "--select", "LK002",
                "--label", "label", "--format", "json"])  # fmt: skip
    line(rows, "datacheck audit, LK002", mine)
    theirs, held = beside(folder, peer, rows, most)
    tell(
        f"{'':>9} texts/s, datacheck's ÷ datasketch's: {theirs.wall / mine.wall:.1f} by the clock, "
        f"{theirs.cpu / mine.cpu:.1f} by processor time"
    )
    own = {k: j for k, j in planted.items() if k not in exact}  # exact copies are LK001's
    tell(f"{'':>9} datacheck: {told(named(data), own)} of {len(own):,} planted rows")
    if most == rows:
        tell(f"{'':>9} datasketch: {told(held, planted)} of {len(planted):,}, unverified")


def beside(folder: Path, peer: str, rows: int, most: int) -> tuple[Took, set[int]]:
    """What datasketch takes for all rows, and the rows of test it found something for."""
    out, took = folder / "found.json", {}
    for n in (rows,) if most == rows else (most // 4, most):
        one = run([peer, "-c", PEER, str(folder / "data"), str(n), str(out)])
        seen = json.loads(out.read_text())
        line(seen["rows"], "datasketch", one)
        took[seen["rows"]] = one
    held = {k for k, f in enumerate(seen["found"]) if f}
    if most == rows:
        return one, held
    (few, first), (many, last) = took.items()
    further = (rows - many) / (many - few)
    wall = last.wall + (last.wall - first.wall) * further
    cpu = last.cpu + (last.cpu - first.cpu) * further
    every = Took(wall, cpu, 0)
    line(rows, "datasketch, extrapolated", every)
    return every, held


def line(rows: int, program: str, took: Took) -> None:
    """One line of the table."""
    peak = f"{took.peak / 2**20:,.0f} MiB" if took.peak else "-"
    tell(
        f"{rows:>9,} {program:<28} {took.wall:>7.1f} s {took.cpu:>7.1f} s "
        f"{rows / took.wall:>8,.0f} {peak:>9}"
    )


if __name__ == "__main__":
    main()
