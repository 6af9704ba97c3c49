"""Code lengths of rows: by hand where that can be done, and as the sampler takes them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.errors import UsageError
from datacheck.pipelines.bucketing import BucketBatchSampler
from datacheck.pipelines.samplers.budgets import Tokens
from datacheck.pipelines.surprise import PRIOR, surprise, surprise_of


def test_by_hand():
    one, two, three = surprise([[7, 7, 8], [7]]).T
    np.testing.assert_allclose(one, [-2 * np.log(0.75) - np.log(0.25), -np.log(0.75)])
    # Rows begin with 7 twice of twice; after a 7 come a 7 and an 8.
    start = (2 + PRIOR * 0.75) / (2 + PRIOR)
    again, last = (1 + PRIOR * 0.75) / (2 + PRIOR), (1 + PRIOR * 0.25) / (2 + PRIOR)
    np.testing.assert_allclose(two, [-np.log(start) - np.log(again) - np.log(last), -np.log(start)])
    assert three[0] < two[0], "a context that came once tells more"


@given(st.lists(st.lists(st.integers(-3, 9), max_size=6), max_size=40))
def test_blocks_do_not_matter(rows):
    whole = surprise(rows)
    assert whole.shape == (len(rows), 3)
    assert (whole >= 0).all()
    assert (whole[[not r for r in rows]] == 0).all()

    def one_by_one():
        for row in rows:
            yield np.array(row, dtype=np.int64), np.array([len(row)])

    np.testing.assert_allclose(surprise_of(one_by_one), whole, rtol=1e-12, atol=1e-12)


def test_what_are_no_token_ids():
    for rows in ([[0.5]], [[[1]]], [["a"]]):
        with pytest.raises(UsageError, match="shape") as caught:
            surprise(rows)
        assert caught.value.hint


def test_the_sampler_refuses_what_is_not_of_its_rows_and_states_of_another_mirror():
    for wrong in ([1.0], [1.0, np.nan, 2.0], np.zeros((3, 1, 1))):
        with pytest.raises(UsageError, match="mirror"):
            BucketBatchSampler([1, 2, 3], 4, mirror=wrong)
    state = BucketBatchSampler([1, 2, 3], 4, mirror=[1, 2, 3]).state_dict()
    with pytest.raises(UsageError, match="another sampler"):
        BucketBatchSampler([1, 2, 3], 4, mirror=[3, 2, 1]).load_state_dict(state)
    batches = BucketBatchSampler([1, 2, 3], Tokens(4), mirror=[1, 2, 3])
    assert sorted(i for batch in batches for i in batch) == [0, 1, 2]
