"""How long fitting and applying transforms takes, against scikit-learn and Polars in the same run.

Exact medians of all columns, block by block, against Polars' over the whole frame and
``numpy.nanmedian``; then median imputation and standard scaling, and KNN imputation, against
scikit-learn's on the same numbers. Medians of the repeats; memory is what came on top.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import polars as pl
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from telling import tell, writable, write  # type: ignore[import-not-found] # beside this script

from datacheck.pipelines.fitting.order_statistics import quantiles
from datacheck.pipelines.pipeline import Pipeline
from datacheck.pipelines.transforms import make


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    writable(parser)
    chosen = parser.parse_args()
    frame = drawn(chosen.rows, chosen.columns)
    names = tuple(frame.columns)

    def blocks(columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
        for at in range(0, frame.height, 65_536):
            yield frame.slice(at, 65_536).select(columns)

    before = peak()
    own = timed(lambda: quantiles(blocks, names, (0.5,)), chosen.repeats)
    added = peak() - before
    whole = timed(frame.median, chosen.repeats)
    x = frame.to_numpy()
    slow = timed(lambda: np.nanmedian(x, axis=0), 1)
    tell(f"{chosen.rows:,} rows x {chosen.columns} columns, medians of {chosen.repeats}")
    tell(f"exact medians     {own / whole:6.2f} x Polars   {own / slow:6.2f} x NumPy   "
          f"+{added:,.0f} MiB")  # fmt: skip
    steps = [make("impute", names), make("scale", names)]
    theirs = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    fit = timed(lambda: Pipeline(steps).fit(frame), chosen.repeats)
    ratio = fit / timed(lambda: theirs.fit(x), 1)
    tell(f"fit               {ratio:6.2f} x scikit-learn (and a fingerprint of the rows)")
    fitted, known = Pipeline(steps).fit(frame), theirs.fit(x)
    ours = timed(lambda: fitted.transform(frame), chosen.repeats)
    ratio = ours / timed(lambda: known.transform(x), chosen.repeats)
    tell(f"transform         {ratio:6.2f} x scikit-learn")
    few = frame.head(20_000)
    y = few.to_numpy()
    near = Pipeline([make("impute", names, strategy="knn")]).fit(few.head(5_000))
    sk = KNNImputer().fit(y[:5_000])
    ratio = timed(lambda: near.transform(few), 1) / timed(lambda: sk.transform(y), 1)
    tell(f"KNN imputation    {ratio:6.2f} x scikit-learn ({few.height:,} rows, 5,000 donors)")
    gap = np.nanmax(np.abs(fitted.transform(frame).to_numpy() - known.transform(x)))
    tell(f"largest difference from scikit-learn: {gap:.1e}")
    write(chosen.write)


def drawn(rows: int, columns: int) -> pl.DataFrame:
    """Normal and lognormal columns; every third lacks a twentieth of its values."""
    rng = np.random.default_rng(0)
    out = {}
    for j in range(columns):
        x = rng.normal(size=rows) if j % 2 else rng.lognormal(size=rows)
        if j % 3 == 0:
            x[rng.random(rows) < 0.05] = np.nan
        out[f"x{j}"] = x
    return pl.DataFrame(out).with_columns(pl.all().fill_nan(None))


def timed(work: Callable[[], object], repeats: int) -> float:
    """Median seconds."""
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def peak() -> float:
    """Peak resident memory so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
