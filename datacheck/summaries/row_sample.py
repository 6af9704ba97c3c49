"""The coordinated row sample: the k rows with the smallest hash of their address.

Uniform, mergeable and reproducible (bottom-k sampling: Cohen & Kaplan 2007). Besides it, the
``per_class`` rows with the smallest hashes of every class, so that rare classes can be judged.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from datacheck.dataset import Batch
from datacheck.summaries.base import State, Summary
from datacheck.summaries.hashing import hash_addresses, hash_column
from datacheck.types import Hashes, Mask

if TYPE_CHECKING:
    import polars as pl

ADDRESS, HASH, CLASS = "__address__", "__hash__", "__class__"
SIZE = 65_536
PER_CLASS = 500
_TOP = np.uint64(2**64 - 1)


class _Bounds:
    """What the summaries of one scan know already: hashes above can never enter the sample.

    Shared between the summaries of one scan; a late reader only keeps more rows for a while, the
    result is the same.
    """

    def __init__(self) -> None:
        self.row = _TOP
        self.classes: tuple[Hashes, Hashes] | None = None  # sorted class hashes, their limits


class RowSample(Summary):
    """``size`` rows at random and at least ``per_class`` of each class of ``label``."""

    columnwise: ClassVar[bool] = True

    def __init__(
        self,
        columns: Sequence[str] = (),
        size: int = SIZE,
        label: str = "",
        per_class: int = PER_CLASS,
        **params: Any,
    ) -> None:
        super().__init__(columns, size=size, label=label, per_class=per_class, **params)
        self.size, self.label, self.per_class = size, label, per_class
        self._parts: list[pl.DataFrame] = []
        self._bounds = _Bounds()

    def fresh(self) -> Self:
        """An identity that knows the bounds reached so far."""
        out = super().fresh()
        out._bounds = self._bounds
        return out

    def reads(self) -> tuple[str, ...]:
        """The columns, and the label."""
        extra = (self.label,) if self.label and self.label not in self.columns else ()
        return (*self.columns, *extra)

    def frame(self, *, with_rare: bool = False) -> pl.DataFrame:
        """The sampled rows in order of address, with the column ``__address__``.

        ``with_rare`` adds the rows that are there only for the sake of their class; the sample
        is then no longer uniform.
        """
        import polars as pl

        frame = self._compact()
        if not with_rare:
            frame = frame.filter(pl.col(HASH) <= pl.lit(self._kth(frame), dtype=pl.UInt64))
        return frame.sort(ADDRESS).drop(HASH, CLASS)

    def update(self, batch: Batch) -> None:
        """Absorb the rows of a batch."""
        import polars as pl

        if not batch.height:
            return
        addresses = batch.addresses
        hashes = hash_addresses(addresses)
        keep = hashes <= self._bounds.row
        classes = np.zeros(batch.height, dtype=np.uint64)
        if self.label:
            classes = hash_column(batch.frame[self.label])
            keep |= self._rare(classes, hashes)
        picked = np.flatnonzero(keep)
        if not picked.size:
            return
        frame = batch.frame.select(self.reads())
        if picked.size < batch.height:
            frame = frame[picked]
        frame = frame.with_columns(
            pl.Series(ADDRESS, addresses[picked]),
            pl.Series(HASH, hashes[picked]),
            pl.Series(CLASS, classes[picked]),
        )
        self._push(frame)

    def merge(self, other: Self) -> Self:
        """The smallest hashes of both."""
        for part in other._parts:
            self._push(part)
        return self

    def _rare(self, classes: Hashes, hashes: Hashes) -> Mask:
        if self._bounds.classes is None:
            return np.ones(classes.size, dtype=np.bool_)
        known, limits = self._bounds.classes
        at = np.minimum(np.searchsorted(known, classes), known.size - 1)
        return np.asarray((known[at] != classes) | (hashes <= limits[at]))

    def _push(self, frame: pl.DataFrame) -> None:
        self._parts.append(frame)
        pending = sum(p.height for p in self._parts[1:])
        if len(self._parts) > 1 and (pending > max(self.size // 2, 4096) or len(self._parts) > 64):
            self._compact()

    def _kth(self, frame: pl.DataFrame) -> int:
        hashes = frame[HASH].to_numpy()
        if hashes.size <= self.size:
            return int(_TOP)
        return int(np.partition(hashes, self.size - 1)[self.size - 1])

    def _compact(self) -> pl.DataFrame:
        import polars as pl

        if not self._parts:
            names = (*self.reads(), ADDRESS, HASH, CLASS)
            typed = {ADDRESS: pl.Int64, HASH: pl.UInt64, CLASS: pl.UInt64}
            return pl.DataFrame(schema={n: typed.get(n, pl.Float64) for n in names})
        frame = self._parts[0]
        if len(self._parts) > 1:
            frame = pl.concat(self._parts, how="vertical_relaxed")
        if frame.height > self.size:
            kth = np.uint64(self._kth(frame))
            keep = frame[HASH].to_numpy() <= kth
            if self.label:
                keep |= self._classed(frame)
            frame = frame.filter(pl.Series(keep))
            self._bounds.row = min(self._bounds.row, kth)
        self._parts = [frame]
        return frame

    def _classed(self, frame: pl.DataFrame) -> Mask:
        """Rows among the ``per_class`` smallest of their class; learns the bounds by the way."""
        classes, hashes = frame[CLASS].to_numpy(), frame[HASH].to_numpy()
        order = np.lexsort((hashes, classes))
        known, starts = np.unique(classes[order], return_index=True)
        sizes = np.diff(np.append(starts, order.size))
        rank = np.arange(order.size) - np.repeat(starts, sizes)
        keep = np.zeros(order.size, dtype=np.bool_)
        keep[order] = rank < self.per_class
        last = np.minimum(starts + self.per_class - 1, starts + sizes - 1)
        limits = np.where(sizes >= self.per_class, hashes[order][last], _TOP)
        self._bounds.classes = known, limits  # one store: other threads read it
        return keep

    def nbytes(self) -> int:
        """About the size of the frames."""
        return int(sum(p.estimated_size() for p in self._parts))

    def state(self) -> State:
        """The rows in order of address, column by column; what lies below a null is 0.

        Arrow's own bytes would not do: the same rows can have other ones.
        """
        frame = self._compact().select(sorted(self._compact().columns)).sort(ADDRESS)
        out: dict[str, npt.NDArray[Any]] = {}
        for i, series in enumerate(frame.iter_columns()):
            _pack(f"{i}", series, out)
        buffer = io.BytesIO()
        frame.clear().write_ipc(buffer)
        return {**out, "types": np.frombuffer(buffer.getvalue(), dtype=np.uint8)}

    def restore(self, state: State) -> None:
        """Take over a state."""
        import polars as pl

        types = pl.read_ipc(io.BytesIO(state["types"].tobytes())).schema
        frame = pl.DataFrame(
            [_unpack(f"{i}", d, state).alias(n) for i, (n, d) in enumerate(types.items())]
        )
        self._parts = [frame.select(*self.reads(), ADDRESS, HASH, CLASS)] if frame.height else []

    def equals(self, other: Self, rtol: float = 0.0) -> bool:
        """The same rows with the same values."""
        mine, theirs = self._compact().sort(ADDRESS), other._compact().sort(ADDRESS)
        if not mine.height and not theirs.height:
            return True
        return mine.equals(theirs.select(mine.columns))


def _pack(name: str, series: pl.Series, out: dict[str, npt.NDArray[Any]]) -> None:
    """A column as arrays: which cells are null, values, and the lengths of texts and lists."""
    import polars as pl

    out[f"{name}.null"] = series.is_null().to_numpy()
    if isinstance(series.dtype, pl.List):
        out[f"{name}.length"] = series.list.len().fill_null(0).to_numpy().astype(np.int64)
        _pack(f"{name}.item", _items(series), out)
    elif series.dtype == pl.String:
        texts = series.fill_null("")
        out[f"{name}.length"] = texts.str.len_bytes().to_numpy().astype(np.int64)
        out[f"{name}.value"] = np.frombuffer("".join(texts.to_list()).encode(), dtype=np.uint8)
    else:
        physical = series.to_physical()
        filled = physical.fill_null(False if physical.dtype == pl.Boolean else 0)
        out[f"{name}.value"] = filled.to_numpy()


def _items(series: pl.Series) -> pl.Series:
    return series.drop_nulls().explode(empty_as_null=False, keep_nulls=False)


def _unpack(name: str, dtype: pl.DataType, state: State) -> pl.Series:
    import polars as pl

    null = state[f"{name}.null"]
    if isinstance(dtype, pl.List) or dtype == pl.String:
        ends = np.cumsum(state[f"{name}.length"])
        starts = ends - state[f"{name}.length"]
        cuts = list(zip(starts.tolist(), ends.tolist(), null.tolist(), strict=True))
        if isinstance(dtype, pl.List):
            inner: Any = dtype.inner
            items = _unpack(f"{name}.item", inner, state).to_list()
            return pl.Series([None if gone else items[a:b] for a, b, gone in cuts], dtype=dtype)
        data = state[f"{name}.value"].tobytes()
        texts = [None if gone else data[a:b].decode() for a, b, gone in cuts]
        return pl.Series(texts, dtype=dtype)
    values = pl.Series(state[f"{name}.value"]).cast(dtype).alias("v")
    pair = pl.DataFrame([values, pl.Series("gone", null)])
    return pair.select(pl.when(~pl.col("gone")).then(pl.col("v"))).to_series()
