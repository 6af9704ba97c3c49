from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.errors import UsageError
from datacheck.training.study.budget import (
    FEWEST_STEPS,
    MOST_SEEDS,
    MOST_STEPS,
    SHARE,
    START_S,
    Pace,
    choose,
    measure,
    seconds_of,
)
from datacheck.training.study.statistics import FEWEST

PACES = st.builds(
    Pace, fixed=st.floats(0, 1), each=st.floats(1e-4, 0.05), arms=st.integers(2, 30)
)


@given(PACES, st.floats(1, 7200), st.integers(1, 16), st.integers(1, 20))
def test_a_study_that_can_fit_fits(pace, seconds, workers, claims):
    size = choose(pace, seconds, workers, claims)
    room = (seconds - START_S) * workers * SHARE
    least = pace.needed(FEWEST, FEWEST_STEPS)
    assert FEWEST <= size.seeds <= MOST_SEEDS
    assert FEWEST_STEPS <= size.steps <= MOST_STEPS
    if least <= room:
        assert pace.needed(size.seeds, size.steps) <= room
        assert size.expected_s <= seconds + 1e-6
    else:
        assert (size.seeds, size.steps) == (FEWEST, FEWEST_STEPS)


@given(PACES, st.floats(10, 3600), st.floats(1, 3))
def test_more_time_is_never_a_smaller_study(pace, seconds, factor):
    few, more = choose(pace, seconds, 2, 5), choose(pace, seconds * factor, 2, 5)
    assert more.seeds * more.steps >= few.seeds * few.steps


def test_what_is_given_stays():
    pace = Pace(0.1, 0.01, 10)
    assert choose(pace, 60, 2, 5, seeds=12).seeds == 12
    assert choose(pace, 1, 1, 5, steps=333).steps == 333


def test_the_pace_of_what_trains():
    clock = {"now": 0.0}
    asked = []

    def run(arm, steps):
        asked.append((arm, steps))
        clock["now"] += 0.5 + 0.01 * steps
        return arm != "lost"

    import time

    before, time.perf_counter = time.perf_counter, lambda: clock["now"]
    try:
        pace = measure(run, ["lost", "b", "c"])
    finally:
        time.perf_counter = before
    assert pace.arms == 2
    assert pace.each == pytest.approx(0.01)
    assert pace.fixed == pytest.approx(0.5)
    assert ("lost", 60) not in asked


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3m", 180), ("90s", 90), ("1.5h", 5400), ("2", 120), (" 3 min ", 180)],
)
def test_times(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-3m", "0m", "3d"])
def test_no_times(text):
    with pytest.raises(UsageError, match="budget"):
        seconds_of(text)
