"""Faults: each plants one known defect, at a chosen severity, into a pair of clean frames.

A fault is a function ``(train, test, label, severity, rng) -> (train, test)`` over Polars frames
of numbers (and any other columns, which it leaves alone) with a label column. It never changes its
arguments. ``severity`` in (0, 1] says how much: 1 is blatant, 0.1 is what one would like to find.
Where a defect is there or not (a renamed column), severity says how many columns or rows have it.

:data:`FAULTS` is the one table: rule code → the faults that plant what the rule looks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl

from datacheck.testing.image_faults import image_formats, swapped_channels
from datacheck.testing.near_faults import (
    near_copies_across,
    near_copies_within,
    one_cell_off_across,
    one_cell_off_within,
)
from datacheck.types import Ints

Pair: TypeAlias = tuple[pl.DataFrame, pl.DataFrame]
Plant: TypeAlias = Callable[[pl.DataFrame, pl.DataFrame, str, float, np.random.Generator], Pair]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to go wrong.

    ``classification`` is true, false, or None where the kind of the label does not matter;
    ``options`` are roles that the audit has to be given, because no name can tell them.
    """

    name: str
    rule: str
    plant: Plant
    classification: bool | None = None
    group: str | None = None
    time: str | None = None

    def __call__(
        self,
        train: pl.DataFrame,
        test: pl.DataFrame,
        label: str,
        severity: float,
        rng: np.random.Generator,
    ) -> Pair:
        """The two frames with the defect in them. Raises ValueError outside 0 < severity <= 1."""
        if not 0 < severity <= 1:
            raise ValueError(f"severity must be in (0, 1], not {severity}")
        return self.plant(train, test, label, severity, rng)


# -- helpers -----------------------------------------------------------------------------------


def _numbers(frame: pl.DataFrame, label: str) -> list[str]:
    """Feature columns of numbers that vary."""
    return [
        c
        for c in frame.columns
        if c != label and frame[c].dtype.is_numeric() and frame[c].n_unique() > 2
    ]


def _some(items: list[str], severity: float, rng: np.random.Generator) -> list[str]:
    """A share of the items, at least one, in their own order."""
    k = max(1, round(severity * len(items)))
    chosen = set(rng.permutation(len(items))[:k].tolist())
    return [c for i, c in enumerate(items) if i in chosen]


