"""What ``StabilityMonitor`` costs: its share of a training step, and beside Lightning's logging.

    python benchmarks/monitor_overhead.py [--device cuda] [--blocks 9]
        [--write benchmarks/monitor_overhead.md]

Models of a million parameters and more, on the CPU, on one thread, with AdamW. The monitor gets
rows and their losses and writes its record to a file. What it does is timed where it is called
from the loop, the optimizer and the model (``step``, hooks, the last ``flush``), beside the rest
of the same steps, in seconds of the thread: other programs on the machine, and the differences of
whole epochs, would drown it. Its parts: the norm of the gradient, the update-to-weight ratio and
dead units of every tenth step, and the writing. Shares are medians over blocks of steps.

"reused" is a loop that clips: the monitor is given the norm that clipping computed. "Lightning" is
the same model in Lightning's trainer, whose blocks take turns: its logging of the gradient norm
(``grad_norm`` and ``log_dict`` in ``on_before_optimizer_step``; what the trainer does with it later
is not counted), and our callback.

Promise: at most 3 % of a step, or 0.1 ms. On the CPU a loop that clips keeps it for all models
here, any loop for decoders and convolutions. A perceptron on few rows takes more, for the norm:
that is one pass over its gradients, and the whole step is not many. "read" tells what a plain sum
of the same gradients takes, the least that any norm could.

On an accelerator the monitor never waits for the device; what a step pays is the host's time to
launch its operations. Blocks of steps with it and without take turns, timed by the wall from one
wait for the device to the next; a cost is the median of their differences, "host" the thread's own
seconds in the monitor, "norms" what Lightning's ``grad_norm`` takes in the same loop, "ratio" the
monitor's part of that. Where the host is slower than the device (all but the largest model here)
that time counts in full, and the promise is not kept: "host" is above 0.1 ms for each of them.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from overhead_device import (  # type: ignore[import-not-found] # beside this script
    of_device,
    put_section,
)
from overhead_models import CASES, LARGE, Case  # type: ignore[import-not-found] # as above
from telling import LINES, tell  # type: ignore[import-not-found] # as above
from torch import Tensor, nn

from datacheck.training.monitor import StabilityMonitor
from datacheck.training.recording.units import Hook
from datacheck.training.recording.updates import Updates

# -- what is timed -------------------------------------------------------------------------------


class Clock:
    """Seconds of the thread, spent within the functions that were wrapped."""

    def __init__(self) -> None:
        self.spent = 0.0
        self._inside = False

    def timed(self, of: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed; calls within calls count once."""

        def call(*arguments: Any, **named: Any) -> Any:
            if self._inside:
                return of(*arguments, **named)
            self._inside, began = True, time.thread_time()
            try:
                return of(*arguments, **named)
            finally:
                self.spent += time.thread_time() - began
                self._inside = False

        return call

    def take(self) -> float:
        """The seconds since the last time."""
        spent, self.spent = self.spent, 0.0
        return spent


CLOCK = Clock()
for home, names in (
    (StabilityMonitor, ("step", "flush", "measure")),
    (Updates, ("_begins", "_ended")),
    (Hook, ("__call__",)),
):
    for name in names:
        setattr(home, name, CLOCK.timed(getattr(home, name)))


@CLOCK.timed
def read_once(model: nn.Module) -> None:
    """The least that a norm can cost: every gradient is read once."""
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad.sum()


# -- a plain loop --------------------------------------------------------------------------------


class Loop:
    """A model that is trained on the same few batches, for as long as one likes."""

    def __init__(self, case: Case) -> None:
        torch.manual_seed(0)
        self.case, self.model = case, case.model()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4)
        self.batches = [(*case.inputs(case.rows), torch.arange(case.rows)) for _ in range(4)]

    def block(self, path: Path, kind: str) -> tuple[float, float]:
        """Seconds of a step without its monitor, and of the monitor, means of a block.

        Of the kind "read" there is no monitor: its seconds are those of a sum of all gradients.
        """
        monitor = StabilityMonitor(self.model, self.optimizer, path=path)
        clips = kind == "reused"
        CLOCK.take()
        began = time.thread_time()
        for number in range(self.case.steps):
            x, y, rows = self.batches[number % len(self.batches)]
            losses = nn.functional.cross_entropy(self.model(x), y, reduction="none")
            losses = losses.reshape(len(rows), -1).mean(1)
            loss = losses.mean()
            self.optimizer.zero_grad()
            torch.autograd.backward(loss)
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), 1.0) if clips else None
            if kind == "read":
                read_once(self.model)
            else:
                monitor.step(loss, rows=rows, per_row_loss=losses, grad_norm=norm)
            self.optimizer.step()
        monitor.flush()
        spent, watching = time.thread_time() - began, CLOCK.take()
        monitor.close()
        return (spent - watching) / self.case.steps, watching / self.case.steps


ARMS = ("monitor", "reused", "read")


