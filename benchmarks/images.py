"""How fast a folder of pictures is audited, against CleanVision, and what of its defects is told.

Makes 4,000 synthetic photographs of 500 × 375 as JPEG (smooth random fields, shapes and sensor
noise, so that they compress as photographs do): 3 % of them copies of others (the same bytes,
encoded again, resized, mirrored), and 20 cut short. Then, each as a whole process on all cores,

* ``datacheck audit`` with every rule, and
* CleanVision with all of its checks, in an environment of its own that the script makes, and on the
  pictures that are whole only, where it ends at the first that is cut (which is tried first).

``--folder`` keeps the pictures for the next run, ``--venv`` the environment. CPU seconds are told
beside the time, which depends on what else the machine does. Both have compiled bytecode, as what
is installed has.

Copies are judged by pairs: two pictures that a program holds for one, against the pairs that were
planted. Recall is told for each kind of copy; precision counts every pair that was not planted as
false, also one that only follows from two others. The pairs of datacheck are those behind its
findings LB004 and LB005 (the rows that name a pair in a report are examples), read from its engine
after the timed runs; those of CleanVision are all within each of its sets.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from image_pairs import Pair, pairs_of, within  # type: ignore[import-not-found] # beside this
from PIL import Image, ImageDraw, ImageOps
from telling import tell, writable, write  # type: ignore[import-not-found] # beside this script

ROOT = Path(__file__).resolve().parent.parent
COUNT = 4_000
COPIED = 0.03
BROKEN = 20
SIZE = (500, 375)
KINDS = ("same bytes", "encoded again", "resized", "mirrored")
PLANTED = "planted.json"
PEER = """
import json, sys
from cleanvision import Imagelab
lab = Imagelab(data_path=sys.argv[1], verbose=False)
lab.find_issues(verbose=False)
summary = lab.issue_summary.set_index("issue_type")["num_images"].to_dict()
sets = [
    [[p.rsplit("/", 1)[-1] for p in one] for one in lab.info.get(kind, {}).get("sets", [])]
    for kind in ("exact_duplicates", "near_duplicates")
]
json.dump({"counts": {k: int(v) for k, v in summary.items()}, "sets": sets}, sys.stdout)
"""


def photograph(seed: int) -> Image.Image:
    """A random scene: fields of four scales, some ellipses, noise; RGB."""
    rng = np.random.default_rng(seed)
    scene = Image.new("RGB", SIZE, tuple(int(v) for v in rng.integers(60, 200, 3)))
    for cells, weight in ((3, 0.7), (9, 0.4), (30, 0.25), (90, 0.15)):
        small = rng.integers(0, 256, (cells, cells * 4 // 3, 3), dtype=np.uint8)
        layer = Image.fromarray(small).resize(SIZE, Image.Resampling.BICUBIC)
        scene = Image.blend(scene, layer, weight)
    draw = ImageDraw.Draw(scene)
    for _ in range(int(rng.integers(3, 9))):
        x, y = rng.uniform(0, SIZE[0]), rng.uniform(0, SIZE[1])
        a, b = rng.uniform(10, 90, 2)
        color = tuple(int(v) for v in rng.integers(0, 256, 3))
        draw.ellipse((x - a, y - b, x + a, y + b), fill=color)
    noise = rng.integers(-9, 10, (SIZE[1], SIZE[0], 3), dtype=np.int16)
    return Image.fromarray(np.clip(np.asarray(scene) + noise, 0, 255).astype(np.uint8))


def _write(job: tuple[Path, int]) -> None:
    path, seed = job
    photograph(seed).save(path, quality=int(86 + seed % 8))


def make(folder: Path, count: int) -> dict[str, Any]:
    """Write the pictures; what was planted: ``copies`` as [original, copy, kind], ``broken``."""
    folder.mkdir(parents=True)
    copies = round(count * COPIED)
    originals = count - copies
    jobs = [(folder / f"{i:05}.jpg", i) for i in range(originals)]
    with ProcessPoolExecutor() as pool:
        list(pool.map(_write, jobs, chunksize=32))
    rng = np.random.default_rng(0)
    chosen = rng.permutation(originals)
    pairs: list[tuple[str, str, str]] = []
    for i, source in enumerate(chosen[:copies]):
        original, kind = folder / f"{source:05}.jpg", KINDS[i % len(KINDS)]
        copy = folder / f"copy-{i:04}.jpg"
        copy.write_bytes(_copied(original.read_bytes(), kind, rng))
        pairs.append((original.name, copy.name, kind))
    broken = [f"{source:05}.jpg" for source in chosen[copies : copies + BROKEN]]
    for name in broken:
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: int(len(whole) * rng.uniform(0.2, 0.9))])
    planted = {"copies": pairs, "broken": sorted(broken)}
    (folder.parent / PLANTED).write_text(json.dumps(planted))
    return planted


def _copied(data: bytes, kind: str, rng: np.random.Generator) -> bytes:
    if kind == "same bytes":
        return data
    image = Image.open(io.BytesIO(data)).convert("RGB")
    if kind == "resized":
        scale = rng.uniform(0.4, 0.8)
        image = image.resize((int(SIZE[0] * scale), int(SIZE[1] * scale)))
    if kind == "mirrored":
        image = ImageOps.mirror(image)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=60 if kind == "encoded again" else 88)
    return out.getvalue()


# -- the two programs --------------------------------------------------------------------------


@dataclass
class Run:
    """Wall-clock and CPU seconds of a whole process, what it printed, its peak memory in MiB."""

    seconds: float
    cpu: float
    said: Any = None
    peak: int = 0
    told: int = 0
    broken: set[str] = field(default_factory=set)
    pairs: set[Pair] = field(default_factory=set)


def ours(folder: Path) -> Run:
    """The audit with every rule."""
    command = [sys.executable, "-m", "datacheck", "audit", str(folder), "--format", "json"]
    done, seconds, cpu = _timed([*command, "--fail-on", "never"], {"PYTHONPATH": str(ROOT)})
    report = json.loads(done)
    run = Run(seconds, cpu, report, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)
    for found in report["findings"]:
        if found["rule"] == "MV006" and found["severity"] == "error":
            run.broken.update(found["evidence"]["files"])
        if found["rule"] in ("LB004", "LB005"):
            run.told += found["count"]
    return run


def theirs(python: Path, folder: Path, broken: Sequence[str], scratch: Path) -> tuple[Run, str]:
    """CleanVision with its default checks, which are all of them, and what cut files do to it."""
    some = _linked(folder, [*broken, *sorted(p.name for p in folder.iterdir())[:50]], scratch / "a")
    tried = subprocess.run([str(python), "-c", PEER, str(some)], capture_output=True, text=True)
    told = "passes over cut files without a word"
    if tried.returncode:
        told = f"ends at a cut file ({tried.stderr.strip().splitlines()[-1]})"
        whole = [p.name for p in folder.iterdir() if p.name not in set(broken)]
        folder = _linked(folder, whole, scratch / "b")
    done, seconds, cpu = _timed([str(python), "-c", PEER, str(folder)], {})
    run = Run(seconds, cpu, json.loads(done[done.index("{") :]))
    run.pairs = within(one for kind in run.said["sets"] for one in kind)
    return run, told


def _linked(folder: Path, names: Sequence[str], target: Path) -> Path:
    target.mkdir()
    for name in dict.fromkeys(names):
        (target / name).symlink_to((folder / name).resolve())
    return target


def _timed(command: Sequence[str], env: dict[str, str]) -> tuple[str, float, float]:
    """What it printed, wall-clock seconds, CPU seconds of it and all of its own children."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**kept, **env})
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, took, cpu


