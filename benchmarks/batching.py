"""What batching by length saves and what it does to the loss, against the ways it is usually done.

First a million lognormal lengths (mean 200, longest 4,096) at 16,384 tokens a batch: padding (PW),
how much the real tokens of a step vary (TCV), how alike successive batches are in length, and the
time to plan an epoch beside ``numpy.argsort`` of the lengths. Then a small language model on real
text (the docstrings of Python's standard library, or ``--data``): loss volatility (LV) of each way
over that of random batches, in pairs of the same seed, with a t interval on the log-ratios.
A step of the optimizer is ``--accumulate`` batches on each of ``--ranks`` for all of them, weighted
by real tokens; LV is the root mean square of the step's loss about its running median, over the
loss of the best constant predictor. The last way is also told how surprising each text is to a
model of single words, pairs and triples, ``mirror=surprise(texts)``; the model is not.
"""

from __future__ import annotations

import argparse
import ast
import re
import statistics
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from telling import tell, writable, write  # type: ignore[import-not-found] # beside this script

from datacheck.pipelines.bucketing import BucketBatchSampler
from datacheck.pipelines.samplers.balanced import cut_in_order
from datacheck.pipelines.samplers.budgets import Tokens
from datacheck.pipelines.samplers.length_layout import by_length, cut
from datacheck.pipelines.surprise import surprise
from datacheck.types import Floats, Ints

Batches = list[Ints]
Way = Callable[[Ints, int, int], Batches]
POOL = 50  # batches that a pool sort sorts at a time
CONTEXT, WIDTH, HIDDEN = 3, 16, 32
BURN_IN = 0.1


# -- ways to batch -----------------------------------------------------------------------------


def random_batches(lengths: Ints, budget: int, seed: int) -> Batches:
    """In random order, cut where the budget of padded tokens is full."""
    order = np.random.default_rng(seed).permutation(lengths.size)
    return _cut(order, lengths, budget)


def pool_sort(lengths: Ints, budget: int, seed: int) -> Batches:
    """Random pools, each sorted by length (Hugging Face's ``group_by_length``)."""
    order = np.random.default_rng(seed).permutation(lengths.size)
    pool = max(1, round(POOL * budget / lengths.mean()))
    place = np.arange(lengths.size) // pool
    return _cut(order[np.lexsort((-lengths[order], place))], lengths, budget)


def sorted_order(lengths: Ints, budget: int, seed: int) -> Batches:
    """The longest first, never shuffled."""
    order = by_length(lengths)
    edges, _ = cut(lengths[order], Tokens(budget))
    return np.split(order, edges[1:-1])


def shuffled_buckets(lengths: Ints, budget: int, seed: int) -> Batches:
    """Sorted, cut, and the batches in random order: what most bucketing comes to."""
    rng = np.random.default_rng(seed)
    turn = rng.permutation(lengths.size)
    batches = sorted_order(lengths[turn], budget, 0)
    return [turn[batches[i]] for i in rng.permutation(len(batches))]


def ours(
    lengths: Ints, budget: int, seed: int, *, step: tuple[int, int] = (4, 1), mirror: Any = None
) -> Batches:
    """datacheck's BucketBatchSampler; ``step`` is (accumulate, ranks)."""
    accumulate, ranks = step
    planned = [
        BucketBatchSampler(
            lengths, Tokens(budget), accumulate=accumulate, seed=seed, mirror=mirror,
            rank=rank, world_size=ranks,
        ).plan()
        for rank in range(ranks)
    ]  # fmt: skip
    indices = planned[0][0]
    bounds = np.stack([own for _, own in planned], axis=1).reshape(-1, 2)
    return [indices[a:b] for a, b in bounds.tolist()]


WAYS: dict[str, Way] = {
    "random": random_batches,
    "pool sort": pool_sort,
    "sorted": sorted_order,
    "shuffled buckets": shuffled_buckets,
    "datacheck": ours,  # in training(), of the step that is asked for
}


def _cut(order: Ints, lengths: Ints, budget: int) -> Batches:
    return np.split(order, cut_in_order(lengths[order], budget, order.size)[1:-1])


# -- padding -----------------------------------------------------------------------------------


def figures(lengths: Ints, batches: Batches, together: int) -> tuple[float, float, float]:
    """(padded ÷ real tokens, sd ÷ mean of the real tokens of a step, autocorrelation at lag 1).

    The autocorrelation is that of the mean length of successive batches.
    """
    real = np.array([lengths[b].sum() for b in batches], dtype=np.float64)
    padded = np.array([b.size * lengths[b].max() for b in batches], dtype=np.float64)
    mean = real / np.array([b.size for b in batches])
    whole = len(batches) // together * together
    steps = real[:whole].reshape(-1, together).sum(axis=1)
    alike = float(np.corrcoef(mean[1:], mean[:-1])[0, 1])
    return float(padded.sum() / real.sum()), float(steps.std() / steps.mean()), alike


