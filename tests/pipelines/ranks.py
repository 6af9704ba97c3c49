"""What each process of a distributed test runs; apart, so that it starts without the tests."""

from __future__ import annotations

import json
from pathlib import Path

import torch
import torch.distributed as distributed

from datacheck.pipelines.loaders import loaders


def of_a_rank(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    where = f"file://{folder}/meeting"
    distributed.init_process_group("gloo", init_method=where, rank=rank, world_size=2)
    made = loaders(
        folder / "data",
        label="label",
        batch_size=8,
        workers=1,
        cache=folder / "cache",
        multiprocessing_context="fork",
    )
    out = []
    for epoch in range(2):
        made.set_epoch(epoch)
        for batch in made["train"]:  # what DDP does: all ranks meet in each step
            total = torch.tensor([len(batch)])
            distributed.all_reduce(total)
            out.append([epoch, batch.rows.tolist(), int(total)])
    evaluated = [i for batch in made["test"] for i in batch.rows.tolist()]
    (folder / f"rank{rank}.json").write_text(json.dumps([out, evaluated]))
    distributed.destroy_process_group()