def environment(folder: Path) -> Path:
    """A Python that has CleanVision, made if need be."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    has = subprocess.run([str(python), "-c", "import cleanvision"], capture_output=True)
    if has.returncode:
        subprocess.run([str(python), "-m", "pip", "install", "-q", "cleanvision"], check=True)
    return python


def version(python: Path) -> str:
    """CleanVision's."""
    code = "import importlib.metadata as m; print(m.version('cleanvision'))"
    return _timed([str(python), "-c", code], {})[0].strip()


# -- the table ---------------------------------------------------------------------------------


def table(count: int, planted: dict[str, Any], mine: Run, peer: Run | None, told: str) -> str:
    """What is printed."""
    copies = {kind: sum(k == kind for _, _, k in planted["copies"]) for kind in KINDS}
    broken = set(planted["broken"])
    size = " × ".join(map(str, SIZE))
    head = (
        f"{count:,} synthetic photographs of {size} as JPEG, {sum(copies.values())} copies "
        f"({', '.join(f'{n} {k}' for k, n in copies.items())}), {len(broken)} cut short; "
        f"whole processes, {os.cpu_count()} cores"
    )
    true = {min(within([one[:2]])): one[2] for one in planted["copies"]}
    rows = [
        (
            "", "seconds", "pictures/s", "CPU s", "cut files named", "others",
            *(f"recall: {k}" for k in KINDS), "all", "precision",
        )
    ]  # fmt: skip
    named = [("datacheck, every rule", mine)]
    tail = [f"peak memory of datacheck: {mine.peak:,} MiB"]
    if peer is not None:
        named.append(("CleanVision, every check", peer))
        tail.append(f"CleanVision {told}")
        tail.append(
            f"CleanVision takes {peer.seconds / mine.seconds:.1f} x the time, and "
            f"{peer.cpu / mine.cpu:.1f} x the CPU seconds"
        )
    for words, run in named:
        right = Counter(true[p] for p in run.pairs if p in true)
        hits = right.total()
        rows.append(
            (
                words, f"{run.seconds:.1f}", f"{count / run.seconds:,.0f}", f"{run.cpu:.1f}",
                f"{len(run.broken & broken)} of {len(broken)}", f"{len(run.broken - broken)}",
                *(f"{right[k]} of {copies[k]}" for k in KINDS), f"{hits} of {len(true)}",
                f"{hits} of {len(run.pairs)}",
            )
        )  # fmt: skip
        recall, precision = hits / max(len(true), 1), hits / max(len(run.pairs), 1)
        told = f"recall {recall:.3f}, precision {precision:.3f}"
        tail.append(f"{words.split(',')[0]} by pairs: {told}")
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([head, *(line.rstrip() for line in lines), *tail]) + "\n"


