"""How many seeds and steps fit into the time that there is."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from datacheck.errors import UsageError
from datacheck.training.study.statistics import FEWEST, seeds_needed

SEEDS, STEPS = 10, 400
MOST_SEEDS, MOST_STEPS = 20, 1500
FEW_STEPS, FEWEST_STEPS = 200, 60  # below the first, spikes and volatility say little
START_S = 4.0  # until workers train: each imports torch
SHARE = 0.65  # of the cores' time that is counted on: processes get in each other's way


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds of a run: ``fixed`` + ``each`` · steps. ``arms`` train, the others stop at once."""

    fixed: float
    each: float
    arms: int

    def needed(self, seeds: int, steps: int) -> float:
        """Seconds of one core for the whole study."""
        return self.arms * seeds * (self.fixed + self.each * steps)


@dataclass(frozen=True, slots=True)
class Size:
    """How large a study is, and the seconds it should take."""

    seeds: int
    steps: int
    expected_s: float


def choose(
    pace: Pace,
    seconds: float,
    workers: int,
    claims: int,
    *,
    seeds: int | None = None,
    steps: int | None = None,
) -> Size:
    """Seeds and steps for ``seconds`` on ``workers`` cores; what is given stays as it is.

    From 10 seeds of 400 steps: more steps, then more seeds, where there is time; fewer steps
    (down to 200), then fewer seeds (down to what ``claims`` repairs can be told by, and to 6),
    then fewer steps (down to 60) where there is not. Less than that is not done: the study takes
    longer then.
    """
    room = max(seconds - START_S, 0.0) * max(workers, 1) * SHARE
    least = max(FEWEST, min(seeds_needed(claims), SEEDS))
    ways = [(n, MOST_STEPS) for n in range(MOST_SEEDS, SEEDS, -1)]
    ways += [(SEEDS, s) for s in range(MOST_STEPS, FEW_STEPS - 1, -20)]
    ways += [(n, FEW_STEPS) for n in range(SEEDS - 1, least - 1, -1)]
    ways += [(least, s) for s in range(FEW_STEPS, FEWEST_STEPS - 1, -10)]
    ways += [(n, FEWEST_STEPS) for n in range(least, FEWEST - 1, -1)]
    fixed = [(seeds or n, steps or s) for n, s in ways]
    chosen = next((w for w in fixed if pace.needed(*w) <= room), fixed[-1])
    return Size(*chosen, START_S + pace.needed(*chosen) / (max(workers, 1) * SHARE))


def measure(
    run: Callable[[str, int], bool], arms: Sequence[str], *, short: int = 15, long: int = 60
) -> Pace:
    """The pace of ``run(arm, steps)``, which tells whether the run stayed finite.

    Each arm is tried for a few steps: one that is lost at once costs nothing. Then the last that
    is not is timed, at two lengths, the quicker of two tries each.
    """
    alive = [arm for arm in arms if run(arm, 2)]
    if not alive:
        return Pace(0.05, 0.0, len(arms))

    def timed(steps: int) -> float:
        took = []
        for _ in range(2):
            began = time.perf_counter()
            run(alive[-1], steps)
            took.append(time.perf_counter() - began)
        return min(took)

    first, second = timed(short), timed(long)
    each = max((second - first) / (long - short), 1e-6)
    return Pace(max(first - short * each, 0.0), each, len(alive))


def seconds_of(text: str) -> float:
    """Seconds of ``3m``, ``90s``, ``1.5h`` or plain minutes. Raises UsageError."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|min|h)?\s*", text)
    if not match:
        raise UsageError(f"a budget of {text!r}", "minutes, such as 3m; or 90s, 1h")
    seconds = float(match[1]) * {"s": 1, "m": 60, "min": 60, "h": 3600}[match[2] or "m"]
    if not seconds > 0:
        raise UsageError("a budget of no time", "minutes, such as 3m")
    return seconds