def padding(rows: int, budget: int, seed: int) -> None:
    """The table of a million lengths."""
    rng = np.random.default_rng(seed)
    lengths = np.minimum(rng.lognormal(np.log(200) - 0.5, 1.0, rows).astype(np.int64) + 1, 4096)
    tell(f"{rows:,} lognormal lengths, mean {lengths.mean():.0f}, {budget:,} tokens a batch")
    tell(f"{'':<18}{'padded/real':>12}{'over sorted':>12}{'PW':>7}{'TCV':>8}{'autocorr.':>11}"
          f"{'plan/argsort':>14}")  # fmt: skip
    least = figures(lengths, sorted_order(lengths, budget, 0), 4)[0]
    for name, way in WAYS.items():
        ratio = plan_time(way if name != "datacheck" else None, lengths, budget)
        found, tcv, alike = figures(lengths, way(lengths, budget, seed), 4)
        tell(f"{name:<18}{found:>12.3f}{found / least:>12.3f}{1 - 1 / found:>7.2f}{tcv:>8.3f}"
              f"{alike:>11.2f}{ratio:>14.1f}")  # fmt: skip


def plan_time(way: Way | None, lengths: Ints, budget: int) -> float:
    """Median over five rounds of the time to plan an epoch, over that of numpy.argsort."""
    ratios = []
    for seed in range(5):
        began = time.perf_counter()
        np.argsort(lengths)
        between = time.perf_counter()
        if way is None:
            BucketBatchSampler(lengths, Tokens(budget), accumulate=4, seed=seed).plan()
        else:
            way(lengths, budget, seed)
        ratios.append((time.perf_counter() - between) / (between - began))
    return statistics.median(ratios)


# -- text --------------------------------------------------------------------------------------


def docstrings() -> list[list[str]]:
    """Words of the docstrings of the standard library, as this Python has it."""
    root = Path(sysconfig.get_paths()["stdlib"])
    out = []
    for path in sorted(root.rglob("*.py")):
        if "site-packages" in path.parts or "test" in path.parts or "idlelib" in path.parts:
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
        texts = [ast.get_docstring(n) for n in ast.walk(tree) if isinstance(n, kinds)]
        out += [words(t) for t in texts if t]
    return [w for w in out if len(w) > 1]


def read(path: Path, column: str) -> list[list[str]]:
    """Words of a column of a CSV or JSON Lines file."""
    import polars as pl

    frame = pl.read_ndjson(path) if path.suffix in (".jsonl", ".ndjson") else pl.read_csv(
        path, separator="\t" if path.suffix == ".tsv" else ",", truncate_ragged_lines=True
    )  # fmt: skip
    found = [words(t) for t in frame[column].drop_nulls().cast(pl.String).to_list()]
    return [w for w in found if len(w) > 1]


def words(text: str) -> list[str]:
    """Lower case, punctuation apart."""
    return re.findall(r"\w+|[^\w\s]", text.lower())[:400]


def coded(texts: list[list[str]], size: int) -> tuple[list[Ints], float]:
    """(codes from 1 of each text, entropy in nats of the codes: L_ref)."""
    counts = Counter(w for text in texts for w in text)
    code = {w: i + 2 for i, (w, _) in enumerate(counts.most_common(size - 2))}
    out = [np.array([code.get(w, 1) for w in text], dtype=np.int64) for text in texts]
    held = np.bincount(np.concatenate(out)).astype(np.float64)
    p = held[held > 0] / held.sum()
    return out, float(-(p * np.log(p)).sum())


# -- training ----------------------------------------------------------------------------------