def main() -> None:
    """Make what is missing, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--folder", type=Path, help="where the pictures are, or shall be")
    parser.add_argument("--venv", type=Path, help="an environment with CleanVision, or for it")
    parser.add_argument("--alone", action="store_true", help="without CleanVision")
    writable(parser)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (args.folder or Path(scratch)) / "pictures"
        kept = folder.parent / PLANTED
        planted = json.loads(kept.read_text()) if kept.exists() else make(folder, args.count)
        count = len(list(folder.iterdir()))
        first = ours(folder)
        peer, told = None, ""
        if not args.alone:
            python = environment(args.venv or Path(scratch) / "venv")
            peer, does = theirs(python, folder, planted["broken"], Path(scratch))
            told = f"{version(python)} {does}"
        second = ours(folder)  # before and after, as the machine may be busy
        second.seconds = (first.seconds + second.seconds) / 2
        second.cpu = (first.cpu + second.cpu) / 2
        second.peak = max(first.peak, second.peak if args.alone else 0)
        second.pairs, behind = pairs_of(folder)
        if behind != second.told:
            sys.exit(f"{second.told} pictures in findings, {behind} behind the pairs")
        out = table(count, planted, second, peer, told)
    tell(out.rstrip())
    write(args.write, but=("--folder", "--venv"))


if __name__ == "__main__":
    main()
