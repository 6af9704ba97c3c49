"""What is shared by the rules on rows that repeat."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks import duplicates as module
from datacheck.checks.base import ADDRESS, NotApplicable
from datacheck.checks.duplicates import beyond_chance
from datacheck.checks.stats import ALPHA, poisson_sf
from datacheck.dataset import Column, Dataset, Kind, Split


@given(
    st.integers(0, 30) | st.integers(0, 10**9),
    st.floats(0, 40) | st.floats(0, 1e9) | st.sampled_from([0.0, 1e-300, 5e-324]),
)
def test_the_short_cuts_answer_as_the_tail_itself(seen: int, expected: float) -> None:
    assert beyond_chance(seen, expected) == (poisson_sf(seen, expected) < ALPHA)


@given(st.floats(0.1, 1e6), st.floats(0, 3))
def test_nothing_is_missed_near_the_threshold(expected: float, deviations: float) -> None:
    seen = round(expected + deviations * expected**0.5)
    assert beyond_chance(seen, expected) == (poisson_sf(seen, expected) < ALPHA)


def test_small_shares_keep_two_digits():
    said = [module.percent(s) for s in (0.0, 0.001, 0.00099, 0.000123, 0.1234, 1.0)]
    assert said == ["0.0%", "0.1%", "0.099%", "0.012%", "12.3%", "100.0%"]


hashes = st.lists(st.integers(0, 40) | st.integers(0, 2**64 - 1), max_size=40).map(
    lambda v: np.array(v, dtype=np.uint64)
)


@given(hashes, hashes)
def test_distinct_values_and_members(x, y):
    known = np.unique(y)
    assert module.distinct(y).tolist() == known.tolist()
    same_low_bits = np.concatenate([x, y[:3] + np.uint64(1 << 22), y[:3]])
    assert module.members(same_low_bits, known).tolist() == np.isin(same_low_bits, known).tolist()


def held(**features):
    """Row hashes of splits: features as given, addresses from 100, labels 7 times the place."""
    out = {}
    for split, values in features.items():
        x = np.array(values, dtype=np.uint64)
        out[split] = SimpleNamespace(
            features=lambda x=x: x,
            sorted_features=lambda x=x: np.sort(x),
            addresses=lambda x=x: 100 + np.arange(x.size),
            labels=lambda x=x: 7 * np.arange(x.size).astype(np.uint64),
        )
    return out


numbers = st.lists(st.integers(0, 9), max_size=8)


@given(numbers, numbers, numbers)
def test_tables_hold_the_rows_that_occur_again_anywhere(a, b, c):
    kept = held(a=a, b=b, c=c)
    context = cast(Any, SimpleNamespace(splits=list(kept), row_hashes=lambda s: kept[s]))
    found = module._tables(context)
    counts = Counter([*a, *b, *c])
    for split, values in (("a", a), ("b", b), ("c", c)):
        at = [i for i, v in enumerate(values) if counts[v] > 1]
        table = found[split]
        assert table.addresses.tolist() == [100 + i for i in at]
        assert table.features.tolist() == [values[i] for i in at]
        assert table.labels.tolist() == [7 * i for i in at]
        assert table.n == len(at)
    assert module.Repeats(found).n == sum(t.n for t in found.values())


def table(addresses, features):
    x = np.array(features, dtype=np.uint64)
    return module.Table(np.array(addresses), x, np.zeros_like(x))


def confirmed(tables, frame=None, total=10, columns=("x",)):
    """What is left after the rows were read again, how many were, and the notes."""
    kinds = {c: Column(c, Kind.NUMBER) for c in columns}
    splits = {s: Split(s, [], dict.fromkeys(columns, Kind.NUMBER)) for s in tables}
    context = SimpleNamespace(data=Dataset("d", splits, kinds), notes=[], total=total, fetch=None)
    asked = []

    def fetch(addresses, names):
        asked.append((list(addresses), names))
        return frame.filter(pl.col(ADDRESS).is_in(pl.Series(addresses).implode()))

    if frame is not None:
        context.fetch = fetch
    found = module._confirm(cast(Any, context), tables)
    return found, context.notes, asked


def test_rows_whose_hash_alone_is_the_same_are_dropped():
    tables = {"a": table([1, 2, 3], [5, 5, 9]), "b": table([4, 6], [9, 5])}
    same = pl.DataFrame({ADDRESS: [6, 4, 3, 2, 1], "x": [0.5, 2.0, 2.0, 0.5, 0.5]})
    found, notes, asked = confirmed(tables, same)
    assert (found.n, found.confirmed, notes) == (5, 5, [])
    assert asked == [([1, 2, 3, 4, 6], ["x"])]
    other = same.with_columns(x=pl.when(pl.col(ADDRESS) == 6).then(0.75).otherwise("x"))
    found, _, _ = confirmed(tables, other)
    assert {s: t.addresses.tolist() for s, t in found.tables.items()} == {"a": [3], "b": [4]}
    assert found.confirmed == 5
    nothing = {"a": table([], []), "b": table([], [])}
    assert confirmed(nothing, same)[0].confirmed == 0


def test_a_large_dataset_is_not_read_again():
    tables = {"a": table([1, 2], [5, 5])}
    frame = pl.DataFrame({ADDRESS: [1, 2], "x": [1.0, 2.0]})
    assert confirmed(tables, frame, total=1_000_000)[0].n == 0
    found, notes, asked = confirmed(tables, frame, total=1_000_001)
    assert (found.n, found.confirmed, asked) == (2, 0, [])
    assert notes == ["2 repeated rows are told by 64-bit hashes and were not read a second time"]
    assert confirmed(tables)[1] == notes


@pytest.mark.parametrize(("columns", "most"), [(1, 200_000), (50, 100_000), (9_000, 1_000)])
def test_many_repeated_rows_are_compared_in_part(columns, most, monkeypatch):
    monkeypatch.setattr(module, "_different", lambda *_: np.zeros(0, dtype=np.uint64))
    frame = pl.DataFrame({ADDRESS: range(most + 1)})
    names = tuple(f"c{j}" for j in range(columns))
    for rows in (most, most + 1):
        tables = {"a": table(range(rows), np.arange(rows)[::-1])}
        found, notes, asked = confirmed(tables, frame, columns=names)
        assert found.confirmed == len(asked[0][0]) == most
        if rows == most:
            assert notes == []
            continue
        said = f"{most:,} of {rows:,} repeated rows were compared cell by cell, "
        assert notes == [said + "the others by 64-bit hashes"]
        assert 0 not in asked[0][0]  # whole groups: in the order of the hashes


def differing(hashes, **columns):
    frame = pl.DataFrame(columns, strict=False)
    found = module._different(frame, np.array(hashes, dtype=np.uint64), frame.columns)
    return found.tolist()


def test_rows_of_one_hash_are_compared_in_every_kind_of_column():
    assert differing([3, 1, 3, 1], x=[1.0, None, 1.0, None], w=["a", "é", "a", "e\u0301"]) == []
    assert differing([3, 1, 3, 1], x=[1.0, None, 1.0, 2.0]) == [1]
    assert differing([3, 1, 3, 1], w=["a", None, "b", None]) == [3]
    assert differing([3, 1, 3, 1], w=["a", None, "a", "b"]) == [1]
    assert differing([3, 1, 3, 3], s=[[1, 2], [1], [1, 2], [2, 1]]) == [3]
    assert differing([3, 1, 3, 1], b=[True, False, False, False], x=[1, 2, 1, 3]) == [1, 3]
    assert differing([3, 1, 3, 1], s=[[1], [2], [1], [2]], x=[0.0, 1.0, -0.0, 1.0]) == []


def test_what_cannot_be_compared_says_so():
    data = Dataset("d", {"a": Split("a", [])}, {"x": Column("x", Kind.NUMBER)})
    with pytest.raises(NotApplicable, match="no feature column"):
        module.repeats(cast(Any, SimpleNamespace(data=data, splits=["a"])))
    data.splits["a"].kinds["x"] = Kind.NUMBER
    with pytest.raises(NotApplicable, match="no split has rows"):
        module.repeats(cast(Any, SimpleNamespace(data=data, splits=[])))
