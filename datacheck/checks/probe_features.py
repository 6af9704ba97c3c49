"""Cheap features of sampled rows for a probe: numbers, categories, texts and arrays of one length.

Nothing here looks at a label. Numbers become normal scores of their ranks (no scale and no outlier
matters), categories indicators, texts the leading directions of their hashed words and n-grams of
bytes (latent semantic analysis: Deerwester et al. 1990), and arrays of numbers, such as the small
gray or color pictures of images, are scaled as a whole; pictures also tell their edges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from datacheck.checks.base import Context
from datacheck.checks.edges import oriented, sides
from datacheck.checks.probe import Matrix
from datacheck.checks.stats import midranks
from datacheck.checks.support import NUMERIC
from datacheck.dataset import Dataset, Kind, Role, to_matrix
from datacheck.summaries.hashing import hash_column, hash_strings, mix
from datacheck.types import Floats, Ints

if TYPE_CHECKING:
    import polars as pl

NUMBERS = 2_048  # columns of numbers that are used, evenly spread
VALUES = 32  # categories of a column that have an indicator of their own, the most frequent
INDICATORS = 512  # indicators of all columns
LONGEST = 4_096  # items of an array
ALIKE = 16  # columns of numbers from which on they may share one scale
HUGE = 1e150  # numbers whose squares are no numbers
TEXT_ROWS = 16_384  # rows that are judged where there are texts
BYTES = 256  # of a text
BUCKETS = 1 << 13  # of hashed words and n-grams
DIRECTIONS = 240  # of all columns of texts together
EACH_DIRECTION = 8  # rows, or it is learned by heart
POWER = 2  # iterations
GRAMS = (3, 4, 5)  # bytes
PIXELS = "pixels"
ROLES = (Role.FEATURE, Role.MEASURED)  # of arrays: a source measures ``<image>.pixels``
FAR = 4.0  # deviations at which a scaled number is cut off


def usable(context: Context, split: str) -> list[str]:
    """The columns that :func:`views` can read."""
    kinds = (*NUMERIC, Kind.CATEGORY, Kind.TEXT)
    out = context.columns(*kinds, splits=[split])
    arrays = context.columns(Kind.SEQUENCE, Kind.ARRAY, roles=ROLES, splits=[split])
    frame = context.sample(split)
    return [*out, *(c for c in arrays if c in frame.columns and length(frame[c]))]


def measured(data: Dataset) -> list[str]:
    """What sources measure of pictures that :func:`views` reads: 16 × 16 pixels of each."""
    return [f"{c.name}.{PIXELS}" for c in data.columns.values() if c.kind is Kind.IMAGE]


def length(series: pl.Series) -> int:
    """The one length of all arrays of numbers in a column; 0 where there is none."""
    import polars as pl

    dtype = series.dtype
    if not isinstance(dtype, pl.List | pl.Array) or not dtype.inner.is_numeric():
        return 0
    lists = series.cast(pl.List(dtype.inner)).list.len()
    one = lists.min() if lists.len() and not lists.null_count() else 0
    return int(one) if isinstance(one, int) and one == lists.max() and one <= LONGEST else 0


def views(context: Context, frame: pl.DataFrame, columns: list[str]) -> list[Matrix]:
    """The rows of ``frame`` as one or two matrices, float32 of shape (rows, features), finite.

    Two where all columns are numbers of like ranges (pixels): each by its own ranks, and all on
    one common scale. Two where there are pictures: their pixels, and their edges.
    """
    kinds = {c: context.data.columns[c].kind for c in columns}
    numeric = [c for c in columns if kinds[c] in NUMERIC]
    numeric = numeric[:: -(-len(numeric) // NUMBERS)] if numeric else []
    named = [c for c in columns if kinds[c] is Kind.CATEGORY]
    texts = [c for c in columns if kinds[c] is Kind.TEXT]
    arrays = [c for c in columns if kinds[c] in (Kind.SEQUENCE, Kind.ARRAY)]
    parts: list[Matrix] = []
    shared: Matrix | None = None
    if numeric:
        matrix = to_matrix(frame, numeric)
        parts.append(_scores(matrix))
        if len(numeric) == len(columns):
            shared = _shared(matrix)
    if named:
        parts.append(_indicators(frame, named))
    width = DIRECTIONS // max(len(texts), 1)
    parts += [_directions(frame[c], width) for c in texts[:DIRECTIONS]]
    pictures = [c for c in arrays if c.endswith(f".{PIXELS}") and sides(length(frame[c]))]
    out = [_joined(parts + [_array(frame[c]) for c in arrays])]
    if pictures:
        parts += [_array(frame[c]) for c in arrays if c not in pictures]
        out.append(_joined(parts + [oriented(_values(frame[c])) for c in pictures]))
    if shared is not None:
        out.append(shared)
    return [m for m in out if m.shape[1]]


def _joined(parts: list[Matrix]) -> Matrix:
    parts = [p for p in parts if p.shape[1]]
    if len(parts) == 1:
        return np.ascontiguousarray(parts[0])  # no copy: pixels are large
    return np.hstack(parts) if parts else np.zeros((0, 0), dtype=np.float32)


def _scores(matrix: Floats) -> Matrix:
    """Normal scores of the ranks, 0 where missing; an indicator for columns with missing cells."""
    from scipy.special import ndtri

    out = []
    for x in matrix.T:
        known = ~np.isnan(x)
        if known.any() and float(x[known].min()) < float(x[known].max()):
            z = np.zeros(x.size)
            z[known] = ndtri((midranks(x[known]) - 0.5) / known.sum())
            z[known] -= z[known].mean()
            out.append(np.clip(z / z[known].std(), -FAR, FAR).astype(np.float32))
        if known.any() and not known.all():
            out.append((~known).astype(np.float32))
    return np.stack(out, axis=1) if out else np.zeros((matrix.shape[0], 0), dtype=np.float32)


def _shared(matrix: Floats) -> Matrix | None:
    """All columns on one scale, where there are many, complete, of ranges that are alike."""
    if not float(np.abs(matrix).max()) <= HUGE:  # nor missing or infinite
        return None
    low, high = matrix.min(axis=0), matrix.max(axis=0)
    varied = high > low
    wide = (high - low)[varied]
    if wide.size < ALIKE or not float(np.quantile(wide, 0.75)) <= 2 * float(np.median(wide)):
        return None
    if np.ptp(low[varied]) > 2 * float(np.median(wide)):
        return None
    return _whole(matrix[:, varied])


def _whole(matrix: Floats) -> Matrix:
    off = matrix - matrix.mean(axis=0)
    deviation = float(np.sqrt((off**2).mean())) or 1.0
    return np.asarray(off / deviation, dtype=np.float32)


def _array(series: pl.Series) -> Matrix:
    matrix = _values(series)
    matrix -= matrix.mean(axis=0, dtype=np.float64).astype(np.float32)
    squares = float(np.einsum("ij,ij->", matrix, matrix, dtype=np.float64))
    matrix /= np.float32(np.sqrt(squares / matrix.size) or 1.0)
    return matrix


def _values(series: pl.Series) -> Matrix:
    """Arrays of one length as a matrix, finite."""
    import polars as pl

    # In single precision and in place: the pixels of 40,000 pictures take 130 MB.
    flat = series.cast(pl.List(pl.Float32)).explode(empty_as_null=False, keep_nulls=False)
    matrix = np.array(flat.to_numpy(), dtype=np.float32).reshape(series.len(), -1)
    np.nan_to_num(matrix, copy=False, nan=0.0)
    np.clip(matrix, -1e15, 1e15, out=matrix)
    return matrix


def _indicators(frame: pl.DataFrame, columns: list[str]) -> Matrix:
    """One indicator for each of the most frequent values of each column."""
    out: list[Matrix] = []
    each = max(2, min(VALUES, INDICATORS // len(columns)))
    for column in columns[: INDICATORS // 2]:
        values, inverse, counts = np.unique(
            hash_column(frame[column]), return_inverse=True, return_counts=True
        )
        if values.size < 2:
            continue
        top = np.lexsort((values, -counts))[:each]
        out.append((inverse.reshape(-1, 1) == top).astype(np.float32))
    return np.hstack(out) if out else np.zeros((frame.height, 0), dtype=np.float32)


# -- texts -------------------------------------------------------------------------------------


def _directions(series: pl.Series, width: int) -> Matrix:
    """Leading directions of the weighted terms, (rows, at most ``width``)."""
    from scipy.sparse import csr_matrix

    pairs = _terms(series)
    n = series.len()
    rows, buckets = pairs // BUCKETS, pairs % BUCKETS
    spread = np.bincount(buckets, minlength=BUCKETS)
    weight = np.log((1 + n) / (1 + spread)).astype(np.float32)  # a term of every row tells nothing
    kept = ((spread > 1) & (weight > 0))[buckets]
    rows, buckets = rows[kept], buckets[kept]
    if not rows.size:
        return np.zeros((n, 0), dtype=np.float32)
    data = weight[buckets]
    norm = np.sqrt(np.bincount(rows, data**2, minlength=n)).astype(np.float32)
    data /= norm[rows]
    starts = np.searchsorted(rows, np.arange(n + 1))
    terms = csr_matrix((data, buckets, starts), shape=(n, BUCKETS))
    # Randomized range finder with power iterations (Halko, Martinsson & Tropp 2011).
    width = max(1, min(width, n // EACH_DIRECTION))
    basis = np.random.default_rng(0).normal(size=(BUCKETS, width)).astype(np.float32)
    for _ in range(POWER):
        basis = _orthogonal(terms.T @ _orthogonal(terms @ basis))
    out = np.asarray(terms @ basis)
    return np.asarray(out * np.float32(2.0 / (float(out.std()) or 1.0)), dtype=np.float32)


def _orthogonal(x: Matrix) -> Matrix:
    """An orthogonal basis of what the columns span, from the eigenvectors of their inner products:
    a sixth of the time of a QR decomposition of a tall matrix.
    """
    values, vectors = np.linalg.eigh((x.T @ x).astype(np.float64))
    told = values > 1e-6 * max(float(values[-1]), 1e-30)  # float32 knows no smaller ones
    return np.asarray(x @ (vectors[:, told] / np.sqrt(values[told])).astype(np.float32))


def _terms(series: pl.Series) -> Ints:
    """row · BUCKETS + bucket of each word, pair of neighboring words and n-gram of bytes; sorted,
    each once.
    """
    import polars as pl

    texts = series.cast(pl.String).fill_null("").str.slice(0, BYTES).str.to_lowercase()
    frame = pl.DataFrame({"row": np.arange(series.len()), "word": texts.str.extract_all(r"\w+")})
    words = frame.explode("word").drop_nulls("word")
    row = words["row"].to_numpy().astype(np.int64)
    hashed = hash_strings(words["word"]).to_numpy().astype(np.uint64)
    found = [(row, hashed)]
    if row.size > 1:
        same = row[1:] == row[:-1]
        found.append((row[1:][same], mix(hashed[:-1] ^ mix(hashed[1:]))[same]))
    padded = " " + texts.str.replace_all(r"\s+", " ") + " "
    sizes = padded.str.len_bytes().to_numpy().astype(np.int64)
    data = np.frombuffer("".join(padded.to_list()).encode(), dtype=np.uint8).astype(np.uint64)
    owner = np.repeat(np.arange(series.len()), sizes)
    for n in GRAMS:
        if data.size >= n:
            gram = np.full(data.size - n + 1, n, dtype=np.uint64)
            for k in range(n):
                gram = (gram << np.uint64(8)) | data[k : data.size - n + 1 + k]
            same = owner[: data.size - n + 1] == owner[n - 1 :]
            found.append((owner[: data.size - n + 1][same], mix(gram[same])))
    # Sorting beats np.unique, which hashes.
    pairs = np.concatenate([r * BUCKETS + (h % np.uint64(BUCKETS)).astype(np.int64)
                            for r, h in found])  # fmt: skip
    pairs.sort()
    first = np.ones(pairs.size, dtype=np.bool_)
    np.not_equal(pairs[1:], pairs[:-1], out=first[1:])
    return np.asarray(pairs[first])
