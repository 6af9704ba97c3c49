"""The parts of a probe's features, held to their definitions."""

from __future__ import annotations

import itertools
import re

import numpy as np
import polars as pl
import pytest

from datacheck.checks import probe_features as module
from datacheck.checks.edges import oriented
from datacheck.dataset import Kind
from datacheck.summaries.hashing import hash_strings, mix_int
from tests.checks.test_probe_features import pixels, seen, texts

near = pytest.approx


def test_what_lies_more_than_four_deviations_off_is_cut():
    (found,) = seen(pl.DataFrame({"x": [0.0] * 99 + [1.0]}))
    assert found[-1, 0] == 4.0
    assert found[0, 0] == near(-1 / np.sqrt(99), abs=1e-5)
    (found,) = seen(pl.DataFrame({"x": [1.0] * 99 + [0.0]}))
    assert found[-1, 0] == -4.0


def test_a_still_column_with_gaps_tells_its_gaps():
    (found,) = seen(pl.DataFrame({"x": [2.0, None, 2.0]}))
    assert found.tolist() == [[0.0], [1.0], [0.0]]


def test_many_columns_of_numbers_are_thinned_evenly():
    for width, used in ((2048, 2048), (2049, 1025)):
        frame = pl.DataFrame({f"c{j}": [j, j + 1, None] for j in range(width)})
        (found,) = seen(frame)
        assert found.shape == (3, 2 * used)


def ranges(*low_high):
    return module._shared(np.array(low_high, dtype=np.float64).T)


def test_columns_share_a_scale_that_have_like_ranges():
    assert ranges(*[(0, 1)] * 16) is not None
    assert ranges(*[(0, 1)] * 15) is None
    assert ranges(*[(0, 1)] * 15, (3, 3)) is None
    assert ranges(*[(0, 1)] * 11, *[(0, 2)] * 5) is not None
    assert ranges(*[(0, 1)] * 11, *[(0, 2.01)] * 5) is None
    assert ranges(*[(0, 1)] * 13, *[(0, 99)] * 3) is not None
    assert ranges(*[(0, 1)] * 15, (2, 3)) is not None
    assert ranges(*[(0, 1)] * 15, (2.01, 3.01)) is None
    assert ranges(*[(0, 1e150)] * 16) is not None
    assert ranges(*[(0, 1.01e150)] * 16) is None
    assert ranges(*[(0, 1)] * 15, (0, float("nan"))) is None
    shared = ranges(*[(0, 1)] * 17, (5, 5))
    assert shared.shape == (2, 17)
    assert shared == near(np.array([[-1.0], [1.0]]) * np.ones((1, 17)))


def test_a_scale_is_shared_from_16_columns_on():
    assert len(seen(pixels(16))) == 2
    assert len(seen(pixels(15))) == 1


def test_indicators_are_of_32_values_and_512_in_all():
    words = [f"w{i:02}" for i in range(40)] * 2 + ["w07"]
    (found,) = seen(pl.DataFrame({"w": words}), w=Kind.CATEGORY)
    assert found.shape == (81, 32)
    assert found[:, 0].sum() == 3  # the most frequent first
    assert found[7].tolist() == found[47].tolist() == found[80].tolist()

    def width(columns, values):
        frame = pl.DataFrame(
            {f"c{j}": [str(i % values) for i in range(values)] for j in range(columns)}
        )
        return seen(frame, **dict.fromkeys(frame.columns, Kind.CATEGORY))[0].shape[1]

    assert width(10, 50) == 320
    assert width(20, 50) == 20 * 25
    assert width(256, 3) == 512
    assert width(300, 3) == 512
    assert width(3, 2) == 6


def test_directions_are_shared_by_the_columns_of_texts(monkeypatch):
    asked = []

    def none(series, width):
        asked.append(width)
        return np.zeros((series.len(), 1), dtype=np.float32)

    monkeypatch.setattr(module, "_directions", none)
    for columns, each in ((1, 240), (3, 80), (240, 1), (241, 0)):
        asked.clear()
        frame = pl.DataFrame({f"t{j}": ["a"] for j in range(columns)})
        seen(frame, **dict.fromkeys(frame.columns, Kind.TEXT))
        assert asked == [each] * min(columns, 240)


def test_pictures_are_seen_by_their_pixels_and_by_their_edges():
    rng = np.random.default_rng(0)
    values, other = rng.uniform(0, 255, (6, 768)), rng.normal(size=(6, 5))
    frame = pl.DataFrame({"p.pixels": values.tolist(), "a": other.tolist(), "x": range(6)})
    kinds = {"p.pixels": Kind.ARRAY, "a": Kind.SEQUENCE}
    plain, edges = seen(frame, **kinds)
    assert (plain.shape, edges.shape) == ((6, 1 + 768 + 5), (6, 1 + 5 + 128))
    assert (plain[:, 0] == edges[:, 0]).all()
    assert plain[:, -5:] == near(edges[:, 1:6])
    assert edges[:, 6:] == near(oriented(values.astype(np.float32)), abs=1e-4)
    (alone,) = seen(frame.rename({"p.pixels": "p"}), p=Kind.ARRAY, a=Kind.SEQUENCE)
    assert alone.shape == plain.shape
    odd = frame.with_columns(pl.Series("p.pixels", values[:, :767].tolist()))
    assert len(seen(odd, **kinds)) == 1


