"""What batches of train look like: bounds, scale and classes, by field and feature."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datacheck.errors import UsageError
from datacheck.pipelines.watching.batch_parts import is_padded, label_field, parts_of
from datacheck.types import Floats, Mask

MOST_CLASSES = 1_000
BLOCK = 4_096
Trailing = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FieldProfile:
    """One tensor of a batch, over all of train.

    ``trailing`` is its shape without rows, −1 where that varied. ``axis`` is the dimension whose
    places are features (None: all numbers are one). ``low``, ``high``, ``mean``, ``sd``
    (population) and ``kurtosis`` (E[(x − mean)⁴] / sd⁴) have shape (features,). ``seen`` says
    which whole numbers 0, 1, … a one-dimensional field of whole numbers held, None for others.
    ``padded`` says that padding may be in it.
    """

    dtype: str
    trailing: Trailing
    axis: int | None
    low: Floats
    high: Floats
    mean: Floats
    sd: Floats
    kurtosis: Floats
    n: int
    seen: Mask | None = None
    padded: bool = False
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class Profile:
    """The fields of train's batches by name.

    Fields are named ``x``, ``categories``, ``y`` and ``sequences.NAME`` in a
    :class:`~datacheck.pipelines.collate.Batch`, ``0``, ``1``, … in a tuple, by key in a mapping;
    a batch that is one tensor is ``x``.
    """

    fields: dict[str, FieldProfile] = field(default_factory=dict)

    @classmethod
    def fit(cls, source: Any, *, names: Sequence[str] = (), batches: int = 0) -> Profile:
        """From train: a loader (or any batches), a frame, an array or a tensor, in one pass.

        ``names`` are those of the features in ``x``, for messages. ``batches`` bounds how many
        are looked at (0: all). Of the loaders of :func:`datacheck.loaders` the table of train is
        read in order, and no epoch is used up. Raises UsageError for what holds no tensors.
        """
        makers: dict[str, _Maker] = {}
        for batch in itertools.islice(_batches(source), batches or None):
            label = label_field(batch)
            for name, tensor in parts_of(batch).items():
                if name not in makers:
                    makers[name] = _Maker(name, label=name == label)
                makers[name].add(tensor)
        if not makers:
            raise UsageError("no batch to learn a profile from", "give train, with rows")
        found = {name: maker.profile() for name, maker in makers.items()}
        known = tuple(names) or _names(source)
        if "x" in found and len(known) == found["x"].mean.size:
            found["x"] = replace(found["x"], names=known)
        if hasattr(source, "__array__") and not isinstance(source, Tensor):
            # Only batches have the type that a model is given.
            found = {name: replace(one, dtype="") for name, one in found.items()}
        return cls(found)

    def __repr__(self) -> str:
        told = [f"{n}: {f.mean.size} features of {f.n:,} rows" for n, f in self.fields.items()]
        return f"Profile({'; '.join(told)})"


class _Maker:
    """Sums of powers about the first batch's mean, which is near enough to lose no digits."""

    def __init__(self, name: str, *, label: bool) -> None:
        self.name, self.label = name, label
        self.pieces: list[tuple[str, Trailing]] = []
        self.held: list[Tensor] = []
        self.axis: int | None = None
        self.started = False
        self.n = self.rows = 0
        self.seen: set[int] | None = None

    def add(self, tensor: Tensor) -> None:
        """One batch of the field, shape (rows, …)."""
        t = tensor.detach().cpu()
        known = (str(t.dtype), tuple(t.shape[1:]))
        if known not in self.pieces:
            self.pieces.append(known)
        self.rows += int(t.shape[0])
        if not t.numel():
            return
        whole = not t.is_floating_point()
        if not self.started:
            self.axis = feature_axis(t.ndim)
            if is_padded(self.name):
                self.axis = None if t.ndim < 3 else -1
            elif whole and self.name != "categories":
                self.axis = None  # codes have no features
            if whole and t.ndim == 1 and self.label:
                self.seen = set()
        if self.seen is not None:
            self.seen.update(np.unique(t.numpy()).tolist())
            if len(self.seen) > MOST_CLASSES:
                self.seen = None
        values = _flat(t, self.axis)
        if self.started and values.shape[1] != self.low.size:
            # A width that varies: sequences, whose numbers are all one feature.
            self._merge()
            values = values.reshape(-1, 1)
        self._absorb(values)

    def _absorb(self, x: Floats) -> None:
        if not self.started:
            p = x.shape[1]
            self.started = True
            self.center = np.nan_to_num(x.mean(axis=0))
            self.sums = np.zeros((4, p))
            self.low, self.high = np.full(p, np.inf), np.full(p, -np.inf)
        good = np.isfinite(x)
        if not good.all():
            raise UsageError(
                f"{self.name!r} of train holds values that are not finite",
                "mend train first: datacheck fix DATA -o CLEAN",
            )
        off = x - self.center
        square = off * off
        self.sums += np.stack(
            [off.sum(0), square.sum(0), (square * off).sum(0), (square * square).sum(0)]
        )
        self.n += x.shape[0]
        self.low = np.minimum(self.low, x.min(axis=0))
        self.high = np.maximum(self.high, x.max(axis=0))

    def _merge(self) -> None:
        """All features become one, as if they had been from the start."""
        if self.low.size == 1 and self.axis is None:
            return
        p, n = self.low.size, self.n
        center = float(self.center.mean())
        d = self.center - center
        a, b, c, e = self.sums
        self.sums = np.array(
            [
                [(a + n * d).sum()],
                [(b + 2 * d * a + n * d**2).sum()],
                [(c + 3 * d * b + 3 * d**2 * a + n * d**3).sum()],
                [(e + 4 * d * c + 6 * d**2 * b + 4 * d**3 * a + n * d**4).sum()],
            ]
        )
        self.center, self.n, self.axis = np.array([center]), n * p, None
        self.low, self.high = self.low.min(keepdims=True), self.high.max(keepdims=True)

    def profile(self) -> FieldProfile:
        """What all of it comes to."""
        if not self.started:
            self._absorb(np.zeros((1, 1)))
        m1, m2, m3, m4 = self.sums / max(self.n, 1)
        var = np.maximum(m2 - m1**2, 0.0)
        fourth = np.maximum(m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4, 0.0)
        trailing = self.pieces[0][1]
        if len({t for _, t in self.pieces}) > 1:
            same_rank = len({len(t) for _, t in self.pieces}) == 1
            trailing = (
                tuple(
                    sizes[0] if len(set(sizes)) == 1 else -1
                    for sizes in zip(*(t for _, t in self.pieces), strict=True)
                )
                if same_rank
                else ()
            )
        seen = None
        if self.seen:
            # 0 … k − 1, most of them there and each more than once: classes, and no indices.
            k = max(self.seen) + 1
            enough = len(self.seen) >= 0.5 * k and self.rows >= 2 * k
            if min(self.seen) >= 0 and k <= MOST_CLASSES and enough:
                seen = np.zeros(k, dtype=np.bool_)
                seen[sorted(self.seen)] = True
        with np.errstate(divide="ignore", invalid="ignore"):
            kurtosis = np.where(var > 0, fourth / var**2, 1.0)
        return FieldProfile(
            dtype=self.pieces[0][0],
            trailing=trailing,
            axis=self.axis,
            low=self.low,
            high=self.high,
            mean=self.center + m1,
            sd=np.sqrt(var),
            kurtosis=np.maximum(np.nan_to_num(kurtosis, nan=1.0, posinf=1e6), 1.0),
            n=self.rows,
            seen=seen,
            padded=is_padded(self.name),
        )


