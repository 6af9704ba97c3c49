"""Pixels, figures and keys of single pictures in all modes and formats; what is broken is told."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from datacheck.sources.images import decoding
from datacheck.sources.images.decoding import Unreadable, decode, header
from datacheck.sources.images.measures import MEASURES, Wanted, columns, measure
from tests.sources.images.pictures import encoded, pixels, smooth


def figures(*items, names=("", *MEASURES)):
    wanted = Wanted(names)
    part = measure(items, [""] * len(items), wanted)
    assert part.reasons == {}
    return [
        dict(zip(names_of(wanted), row, strict=True))
        for row in zip(*(s.to_list() for s in columns([part], "x", wanted)), strict=True)
    ]


def names_of(wanted):
    return sorted(wanted.names)


def reason(item, name=""):
    with pytest.raises(Unreadable) as caught, decoding.quiet():
        decoding.upright(item, full=True, name=name)
    return str(caught.value)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([1, 3, 4]),
)
def test_equal_pixels_have_equal_keys_in_every_format(seed, height, width, channels):
    array = pixels(seed, height, width, channels)
    forms = ["PNG", "TIFF"] + (["BMP", "PPM"] if channels < 4 else [])
    seen = figures(*(encoded(array, form) for form in forms), array)
    assert len({one[""] for one in seen}) == len({one["exact"] for one in seen}) == 1
    other = array.copy()
    other.flat[0] ^= 1
    (changed,) = figures(encoded(other))
    assert changed["exact"] != seen[0]["exact"]
    assert changed[""] != seen[0][""]
    color = np.atleast_3d(array)[..., :3].astype(float)
    means = np.broadcast_to(color.mean(axis=(0, 1)), 3)
    sds = np.broadcast_to(color.std(axis=(0, 1)), 3)
    for one in seen:
        assert [one[f"mean_{c}"] for c in ("red", "green", "blue")] == pytest.approx(means)
        assert [one[f"std_{c}"] for c in ("red", "green", "blue")] == pytest.approx(sds, abs=1e-9)
        assert (one["min"], one["max"]) == (color.min(), color.max())
        assert (one["height"], one["width"]) == (height, width)
        assert len(one["grey"]) == 256
        assert len(one["pixels"]) == 768


def test_a_grey_picture_is_the_rgb_that_it_shows():
    grey = pixels(3, channels=1)
    as_rgb = np.repeat(grey[:, :, None], 3, axis=2)
    opaque = np.dstack([as_rgb, np.full(grey.shape, 255, dtype=np.uint8)])
    first, *others = figures(encoded(grey), encoded(as_rgb), encoded(opaque))
    assert [one["exact"] for one in others] == [first["exact"]] * 2
    assert [one[""] for one in others] == [first[""]] * 2
    assert {one["mode"] for one in [first, *others]} == {"L", "RGB", "RGBA"}


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"]
)
def test_every_mode_has_figures(mode):
    base = Image.fromarray(pixels(5))
    if mode == "I;16":
        image = Image.fromarray(pixels(5, channels=1).astype(np.uint16) * 200)
    elif mode == "PA":
        image = base.convert("P").convert("PA")
    else:
        image = base.convert(mode)
    form = "JPEG" if mode == "YCbCr" else "PNG" if mode in ("LA", "P", "RGBA") else "TIFF"
    if mode == "PA":
        form = "TIFF"
    (one,) = figures(encoded(image, form))
    assert all(
        np.isfinite(one[f"{k}_{c}"]) for k in ("mean", "std") for c in ("red", "green", "blue")
    )
    assert one["min"] < one["max"]
    assert not one["blank"]
    array = decode(encoded(image, form), size=(8, 10))
    assert array.shape == (8, 10, 3)
    assert array.dtype == np.uint8
    assert array.std() > 10


def test_values_of_more_than_8_bits_keep_their_scale():
    deep = pixels(5, channels=1).astype(np.uint16) * 200
    real = pixels(6, channels=1).astype(np.float32) / 255 - 0.5
    sixteen, floats = figures(encoded(deep), encoded(real, "TIFF"))
    assert sixteen["mean_red"] == pytest.approx(deep.mean())
    assert sixteen["max"] == deep.max()
    assert floats["mean_blue"] == pytest.approx(real.mean(), abs=1e-6)
    assert floats["min"] == pytest.approx(real.min())
    assert not floats["blank"]


def test_the_scale_of_floats_does_not_change_the_perceptual_hash():
    grey = np.asarray(Image.fromarray(smooth(1)).convert("L"))
    scaled = grey.astype(np.float32) / 255
    eight, floats = figures(encoded(grey), encoded(scaled, "TIFF"))
    assert (eight["phash"] ^ floats["phash"]).bit_count() <= 2


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_orientation_is_applied_before_any_figure_of_pixels(turn, form):
    array = smooth(2)
    image = Image.fromarray(array)
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = image.transpose(Image.Transpose(back[turn])) if turn > 1 else image
    exif = Image.Exif()
    exif[0x0112] = turn
    options = {"quality": 95} if form in ("JPEG", "WEBP") else {}
    data = encoded(stored, form, exif=exif, **options)
    (one,) = figures(data, names=("orientation", "width"))
    assert one["orientation"] == turn
    shown = decode(data)
    assert shown.shape == array.shape
    assert np.abs(shown.astype(int) - array).mean() < 6


def test_a_jpeg_is_decoded_no_further_than_asked():
    data = encoded(smooth(3, 480, 640), "JPEG", quality=90)
    _, small = decoding.upright(data, full=False)
    _, whole = decoding.upright(data, full=True)
    assert small.size == (80, 60) or small.size == (160, 120)
    assert whole.size == (640, 480)
    part, full = figures(data, names=("mean_red", "")), figures(data)
    assert part[0]["mean_red"] == full[0]["mean_red"]  # whatever else is asked
    assert part[0][""] == full[0][""]
    assert part[0]["mean_red"] == pytest.approx(np.asarray(whole)[:, :, 0].mean(), abs=0.5)


def test_blank_pictures():
    flat, noise = np.full((9, 9, 3), 7, dtype=np.uint8), pixels(1)
    nearly = flat.copy()
    nearly[0, 0] = 9
    seen = figures(encoded(flat), encoded(nearly), encoded(noise), names=("blank",))
    assert [one["blank"] for one in seen] == [True, True, False]


# -- what is broken ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "GIF", "TIFF", "PPM", "WEBP"])
def test_any_cut_is_a_reason_or_a_picture(form):
    data = encoded(smooth(4), form)
    told: set[str] = set()
    for length in range(0, len(data) - 8, max(1, len(data) // 60)):
        part = measure([data[:length]], [""], Wanted(("", "exact", "phash")))
        told.update(part.reasons.values())
    assert "is empty" in told
    assert len(told) >= 2
    assert not any("0x" in one for one in told)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_bytes_never_crash(data):
    form = data.draw(st.sampled_from(["JPEG", "PNG", "BMP", "GIF", "TIFF", "PPM", "WEBP"]))
    good = bytearray(encoded(pixels(1), form))
    for _ in range(data.draw(st.integers(1, 8))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    part = measure([bytes(good)], [""], Wanted(("", *MEASURES)))
    assert part.readable[0] == (not part.reasons)


def test_a_wrong_checksum_of_pixels_is_told():
    good = bytearray(encoded(pixels(1)))
    at = good.index(b"IDAT")
    length = struct.unpack(">I", good[at - 4 : at])[0]
    good[at + 4 + length] ^= 1
    assert "checksum" in reason(bytes(good))


def test_a_bomb_is_told_without_decoding():
    ihdr = struct.pack(">II5B", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + ihdr
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    data += struct.pack(">I", zlib.crc32(chunk)) + b"\0\0\0\0IDAT"
    assert "89,478,485 pixels" in reason(data)


def test_reasons_name_what_something_is():
    assert reason(b"") == "is empty"
    assert reason(b"not a picture\n") == "is text, no picture"
    assert reason(bytes(range(64))) == "is no picture that can be recognized"
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    assert reason(eps) == "is text, no picture"  # and no program is run


def test_another_format_than_the_name_says_is_a_doubt():
    data = encoded(pixels(1), "JPEG")
    assert header(data, "a.png").doubt == "is a JPEG picture, not what its name says (.png)"
    assert header(data, "a.JPG").doubt == header(data).doubt == ""


def test_an_animation_is_its_first_frame():
    frames = [Image.fromarray(pixels(i)).quantize(16) for i in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    part = measure([out.getvalue()], ["a.gif"], Wanted(("", "exact")))
    assert "more than one frame" in part.doubts[0]
    still = encoded(frames[0], "GIF")
    assert part.exact == measure([still], [""], Wanted(("", "exact"))).exact


def test_warnings_of_the_decoder_stay_inside():
    palette = Image.fromarray(pixels(1)).quantize(8)
    data = encoded(palette, "PNG", transparency=bytes(range(8)))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        decode(data)
        assert warnings.filters[0][0] == "always"
    assert seen == []


def test_one_pixel_is_a_picture():
    (one,) = figures(encoded(np.zeros((1, 1, 3), dtype=np.uint8)))
    assert one["blank"]
    assert one["phash"] == 0
