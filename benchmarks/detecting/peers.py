"""The same faults given to other tools, each in an environment of its own, made here.

What is asked of them, and how they answer, is told in ``tools.py`` and ``drivers/``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.detecting.cases import MIDDLE, Planted, Spot, cases, enough
from benchmarks.detecting.data import Data, split
from benchmarks.detecting.loading import load
from benchmarks.detecting.tools import PEERS, Peer
from benchmarks.detecting.trials import ASIDE, seeded

DATASETS = ("iris", "wine", "breast_cancer", "diabetes")
DRIVERS = Path(__file__).parent / "drivers"
RESPLITS = 5  # of each dataset, to see what a tool says of clean data
SECONDS = 3_600


def made(peer: Peer, venvs: Path) -> str:
    """Make the environment of a tool; what went wrong, or nothing."""
    home = venvs / peer.name
    python = home / "bin" / "python"
    if (home / "made").exists():
        return ""
    commands: list[list[str]] = [
        [sys.executable, "-m", "venv", str(home)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         *peer.install],
    ]  # fmt: skip
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = [x for x in done.stderr.splitlines() if "error" in x.lower()]
            return f"does not install: {(lines or ['?'])[-1][:200]}"
    (home / "made").write_text(" ".join(peer.install), encoding="utf-8")
    return ""


def written(folder: Path, data_folder: Path, peer: Peer, seed: int) -> list[dict[str, Any]]:
    """All cases of a tool as CSV, and the table of them."""
    out: list[dict[str, Any]] = []
    checks = sorted({c for some in peer.checks.values() for c in some})
    for name in DATASETS:
        data = load(name, data_folder)
        for i in range(RESPLITS):
            pair = split(data, seed + ASIDE + i)
            out.append(_case(folder, f"clean-{name}-{i}", data, pair, checks))
        train, test = split(data, seed)
        spot = Spot(data, train, test, folder)
        out.append(_case(folder, f"before-{name}", data, (train, test), checks))
        for case in cases():
            if case.rule in peer.checks and enough(case, data) and case.base is None:
                rng = seeded(seed, name, 0, case.name, MIDDLE)
                planted = case.plant(spot, MIDDLE, rng)
                mine = list(peer.checks[case.rule])
                if not _flat(planted):
                    continue
                pair, given = (planted.source["train"], planted.source["test"]), planted.settings
                out.append(_case(folder, f"fault-{name}-{case.name}", data, pair, mine, given))
                if given:
                    pair = _before(spot, next(iter(given)), next(iter(given.values())))
                    out.append(_case(folder, f"before-{name}-{case.name}", data, pair, mine, given))
    (folder / "cases.jsonl").write_text("".join(json.dumps(c) + "\n" for c in out))
    return out


def _flat(planted: Planted) -> bool:
    """Whether CSV files can hold it."""
    kinds = (pl.List, pl.Array, pl.Binary)
    return isinstance(planted.source, dict) and not any(
        isinstance(t, kinds) or t == pl.Binary for f in planted.source.values() for t in f.dtypes
    )


def _before(spot: Spot, role: str, column: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The split without the fault, with a column of that role that has nothing wrong."""
    out = []
    for k, frame in enumerate((spot.train, spot.test)):
        n = np.arange(frame.height) + k * 1_000_000
        seconds = pl.Series((n + 1_700_000_000) * 1_000_000).cast(pl.Datetime("us"))
        values = pl.Series([f"p{v}" for v in n]) if role == "group" else seconds
        out.append(frame.with_columns(values.alias(column)))
    return out[0], out[1]


def _case(
    folder: Path,
    name: str,
    data: Data,
    pair: tuple[pl.DataFrame, pl.DataFrame],
    checks: list[str],
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    files = {k: f"{name}-{k}.csv" for k in ("train", "test")}
    for k, frame in zip(files, pair, strict=True):
        frame.write_csv(folder / files[k])
    given = dict(settings or {})
    return {"id": name, **files, "label": data.label, "classes": data.classes,
            "group": given.get("group"), "time": given.get("time"), "checks": checks}  # fmt: skip


def run(peer: Peer, venvs: Path, keep: Path, data_folder: Path, seed: int) -> dict[str, Any]:
    """What a tool says of all cases; kept in ``keep``, so that it is asked once."""
    answer = keep / f"peer-{peer.name}-{seed}.json"
    if answer.exists():
        told: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return told
    if problem := made(peer, venvs):
        return {"problem": problem}
    folder = keep / f"cases-{peer.name}"
    folder.mkdir(parents=True, exist_ok=True)
    asked = written(folder, data_folder, peer, seed)
    python = venvs / peer.name / "bin" / "python"
    command = [str(python), "-W", "ignore", str(DRIVERS / f"of_{peer.name}.py"), str(folder)]
    quiet = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=SECONDS, env=quiet)  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"problem": f"did not end within {SECONDS:,} s"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        return {"problem": f"does not run here: {last[:200]}"}
    lines = (folder / "said.jsonl").read_text(encoding="utf-8").splitlines()
    version = subprocess.run(
        [str(python), "-c",
         f"from importlib.metadata import version; print(version('{peer.name}'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    told = {"version": version, "said": [json.loads(x) for x in lines],
            "ids": [c["id"] for c in asked]}  # fmt: skip
    answer.write_text(json.dumps(told), encoding="utf-8")
    return told


def counted(peer: Peer, told: Mapping[str, Any]) -> dict[str, Any]:
    """Hits and trials by fault, and clean re-splits about which any of the checks speaks."""
    said = {s["id"]: s for s in told["said"]}
    faults: dict[str, list[int]] = {}
    errors: dict[str, str] = {}
    for case in cases():
        for name in DATASETS:
            one = said.get(f"fault-{name}-{case.name}")
            if case.rule not in peer.hits or one is None:
                continue
            errors |= {f"{check} ({case.rule})": text for check, text in one["errors"].items()}
            before = said.get(f"before-{name}-{case.name}", said[f"before-{name}"])
            new = {tuple(s) for s in one["said"]} - {tuple(s) for s in before["said"]}
            hit = any(check in peer.hits[case.rule] for check, _ in new)
            row = faults.setdefault(f"{case.rule} {case.name}", [0, 0])
            row[0] += hit
            row[1] += 1
    clean = [s for key, s in said.items() if key.startswith("clean-")]
    mapped = {m for some in peer.hits.values() for m in some}
    spoke = sum(any(check in mapped for check, _ in s["said"]) for s in clean)
    return {"name": peer.name, "version": told["version"], "note": peer.note, "faults": faults,
            "clean": [spoke, len(clean)], "errors": errors,
            "nearest": {c: list(m) for c, m in peer.hits.items()}}  # fmt: skip


def compared(
    venvs: Path, keep: Path, data_folder: Path, seed: int, names: Iterable[str]
) -> list[dict[str, Any]]:
    """All tools, those that do not run with the reason."""
    out = []
    for peer in PEERS:
        if peer.name in names:
            print(f"{peer.name} …", file=sys.stderr, flush=True)
            told = run(peer, venvs, keep, data_folder, seed)
            problem = told.get("problem")
            out.append({"name": peer.name, "problem": problem} if problem else counted(peer, told))
    return out
