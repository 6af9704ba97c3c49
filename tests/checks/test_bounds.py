"""What the options of rules may be: both ends of each range, and just beyond."""

from __future__ import annotations

import pytest

from datacheck.checks.codes import CODES
from datacheck.errors import UsageError

TINY = 1e-9
BOUNDS = [
    # code, option, may be, may not be
    ("CB001", "batch_size", (1, 2), (0, -1)),
    ("CB005", "min_skewness", (TINY, 1 - TINY), (0, 1, -0.1)),
    ("CB005", "min_kurtosis", (TINY, 1 - TINY), (0, 1)),
    ("CB005", "min_spike", (TINY, 1 - TINY), (0, 1)),
    ("LB002", "min_rate", (0, 1 - TINY), (-TINY, 1)),
    ("LB002", "listed", (1, 10_000), (0, 10_001)),
    ("LK005", "min_score", (0.5 + TINY, 1), (0.5, 1 + TINY)),
    ("LK006", "min_auc", (0.75, 1), (0.75 - TINY, 1 + TINY)),
    ("LK006", "min_low", (0.5, 0.9), (0.5 - TINY, 0.9 + TINY)),
    ("LK008", "min_order", (TINY, 1), (0, 1 + TINY)),
    ("LK008", "min_rank", (TINY, 1), (0, 1 + TINY)),
    ("LK008", "min_file", (TINY, 1), (0, 1 + TINY)),
    ("LK009", "min_auc", (0.5 + TINY, 1), (0.5, 1 + TINY)),
    ("LK009", "min_r2", (TINY, 1), (0, 1 + TINY)),
    ("MV001", "min_share", (0, 0.3), (-TINY, 0.3 + TINY)),
    ("MV001", "max_share", (0, 1), (-TINY, 1 + TINY)),
    ("MV003", "min_share", (TINY, 1 - TINY), (0, 1, -0.5)),
    ("MV003", "max_zeros", (0, 1), (-TINY, 1 + TINY)),
    ("MV004", "min_difference", (TINY, 1 - TINY), (0, 1)),
    ("MV007", "max_share", (TINY, 1), (0, 1 + TINY)),
    ("NM002", "max_ratio", (1 + TINY, 1e9), (1, 0.5)),
    ("NM005", "fence", (TINY, 99.0), (0, -1)),
    ("NM005", "min_share", (TINY, 1), (0, 1 + TINY)),
    ("NM005", "max_rows", (TINY, 0.5 - TINY), (0, 0.5)),
    ("NM007", "min_variation", (0, 1 - TINY), (-TINY, 1)),
    ("NM007", "min_distance", (0, 1 - TINY), (-TINY, 1)),
    ("SC002", "min_share", (0, 1), (-TINY, 1 + TINY)),
    ("SL001", "batch_size", (1, 2), (0,)),
    ("SL001", "buckets", (1, 2), (0,)),
    ("SL004", "factor", (1 + TINY, 99.0), (1.0, 0.5)),
    ("SL004", "max_length", (0, 5), (-1,)),
    ("SL005", "min_auc", (0.5 + TINY, 1 - TINY), (0.5, 1)),
    ("SL005", "min_rank", (TINY, 1 - TINY), (0, 1)),
    ("SL006", "fence", (TINY, 99.0), (0, -1)),
    ("SL006", "factor", (1 + TINY, 99.0), (1, 0.5)),
    ("SL006", "difference", (0, 9), (-1,)),
]


@pytest.mark.parametrize(
    ("code", "option", "good", "bad"), BOUNDS, ids=[f"{b[0]}-{b[1]}" for b in BOUNDS]
)
def test_the_bounds_of_an_option(code, option, good, bad):
    rule = CODES[code].load()
    for value in good:
        assert getattr(rule(**{option: value}), option) == value
    for value in bad:
        with pytest.raises(UsageError):
            rule(**{option: value})
