"""Hashes of pictures: the eight orientations follow from the bits alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dctn, idctn

from datacheck.summaries.perceptual import (
    FLAT,
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
