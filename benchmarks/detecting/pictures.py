"""Faults of pictures: each alters the files of pictures that a dataset has."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.detecting.cases import Case, Planted, Spot
from benchmarks.detecting.data import Data, Pair, decoded, encoded, take
from benchmarks.detecting.words import chosen, shuffled
from datacheck.types import Mask

COLOR = ("photo_tiles", "shapes")
Cell = Callable[[npt.NDArray[np.uint8]], bytes]
Change = Callable[[Spot, float, np.random.Generator], Pair]


def _where(frame: pl.DataFrame, column: str, mask: Mask, cell: Cell) -> pl.DataFrame:
    """The files where the mask is true, made anew from their pixels."""
    files = frame[column].to_list()
    new = [cell(decoded(f)) if m else f for f, m in zip(files, mask, strict=True)]
    return frame.with_columns(pl.Series(column, new, dtype=pl.Binary))


def _gray(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(pixels.mean(axis=2).round(), dtype=np.uint8)


def _resized(pixels: npt.NDArray[np.uint8], factor: float, **options: Any) -> bytes:
    from PIL import Image

    image = Image.fromarray(pixels)
    size = tuple(max(8, round(s * factor)) for s in image.size)
    return encoded(np.asarray(image.resize((size[0], size[1]))), **options)


def _altered(frame: pl.DataFrame, column: str, rng: np.random.Generator) -> pl.DataFrame:
    """Each picture as JPEG, in another size, mirrored, or a little brighter."""
    ways: list[Cell] = [
        lambda p: encoded(p, "JPEG", quality=90),
        lambda p: _resized(p, 1.25),
        lambda p: encoded(p[:, ::-1]),
        lambda p: encoded(np.minimum(p.astype(np.int64) + 4, 255).astype(np.uint8)),
    ]
    way = rng.integers(0, len(ways), frame.height)
    for k, one in enumerate(ways):
        frame = _where(frame, column, np.asarray(way == k), one)
    return frame


def _copies(spot: Spot, count: float, rng: np.random.Generator) -> pl.DataFrame:
    rows = rng.permutation(spot.train.height)[: max(1, round(count))]
    return _altered(take(spot.train, rows), spot.data.column, rng)


def near_across(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
    """Pictures of train in test as JPEG, in another size, mirrored or brighter: 20 % of test at
    severity 1.
    """
    copies = _copies(spot, 0.2 * severity * spot.test.height, rng)
    return spot.train, shuffled(pl.concat([spot.test, copies]), rng)


def near_within(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
    """Pictures of train again as JPEG, in another size, mirrored or brighter: 20 % more rows at
    severity 1.
    """
    copies = _copies(spot, 0.2 * severity * spot.train.height, rng)
    return shuffled(pl.concat([spot.train, copies]), rng), spot.test


def same_pixels(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
    """Pictures of train in test as BMP, pixel by pixel the same: 20 % of test at severity 1."""
    rows = rng.permutation(spot.train.height)[: max(1, round(0.2 * severity * spot.test.height))]
    every = np.ones(rows.size, dtype=np.bool_)
    copies = _where(take(spot.train, rows), spot.data.column, every, lambda p: encoded(p, "BMP"))
    return spot.train, shuffled(pl.concat([spot.test, copies]), rng)


def _all_of_test(cell: Cell, text: str) -> Change:
    def change(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
        share = min(1.0, 2 * severity)
        rows = rng.permutation(spot.test.height)[: max(1, round(share * spot.test.height))]
        test = take(spot.test, np.sort(rows))
        return spot.train, _where(test, spot.data.column, np.ones(rows.size, np.bool_), cell)

    change.__doc__ = (
        f"All pictures of test {text}; below severity 0.5 test has a share of its rows only."
    )
    return change


def _share_of_test(cell: Cell, text: str) -> Change:
    def change(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
        at = chosen(spot.test.height, severity, rng)
        return spot.train, _where(spot.test, spot.data.column, at, cell)

    change.__doc__ = f"A share ``severity`` of the pictures of test {text}."
    return change


def _float_tiff(pixels: npt.NDArray[np.uint8]) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(_gray(pixels).astype(np.float32) / np.float32(255)).save(out, "TIFF")
    return out.getvalue()


def told_by_size(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
    """Pictures cut to a width that is that of the class in 92 to 100 % of the rows (96 % at
    severity 0.5), and that of any class in the others.
    """
    assert spot.data.label is not None
    classes = spot.data.frame[spot.data.label].unique().sort().to_list()
    out = []
    for frame in (spot.train, spot.test):
        codes = np.array([classes.index(v) for v in frame[spot.data.label].to_list()])
        other = rng.random(frame.height) > 0.92 + 0.08 * severity
        codes[other] = rng.integers(0, len(classes), int(other.sum()))
        new = [encoded(decoded(f)[:, : 20 - k])
               for f, k in zip(frame[spot.data.column].to_list(), codes, strict=True)]  # fmt: skip
        out.append(frame.with_columns(pl.Series(spot.data.column, new, dtype=pl.Binary)))
    return out[0], out[1]


def cut_short(spot: Spot, severity: float, rng: np.random.Generator) -> Pair:
    """Files of train that break off after three quarters: 5 % at severity 1, one at least."""
    at = chosen(spot.train.height, 0.05 * severity, rng)
    files = spot.train[spot.data.column].to_list()
    new = [f[: len(f) * 3 // 4] if m else f for f, m in zip(files, at, strict=True)]
    return spot.train.with_columns(
        pl.Series(spot.data.column, new, dtype=pl.Binary)
    ), spot.test


def _case(rule: str, name: str, change: Change, *only: str) -> Case:
    def plant(spot: Spot, severity: float, rng: np.random.Generator) -> Planted:
        return spot.put(change(spot, severity, rng))

    def fits(data: Data) -> bool:
        return data.kind == "pictures" and (not only or data.name in only)

    return Case(rule, name, plant, fits, " ".join((change.__doc__ or "").split()))


GRAY = ("digit_pictures", "mnist_png")
CASES = (
    _case("LK001", "same-pixels", same_pixels),
    _case("LK002", "near-pictures-across", near_across),
    _case("LK009", "pictures-told-by-size", told_by_size),
    _case("LB005", "near-pictures-within", near_within),
    _case("MV006", "pictures-cut-short", cut_short),
    _case("NM001", "inverted", _all_of_test(lambda p: encoded(255 - p), "inverted")),
    _case("NM001", "bgr", _all_of_test(lambda p: encoded(p[..., ::-1]),
                                       "with red and blue swapped"), *COLOR),
    _case("NM001", "pixels-of-0-to-1", _all_of_test(_float_tiff, "as TIFF of 0 to 1"), *GRAY),
    _case("NM007", "jpeg", _share_of_test(lambda p: encoded(p, "JPEG"), "as JPEG")),
    _case("NM007", "gray", _share_of_test(lambda p: encoded(_gray(p)), "in gray"), *COLOR),
    _case("NM007", "smaller", _share_of_test(lambda p: _resized(p, 0.75),
                                             "three quarters as large")),
)  # fmt: skip
