"""Which labels are suspect (noise.py), row by row."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datacheck.checks import noise

rows = st.integers(1, 30)


@given(st.integers(0, 10**6), rows, st.integers(2, 4))
def test_suspects_are_the_off_diagonal_of_the_confident_joint(seed, n, classes):
    rng = np.random.default_rng(seed)
    p = np.round(rng.dirichlet(np.full(classes, 0.7), n) * 8) / 8
    codes = rng.integers(0, classes, n)
    bar = [p[codes == j, j].mean() if (codes == j).any() else np.inf for j in range(classes)]
    found = []
    for i in range(n):
        sure = [j for j in range(classes) if p[i, j] >= bar[j]]
        if not sure:
            continue
        best = max(sure, key=lambda j: (p[i, j], -j))
        if best != codes[i] and p[i, best] > p[i, codes[i]]:
            found.append((-(p[i, best] - p[i, codes[i]]), i, best))
    found.sort()
    told = noise.suspects(p, codes)
    assert told.rows.tolist() == [i for _, i, _ in found]
    assert told.suggested.tolist() == [j for _, _, j in found]
    assert told.margins.tolist() == [-m for m, _, _ in found]


@given(st.integers(0, 10**6), rows)
def test_the_place_of_a_row_among_those_of_its_class(seed, n):
    rng = np.random.default_rng(seed)
    of, sure = rng.integers(0, 3, n), rng.integers(0, 5, n) / 4
    found = noise._ranks(of, sure, 3)
    for i in range(n):
        mine = np.flatnonzero(of == of[i])
        before = sum(sure[j] > sure[i] or (sure[j] == sure[i] and j <= i) for j in mine)
        assert found[i] == before / mine.size
