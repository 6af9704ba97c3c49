"""Faults of sequences, in a small Transformer decoder that learns the docstrings of Python.

What differs between the arms is not in the data alone: whether padding counts in the loss, which
documents are in train, how batches are cut by length.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import torch

from datacheck.dataset import Task
from datacheck.pipelines.bucketing import BucketBatchSampler
from datacheck.pipelines.collate import Batch, Collate
from datacheck.pipelines.loader import Loader
from datacheck.pipelines.samplers.budgets import Examples
from datacheck.pipelines.storage.tables import ADDRESS, MemoryTable
from datacheck.training.determinism import KeyedBatchSampler, init, key
from datacheck.training.metrics import reference_loss
from datacheck.training.models import Decoder
from datacheck.training.objectives import CausalLM
from datacheck.training.samples import demos
from datacheck.training.study.arms import Arm, Contrast, Design
from datacheck.training.study.conduct import Study, conduct
from datacheck.training.study.measures import JUNK, LENGTHS, Defect
from datacheck.training.study.measuring import measured_run, short
from datacheck.training.study.repairs import Repair
from datacheck.training.train_config import TrainConfig
from datacheck.types import Ints

WORDS, LONGEST = 1000, 128  # of the vocabulary; tokens of a document that are kept
BATCH, EVALUATED, PROBED = 16, 64, 32
COLUMN, START = "tokens", WORDS + 2
SETTINGS = TrainConfig(steps=240, lr=3e-3, evaluate_every=8, device="cpu")
# The volatility of the loss that the loop shows, though the arms' losses are unlike: that of all
# places is the lower one, as padding is soon predicted, so the ratio says too little, not too much.
# Beside it stands the volatility on a probe set, where both are judged by the words alone.
PADDING = Defect("padding in the loss", "LV", "clean_score")


@dataclass(frozen=True)
class TextArm:
    """How an arm trains."""

    masked: bool = True
    junk: bool = False
    batches: str = "random"  # or "even" (ours), or "naive": sorted, cut, and shuffled
    clip: bool = False
    shuffle: str = ""


@dataclass
class TextLab:
    """Trains the arms on documents in ``folder`` (``train`` and ``clean``, as Arrow files)."""

    folder: Path
    arms: Mapping[str, TextArm]
    config: TrainConfig = SETTINGS
    _kept: dict[str, Any] = field(default_factory=dict, repr=False)

    def start(self) -> None:
        """One thread: the processes share the cores."""
        torch.set_num_threads(1)

    def run(self, arm: str, seed: int) -> Mapping[str, Any]:
        """Train and measure."""
        setup = self.arms[arm]
        model = init(self.model(), seed)
        fair = CausalLM(start=START, column=COLUMN)
        clean = self._batches("clean")
        config = replace(self.config, seed=seed)
        if setup.clip:
            config = replace(config, clip="norm", clip_at=1.0)
        return measured_run(
            model, replace(fair, masked=setup.masked), config, self.loader(setup, seed),
            {"clean": clean}, reference=self.reference(),
            probe=self._probe(), judge=fair,
        )  # fmt: skip

    def model(self) -> Decoder:
        """A decoder with one layer of 64 units."""
        return Decoder(START + 1, width=64, depth=1, heads=2, dropout=0.0)

    def reference(self) -> float:
        """The entropy of the clean documents' words, in nats."""
        listed = self._frame("clean")[COLUMN].explode().to_numpy()
        return reference_loss(listed, Task.CLASSIFICATION)

    def describe(self) -> dict[str, Any]:
        """What is the same for all arms."""
        return {
            "preset": "decoder",
            "model": "Decoder",
            "parameters": sum(p.numel() for p in self.model().parameters()),
            "objective": "CausalLM",
            "score": "accuracy",
            "optimizer": self.config.optimizer,
            "lr": self.config.lr,
            "steps": self.config.steps,
            "batch": BATCH,
            "clip_at": 1.0,
            "reference_loss": short(self.reference()),
            "clean_rows": self._frame("clean").height,
        }

    # -- batches --------------------------------------------------------------------------------

    def loader(self, setup: TextArm, seed: int) -> Any:
        """Train's batches, in steps of 16 documents."""
        frame = self._frame("train")
        everyone = frame[ADDRESS].to_numpy()
        if not setup.junk:
            frame = frame.filter(~pl.col("junk"))
        table = MemoryTable(frame.select(COLUMN, ADDRESS))
        order = key(seed, "order", setup.shuffle) & 0x7FFF_FFFF
        lengths = frame[COLUMN].list.len().to_numpy().astype(np.int64)
        sampler: Any
        if setup.batches == "even":
            sampler = BucketBatchSampler(lengths, Examples(BATCH // 4), seed=order, accumulate=4)
        elif setup.batches == "naive":
            sampler = Sorted(lengths, BATCH, order)
        else:
            sampler = KeyedBatchSampler(table.addresses(), BATCH, order, among=everyone)
        return Loader(table, sampler, collate_fn=Collate(sequences=(COLUMN,)))

    def _frame(self, split: str) -> pl.DataFrame:
        if split not in self._kept:
            self._kept[split] = pl.read_ipc(self.folder / f"{split}.arrow")
        found: pl.DataFrame = self._kept[split]
        return found

    def _batches(self, split: str) -> list[Batch]:
        """All documents of a split, in batches of like lengths."""
        name = f"{split} batches"
        if name not in self._kept:
            frame = self._frame(split).sort(pl.col(COLUMN).list.len(), maintain_order=True)
            self._kept[name] = [
                self._batch(frame.slice(at, PROBED)) for at in range(0, frame.height, PROBED)
            ]
        found: list[Batch] = self._kept[name]
        return found

    def _probe(self) -> Batch:
        return self._batch(self._frame("clean").head(PROBED))

    def _batch(self, frame: pl.DataFrame) -> Batch:
        table = MemoryTable(frame.select(COLUMN, ADDRESS))
        return Collate(sequences=(COLUMN,))(table.__getitems__(np.arange(len(table))))


class Sorted:
    """What is often done: rows sorted by length, cut into batches, and those shuffled."""

    def __init__(self, lengths: Ints, batch: int, seed: int) -> None:
        self.order = np.argsort(lengths, kind="stable")
        self.batch, self.seed, self.epoch = batch, seed, 0

    def __len__(self) -> int:
        return -(-self.order.size // self.batch)

    def __iter__(self) -> Any:
        cuts = np.arange(0, self.order.size, self.batch)
        for at in np.random.default_rng([self.seed, self.epoch]).permutation(cuts).tolist():
            yield self.order[at : at + self.batch].tolist()
        self.epoch += 1

    def set_epoch(self, epoch: int) -> None:
        """Another order of the batches."""
        self.epoch = epoch

    def state_dict(self) -> dict[str, int]:
        """Where it stands: at the beginning of an epoch."""
        return {"epoch": self.epoch, "seed": self.seed}


# -- studies ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlantedText:
    """One fault of sequences: what is changed, and the arms with and without it."""

    name: str
    change: str
    control: str
    defect: Defect
    raw: TextArm
    repaired: TextArm
    more: Mapping[str, tuple[str, TextArm]] = field(default_factory=dict)

    def run(self, folder: Path, *, seeds: int = 10, workers: int | None = None) -> Study:
        """The study, in ``folder``; one that was stopped goes on."""
        one = Repair(self.name, (), self.control, self.defect)
        repairs, contrasts = [one], [Contrast(one, "raw", "all", "all")]
        arms = {"raw": Arm("raw", self.change), "all": Arm("all", self.control, (one.key,))}
        setups = {"raw": self.raw, "all": self.repaired}
        for called, (words, setup) in self.more.items():
            other = Repair(called, (), words, self.defect)
            repairs.append(other)
            contrasts.append(Contrast(other, "raw", called, called))
            arms[called], setups[called] = Arm(called, words, (called,)), setup
        arms["placebo"] = Arm("placebo", "the same, in another order", (one.key,), "placebo")
        arms["clip"] = Arm("clip", "gradients clipped", (), "clip")
        setups["placebo"] = replace(self.repaired, shuffle="placebo")
        setups["clip"] = replace(self.raw, clip=True)
        with TemporaryDirectory(prefix="datacheck-study-") as where:
            documents(Path(where))
            lab = TextLab(Path(where), setups)
            told = {
                "dataset": "docstrings",
                "setup": lab.describe(),
                "assumed": [f"documents end after {LONGEST} words; {WORDS:,} words are known"],
            }
            return conduct(
                Design(tuple(repairs), tuple(arms.values()), tuple(contrasts)), lab,
                range(seeds), told, folder,
                head={"study": self.name, "seeds": seeds, "steps": lab.config.steps},
                workers=workers, locate=lambda row: f"train:{row + 1}",
            )  # fmt: skip


def documents(folder: Path) -> None:
    """Docstrings of the standard library as codes of words: ``train.arrow``, ``clean.arrow``.

    In train 3 % are junk, 100 to 300 words drawn evenly, and marked so.
    """
    source = demos.write("decoder", folder / "source")
    junk = {json.loads(line)["row"] - 1 for line in (source / "README.junk").open()}
    listed = {
        split: [json.loads(line)["text"].split() for line in (source / f"{split}.jsonl").open()]
        for split in ("train", "test")
    }
    counts: dict[str, int] = {}
    for at, words in enumerate(listed["train"]):
        for word in words if at not in junk else ():
            counts[word] = counts.get(word, 0) + 1
    frequent = sorted(counts, key=lambda w: (-counts[w], w))[:WORDS]
    codes = {word: 2 + i for i, word in enumerate(frequent)}
    for split, name, most in (("train", "train", None), ("test", "clean", EVALUATED)):
        rows = [[codes.get(w, 1) for w in words[:LONGEST]] for words in listed[split][:most]]
        frame = pl.DataFrame(
            {
                COLUMN: pl.Series(rows, dtype=pl.List(pl.Int64)),
                "junk": [split == "train" and at in junk for at in range(len(rows))],
                ADDRESS: np.arange(len(rows), dtype=np.int64),
            }
        )
        frame.write_ipc(folder / f"{name}.arrow")


TEXTS = (
    PlantedText(
        "padding mask", "padding counts in the loss like any word", "masked: only words count",
        PADDING, TextArm(masked=False), TextArm(),
    ),
    PlantedText(
        "junk sequences", "3 % of the documents are words drawn at random",
        "those documents taken out", JUNK, TextArm(junk=True), TextArm(),
    ),
    PlantedText(
        "bucketing", "batches at random, a third of them padding",
        "our buckets: steps that mirror the lengths of the whole", LENGTHS, TextArm(),
        TextArm(batches="even"),
        {"naive buckets": ("sorted by length, cut into batches", TextArm(batches="naive"))},
    ),
)  # fmt: skip
