"""Whether what was planted is as much as the rule's page asks for, told without the rule.

A page names least amounts (its options ``min_…``, its known limits), and every statistical rule
asks that chance is excluded at 1e-4. So does this, with plain tests of scipy.stats, on the frames
that were planted: 5 of 38 rows may be too few for anybody. A rule that is not named here promises
to find whatever its faults plant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.detecting.cases import MIDDLE, Case, Planted, Spot
from benchmarks.detecting.data import Data, decoded, split
from benchmarks.detecting.loading import load
from datacheck.types import Floats

ALPHA = 1e-4
Frames = Mapping[str, pl.DataFrame]
Asked = Callable[[Case, Spot, Frames, float], bool]


def promised(case: Case, spot: Spot, planted: Planted, severity: float) -> bool:
    """True where the page of the rule sets no least amount, or it is reached."""
    asked = PAGES.get(case.rule)
    if asked is None or not isinstance(planted.source, dict):
        return True
    return asked(case, spot, planted.source, severity)


def _counts(frames: Frames, label: str) -> tuple[Floats, Floats]:
    """Rows of each class in train and in test."""
    classes = frames["train"][label].unique().drop_nulls().to_list()
    return tuple(  # type: ignore[return-value] # of two
        np.array([(frames[k][label] == c).sum() for c in classes], dtype=np.float64)
        for k in ("train", "test")
    )


def _moved(spot: Spot, frames: Frames) -> list[str]:
    """Columns of test that the fault has changed, or brought."""
    test, own = frames["test"], spot.test
    return [c for c in test.columns if c not in own.columns or not test[c].equals(own[c])]


def _numbers(frame: pl.DataFrame, column: str) -> Floats:
    values = frame[column].cast(pl.Float64, strict=False).fill_nan(None).drop_nulls()
    return values.to_numpy().astype(np.float64)


def _differ(a: Floats, b: Floats, least: float) -> bool:
    """Whether two samples differ by the Kolmogorov–Smirnov test, and by ``least`` or more."""
    from scipy.stats import ks_2samp

    told = ks_2samp(a, b)
    return bool(told.pvalue < ALPHA and told.statistic >= least)


# -- one for each page -------------------------------------------------------------------------


def one_cell(case: Case, spot: Spot, frames: Frames, severity: float) -> bool:
    """LK002, LB005: three copies of which three cells that agree are of rare values (≤ 4 rows)."""
    if not case.name.startswith("one-cell"):
        return True
    from scipy.stats import binom

    # The sample of a split holds the copies too: they make values less rare.
    rows = frames["train"].drop([spot.data.label] if spot.data.label else [])
    rare = sum((pl.len().over(c) <= 4).cast(pl.Int64) for c in rows.columns)
    told = rows.select(n=rare)["n"].to_numpy() >= 4  # one of the four was changed
    share = float(told.mean())
    more = frames["train"].height + frames["test"].height - spot.train.height - spot.test.height
    return bool(binom.sf(2, more, share) > 0.99)


def shortcut(case: Case, spot: Spot, frames: Frames, severity: float) -> bool:
    """LK009: AUC of 0.9 at its lower end, on the half of the rows that judges."""
    train, _ = _counts(frames, str(spot.data.label))
    half = float(train.min()) / 2
    share = {"metadata-leak": 0.8, "pictures-told-by-size": 0.9}[case.name]
    share += (1 - share) * severity
    wrong = (1 - share) * (1 - 1 / train.size)
    area = 1 - (wrong + wrong / (train.size - 1)) / 2
    width = max(3.9 * math.sqrt(area * (1 - area) / half), -math.log(ALPHA) / (2 * half))
    return area - width >= 0.9


def suspects(case: Case, spot: Spot, frames: Frames, severity: float) -> bool:
    """LB002: 500 rows, classes at most two to one, and of the labels that a random forest
    contradicts out of fold, the task itself makes no more than were turned.
    """
    label = str(spot.data.label)
    train, _ = _counts({"train": spot.train, "test": spot.test}, label)
    wrong = (frames["train"][label] != spot.train[label]).to_numpy().mean()
    if spot.train.height < 500 or train.max() > 2 * train.min():
        return False
    return _difficulty(spot.data, spot.train) <= float(wrong)


_errors: dict[tuple[str, int], float] = {}


def _difficulty(data: Data, train: pl.DataFrame) -> float:
    """How often a random forest contradicts the untouched labels, out of fold."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.model_selection import cross_val_predict

    key = (data.name, train.height)
    if key not in _errors:
        y = train[str(data.label)].to_numpy()
        x: Any
        if data.kind == "texts":
            x = TfidfVectorizer(max_features=2_000).fit_transform(train[data.column].to_list())
        elif data.kind == "pictures":
            cells = [decoded(c).mean(axis=2).reshape(-1) for c in train[data.column].to_list()]
            x = np.stack(cells)
        else:
            names = [c for c in train.columns if c != data.label]
            codes = [pl.col(c).rank("dense") if train[c].dtype == pl.String else pl.col(c)
                     for c in names]  # fmt: skip
            x = train.select(codes).cast(pl.Float64).fill_null(-1).fill_nan(-1).to_numpy()
        model = RandomForestClassifier(100, random_state=0)
        _errors[key] = float((cross_val_predict(model, x, y, cv=3) != y).mean())
    return _errors[key]


