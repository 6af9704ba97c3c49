"""Faults that are no change of two frames: of files, schemas, transforms and settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.detecting.cases import Case, Planted, Spot
from benchmarks.detecting.data import Data
from benchmarks.detecting.words import chosen
from datacheck.config import Config

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _flat(data: Data) -> bool:
    """Whether a CSV file can hold it."""
    return data.kind in ("table", "texts")


def _written(spot: Spot) -> dict[str, Path]:
    """Both splits as CSV."""
    out = {name: spot.folder / f"{name}.csv" for name in ("train", "test")}
    spot.train.write_csv(out["train"])
    spot.test.write_csv(out["test"])
    return out


def as_files(spot: Spot, severity: float, rng: np.random.Generator) -> Planted:
    """The untouched split as two CSV files."""
    return Planted({k: str(p) for k, p in _written(spot).items()})


def broken_records(spot: Spot, severity: float, rng: np.random.Generator) -> Planted:
    """Records of train.csv with two fields too many: 5 % at severity 1, one at least."""
    out = _written(spot)
    lines = spot.train.write_csv(include_header=False, line_terminator="\0\n").split("\0\n")[:-1]
    at = chosen(len(lines), 0.05 * severity, rng)
    broken = [line + ",7,7" if m else line for line, m in zip(lines, at, strict=True)]
    head = pl.DataFrame(schema=spot.train.schema).write_csv()
    out["train"].write_text(head + "\n".join(broken) + "\n", encoding="utf-8")
    return Planted({k: str(p) for k, p in out.items()})


def wrong_bytes(spot: Spot, severity: float, rng: np.random.Generator) -> Planted:
    """Records of train.csv with a byte that is no UTF-8 in a further column: 5 % at severity 1."""
    train = spot.train.with_columns(pl.lit("plain").alias("remark"))
    at = chosen(train.height, 0.05 * severity, rng)
    mark = pl.when(pl.Series(at)).then(pl.lit("caf@@")).otherwise("remark").alias("remark")
    test = spot.test.with_columns(pl.lit("plain").alias("remark"))
    out = {name: spot.folder / f"{name}.csv" for name in ("train", "test")}
    out["train"].write_bytes(
        train.with_columns(mark).write_csv().encode().replace(b"caf@@", b"caf\xe9\xff")
    )
    test.write_csv(out["test"])
    return Planted({k: str(p) for k, p in out.items()})


def _schema(spot: Spot) -> Any:
    from datacheck.contract import infer_schema

    source = {"train": spot.train, "test": spot.test}
    return infer_schema(source, Config(label=spot.data.label))[0]


def under_schema(spot: Spot, severity: float, rng: np.random.Generator) -> Planted:
    """The untouched split, held to a schema inferred from train with a margin of 10 %."""
    return spot.put((spot.train, spot.test), schema=_schema(spot))


def out_of_range(spot: Spot, severity: float, rng: np.random.Generator) -> Planted:
    """Cells of one column of test ten ranges away from train's: 5 % at severity 1."""
    label = spot.data.label
    numbers = [c for c in spot.train.columns if c != label and spot.train[c].dtype.is_numeric()]
    column = numbers[int(rng.integers(len(numbers)))]
    values = spot.train[column].drop_nulls().cast(pl.Float64).to_numpy()
    far = float(values.max() + 10 * (np.ptp(values) or 1.0))
    at = pl.Series(chosen(spot.test.height, 0.05 * severity, rng))
    cell = pl.lit(far).cast(spot.test[column].dtype)
    test = spot.test.with_columns(pl.when(at).then(cell).otherwise(column).alias(column))
    return spot.put((spot.train, test), schema=_schema(spot))


# -- transforms --------------------------------------------------------------------------------


def _transforms(spot: Spot, size: int, means: tuple[float, ...], *extra: Any) -> Planted:
    """Train's transform has 32 pixels and MEAN; test's has these."""
    from torchvision import transforms as t

    train = t.Compose([t.Resize(32), t.ToTensor(), t.Normalize(MEAN, DEVIATION)])
    test = t.Compose([t.Resize(size), *extra, t.ToTensor(), t.Normalize(means, DEVIATION)])
    return spot.put((spot.train, spot.test), transforms={"train": train, "test": test})


def same_transforms(spot: Spot, severity: float, rng: np.random.Generator) -> Planted:
    """One transform for both splits."""
    return _transforms(spot, 32, MEAN)


def other_statistics(spot: Spot, severity: float, rng: np.random.Generator) -> Planted:
    """Means of test's Normalize off by up to a fifth of the range of pixels."""
    means = [m + 0.2 * severity * (1 if rng.random() < 0.5 else -1) for m in MEAN]
    return _transforms(spot, 32, tuple(means))


def other_size(spot: Spot, severity: float, rng: np.random.Generator) -> Planted:
    """Pictures of test resized to up to twice train's 32 pixels."""
    return _transforms(spot, round(32 * (1 + severity)), MEAN)


def augmented_test(spot: Spot, severity: float, rng: np.random.Generator) -> Planted:
    """Flips in test, of a share ``severity`` of its pictures."""
    from torchvision import transforms as t

    return _transforms(spot, 32, MEAN, t.RandomHorizontalFlip(p=severity))


def _tables(data: Data) -> bool:
    return data.kind == "table"


def _pictures(data: Data) -> bool:
    return data.kind == "pictures"


CASES = tuple(
    Case(rule, name, plant, fits, " ".join((plant.__doc__ or "").split()), base)
    for rule, name, plant, fits, base in (
        ("MV006", "records-too-long", broken_records, _flat, as_files),
        ("MV006", "bytes-not-utf-8", wrong_bytes, _flat, as_files),
        ("SC003", "out-of-range", out_of_range, _tables, under_schema),
        ("NM004", "other-statistics", other_statistics, _pictures, same_transforms),
        ("NM004", "other-size", other_size, _pictures, same_transforms),
        ("NM004", "augmented-test", augmented_test, _pictures, same_transforms),
    )
)
