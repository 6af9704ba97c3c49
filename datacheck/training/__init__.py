"""Training: objectives, monitors, a trainer, and paired studies of what each repair did.

Everything heavy is imported when it is first used (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datacheck.training.attribution import Attribution, Cause, attribute
    from datacheck.training.determinism import KeyedBatchSampler, init
    from datacheck.training.metrics import reference_loss, summarize
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
    from datacheck.training.record import Record, RecordWarning
    from datacheck.training.run import Run
    from datacheck.training.spiking import Spikes, SpikeWatch, spikes

__all__ = [
    "Attribution",
    "CausalLM",
    "Cause",
    "Classification",
    "Judged",
    "KeyedBatchSampler",
    "Losses",
    "Objective",
    "Record",
    "RecordWarning",
    "Regression",
    "Run",
    "SequenceClassification",
    "SequenceToSequence",
    "SpikeWatch",
    "Spikes",
    "attribute",
    "init",
    "reference_loss",
    "spikes",
    "summarize",
]

_HOMES = {
    **dict.fromkeys(("Attribution", "Cause", "attribute"), "attribution"),
    "Run": "run",
    **dict.fromkeys(("Record", "RecordWarning"), "record"),
    **dict.fromkeys(("SpikeWatch", "Spikes", "spikes"), "spiking"),
    **dict.fromkeys(("reference_loss", "summarize"), "metrics"),
    **dict.fromkeys(
        ("KeyedBatchSampler", "init"),
        "determinism",
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
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"datacheck.training.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
