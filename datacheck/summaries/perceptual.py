"""Perceptual hashes of pictures: 63 signs of low frequencies, which say how a flip changes them.

A hash holds the signs of the 8 × 8 lowest coefficients of the cosine transform of a 32 × 32 grey
picture, without that of the mean: bit 8u + v is set where the coefficient of the vertical
frequency u and the horizontal frequency v is positive. Turning the picture left to right changes
the sign of every odd v, upside down that of every odd u, and transposing it swaps u and v. So the
hashes of all eight flips and rotations follow from the bits, without another look at the pixels.

Signs instead of a comparison with the median (as Zauner 2010, "Implementation and benchmarking of
perceptual image hash functions") are what makes that hold.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from datacheck.types import Floats, Hashes, Ints

SIDE = 32  # pixels of the grey picture
LOW = 8  # frequencies in each direction
ORIENTATIONS = 8
FLAT = 1e-3  # coefficients below are no structure (grey levels of 0–255)
_CHUNK = 2048  # pictures at a time: 16 MiB


def phash(gray32: npt.NDArray[np.float32]) -> Hashes:
    """uint64 of shape (n,) for grey pictures of shape (n, 32, 32) with levels of 0–255.

    Bit 0 is never set. A flat picture hashes to 0. Raises ValueError for another shape.
    """
    if gray32.ndim != 3 or gray32.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"pictures of shape (n, {SIDE}, {SIDE}) are wanted, not {gray32.shape}")
    out = np.zeros(gray32.shape[0], dtype=np.uint64)
    places = np.uint64(1) << np.arange(LOW * LOW, dtype=np.uint64)
    places[0] = 0
    for start in range(0, out.size, _CHUNK):
        low = _low(gray32[start : start + _CHUNK].astype(np.float64))
        signs = low.reshape(len(low), LOW * LOW) > FLAT
        out[start : start + _CHUNK] = (signs * places).sum(axis=1, dtype=np.uint64)
    return out


def _low(pictures: Floats) -> Floats:
    """The low coefficients, (n, 8, 8). Folded first: what is symmetric to the last bit in the
    picture is exactly 0, and a flip exactly changes the sign.
    """
    columns = _transformed(pictures)  # (n, 32, 8): along the rows
    turned: Floats = np.ascontiguousarray(columns.transpose(0, 2, 1))
    return np.asarray(_transformed(turned).transpose(0, 2, 1))


def _transformed(x: Floats) -> Floats:
    """The first 8 coefficients (orthonormal DCT-II) along the last axis, of length 32."""
    half = SIDE // 2
    back = x[..., : half - 1 : -1]
    even, odd = x[..., :half] + back, x[..., :half] - back
    out = np.empty((*x.shape[:-1], LOW))
    out[..., 0::2] = even @ _BASIS[0::2].T
    out[..., 1::2] = odd @ _BASIS[1::2].T
    return out


def _basis() -> Floats:
    u, x = np.arange(LOW)[:, None], np.arange(SIDE // 2)[None, :]
    basis = np.cos(np.pi * u * (2 * x + 1) / (2 * SIDE)) * np.sqrt(2 / SIDE)
    basis[0] = np.sqrt(1 / SIDE)
    return np.asarray(basis)


_BASIS = _basis()


def _mask(odd_u: bool, odd_v: bool) -> np.uint64:
    """The bits whose frequencies are odd in the directions named."""
    bits = 0
    for u in range(LOW):
        for v in range(LOW):
            if (odd_u and u % 2) != (odd_v and v % 2):
                bits |= 1 << (LOW * u + v)
    return np.uint64(bits)


FLIPS: Hashes = np.array(
    [_mask(False, False), _mask(False, True), _mask(True, False), _mask(True, True)],
    dtype=np.uint64,
)
"""What the four flips (none, left to right, upside down, both) change in a hash."""


def transposed(hashes: Hashes) -> Hashes:
    """The hashes of the transposed pictures: bit 8u + v goes to 8v + u (three swaps of bits)."""
    x = hashes.copy()
    swaps = ((7, 0x00AA00AA00AA00AA), (14, 0x0000CCCC0000CCCC), (28, 0x00000000F0F0F0F0))
    for shift, mask in swaps:
        change = (x ^ (x >> np.uint64(shift))) & np.uint64(mask)
        x ^= change ^ (change << np.uint64(shift))
    return x


def variants(hashes: Hashes) -> Hashes:
    """uint64 of shape (n, 8): column k is the hash of the picture as :func:`oriented` turns it."""
    both = np.stack([hashes, transposed(hashes)], axis=1)
    return np.asarray((both[:, :, None] ^ FLIPS).reshape(hashes.size, ORIENTATIONS))


def oriented(
    pictures: npt.NDArray[np.number], orientation: npt.NDArray[np.integer]
) -> npt.NDArray[np.number]:
    """Square pictures (n, s, s), each turned by its own orientation of 0–7.

    4 transposes, then 2 turns upside down and 1 left to right.
    """
    out = pictures.copy()
    across, down, flip = orientation & 4 > 0, orientation & 2 > 0, orientation & 1 > 0
    out[across] = out[across].transpose(0, 2, 1)
    out[down] = out[down][:, ::-1]
    out[flip] = out[flip][:, :, ::-1]
    return out


def popcount(x: Hashes) -> Ints:
    """The number of bits set in each; int64, shape of ``x``."""
    if hasattr(np, "bitwise_count"):  # since NumPy 2.0
        return np.bitwise_count(x).astype(np.int64)
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.asarray((x * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(np.int64)


def hamming(a: Hashes, b: Hashes) -> Ints:
    """The number of bits in which the hashes differ; int64, by the rules of broadcasting."""
    return popcount(np.asarray(a ^ b))
