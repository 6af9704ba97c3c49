"""Pictures stored in another way: how many it takes, and which facets are told."""

from __future__ import annotations

import polars as pl
import pytest

import datacheck
from datacheck.checks.normalization.image_format_shift import LEAST
from tests.sources.images.pictures import encoded, pixels


def pictures(n, seed, form="PNG", side=16):
    made = [encoded(pixels(seed + i, side, side), form) for i in range(n)]
    return pl.DataFrame({"image": made, "label": [i % 2 for i in range(n)]})


def judged(train, test):
    report = datacheck.audit(
        {"train": train, "test": test}, settings={"select": ["NM007"], "label": "label"}
    )
    (outcome,) = report.outcomes
    return [f.message for f in report.findings], outcome.reason


def test_it_takes_ten_pictures_of_each_split():
    train = pictures(80, 0)
    (said,), _ = judged(train, pictures(LEAST, 900, "JPEG"))
    assert "format (PNG 100.0% in train, JPEG 100.0% in test)" in said
    said, reason = judged(train, pictures(LEAST - 1, 900, "JPEG"))
    assert (said, reason) == ([], "fewer than 10 pictures in train or in another split")
    (said,), _ = judged(pictures(LEAST, 0), pictures(80, 900, "JPEG"))
    assert "JPEG 100.0% in test" in said
    assert judged(pictures(LEAST - 1, 0), pictures(80, 900, "JPEG"))[1].startswith("fewer than 10")


@pytest.mark.parametrize("n", [LEAST, 60])
def test_pictures_stored_alike_are_clean(n):
    assert judged(pictures(80, 0), pictures(n, 900)) == ([], "")


def test_sizes_are_compared_from_ten_pictures_on():
    (said,), _ = judged(pictures(200, 0), pictures(LEAST, 900, side=24))
    assert "median 16 in train, 24 in test" in said