def feature_axis(ndim: int) -> int | None:
    """Which dimension holds features: the last of a table or of sequences, the second of images."""
    return {1: None, 2: 1, 3: -1}.get(ndim, 1)


def other_axes(ndim: int, axis: int | None) -> list[int]:
    """The dimensions to reduce over."""
    return [d for d in range(ndim) if axis is None or d != axis % ndim]


def _flat(t: Tensor, axis: int | None) -> Floats:
    x = t.to(torch.float64)
    if axis is None:
        return np.asarray(x.reshape(-1, 1).numpy())
    return np.asarray(x.movedim(axis, -1).reshape(-1, x.shape[axis]).numpy())


def _batches(source: Any) -> Iterator[Any]:
    from datacheck.pipelines.loader import Loader, Loaders

    if isinstance(source, Loaders):
        source = source[source.train_name]
    if isinstance(source, Loader):
        table: Any = source.dataset
        for start in range(0, len(table), BLOCK):
            stop = min(start + BLOCK, len(table))
            assert source.collate_fn is not None
            yield source.collate_fn(table.__getitems__(np.arange(start, stop)))
        return
    if isinstance(source, Tensor):
        yield source
    elif hasattr(source, "__array__"):  # arrays and frames, Polars or pandas
        yield torch.from_numpy(np.array(source, dtype=np.float64))
    elif isinstance(source, Iterable):
        yield from source
    else:
        raise UsageError(
            f"no profile can be learned from a {type(source).__name__}",
            "give a loader, batches, a frame, an array or a tensor",
        )


def _names(source: Any) -> tuple[str, ...]:
    from datacheck.pipelines.loader import Loader, Loaders

    if isinstance(source, Loaders):
        return source.encoder.numbers
    if isinstance(source, Loader) or not hasattr(source, "columns"):
        return ()
    return tuple(str(c) for c in source.columns)
