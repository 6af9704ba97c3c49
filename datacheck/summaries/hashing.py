"""64-bit hashes of rows, keys and addresses: typed canonically, the same on every machine.

Numbers are hashed by their float64 bits after −0 → 0 and NaN → one NaN; a missing cell is NaN
whatever its type; text is normalized to Unicode NFC. The mixer is the finalizer of SplitMix64
(Steele, Lea & Flood 2014).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from datacheck.types import Floats, Hashes, Ints

if TYPE_CHECKING:
    import polars as pl

_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_S30, _S27, _S31, _S32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)
MISSING = np.uint64(0x7FF8000000000000)  # the bits of NaN


def mix(x: Hashes) -> Hashes:
    """SplitMix64's finalizer over an array of uint64; a bijection."""
    z = x + _GOLDEN
    z = (z ^ (z >> _S30)) * _M1
    z = (z ^ (z >> _S27)) * _M2
    return np.asarray(z ^ (z >> _S31))


def mix_int(x: int) -> int:
    """The same for one number."""
    return int(mix(np.array([x], dtype=np.uint64)).item())


def seed(name: str) -> int:
    """A 64-bit number for a name, the same in every process."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def hash_addresses(addresses: Ints) -> Hashes:
    """One hash per address, uniform; what the coordinated sample is drawn by."""
    return mix(addresses.astype(np.uint64))


def number_bits(x: Floats) -> Hashes:
    """The canonical bits of float64 values (any shape)."""
    y = x + 0.0  # −0 → 0
    bad = np.isnan(y)
    if bad.any():
        y[bad] = np.nan
    return y.view(np.uint64)


def hash_strings(series: pl.Series) -> pl.Series:
    """uint64 hashes of a string column after NFC; null has a hash of its own."""
    return nfc(series).hash(0x5EED)


def nfc(series: pl.Series) -> pl.Series:
    """Unicode NFC, without cost for plain ASCII."""
    if series.dtype.to_python() is str and not _ascii(series):
        return series.str.normalize("NFC")
    return series


def _ascii(series: pl.Series) -> bool:
    return bool(series.str.len_bytes().sum() == series.str.len_chars().sum())


def hash_column(series: pl.Series) -> Hashes:
    """uint64 hashes of the values of any column, canonical over types and spellings."""
    import polars as pl

    dtype = series.dtype
    if dtype.is_numeric() or dtype == pl.Boolean or dtype.is_temporal():
        from datacheck.dataset import to_matrix

        out = mix(number_bits(to_matrix(series.alias("x").to_frame(), ["x"])[:, 0]))
        return _large(series, out) if dtype in (pl.Int64, pl.UInt64) else out
    if dtype == pl.String:
        hashed = hash_strings(series).to_numpy()
    elif isinstance(dtype, pl.List | pl.Array):
        hashed = _hash_lists(series)
    else:
        hashed = hash_strings(series.cast(pl.String, strict=False)).to_numpy()
    out = np.asarray(hashed, dtype=np.uint64)
    if series.null_count():
        out = np.where(series.is_null().to_numpy(), mix(np.array([MISSING])), out)
    return out


def _large(series: pl.Series, out: Hashes) -> Hashes:
    """Whole numbers that float64 cannot tell apart (keys of 64 bits, say) by all of their bits."""
    import polars as pl

    exact = 2**53
    large = series > exact
    if series.dtype == pl.Int64:
        large = large | (series < -exact)
    large = large.fill_null(False)
    if large.any():
        whole = series.filter(large).to_numpy().astype(np.uint64)
        out[large.to_numpy()] = mix(whole ^ _GOLDEN)
    return out


def _hash_lists(series: pl.Series) -> Hashes:
    """Order-sensitive: the hash of each item is mixed with its position, then summed."""
    import polars as pl

    lists = (
        series.cast(pl.List(series.dtype.inner)) if isinstance(series.dtype, pl.Array) else series
    )
    lengths = lists.list.len().fill_null(0).to_numpy().astype(np.int64)
    flat = lists.drop_nulls().explode(empty_as_null=False, keep_nulls=False)
    starts = np.concatenate(([0], np.cumsum(lengths)))[:-1]
    position = np.arange(int(lengths.sum()), dtype=np.int64) - np.repeat(starts, lengths)
    items = mix(hash_column(flat) ^ mix(position.astype(np.uint64)))
    total = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(items, dtype=np.uint64)))
    sums = total[starts + lengths] - total[starts]
    return mix(sums ^ mix(lengths.astype(np.uint64)))


def hash_numbers(matrix: Floats, names: tuple[str, ...]) -> Hashes:
    """One uint64 per row of a float64 matrix (rows, columns), whatever the order of columns."""
    out = np.zeros((1, matrix.shape[0]), dtype=np.uint64)
    add_numbers(out, matrix, names, (0,) * len(names))
    return out.ravel()


def add_numbers(
    out: Hashes, matrix: Floats, names: tuple[str, ...], homes: Sequence[int]
) -> None:
    """Add the hashes of columns to those of shape (parts, rows), each to the part it is at home in.

    Each column's bits, the constant of its name flipped in (or 0 would be 0 in every column, and
    a 2.0 the same in half of them), are multiplied by it made odd, folded and mixed, and added.
    """
    fold, mixed = (np.empty(len(matrix), dtype=np.uint64) for _ in "ab")
    for j, name in enumerate(names):
        bits = number_bits(matrix[:, j])
        own = seed(name)
        np.bitwise_xor(bits, np.uint64(own), out=mixed)
        np.multiply(mixed, np.uint64(own | 1), out=mixed)
        np.right_shift(mixed, _S32, out=fold)
        np.bitwise_xor(mixed, fold, out=mixed)
        np.multiply(mixed, _M1, out=mixed)
        np.right_shift(mixed, _S31, out=fold)
        np.bitwise_xor(mixed, fold, out=mixed)
        np.multiply(mixed, _M2, out=mixed)
        np.add(out[homes[j]], mixed, out=out[homes[j]])


def hash_other(series: pl.Series, name: str) -> Hashes:
    """The same for a column that is no number, to be added to :func:`hash_numbers`."""
    return mix(hash_column(series) * np.uint64(seed(name) | 1))
