"""What ``StabilityMonitor`` costs: its share of a training step, and beside Lightning's logging.

    python benchmarks/monitor_overhead.py [--blocks 9] [--write benchmarks/monitor_overhead.md]

Models of a million parameters and more, on the CPU, on one thread, with AdamW. The monitor gets
rows and their losses and writes its record to a file; its cost holds all that it does: the norm of
the gradient, the update-to-weight ratio and dead units of every tenth step, and the writing.
Blocks of steps with and without it take turns; the cost is the median over pairs of blocks of the
difference, in seconds of the processor (other programs on the machine then count little).

"reused" is a loop that clips: the monitor is given the norm that clipping computed. "Lightning" is
the same model in Lightning's trainer; blocks with nothing, with its logging of the gradient norm
(``grad_norm`` and ``log_dict`` in ``on_before_optimizer_step``) and with our callback take turns.

Promise: at most 3 % of a step, or 0.1 ms.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from datacheck.training.monitor import StabilityMonitor

LINES: list[str] = []
ALLOWED_SHARE, ALLOWED_MS = 0.03, 0.1


def tell(line: str = "") -> None:
    """Print a line, and keep it."""
    LINES.append(line)
    print(line, flush=True)


# -- models --------------------------------------------------------------------------------------


class Decoder(nn.Module):
    """A causal Transformer over tokens."""

    def __init__(self, width: int, layers: int, words: int = 1000, length: int = 64) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(words, width), nn.Embedding(length, width)
        layer = nn.TransformerEncoderLayer(
            width,
            4,
            4 * width,
            dropout=0.1,
            activation=nn.GELU(),
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.out = nn.Linear(width, words)
        self.register_buffer("ahead", nn.Transformer.generate_square_subsequent_mask(length))

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits, shape (batch, words, length)."""
        x = self.embed(tokens) + self.place.weight
        logits: Tensor = self.out(self.layers(x, mask=self.ahead, is_causal=True))
        return logits.transpose(1, 2)


def perceptron(width: int) -> nn.Module:
    """Two hidden layers."""
    return nn.Sequential(
        nn.Linear(100, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)
    )


@dataclass(frozen=True)
class Case:
    """A model, and batches of so many rows for it."""

    name: str
    model: Callable[[], nn.Module]
    inputs: Callable[[int], tuple[Tensor, Tensor]]
    rows: int
    steps: int  # in a block


def numbers(rows: int) -> tuple[Tensor, Tensor]:
    """Rows of a table, with classes."""
    return torch.randn(rows, 100), torch.randint(0, 10, (rows,))


def images(rows: int) -> tuple[Tensor, Tensor]:
    """Images of three channels, with classes."""
    return torch.randn(rows, 3, 32, 32), torch.randint(0, 10, (rows,))


def sequences(rows: int) -> tuple[Tensor, Tensor]:
    """Tokens, and those that follow."""
    tokens = torch.randint(0, 1000, (rows, 65))
    return tokens[:, :-1], tokens[:, 1:]


CASES = [
    Case("perceptron 1 M, 64 rows", lambda: perceptron(950), numbers, 64, 40),
    Case("perceptron 1 M, 256 rows", lambda: perceptron(950), numbers, 256, 20),
    Case("decoder 1 M, 8 × 64", lambda: Decoder(128, 4), sequences, 8, 20),
    Case("decoder 6 M, 8 × 64", lambda: Decoder(256, 7), sequences, 8, 20),
    Case("ResNet-18 11 M, 16 × 32²", torchvision.models.resnet18, images, 16, 20),
]


# -- a plain loop --------------------------------------------------------------------------------


class Loop:
    """A model that is trained on the same few batches, for as long as one likes."""

    def __init__(self, case: Case) -> None:
        torch.manual_seed(0)
        self.case, self.model = case, case.model()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4)
        self.batches = [(*case.inputs(case.rows), torch.arange(case.rows)) for _ in range(4)]

    def block(self, folder: Path, *, watched: bool, clips: bool) -> float:
        """Seconds of the processor for a step, the mean of a block."""
        monitor = None
        if watched:
            path = folder / f"{time.monotonic_ns()}.jsonl"
            monitor = StabilityMonitor(self.model, self.optimizer, path=path)
        began = time.process_time()
        for number in range(self.case.steps):
            x, y, rows = self.batches[number % len(self.batches)]
            losses = nn.functional.cross_entropy(self.model(x), y, reduction="none")
            losses = losses.reshape(len(rows), -1).mean(1)
            loss = losses.mean()
            self.optimizer.zero_grad()
            torch.autograd.backward(loss)
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), 1.0) if clips else None
            if monitor is not None:
                monitor.step(loss, rows=rows, per_row_loss=losses, grad_norm=norm)
            self.optimizer.step()
        if monitor is not None:
            monitor.flush()
        spent = (time.process_time() - began) / self.case.steps
        if monitor is not None:
            monitor.close()
        return spent


