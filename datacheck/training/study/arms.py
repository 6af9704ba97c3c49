"""The arms of a study: raw, all repairs, each alone, all minus each, and the controls.

An arm is a subset of the repairs. Two arms with the same subset are one: with a single repair,
"alone" is "all" and "all minus it" is "raw".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from datacheck.training.study.repairs import Repair

Control = Literal["", "placebo", "clip", "original"]
RAW, ALL, PLACEBO, CLIP, ORIGINAL = "raw", "all", "placebo", "clip", "original"


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to train: which repairs are done, and what else differs.

    ``control`` is "placebo" (the data of another arm, its rows in another order), "clip" (raw
    data, gradients clipped) or "original" (the data before the fault was planted).
    """

    key: str
    words: str
    repairs: tuple[str, ...] = ()
    control: Control = ""


@dataclass(frozen=True, slots=True)
class Contrast:
    """One repair's comparison: two arms that differ in that repair alone.

    ``without`` and ``with_`` are all repairs but this one, and all of them: what the plan would
    lose. ``alone`` is the arm of raw data with only this one.
    """

    repair: Repair
    without: str
    with_: str
    alone: str


@dataclass(frozen=True, slots=True)
class Design:
    """Arms and the comparisons between them, fixed before any run."""

    repairs: tuple[Repair, ...]
    arms: tuple[Arm, ...]
    contrasts: tuple[Contrast, ...]

    def arm(self, key: str) -> Arm:
        """The arm of that key."""
        return next(a for a in self.arms if a.key == key)


def design(repairs: Sequence[Repair], *, original: bool = False) -> Design:
    """2R + 2 arms, those that are the same once, and the controls."""
    keys = tuple(r.key for r in repairs)
    arms: dict[tuple[str, ...], Arm] = {}

    def arm(chosen: tuple[str, ...], key: str, words: str) -> str:
        return arms.setdefault(chosen, Arm(key, words, chosen)).key

    arm((), RAW, "as it is")
    if keys:
        arm(keys, ALL, "all repairs")
    contrasts = []
    for r in repairs:
        others = tuple(k for k in keys if k != r.key)
        alone = arm((r.key,), f"only {r.key}", f"only {r.words}")
        without = arm(others, f"without {r.key}", f"all but {r.words}")
        contrasts.append(Contrast(r, without, arm(keys, ALL, ""), alone))
    controls = [
        Arm(PLACEBO, "placebo: all repairs, rows in another order", keys, "placebo"),
        Arm(CLIP, "as it is, gradients clipped", (), "clip"),
    ]
    if original:
        controls.append(Arm(ORIGINAL, "before the fault was planted", (), "original"))
    return Design(tuple(repairs), (*arms.values(), *controls), tuple(contrasts))
