"""Faults planted into tables: the audit finds them, the plan mends them, the study judges that.

The data are scikit-learn's: handwritten digits (1,797 images of 8 × 8 pixels; Alpaydin & Kaynak
1998) and breast cancer (569 biopsies, 30 measurements; Wolberg, Street & Mangasarian 1995).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from datacheck.config import Config
from datacheck.pipelines.storage.encoding import Encoder
from datacheck.training.study.conduct import Study
from datacheck.training.study.dataset import StudyConfig, run_study

Pair: TypeAlias = tuple[pl.DataFrame, pl.DataFrame]
LABEL = "label"


@dataclass(frozen=True)
class PlantedTable:
    """One fault in a table.

    ``change`` says what is planted, ``control`` what it is compared with. ``frames`` gives the
    clean (train, test), ``plant`` puts the fault in. ``repairs`` are the rules whose repairs are
    judged, ``options`` those of the study.
    """

    name: str
    change: str
    control: str
    frames: Callable[[], Pair]
    plant: Callable[[pl.DataFrame, pl.DataFrame], Pair]
    repairs: tuple[str, ...]
    build: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)
    original: bool = True

    def run(self, folder: Path, *, seeds: int = 10, workers: int | None = None) -> Study:
        """The study, in ``folder``; one that was stopped goes on."""
        clean = self.frames()
        train, test = self.plant(*clean)
        config = StudyConfig(
            seeds=seeds, repairs=self.repairs, unsafe=True, workers=workers, **self.options
        )
        more = {} if self.build is None else {"build": self.build}
        if self.original:
            more["original"] = {"train": clean[0], "test": clean[1]}
        named = Config(label=LABEL, task="classification")  # type: ignore[arg-type] # a StrEnum
        return run_study({"train": train, "test": test}, folder, named, config, **more)


# -- data ---------------------------------------------------------------------------------------


def digits() -> Pair:
    """Pixels from 0 to 1, 1,078 rows and 719; columns that never vary are left out."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    varied = np.flatnonzero(bunch.data.std(axis=0) > 0)
    columns = {f"pixel_{i:02}": bunch.data[:, i] / 16 for i in varied}
    return _split(pl.DataFrame(columns), [f"digit {v}" for v in bunch.target], 0.4)


def images() -> Pair:
    """All 64 pixels, in their order."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    columns = {f"pixel_{i:02}": bunch.data[:, i] / 16 for i in range(64)}
    return _split(pl.DataFrame(columns), [f"digit {v}" for v in bunch.target], 0.4)


def eights() -> Pair:
    """Digits again: is it an 8?"""
    train, test = digits()
    called = pl.when(pl.col(LABEL) == "digit 8").then(pl.lit("eight")).otherwise(pl.lit("other"))
    return train.with_columns(called.alias(LABEL)), test.with_columns(called.alias(LABEL))


def cancer() -> Pair:
    """Breast cancer as it is measured: areas in the thousands, smoothness in thousandths."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    names = [str(n).replace(" ", "_") for n in bunch.feature_names]
    columns = {n: bunch.data[:, i] for i, n in enumerate(names)}
    return _split(pl.DataFrame(columns), [bunch.target_names[v] for v in bunch.target], 0.4)


def scaled_cancer() -> Pair:
    """Breast cancer, each measurement with mean 0 and deviation 1 on train."""
    train, test = cancer()
    features = [c for c in train.columns if c != LABEL]
    means, spreads = train.select(features).mean(), train.select(features).std()
    put = [(pl.col(c) - means[c][0]) / spreads[c][0] for c in features]
    return train.with_columns(put), test.with_columns(put)


def _split(frame: pl.DataFrame, labels: list[str], share: float) -> Pair:
    order = np.random.default_rng(0).permutation(frame.height)
    cut = round(frame.height * (1 - share))
    whole = frame.with_columns(pl.Series(LABEL, [str(v) for v in labels]))
    return whole[order[:cut]], whole[order[cut:]]


# -- faults -------------------------------------------------------------------------------------


def holes(train: pl.DataFrame, test: pl.DataFrame) -> Pair:
    """0.1 % of train's cells are NaN."""
    features = _features(train)
    rng = np.random.default_rng(1)
    gone = rng.random((train.height, len(features))) < 0.001
    put = [
        pl.when(pl.Series(gone[:, i])).then(None).otherwise(pl.col(c)).alias(c)
        for i, c in enumerate(features)
    ]
    return train.with_columns(put), test


