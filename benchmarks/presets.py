"""The systems of the presets side by side: as they go wrong, with one thing mended, and tamed.

Each trains on its demonstration (recurrent networks over 1,000 steps; docstrings with junk among
them; digits as images and as tables; tumors), the same batches and initial weights for the forms of
a seed. The table has, over the seeds, how many runs stopped at a loss or gradient that is not
finite, and the medians of the figures of the others: loss in reference losses (1 is guessing),
score, volatility (LV) and jitter of the evaluation loss (VLJ), and the rules that spoke. The ratios
below it are paired by seed, with t intervals from six seeds on.

    python benchmarks/presets.py --seeds 3 --write benchmarks/presets.md

On two idle cores one seed takes some minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from telling import tell, writable, write  # type: ignore[import-not-found] # beside this script

from datacheck.training import presets
from datacheck.training.loop.conducting import Trained, train
from datacheck.training.presets import FormName
from datacheck.training.samples import demos
from datacheck.training.study.statistics import paired
from datacheck.training.tasks import prepare

FIGURES = ("LV", "VLJ")
NAMED = 4  # rules that a cell names


@dataclass(frozen=True)
class Side:
    """A way to train a preset: one of its forms, and what is changed in it."""

    preset: str
    form: FormName
    change: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""
    steps: int | None = None

    @property
    def told(self) -> str:
        """What is done."""
        return self.words or presets.PRESETS[self.preset].form(self.form).words


SHORT = 120  # steps of the decoder's pair: junk spikes from the first ones on
SIDES = {
    "thousand": Side("encoder-decoder", "pathological"),
    "thousand, clipped": Side(
        "encoder-decoder", "pathological",
        {"config": {"clip": "norm", "clip_at": 5.0}, "model": {"cell": "lstm",
         "init": "orthogonal", "gain": 1.0}},
        "the same as LSTM with orthogonal weights, clipped at 5", 20,
    ),
    "thousand, tamed": Side("encoder-decoder", "tamed"),
    "junk": Side("decoder", "pathological", words="junk sequences kept", steps=SHORT),
    "no junk": Side("decoder", "pathological", {"junk": False}, "the same without junk", SHORT),
    "decoder, tamed": Side("decoder", "tamed"),
    "images": Side("image-classifier", "pathological"),
    "images, shared": Side(
        "image-classifier", "pathological", {"prepared": True}, "the same with one transform"
    ),
    "images, tamed": Side("image-classifier", "tamed"),
    "table": Side("table", "pathological"),
    "table, prepared": Side(
        "table", "pathological", {"prepared": True}, "the same imputed and standardized from train"
    ),
    "table, tamed": Side("table", "tamed"),
    "averaging": Side("averaging", "pathological"),
    "averaging, tamed": Side("averaging", "tamed"),
}  # fmt: skip
PAIRS = (
    ("junk", "no junk", "LV"),
    ("images", "images, shared", "VLJ"),
    ("table", "table, prepared", "VLJ"),
    ("averaging", "averaging, tamed", "VLJ"),
)


def run(side: Side, data: Path, seed: int, folder: Path, most: int | None) -> Trained:
    """Train one side with one seed."""
    base = presets.PRESETS[side.preset].form(side.form)
    change = dict(side.change)
    config = replace(base.config, **change.pop("config", {}))
    steps = min(n for n in (side.steps, config.steps, most) if n is not None)
    looks = config.evaluate_every and min(config.evaluate_every, steps)
    warmup = min(config.warmup, steps // 2)
    config = replace(config, steps=steps, evaluate_every=looks, warmup=warmup)
    model = dict(base.model) | change.pop("model", {})
    form = replace(base, model=model, config=config, **change)
    prepared = prepare(data, preset=side.preset, form=form, seed=seed)
    return train(prepared, replace(config, seed=seed), folder)


def shown(side: Side, runs: list[Trained]) -> str:
    """A line of the table."""
    whole = [r for r in runs if r.stopped is None]
    stopped = [r.stopped.step for r in runs if r.stopped is not None]
    at = f", at step {', '.join(map(str, sorted(set(stopped))))}" if stopped else ""
    levels = [r.figures["loss"] / r.prepared.reference for r in whole]
    medians = [_median([r.figures.get(k) for r in whole]) for k in ("score", *FIGURES)]
    rules = Counter(f.rule for r in runs for f in {f.rule: f for f in r.report.findings}.values())
    said = ", ".join(f"{c} in {n}" for c, n in sorted(rules.items())[:NAMED]) or "none"
    return (
        f"| {side.preset} | {side.told} | {runs[0].config.steps} | {len(stopped)} of {len(runs)}"
        f"{at} | {' | '.join([_median(levels), *medians])} | {said} |"
    )


def _median(values: list[Any]) -> str:
    numbers = [v for v in values if v is not None and np.isfinite(v)]
    return f"{np.median(numbers):.3g}" if numbers else "–"


def main() -> None:
    """Train, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each side")
    parser.add_argument("--steps", type=int, help="at most so many steps a run, for a trial")
    parser.add_argument("--only", choices=presets.PRESETS, action="append", help="presets to run")
    writable(parser)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    began = time.perf_counter()
    sides = {k: s for k, s in SIDES.items() if not chosen.only or s.preset in chosen.only}
    tell("# The presets, as they go wrong and as they are tamed")
    tell()
    tell("| preset | what is done | steps | not finite | loss / reference | score | LV | VLJ "
         "| rules that spoke |")  # fmt: skip
    tell("|---|---|---|---|---|---|---|---|---|")
    figures: dict[str, list[Mapping[str, float]]] = {}
    with tempfile.TemporaryDirectory() as home:
        written: dict[str, Path] = {}
        for i, (name, side) in enumerate(sides.items()):
            if side.preset not in written:
                written[side.preset] = demos.write(side.preset, Path(home) / side.preset)
            runs = [
                run(side, written[side.preset], seed, Path(home) / f"{i}-{seed}", chosen.steps)
                for seed in range(chosen.seeds)
            ]
            figures[name] = [r.figures for r in runs]
            tell(shown(side, runs))
    tell()
    for raw, mended, key in PAIRS:
        if raw in figures:
            one, other = ([f.get(key, np.nan) for f in figures[n]] for n in (raw, mended))
            found = paired(one, other)
            within = f" [{found.low:.3g}, {found.high:.3g}]" if not found.refused else ""
            left = f", {found.left_out} left out" if found.left_out else ""
            tell(f"- {key}, {SIDES[raw].preset}, \"{SIDES[raw].told}\" over "
                 f"\"{SIDES[mended].told}\": {found.value:.3g} ×{within} "
                 f"({found.n} pairs{left}).")  # fmt: skip
    print(f"\n{time.perf_counter() - began:.0f} s", file=sys.stderr)
    write(chosen.write, markdown=True)


if __name__ == "__main__":
    main()
