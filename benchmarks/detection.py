"""What the rules find: planted faults (recall) and clean re-splits of real data (false alarms).

Takes the datasets that ship with scikit-learn, those of ``fixtures/``, and more of real data where
``--data`` (``../shared/data``) holds it; splits them at random (stratified by the classes), and

* plants each fault of ``datacheck.testing.faults`` and of ``benchmarks/detecting`` at five
  severities, and counts how often the rule it belongs to says so;
* audits the untouched splits, and counts errors and warnings that are not true of the data.

    make bench-detection                            # all of it
    python benchmarks/detection.py --rules LK002,LB005 --bundled
    python benchmarks/detection.py --peers deepchecks evidently cleanlab --write docs

Everything follows from ``--seed``. A dataset and a family of rules are a piece of work, of which
the result is kept below ``--keep`` (default: build/detection): a run that was stopped goes on.
Remove that folder after a rule has changed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that this script's parts are found beside it

from benchmarks.detecting import (  # noqa: E402 - after the path is set
    cases,
    page,
    peers,
    tools,
)
from benchmarks.detecting.loading import available  # noqa: E402 - as above
from benchmarks.detecting.trials import CLEAN_ROWS, Piece, read, work  # noqa: E402 - as above
from datacheck.checks.codes import TABLE  # noqa: E402 - as above


def codes(given: str) -> list[str]:
    """The codes of a list with commas. Raises ArgumentTypeError for one that has no faults."""
    planted = {case.rule for case in cases.cases()}
    found = [code.strip() for code in given.split(",") if code.strip()]
    for code in found:
        if code not in planted:
            raise argparse.ArgumentTypeError(f"no fault is planted for {code!r}")
    return found


def pieces(chosen: argparse.Namespace) -> list[Piece]:
    """All work: clean re-splits, which take longest, come first."""
    names = available(Path() if chosen.bundled else chosen.data)
    names = [n for n in names if not chosen.only or n in chosen.only]
    planted = {case.rule for case in cases.cases()}
    rules = [c.code for c in TABLE if c.code in planted and c.code in (chosen.rules or planted)]
    each = [chosen.resplits // len(names) + (i < chosen.resplits % len(names))
            for i in range(len(names))]  # fmt: skip
    out = [
        Piece("clean", name, chosen.data, chosen.keep, chosen.seed, count)
        for name, count in zip(names, each, strict=True)
        if count
    ]
    if chosen.repeats:
        families = [tuple(group) for _, group in groupby(rules, lambda code: code[:2])]
        out += [
            Piece("recall", name, chosen.data, chosen.keep, chosen.seed, chosen.repeats, family)
            for family in families
            for name in names
        ]
    return out


def done(todo: list[Piece], workers: int) -> None:
    """Do all pieces that are not done yet, and say how far it is."""
    began = time.perf_counter()
    left = [p for p in todo if not p.file.exists()]
    print(f"{len(todo) - len(left)} of {len(todo)} pieces are there", file=sys.stderr)
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    with get_context("spawn").Pool(workers) as pool:
        for k, path in enumerate(pool.imap_unordered(work, left), 1):
            seconds = time.perf_counter() - began
            print(f"{k} of {len(left)}: {path.stem} ({seconds:.0f} s)", file=sys.stderr, flush=True)


def main() -> None:
    """Do what is left of the work, and print the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--resplits", type=int, default=400, help="clean re-splits in all")
    parser.add_argument("--repeats", type=int, default=1, help="splits per dataset and fault")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rules", type=codes, nargs="+", action="extend",
                        help="faults to plant, such as LK002,LB005")  # fmt: skip
    parser.add_argument("--only", nargs="+", help="datasets to take")
    parser.add_argument("--bundled", action="store_true", help="leave shared data out")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--keep", type=Path, default=ROOT / "build" / "detection")
    parser.add_argument("--peers", nargs="*", default=[], choices=[p.name for p in tools.PEERS],
                        help="other tools to give the same faults, in environments made for them")
    parser.add_argument("--venvs", type=Path, default=ROOT / "build" / "venvs",
                        help="where the environments of other tools are made")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", type=Path, help="a folder for detection.md and detection.json")
    chosen = parser.parse_args()
    chosen.rules = [code for given in chosen.rules or [] for code in given]
    if chosen.write and (chosen.rules or chosen.only):
        parser.error("--write is for all rules and all data")
    chosen.keep.mkdir(parents=True, exist_ok=True)
    todo = pieces(chosen)
    done(todo, chosen.workers)
    found = list(read(todo))
    trials = [t for piece, told in found if piece.what == "recall" for t in told["trials"]]
    clean = [told for piece, told in found if piece.what == "clean"]
    planted = [c for c in cases.cases() if not chosen.rules or c.rule in chosen.rules]
    left = {(reason, code, piece.name) for piece, told in found if piece.what == "recall"
            for reason, code in told["left"]}  # fmt: skip
    told = page.figures(trials, clean, planted, left)
    others = peers.compared(chosen.venvs, chosen.keep, chosen.data, chosen.seed, chosen.peers)
    how = (
        f"`python benchmarks/detection.py --resplits {chosen.resplits} --repeats {chosen.repeats} "
        f"--seed {chosen.seed}` (`make bench-detection`). Each dataset, at most 2,000 rows of it, "
        "is split at random, a quarter of the rows as test; "
        f"where re-splits are clean, at most {CLEAN_ROWS:,} rows of it."
    )
    text = page.page(told, how, page.beside(others, trials, clean, peers.DATASETS))
    print(text)
    if chosen.write:
        (chosen.write / "detection.md").write_text(text, encoding="utf-8")
        body = json.dumps(told, ensure_ascii=False, indent=1)
        (chosen.write / "detection.json").write_text(body + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
