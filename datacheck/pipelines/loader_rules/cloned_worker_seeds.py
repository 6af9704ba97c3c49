"""# cloned-worker-seeds (DL004)

## What it finds
Workers of a DataLoader that draw the same random numbers as one another, or the same in each
epoch.

## Why it hurts training
Workers that draw the same random numbers augment different rows alike: what looks like variety is
a copy. Where each epoch draws what the last one drew, a row is augmented the same way for ever,
and the model learns that one picture by heart.

## How it is measured
`audit_loader` notes the states of the random generators in each worker before and after each of
its first 16 fetches: those of torch, of numpy and of Python, and all that the dataset keeps in its
attributes, four levels deep. A generator whose state changes is drawn from. It is told if two
workers begin with the same state of it, or if a worker begins the second epoch as it began the
first. Generators that nobody draws from do no harm and are not told.

## Example
`self.rng = np.random.default_rng(0)` in the dataset's `__init__`, two workers: "2 of 2 workers
draw the same random numbers from dataset.rng: it is copied into each worker".

## Repair and repair safety
By hand: draw from `torch`, which each worker seeds by itself, or make the generator in
`worker_init_fn` from `torch.initial_seed()`; set no fixed seed there.

## Options
None.

## Known limits
Only map-style datasets are watched. Generators of other libraries, of C code and in global
variables are not seen, nor those of `collate_fn`. What is drawn after the first 16 fetches of a
worker for the first time is missed.

## References
- Pärnamaa 2021, "Using PyTorch + NumPy? You're making a mistake", blog post.
- PyTorch documentation, "My data loader workers return identical random numbers" (frequently asked
  questions).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datacheck.checks.base import NotApplicable
from datacheck.findings import Finding
from datacheck.pipelines.loader_rules.base import LoaderRule
from datacheck.pipelines.loader_rules.seen import Seen

if TYPE_CHECKING:
    from datacheck.pipelines.watching.recording import State


@dataclass(frozen=True)
class ClonedWorkerSeeds(LoaderRule):
    """Workers or epochs that draw the same random numbers."""

    why = (
        "workers that draw the same random numbers augment different rows alike, and what looks "
        "like variety is a copy"
    )

    def judge_loader(self, split: Seen) -> Iterable[Finding]:
        states = [e.states for e in split.epochs[0]]
        if not any(states):
            raise NotApplicable("no dataset with random generators was watched")
        used = {
            name
            for epoch in states
            for s in epoch
            for name in s.before
            if s.before[name] != s.after.get(name)
        }
        firsts = [_first_of_workers(epoch) for epoch in states]
        for name in sorted(used):
            now = {worker: s[name] for worker, s in firsts[0].items() if name in s}
            if len(now) > 1 and len(set(now.values())) < len(now):
                same = len(now) - len(set(now.values())) + 1
                message = f"{same} of {len(now)} workers draw the same random numbers from {name}"
            elif len(firsts) > 1 and any(
                firsts[1].get(w, {}).get(name) == s and s for w, s in now.items()
            ):
                message = f"each epoch draws the same random numbers from {name}"
            else:
                continue
            hint = ": it is copied into each worker" if name.startswith("dataset") else ""
            yield self.finding(
                message + hint,
                splits=split.splits,
                count=len(now),
                total=len(now),
                unit="workers",
                evidence={"generator": name},
            )


def _first_of_workers(states: list[State]) -> dict[int, dict[str, str]]:
    """The random states that each worker begins with."""
    out: dict[int, dict[str, str]] = {}
    for state in states:
        out.setdefault(state.worker, state.before)
    return out
