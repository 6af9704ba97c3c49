"""One picture: bytes to pixels, upright, as small as will do; what is broken has a reason."""

from __future__ import annotations

import io
import os
import re
import stat
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from datacheck.sources.images.pictures import FORMATS, LARGE, MAX_PIXELS, SUFFIXES, pillow


@dataclass(frozen=True, slots=True)
class Refused:
    """A picture that is not even looked at, and why."""

    reason: str


Item: TypeAlias = "Path | bytes | npt.NDArray[Any] | Refused"
"""Where a picture is: a file, its bytes, or pixels (height, width[, channels]) of no format."""

SCALED = 64  # both sides of a JPEG that is decoded at a reduced scale have at least so many pixels
LARGEST = 256 << 20  # bytes of one file
ORIENTATION = 0x0112
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # EXIF's number to Pillow's Transpose
_DEEP = ("I", "F")
_one_at_a_time = threading.Lock()
_door = threading.Lock()
_inside: list[warnings.catch_warnings[None]] = []


class Unreadable(Exception):  # noqa: N818 - what the file is, not what went wrong in here
    """A picture that cannot be decoded; the message is the reason, without the name of the file."""


@dataclass(slots=True)
class Header:
    """What a picture says of itself before it is decoded.

    ``width`` and ``height`` are those stored, before EXIF's ``orientation`` (1 is upright) turns
    it; ``bytes`` is the size of the file.
    """

    width: int
    height: int
    mode: str
    format: str
    bytes: int
    orientation: int
    doubt: str = ""
    """What a person should know of a picture that can be read."""


def decode(
    source: Item,
    size: tuple[int, int] | None = None,
    mode: str = "RGB",
    *,
    shrink: bool = True,
) -> npt.NDArray[Any]:
    """The pixels of a picture, upright: uint8 of shape (height, width, 3), or (height, width) for
    the mode ``L``.

    ``size`` is (height, width): the picture is resized to it (triangle filter over what each pixel
    covers), with ``shrink`` a JPEG from a decode at ½, ¼ or ⅛ that is not smaller. 16-bit
    pictures are divided by 257; of floats and 32-bit integers 0 to the largest value is stretched
    to 255. Raises :class:`Unreadable` with a reason.
    """
    with quiet():
        least = SCALED if size is None else max(size)
        _, image = upright(source, full=size is None or not shrink, least=least)
        image = eight_bits(image)
        image = image if image.mode == mode else image.convert(mode)
        if size is not None and image.size != size[::-1]:
            image = image.resize((size[1], size[0]), pillow().Resampling.BILINEAR)
        return np.array(image)


@contextmanager
def quiet() -> Iterator[None]:
    """Pillow's warnings are told as problems, or are of no use to anyone who audits.

    The filters are one for all threads: the first that comes in sets them, the last sets them back.
    """
    with _door:
        if not _inside:
            _inside.append(warnings.catch_warnings())
            _inside[0].__enter__()
            warnings.simplefilter("ignore")
        _inside.append(_inside[0])
    try:
        yield
    finally:
        with _door:
            _inside.pop()
            if len(_inside) == 1:
                _inside.pop().__exit__(None, None, None)


def header(source: Item, name: str = "") -> Header:
    """The header alone. Raises :class:`Unreadable`."""
    with _reasons(source):
        if isinstance(source, Path):
            if not stat.S_ISREG(source.stat().st_mode):
                raise Unreadable("is no regular file")
            with source.open("rb") as file:
                return _opened(file, source, name)[0]
        return _opened(_stream(source), source, name)[0]


def upright(source: Item, *, full: bool, name: str = "", least: int = SCALED) -> tuple[Header, Any]:
    """The header and the decoded Pillow image, turned as EXIF says.

    Unless ``full``, a JPEG may be decoded at ½, ¼ or ⅛ of its size, with both sides of at least
    ``least`` pixels. ``name`` is what the file is called. Raises :class:`Unreadable`.
    """
    with _reasons(source):
        data = _stream(source)
        head, image = _opened(data, source, name)
        if not full and head.format in ("JPEG", "MPO"):
            image.draft(None, (least, least))
        if head.width * head.height > LARGE:
            with _one_at_a_time:
                image.load()
        else:
            image.load()
        if isinstance(data, io.BytesIO) and head.format == "PNG":
            _verify(data.getbuffer())
        # Pillow turns a TIFF itself.
        if head.orientation in _TURNS and head.format != "TIFF":
            image = image.transpose(_TURNS[head.orientation])
    return head, image


def eight_bits(image: Any) -> Any:
    """The image as L, RGB or RGBA; opaque RGBA is RGB."""
    if image.mode in _DEEP or image.mode.startswith("I;16"):
        values = deep(image)
        top = 65535.0 if image.mode.startswith("I;16") else float(np.max(values, initial=0.0))
        grey = np.clip(values * (255.0 / top if top > 0 else 0.0), 0, 255)
        return pillow().fromarray(np.rint(grey).astype(np.uint8))
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "P" and "transparency" not in image.info:
        return image.convert("RGB")
    if image.mode in ("P", "PA", "LA", "La", "RGBA", "RGBa"):
        through = image if image.mode == "RGBA" else image.convert("RGBA")
        opaque = through.getchannel("A").getextrema() == (255, 255)
        return through.convert("RGB") if opaque else through
    return image.convert("RGB")


