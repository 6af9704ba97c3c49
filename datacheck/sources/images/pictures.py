"""What counts as a picture, and the library that decodes it, imported only when there is one."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from datacheck.errors import SourceError

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
"""What is decoded. Others of Pillow's formats run programs (EPS) or are rare."""
SUFFIXES = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".gif": "GIF", ".bmp": "BMP", ".webp": "WEBP",
    ".tif": "TIFF", ".tiff": "TIFF", ".ppm": "PPM", ".pgm": "PPM", ".pbm": "PPM", ".pnm": "PPM",
}  # fmt: skip
MAX_PIXELS = 89_478_485
"""Pictures with more are told, not decoded: the limit past which Pillow warns of a bomb."""
LARGE = 16_000_000  # pixels: larger ones are decoded one at a time, whatever the threads
SIGNS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")


def is_picture(name: str) -> bool:
    """Whether the name of a file says that it is a picture."""
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 - of 100,000 names


def starts_like_a_picture(head: bytes) -> bool:
    """Whether bytes begin as one of the formats does (not the text forms of PPM)."""
    return head.startswith(SIGNS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


@cache
def pillow() -> Any:
    """``PIL.Image`` with the decoders of :data:`FORMATS`. Raises SourceError without Pillow."""
    try:
        from PIL import (  # noqa: F401 - to be imported is what registers a decoder
            BmpImagePlugin,
            GifImagePlugin,
            Image,
            JpegImagePlugin,
            MpoImagePlugin,
            PngImagePlugin,
            PpmImagePlugin,
            TiffImagePlugin,
            WebPImagePlugin,
        )
    except ImportError:
        raise SourceError(
            "there are pictures, and Pillow, which decodes them, is not installed",
            "pip install pillow",
        ) from None
    return Image
