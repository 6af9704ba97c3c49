"""Options of near-duplicates: the bounds that their page tells."""

from __future__ import annotations

import pytest

from datacheck.checks.near.search import NearOptions, taken
from datacheck.errors import UsageError


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("min_jaccard", (0.5, 0.8, 1.0), (0.49, 1.01, -1.0)),
        ("containment", (0.5, 0.9, 1.0), (0.49, 1.01)),
        ("shingles", ("auto", "characters"), ("words", "")),
        ("differing", (0, 1, 2), (-1, 3)),
        ("hamming", (0, 3, 6), (-1, 7)),
    ],
)
def test_bounds(name, good, bad):
    for value in good:
        assert NearOptions(**{name: value}).told()[name] == value
    for value in bad:
        with pytest.raises(UsageError, match=name if name != "shingles" else "no shingles"):
            NearOptions(**{name: value})


def test_options_among_other_things():
    found = taken({"hamming": 2, "min_share": 0.5, "differing": 0})
    assert (found.hamming, found.differing, found.min_jaccard) == (2, 0, 0.8)
    assert found.pictures.hamming == 2
