"""What is compared: distinct rows by their features, and the pairs of them that are near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from datacheck.checks.base import Context
from datacheck.checks.duplicates import NO_LABEL
from datacheck.checks.near.buckets import repeated
from datacheck.types import Floats, Hashes, Ints, Mask

if TYPE_CHECKING:
    from datacheck.summaries.row_hashes import RowHashes


class How(IntEnum):
    """In what way two rows are near, the nearest first."""

    SPACES = 0
    PUNCTUATION = 1
    SIMILAR = 2
    CONTAINED = 3
    CELLS = 4
    ROUNDED = 5
    PICTURE = 6


@dataclass(frozen=True)
class Items:
    """All rows of a dataset in order of address, and which distinct row (item) each is.

    ``split`` is the ordinal of each row's split in ``names``; ``first`` the row that stands for
    each item, its first.
    """

    names: tuple[str, ...]
    addresses: Ints
    split: npt.NDArray[np.int16]
    labels: Hashes
    item: Ints
    first: Ints

    @property
    def n(self) -> int:
        """How many distinct rows."""
        return int(self.first.size)

    @cached_property
    def held(self) -> dict[str, Mask]:
        """By split, which items have a row in it."""
        out = {}
        for i, name in enumerate(self.names):
            out[name] = np.zeros(self.n, dtype=np.bool_)
            out[name][self.item[self.split == i]] = True
        return out

    def places(self, addresses: Ints) -> Ints:
        """Where those addresses stand; −1 for those that are not among the rows."""
        at = np.minimum(np.searchsorted(self.addresses, addresses), self.addresses.size - 1)
        return np.where(self.addresses[at] == addresses, at, -1) if self.addresses.size else at


@dataclass(frozen=True)
class Edges:
    """Pairs of items that are near, each once with ``a < b``: how, and how much (a Jaccard
    similarity, a share, a number of cells; what ``how`` says).
    """

    a: Ints
    b: Ints
    how: npt.NDArray[np.uint8]
    value: Floats

    @property
    def n(self) -> int:
        """How many."""
        return int(self.a.size)

    def take(self, which: Mask | Ints) -> Edges:
        """Some of them."""
        return Edges(self.a[which], self.b[which], self.how[which], self.value[which])

    def both(self) -> Edges:
        """Each in both directions."""
        return Edges(
            np.concatenate([self.a, self.b]),
            np.concatenate([self.b, self.a]),
            np.tile(self.how, 2),
            np.tile(self.value, 2),
        )


def edges(parts: Sequence[Edges]) -> Edges:
    """All together, each pair once: as near as any part says; in order of a and b."""
    a, b = (np.concatenate([np.zeros(0, np.int64), *(x(p) for p in parts)]) for x in (_a, _b))
    how = np.concatenate([np.zeros(0, np.uint8), *(p.how for p in parts)])
    value = np.concatenate([np.zeros(0), *(p.value for p in parts)])
    order = np.lexsort((-value, how, b, a))
    one = Edges(a, b, how, value).take(order)
    new = np.append(True, (one.a[1:] != one.a[:-1]) | (one.b[1:] != one.b[:-1]))
    return one.take(new[: one.n])


def _a(part: Edges) -> Ints:
    return np.minimum(part.a, part.b)


def _b(part: Edges) -> Ints:
    return np.maximum(part.a, part.b)


_known: WeakKeyDictionary[RowHashes, Items] = WeakKeyDictionary()


def items(context: Context) -> Items:
    """The items of a dataset; worked out once for each audit."""
    anchor = context.row_hashes(context.splits[0])
    if anchor not in _known:
        _known[anchor] = _items(context)
    return _known[anchor]


def _items(context: Context) -> Items:
    hashes = {s: context.row_hashes(s) for s in context.splits}
    addresses = np.concatenate([h.addresses() for h in hashes.values()])
    features = np.concatenate([h.features() for h in hashes.values()])
    labels = np.concatenate([h.labels() for h in hashes.values()])
    sizes = [h.rows for h in hashes.values()]
    split = np.repeat(np.arange(len(sizes), dtype=np.int16), sizes)
    order = by_address(addresses)
    item, first = _numbered(features[order])
    return Items(tuple(hashes), addresses[order], split[order], labels[order], item, first)


def by_address(addresses: Ints) -> Ints | slice:
    """An index that puts rows in order of address; one that copies nothing where they are."""
    if (addresses[1:] >= addresses[:-1]).all():
        return slice(None)
    return np.argsort(addresses, kind="stable")


def _numbered(keys: Hashes | Ints) -> tuple[Ints, Ints]:
    """A number for each distinct key, in order of its first place; and those places."""
    again = repeated(keys.view(np.uint64))
    leads = ~again
    places = np.flatnonzero(again)
    some = keys[places]
    ranked = np.argsort(some, kind="stable")
    new = np.append(True, some[ranked][1:] != some[ranked][:-1])[: ranked.size]
    first = places[ranked[new]]
    leads[first] = True
    number = np.cumsum(leads) - 1
    number[places[ranked]] = number[first][np.cumsum(new) - 1]
    return number, np.flatnonzero(leads)


def restricted(known: Items, keep: Mask, split: npt.NDArray[np.int16]) -> Items:
    """The items of some of the rows only, in other splits perhaps."""
    item, first = _numbered(known.item[keep])
    return Items(
        known.names, known.addresses[keep], split[keep], known.labels[keep], item, first
    )


def known_label(labels: Hashes) -> Mask:
    """Which label hashes are not that of a missing label."""
    return np.asarray(labels != NO_LABEL)
