"""Near texts as the search finds them, against comparing all pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.checks.near import buckets
from datacheck.checks.near.buckets import best, counted, shared
from datacheck.checks.near.representatives import superfluous
from datacheck.findings import Finding

WORDS = [f"w{k}" for k in range(400)]


def texts(rng: np.random.Generator, n: int) -> list[list[str]]:
    return [[WORDS[k] for k in rng.integers(0, 400, rng.integers(9, 40))] for _ in range(n)]


def grams(text: str) -> set[tuple[str, ...]]:
    w = text.lower().split()
    return {tuple(w[k : k + 3]) for k in range(len(w) - 2)}


def found(code: str, **splits: pl.DataFrame) -> Sequence[Finding]:
    settings = {"select": (code,), "rules": {code: {"containment": 1.0}}}
    return datacheck.audit(splits, settings=settings).findings


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_rows_are_those_that_comparing_all_pairs_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    train = texts(rng, 120)
    test = texts(rng, 60)
    for k in range(40):
        copy = list(train[int(rng.integers(120))])
        for at in rng.integers(0, len(copy), int(rng.integers(0, 4))).tolist():
            copy[at] = WORDS[int(rng.integers(400))]
        test[k] = copy
    one, other = [" ".join(t) for t in train], [" ".join(t) for t in test]
    sets = [grams(t) for t in one]
    near = []
    for text in other:
        mine = grams(text)
        alike = max(len(mine & s) / len(mine | s) for s in sets)
        inside = max(len(mine & s) / min(len(mine), len(s)) for s in sets)
        near.append(text not in one and (alike >= 0.8 or inside == 1))
    told = found("LK002", train=pl.DataFrame({"text": one}), test=pl.DataFrame({"text": other}))
    count = told[0].count if told else 0
    assert sum(near) - 1 <= count <= sum(near)  # one of 300 candidates is missed


def test_examples_show_both_texts() -> None:
    rng = np.random.default_rng(3)
    one = [" ".join(t) for t in texts(rng, 40)]
    other = [one[7].upper(), *(" ".join(t) for t in texts(rng, 20))]
    told = found("LK002", train=pl.DataFrame({"text": one}), test=pl.DataFrame({"text": other}))
    (example,) = told[0].examples
    assert example.addresses == ("test:0", "train:7")
    assert example.values == {"text": one[7].upper(), "text of the other": one[7]}
    assert told[0].evidence["spaces"] == told[0].evidence["rows_of_train"] == 1


def test_texts_that_repeat_over_and_over_are_not_judged() -> None:
    words = [" ".join(t) for t in texts(np.random.default_rng(1), 150)]
    frame = pl.DataFrame({"text": words * 7, "x": np.arange(1050) * 1.5})
    report = datacheck.audit({"train": frame, "test": frame}, settings={"select": ("LK002",)})
    assert not report.findings
    assert "rows agree by accident" in next(o.reason for o in report.outcomes if o.rule == "LK002")


def test_the_same_report_whatever_the_threads() -> None:
    rng = np.random.default_rng(9)
    one = [" ".join(t) for t in texts(rng, 300)]
    frame = pl.DataFrame({"text": [*one, *(t + " more" for t in one[:50])], "y": [0, 1] * 175})
    reports = [
        datacheck.audit(frame, settings={"select": ("LB005",), "threads": t, "label": "y"})
        for t in (1, 2, 5)
    ]
    told = [[f.to_dict() for f in r.findings] for r in reports]
    assert told[0]
    assert told[0] == told[1] == told[2]


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=80))
@settings(deadline=None)
def test_one_of_each_cluster_stays(drawn: list[tuple[int, int]]) -> None:
    pairs = sorted({(min(p), max(p)) for p in drawn if p[0] != p[1]})
    a, b = (np.array([p[k] for p in pairs], dtype=np.int64) for k in (0, 1))
    gone = superfluous(30, a, b)
    assert not any(not gone[i] and not gone[j] for i, j in pairs), "no two that stay are a pair"
    near = {(i, j) for i, j in pairs} | {(j, i) for i, j in pairs}
    for k in np.flatnonzero(gone).tolist():
        assert any((k, j) in near and not gone[j] for j in range(30)), "each is like one that stays"
    assert not gone[0]


def test_a_long_chain_ends() -> None:
    n = 20_000
    gone = superfluous(n, np.arange(n - 1), np.arange(1, n))
    assert n // 3 <= (~gone).sum() <= n // 2 + 1
    assert not (~gone[1:] & ~gone[:-1]).any()


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(2, 8))
def test_buckets_give_all_pairs_or_some(drawn: list[int], small: int) -> None:
    keys = np.array(drawn, dtype=np.uint64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "SMALL", small)
        a, b, crowded = shared(keys, np.arange(keys.size))
    a, b, _ = counted(a, b, keys.size + 1)
    assert (keys[a] == keys[b]).all()
    sizes = np.bincount(keys.astype(np.int64), minlength=4)
    assert crowded == sizes[sizes > small].sum()
    for key, size in enumerate(sizes.tolist()):
        pairs = int((keys[a] == key).sum())
        assert pairs == size * (size - 1) // 2 if size <= small else pairs >= size - 1
    assert a.size <= keys.size * max(small / 2, 2 * buckets.SOME)


def test_the_best_pairs_are_kept() -> None:
    a, b = best(np.arange(5), np.arange(5) + 1, np.array([1, 3, 1, 2, 3]), most=3)
    assert a.tolist() == [1, 3, 4]
    assert b.tolist() == [2, 4, 5]


@pytest.mark.parametrize("labeled", [False, True])
def test_texts_that_are_one_but_for_case_are_near(labeled: bool) -> None:
    rng = np.random.default_rng(8)
    base = "the quick brown fox jumps over the lazy dog again"

    def cased(n: int) -> pl.DataFrame:
        upper = rng.random((n, len(base))) < 0.5
        rows = ["".join(c.upper() if u else c for c, u in zip(base, row, strict=True))
                for row in upper]  # fmt: skip
        return pl.DataFrame({"text": rows, **({"y": [0, 1] * (n // 2)} if labeled else {})})

    splits = {"train": cased(50), "test": cased(20)}
    (one,) = found("LK002", **splits)
    assert one.count == 20
    assert found("LB005", **splits)


def test_few_texts_over_and_over_are_no_finding() -> None:
    """Spellings of some categories, which repeat by nature."""
    rng = np.random.default_rng(9)
    forms = ["on the whole yes", "On The Whole Yes", "not in the least", "Not in the least"]
    splits = {
        name: pl.DataFrame({"text": [forms[k] for k in rng.integers(0, 4, n)], "a": range(n)})
        for name, n in (("train", 200), ("test", 80))
    }
    assert not found("LK002", **splits)


@pytest.mark.parametrize("translated", [True, False])
def test_likeness_without_the_answer_is_a_warning(translated: bool) -> None:
    """Sources that a grammar made are alike; it leaks where their targets are the same."""
    rng = np.random.default_rng(3)
    source, target = ([" ".join(t) for t in texts(rng, 150)] for _ in range(2))
    near = [f"{t} {WORDS[k]}" for k, t in enumerate(source[:40])]
    fresh = [" ".join(t) for t in texts(rng, 40)]
    train = pl.DataFrame({"source": source, "target": target})
    test = pl.DataFrame({"source": near, "target": target[:40] if translated else fresh})
    config = datacheck.Config(select=("LK002",), label="target")
    (one,) = datacheck.audit({"train": train, "test": test}, config=config).findings
    assert one.count == 40
    assert one.evidence["with_same_label"] == (40 if translated else 0)
    assert one.severity == (
        datacheck.Severity.ERROR if translated else datacheck.Severity.WARNING
    )
