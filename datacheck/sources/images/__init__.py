"""Pictures: wherever their bytes come from, decoding them yields columns of a table.

A folder of pictures, a table with their paths, bytes in Parquet cells, tar shards and idx files
all become a table whose fragments are wrapped in :class:`~.fragments.WithImages`; what a column
``image`` brings with it is told in :mod:`~.measures`.
"""

from __future__ import annotations

from datacheck.sources.images.decoding import Unreadable, decode
from datacheck.sources.images.fragments import WithImages
from datacheck.sources.images.measures import MEASURES

__all__ = ["MEASURES", "Unreadable", "WithImages", "decode"]
