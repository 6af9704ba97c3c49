"""What shape of data a dataset has, by the kinds of its columns: which model can read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from datacheck.dataset import Column, Dataset, Kind, Role
from datacheck.errors import UsageError
from datacheck.findings import names

Shape = Literal["table", "image", "language", "tokens", "series", "translation"]
LISTS = (Kind.SEQUENCE, Kind.TEXT)
PLAIN = (Kind.NUMBER, Kind.CATEGORY, Kind.BOOLEAN)
PEEK = 1000  # rows that tell whether whole numbers are codes


@dataclass(frozen=True, slots=True)
class Shaped:
    """The shape, and why it is that.

    ``source`` is the sequence that a model reads, ``target`` the one it says, where there are
    such; ``ids`` are columns whose whole numbers are codes of tokens, ``texts`` those of words.
    ``images`` are the images of train in an npz archive, ``picture`` is a column of pictures.
    """

    shape: Shape
    why: str
    source: str = ""
    target: str = ""
    ids: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    images: Any = None
    picture: str = ""


def shaped(data: Dataset, source: Any = None) -> Shaped:
    """The shape of a dataset; ``source`` is where it was opened, to look for images.

    Raises UsageError where there is nothing to predict.
    """
    label = data.label
    features = [c for c in data.columns.values() if c.role is Role.FEATURE]
    lists = [c for c in features if c.kind in LISTS]
    plain = [c for c in features if c.kind in PLAIN]
    pictures = [c.name for c in features if c.kind is Kind.IMAGE]
    if pictures and label is not None:
        return Shaped("image", f"{pictures[0]} holds pictures", picture=pictures[0])
    images = None if label is None else _images(source)
    if images is not None:
        sides = " × ".join(map(str, images.size))
        return Shaped("image", f"the archive holds images of {sides} pixels", images=images)
    texts = tuple(c.name for c in data.columns.values() if c.kind is Kind.TEXT)
    listed = [*lists, *([label] if label is not None and label.kind in LISTS else [])]
    ids = tuple(c.name for c in listed if c.kind is Kind.SEQUENCE and _codes(data, c.name))
    rest: dict[str, Any] = {"ids": ids, "texts": texts}
    if label is None:
        if len(lists) == 1 and not plain and _tokens(lists[0], data, ids):
            why = f"{lists[0].name} is the only column, and no label: its next tokens"
            return Shaped("language", why, source=lists[0].name, **rest)
        raise UsageError(
            "no column is known to be the label, and there is more than one column of tokens",
            f"name it with --label; columns: {names(data.columns, 8)}",
        )
    if label.kind in LISTS:
        if len(lists) == 1 and not plain and _tokens(label, data, ids):
            why = f"{label.name} is a sequence of tokens, to be said after {lists[0].name}"
            return Shaped("translation", why, source=lists[0].name, target=label.name, **rest)
        raise UsageError(
            f"the label {label.name!r} is a sequence, and the features are {_told(features)}",
            "one sequence is read to say another; name another --label",
        )
    if lists and not plain:
        if len(lists) == 1 and _tokens(lists[0], data, ids):
            why = f"{lists[0].name} holds tokens, and {label.name} is to be told from them"
            return Shaped("tokens", why, source=lists[0].name, **rest)
        if all(c.kind is Kind.SEQUENCE and not _tokens(c, data, ids) for c in lists):
            why = f"{names(c.name for c in lists)}: numbers in their order"
            return Shaped("series", why, source=lists[0].name, **rest)
    return Shaped("table", f"the features are {_told(features)}", **rest)


def _told(columns: Sequence[Column]) -> str:
    counts: dict[str, int] = {}
    for column in columns:
        counts[column.kind.value] = counts.get(column.kind.value, 0) + 1
    return names((f"{n} {kind}" for kind, n in counts.items()), 8) or "none"


def _tokens(column: Column, data: Dataset, ids: Sequence[str]) -> bool:
    """Whether the items are words or codes, not quantities."""
    if column.kind is Kind.TEXT or column.name in ids:
        return True
    head = _head(data, column.name)
    return head is not None and getattr(head.dtype, "inner", None) == pl.String


def _codes(data: Dataset, name: str) -> bool:
    """Whether whole numbers are codes: none below 0, and few of those below the largest unused."""
    head = _head(data, name)
    if head is None or not isinstance(head.dtype, pl.List):
        return False
    items = head.explode().drop_nulls()
    if not items.dtype.is_numeric() or not len(items):
        return False
    low, high = float(items.min()), float(items.max())  # type: ignore[arg-type] # numbers, and some
    whole = items.dtype.is_integer() or bool((items == items.floor()).all())
    return whole and low >= 0 and high < 4 * max(items.n_unique(), 8)


def _head(data: Dataset, name: str) -> pl.Series | None:
    """The column in the first rows of train (of the whole, where a column tells the split)."""
    split = data.splits.get(data.train or "")
    for fragment in split.fragments if split else ():
        for batch in fragment.read([name], PEEK):
            if batch.height and name in batch.frame.columns:
                return batch.frame[name]
    return None


def _images(source: Any) -> Any:
    """Images of train, where the source is one npz archive that holds some."""
    from datacheck.pipelines.images.sources import open_images

    if not isinstance(source, str | Path):
        return None
    path = Path(source).expanduser()
    if path.is_dir():
        archives = sorted(path.glob("*.npz"))
        if len(archives) != 1:
            return None
        path = archives[0]
    if path.suffix != ".npz" or not path.is_file():
        return None
    try:
        found = open_images(path)
    except UsageError:
        return None
    return found if found.size and min(found.size) > 2 else None
