"""One run of a study: an arm and a seed, trained by the shared trainer and measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from datacheck.dataset import Task
from datacheck.pipelines.collate import IGNORED, Batch
from datacheck.pipelines.loader import Loader
from datacheck.pipelines.samplers.sampling import Asked, train_sampler
from datacheck.pipelines.storage.direct import Encoded
from datacheck.pipelines.storage.encoding import Encoder
from datacheck.training import metrics
from datacheck.training.determinism import KeyedBatchSampler, init, key, row_keys
from datacheck.training.study import common
from datacheck.training.study.measuring import measured_run, short
from datacheck.training.study.models import build as build_model
from datacheck.training.train_config import TrainConfig

Build = Callable[[str, Encoder, Any, Mapping[str, float] | None], tuple[nn.Module, Any]]
"""``build(preset, encoder, labels of raw train, class weights)`` gives model and objective."""

LR, CLIP_AT = 1e-3, 1.0
PROBE = 256  # rows of the clean set on which losses of unlike objectives are compared
EVALUATIONS = 40
WITHIN = 4  # batches of a bucketed step


@dataclass(frozen=True)
class ArmSetup:
    """What an arm trains on: the name of its data, what its loader is told, its controls."""

    data: str
    loader: Mapping[str, Any] = field(default_factory=dict)
    clip: bool = False
    shuffle: str = ""  # another name is another order of the rows


@dataclass
class DatasetLab:
    """Trains arms on the tables that :func:`prepare_versions` wrote below ``folder``."""

    folder: Path
    arms: Mapping[str, ArmSetup]
    config: TrainConfig
    batch: int
    clip_at: float
    preset: str = "auto"
    probe: bool = False
    build: Build = build_model
    said: tuple[str, ...] = ()
    _kept: dict[str, Any] = field(default_factory=dict, repr=False)

    def start(self) -> None:
        """One thread: the processes share the cores."""
        torch.set_num_threads(1)

    def run(self, arm: str, seed: int) -> Mapping[str, Any]:
        """Train and measure. A run that does not stay finite is a result like any other."""
        setup = self.arms[arm]
        model, objective = self.model(setup)
        init(model, seed)
        splits = {s: [self._whole(setup.data, s)] for s in ("clean", "measured")}
        config = replace(self.config, seed=seed)
        if setup.clip:
            config = replace(config, clip="norm", clip_at=self.clip_at)
        return measured_run(
            model, objective, config, self.loader(setup, seed), splits,
            reference=self.reference(), probe=self._probe(setup.data) if self.probe else None,
        )  # fmt: skip

    def trial(self, arm: str, steps: int) -> bool:
        """Train for a few steps, to see how long that takes; whether they stayed finite."""
        few = replace(self, config=replace(self.config, steps=steps, evaluate_every=steps))
        few._kept = self._kept
        return few.run(arm, 0)["first"] is None

    def describe(self) -> dict[str, Any]:
        """What is the same for all arms, in plain data."""
        model, objective = self.model(next(iter(self.arms.values())))
        return {
            "preset": self.preset,
            "model": type(model).__name__,
            "parameters": sum(p.numel() for p in model.parameters()),
            "objective": type(objective).__name__,
            "score": objective.score_name,
            "optimizer": self.config.optimizer,
            "lr": self.config.lr,
            "steps": self.config.steps,
            "batch": self.batch,
            "clip_at": self.clip_at,
            "reference_loss": short(self.reference()),
            "clean_rows": len(self._whole(next(iter(self.arms.values())).data, "clean")),
        }

    # -- what is trained ------------------------------------------------------------------------

    @property
    def encoder(self) -> Encoder:
        """What the columns are; the same for all arms."""
        if "encoder" not in self._kept:
            self._kept["encoder"] = common.load_encoder(self.folder)
        found: Encoder = self._kept["encoder"]
        return found

    def model(self, setup: ArmSetup) -> tuple[nn.Module, Any]:
        """A model of the shape that all arms share, and its objective."""
        weights = setup.loader.get("class_weights")
        return self.build(self.preset, self.encoder, self._labels("train"), weights)

    def loader(self, setup: ArmSetup, seed: int) -> Loader:
        """Train's batches; their order depends on the seed and each row's address alone.

        Buckets and balanced batches are made by their own samplers, in steps of about as many
        rows as those of the other arms.
        """
        table = common.load_table(self.folder, setup.data, "train")
        order = key(seed, "order", setup.shuffle) & 0x7FFF_FFFF
        collate = self.encoder.collate()
        told = dict(setup.loader)
        if not {"balanced_sampler", "length_bucketing", "token_budget"} & told.keys():
            among = np.load(self.folder / "among.npy")
            sampler: Any = KeyedBatchSampler(table.addresses(), self.batch, order, among=among)
            return Loader(table, sampler, collate_fn=collate)
        rows, within = self.batch, None
        if self.encoder.sequences and ("token_budget" in told or "length_bucketing" in told):
            lengths = np.max([table.lengths(c) for c in self.encoder.sequences], axis=0)
            tokens = int(told.get("token_budget") or 0) * self.batch // 32
            within = min(WITHIN, max(1, self.batch // 2))
            if tokens:
                within = max(1, min(within, tokens // max(int(lengths.max(initial=1)), 1)))
                told["token_budget"] = tokens // within
            rows = max(1, self.batch // within)
        asked = Asked.of(
            told, batch_size=None, max_tokens=None, balance=None, accumulate=within,
            shuffle=True, drop_last=False, seed=order, rank=0, world_size=1, default=rows,
        )  # fmt: skip
        sampler = train_sampler(table, Encoded({}, {"train": collate}, self.encoder), asked)
        return Loader(table, sampler, collate_fn=collate)

    def _labels(self, split: str) -> Any:
        """The labels of raw data's train."""
        if split not in self._kept:
            table = common.load_table(self.folder, next(iter(self.arms.values())).data, split)
            values = table.column("__y__") if self.encoder.label else np.zeros(0)
            good = values >= 0 if self.encoder.classes else np.isfinite(values)
            self._kept[split] = values[good]
        return self._kept[split]

    def _whole(self, data: str, split: str) -> Batch:
        """A split as one batch."""
        name = f"{data}/{split}"
        if name not in self._kept:
            table = common.load_table(self.folder, data, split)
            self._kept[name] = self.encoder.collate()(table.__getitems__(np.arange(len(table))))
        found: Batch = self._kept[name]
        return found

    def _probe(self, data: str) -> Batch:
        """Clean rows, chosen by a hash; of classes as many each as there are, as the score is."""
        name = f"{data}/probe"
        if name not in self._kept:
            batch = self._whole(data, "clean")
            order = np.argsort(row_keys(batch.rows.numpy(), "probe"))
            classes = batch.y.numpy()[order] if self.encoder.classes else np.zeros(len(order))
            each = max(1, PROBE // max(np.unique(classes).size, 1))
            chosen = [order[classes == c][:each] for c in np.unique(classes)]
            self._kept[name] = batch.take(torch.as_tensor(np.sort(np.concatenate(chosen))))
        found: Batch = self._kept[name]
        return found

    # -- what is measured -----------------------------------------------------------------------

    def reference(self) -> float:
        """The loss of the constant predictor on the clean set, the same for every arm."""
        batch = self._whole(next(iter(self.arms.values())).data, "clean")
        if self.encoder.target:
            said = batch.sequences[self.encoder.target]
            tokens = said.values[said.mask].numpy()
            return metrics.reference_loss(tokens, Task.CLASSIFICATION)
        target = batch.y.numpy()
        task = self.encoder.task or Task.REGRESSION
        if task is Task.CLASSIFICATION:
            return metrics.reference_loss(target[target != IGNORED], task)
        labels = self._labels("train")
        return metrics.reference_loss((target - labels.mean()) / (labels.std() or 1.0), task)


def laboratory(
    folder: Path,
    arms: Mapping[str, ArmSetup],
    *,
    steps: int | None,
    lr: float | None,
    batch: int,
    preset: str,
    probe: bool,
    build: Build = build_model,
) -> DatasetLab:
    """The lab for the data in ``folder``, with the settings of its preset."""
    config = TrainConfig(steps=steps or 1, lr=lr or LR, evaluate_every=1, device="cpu")
    return DatasetLab(folder, arms, config, batch, CLIP_AT, preset, probe, build)
