"""The one rule of summaries: they merge.

``Summary(columns)`` is the identity, ``update(batch)`` absorbs rows, ``merge(other)`` combines.
A summary never judges, and nothing else in the program looks at rows during the scan.
"""

from __future__ import annotations

import io
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from datacheck.dataset import Batch

State = dict[str, Any]  # numpy arrays, numbers, strings, and lists of those


@dataclass(frozen=True, order=True, slots=True)
class Need:
    """What a check asks of the scan: a kind of summary, over columns, with parameters.

    Hashable, so that the plan is a set union. Needs of one kind and the same parameters are
    answered by one summary over the union of their columns where the kind is ``columnwise``.
    """

    kind: str
    columns: tuple[str, ...] = ()
    params: tuple[tuple[str, Any], ...] = ()


def summary_key(kind: str, params: tuple[tuple[str, Any], ...] = ()) -> str:
    """The name under which a summary of that kind and parameters is kept."""
    return kind if not params else f"{kind}({', '.join(f'{k}={v!r}' for k, v in params)})"


class Summary(ABC):
    """A commutative monoid over batches of rows.

    Laws (``datacheck.testing.laws``): identity, associativity, commutativity, batch-split
    invariance, round trip through :meth:`to_bytes`. Subclasses keep their state in attributes
    and say in :meth:`equals` how two states compare: exactly, or within a stated tolerance.
    """

    columnwise: ClassVar[bool] = True
    """Whether the answer for a column does not depend on the other columns."""

    def __init__(self, columns: Sequence[str] = (), **params: Any) -> None:
        self.columns = tuple(columns)
        self.params = params

    @abstractmethod
    def update(self, batch: Batch) -> None:
        """Absorb the rows of a batch."""

    @abstractmethod
    def merge(self, other: Self) -> Self:
        """A summary of the rows of both; neither is used afterwards."""

    @abstractmethod
    def state(self) -> State:
        """The state as arrays, numbers and strings, in a canonical order."""

    @abstractmethod
    def restore(self, state: State) -> None:
        """Take over a state made by :meth:`state`."""

    def fresh(self) -> Self:
        """The identity of the same kind, columns and parameters."""
        return type(self)(self.columns, **self.params)

    def reads(self) -> tuple[str, ...]:
        """The columns to decode for it."""
        return self.columns

    def nbytes(self) -> int:
        """About how much memory the state takes."""
        return sum(getattr(v, "nbytes", 64) for v in self.state().values())

    def equals(self, other: Self, rtol: float = 0.0) -> bool:
        """Whether two summaries say the same; floats within ``rtol`` of their own scale."""
        mine, theirs = self.state(), other.state()
        return mine.keys() == theirs.keys() and all(_same(mine[k], theirs[k], rtol) for k in mine)

    def to_bytes(self) -> bytes:
        """The state as an npz archive (no pickle)."""
        arrays: dict[str, np.ndarray[Any, Any]] = {}
        plain: dict[str, Any] = {}
        for key, value in self.state().items():
            if isinstance(value, np.ndarray):
                arrays[f"a_{key}"] = value
            else:
                plain[key] = value
        head = {"columns": self.columns, "params": self.params, "plain": plain}
        arrays["head"] = np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The summary that :meth:`to_bytes` wrote."""
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            head: Mapping[str, Any] = json.loads(archive["head"].tobytes())
            state: State = dict(head["plain"])
            state.update({k[2:]: archive[k] for k in archive.files if k.startswith("a_")})
        summary = cls(tuple(head["columns"]), **head["params"])
        summary.restore(state)
        return summary


def _same(a: Any, b: Any, rtol: float) -> bool:
    if isinstance(a, np.ndarray) and a.dtype.kind == "f":
        return a.shape == b.shape and bool(np.allclose(a, b, rtol=rtol, atol=0.0, equal_nan=True))
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and bool(np.array_equal(a, b))
    return bool(a == b)
