"""From a spike back to its rows: what attribution names where data is to blame, and where not.

scikit-learn's digits (1,797 images of 64 numbers), a perceptron or a small network of
convolutions, and the project's own trainer. Planted: 1 % of the rows multiplied by ±1,000, or 2 %
of the labels changed to another class. Clean data at learning rates that are too high is the null.

Ranking: precision@k, the share of planted rows among the first k of the run's ranking by the loss
of rows, k being how many were planted. Causes: the share of runs with a verdict, with the rows it
names. Replay: of the worst kept step that spiked, what taking the suspects out says against taking
out as many others, and against a tenth of the learning rate over the steps before. Rules: the odds
ratio of what the audit of the same data had named.

Intervals: of means over seeds t intervals at 95 %, of shares Wilson's.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import torch
from telling import tell, writable, write  # type: ignore[import-not-found] # beside this script
from torch import nn

import datacheck
from datacheck.checks.stats import wilson
from datacheck.errors import NonFiniteError
from datacheck.pipelines.collate import Collate
from datacheck.pipelines.loader import Loader
from datacheck.pipelines.named_rows import rows_named
from datacheck.pipelines.storage.tables import MemoryTable
from datacheck.sources import open_source
from datacheck.training.attribution import Attribution, Cause, attribute
from datacheck.training.causes.replay_verdict import Replay
from datacheck.training.causes.replaying import replay
from datacheck.training.determinism import KeyedBatchSampler, init, reseed
from datacheck.training.loop.clipping import clip
from datacheck.training.monitor import StabilityMonitor
from datacheck.training.objectives import Classification
from datacheck.training.recording.snapshots import Snapshots
from datacheck.training.run import Run
from datacheck.training.train_config import TrainConfig
from datacheck.training.trainer import Trainer
from datacheck.types import Floats, Ints

BATCH = 32
NORMAL_95 = 1.96


# -- data, models and runs ----------------------------------------------------------------------


@dataclass(frozen=True)
class Planted:
    """Digits with a fault: features (rows, 64), labels, and which rows are bad."""

    x: Floats
    y: Ints
    bad: Ints


def digits(fault: str, seed: int) -> Planted:
    """Pixels from 0 to 1; ``fault`` is outliers, flips or clean."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x, y = x.astype(np.float64) / 16, y.astype(np.int64)
    rng = np.random.default_rng(seed)
    bad = np.zeros(0, dtype=np.int64)
    if fault == "outliers":
        bad = np.sort(rng.choice(y.size, round(0.01 * y.size), replace=False))
        x[bad] *= 1000 * rng.choice([-1.0, 1.0], (bad.size, 1))
    elif fault == "flips":
        bad = np.sort(rng.choice(y.size, round(0.02 * y.size), replace=False))
        y[bad] = (y[bad] + rng.integers(1, 10, bad.size)) % 10
    return Planted(x, y, bad)


class Convolutions(nn.Module):
    """Two layers of convolutions over images of 8 by 8, and a layer of classes."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Numbers of shape (batch, 64) to logits (batch, 10)."""
        out: torch.Tensor = self.layers(x.reshape(-1, 1, 8, 8))
        return out


