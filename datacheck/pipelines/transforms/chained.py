"""Missing numbers predicted from the other columns, in rounds, as ``IterativeImputer`` fits it.

Multivariate imputation by chained equations (van Buuren & Groothuis-Oudshoorn 2011): scikit-learn
fits one Bayesian ridge regression (MacKay 1992) a column and round; what is kept of each is its
coefficients, and they are applied in the order they were fitted in, without drawing at random.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from datacheck.errors import UsageError
from datacheck.types import Floats

LARGEST = 1e70  # beyond it the regressions' sums of squares of squares leave float64
MOST_COLUMNS = 200  # each round keeps columns × (columns − 1) coefficients


@dataclass(frozen=True)
class Step:
    """One regression: of ``column`` on all others, in their order."""

    column: str
    intercept: float
    coefficients: tuple[float, ...]


@dataclass(frozen=True)
class Chain:
    """``means`` stand in at first, by column; then the steps are taken in turn."""

    means: Mapping[str, float]
    steps: tuple[Step, ...]
    converged: bool = True

    def __post_init__(self) -> None:
        for step in self.steps:
            if step.column not in self.means:
                raise UsageError(f"a step for {step.column!r}, which has no mean", "fit it again")
            if len(step.coefficients) != len(self.means) - 1:
                raise UsageError(
                    f"{len(step.coefficients)} coefficients for {step.column!r}",
                    f"expected {len(self.means) - 1}, one for each other column",
                )

    def fill(self, x: Floats) -> Floats:
        """x of shape (rows, columns of ``means``) with NaN filled, as a copy.

        What a row gets does not depend on the rows beside it. A prediction beyond float64 is
        the mean instead.
        """
        out = np.array(x, dtype=np.float64, order="C")
        gone = np.isnan(out)
        lacking = np.flatnonzero(gone.any(axis=1))
        if not lacking.size:
            return out
        mask, y = gone[lacking], out[lacking]
        means = np.array(list(self.means.values()))
        y = np.where(mask, means, y)
        place = {c: j for j, c in enumerate(self.means)}
        all_rows = [np.flatnonzero(mask[:, j]) for j in range(mask.shape[1])]
        for step in self.steps:
            j = place[step.column]
            rows = all_rows[j]
            if not rows.size:
                continue
            others = np.delete(y[rows], j, axis=1)
            with np.errstate(over="ignore", invalid="ignore"):
                terms = np.ascontiguousarray(others) * np.array(step.coefficients)
                guess = terms.sum(axis=1) + step.intercept
            y[rows, j] = np.where(np.isfinite(guess), guess, means[j])
        out[lacking] = y
        return out


def fit(x: Floats, columns: tuple[str, ...], rounds: int) -> Chain:
    """The chain that ``IterativeImputer(max_iter=rounds)`` fits; NaN is missing.

    Each column has at least one value. Raises UsageError past 200 columns.
    """
    if len(columns) > MOST_COLUMNS:
        raise UsageError(
            f"iterative imputation of {len(columns):,} columns",
            f"at most {MOST_COLUMNS}; take the median of some",
        )
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - it lets the next line pass
    from sklearn.impute import IterativeImputer

    with np.errstate(all="ignore"):
        largest = np.nanmax(np.abs(x), axis=0)
        means = np.nanmean(x / largest.clip(min=1.0), axis=0) * largest.clip(min=1.0)
    if largest.max() > LARGEST:  # squares and their products leave float64
        return Chain(dict(zip(columns, means.tolist(), strict=True)), (), False)
    imputer: Any = IterativeImputer(max_iter=rounds)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        imputer.fit(x)
    converged = not any(issubclass(w.category, ConvergenceWarning) for w in caught)
    steps = tuple(
        Step(
            columns[one.feat_idx],
            float(one.estimator.intercept_),
            tuple(one.estimator.coef_.tolist()),
        )
        for one in imputer.imputation_sequence_
    )
    means = imputer.initial_imputer_.statistics_
    return Chain(dict(zip(columns, means.tolist(), strict=True)), steps, converged)
