"""Edges of small pictures, for the probe of LB002."""

from __future__ import annotations

import numpy as np
import pytest

from datacheck.checks.edges import CELLS, DIRECTIONS, PIECE, oriented, sides


def strokes(count, seed=0):
    """Gray pictures of 16 × 16 with one bright bar, upright in class 0 and level in class 1."""
    rng = np.random.default_rng(seed)
    codes = np.arange(count) % 2
    gray = rng.uniform(0, 20, (count, 16, 16))
    for i, code in enumerate(codes):
        at = int(rng.integers(4, 11))
        gray[i, :, at : at + 2] += 180 * (code == 0)
        gray[i, at : at + 2, :] += 180 * (code == 1)
    return np.repeat(gray[..., None], 3, axis=3).reshape(count, -1).astype(np.float32), codes


def test_sides_of_pictures():
    assert [sides(n) for n in (768, 192, 75, 767, 769, 0)] == [16, 8, 0, 0, 0, 0]


def test_features_are_of_mean_0_and_unit_scale():
    found = oriented(strokes(40)[0])
    assert found.shape == (40, DIRECTIONS * CELLS * CELLS)
    assert found.dtype == np.float32
    assert np.abs(found.mean(axis=0)).max() < 1e-5
    assert found.std() == pytest.approx(1, abs=1e-3)


def test_brightness_and_contrast_change_nothing():
    pixels, _ = strokes(20)
    assert np.allclose(oriented(pixels), oriented(pixels * 0.5 + 40), atol=1e-3)


def test_pieces_are_as_the_whole():
    pixels, _ = strokes(PIECE // 8)
    many = np.tile(pixels, (9, 1))
    assert np.allclose(oriented(many)[: len(pixels)], oriented(many)[-len(pixels) :])


def test_a_stroke_tells_its_direction_wherever_it_stands():
    pixels, codes = strokes(60)
    x = oriented(pixels)
    middle = np.stack([x[codes == k].mean(axis=0) for k in (0, 1)])
    off = ((x[:, None] - middle[None]) ** 2).sum(axis=2)
    assert (off.argmin(axis=1) == codes).all()


def test_blank_and_huge_pixels_stay_finite():
    assert (oriented(np.zeros((5, 768), dtype=np.float32)) == 0).all()
    pixels = np.full((4, 768), 1e15, dtype=np.float32)
    pixels[0, :9] = -1e15
    assert np.isfinite(oriented(pixels)).all()


def by_hand(gray):
    """The histograms of one picture of 16 × 16, pixel by pixel."""
    n = 16
    out = np.zeros((8, 4, 4))
    for i in range(n):
        for j in range(n):
            down = (gray[min(i + 1, n - 1), j] - gray[max(i - 1, 0), j]) / (2 if 0 < i < 15 else 1)
            right = (gray[i, min(j + 1, n - 1)] - gray[i, max(j - 1, 0)]) / (2 if 0 < j < 15 else 1)
            turn = np.arctan2(down, right) / (2 * np.pi / 8) % 8
            low = int(turn) % 8
            for d, share in ((low, 1 - turn % 1), ((low + 1) % 8, turn % 1)):
                for a in range(4):
                    for b in range(4):
                        tent = [
                            max(0, 1 - abs(at - (c * 4 + 1.5)) / 4) for at, c in ((i, a), (j, b))
                        ]
                        out[d, a, b] += np.hypot(down, right) * share * tent[0] * tent[1]
    return np.sqrt(out).ravel()


def test_each_pixel_votes_for_two_directions_in_the_cells_around_it():
    rng = np.random.default_rng(0)
    gray = rng.uniform(0, 255, (3, 16, 16)).astype(np.float32)
    pixels = np.repeat(gray[..., None], 3, axis=3).reshape(3, -1)
    exact = np.stack([by_hand(g) for g in gray.astype(np.float64)])
    exact -= exact.mean(axis=0)
    exact /= np.sqrt((exact**2).mean())
    assert oriented(pixels) == pytest.approx(exact, abs=2e-3)


def test_cells_need_two_pixels_a_side():
    assert [sides(3 * n * n) for n in (7, 8, 9)] == [0, 8, 9]
    assert sides(3 * 64 + 1) == sides(3 * 64 + 3) == 0


def test_gray_is_the_mean_of_the_channels():
    pixels, _ = strokes(6)
    colors = pixels.reshape(-1, 3) * [0.0, 1.0, 2.0]
    assert oriented(colors.reshape(6, -1).astype(np.float32)) == pytest.approx(
        oriented(pixels), abs=1e-3
    )
