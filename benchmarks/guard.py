"""What ``guard`` costs: its time for a batch over that of a training step, in the same run.

    python benchmarks/guard.py [--repeats 300]

The model is a perceptron of about a million parameters with Adam, on the CPU, on one thread. The
time of a check is measured alone (a difference of whole epochs would drown in their noise), as a
median; so is a step. Promise: at most 2 % of a step.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from telling import tell, writable, write  # type: ignore[import-not-found] # beside this script

from datacheck.pipelines.collate import Batch
from datacheck.pipelines.guard import guard
from datacheck.pipelines.profile import Profile

CLASSES = 10


def median_time(run: Callable[[], object], repeats: int) -> float:
    """Median seconds of a call, after some to warm up."""
    for _ in range(max(repeats // 20, 5)):
        run()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def measure(rows: int, features: int, repeats: int) -> tuple[float, float, int]:
    """(seconds of a step, seconds of a check, parameters)."""
    torch.manual_seed(0)
    width = round((-(features + CLASSES) + ((features + CLASSES) ** 2 + 4e6) ** 0.5) / 2)
    model = torch.nn.Sequential(
        torch.nn.Linear(features, width),
        torch.nn.ReLU(),
        torch.nn.Linear(width, width),
        torch.nn.ReLU(),
        torch.nn.Linear(width, CLASSES),
    )
    loss = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    x, y = torch.randn(20 * rows, features), torch.randint(0, CLASSES, (20 * rows,))
    batches = [
        Batch(rows=torch.arange(i, i + rows), x=x[i : i + rows], y=y[i : i + rows])
        for i in range(0, x.shape[0], rows)
    ]
    checked = guard(batches, Profile.fit(batches))
    place = 0

    def check() -> None:
        nonlocal place
        assert not checked.check(batches[place % len(batches)], place)
        place += 1

    def step() -> None:
        optimizer.zero_grad()
        torch.autograd.backward(loss(model(x[:rows]), y[:rows]))
        optimizer.step()

    parameters = sum(p.numel() for p in model.parameters())
    return median_time(step, max(repeats // 5, 20)), mean_time(check, repeats), parameters


def mean_time(run: Callable[[], object], repeats: int) -> float:
    """Mean seconds of a call: every sixteenth check does more, which a median would hide."""
    for _ in range(16):
        run()
    began = time.perf_counter()
    for _ in range(16 * (repeats // 16 + 1)):
        run()
    return (time.perf_counter() - began) / (16 * (repeats // 16 + 1))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=400)
    writable(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tell(f"{'rows':>5} {'features':>8} {'parameters':>11} {'step':>9} {'guard':>9} {'share':>7}")
    for rows, features in ((32, 20), (64, 100), (256, 100), (64, 784)):
        step, check, parameters = measure(rows, features, arguments.repeats)
        times = f"{step * 1e3:>6.2f} ms {check * 1e6:>6.1f} µs {check / step:>7.2%}"
        tell(f"{rows:>5} {features:>8} {parameters:>11,} {times}")
    write(arguments.write)


if __name__ == "__main__":
    main()
