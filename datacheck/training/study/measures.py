"""What is measured, and for each defect the one metric that was declared before any run.

Metrics with names in capitals are those of :mod:`datacheck.training.metrics` on the recorded run;
the others come from the evaluations. Rates and scores, which may be 0, are compared by their
difference, all else by its ratio.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.training.study.statistics import Kind, Paired, paired


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: how it is compared, which way is good, and what people call it."""

    key: str
    words: str
    kind: Kind = "ratio"
    high_is_good: bool = False

    def compare(self, raw: Iterable[float], repaired: Iterable[float]) -> Paired:
        """The effect raw/repaired or raw − repaired, turned so that more means calmer or better."""
        a, b = list(raw), list(repaired)
        return paired(b, a, self.kind) if self.high_is_good else paired(a, b, self.kind)

    def shown(self, value: float) -> str:
        """A level of it."""
        if value != value:
            return "not finite"
        if self.kind == "difference":
            return f"{100 * value:.1f}%".replace("-", "−")
        return f"{value:.3g}"


METRICS = {
    m.key: m
    for m in (
        Metric("NFR", "non-finite steps", "difference"),
        Metric("VLJ", "clean-loss jitter"),
        Metric("VLJ_measured", "measured-loss jitter"),
        Metric("LV", "loss volatility"),
        Metric("LV_probe", "probe-set volatility"),
        Metric("SN", "step noise"),
        Metric("SR_g", "gradient spikes", "difference"),
        Metric("SR_l", "loss spikes", "difference"),
        Metric("GT", "gradient tail"),
        Metric("G_peak", "largest gradient / median"),
        Metric("PW", "padding waste", "difference"),
        Metric("TCV", "uneven tokens a step"),
        Metric("clean_loss", "clean loss"),
        Metric("clean_score", "clean score", "difference", high_is_good=True),
        Metric("balanced", "balanced accuracy", "difference", high_is_good=True),
        Metric("measured_score", "measured score", "difference", high_is_good=True),
        Metric("honesty_gap", "honesty gap", "difference"),
        Metric("mismatch_gap", "mismatch gap", "difference"),
    )
}


@dataclass(frozen=True, slots=True)
class Defect:
    """A kind of defect: the metric declared for it, one reported beside it, and a guard.

    The guard is what the repair must not make worse, nor the ``levels``: if it does, the verdict
    is "trades".
    """

    name: str
    primary: str
    second: str
    guard: str = ""
    levels: tuple[str, ...] = ("clean_loss", "clean_score")


MISSING = Defect("missing values", "NFR", "VLJ")
JUNK = Defect("outliers and junk rows", "SR_g", "clean_loss")
MISMATCH = Defect("train/test mismatch", "mismatch_gap", "VLJ_measured")
SCALING = Defect("scaling", "VLJ", "clean_loss")
# Even batches change what the loss on rows as they come measures: the score is even too.
IMBALANCE = Defect("imbalance", "balanced", "LV_probe", guard="LV_probe", levels=())
LEAKAGE = Defect("leakage", "honesty_gap", "VLJ_measured")
LENGTHS = Defect("lengths", "PW", "LV", guard="LV")
OTHER = Defect("other", "VLJ", "clean_loss")

# Rules by prefix, the first that fits; what fits none is OTHER.
_BY_RULE = (
    ("LK", LEAKAGE), ("MV001", MISSING), ("MV002", MISSING), ("MV004", MISSING), ("MV007", MISSING),
    ("MV003", JUNK), ("MV006", JUNK), ("NM005", JUNK), ("LB", JUNK), ("SL003", JUNK),
    ("SL006", JUNK), ("SL007", JUNK),
    ("NM001", MISMATCH), ("NM004", MISMATCH),
    ("NM002", SCALING), ("CB", IMBALANCE), ("SL", LENGTHS),
)  # fmt: skip


def defect_of(rules: Iterable[str]) -> Defect:
    """The kind of defect that those rules find."""
    known = tuple(rules)
    for prefix, defect in _BY_RULE:
        if any(r.startswith(prefix) for r in known):
            return defect
    return OTHER
