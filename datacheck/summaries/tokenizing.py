"""Tokens of a text by a tokenizer on disk, as Hugging Face's ``tokenizers`` saves one.

Normalization, splitting and special tokens are the file's own. Nothing is cut off or padded, and
nothing is ever downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datacheck.errors import UsageError
from datacheck.types import Ints

if TYPE_CHECKING:
    import polars as pl

PIECE = 4096  # texts encoded at a time: their tokens take far more memory than they do
LARGEST = 256 << 20  # bytes of a tokenizer


def load(path: str) -> Any:
    """The tokenizer in that file. Raises UsageError where there is none, with a hint."""
    try:
        stat = Path(path).expanduser().stat()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "no such path"
        raise UsageError(f"cannot read the tokenizer {path}: {said}", HINT) from None
    if stat.st_size > LARGEST:
        raise UsageError(f"{path} holds more than 256 MiB, which no tokenizer does", HINT)
    return _loaded(path, stat.st_mtime_ns, stat.st_size)


HINT = "give the tokenizer.json that `tokenizers` or `transformers` saved"


@lru_cache(maxsize=4)
def _loaded(path: str, _changed: int, _size: int) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise UsageError(
            "--tokenizer needs the package tokenizers", 'pip install "datacheck-ml[text]"'
        ) from None
    try:
        text = Path(path).expanduser().read_bytes().decode()
        found = Tokenizer.from_str(text)
    except Exception as error:  # whatever the parser makes of a file that is none
        said = " ".join(str(error).split())[:100]
        raise UsageError(f"{path} is no tokenizer: {said}", HINT) from None
    found.no_truncation()
    found.no_padding()
    return found


def encoded(texts: pl.Series, path: str) -> Iterator[list[list[int]]]:
    """Ids of the tokens of each text (no text has none), some thousand texts at a time.

    The tokenizer uses threads of its own.
    """
    tokenizer = load(path)
    encode = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)
    for at in range(0, len(texts), PIECE):
        piece = texts.slice(at, PIECE).fill_null("")
        yield [one.ids for one in encode(piece.to_list())]


def counts(texts: pl.Series, path: str) -> Ints:
    """How many tokens each text has, shape (texts,); those that the file adds count too."""
    tokenizer = load(path)
    encode = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)
    out = np.zeros(len(texts), dtype=np.int64)
    for at in range(0, len(texts), PIECE):
        piece = texts.slice(at, PIECE).fill_null("").to_list()
        out[at : at + len(piece)] = np.fromiter(map(len, encode(piece)), np.int64, len(piece))
    return out
