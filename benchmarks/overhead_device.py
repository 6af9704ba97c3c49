"""What ``StabilityMonitor`` costs on an accelerator, for ``monitor_overhead.py --device``."""

from __future__ import annotations

import importlib
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from overhead_models import Case  # type: ignore[import-not-found] # beside this script
from telling import tell  # type: ignore[import-not-found] # as overhead_models
from torch import nn

from datacheck.training.monitor import StabilityMonitor

STEPS = 100  # in a block: with few, the wait at its end would count
ARMS = ("bare", "monitor", "logging", "clips", "clips, monitor")


class Loop:
    """A model on a device, trained on the same few batches; AdamW is torch's fused one."""

    def __init__(self, case: Case, device: str) -> None:
        torch.manual_seed(0)
        self.device, self.model = torch.device(device), case.model().to(device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=1e-4, fused=self.device.type == "cuda" or None
        )
        self.batches = []
        for _ in range(4):
            x, y = case.inputs(case.rows)
            self.batches.append((x.to(device), y.to(device), torch.arange(case.rows)))

    def wait(self) -> None:
        """For all that was begun."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def block(self, path: Path, arm: str, logged: Callable[[Any], Any]) -> float:
        """Seconds of a step, by the wall, from one wait for the device to the next."""
        watched = "monitor" in arm
        monitor = StabilityMonitor(self.model, self.optimizer, path=path) if watched else None
        self.wait()
        began = time.perf_counter()
        for number in range(STEPS):
            x, y, rows = self.batches[number % len(self.batches)]
            losses = nn.functional.cross_entropy(self.model(x), y, reduction="none")
            losses = losses.reshape(len(rows), -1).mean(1)
            loss = losses.mean()
            self.optimizer.zero_grad()
            torch.autograd.backward(loss)
            clips = arm.startswith("clips")
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), 1.0) if clips else None
            if arm == "logging":
                logged(self.model)
            if monitor is not None:
                monitor.step(loss, rows=rows, per_row_loss=losses, grad_norm=norm)
            self.optimizer.step()
        self.wait()
        spent = time.perf_counter() - began
        if monitor is not None:
            monitor.close()
        return spent / STEPS


def of_device(
    blocks: int, folder: Path, device: str, cases: Sequence[Case], host: Callable[[], float]
) -> None:
    """The table: blocks of each arm take turns, and a cost is the median of their differences.

    ``host`` gives the seconds that the thread spent in the monitor since it was last asked.
    """
    grad_norm: Any = None
    with suppress(ImportError):
        grad_norm = importlib.import_module("lightning.pytorch.utilities").grad_norm
    on_cuda = torch.device(device).type == "cuda"
    card = torch.cuda.get_device_name(device) if on_cuda else device
    tell(f"{card}, torch {torch.__version__}; monitor and host in µs a step")
    tell()
    tell(
        f"{'':<26}{'parameters':>12}{'step':>10}{'monitor':>9}{'share':>8}{'host':>7}"
        f"{'reused':>9}{'share':>8}{'host':>7}{'norms':>8}{'ratio':>7}"
    )
    for case in cases:
        loop = Loop(case, device)
        count = sum(p.numel() for p in loop.model.parameters())
        arms = [a for a in ARMS if a != "logging" or grad_norm is not None]
        seconds: dict[str, list[float]] = {arm: [] for arm in arms}
        hosts: dict[str, list[float]] = {arm: [] for arm in arms}
        for turn in range(blocks + 1):
            for arm in arms if turn % 2 else reversed(arms):
                host()
                spent = loop.block(
                    folder / f"{case.name}-{arm}-{turn}.jsonl", arm, lambda m: grad_norm(m, 2)
                )
                if turn:  # the first warms up
                    seconds[arm].append(spent)
                    hosts[arm].append(host() / STEPS)
        bare = statistics.median(seconds["bare"])
        line = f"{case.name:<26}{count:>12,}{bare * 1e3:>7.2f} ms"
        for arm, beside in (("monitor", "bare"), ("clips, monitor", "clips")):
            cost = _more(seconds[arm], seconds[beside])
            share = cost / statistics.median(seconds[beside])
            line += f"{cost * 1e6:>9.0f}{share:>8.1%}{statistics.median(hosts[arm]) * 1e6:>7.0f}"
        if grad_norm is None:
            line += f"{'absent':>8}"
        else:
            theirs = _more(seconds["logging"], seconds["bare"])
            ratio = _more(seconds["monitor"], seconds["bare"]) / theirs if theirs > 0 else 0.0
            line += f"{theirs * 1e6:>8.0f}{ratio:>7.2f}"
        tell(line)
        del loop
    tell()


def _more(with_it: list[float], without: list[float]) -> float:
    return statistics.median(a - b for a, b in zip(with_it, without, strict=True))


def put_section(path: Path, name: str, lines: Sequence[str], about: str) -> None:
    """Write one section of the page; the others, and what is said at its end, stay."""
    command = " ".join(["python", *sys.argv])
    table = "\n".join(lines).strip("\n")
    mine = f"## {name}\n\nWritten by `{command}`.\n\n```text\n{table}\n```\n"
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    kept = {
        part.partition("\n")[0]: f"## {part.rstrip()}\n" for part in ("\n" + old).split("\n## ")[1:]
    }
    kept |= {name: mine, "How it is measured": f"## How it is measured\n\n{about}\n"}
    order = ("On the CPU", "On an accelerator", "How it is measured")
    path.write_text("\n".join(kept[n] for n in order if n in kept), encoding="utf-8")
