"""Studies of planted faults on real data: what ``make study`` prints, beside what was expected.

Each states its control, its one change, its seeds and steps. What is expected are the effects of
small runs that were made before this project began; the verdict is whatever comes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Way = Literal["better", "worse", "not better", "not worse"]


@dataclass(frozen=True, slots=True)
class Claim:
    """What is expected of one metric: the whole interval on one side, or not on the other."""

    metric: str
    way: Way
    said: str
    repair: str = ""

    def holds(self, effect: Any) -> bool | None:
        """Whether the effect (fields of ``study.json``) is so; None where there is no interval."""
        if effect is None or effect["low"] is None:
            return None
        neutral = 1.0 if effect["kind"] == "ratio" else 0.0
        better, worse = bool(effect["low"] > neutral), bool(effect["high"] < neutral)
        return {
            "better": better, "worse": worse, "not better": not better, "not worse": not worse,
        }[self.way]  # fmt: skip


EXPECTED: dict[str, tuple[Claim, ...]] = {
    "NaN": (Claim("NFR", "better", "0.987 or more of the steps → 0"),),
    "no scaling": (Claim("VLJ", "better", "6.9× [4.0, 11.8]"),),
    "mismatch, images": (
        Claim("mismatch_gap", "better", "accuracy −50 points, training the same"),
        Claim("VLJ_measured", "better", "150× [89, 255]"),
    ),
    "mismatch, table": (
        Claim("mismatch_gap", "better", "as with images"),
        Claim("VLJ_measured", "better", "as with images"),
    ),
    "outliers": (
        Claim("SR_g", "better", "spikes go"),
        Claim("GT", "better", "625× [109, 3572] (a CNN)"),
    ),
    "imbalance": (
        Claim("balanced", "better", "+20…34 points"),
        Claim("LV_probe", "better", "1.9–3.0×"),
    ),
    "padding mask": (
        Claim("LV", "better", "2.43× [2.27, 2.61]"),
        Claim("LV_probe", "not worse", "not known; LV is of unlike losses, this of one"),
        Claim("clean_score", "better", "+8.9 points (a classifier)"),
    ),
    "junk sequences": (
        Claim("SR_g", "not worse", "not known"),
        Claim("LV", "better", "2.97× [2.68, 3.28]"),
        Claim("GT", "better", "2.08×"),
    ),
    "leakage": (
        Claim("honesty_gap", "better", "+3.1 points [2.5, 3.6] of a measured score that was a lie"),
        Claim("VLJ_measured", "not better", "training is no calmer"),
        Claim("clean_score", "not worse", "the clean score stays"),
    ),
    "bucketing": (
        Claim("PW", "better", "0.49–0.64 → 0.01–0.22"),
        Claim("LV", "not worse", "ours must not make the loss jumpier"),
        Claim("LV", "worse", "naive buckets do: 0.5× (2.0 times as volatile)", "naive buckets"),
    ),
}