def imbalance(case: Case, spot: Spot, frames: Frames, severity: float) -> bool:
    """CB001: the rarest class is absent from 5 % of batches of 32 and has half a fair share."""
    from scipy.stats import binomtest

    train, _ = _counts(frames, str(spot.data.label))
    limit = min(1 - 0.05 ** (1 / 32), 0.5 / train.size)
    k, n = int(train.min()), int(train.sum())
    return bool(binomtest(k, n, limit, "less").pvalue < 0.05 / train.size)


def absent(case: Case, spot: Spot, frames: Frames, severity: float) -> bool:
    """CB003: none of the rows of the absent classes in test has a chance below 0.0005."""
    from scipy.stats import hypergeom

    train, test = _counts(frames, str(spot.data.label))
    gone = int(train[test == 0].sum())
    n = int(train.sum() + test.sum())
    return bool(hypergeom.pmf(0, n, gone, int(test.sum())) < 5e-4)


def mixed(case: Case, spot: Spot, frames: Frames, severity: float) -> bool:
    """CB004: classes differ by a total variation distance of 0.05, and beyond chance."""
    from scipy.stats import chi2_contingency

    train, test = _counts(frames, str(spot.data.label))
    apart = float(np.abs(train / train.sum() - test / test.sum()).sum() / 2)
    return apart >= 0.05 and bool(chi2_contingency(np.stack([train, test])).pvalue < ALPHA)


def many_values(case: Case, spot: Spot, frames: Frames, severity: float) -> bool:
    """CB005: a label of 20 different values."""
    return frames["train"][str(spot.data.label)].n_unique() >= 20


def varied(case: Case, spot: Spot, frames: Frames, severity: float) -> bool:
    """MV003: the column has ten different values besides, in thirty rows."""
    if case.name == "text-sentinel":
        return True
    moved = [c for c in _moved(spot, frames) if (frames["test"][c] == -999).any()]
    own = frames["train"].filter(pl.col(moved[0]) != -999)[moved[0]]
    return own.n_unique() >= 10 and own.len() >= 30


def missing(case: Case, spot: Spot, frames: Frames, severity: float) -> bool:
    """MV004: shares of missing cells differ by Fisher's test."""
    from scipy.stats import fisher_exact

    (column,) = _moved(spot, frames)
    table = []
    for frame in (frames["train"], frames["test"]):
        gone = int(frame[column].null_count())
        table.append([gone, frame.height - gone])
    return bool(fisher_exact(np.array(table)).pvalue < ALPHA)


def pixels(case: Case, spot: Spot, frames: Frames, severity: float) -> bool:
    """NM001 of pictures: means of a channel are 0.2 apart at the lower end (Massart's bound)."""
    column = spot.data.column
    if not column or case.name not in ("inverted", "bgr"):
        return True
    a, b = (np.array([decoded(c).reshape(-1, 3).mean(axis=0) for c in frames[k][column].to_list()])
            for k in ("train", "test"))  # fmt: skip
    from scipy.stats import ks_2samp

    size = len(a) * len(b) / (len(a) + len(b))
    bound = math.sqrt(math.log(2 / ALPHA) / (2 * size))
    return any(ks_2samp(a[:, i], b[:, i]).statistic - bound >= 0.2 for i in range(3))


def shifted(case: Case, spot: Spot, frames: Frames, severity: float) -> bool:
    """NM003: a column differs by the Kolmogorov–Smirnov test."""
    return any(
        _differ(_numbers(frames["train"], c), _numbers(frames["test"], c), 0.05)
        for c in _moved(spot, frames)
    )


