"""Pictures that are near each other: candidates by their hashes, verified on grey levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from datacheck.checks.base import Context
from datacheck.checks.near.alike import alike, others
from datacheck.checks.near.buckets import shared
from datacheck.checks.near.hamming import MOST, near
from datacheck.checks.near.items import Edges, How, Items, edges
from datacheck.checks.near.joins import expanded
from datacheck.checks.support import hash_columns
from datacheck.dataset import Dataset, Kind, Role
from datacheck.summaries.base import Need
from datacheck.summaries.perceptual import oriented
from datacheck.summaries.thumbnails import Thumbnails
from datacheck.types import Floats, Hashes, Ints, Mask

CLOSE = 3.0  # rms of grey levels up to which two pictures are the same, whatever they show
SAME = 0.998  # correlation from which they are, however bright
FAR = 24.0  # rms beyond which they are not, however they correlate
EACH = 8  # pictures of one hash that are compared with as many of another
CHUNK = 1 << 15  # pairs that are verified at a time: 32 MiB


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """From when on two pictures are near: bits of the hash, other features that may differ."""

    hamming: int = MOST
    cells: int = 1


def picture_column(data: Dataset) -> str | None:
    """The first column of pictures that is compared and of which the source measured what it
    takes, if any.
    """
    for name in data.select(Kind.IMAGE):
        measured = [data.columns.get(f"{name}.{m}") for m in ("phash", "grey")]
        if name in hash_columns(data) and all(c and c.role is Role.MEASURED for c in measured):
            return name
    return None


def need_pictures(data: Dataset) -> list[Need]:
    """Hashes and grey levels, where there are any."""
    name = picture_column(data)
    if name is None:
        return []
    columns = (f"{name}.phash", f"{name}.grey")
    return [Need("thumbnails", columns, (("grey", columns[1]), ("phash", columns[0])))]


def picture_edges(context: Context, known: Items, options: PictureOptions) -> Edges | None:
    """Pairs of items whose pictures are the same but for size, encoding, brightness, a flip or a
    quarter turn, and whose other features hardly differ. None where there are no pictures.
    """
    name = picture_column(context.data)
    if name is None:
        return None
    need = need_pictures(context.data)[0]
    held = [context.get("thumbnails", s, need.params) for s in context.splits]
    thumbs = [t for t in held if isinstance(t, Thumbnails)]
    place, source, row = _stand(known, thumbs)
    hashes = np.concatenate([t.hashes() for t in thumbs])[place]
    a, b, turn = candidates(hashes, options.hamming)
    kept = np.zeros(a.size, dtype=np.bool_)
    value = np.zeros(a.size)
    for start in range(0, a.size, CHUNK):
        part = slice(start, start + CHUNK)
        one, other = (_levels(thumbs, source[i[part]], row[i[part]]) for i in (a, b))
        value[part], kept[part] = same(one, other, turn[part])
    item = known.item[known.places(np.concatenate([t.addresses() for t in thumbs])[place])]
    a, b, value = item[a[kept]], item[b[kept]], value[kept]
    some = alike(context, known, a, b, others(context.data, (name,)), options.cells)
    how = np.full(int(some.sum()), How.PICTURE, dtype=np.uint8)
    return edges([Edges(a[some], b[some], how, value[some])])


def _stand(known: Items, thumbs: list[Thumbnails]) -> tuple[Ints, Ints, Ints]:
    """The pictures that stand for items (places in all thumbnails), each one's split and row."""
    at = [t.addresses() for t in thumbs]
    source = np.repeat(np.arange(len(at)), [x.size for x in at])
    row = np.concatenate([np.arange(x.size) for x in at])
    where = known.places(np.concatenate(at))
    mine = np.flatnonzero(where >= 0)
    mine = mine[known.first[known.item[where[mine]]] == where[mine]]
    return mine, source[mine], row[mine]


def candidates(hashes: Hashes, within: int) -> tuple[Ints, Ints, Ints]:
    """Pairs (i, j) whose hashes are near, and the orientation that brings i to j. Pictures without
    structure (0) are none.
    """
    some = np.flatnonzero(hashes != 0)
    distinct, which = np.unique(hashes[some], return_inverse=True)
    a, b, _ = shared(hashes[some], some)
    parts = [(a, b, np.zeros_like(a))]
    i, j, turn, _ = near(distinct, within)
    by_hash = some[np.argsort(which, kind="stable")]
    ends = np.cumsum(np.bincount(which, minlength=distinct.size))
    begins = np.append(0, ends[:-1]) if ends.size else ends
    sizes = np.minimum(ends - begins, EACH)
    for pair, left in expanded(begins[i], sizes[i]):
        for again, right in expanded(begins[j[pair]], sizes[j[pair]]):
            parts.append((by_hash[left[again]], by_hash[right], turn[pair[again]]))
    x, y, turns = (np.concatenate(p) for p in zip(*parts, strict=True))
    return x, y, turns


def _levels(thumbs: list[Thumbnails], source: Ints, row: Ints) -> npt.NDArray[np.uint8]:
    out = np.empty((source.size, 16, 16), dtype=np.uint8)
    for k, thumb in enumerate(thumbs):
        mine = source == k
        if mine.any():
            out[mine] = thumb.levels(row[mine])
    return out


def same(
    one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8], orientation: Ints
) -> tuple[Floats, Mask]:
    """The correlation of grey levels (n, 16, 16) once the first are turned, and whether the two
    are one picture.
    """
    x = oriented(one, orientation).astype(np.float32).reshape(one.shape[0], -1)
    y = other.astype(np.float32).reshape(other.shape[0], -1)
    rms = np.sqrt(((x - y) ** 2).mean(axis=1))
    x -= x.mean(axis=1, keepdims=True)
    y -= y.mean(axis=1, keepdims=True)
    power = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    correlation = np.where(power > 0, (x * y).sum(axis=1) / np.maximum(power, 1e-9), 0.0)
    verdict = (rms <= CLOSE) | ((correlation >= SAME) & (rms <= FAR))
    return correlation.astype(np.float64), np.asarray(verdict)
