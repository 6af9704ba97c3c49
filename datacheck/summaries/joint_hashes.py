"""One 64-bit hash a row over columns that are unique together (SC003)."""

from __future__ import annotations

from datacheck.summaries.row_hashes import RowHashes


class JointHashes(RowHashes):
    """:class:`RowHashes` under a kind of its own: those of the rules are over the features."""
