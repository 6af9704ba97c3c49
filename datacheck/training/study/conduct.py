"""A study from its design to its files: run what is missing, judge, write."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datacheck.pipelines.saved import plain_json
from datacheck.training.study import page, table
from datacheck.training.study.arms import Design
from datacheck.training.study.ledger import Key, Ledger
from datacheck.training.study.outcome import outcome
from datacheck.training.study.running import Lab, Progress, run_all

RESULTS, STUDY, TIMING, PAGE = "results.jsonl", "study.json", "timing.json", "study.html"


@dataclass
class Study:
    """What a study came to: ``told`` is the content of ``study.json``, in the folder ``output``.

    ``repr`` is the table.
    """

    told: dict[str, Any]
    output: Path
    timing: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return table.render(self.told, width=80)

    @property
    def verdicts(self) -> dict[str, str]:
        """The word of each repair, by its key."""
        return {one["key"]: one["verdict"] for one in self.told["repairs"]}


def jobs_of(chosen: Design, seeds: Sequence[int]) -> list[Key]:
    """Seed by seed, so that what is done at any time are whole pairs."""
    return [(arm.key, seed) for seed in seeds for arm in chosen.arms]


def conduct(
    chosen: Design,
    lab: Lab,
    seeds: Sequence[int],
    told: Mapping[str, Any],
    folder: Path,
    *,
    head: Mapping[str, Any],
    workers: int | None = None,
    progress: Progress | None = None,
    locate: Callable[[int], str] = str,
) -> Study:
    """Run what ``folder`` does not hold yet, and write ``study.json``, its page and the times.

    ``head`` says which study it is: a folder of another one is refused. ``locate`` spells the
    address of a row. Raises UsageError for
    that, and what :func:`~datacheck.training.study.running.run_all` raises.
    """
    ledger = Ledger(folder / RESULTS, head)
    run_all(lab, jobs_of(chosen, seeds), ledger, workers=workers, progress=progress)
    found = outcome(chosen, seeds, _spelled(ledger.results, locate), told)
    spent = ledger.spent.values()
    timing = {
        "wall_s": round(sum(s["wall_s"] for s in spent), 2),
        "cpu_s": round(sum(s["cpu_s"] for s in spent), 2),
        "arms": {
            arm.key: {
                k: round(sum(ledger.spent[arm.key, s][k] for s in seeds), 3)
                for k in ("wall_s", "cpu_s")
            }
            for arm in chosen.arms
        },
    }
    plain_json.write(folder / STUDY, found)
    plain_json.write(folder / TIMING, timing)
    (folder / PAGE).write_text(page.render(found), encoding="utf-8")
    return Study(found, folder, timing)


def _spelled(
    results: Mapping[Key, Mapping[str, Any]], locate: Callable[[int], str]
) -> dict[Key, dict[str, Any]]:
    """The results with the rows behind spikes as people write them."""
    return {
        key: {
            **result,
            "spikes": [
                {**s, "rows": [locate(r) for r in s["rows"]]} for s in result.get("spikes", ())
            ],
        }
        for key, result in results.items()
    }


def load(folder: str | Path) -> Study:
    """A study that was written before."""
    where = Path(folder)
    found = plain_json.read(where / STUDY)
    return Study(found, where, json.loads((where / TIMING).read_text(encoding="utf-8")))
