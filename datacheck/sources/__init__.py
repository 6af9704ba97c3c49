"""Sources: anything becomes a :class:`~datacheck.dataset.Dataset`; only they know of files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datacheck.sources.options import SourceOptions

if TYPE_CHECKING:
    from datacheck.dataset import Dataset

__all__ = ["SourceOptions", "open_source"]


def open_source(source: Any, options: SourceOptions | None = None) -> Dataset:
    """A dataset from a path, a frame, an array, or a mapping of split names to those.

    Raises SourceError where there is nothing to audit, UsageError for a column that is not there.
    """
    from datacheck.sources.opening import open_dataset

    return open_dataset(source, options or SourceOptions())