def test_arrays_are_finite():
    series = pl.Series([[1e30, -1e30, 1e14], [float("nan"), float("inf"), float("-inf")]])
    assert module._values(series).tolist() == [
        [near(1e15), near(-1e15), near(1e14)], [0.0, near(1e15), near(-1e15)],
    ]  # fmt: skip
    assert module._array(pl.Series([[2.0, 2.0]] * 3)).tolist() == [[0.0, 0.0]] * 3
    assert module.length(pl.Series([], dtype=pl.List(pl.Float64))) == 0
    assert module.length(pl.Series([[0.0] * 4096])) == 4096
    assert module.length(pl.Series([[0.0] * 4097])) == 0
    assert module.length(pl.Series([[1], [2]], dtype=pl.Array(pl.Int8, 1))) == 1
    assert module.length(pl.Series([["a"]])) == 0


def terms_by_hand(said):
    """(row, bucket) of each word, pair of words and n-gram of bytes."""
    found = set()
    for row, text in enumerate(said):
        text = (text or "")[:256].lower()
        words = re.findall(r"\w+", text)
        hashed = [int(h) for h in hash_strings(pl.Series(words, dtype=pl.String))]
        marks = [*hashed, *(mix_int(a ^ mix_int(b)) for a, b in itertools.pairwise(hashed))]
        data = (" " + re.sub(r"\s+", " ", text) + " ").encode()
        for n in (3, 4, 5):
            for i in range(len(data) - n + 1):
                gram = n
                for byte in data[i : i + n]:
                    gram = (gram << 8 | byte) % 2**64
                marks.append(mix_int(gram))
        found |= {(row, mark % 8192) for mark in marks}
    return found


@pytest.mark.parametrize(
    "said",
    [
        ["The cat sat\ton  the mat", "the CAT", None, "", "x", "ab", "dog"],
        ["a"],
        ["b" * 250 + " zebra crossing", "b" * 256],
        ["one two", "three", "one  two"],
    ],
)
def test_terms_are_words_pairs_of_words_and_grams(said):
    pairs = module._terms(pl.Series(said, dtype=pl.String))
    assert pairs.tolist() == sorted(row * 8192 + bucket for row, bucket in terms_by_hand(said))


def by_hand(said):
    """Cosines of texts by terms that some but not all of them have."""
    n = len(said)
    table = np.zeros((n, 8192))
    for row, bucket in terms_by_hand(said):
        table[row, bucket] = 1
    spread = table.sum(axis=0)
    table *= np.where((spread > 1) & (spread < n), np.log((1 + n) / (1 + spread)), 0)
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    return table @ table.T


def test_few_kinds_of_texts_lie_as_their_terms_say():
    said = ["the cat sat on the mat", "stocks fell on bad news", "the cat likes bad news"] * 8
    found = module._directions(pl.Series(said), 240)
    assert found.shape == (24, 3)
    assert found.std() == near(2.0, abs=1e-3)
    inner = found @ found.T
    assert inner / inner[0, 0] == near(by_hand(said), abs=1e-3)


def test_each_direction_has_eight_rows():
    said, _ = texts(40)
    rng = np.random.default_rng(0)
    said = [f"{s} {' '.join(str(v) for v in rng.integers(0, 9, 4))}" for s in said]
    for n, width, directions in ((15, 240, 1), (16, 240, 2), (40, 240, 5), (40, 3, 3), (7, 240, 1)):
        assert module._directions(pl.Series(said[:n]), width).shape == (n, directions)
    assert module._directions(pl.Series(said[:16]), 0).shape == (16, 1)


def test_an_orthogonal_basis_spans_what_the_columns_span():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 3)).astype(np.float32)
    found = module._orthogonal(x)
    assert found.T @ found == near(np.eye(3), abs=1e-4)
    assert found @ (found.T @ x) == near(x, abs=1e-4)
    twice = np.hstack([x, x[:, :1]])
    assert module._orthogonal(twice).shape == (30, 3)
    faint = np.hstack([x[:, :1] * np.float32(1e-2), x[:, 1:2]])
    assert module._orthogonal(faint).shape == (30, 2)
    fainter = faint * np.array([1e-2, 1], dtype=np.float32)
    assert module._orthogonal(fainter).shape == (30, 1)
    assert module._orthogonal(np.zeros((5, 2), dtype=np.float32)).shape == (5, 0)
