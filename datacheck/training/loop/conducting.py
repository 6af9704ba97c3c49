"""A prepared preset is trained in a folder: record, checkpoints and configuration go there."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn
from torch.optim import Optimizer

from datacheck.config import Config
from datacheck.errors import NonFiniteError, UsageError
from datacheck.findings import Report
from datacheck.training import checkpoint
from datacheck.training.determinism import untouched
from datacheck.training.ensemble import EnsembleTrainer, ensemble
from datacheck.training.judging import judge
from datacheck.training.loop.feeding import Feed
from datacheck.training.loop.history import Fitted
from datacheck.training.metrics import summarize
from datacheck.training.monitor import StabilityMonitor
from datacheck.training.run import Run
from datacheck.training.tasks import Prepared
from datacheck.training.train_config import TrainConfig
from datacheck.training.trainer import Trainer

RECORD, CONFIG = "run.jsonl", "config.json"


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What came of a run: its record, the findings of the rules ST, and its figures.

    ``fitted`` is None where the run was stopped by a loss or gradient that is not finite, which
    ``stopped`` tells. ``note`` says what a person may wonder about.
    """

    prepared: Prepared
    config: TrainConfig
    folder: Path
    run: Run
    report: Report
    figures: Mapping[str, float]
    fitted: Fitted | None
    stopped: NonFiniteError | None
    seconds: float
    note: str = ""


def train(
    prepared: Prepared,
    config: TrainConfig,
    folder: Path,
    *,
    resume: bool = False,
    settings: Config | None = None,
) -> Trained:
    """Train in ``folder``, which holds ``run.jsonl``, ``last.pt``, ``best.pt`` and ``config.json``.

    With ``resume`` the run there goes on, exactly. Several members are trained side by side and
    evaluated as their average. ``settings`` has the options of the rules. Raises UsageError for a
    folder that is in use, or holds nothing to resume.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not resume and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty", "name a new folder, or go on with --resume")
    on = resume and checkpoint.exists(folder)
    if not on:
        write_config(folder, prepared, config)
        (folder / RECORD).unlink(missing_ok=True)  # of a run that ended before its first checkpoint
    began = time.monotonic()
    trainer, note = _trainer(prepared, config, folder, on)
    if on:
        trainer.resume(folder)
    fitted, stopped = None, None
    try:
        fitted = trainer.fit(prepared.train, prepared.evaluation)
    except NonFiniteError as error:
        stopped = error
    run = Run.load(folder / RECORD)
    return Trained(
        prepared=prepared,
        config=config,
        folder=folder,
        run=run,
        report=judge(run, locate=prepared.locate, config=settings, name=RECORD),
        figures=summarize(run, prepared.reference),
        fitted=fitted,
        stopped=stopped,
        seconds=time.monotonic() - began,
        note=note,
    )


def write_config(folder: Path, prepared: Prepared, config: TrainConfig) -> None:
    """What was trained and how, as JSON."""
    form = {k: v for k, v in asdict(prepared.form).items() if k != "config"}
    said = {
        "version": 1,
        "preset": prepared.preset.name,
        "form": form,
        "config": {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()},
        "reference": prepared.reference,
        "why": prepared.why,
    }
    text = json.dumps(said, indent=2, default=dict, ensure_ascii=False)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")


def _trainer(
    prepared: Prepared, config: TrainConfig, folder: Path, resume: bool
) -> tuple[Trainer, str]:
    def monitor(model: nn.Module, optimizer: Optimizer) -> StabilityMonitor:
        return StabilityMonitor(
            model,
            optimizer,
            path=folder / RECORD,
            max_norm=config.clip_at if config.clip == "norm" else None,
            reference=prepared.reference,
            meta={
                "preset": prepared.preset.name,
                "form": prepared.form.words,
                **{k: v for k, v in config.identity().items() if v is not None},
            },
            on_nonfinite="raise" if config.on_nonfinite == "stop" else "record",
            resume=resume,
        )

    options: Any = {"monitor": monitor, "locate": prepared.locate}
    if prepared.form.members == 1:
        return Trainer(prepared.model(config.seed), prepared.objective, config, **options), ""
    members = [prepared.model(config.seed + i) for i in range(prepared.form.members)]
    with untouched():
        batch = next(iter(Feed(prepared.train, config.seed).whole(0)))
    together, why = ensemble(members, prepared.objective, batch)
    note = f"{len(members)} members, " + (
        f"one after the other: {why}" if why else "computed as one"
    )
    return EnsembleTrainer(together, prepared.objective, config, **options), note
