"""Data that makes training unstable, or its score a lie: found, with evidence.

>>> import datacheck
>>> report = datacheck.audit("dataset/", label="income")  # doctest: +SKIP

Everything heavy is imported when it is first used (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datacheck.auditing import audit
    from datacheck.comparing import Diff, diff
    from datacheck.config import Config
    from datacheck.dataset import Column, Dataset, Kind, Role, Split, Task
    from datacheck.errors import (
        ConfigError,
        DatacheckError,
        NonFiniteError,
        ScanError,
        SourceError,
        UsageError,
    )
    from datacheck.findings import Effect, Example, Finding, Outcome, Repair, Report, Severity
    from datacheck.pipelines.bucketing import BucketBatchSampler
    from datacheck.pipelines.fixing import Fixed, fix
    from datacheck.pipelines.guard import guard
    from datacheck.pipelines.loader_audit import audit_loader
    from datacheck.pipelines.loaders import loaders
    from datacheck.pipelines.pipeline import Pipeline
    from datacheck.pipelines.plan import Plan, Step
    from datacheck.pipelines.profile import Profile
    from datacheck.pipelines.samplers.balanced import BalancedBatchSampler
    from datacheck.pipelines.samplers.budgets import Examples, Quadratic, Tokens
    from datacheck.pipelines.shared_transform import SharedTransform, shared_transform
    from datacheck.pipelines.surprise import surprise
    from datacheck.pipelines.transforms_audit import audit_transforms
    from datacheck.pipelines.undoing import undo
    from datacheck.training.monitor import StabilityMonitor
    from datacheck.training.study.conduct import Study
    from datacheck.training.study.dataset import study
    from datacheck.training.train_config import TrainConfig
    from datacheck.training.trainer import Trainer

__all__ = [
    "BalancedBatchSampler",
    "BucketBatchSampler",
    "Column",
    "Config",
    "ConfigError",
    "DatacheckError",
    "Dataset",
    "Diff",
    "Effect",
    "Example",
    "Examples",
    "Finding",
    "Fixed",
    "Kind",
    "NonFiniteError",
    "Outcome",
    "Pipeline",
    "Plan",
    "Profile",
    "Quadratic",
    "Repair",
    "Report",
    "Role",
    "ScanError",
    "Severity",
    "SharedTransform",
    "SourceError",
    "Split",
    "StabilityMonitor",
    "Step",
    "Study",
    "Task",
    "Tokens",
    "TrainConfig",
    "Trainer",
    "UsageError",
    "audit",
    "audit_loader",
    "audit_transforms",
    "diff",
    "fix",
    "guard",
    "loaders",
    "shared_transform",
    "study",
    "surprise",
    "undo",
]

_HOMES = {
    "audit": "auditing",
    "Config": "config",
    **dict.fromkeys(("Column", "Dataset", "Kind", "Role", "Split", "Task"), "dataset"),
    **dict.fromkeys(
        (
            "ConfigError",
            "DatacheckError",
            "NonFiniteError",
            "ScanError",
            "SourceError",
            "UsageError",
        ),
        "errors",
    ),
    "BalancedBatchSampler": "pipelines.samplers.balanced",
    "BucketBatchSampler": "pipelines.bucketing",
    **dict.fromkeys(("Examples", "Quadratic", "Tokens"), "pipelines.samplers.budgets"),
    "guard": "pipelines.guard",
    "audit_loader": "pipelines.loader_audit",
    "loaders": "pipelines.loaders",
    "Profile": "pipelines.profile",
    **dict.fromkeys(("SharedTransform", "shared_transform"), "pipelines.shared_transform"),
    "surprise": "pipelines.surprise",
    "audit_transforms": "pipelines.transforms_audit",
    **dict.fromkeys(("Diff", "diff"), "comparing"),
    **dict.fromkeys(("Fixed", "fix"), "pipelines.fixing"),
    "Pipeline": "pipelines.pipeline",
    **dict.fromkeys(("Plan", "Step"), "pipelines.plan"),
    "undo": "pipelines.undoing",
    "Study": "training.study.conduct",
    "study": "training.study.dataset",
    "StabilityMonitor": "training.monitor",
    "TrainConfig": "training.train_config",
    "Trainer": "training.trainer",
    **dict.fromkeys(
        ("Effect", "Example", "Finding", "Outcome", "Repair", "Report", "Severity"), "findings"
    ),
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"datacheck.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
