"""The other tools that get the same faults: what to install, and the check nearest to each rule.

For every rule the check that comes nearest is taken, as the tool sets it by default; a tool that
has none gets a dash. ``checks`` is what the driver is asked for, ``hits`` what the tool then names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool."""

    name: str
    install: tuple[str, ...]
    note: str
    checks: Mapping[str, tuple[str, ...]]
    hits: Mapping[str, tuple[str, ...]]


def _same(checks: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    return checks


_DEEP = {
    "LK001": ("TrainTestSamplesMix",),
    "LK003": ("IndexTrainTestLeakage",),
    "LK004": ("DateTrainTestLeakageOverlap",),
    "LK005": ("FeatureLabelCorrelation", "FeatureLabelCorrelationChange"),
    "LK006": ("FeatureLabelCorrelation", "FeatureLabelCorrelationChange"),
    "LB001": ("ConflictingLabels",),
    "LB004": ("DataDuplicates",),
    "CB003": ("LabelDrift",),
    "CB004": ("LabelDrift",),
    "MV003": ("MixedNulls", "SpecialCharacters"),
    "MV004": ("FeatureDrift",),
    "MV005": ("IsSingleValue",),
    "MV007": ("MixedDataTypes", "StringMismatch"),
    "NM001": ("FeatureDrift", "MultivariateDrift"),
    "NM003": ("FeatureDrift", "MultivariateDrift"),
    "NM006": ("NewCategoryTrainTest",),
}
_CLEAN = {
    "LK001": ("near_duplicate across",),
    "LK002": ("near_duplicate across",),
    "LK008": ("non_iid",),
    "LB002": ("label",),
    "LB004": ("near_duplicate",),
    "LB005": ("near_duplicate",),
    "CB001": ("class_imbalance",),
    "CB002": ("class_imbalance",),
    "MV001": ("null",),
    "NM005": ("outlier",),
}
_DRIFT, _SUMMARY = ("DataDrift",), ("DataSummary",)
_EVIDENT = {
    "LB004": ("DuplicatedRowCount",),
    "LB003": ("MissingValueCount", "DatasetMissingValueCount"),
    "CB003": ("ValueDrift", "UniqueValueCount"),
    "CB004": ("ValueDrift",),
    "MV001": ("MissingValueCount", "DatasetMissingValueCount"),
    "MV002": ("MaxValue", "MeanValue"),
    "MV004": ("MissingValueCount", "DatasetMissingValueCount"),
    "MV005": ("ConstantColumnsCount",),
    "NM001": ("ValueDrift",),
    "NM003": ("ValueDrift",),
    "NM005": ("MinValue", "MaxValue", "StdValue"),
    "NM006": ("UniqueValueCount", "ValueDrift"),
    "SC001": ("ColumnCount",),
    "SC002": ("ValueDrift", "DatasetMissingValueCount"),
}
PEERS = (
    Peer(
        "deepchecks",
        ("deepchecks", "scikit-learn<1.6", "numpy<2", "pandas<3", "category-encoders<2.7",
         "setuptools<81"),
        "the conditions of its suites data_integrity and train_test_validation; it needs NumPy 1 "
        "and scikit-learn before 1.6",
        _DEEP,
        _same(_DEEP),
    ),
    Peer(
        "evidently",
        ("evidently", "pandas<3"),
        "the tests of its presets DataDrift and DataSummary with train as the reference; it needs "
        "pandas before 3",
        {code: _DRIFT if metrics == ("ValueDrift",)
         else (*_DRIFT, *_SUMMARY) if "ValueDrift" in metrics else _SUMMARY
         for code, metrics in _EVIDENT.items()},
        _EVIDENT,
    ),
    Peer(
        "cleanlab",
        ("cleanlab[datalab]", "scikit-learn"),
        "the issues of Datalab in train (near-duplicates across splits: in both joined), with "
        "standardized numbers and out-of-fold probabilities of a logistic regression",
        _CLEAN,
        _same(_CLEAN),
    ),
)  # fmt: skip
