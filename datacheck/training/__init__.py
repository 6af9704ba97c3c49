"""Training: objectives, monitors, a trainer, and paired studies of what each repair did.

Everything heavy is imported when it is first used (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datacheck.training.attribution import Attribution, Cause, attribute
    from datacheck.training.causes.replay_verdict import Culprit, Replay
    from datacheck.training.causes.replaying import replay
    from datacheck.training.determinism import KeyedBatchSampler, init
    from datacheck.training.ensemble import Ensemble, fit_ensemble
    from datacheck.training.judging import judge
    from datacheck.training.loop.averaging import Average
    from datacheck.training.loop.clipping import clip
    from datacheck.training.loop.evaluating import evaluate
    from datacheck.training.loop.history import Fitted
    from datacheck.training.metrics import reference_loss, summarize
    from datacheck.training.monitor import StabilityMonitor
    from datacheck.training.objectives import (
        CausalLM,
        Classification,
        Judged,
        Losses,
        Objective,
        Regression,
        SequenceClassification,
        SequenceToSequence,
    )
    from datacheck.training.presets import Form, Preset
    from datacheck.training.record import Record, RecordWarning
    from datacheck.training.recording.snapshots import Snapshots, State
    from datacheck.training.run import Run
    from datacheck.training.schedules import Schedule
    from datacheck.training.spiking import Spikes, SpikeWatch, spikes
    from datacheck.training.tasks import Prepared, prepare
    from datacheck.training.train_config import TrainConfig
    from datacheck.training.trainer import Trainer

__all__ = [
    "Attribution",
    "Average",
    "CausalLM",
    "Cause",
    "Classification",
    "Culprit",
    "Ensemble",
    "Fitted",
    "Form",
    "Judged",
    "KeyedBatchSampler",
    "Losses",
    "Objective",
    "Prepared",
    "Preset",
    "Record",
    "RecordWarning",
    "Regression",
    "Replay",
    "Run",
    "Schedule",
    "SequenceClassification",
    "SequenceToSequence",
    "Snapshots",
    "SpikeWatch",
    "Spikes",
    "StabilityMonitor",
    "State",
    "TrainConfig",
    "Trainer",
    "attribute",
    "clip",
    "evaluate",
    "fit_ensemble",
    "init",
    "judge",
    "prepare",
    "reference_loss",
    "replay",
    "spikes",
    "summarize",
]

_HOMES = {
    **dict.fromkeys(("Form", "Preset"), "presets"),
    **dict.fromkeys(("Prepared", "prepare"), "tasks"),
    **dict.fromkeys(("judge",), "judging"),
    "StabilityMonitor": "monitor",
    **dict.fromkeys(
        ("Attribution", "Cause", "attribute"),
        "attribution",
    ),
    "Average": "loop.averaging",
    "clip": "loop.clipping",
    **dict.fromkeys(
        ("KeyedBatchSampler", "init"),
        "determinism",
    ),
    **dict.fromkeys(
        ("Ensemble", "fit_ensemble"),
        "ensemble",
    ),
    "evaluate": "loop.evaluating",
    "Fitted": "loop.history",
    **dict.fromkeys(
        ("reference_loss", "summarize"),
        "metrics",
    ),
    **dict.fromkeys(
        (
            "CausalLM",
            "Classification",
            "Judged",
            "Losses",
            "Objective",
            "Regression",
            "SequenceClassification",
            "SequenceToSequence",
        ),
        "objectives",
    ),
    **dict.fromkeys(
        ("Record", "RecordWarning"),
        "record",
    ),
    "Run": "run",
    **dict.fromkeys(("Culprit", "Replay"), "causes.replay_verdict"),
    "replay": "causes.replaying",
    **dict.fromkeys(("Snapshots", "State"), "recording.snapshots"),
    "Schedule": "schedules",
    **dict.fromkeys(
        ("SpikeWatch", "Spikes", "spikes"),
        "spiking",
    ),
    "TrainConfig": "train_config",
    "Trainer": "trainer",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"datacheck.training.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