def of_loops(blocks: int, folder: Path) -> None:
    """The table of plain loops."""
    head = f"{'':<26}{'parameters':>12}{'step':>10}{'monitor':>10}{'share':>8}"
    tell(f"{head}{'reused':>10}{'share':>8}{'one read':>10}{'share':>8}")
    for case in CASES:
        loop = Loop(case)
        parameters = sum(p.numel() for p in loop.model.parameters())
        loop.block(folder / "warm.jsonl", "reused")
        (folder / "warm.jsonl").unlink()
        line = f"{case.name:<26}{parameters:>12,}"
        seen: dict[str, list[tuple[float, float]]] = {kind: [] for kind in ARMS}
        for turn in range(blocks):
            for kind in ARMS:
                path = folder / f"{case.name}-{kind}-{turn}.jsonl"
                seen[kind].append(loop.block(path, kind))
        step = statistics.median(s for s, _ in seen["monitor"])
        line += f"{step * 1e3:>7.2f} ms"
        for kind in ARMS:
            cost = statistics.median(c for _, c in seen[kind])
            share = statistics.median(c / s for s, c in seen[kind])
            line += f"{cost * 1e3:>7.3f} ms{share:>8.1%}"
        tell(line)
    tell()


# -- Lightning -----------------------------------------------------------------------------------

KINDS = ("its logging", "callback")


def of_lightning(blocks: int, folder: Path, device: str, cases: Sequence[Case]) -> None:
    """The table of Lightning's trainer."""
    import lightning.pytorch as pl
    from lightning.pytorch.utilities import grad_norm

    from datacheck.training.lightning import StabilityCallback

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Turns(StabilityCallback):  # type: ignore[misc] # a class that is made when asked for
        """Our callback, that takes part in some blocks only; all that it does is timed."""

        def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
            """A step, if it is our turn."""
            if pl_module.kind == "callback":
                super().on_before_optimizer_step(trainer, pl_module, optimizer)
            else:
                self._forget()

    for name in ("on_before_optimizer_step", "on_before_backward", "on_train_batch_start"):
        setattr(Turns, name, CLOCK.timed(getattr(Turns, name)))

    class Module(pl.LightningModule):
        """The model; notes what a block of each kind has cost."""

        def __init__(self, case: Case) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.model, self.case = case.model(), case
            self.kind, self.seen, self.began = KINDS[0], 0, 0.0
            self.costs: dict[str, list[float]] = defaultdict(list)
            self.steps: list[float] = []

        def training_step(self, batch: Any, index: int) -> Tensor:
            """The mean loss."""
            out = self.model(batch["x"])
            losses = nn.functional.cross_entropy(out, batch["y"], reduction="none")
            self.row_loss = losses.detach().reshape(len(batch["rows"]), -1).mean(1)
            return losses.mean()

        def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
            """Whose turn it is."""
            if batch_idx % self.case.steps == 0:
                cost, now = CLOCK.take(), time.thread_time()
                if self.seen > len(KINDS):  # the first round warms up
                    self.costs[self.kind].append(cost / self.case.steps)
                    self.steps.append((now - self.began - cost) / self.case.steps)
                self.kind = KINDS[self.seen % len(KINDS)]
                self.seen += 1
                self.began = time.thread_time()

        def on_before_optimizer_step(self, optimizer: Any) -> None:
            """Lightning's way to log the norms of the gradients."""
            if self.kind == "its logging":
                self._log_norms()

        @CLOCK.timed
        def _log_norms(self) -> None:
            self.log_dict(grad_norm(self.model, norm_type=2))

        def configure_optimizers(self) -> torch.optim.Optimizer:
            """As in the plain loop."""
            return torch.optim.AdamW(self.parameters(), lr=1e-4)

    class Batches:
        """The same few batches again and again."""

        def __init__(self, case: Case) -> None:
            made = [case.inputs(case.rows) for _ in range(4)]
            self.batches = [{"x": x, "y": y, "rows": torch.arange(case.rows)} for x, y in made]
            self.count = case.steps * len(KINDS) * (blocks + 1) + 1

        def __len__(self) -> int:
            return int(self.count)

        def __iter__(self) -> Iterator[Any]:
            return (self.batches[n % 4] for n in range(self.count))

    tell(f"{'in Lightning’s trainer':<26}{'step':>10}{'logging':>11}{'callback':>11}{'ratio':>8}")
    for case in cases:
        module = Module(case)
        trainer = pl.Trainer(
            max_epochs=1,
            accelerator="gpu" if device.startswith("cuda") else "cpu",
            devices=1,
            logger=pl.loggers.CSVLogger(folder, name=case.name),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[Turns(folder / f"{case.name}.jsonl")],
        )
        trainer.fit(module, Batches(case))
        logging_, callback = (statistics.median(module.costs[kind]) for kind in KINDS)
        line = f"{case.name:<26}{statistics.median(module.steps) * 1e3:>7.2f} ms"
        tell(f"{line}{logging_ * 1e3:>8.3f} ms{callback * 1e3:>8.3f} ms{callback / logging_:>8.2f}")
    tell()


def main() -> None:
    """Print the tables."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=9, help="of steps, each kind")
    parser.add_argument("--device", default="cpu", help="such as cuda")
    parser.add_argument("--write", type=Path, metavar="PATH", help="write the tables there too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # Lightning's, of loaders and their workers
    with tempfile.TemporaryDirectory() as folder:
        if arguments.device == "cpu":
            of_loops(arguments.blocks, Path(folder))
            of_lightning(arguments.blocks, Path(folder), "cpu", CASES)
        else:
            cases = [*CASES, LARGE]
            of_device(arguments.blocks, Path(folder), arguments.device, cases, CLOCK.take)
            of_lightning(arguments.blocks, Path(folder), arguments.device, cases)
    if arguments.write:
        name = "On the CPU" if arguments.device == "cpu" else "On an accelerator"
        put_section(arguments.write, name, LINES, __doc__.split("\n\n", 2)[2].rstrip())


if __name__ == "__main__":
    main()
