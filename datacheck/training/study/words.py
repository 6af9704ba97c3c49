"""How figures of a study read, in the terminal and on the page alike: plain text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from datacheck.findings import plain
from datacheck.training.study.measures import METRICS

READING = (
    "Each repair is judged by leaving it out: without it, with all others → with all. A ratio is "
    "without / with, a difference in points is how much better it gets: more than 1×, or more "
    "than 0, means that the repair helps; [95 % interval over the seeds]. p: exact sign-flip, "
    "adjusted for the number of repairs (Holm). Clean is the evaluation set described above, the "
    "same for every arm; measured is your own, as each arm sees it; honesty gap: measured − clean "
    "score, mismatch gap: clean − measured. Jitter and volatility are in units of the loss of "
    "guessing. “no detectable effect” means that this study could not tell it from chance, not "
    "that there is none."
)
MEANING = {
    "reduces": "calmer, and no worse on clean data",
    "trades": "calmer but worse, or better but less calm",
    "no detectable effect": "not to be told from chance",
    "increases": "less calm",
    "no claim": "too few pairs to say anything",
}


def metric(key: str) -> str:
    """What people call it."""
    return METRICS[key].words if key in METRICS else plain(key)


def level(key: str, value: float | None) -> str:
    """A level of a metric."""
    if value is None:
        return "not finite"
    return METRICS[key].shown(value) if key in METRICS else f"{value:.3g}"


def levels(key: str, told: Mapping[str, Any]) -> str:
    """``0.52 → 0.31``."""
    return f"{level(key, told.get('without'))} → {level(key, told.get('with'))}"


def effect(told: Mapping[str, Any]) -> str:
    """``2.3× [1.8, 3.0]`` or ``+12.1 pts [+10.2, +14.0]``."""
    value, low, high = (told.get(k) for k in ("value", "low", "high"))
    if value is None or told.get("refused"):
        return told.get("refused") or "no number"
    if told["kind"] == "ratio":
        span = "" if low is None or high is None else f" [{times(low)}, {times(high)}]"
        return f"{times(value)}×{span}"
    span = "" if low is None or high is None else f" [{points(low)}, {points(high)}]"
    return f"{points(value)} pts{span}"


def times(value: float) -> str:
    """Two or three significant digits."""
    if 1000 <= value < 1e6:
        return f"{float(f'{value:.1e}'):,.0f}"
    if value >= 1e6 or (value and value < 0.01):
        return f"{value:.1e}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 10 else f"{value:.2f}"


def points(value: float) -> str:
    """Percentage points with their sign."""
    shown = f"{100 * value:+.1f}"
    return "0.0" if shown in ("+0.0", "-0.0") else shown.replace("-", "−")


def probability(value: float | None) -> str:
    """A p value."""
    if value is None or math.isnan(value):
        return "–"
    return f"{value:.3f}" if value >= 0.001 else "<0.001"


def duration(seconds: float) -> str:
    """``45 s``, ``3 min``, ``2 h 5 min``."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