def perceptron() -> nn.Module:
    """One hidden layer of 64."""
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def deep() -> nn.Module:
    """Three hidden layers of 64."""
    layers = [part for _ in range(3) for part in (nn.Linear(64, 64), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(64, 10))


MODELS = {"MLP": perceptron, "MLP of 3": deep, "CNN": Convolutions}


@dataclass(frozen=True)
class Setting:
    """One cell of a table."""

    fault: str
    model: str
    config: TrainConfig

    def __str__(self) -> str:
        c = self.config
        momentum = f" + momentum {c.momentum:g}" if c.momentum else ""
        clipped = f", clipped at {c.clip_at:g}" if c.clip else ""
        return f"{self.model}, {c.optimizer}{momentum} {c.lr:g}{clipped}, {c.epochs} epochs"


@dataclass
class Done:
    """A run, with what a replay needs."""

    data: Planted
    run: Run
    snapshots: Snapshots
    loader: Loader
    trainer: Trainer

    def batch(self, step: int) -> Any:
        """The batch of a step again."""
        table = self.loader.table
        collate: Any = self.loader.collate_fn
        return collate(table.__getitems__(self.run.rows(step)))


def train(setting: Setting, seed: int) -> Done:
    """Train once; rows are their own addresses."""
    data = digits(setting.fault, seed)
    table = MemoryTable({"x": data.x.astype(np.float32), "y": data.y})
    sampler = KeyedBatchSampler(np.arange(data.y.size), BATCH, seed, drop_last=True)
    collate = Collate(numbers=("x",), label="y", classes=tuple(map(float, range(10))))
    loader = Loader(table, sampler, collate_fn=collate)
    model = init(MODELS[setting.model](), seed)
    objective = Classification(inputs=lambda batch: (batch.x,))
    config = replace(setting.config, seed=seed, on_nonfinite="stop", device="cpu")
    kept: list[Snapshots] = []

    def monitor(model: nn.Module, optimizer: torch.optim.Optimizer) -> Snapshots:
        def seeded(step: int) -> None:
            reseed(seed, "step", step)

        watch = StabilityMonitor(model, optimizer, reference=math.log(10))
        kept.append(Snapshots(model, optimizer, monitor=watch, reseed=seeded))
        return kept[0]

    trainer = Trainer(model, objective, config, monitor)
    with suppress(NonFiniteError):  # the record ends there, and that is what is looked at
        trainer.fit(loader)
    return Done(data, kept[0].run, kept[0], loader, trainer)


def replayed(done: Done, found: Attribution) -> Replay | None:
    """The worst kept step again, without its named rows or else those with the most of the loss."""
    kept = [s for s in done.snapshots.steps if found.event(s) is not None]
    if not kept:
        return None
    step = max(kept, key=lambda s: done.snapshots.at(s).z)
    event = found.event(step)
    assert event is not None
    named = [s.row for s in event.suspects if s.named]
    much = [s.row for s in event.suspects if s.share > 3 * s.even]
    suspects = list(dict.fromkeys(named + much)) or [event.suspects[0].row]
    c = done.trainer.config

    def clipped(parameters: list[nn.Parameter]) -> object:
        return clip(parameters, c.clip, c.clip_at)

    t = done.trainer
    return replay(
        t.model, t.optimizer, t.objective, done.snapshots.at(step), done.batch,
        suspects[: BATCH // 2 - 1], clip=clipped if c.clip else None,
    )  # fmt: skip


# -- tables -------------------------------------------------------------------------------------


def mean_interval(values: Sequence[float]) -> str:
    """``0.95 [0.93, 0.97]``."""
    from scipy.special import stdtrit

    x = np.asarray(values)
    if x.size < 2:
        return f"{x.mean():.3f}"
    half = stdtrit(x.size - 1, 0.975) * x.std(ddof=1) / math.sqrt(x.size)
    return f"{x.mean():.3f} [{x.mean() - half:.3f}, {min(1, x.mean() + half):.3f}]"


def share(k: int, n: int) -> str:
    """``38 of 40 [83 %, 99 %]``."""
    low, high = wilson(k, n, NORMAL_95)
    return f"{k} of {n} [{low:.0%}, {high:.0%}]"


def found_rows(settings: Sequence[Setting], seeds: int) -> None:
    """Precision, verdicts and replays where data is to blame."""
    tell("| fault | run | precision@k | verdict data | named rows that are bad | bad rows named "
         "| spikes a run | replay says data |")  # fmt: skip
    tell("|---|---|---|---|---|---|---|---|")
    for setting in settings:
        precision, causes, right, recall, spikes = [], [], [0, 0], [], []
        says: Counter[str] = Counter()
        for seed in range(seeds):
            done = train(setting, seed)
            found = attribute(done.run)
            bad = done.data.bad
            first = found.ranking["row"][: bad.size].to_numpy()
            precision.append(float(np.isin(first, bad).mean()))
            causes.append(found.cause)
            spikes.append(len(found.events))
            hit = int(np.isin(found.rows, bad).sum())
            right = [right[0] + hit, right[1] + len(found.rows)]
            recall.append(hit / bad.size)
            again = replayed(done, found)
            if again is not None:
                says[again.culprit] += 1
        named = share(*right) if right[1] else "none named"
        replays = share(says["data"], says.total()) if says else "nothing spiked"
        tell(f"| {setting.fault} | {setting} | {mean_interval(precision)} "
             f"| {share(causes.count(Cause.DATA), seeds)} | {named} | {np.mean(recall):.2f} "
             f"| {np.mean(spikes):.1f} | {replays} |")  # fmt: skip


def null(settings: Sequence[Setting], seeds: int) -> None:
    """Verdicts on clean data at learning rates that are too high."""
    tell("| run | end loss | spikes a run | runs with spikes | rows or rules named | undecided "
         "| replay: optimizer / undecided / data |")  # fmt: skip
    tell("|---|---|---|---|---|---|---|")
    total: Counter[str] = Counter()
    says_all: Counter[str] = Counter()
    for setting in settings:
        causes: Counter[str] = Counter()
        says: Counter[str] = Counter()
        spikes, ends = [], []
        for seed in range(seeds):
            done = train(setting, seed)
            rng = np.random.default_rng(seed)
            # Rules that named innocent rows, as many as audits do.
            rules = {f"R{i}": np.sort(rng.choice(1797, n)) for i, n in enumerate((9, 18, 90, 540))}
            found = attribute(done.run, named=rules)
            causes[found.cause] += 1
            spikes.append(len(found.events))
            ends.append(float(np.mean(done.run.steps["loss"][-56:].to_numpy())))
            again = replayed(done, found)
            if again is not None:
                says[again.culprit] += 1
        total.update(causes)
        says_all.update(says)
        told = " / ".join(str(says[c]) for c in ("optimizer", "undecided", "data"))
        tell(f"| {setting} | {np.median(ends):.2f} | {np.mean(spikes):.1f} "
             f"| {sum(s > 0 for s in spikes)} of {seeds} | {share(causes['data'], seeds)} "
             f"| {causes['undecided']} | {told} |")  # fmt: skip
    n = total.total()
    tell("")
    tell(f"In {share(n - total['data'], n)} of these runs nothing was named; "
         f"\"no data cause\" was said in {share(total['no data cause'], n)}. "
         f"Replays: optimizer in {share(says_all['optimizer'], says_all.total())}, "
         f"data in {share(says_all['data'], says_all.total())}.")  # fmt: skip


def rules(setting: Setting, seeds: int) -> None:
    """Odds ratios of the rules that the audit of the data itself fires."""
    tell("| rule | rows it names | of them bad | runs where it is behind the spikes "
         "| odds ratio of the first run |")  # fmt: skip
    tell("|---|---|---|---|---|")
    behind: Counter[str] = Counter()
    seen: dict[str, tuple[int, int, str]] = {}
    for seed in range(seeds):
        done = train(setting, seed)
        frame = pl.DataFrame({f"p{i:02}": done.data.x[:, i] for i in range(64)})
        frame = frame.with_columns(label=pl.Series(done.data.y).cast(pl.String))
        splits = {"train": frame}
        report = datacheck.audit(splits, label="label")
        named = rows_named(open_source(splits), report)
        found = attribute(done.run, named=named)
        behind.update(found.rules)
        for a in found.associations:
            if a.subject in named and a.subject not in seen:
                rows = named[a.subject]
                bad = int(np.isin(rows, done.data.bad).sum())
                said = f"{a.odds.ratio:.3g} [{a.odds.low:.3g}, {a.odds.high:.3g}], q = {a.q:.1g}"
                seen[a.subject] = (rows.size, bad, said)
    for rule, (n, bad, said) in sorted(seen.items()):
        tell(f"| {rule} | {n} | {bad} | {share(behind[rule], seeds)} | {said} |")


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="runs of each setting")
    parser.add_argument("--null-seeds", type=int, default=25, help="the same of the null")
    writable(parser)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    began = time.perf_counter()
    adam = TrainConfig(optimizer="adam", lr=1e-3, epochs=10)
    quick = replace(adam, lr=3e-3, epochs=20)
    sgd = TrainConfig(optimizer="sgd", lr=0.05, momentum=0.9, clip="norm", epochs=10)
    tell("# From a spike back to its rows")
    tell()
    tell("## Where data is to blame")
    tell()
    found_rows(
        [
            Setting("outliers", "MLP", adam),
            Setting("outliers", "MLP", replace(adam, lr=1e-2)),
            Setting("outliers", "MLP", sgd),
            Setting("outliers", "CNN", adam),
            Setting("flips", "MLP", adam),
            Setting("flips", "MLP", quick),
            Setting("flips", "MLP", replace(sgd, epochs=20)),
            Setting("flips", "CNN", replace(adam, epochs=20)),
        ],
        chosen.seeds,
    )
    tell()
    tell("## The rules behind the spikes: outliers, MLP, adam")
    tell()
    rules(Setting("outliers", "MLP", adam), chosen.seeds)
    tell()
    tell("## Clean data at learning rates that are too high")
    tell()
    wild = TrainConfig(optimizer="sgd", lr=1.0, momentum=0.9, epochs=10)
    null(
        [
            Setting("clean", "MLP", replace(wild, lr=0.7)),
            Setting("clean", "MLP", wild),
            Setting("clean", "MLP", replace(wild, lr=300.0)),
            Setting("clean", "MLP", replace(wild, optimizer="adam", momentum=0.0, lr=0.3)),
            Setting("clean", "MLP of 3", replace(wild, lr=0.3)),
            Setting("clean", "MLP of 3", replace(wild, lr=0.5)),
            Setting("clean", "CNN", replace(wild, lr=0.3)),
            Setting("clean", "CNN", replace(wild, optimizer="adam", momentum=0.0, lr=0.03)),
        ],
        chosen.null_seeds,
    )
    tell()
    tell("## Clean data, learning rates that fit")
    tell()
    null([Setting("clean", "MLP", adam), Setting("clean", "CNN", adam)], chosen.null_seeds)
    print(f"\n{time.perf_counter() - began:.0f} s", file=sys.stderr)
    write(chosen.write, markdown=True)


if __name__ == "__main__":
    main()
