"""Arrays of a summary that no longer fit into memory go to a scratch file without a name."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]


def spilled(chunks: Sequence[Arrays]) -> list[Arrays]:
    """The same chunks, what was in memory now in a file that vanishes with the process."""
    with tempfile.TemporaryFile(prefix="datacheck-") as scratch:
        for chunk in chunks:
            for array in chunk.values():
                if not isinstance(array, np.memmap) and array.size:
                    array.tofile(scratch)
        scratch.flush()
        at, out = 0, []
        for chunk in chunks:
            moved: Arrays = {}
            for name, array in chunk.items():
                moved[name] = array
                if not isinstance(array, np.memmap) and array.size:
                    moved[name] = np.memmap(
                        scratch, array.dtype, mode="r", offset=at, shape=array.shape
                    )
                    at += array.nbytes
            out.append(moved)
    return out
