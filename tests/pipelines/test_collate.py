from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import pad_sequence

from datacheck.errors import UsageError
from datacheck.pipelines.collate import Batch, Collate, pad
from datacheck.pipelines.storage.ragged import Ragged, Rows
from datacheck.pipelines.storage.tables import MemoryTable

LISTS = st.lists(st.lists(st.integers(-(2**20), 2**20), max_size=9), min_size=1, max_size=20)


def ragged(lists, dtype):
    offsets = np.concatenate([[0], np.cumsum([len(x) for x in lists])]).astype(np.int64)
    return Ragged(np.array([v for x in lists for v in x], dtype=dtype), offsets)


@given(LISTS, st.sampled_from([np.int32, np.int64, np.float32, np.float64]))
def test_padding_is_pad_sequence(lists, dtype):
    got = pad(*(lambda r: (r.values, r.offsets))(ragged(lists, dtype)))
    kind = torch.float32 if np.issubdtype(dtype, np.floating) else torch.int64
    wanted = pad_sequence([torch.tensor(x, dtype=kind) for x in lists], batch_first=True)
    assert got.values.dtype == kind
    assert torch.equal(got.values, wanted)
    assert got.lengths.tolist() == [len(x) for x in lists]
    assert torch.equal(got.mask.sum(1), got.lengths)
    assert got.mask.dtype == torch.bool


def test_sequences_of_vectors():
    got = pad(np.arange(10.0).reshape(5, 2), np.array([0, 1, 5]))
    assert got.values.shape == (2, 4, 2)
    assert got.values[0, 1:].eq(0).all()


TABLE = {
    "a": np.array([1.0, 2.0, 3.0]),
    "wide": np.arange(6).reshape(3, 2),
    "code": np.array([3, 0, 1], dtype=np.int32),
    "s": ragged([[1], [], [2, 3, 4]], np.float32),
    "t": ragged([[5], [], [6, 7, 8]], np.int64),
    "u": ragged([[1], [], [2, 3, 4]], np.float32),
    "label": np.array([10, 30, 10]),
}


def batch_of(**options):
    collate = Collate(("a", "wide"), ("code",), ("s", "t"), "label", (10.0, 30.0), **options)
    return collate(MemoryTable(TABLE, file=1).__getitems__([0, 1, 2]))


def test_a_batch():
    batch = batch_of()
    assert batch.x.dtype == torch.float32
    assert batch.x.tolist() == [[1, 0, 1], [2, 2, 3], [3, 4, 5]]
    assert batch.categories.tolist() == [[3], [0], [1]]
    assert batch.categories.dtype == batch.y.dtype == torch.int64
    assert batch.y.tolist() == [0, 1, 0]
    assert batch.rows.tolist() == [1 << 40, (1 << 40) + 1, (1 << 40) + 2]
    assert batch.sequences["t"].values.tolist() == [[5, 0, 0], [0, 0, 0], [6, 7, 8]]
    assert batch.lengths.tolist() == [1, 0, 3]
    assert batch.mask.tolist() == [[True, False, False], [False] * 3, [True] * 3]
    assert (batch.tokens, batch.padded, len(batch)) == (8, 18, 3)
    shapes = "x: (3, 3), categories: (3, 1), y: (3,), s: (3, 3), t: (3, 3)"
    assert repr(batch) == f"Batch(3 rows, {shapes})"


def test_a_batch_moves_and_is_cut():
    batch = batch_of()
    moved = batch.to("meta")
    assert moved.x.device.type == moved.sequences["s"].mask.device.type == "meta"
    assert moved.rows.device.type == "cpu"
    cut = batch.take(torch.tensor([True, False, True]))
    assert cut.y.tolist() == [0, 0]
    assert cut.rows.tolist() == [1 << 40, (1 << 40) + 2]
    assert (cut.tokens, cut.padded) == (8, 12)
    assert (batch.tokens, len(batch)) == (8, 3), "the batch itself is as it was"


def test_channels():
    both = Collate(sequences=("s", "u"))(MemoryTable(TABLE).__getitems__([2, 0]))
    assert both.channels().shape == (2, 3, 2)
    other = dict(TABLE, u=ragged([[1], [2], [3]], np.float32))
    with pytest.raises(UsageError, match="differ in length"):
        Collate(sequences=("s", "u"))(MemoryTable(other).__getitems__([2, 0])).channels()
    with pytest.raises(UsageError, match="no sequences"):
        _ = Batch(torch.zeros(1)).mask


def test_rows_one_by_one_are_the_same_batch():
    table = MemoryTable(TABLE)
    collate = Collate(("a",), (), ("s",))
    once, one_by_one = collate(table.__getitems__([2, 0])), collate([table[2], table[0]])
    assert torch.equal(once.x, one_by_one.x)
    assert torch.equal(once.sequence, one_by_one.sequence)
    assert torch.equal(once.rows, one_by_one.rows)
    with pytest.raises(UsageError, match="no rows"):
        collate([])


def test_regression_and_unknown_classes():
    rows = Rows({"y": np.array([1.5, 2.5])}, np.arange(2))
    assert Collate(label="y")(rows).y.dtype == torch.float32
    with pytest.raises(UsageError, match=r"holds 2\.5, which train does not.*1.5"):
        Collate(label="y", classes=(1.5,))(rows)
