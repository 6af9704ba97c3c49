"""Hashes of pictures: the eight orientations follow from the bits alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dctn, idctn

from datacheck.summaries import perceptual
from datacheck.summaries.perceptual import (
    FLAT,
    FLIPS,
    LOW,
    ORIENTATIONS,
    hamming,
    oriented,
    phash,
    popcount,
    transposed,
    variants,
)

WORDS = st.lists(st.integers(0, 2**64 - 1), max_size=20).map(lambda x: np.array(x, np.uint64))


def pictures(seed: int, n: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, (n, 32, 32)).astype(np.float32)


@given(st.integers(0, 2**32 - 1))
def test_the_bits_are_the_signs_of_the_low_coefficients(seed: int) -> None:
    gray = pictures(seed)
    low = dctn(gray.astype(np.float64), axes=(1, 2), norm="ortho")[:, :LOW, :LOW].reshape(-1, 64)
    bits = (phash(gray)[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    clear = np.abs(low) > 2 * FLAT
    clear[:, 0] = False
    assert (bits.astype(bool) == (low > 0))[clear].all()
    assert not bits[:, 0].any()


@given(st.integers(0, 2**32 - 1), st.integers(0, ORIENTATIONS - 1))
def test_a_turned_picture_has_the_hash_of_that_variant(seed: int, k: int) -> None:
    gray = pictures(seed)
    turned = oriented(gray, np.full(len(gray), k)).astype(np.float32)
    apart = hamming(phash(turned), variants(phash(gray))[:, k])
    assert (apart <= 1).all()  # a coefficient within FLAT of 0 has no sign to change
    assert (apart == 0).mean() >= 0.5


@given(WORDS)
def test_variants_are_a_group(hashes: np.ndarray) -> None:
    hashes &= ~np.uint64(1)
    assert np.array_equal(transposed(transposed(hashes)), hashes)
    eight = variants(hashes)
    assert np.array_equal(eight[:, 0], hashes)
    for k in range(ORIENTATIONS):
        again = variants(np.ascontiguousarray(eight[:, k]))
        assert np.array_equal(np.sort(again, axis=1), np.sort(eight, axis=1))


@given(WORDS)
def test_popcount_counts_bits(words: np.ndarray) -> None:
    assert popcount(words).tolist() == [int(w).bit_count() for w in words.tolist()]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_a_little_noise_changes_few_bits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = np.kron(rng.uniform(0, 255, (3, 8, 8)), np.ones((4, 4)))
    noisy = coarse + rng.normal(0, 2, coarse.shape)
    apart = hamming(phash(coarse.astype(np.float32)), phash(noisy.astype(np.float32)))
    assert (apart <= 6).all()


def test_flat_pictures_hash_to_nothing() -> None:
    levels = np.array([0, 1, 127.3, 255], np.float32)
    assert not phash(np.broadcast_to(levels[:, None, None], (4, 32, 32))).any()


def test_no_pictures_and_wrong_shapes() -> None:
    assert phash(np.zeros((0, 32, 32), np.float32)).shape == (0,)
    with pytest.raises(ValueError, match="are wanted"):
        phash(np.zeros((2, 16, 16), np.float32))


@pytest.mark.parametrize(("u", "v"), [(0, 1), (1, 0), (2, 3), (7, 7), (4, 0), (5, 6)])
def test_a_coefficient_counts_from_flat_on(u: int, v: int) -> None:
    for size, there in ((0.9 * FLAT, False), (1.1 * FLAT, True), (-1.1 * FLAT, False)):
        wanted = np.zeros((1, 32, 32))
        wanted[0, u, v] = size
        hashes = phash(idctn(wanted, axes=(1, 2), norm="ortho").astype(np.float32))
        bit = int(hashes[0]) >> (LOW * u + v) & 1
        assert bool(bit) is there, size


def bit(word: int, u: int, v: int) -> int:
    """The bit of the vertical frequency u and the horizontal frequency v."""
    return word >> (8 * u + v) & 1


@given(WORDS)
def test_transposing_swaps_the_frequencies(words: np.ndarray) -> None:
    for was, now in zip(words.tolist(), transposed(words).tolist(), strict=True):
        assert all(bit(now, v, u) == bit(was, u, v) for u in range(8) for v in range(8))


def test_flips_change_the_signs_of_odd_frequencies() -> None:
    none, across, down, both = FLIPS.tolist()
    assert none == 0
    for u in range(8):
        for v in range(8):
            assert bit(across, u, v) == v % 2
            assert bit(down, u, v) == u % 2
            assert bit(both, u, v) == (u + v) % 2


@pytest.mark.parametrize("k", range(ORIENTATIONS))
def test_each_picture_is_turned_by_its_own_orientation(k: int) -> None:
    pictures_ = np.arange(3 * 5 * 5).reshape(3, 5, 5)
    turned = oriented(pictures_, np.array([0, k, 7]))
    assert np.array_equal(turned[0], pictures_[0])
    assert np.array_equal(turned[2], pictures_[2].T[::-1, ::-1])
    one = pictures_[1].T if k >= 4 else pictures_[1]
    one = one[::-1] if k % 4 >= 2 else one
    assert np.array_equal(turned[1], one[:, ::-1] if k % 2 else one)


@given(WORDS)
def test_bits_are_counted_where_numpy_cannot(words: np.ndarray) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(np, "bitwise_count", raising=False)
        assert popcount(words).tolist() == [int(w).bit_count() for w in words.tolist()]


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_pictures_are_hashed_alike_however_many_at_a_time(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = phash(pictures(1, 6))
    monkeypatch.setattr(perceptual, "_CHUNK", size)
    assert np.array_equal(phash(pictures(1, 6)), whole)


def test_the_coefficients_are_those_of_the_cosine_transform() -> None:
    gray = pictures(3).astype(np.float64)
    exact = dctn(gray, axes=(1, 2), norm="ortho")[:, :LOW, :LOW]
    assert np.allclose(perceptual._low(gray), exact, rtol=0, atol=1e-9)


def test_a_coefficient_of_just_flat_is_no_structure(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = np.full((1, LOW, LOW), FLAT)
    levels[0, 2, 3] = np.nextafter(FLAT, 1)
    monkeypatch.setattr(perceptual, "_low", lambda _: levels)
    assert phash(pictures(0, 1)).tolist() == [1 << (8 * 2 + 3)]


@pytest.mark.parametrize("shape", [(32, 32), (1, 31, 32), (1, 32, 31), (1, 1, 32, 32)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="are wanted"):
        phash(np.zeros(shape, np.float32))
