"""Which two columns are the sides of pairs."""

from __future__ import annotations

import pytest

from datacheck.checks.base import NotApplicable
from datacheck.checks.pairing import columns, is_text_pair, need_pairs, pair
from datacheck.dataset import Column, Dataset, Kind, Measure, Role, Split


def data(label=None, **kinds):
    """Features of those kinds, and perhaps a label among them."""
    made = {c: Column(c, k, Role.LABEL if c == label else Role.FEATURE) for c, k in kinds.items()}
    return Dataset("d", {"train": Split("train", [], dict(kinds))}, made)


TEXT, LISTS, NUMBER = Kind.TEXT, Kind.SEQUENCE, Kind.NUMBER


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (data("y", x=TEXT, y=TEXT), ("x", "y")),
        (data("y", x=TEXT, y=LISTS, n=NUMBER), ("x", "y")),
        (data("y", x=TEXT, z=TEXT, y=TEXT), None),
        (data("y", n=NUMBER, y=TEXT), None),
        (data("y", source=TEXT, target=TEXT, y=TEXT), None),
        (data("y", source=TEXT, target=TEXT, y=NUMBER), ("source", "target")),
        (data(target=TEXT, source=TEXT, other=TEXT), ("source", "target")),
        (data(questions=LISTS, answer_tokens=LISTS), ("questions", "answer_tokens")),
        (data(source=TEXT, src=TEXT, target=TEXT), None),
        (data(source=TEXT, src=TEXT, target=TEXT, answer=TEXT), None),
        (data(source=TEXT, target=TEXT, answer=TEXT), None),
        (data(source=TEXT, other=TEXT), None),
        (data(target=TEXT), None),
        (data(source=NUMBER, target=TEXT), None),
        (data(outsource=TEXT, target=TEXT), None),
    ],
)
def test_pairs(made, found):
    assert pair(made) == found
    assert is_text_pair(made) is (made.label is not None and made.label.kind is TEXT
                                  and found is not None)  # fmt: skip
    if found is None:
        with pytest.raises(NotApplicable, match="a source and its target"):
            need_pairs(made)
        return
    assert columns(made, found) == tuple(c for c in made.columns if c in found)
    (need,) = need_pairs(made)
    assert need.columns == columns(made, found)
    assert dict(need.params)["least"] == 4
    assert (dict(need.params)["source"], dict(need.params)["target"]) == found


def test_a_label_of_items_is_no_text_pair():
    made = data("y", x=TEXT, y=LISTS)
    assert pair(made) == ("x", "y")
    assert not is_text_pair(made)


def test_the_unit_of_lengths_is_a_parameter():
    made = data(source=TEXT, target=TEXT)
    made.measure = Measure("characters")
    assert dict(need_pairs(made)[0].params)["unit"] == "characters"
