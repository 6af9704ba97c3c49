"""Distinct rows and pairs of them, across splits and within one, against plain loops."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks.duplicates import NO_LABEL
from datacheck.checks.near import alike as alike_module
from datacheck.checks.near.across import across, like, nearest, rows_of, with_label
from datacheck.checks.near.alike import alike, differing
from datacheck.checks.near.buckets import SMALL, counted, shared
from datacheck.checks.near.items import Edges, Items, _numbered, by_address, edges, restricted
from datacheck.checks.near.search import Found
from datacheck.checks.near.within import nodes
from datacheck.summaries.hashing import mix

ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=20
)
PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 6),
                           st.sampled_from([0.25, 0.5, 1.0])), max_size=12)  # fmt: skip


def table(rows) -> Items:
    """Rows of (split, features, label), at the addresses 10, 11, …; label 2 is a missing one."""
    split, feature, label = (np.array(c) for c in zip(*rows, strict=True))
    item, first = _numbered(feature.astype(np.uint64) * np.uint64(7919) + np.uint64(3))
    labels = np.where(label == 2, NO_LABEL, label.astype(np.uint64))
    return Items(("a", "b", "c"), np.arange(10, 10 + len(rows)), split.astype(np.int16), labels,
                 item, first)  # fmt: skip


def paired(known: Items, pairs) -> tuple[Edges, dict[tuple[int, int], tuple[int, float]]]:
    """The pairs whose items there are, each once, and the nearest way of each."""
    kept = [p for p in pairs if p[0] != p[1] and max(p[:2]) < known.n]
    found: dict[tuple[int, int], tuple[int, float]] = {}
    for a, b, how, value in kept:
        key = (min(a, b), max(a, b))
        found[key] = min(found.get(key, (9, 0.0)), (how, -value))
    a, b, how, value = (np.array([p[k] for p in kept]) for k in range(4))
    one = Edges(a.astype(np.int64), b.astype(np.int64), how.astype(np.uint8), value.astype(float))
    cut = one.n // 2
    made = edges([one.take(np.arange(cut)), one.take(np.arange(cut, one.n))])
    return made, {k: (how, -value) for k, (how, value) in found.items()}


@given(ROWS, PAIRS)
def test_pairs_are_there_once_as_near_as_any_part_says(rows, pairs):
    made, wanted = paired(table(rows), pairs)
    found = zip(made.a.tolist(), made.b.tolist(), strict=True)
    ways = zip(made.how.tolist(), made.value.tolist(), strict=True)
    assert list(zip(found, ways, strict=True)) == sorted(wanted.items())
    assert edges([]).n == 0


@given(ROWS)
def test_places_and_splits_of_items(rows):
    known = table(rows)
    addresses = np.array([9, 10, 10 + len(rows) - 1, 10 + len(rows), 500])
    last = len(rows) - 1
    assert known.places(addresses).tolist() == [-1, 0, last, -1, -1]
    for k, name in enumerate(known.names):
        assert rows_of(known, name).tolist() == [i for i, r in enumerate(rows) if r[0] == k]
        held = {r[1] for r in rows if r[0] == k}
        assert known.held[name].tolist() == [rows[i][1] in held for i in known.first.tolist()]
    nothing = np.zeros(0, dtype=np.int64)
    none = Items(("a",), nothing, nothing.astype(np.int16), known.labels[:0], nothing, nothing)
    assert none.places(nothing).size == 0


@given(ROWS, PAIRS)
def test_across_is_every_pair_of_a_row_of_one_and_one_that_only_the_other_has(rows, pairs):
    known = table(rows)
    made, wanted = paired(known, pairs)
    found = across(Found(known, made), "a", "b")
    held = {k: {known.item[i] for i in range(len(rows)) if rows[i][0] == k} for k in (0, 1)}
    both = [(x, y, *way) for k, way in wanted.items() for x, y in (k, k[::-1])]
    kept = [(y, how, -value, x) for x, y, how, value in both
            if x in held[0] and y in held[1] and y not in held[0]]  # fmt: skip
    got = zip(found.b.tolist(), found.how.tolist(), (-found.value).tolist(), found.a.tolist(),
              strict=True)  # fmt: skip
    assert list(got) == sorted(kept)
    # the rows of b, each with its nearest pair
    place, first = nearest(known, found, "b")
    best = {y: min(p for p in kept if p[0] == y) for y, *_ in kept}
    near = [i for i in range(len(rows)) if rows[i][0] == 1 and known.item[i] in best]
    assert place.tolist() == near
    ways = zip(found.b, found.how, -found.value, found.a, strict=True)
    told = [tuple(w) for w in ways]
    assert [told[p] for p in first.tolist()] == [best[int(known.item[i])] for i in near]
    # the rows of a that something is like
    mine = {p[3] for p in kept}
    assert like(known, found, "a").tolist() == [
        r[0] == 0 and int(known.item[i]) in mine for i, r in enumerate(rows)
    ]
    # the rows of b with the label of a row of a that they are like; a missing label is none
    labels = {(p[0], rows[i][2]) for p in kept for i in range(len(rows))
              if rows[i][0] == 0 and known.item[i] == p[3] and rows[i][2] != 2}  # fmt: skip
    same = [i for i in near if (int(known.item[i]), rows[i][2]) in labels]
    assert with_label(known, found, "a", place) == len(same)


@given(ROWS, PAIRS, st.booleans())
def test_nodes_of_a_split_are_its_distinct_rows_with_their_pairs(rows, pairs, by_label):
    known = table(rows)
    made, wanted = paired(known, pairs)
    found = nodes(Found(known, made), "a", by_label)
    mine = [i for i in range(len(rows)) if rows[i][0] == 0]
    kinds = [(int(known.item[i]), rows[i][2] if by_label else 0) for i in mine]
    order = list(dict.fromkeys(kinds))
    assert found.rows.tolist() == mine
    assert found.node.tolist() == [order.index(k) for k in kinds]
    assert found.first.tolist() == [mine[kinds.index(k)] for k in order]
    pairs_of = {}
    for i, (x, label) in enumerate(order):
        for j, (y, other) in enumerate(order[:i]):
            if label == other and (min(x, y), max(x, y)) in wanted:
                pairs_of[(j, i)] = wanted[(min(x, y), max(x, y))]
    got = zip(found.pairs.a.tolist(), found.pairs.b.tolist(), strict=True)
    ways = zip(found.pairs.how.tolist(), found.pairs.value.tolist(), strict=True)
    assert dict(zip(got, ways, strict=True)) == pairs_of


@given(ROWS, st.lists(st.booleans(), min_size=20, max_size=20))
def test_some_of_the_rows_are_numbered_anew(rows, chosen):
    known = table(rows)
    keep = np.array(chosen[: len(rows)])
    some = restricted(known, keep, known.split)
    left = [r for r, k in zip(rows, chosen, strict=False) if k]
    order = list(dict.fromkeys(r[1] for r in left))
    assert some.item.tolist() == [order.index(r[1]) for r in left]
    assert [left[i][1] for i in some.first.tolist()] == order
    assert np.array_equal(some.addresses, known.addresses[keep])


@given(st.lists(st.integers(0, 9), max_size=12))
def test_rows_are_put_in_order_of_their_address(addresses):
    x = np.array(addresses, dtype=np.int64)
    assert x[by_address(x)].tolist() == sorted(addresses)
    ascending = by_address(np.sort(x))
    assert isinstance(ascending, slice)


# -- other features ------------------------------------------------------------------------------


@given(ROWS, st.integers(0, 3))
def test_how_many_columns_differ(rows, most):
    codes = [np.array(c, dtype=np.uint64) for c in zip(*rows, strict=True)]
    n = len(rows)
    a, b = np.repeat(np.arange(n), n), np.tile(np.arange(n), n)
    pairs = zip(a.tolist(), b.tolist(), strict=True)
    wanted = [sum(x != y for x, y in zip(rows[i], rows[j], strict=True)) for i, j in pairs]
    assert differing(codes, a, b).tolist() == wanted


@pytest.mark.parametrize("at_once", [1, 2, 1000])
@pytest.mark.parametrize("most", [0, 1, 2])
def test_rows_are_read_again_some_at_a_time(at_once, most, monkeypatch):
    monkeypatch.setattr(alike_module, "FETCHED", at_once)
    frame = pl.DataFrame({"p": [1, 1, 2, 2, 1], "q": ["a", "b", "b", "a", "a"]})
    known = table([(0, k, 0) for k in range(5)])

    def fetch(addresses, columns):
        assert len(addresses) <= at_once
        return frame[np.asarray(addresses) - 10].select(columns)

    context: Any = SimpleNamespace(fetch=fetch)
    a, b = np.array([0, 0, 0, 0, 1]), np.array([1, 2, 3, 4, 3])
    found = alike(context, known, a, b, ("p", "q"), most)
    assert found.tolist() == [n <= most for n in (1, 2, 1, 0, 2)]
    assert alike(context, known, a, b, (), 0).all()


# -- buckets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [SMALL, SMALL + 1, 60])
def test_of_a_large_bucket_each_meets_four_that_follow_and_the_first_four(size):
    keys = np.concatenate([np.full(size, 5), [7, 7, 8]]).astype(np.uint64)
    who = np.concatenate([np.arange(100, 100 + size), [3, 1, 2]])
    a, b, crowded = shared(keys, who)
    hashed = mix(np.arange(100, 100 + size, dtype=np.uint64))
    order = (100 + np.argsort(hashed)).tolist()
    if size <= SMALL:
        wanted = {(min(x, y), max(x, y)) for x in order for y in order if x != y}
    else:
        near = {(order[i], order[j]) for i in range(size) for j in range(i + 1, min(i + 5, size))}
        near |= {(order[i], order[j]) for i in range(size) for j in range(min(i, 4))}
        wanted = {(min(p), max(p)) for p in near}
    assert set(zip(a.tolist(), b.tolist(), strict=True)) == wanted | {(1, 3)}
    assert crowded == (size if size > SMALL else 0)
    a, b, crowded = shared(keys, who, crowds=False)
    small = {(1, 3)} | (wanted if size <= SMALL else set())
    assert set(zip(a.tolist(), b.tolist(), strict=True)) == small


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=30))
def test_pairs_are_counted(pairs):
    a, b = (np.array([p[k] for p in pairs], dtype=np.int64) for k in (0, 1))
    wanted = sorted({p: pairs.count(p) for p in pairs if p[0] != p[1]}.items())
    x, y, counts = counted(a, b, 6)
    found = zip(zip(x.tolist(), y.tolist(), strict=True), counts.tolist(), strict=True)
    assert list(found) == wanted