def as_measured(train: pl.DataFrame, test: pl.DataFrame) -> Pair:
    """Nothing is planted: scales differ by nature."""
    return train, test


def bytes_in_test(train: pl.DataFrame, test: pl.DataFrame) -> Pair:
    """Test runs from 0 to 255."""
    return train, test.with_columns(pl.col(c) * 255 for c in _features(test))


def thousandfold(train: pl.DataFrame, test: pl.DataFrame) -> Pair:
    """A third of test's measurements are in thousandths of train's unit."""
    return train, test.with_columns(pl.col(c) * 1000 for c in _features(test)[::3])


def extremes(train: pl.DataFrame, test: pl.DataFrame) -> Pair:
    """1 % of train's rows are 1,000 times too large, in either direction."""
    rng = np.random.default_rng(2)
    factor = np.ones(train.height)
    hit = rng.permutation(train.height)[: max(1, round(0.01 * train.height))]
    factor[hit] = 1000 * rng.choice([-1, 1], hit.size)
    return train.with_columns(pl.col(c) * pl.Series(factor) for c in _features(train)), test


def rare(train: pl.DataFrame, test: pl.DataFrame) -> Pair:
    """Of train's eights 1 for each 50 other digits is left."""
    other = (train[LABEL] == "other").to_numpy()
    eights = np.flatnonzero(~other)[: max(2, round(other.sum() / 50))]
    keep = other.copy()
    keep[eights] = True
    return train.filter(pl.Series(keep)), test


def mislabeled() -> Pair:
    """Digits of which 1 in 10 has the label of another, as labels have in life."""
    train, test = digits()
    rng = np.random.default_rng(3)
    out = []
    for frame in (train, test):
        labels = frame[LABEL].to_numpy().copy()
        wrong = rng.permutation(frame.height)[: frame.height // 10]
        labels[wrong] = rng.permutation(labels[wrong])
        out.append(frame.with_columns(pl.Series(LABEL, [str(v) for v in labels])))
    return out[0], out[1]


def leaked(train: pl.DataFrame, test: pl.DataFrame) -> Pair:
    """A fifth of test's rows are in train too."""
    return pl.concat([train, test[: test.height // 5]]), test


def _features(frame: pl.DataFrame) -> list[str]:
    return [c for c in frame.columns if c != LABEL]


# -- models -------------------------------------------------------------------------------------


def network(
    preset: str, encoder: Encoder, labels: Any, weights: Mapping[str, float] | None
) -> tuple[Any, Any]:
    """A residual network that sees the 64 pixels as 8 × 8."""
    from datacheck.training.models import ResidualCNN
    from datacheck.training.objectives import Classification

    model = ResidualCNN(1, len(encoder.classes), width=8, norm="group")
    return model, Classification(inputs=square)


def square(batch: Any) -> tuple[Any, ...]:
    """Pixels as images, shape (batch, 1, 8, 8)."""
    return (batch.x[:, :64].reshape(-1, 1, 8, 8),)


TABLES = (
    PlantedTable(
        "NaN", "0.1 % of the cells of train are NaN; nothing guards the loop",
        "filled with the column's median", digits, holes, ("MV001",),
    ),
    PlantedTable(
        "no scaling", "measurements whose scales differ 10⁵ times (breast cancer, as it is)",
        "one standardization, fitted on train", cancer, as_measured, ("NM002",), original=False,
    ),
    PlantedTable(
        "mismatch, images", "train runs from 0 to 1, test from 0 to 255 (a CNN on digits)",
        "test brought back to train's scale", images, bytes_in_test, ("NM001",), network,
        {"lr": 3e-3},
    ),
    PlantedTable(
        "mismatch, table", "a third of test's measurements are 1,000 times train's",
        "test brought back to train's scale", scaled_cancer, thousandfold, ("NM001",),
    ),
    PlantedTable(
        "outliers", "1 % of the rows of train are ±1,000 times too large",
        "values beyond median ± 6 MAD pulled in", scaled_cancer, extremes, ("NM005",),
    ),
    PlantedTable(
        "imbalance", "1 eight for 50 other digits", "classes drawn evenly", eights, rare,
        ("CB001",), original=False,
    ),
    PlantedTable(
        "leakage", "a fifth of test's rows are in train too; a tenth of the labels are wrong",
        "those rows dropped from train", mislabeled, leaked, ("LK001",), None,
        {"lr": 3e-3, "steps": 1000},
        original=False,
    ),
)  # fmt: skip
