"""What is shared by the rules on rows that repeat."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks.duplicates import beyond_chance
from datacheck.checks.stats import ALPHA, poisson_sf


@given(
    st.integers(0, 30) | st.integers(0, 10**9),
    st.floats(0, 40) | st.floats(0, 1e9) | st.sampled_from([0.0, 1e-300, 5e-324]),
)
def test_the_short_cuts_answer_as_the_tail_itself(seen: int, expected: float) -> None:
    assert beyond_chance(seen, expected) == (poisson_sf(seen, expected) < ALPHA)


@given(st.floats(0.1, 1e6), st.floats(0, 3))
def test_nothing_is_missed_near_the_threshold(expected: float, deviations: float) -> None:
    seen = round(expected + deviations * expected**0.5)
    assert beyond_chance(seen, expected) == (poisson_sf(seen, expected) < ALPHA)