def of_loops(blocks: int, folder: Path) -> None:
    """The table of plain loops."""
    tell(
        f"{'':<26}{'parameters':>12}{'step':>10}{'monitor':>10}{'share':>8}{'reused':>10}{'share':>8}"
    )
    for case in CASES:
        loop = Loop(case)
        parameters = sum(p.numel() for p in loop.model.parameters())
        costs: dict[bool, list[float]] = {False: [], True: []}
        bare: dict[bool, list[float]] = {False: [], True: []}
        loop.block(folder, watched=True, clips=True)  # to warm up
        for _ in range(blocks):
            for clips in (False, True):
                # Bare, watched, bare: a machine that gets slower or faster meanwhile evens out.
                first = loop.block(folder, watched=False, clips=clips)
                watched = loop.block(folder, watched=True, clips=clips)
                second = loop.block(folder, watched=False, clips=clips)
                bare[clips].append((first + second) / 2)
                costs[clips].append(watched - (first + second) / 2)
        line = f"{case.name:<26}{parameters:>12,}{statistics.median(bare[False]) * 1e3:>7.2f} ms"
        for clips in (False, True):
            cost, step = statistics.median(costs[clips]), statistics.median(bare[clips])
            line += f"{cost * 1e3:>7.3f} ms{cost / step:>8.1%}"
        tell(line)
    tell()


# -- Lightning -----------------------------------------------------------------------------------

KINDS = ("nothing", "its logging", "callback")


def of_lightning(blocks: int, folder: Path) -> None:
    """The table of Lightning's trainer."""
    import lightning.pytorch as pl
    from lightning.pytorch.utilities import grad_norm

    from datacheck.training.lightning import StabilityCallback

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Turns(StabilityCallback):  # type: ignore[misc] # a class that is made when asked for
        """Our callback, that takes part in some blocks only."""

        def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
            """A step, if it is our turn."""
            if pl_module.kind == "callback":
                super().on_before_optimizer_step(trainer, pl_module, optimizer)
            else:
                self._forget()

    class Module(pl.LightningModule):
        """The model; measures the steps of each kind of block."""

        def __init__(self, case: Case) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.model, self.case = case.model(), case
            self.kind, self.began, self.seen = KINDS[0], 0.0, 0
            self.spent: dict[str, list[float]] = defaultdict(list)

        def training_step(self, batch: Any, index: int) -> Tensor:
            """The mean loss."""
            losses = nn.functional.cross_entropy(
                self.model(batch["x"]), batch["y"], reduction="none"
            )
            self.row_loss = losses.detach().reshape(len(batch["rows"]), -1).mean(1)
            return losses.mean()

        def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
            """Whose turn it is."""
            if batch_idx % self.case.steps == 0:
                now = time.process_time()
                if self.seen > len(KINDS):  # the first round warms up
                    self.spent[self.kind].append((now - self.began) / self.case.steps)
                self.kind = KINDS[self.seen % len(KINDS)]
                self.seen += 1
                self.began = time.process_time()

        def on_before_optimizer_step(self, optimizer: Any) -> None:
            """Lightning's way to log the norms of the gradients."""
            if self.kind == "its logging":
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
            return self.count

        def __iter__(self) -> Iterator[Any]:
            return (self.batches[n % 4] for n in range(self.count))

    tell(f"{'in Lightning’s trainer':<26}{'step':>10}{'logging':>11}{'callback':>11}{'ratio':>8}")
    for case in CASES:
        module = Module(case)
        trainer = pl.Trainer(
            max_epochs=1,
            accelerator="cpu",
            logger=pl.loggers.CSVLogger(folder, name=case.name),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[Turns(folder / f"{case.name}.jsonl")],
        )
        trainer.fit(module, Batches(case))
        nothing = module.spent["nothing"]
        costs = [
            statistics.median(b - a for a, b in zip(nothing, module.spent[kind], strict=True))
            for kind in KINDS[1:]
        ]
        step = statistics.median(nothing)
        line = f"{case.name:<26}{step * 1e3:>7.2f} ms"
        tell(line + "".join(f"{c * 1e3:>8.3f} ms" for c in costs) + f"{costs[1] / costs[0]:>8.2f}")
    tell()


def main() -> None:
    """Print the tables."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=9, help="pairs of blocks")
    parser.add_argument("--write", type=Path, metavar="PATH", help="write the tables there too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # Lightning's, of loaders and their workers
    with tempfile.TemporaryDirectory() as folder:
        of_loops(arguments.blocks, Path(folder))
        of_lightning(arguments.blocks, Path(folder))
    if arguments.write:
        command = " ".join(["python", *sys.argv])
        head = f"Written by `{command}`.\n\n"
        about = __doc__.split("\n\n", 2)[2].rstrip()
        table = "\n".join(LINES).strip()
        text = f"{head}```text\n{table}\n```\n\n{about}\n"
        arguments.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