def is_deep(image: Any) -> bool:
    """Whether its values are more than 8 bits: one channel of 16, 32 bits or floats."""
    return image.mode in _DEEP or image.mode.startswith("I;16")


def deep(image: Any) -> npt.NDArray[np.float64]:
    """The values of such an image, (height, width); what is not finite is 0."""
    if image.mode.startswith("I;16") and image.mode not in ("I;16", "I;16L"):
        image = image.convert("I")
    values = np.asarray(image).astype(np.float64)
    return np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


# -- inside ------------------------------------------------------------------------------------


def _stream(source: Item) -> io.BytesIO | npt.NDArray[Any]:
    if isinstance(source, Refused):
        raise Unreadable(source.reason)
    if isinstance(source, np.ndarray):
        return source
    if isinstance(source, Path):
        told = source.stat()
        if not stat.S_ISREG(told.st_mode):
            raise Unreadable("is no regular file")
        if told.st_size > LARGEST:
            raise Unreadable("is larger than 256 MiB, and is not read")
        source = source.read_bytes()
    return io.BytesIO(source)


def _opened(stream: Any, source: Item, name: str) -> tuple[Header, Any]:
    image_of = pillow()
    if isinstance(stream, np.ndarray):
        image = image_of.fromarray(stream)
        return Header(image.width, image.height, image.mode, "", stream.nbytes, 1), image
    size = stream.seek(0, 2)
    stream.seek(0)
    if not size:
        raise Unreadable("is empty")
    try:
        image = image_of.open(stream, formats=FORMATS)
    except image_of.UnidentifiedImageError:
        stream.seek(0)
        raise Unreadable(_instead(stream.read(512))) from None
    except image_of.DecompressionBombError:
        raise Unreadable(BOMB) from None
    if image.width * image.height > MAX_PIXELS:
        raise Unreadable(BOMB)
    exif = image.getexif() if image.format != "PNG" or "exif" in image.info else {}
    orientation = exif.get(ORIENTATION, 1)
    orientation = orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1
    head = Header(image.width, image.height, image.mode, image.format or "", size, orientation)
    suffix = Path(name or (source.name if isinstance(source, Path) else "")).suffix.lower()
    said = SUFFIXES.get(suffix, "")
    real = "JPEG" if head.format == "MPO" else head.format
    if said and said != real:
        head.doubt = f"is a {real} picture, not what its name says ({suffix})"
    elif head.format in ("GIF", "WEBP", "PNG", "TIFF") and getattr(image, "is_animated", False):
        head.doubt = "holds more than one frame, of which the first is read"
    elif image.width * image.height == 1:
        head.doubt = "is a single pixel"
    return head, image


BOMB = f"promises more than the {MAX_PIXELS:,} pixels that are decoded of a picture"


def _instead(head: bytes) -> str:
    """What something is that is no picture."""
    if head.startswith(b"\x89PNG"):
        return "is a PNG picture with a broken header"
    if head.startswith(b"\xff\xd8"):
        return "is a JPEG picture with a broken header"
    text = not any(b < 9 or 13 < b < 32 for b in head)
    return "is text, no picture" if text else "is no picture that can be recognized"


@contextmanager
def _reasons(source: Item) -> Iterator[None]:
    """Whatever a decoder makes of hostile bytes, in one line."""
    try:
        yield
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(_reason(error, source)) from None


def _reason(error: Exception, source: Item) -> str:
    said = " ".join(str(error).split())
    if isinstance(error, OSError) and error.errno is not None:
        # Path.is_symlink() raises for names that are too long.
        if isinstance(source, Path) and os.path.islink(source):  # noqa: PTH114
            return "is a link that leads nowhere"
        return error.strerror or "cannot be read"
    if "truncated" in said.lower() or isinstance(error, EOFError):
        return "is cut short"
    if isinstance(error, MemoryError):
        return "needs more memory to decode than there is"
    said = re.sub(r"<[^>]*>|\b0x[0-9a-fA-F]+", "", said)[:80].strip(" :")
    return f"cannot be decoded: {said or type(error).__name__}"


def _verify(data: memoryview) -> None:
    """Check the sums of all chunks of a PNG: Pillow passes over those of the pixels."""
    at = 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        stop = at + 8 + length
        if stop + 4 > len(data):
            raise Unreadable("is cut short")
        if zlib.crc32(data[at + 4 : stop]) != int.from_bytes(data[stop : stop + 4], "big"):
            raise Unreadable("has a wrong checksum: its bytes are damaged")
        if bytes(data[at + 4 : at + 8]) == b"IEND":
            return
        at = stop + 4
    raise Unreadable("is cut short")
