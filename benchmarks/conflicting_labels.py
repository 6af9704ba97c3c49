"""Whether LB001 takes accidents for contradictions, and finds those planted among accidents.

Draws tables of coarse features whose rows are independent: nobody labeled a row twice, and rows
with the same features and different labels are accidents. Classes overlap in as many ways as the
functions below; every finding is a false alarm. Then rows of each table are repeated with another
label, 5 % of them, which is what the detection benchmark plants at severity 0.5; found are those
tables about which the rule was silent before. Many hold as many accidents as contradictions, so
that these figures are for comparing one version of the rule with another.

    python benchmarks/conflicting_labels.py [--tables 100] [--seed 0]
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

import numpy as np
import polars as pl

from datacheck.types import Floats, Ints

Generator = np.random.Generator
Kind = Callable[[Generator, int], pl.DataFrame]


def table(x: Floats | Ints, y: Ints) -> pl.DataFrame:
    """Features of shape (rows, columns) and classes of shape (rows,)."""
    names = {f"x{j}": x[:, j] for j in range(x.shape[1])}
    return pl.DataFrame({**names, "label": [f"c{v}" for v in y.tolist()]})


def coarse(rng: Generator, x: Floats) -> Floats:
    """Numbers rounded to 5–40 steps, so that some rows agree."""
    steps = rng.integers(5, 41) if x.shape[1] > 2 else rng.integers(20, 121)
    return np.asarray(np.round(x / np.ptp(x, axis=0) * steps) / 10)


def normal(rng: Generator, n: int) -> pl.DataFrame:
    """Classes are normal distributions, correlated and near each other."""
    classes, width = int(rng.integers(2, 7)), int(rng.integers(2, 7))
    y = rng.integers(0, classes, n)
    turn = rng.normal(size=(width, width)) + np.ones((width, width)) * rng.uniform(0, 2)
    means = rng.normal(size=(classes, width)) * rng.uniform(0, 3)
    return table(coarse(rng, (rng.normal(size=(n, width)) + means[y]) @ turn), y)


def scale(rng: Generator, n: int) -> pl.DataFrame:
    """Classes follow each other along a scale, of which all features are measurements."""
    classes, width = int(rng.integers(2, 7)), int(rng.integers(2, 7))
    z = rng.normal(size=n)
    y = np.searchsorted(np.quantile(z, np.arange(1, classes) / classes), z)
    x = z[:, None] + rng.normal(size=(n, width)) * rng.uniform(0.05, 0.8)
    return table(coarse(rng, x), y)


def slope(rng: Generator, n: int) -> pl.DataFrame:
    """Two classes; which one is drawn by a logistic curve of what all features measure."""
    width = int(rng.integers(2, 7))
    z = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-z * rng.uniform(0, 20)))).astype(int)
    x = z[:, None] + rng.normal(size=(n, width)) * rng.uniform(0.05, 0.8)
    return table(coarse(rng, x), y)


def categories(rng: Generator, n: int) -> pl.DataFrame:
    """Categories, drawn for themselves in each class."""
    classes, width = int(rng.integers(2, 7)), int(rng.integers(3, 10))
    y = rng.integers(0, classes, n)
    x = np.empty((n, width), dtype=np.int64)
    for j in range(width):
        shares = rng.dirichlet(np.full(rng.integers(2, 12), rng.uniform(0.3, 2)), classes)
        x[:, j] = (rng.random(n)[:, None] > shares.cumsum(axis=1)[y]).sum(axis=1)
    return table(x, y)


def noise(rng: Generator, n: int) -> pl.DataFrame:
    """The label has nothing to do with the features."""
    frame = KINDS[int(rng.integers(0, 4))](rng, n)
    return frame.with_columns(label=pl.Series(rng.permutation(frame["label"].to_list())))


def kinds_of_rows(rng: Generator, n: int) -> pl.DataFrame:
    """Rows are of one of many kinds, which say most of their features, and of their class."""
    many, width = int(rng.integers(n // 4, 4 * n)), int(rng.integers(4, 9))
    kinds = rng.integers(0, 12, (many, width))
    chosen = rng.integers(0, many, n)
    other = rng.random((n, width)) < rng.uniform(0.3, 0.8)
    x = np.where(other, rng.integers(0, 12, (n, width)), kinds[chosen])
    y = rng.integers(0, 4, many)[chosen]
    return table(x, np.where(rng.random(n) < 0.1, rng.integers(0, 4, n), y))


def alike(rng: Generator, n: int) -> pl.DataFrame:
    """Two rare classes of the same few values in half of the columns, and a frequent one of any."""
    width = int(rng.integers(4, 8))
    y = np.where(rng.random(n) < 0.8, 0, rng.integers(1, 3, n))
    wide, narrow = rng.integers(0, 9, (n, width)), rng.integers(0, 3, (n, width))
    own = (y > 0)[:, None] & (np.arange(width) < width // 2)
    return table(np.where(own, narrow, wide), y)


def parity(rng: Generator, n: int) -> pl.DataFrame:
    """The class is the parity of two features, but for one row in ten."""
    width = int(rng.integers(3, 7))
    x = rng.integers(0, rng.integers(4, 12), (n, width))
    y = (x[:, 0] + x[:, -1]) % 2
    return table(x, np.where(rng.random(n) < 0.1, 1 - y, y))


def copied(rng: Generator, n: int) -> pl.DataFrame:
    """Rows that occur up to three times with their label, as oversampling leaves them."""
    frame = KINDS[int(rng.integers(0, 4))](rng, n)
    return pl.concat([frame, frame.sample(int(rng.integers(n // 2, 2 * n)), with_replacement=True,
                                          seed=int(rng.integers(1 << 30)))])  # fmt: skip


def many_classes(rng: Generator, n: int) -> pl.DataFrame:
    """Up to sixty classes, each of which overlaps with few others."""
    classes, width = int(rng.integers(20, 61)), int(rng.integers(2, 6))
    y = rng.integers(0, classes, n)
    means = rng.normal(size=(classes, width)) * rng.uniform(1, 5)
    return table(coarse(rng, rng.normal(size=(n, width)) + means[y]), y)


KINDS: tuple[Kind, ...] = (normal, scale, slope, categories, noise, kinds_of_rows, alike, parity,
                           copied, many_classes)  # fmt: skip


def planted(frame: pl.DataFrame, rng: Generator, share: float = 0.05) -> pl.DataFrame:
    """Some rows again, with the class that follows theirs."""
    from datacheck.testing.faults.labels import conflicting_labels

    return conflicting_labels(frame, frame[:0], "label", share / 0.1, rng).train


def speaks(frame: pl.DataFrame) -> bool:
    """Whether LB001 does."""
    import datacheck

    settings = {"label": "label", "task": "classification", "select": ("LB001",), "threads": 1}
    return bool(datacheck.audit({"train": frame}, settings=settings).of("LB001"))


def accidents(frame: pl.DataFrame) -> bool:
    """Whether some rows have the same features and different labels."""
    features = [c for c in frame.columns if c != "label"]
    return frame.select(*features, "label").unique().height > frame.select(features).unique().height


def main() -> None:
    """Print false alarms and recall for each kind of table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tables", type=int, default=100, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    print("| tables | with accidents | false alarms | planted 5 % found |\n|---|---|---|---|")
    sums = np.zeros(3, dtype=int)
    for k, kind in enumerate(KINDS):
        found = np.zeros(3, dtype=int)
        for i in range(chosen.tables):
            rng = np.random.default_rng([chosen.seed, k, i])
            frame = kind(rng, int(rng.integers(60, 1501)))
            alarm = speaks(frame)
            found += [accidents(frame), alarm, not alarm and speaks(planted(frame, rng))]
        told = " | ".join(str(v) for v in found)
        print(f"| {kind.__name__.replace('_', ' ')} | {told} |", flush=True)
        sums += found
    print(f"| all {chosen.tables * len(KINDS)} | {' | '.join(str(v) for v in sums)} |")


if __name__ == "__main__":
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    main()
