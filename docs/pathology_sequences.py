"""Small real runs on sequences, each with a fault and without it, as a monitor records them.

The data are the docstrings of Python's standard library, and symbols drawn at random.
"""

from __future__ import annotations

import ast
import re
import sysconfig
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from datacheck.pipelines.bucketing import BucketBatchSampler
from datacheck.pipelines.collate import Batch, Collate, pad
from datacheck.pipelines.loader import Loader
from datacheck.pipelines.samplers.budgets import Examples
from datacheck.pipelines.storage.tables import ADDRESS, MemoryTable
from datacheck.training import (
    CausalLM,
    KeyedBatchSampler,
    Run,
    SequenceToSequence,
    TrainConfig,
    reference_loss,
)
from datacheck.training.models import Decoder, EncoderDecoder
from datacheck.types import Ints
from docs.pathology_runs import SEED, Pair, fit, loader

LONGEST, WORDS = 64, 500


class Cut:
    """Batches of rows in the order given, the same in each epoch."""

    def __init__(self, order: Ints, size: int = 16) -> None:
        self.order, self.size, self.epoch = order, size, 0

    def __len__(self) -> int:
        return -(-self.order.size // self.size)

    def __iter__(self) -> Iterator[list[int]]:
        for at in range(0, self.order.size, self.size):
            yield self.order[at : at + self.size].tolist()

    def set_epoch(self, epoch: int) -> None:
        """The order stays."""
        self.epoch = epoch

    def state_dict(self) -> dict[str, Any]:
        """Where it stands."""
        return {"epoch": self.epoch}


class TrainsOnPadding(CausalLM):
    """Padding counts in the loss, but is judged by real words."""

    def judge(self, model: Any, batch: Batch) -> Any:
        """As the objective that leaves padding out."""
        return CausalLM(start=self.start).judge(model, batch)


def exploding() -> Pair:
    """Sequences of 300 symbols of which the last four are to be said again: a recurrent network of

    ReLUs whose rate (Adam) is warmed up to 0.15; and an LSTM at 0.01, clipped at 5.
    """
    source = np.random.default_rng(4).integers(1, 9, (480, 300))
    whole = Batch(
        torch.arange(480),
        sequences={"source": _padded(list(source)), "target": _padded(list(source[:, -4:]))},
    )
    train = whole.take(torch.arange(400))
    objective = SequenceToSequence(start=9, column="target", source="source")
    shared: dict[str, Any] = {
        "steps": 85, "warmup": 60, "on_nonfinite": "apply", "evaluate_every": 20, "device": "cpu"
    }  # fmt: skip
    forms: tuple[tuple[str, dict[str, Any]], ...] = (
        ("relu", {"lr": 0.15}),
        ("lstm", {"lr": 0.01, "clip": "norm", "clip_at": 5.0}),
    )
    runs = [
        fit(
            EncoderDecoder(9, 10, hidden=32, cell=cell, init="orthogonal"),
            objective,
            loader(train, KeyedBatchSampler(np.arange(400), 32, SEED)),
            [whole.take(torch.arange(400, 480))],
            TrainConfig(**shared, **config),
            float(np.log(8)),
        )
        for cell, config in forms
    ]
    return runs[0], runs[1]


def padding_in_the_loss() -> Pair:
    """Padding counts in the loss like any word; and it does not."""
    return (
        _language(TrainsOnPadding(start=WORDS + 2, masked=False)),
        _language(CausalLM(start=WORDS + 2)),
    )


def saw_tooth() -> Pair:
    """Batches in order of length; and steps of four batches that mirror all lengths."""
    lengths = np.array([len(t) for t in _texts()[:800]], dtype=np.int64)
    order = np.argsort(lengths, kind="stable")
    naive = Cut(order)
    ours = BucketBatchSampler(lengths, Examples(4), accumulate=4, seed=SEED)
    objective = CausalLM(start=WORDS + 2)
    return _language(objective, naive), _language(objective, ours)


def _language(objective: CausalLM, sampler: Any = None) -> Run:
    """A small Transformer on docstrings."""
    texts = _texts()
    train, held_out = (
        Loader(_table(part), by, collate_fn=Collate(sequences=("text",)))
        for part, by in (
            (texts[:800], sampler or KeyedBatchSampler(np.arange(800), 16, SEED)),
            (texts[800:], Cut(np.arange(200), 50)),
        )
    )
    return fit(
        Decoder(WORDS + 3, width=32, depth=1, heads=2, dropout=0.0),
        objective, train, list(held_out),
        TrainConfig(steps=250, lr=3e-3, evaluate_every=10, device="cpu"),
        reference_loss(np.concatenate(texts[800:]), "classification"), every=50,
    )  # fmt: skip


def _table(texts: list[Ints]) -> MemoryTable:
    frame = pl.DataFrame({"text": pl.Series([t.tolist() for t in texts], dtype=pl.List(pl.Int64))})
    return MemoryTable(frame.with_columns(pl.Series(ADDRESS, np.arange(len(texts)))))


def _padded(lists: list[Ints]) -> Any:
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in lists])])
    return pad(np.concatenate(lists), offsets.astype(np.int64))


@cache
def _texts() -> list[Ints]:
    """Codes of the words of 1,000 docstrings of the standard library, 64 words at most."""
    found = []
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue
        kinds = ast.Module | ast.ClassDef | ast.FunctionDef
        texts = (ast.get_docstring(n) for n in ast.walk(tree) if isinstance(n, kinds))
        found += [re.findall(r"\w+|[^\w\s]", t.lower())[:LONGEST] for t in texts if t]
    order = np.random.default_rng(SEED).permutation(len(found))
    kept = [found[i] for i in order if len(found[i]) > 3][:1000]
    counts = Counter(word for words in kept for word in words)
    codes = {word: i + 2 for i, (word, _) in enumerate(counts.most_common(WORDS))}
    return [np.array([codes.get(w, 1) for w in words], dtype=np.int64) for words in kept]