def extremes(case: Case, spot: Spot, frames: Frames, severity: float) -> bool:
    """NM005: at most 1 % of the rows beyond 20 robust deviations, with 75 % of the squares."""
    changed = [c for c in frames["train"].columns
               if not frames["train"][c].equals(spot.train[c])]  # fmt: skip
    x = _numbers(frames["train"], changed[0])
    off = np.abs(x - np.median(x))
    far = off > 20 * 1.4826 * np.median(off)
    squares = (x - x.mean()) ** 2
    few = far.sum() <= max(1, 0.01 * x.size)
    return bool(few and squares[far].sum() >= 0.75 * squares.sum())


def unseen(case: Case, spot: Spot, frames: Frames, severity: float) -> bool:
    """NM006: the chance that all rows of the new category fall into test."""
    from scipy.stats import hypergeom

    k = int((frames["test"]["site"] == "offshore").sum())
    n, m = frames["train"].height + frames["test"].height, frames["test"].height
    return bool(hypergeom.pmf(k, n, k, m) < ALPHA / 3)


def stored(case: Case, spot: Spot, frames: Frames, severity: float) -> bool:
    """NM007: formats and modes differ beyond chance; sizes by 0.3 at the lower end."""
    from scipy.stats import fisher_exact

    n, m = frames["train"].height, frames["test"].height
    column = spot.data.column or "image"
    k = sum(c[:4] != b"\x89PNG" for c in frames["test"][column].to_list())
    if case.name == "gray":
        k = sum(c[25] in (0, 4) for c in frames["test"][column].to_list())  # PNG's color type
    if case.name == "smaller":
        k = sum(a != b for a, b in zip(frames["test"][column], spot.test[column], strict=True))
        bound = math.sqrt(math.log(2 / ALPHA) / (2 * n * m / (n + m)))
        return float(k / m - bound) >= 0.3
    return bool(fisher_exact(np.array([[0, n], [k, m - k]])).pvalue < ALPHA)


def longer(case: Case, spot: Spot, frames: Frames, severity: float) -> bool:
    """SL002: lengths differ by the Kolmogorov–Smirnov test."""
    column = "events" if "events" in frames["train"].columns else spot.data.column or "source"

    def sizes(frame: pl.DataFrame) -> Floats:
        if frame[column].dtype == pl.String:
            return frame[column].str.count_matches(r"\S+").to_numpy().astype(np.float64)
        return frame[column].list.len().to_numpy().astype(np.float64)

    return _differ(sizes(frames["train"]), sizes(frames["test"]), 0.1)


def proportion(case: Case, spot: Spot, frames: Frames, severity: float) -> bool:
    """SL006: five times as long is 6 robust deviations of the usual proportion or more."""
    train = spot.train if spot.data.kind == "pairs" else frames["train"]
    other = "target" if "target" in train.columns else "translation"
    a, b = (train[c].str.count_matches(r"\S+").to_numpy().astype(np.float64)
            for c in ("source", other))  # fmt: skip
    ratio = np.log(b / a)
    return bool(math.log(5) >= 6 * 1.4826 * np.median(np.abs(ratio - np.median(ratio))))


PAGES: Mapping[str, Asked] = {
    "LK002": one_cell,
    "LK009": shortcut,
    "LB005": one_cell,
    "LB002": suspects,
    "CB001": imbalance,
    "CB003": absent,
    "CB004": mixed,
    "CB005": many_values,
    "MV003": varied,
    "MV004": missing,
    "NM001": pixels,
    "NM003": shifted,
    "NM005": extremes,
    "NM006": unseen,
    "NM007": stored,
    "SL002": longer,
    "SL006": proportion,
}

@cache
def _loaded(name: str, folder: Path) -> Data:
    return load(name, folder)


def judge(trials: list[dict[str, Any]], known: Mapping[str, Case], folder: Path, seed: int) -> None:
    """Say of each trial of the middle severity whether it is as promised: plant it again."""
    from benchmarks.detecting.trials import seeded

    for trial in trials:
        trial["promised"] = trial["severity"] == MIDDLE
        if not trial["promised"]:
            continue
        case = known[f"{trial['rule']} {trial['fault']}"]
        if case.rule not in PAGES:
            continue
        data = _loaded(trial["data"], folder)
        train, test = split(data, seed + trial["again"])
        spot = Spot(data, train, test, folder)
        parts = (seed, data.name, trial["again"], case.name, trial["severity"])
        level = trial["severity"]
        trial["promised"] = promised(case, spot, case.plant(spot, level, seeded(*parts)), level)