def _one(frame: pl.DataFrame, label: str, rng: np.random.Generator) -> str:
    """One feature of numbers, among those with the most distinct values."""
    ranked = sorted(_numbers(frame, label), key=lambda c: -frame[c].n_unique())
    return ranked[int(rng.integers(max(1, len(ranked) // 2)))]


def _rows(frame: pl.DataFrame, count: int, rng: np.random.Generator) -> pl.DataFrame:
    """``count`` rows, each at most once, in random order."""
    return _take(frame, rng.permutation(frame.height)[: max(1, min(count, frame.height))])


def _take(frame: pl.DataFrame, rows: Ints) -> pl.DataFrame:
    return frame.select(pl.all().gather(pl.Series(rows)))


def _mask(n: int, share: float, rng: np.random.Generator) -> pl.Series:
    """A mask that is true in round(share * n) rows, at least one."""
    mask = np.zeros(n, dtype=bool)
    mask[rng.permutation(n)[: max(1, round(share * n))]] = True
    return pl.Series(mask)


def _put(frame: pl.DataFrame, column: str, mask: pl.Series, value: float | None) -> pl.DataFrame:
    """The value where the mask is true; the column becomes a float column."""
    values = pl.col(column).cast(pl.Float64)
    return frame.with_columns(
        pl.when(mask).then(pl.lit(value, dtype=pl.Float64)).otherwise(values).alias(column)
    )


def _shuffled(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    return _take(frame, rng.permutation(frame.height))


def _add(train: pl.DataFrame, test: pl.DataFrame, name: str, values: list[pl.Series]) -> Pair:
    return (
        train.with_columns(values[0].alias(name)),
        test.with_columns(values[1].alias(name)),
    )


def _classes(train: pl.DataFrame, label: str) -> list[object]:
    """Classes of train, the most frequent first."""
    counts = train[label].drop_nulls().value_counts(sort=True)
    top = counts.sort(["count", label], descending=[True, False])
    return top[label].to_list()


# -- leakage -----------------------------------------------------------------------------------


def duplicates_across_splits(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """Rows of train copied into test: 20 % of test at severity 1."""
    copies = _rows(train, round(0.2 * severity * test.height), rng)
    return train, _shuffled(pl.concat([test, copies]), rng)


def duplicates_within(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """Rows of train repeated in train: 20 % more rows at severity 1."""
    copies = _rows(train, round(0.2 * severity * train.height), rng)
    return _shuffled(pl.concat([train, copies]), rng), test


def group_leak(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A column ``patient`` of about 4 rows each; a share of test rows has patients of train."""
    first = rng.integers(0, max(train.height // 4, 1), train.height)
    second = rng.integers(0, max(test.height // 4, 1), test.height) + train.height
    known = _mask(test.height, 0.5 * severity, rng).to_numpy()
    second[known] = rng.choice(first, int(known.sum()))
    return _add(train, test, "patient", [_ids("p", first), _ids("p", second)])


def _ids(prefix: str, numbers: Ints) -> pl.Series:
    return pl.select(pl.lit(prefix) + pl.Series(numbers).cast(pl.String)).to_series()


def time_overlap(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A column ``time``: test follows train, but for a share of its rows (half at severity 1)."""
    start, day = np.int64(1_700_000_000), 86_400
    first = np.sort(rng.integers(0, 300 * day, train.height))
    second = np.sort(rng.integers(301 * day, 400 * day, test.height))
    early = _mask(test.height, 0.5 * severity, rng).to_numpy()
    second[early] = rng.integers(0, 290 * day, int(early.sum()))
    as_time = [pl.Series((s + start) * 1_000_000).cast(pl.Datetime("us")) for s in (first, second)]
    return _add(train, test, "time", as_time)


def target_leak(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A column ``outcome_code`` that is the label, with noise: none at severity 1."""
    return _add(
        train, test, "outcome_code", [_near_copy(f, label, severity, rng) for f in (train, test)]
    )


def _near_copy(
    frame: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> pl.Series:
    values = frame[label].cast(pl.Float64).to_numpy()
    spread = float(values.std()) or 1.0
    noise = rng.normal(size=frame.height) * spread * 0.05 * (1 - severity)
    return pl.Series(values * 3.0 + 11.0 + noise)


def missingness_leak(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A feature empty in the rows of one class, and in a few others (none at severity 1)."""
    column, chosen = _one(train, label, rng), _classes(train, label)[0]
    out = []
    for frame in (train, test):
        hit = (frame[label] == chosen).to_numpy()
        flip = rng.random(frame.height) < 0.05 * (1 - severity)
        out.append(_put(frame, column, pl.Series(hit ^ flip), None))
    return out[0], out[1]


def fitted_on_both(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A share of the features standardized with the mean and deviation of both splits."""
    columns = _some(_numbers(train, label), severity, rng)
    pooled = pl.concat([train, test])
    scale = [
        (pl.col(c).cast(pl.Float64) - _mean(pooled, c)) / _deviation(pooled, c) for c in columns
    ]
    return train.with_columns(scale), test.with_columns(scale)


def fitted_on_each(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A share of the features standardized in each split on itself."""
    columns = _some(_numbers(train, label), severity, rng)
    out = [
        f.with_columns(
            (pl.col(c).cast(pl.Float64) - _mean(f, c)) / _deviation(f, c) for c in columns
        )
        for f in (train, test)
    ]
    return out[0], out[1]


def _mean(frame: pl.DataFrame, column: str) -> float:
    return float(frame[column].cast(pl.Float64).to_numpy().mean())


def _deviation(frame: pl.DataFrame, column: str) -> float:
    return float(frame[column].cast(pl.Float64).to_numpy().std()) or 1.0


def order_leak(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """Train sorted by its label; a share of the rows (none at severity 1) then moved anywhere."""
    order = np.argsort(train[label].cast(pl.Float64).to_numpy(), kind="stable")
    loose = np.flatnonzero(rng.random(train.height) < 0.1 * (1 - severity))
    order[loose] = order[rng.permutation(loose)]
    return _take(train, order), test


# -- labels and balance ------------------------------------------------------------------------


def conflicting_labels(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """Rows of train repeated with another label: 10 % more rows at severity 1."""
    copies = _rows(train, round(0.1 * severity * train.height), rng)
    classes = _classes(train, label)
    following = dict(zip(classes, classes[1:] + classes[:1], strict=True))
    turned = copies.with_columns(
        pl.Series(label, [following[v] for v in copies[label].to_list()], dtype=train[label].dtype)
    )
    return _shuffled(pl.concat([train, turned]), rng), test


def suspect_labels(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """Labels of train turned into another class: 20 % at severity 1."""
    classes = _classes(train, label)
    codes = np.asarray([classes.index(v) for v in train[label].to_list()])
    turned = _mask(train.height, 0.2 * severity, rng).to_numpy()
    codes[turned] += rng.integers(1, len(classes), int(turned.sum()))
    labels = [classes[c] for c in codes % len(classes)]
    return train.with_columns(pl.Series(label, labels, dtype=train[label].dtype)), test


def missing_labels(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """Labels of train emptied: 20 % at severity 1."""
    gone = _mask(train.height, 0.2 * severity, rng)
    return train.with_columns(pl.when(gone).then(None).otherwise(pl.col(label)).alias(label)), test


def imbalance(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """The last class thinned in both splits, to 1 in 50 of its rows at severity 1."""
    chosen = _classes(train, label)[-1]
    keep = 0.2 - 0.18 * severity
    return _thin(train, label, chosen, keep, 12, rng), _thin(test, label, chosen, keep, 2, rng)


def _thin(
    frame: pl.DataFrame,
    label: str,
    chosen: object,
    keep: float,
    least: int,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Only a share of the rows of one class, but at least ``least`` of them."""
    at = np.flatnonzero((frame[label] == chosen).to_numpy())
    dropped = rng.permutation(at)[max(least, round(keep * at.size)) :]
    mask = np.ones(frame.height, dtype=bool)
    mask[dropped] = False
    return frame.filter(pl.Series(mask))


def rare_class(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A class left with 8 rows at severity 0.1, with 2 at severity 1; one of them is in test."""
    chosen = _classes(train, label)[-1]
    left = max(1, round(8 - 7 * severity))
    kept = []
    for frame, most in ((train, left), (test, 1)):
        at = rng.permutation(np.flatnonzero((frame[label] == chosen).to_numpy()))
        mask = np.ones(frame.height, dtype=bool)
        mask[at[most:]] = False
        kept.append(frame.filter(pl.Series(mask)))
    return kept[0], kept[1]


def class_missing_from_test(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """All rows of some classes taken out of test: one class, or half of them at severity 1."""
    classes = _classes(train, label)
    count = max(1, round(severity * len(classes) / 2))
    gone = classes[-count:]
    return train, test.filter(~pl.col(label).is_in(gone))


def label_shift(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """The first class thinned in test, to 10 % of its rows at severity 1."""
    return train, _thin(test, label, _classes(train, label)[0], 1 - 0.9 * severity, 1, rng)


def skewed_target(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A regression label with a tail: exp of up to 4 times its standard score."""
    both = pl.concat([train, test])
    score = (pl.col(label).cast(pl.Float64) - _mean(both, label)) / _deviation(both, label)
    turned = (score * (1 + 3 * severity)).exp().alias(label)
    return train.with_columns(turned), test.with_columns(turned)


# -- missing and corrupt values ----------------------------------------------------------------


def missing_values(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A feature that is NaN in 40 % of the rows of both splits at severity 1."""
    column = _one(train, label, rng)
    out = [
        _put(f, column, _mask(f.height, 0.4 * severity, rng), float("nan")) for f in (train, test)
    ]
    return out[0], out[1]


def infinite_values(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A feature that is infinite in 5 % of the rows of train at severity 1."""
    column = _one(train, label, rng)
    return _put(train, column, _mask(train.height, 0.05 * severity, rng), float("inf")), test


def sentinel(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A feature that is -999 in 20 % of the rows of both splits at severity 1."""
    column = _one(train, label, rng)
    out = [_put(f, column, _mask(f.height, 0.2 * severity, rng), -999.0) for f in (train, test)]
    return out[0], out[1]


def text_sentinel(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A category ``site`` that is "?" in 20 % of the rows of both splits at severity 1."""
    out = []
    for frame in (train, test):
        site = pl.Series(np.array(["north", "south", "east", "west"])[_draw(4, frame, rng)])
        gone = _mask(frame.height, 0.2 * severity, rng)
        out.append(
            frame.with_columns(pl.when(gone).then(pl.lit("?")).otherwise(site).alias("site"))
        )
    return out[0], out[1]


def _draw(k: int, frame: pl.DataFrame, rng: np.random.Generator) -> Ints:
    return rng.integers(0, k, frame.height)


def missingness_shift(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A feature empty in 2 % of train, and in up to 52 % of test."""
    column = _one(train, label, rng)
    return (
        _put(train, column, _mask(train.height, 0.02, rng), None),
        _put(test, column, _mask(test.height, 0.02 + 0.5 * severity, rng), None),
    )


def constant_column(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A share of the features set to one value."""
    fill = [pl.lit(1.0).alias(c) for c in _some(_numbers(train, label), 0.2 * severity, rng)]
    return train.with_columns(fill), test.with_columns(fill)


def mixed_types(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A feature written as text, with decimal commas in 20 % of train at severity 1."""
    column = _one(train, label, rng)
    text = pl.col(column).cast(pl.Float64).round(4).cast(pl.String)
    odd = _mask(train.height, 0.2 * severity, rng)
    comma = pl.when(odd).then(text.str.replace(".", ",", literal=True)).otherwise(text)
    return train.with_columns(comma.alias(column)), test.with_columns(text.alias(column))


# -- normalization and shift -------------------------------------------------------------------


def _mapped(name: str, change: Callable[[pl.Expr, pl.DataFrame, str], pl.Expr]) -> Plant:
    """A fault that maps a share of the features of test."""

    def plant(
        train: pl.DataFrame,
        test: pl.DataFrame,
        label: str,
        severity: float,
        rng: np.random.Generator,
    ) -> Pair:
        columns = [c for c in _numbers(train, label) if train[c].n_unique() > 10]
        chosen = _some(columns or _numbers(train, label), severity, rng)
        return train, test.with_columns(
            change(pl.col(c).cast(pl.Float64), train, c).alias(c) for c in chosen
        )

    plant.__name__ = name
    plant.__doc__ = f"A share of the features of test, {name.replace('_', ' ')}."
    return plant


standardized_test = _mapped("standardized", lambda x, f, c: (x - _mean(f, c)) / _deviation(f, c))
thousandfold_test = _mapped("multiplied_by_1000", lambda x, f, c: x * 1000)
divided_test = _mapped("divided_by_255", lambda x, f, c: x / 255)
log_test = _mapped("as_log1p", lambda x, f, c: (x - min(_least(f, c), 0.0)).clip(0).log1p())
fahrenheit_test = _mapped("as_degrees_F", lambda x, f, c: x * 1.8 + 32)
negated_test = _mapped("with_the_sign_flipped", lambda x, f, c: -x)


def _least(frame: pl.DataFrame, column: str) -> float:
    return float(frame[column].cast(pl.Float64).to_numpy().min())


def scale_disparity(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """One feature multiplied, in both splits, by up to 10^8."""
    column = _one(train, label, rng)
    factor = 10.0 ** (4 + 4 * severity) / (_deviation(train, column) or 1.0)
    grown = (pl.col(column).cast(pl.Float64) * factor).alias(column)
    return train.with_columns(grown), test.with_columns(grown)


def distribution_shift(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """One feature of test whose mean has moved by ``severity`` standard deviations of train.

    Half of the rows move, twice as far, so that no affine map undoes it.
    """
    column = _one(train, label, rng)
    step = 2 * severity * _deviation(train, column)
    moved = _mask(test.height, 0.5, rng).cast(pl.Float64) * step
    values = test[column].cast(pl.Float64) + moved
    return train, test.with_columns(values.alias(column))


def extreme_values(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A few values of one feature of train (1 % of the rows) up to 1,000 deviations away."""
    column = _one(train, label, rng)
    far = _mean(train, column) + 1_000 * severity * _deviation(train, column)
    at = _mask(train.height, 0.01, rng)
    jitter = pl.Series(far * (1 + 0.2 * rng.random(train.height)))
    values = train[column].cast(pl.Float64)
    return train.with_columns(pl.when(at).then(jitter).otherwise(values).alias(column)), test


def unseen_categories(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A category ``site`` with a value in up to 20 % of test that train lacks."""
    names = np.array(["north", "south", "east", "west"])
    sites = [pl.Series(names[_draw(4, f, rng)]) for f in (train, test)]
    first, second = _add(train, test, "site", sites)
    new = _mask(test.height, 0.2 * severity, rng)
    site = pl.when(new).then(pl.lit("offshore")).otherwise(pl.col("site")).alias("site")
    return first, second.with_columns(site)


# -- sequences ---------------------------------------------------------------------------------


def _sequences(frame: pl.DataFrame, lengths: object, rng: np.random.Generator) -> pl.DataFrame:
    """Add a column ``events`` of lists of numbers with the given lengths."""
    counts = np.maximum(np.asarray(lengths, dtype=np.float64).round().astype(np.int64), 0)
    flat = pl.DataFrame(
        {"row": np.repeat(np.arange(frame.height), counts), "x": rng.normal(size=counts.sum())}
    )
    lists = flat.group_by("row", maintain_order=True).agg(pl.col("x").round(3))
    rows = pl.DataFrame({"row": np.arange(frame.height)}).join(lists, on="row", how="left")
    empty = pl.lit([], dtype=pl.List(pl.Float64))
    return frame.with_columns(rows.select(pl.coalesce("x", empty).alias("events")).to_series())


def _both(
    train: pl.DataFrame, test: pl.DataFrame, first: object, second: object, rng: np.random.Generator
) -> Pair:
    return _sequences(train, first, rng), _sequences(test, second, rng)


def _usual(frame: pl.DataFrame, rng: np.random.Generator, mean: float = 40) -> object:
    return np.maximum(rng.normal(mean, mean / 8, frame.height), 1)


def skewed_lengths(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """Sequences with log-normal lengths, sigma up to 1.7."""
    draws = [1 + np.exp(rng.normal(2.5, 0.9 + 0.8 * severity, f.height)) for f in (train, test)]
    return _both(train, test, draws[0], draws[1], rng)


def length_shift(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """Sequences up to twice as long in test."""
    longer = _usual(test, rng, 40 * (1 + severity))
    return _both(train, test, _usual(train, rng), longer, rng)


def empty_sequences(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """Sequences, 10 % of them empty in train at severity 1."""
    lengths = np.asarray(_usual(train, rng))
    lengths[_mask(train.height, 0.1 * severity, rng).to_numpy()] = 0
    return _both(train, test, lengths, _usual(test, rng), rng)


def overlong_sequences(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """Sequences, one of them in train up to 100 times as long as most."""
    lengths = np.asarray(_usual(train, rng))
    lengths[int(rng.integers(train.height))] = 40 * (11 + 89 * severity)
    return _both(train, test, lengths, _usual(test, rng), rng)


def length_label_confounding(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """Sequences whose length depends on the label: 1 to 4 deviations between two classes."""
    lengths = []
    for frame in (train, test):
        codes = frame[label].cast(pl.Float64).to_numpy()
        top = codes > np.median(codes) if np.median(codes) < codes.max() else codes == codes.max()
        lengths.append(rng.normal(60, 5, frame.height) + 5 * (1 + 3 * severity) * top)
    return _both(train, test, lengths[0], lengths[1], rng)


def metadata_leak(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """Texts of twelve words whose length in letters is that of the class in 80 to 100 % of the
    rows, and that of any class in the others.
    """
    classes = _classes(train, label)
    texts = []
    for frame in (train, test):
        codes = np.array([classes.index(v) for v in frame[label].to_list()])
        other = rng.random(frame.height) > 0.8 + 0.2 * severity
        codes[other] = rng.integers(0, len(classes), int(other.sum()))
        words = rng.integers(1000, 10_000, (frame.height, 12)).tolist()
        rows = zip(words, codes.tolist(), strict=True)
        texts.append(pl.Series([" ".join(f"{'s' * k}{w}" for w in row) for row, k in rows]))
    return _add(train, test, "notes", texts)


def _pairs(frame: pl.DataFrame, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Sentences of made-up words, and their translations word by word."""
    draws = [rng.integers(0, 2000, int(k)) for k in rng.integers(4, 24, frame.height)]
    sides = ([" ".join(f"{letter}{v}" for v in d) for d in draws] for letter in "wv")
    first, second = sides
    return first, second


def _with_pairs(frame: pl.DataFrame, source: list[str], target: list[str]) -> pl.DataFrame:
    return frame.with_columns(pl.Series("source", source), pl.Series("target", target))


def mispaired(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """Columns of source and target, up to 5 % of the targets of train five times as long."""
    source, target = _pairs(train, rng)
    for i in np.flatnonzero(_mask(train.height, 0.05 * severity, rng).to_numpy()).tolist():
        target[i] = " ".join([target[i]] * 5)
    return _with_pairs(train, source, target), _with_pairs(test, *_pairs(test, rng))


def untranslated(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """Columns of source and target, up to 5 % of the targets of train the source itself."""
    source, target = _pairs(train, rng)
    for i in np.flatnonzero(_mask(train.height, 0.05 * severity, rng).to_numpy()).tolist():
        target[i] = source[i]
    return _with_pairs(train, source, target), _with_pairs(test, *_pairs(test, rng))


# -- schema ------------------------------------------------------------------------------------


def column_missing(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A share of the features taken out of test."""
    return train, test.drop(_some(_numbers(train, label), 0.3 * severity, rng))


def column_renamed(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A share of the features of test under another name."""
    chosen = _some(_numbers(train, label), 0.3 * severity, rng)
    return train, test.rename({c: f"{c}_v2" for c in chosen})


def type_changed(
    train: pl.DataFrame, test: pl.DataFrame, label: str, severity: float, rng: np.random.Generator
) -> Pair:
    """A share of the features of test turned into words."""
    words = np.array(["low", "middle", "high"])
    chosen = _some(_numbers(train, label), 0.3 * severity, rng)
    return train, test.with_columns(pl.Series(c, words[_draw(3, test, rng)]) for c in chosen)


# -- the table ---------------------------------------------------------------------------------

_ALL = (
    Fault("duplicates-across-splits", "LK001", duplicates_across_splits),
    Fault("near-copies-across", "LK002", near_copies_across),
    Fault("one-cell-off-across", "LK002", one_cell_off_across),
    Fault("group-leak", "LK003", group_leak, group="patient"),
    Fault("time-overlap", "LK004", time_overlap, time="time"),
    Fault("target-leak", "LK005", target_leak),
    Fault("missingness-leak", "LK006", missingness_leak, classification=True),
    Fault("fitted-on-both", "LK007", fitted_on_both),
    Fault("fitted-on-each", "LK007", fitted_on_each),
    Fault("order-leak", "LK008", order_leak),
    Fault("metadata-leak", "LK009", metadata_leak, classification=True),
    Fault("conflicting-labels", "LB001", conflicting_labels, classification=True),
    Fault("suspect-labels", "LB002", suspect_labels, classification=True),
    Fault("missing-labels", "LB003", missing_labels),
    Fault("duplicates-within", "LB004", duplicates_within),
    Fault("near-copies-within", "LB005", near_copies_within),
    Fault("one-cell-off-within", "LB005", one_cell_off_within),
    Fault("imbalance", "CB001", imbalance, classification=True),
    Fault("rare-class", "CB002", rare_class, classification=True),
    Fault("class-missing", "CB003", class_missing_from_test, classification=True),
    Fault("label-shift", "CB004", label_shift, classification=True),
    Fault("skewed-target", "CB005", skewed_target, classification=False),
    Fault("missing-values", "MV001", missing_values),
    Fault("infinite-values", "MV002", infinite_values),
    Fault("sentinel", "MV003", sentinel),
    Fault("text-sentinel", "MV003", text_sentinel),
    Fault("missingness-shift", "MV004", missingness_shift),
    Fault("constant-column", "MV005", constant_column),
    Fault("mixed-types", "MV007", mixed_types),
    Fault("z-score", "NM001", standardized_test),
    Fault("times-1000", "NM001", thousandfold_test),
    Fault("by-255", "NM001", divided_test),
    Fault("log1p", "NM001", log_test),
    Fault("fahrenheit", "NM001", fahrenheit_test),
    Fault("sign-flip", "NM001", negated_test),
    Fault("red-and-blue-swapped", "NM001", swapped_channels),
    Fault("scale-disparity", "NM002", scale_disparity),
    Fault("distribution-shift", "NM003", distribution_shift),
    Fault("extreme-values", "NM005", extreme_values),
    Fault("unseen-categories", "NM006", unseen_categories),
    Fault("image-formats", "NM007", image_formats),
    Fault("skewed-lengths", "SL001", skewed_lengths),
    Fault("length-shift", "SL002", length_shift),
    Fault("empty-sequences", "SL003", empty_sequences),
    Fault("overlong-sequences", "SL004", overlong_sequences),
    Fault("length-label-confounding", "SL005", length_label_confounding, classification=True),
    Fault("mispaired", "SL006", mispaired),
    Fault("untranslated", "SL007", untranslated),
    Fault("column-missing", "SC001", column_missing),
    Fault("column-renamed", "SC001", column_renamed),
    Fault("type-changed", "SC002", type_changed),
)

FAULTS: dict[str, list[Fault]] = {}
for _fault in _ALL:
    FAULTS.setdefault(_fault.rule, []).append(_fault)