def losses(
    texts: list[Ints], way: Way, budget: int, steps: int, seed: int, size: int, together: int
) -> Floats:
    """The loss of each step of a small language model, in nats a word."""
    import torch

    torch.set_num_threads(1)  # small matrices: a second thread only waits
    lengths = np.array([t.size for t in texts])
    torch.manual_seed(seed)
    model = torch.nn.Sequential(
        torch.nn.Embedding(size, WIDTH), torch.nn.Flatten(-2),
        torch.nn.Linear(CONTEXT * WIDTH, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, size),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    out = []
    for step in _steps(lengths, way, budget, steps, seed, together):
        optimizer.zero_grad()
        total, held = 0.0, sum(int(lengths[b].sum()) for b in step)
        for batch in step:
            context, target = _windows([texts[i] for i in batch])
            mean = torch.nn.functional.cross_entropy(model(context), target)
            weight = int(lengths[batch].sum()) / held
            (weight * mean).backward()  # type: ignore[no-untyped-call] # torch does not say
            total += weight * mean.item()
        optimizer.step()
        out.append(total)
    return np.array(out)


def _steps(
    lengths: Ints, way: Way, budget: int, steps: int, seed: int, together: int
) -> Iterator[Batches]:
    epoch = 0
    while steps > 0:
        batches = way(lengths, budget, seed * 1000 + epoch)
        for i in range(0, len(batches) - together + 1, together):
            if steps > 0:
                yield batches[i : i + together]
            steps -= 1
        epoch += 1


def _windows(texts: list[Ints]) -> tuple[Any, Any]:
    """(the words before, shape (tokens, CONTEXT); the words, shape (tokens,)) without padding."""
    import torch

    gap = np.zeros(CONTEXT, dtype=np.int64)
    flat = np.concatenate([np.concatenate([gap, t]) for t in texts])
    windows = np.lib.stride_tricks.sliding_window_view(flat, CONTEXT + 1)
    real = windows[windows[:, -1] > 0]
    return torch.from_numpy(real[:, :-1].copy()), torch.from_numpy(real[:, -1].copy())


def volatility(loss: Floats, reference: float) -> float:
    """LV: rms of the loss about its running median, over the reference; burn-in left out."""
    window = max(3, min(31, loss.size // 10)) | 1
    padded = np.pad(loss, window // 2, mode="edge")
    median = np.median(np.lib.stride_tricks.sliding_window_view(padded, window), axis=1)
    off = (loss - median)[round(BURN_IN * loss.size) :]
    return float(np.sqrt((off**2).mean()) / reference)


def training(
    texts: list[list[str]], budget: int, steps: int, seeds: int, size: int, step: tuple[int, int]
) -> None:
    """The table of a text; ``step`` is (accumulate, ranks)."""
    from scipy.stats import t

    codes, reference = coded(texts, size)
    lengths = np.array([c.size for c in codes])
    together = step[0] * step[1]
    tell(f"{lengths.size:,} texts, {lengths.sum():,} words, mean {lengths.mean():.0f}, "
         f"{budget:,} real tokens a batch, {step[0]} × {step[1]} batches a step, {steps} steps, "
         f"{seeds} seeds")  # fmt: skip
    tell(f"{'':<18}{'PW':>7}{'TCV':>8}{'tokens/step':>13}{'LV':>9}{'LV over random':>17}"
          f"{'95 %':>15}{'last loss':>11}")  # fmt: skip
    ways: dict[str, Way] = {
        **WAYS,
        "datacheck": partial(ours, step=step),
        "datacheck, mirror": partial(ours, step=step, mirror=surprise(codes)),
    }
    base: list[float] = []
    for name, way in ways.items():
        # Each way gets the budget of padded tokens that comes to the same real tokens a step.
        own = budget
        for _ in range(6):
            own = round(own * budget * len(way(lengths, own, 0)) / lengths.sum())
        batches = way(lengths, own, 0)
        found, tcv, _ = figures(lengths, batches, together)
        real = together * lengths.sum() / len(batches)
        runs = [losses(codes, way, own, steps, seed, size, together) for seed in range(seeds)]
        lv = [volatility(run, reference) for run in runs]
        last = statistics.mean(float(run[-steps // 5 :].mean()) for run in runs)
        base = base or lv
        logs = np.log(np.array(lv) / np.array(base))
        half = t.ppf(0.975, seeds - 1) * logs.std(ddof=1) / np.sqrt(seeds) if seeds > 1 else np.nan
        low, high = np.exp(logs.mean() - half), np.exp(logs.mean() + half)
        interval = f"{low:.2f} to {high:.2f}" if name != "random" else ""
        tell(f"{name:<18}{1 - 1 / found:>7.2f}{tcv:>8.3f}{real:>13,.0f}{statistics.mean(lv):>9.4f}"
              f"{np.exp(logs.mean()):>17.2f}{interval:>15}{last:>11.3f}")  # fmt: skip


def main() -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="of the first table; 0: without it"
    )
    parser.add_argument("--budget", type=int, default=16_384, help="tokens a batch, first table")
    parser.add_argument("--tokens", type=int, default=1_024, help="real tokens, second table")
    parser.add_argument("--steps", type=int, default=160)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--accumulate", type=int, default=4, help="batches a step and rank")
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--words", type=int, default=400, help="size of the vocabulary")
    parser.add_argument(
        "--data", type=Path, nargs="*", help="CSV, TSV or JSON Lines files, a table of each"
    )
    parser.add_argument("--text", default="text", help="its column of text")
    writable(parser)
    chosen = parser.parse_args()
    if chosen.rows:
        padding(chosen.rows, chosen.budget, 0)
        tell()
    step = (chosen.accumulate, chosen.ranks)
    for path in chosen.data or [None]:
        texts = read(path, chosen.text) if path else docstrings()
        training(texts, chosen.tokens, chosen.steps, chosen.seeds, chosen.words, step)
    write(chosen.write)


if __name__ == "__main__":
    main()
