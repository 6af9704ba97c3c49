from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import datacheck
from datacheck.checks.leakage.shortcuts import coarse, fine, paired, shortcut
from datacheck.checks.predict import Target
from datacheck.errors import UsageError
from datacheck.findings import Status

N = 120


def audit(data, *codes, **options):
    chosen = {"select": codes or ("LK009",), **options}
    report = datacheck.audit(data, settings=chosen)
    assert all(o.status is not Status.FAILED for o in report.outcomes), report.outcomes
    return report


def pictures(folder: Path, size, suffix=lambda k, i: "png") -> Path:
    """Pictures of noise, ``size(class, number)`` wide and high."""
    rng = np.random.default_rng(0)
    for k, name in enumerate(("cat", "dog")):
        (folder / "train" / name).mkdir(parents=True)
        for i in range(N):
            width, height = size(k, i)
            most = 2 ** int(rng.integers(0, 9))  # so that the bytes do not tell the size
            pixels = rng.integers(0, most, (height, width, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "train" / name / f"{i}.{suffix(k, i)}")
    return folder


def test_the_width_tells_the_class(tmp_path):
    report = audit(pictures(tmp_path, lambda k, i: (16 + 8 * k, 16 + i % 8)))
    (finding,) = report.findings
    assert "image.width" in finding.columns
    assert "image.height" not in finding.columns
    assert finding.effect.low >= 0.9
    (step,) = report.plan().steps
    assert (step.repair, step.safety) == ("re-encode", "unsafe")


def test_the_format_tells_the_class(tmp_path):
    made = pictures(tmp_path, lambda k, i: (16, 16), lambda k, i: ("png", "bmp")[k])
    (finding,) = audit(made).findings
    assert {"image.format", "image.bytes"} <= set(finding.columns)


def test_the_shape_tells_the_class_and_neither_side_does(tmp_path):
    made = pictures(tmp_path, lambda k, i: (8 + i % 12, 8 + (i + 6 * k) % 12))
    (finding,) = audit(made).findings
    assert finding.columns == ("image.height", "image.width")
    assert "together" in finding.message


def test_like_pictures_are_left_alone(tmp_path):
    size, suffix = lambda k, i: (16 + i % 3, 16 + i % 5), lambda k, i: ("png", "bmp")[i % 2]
    made = pictures(tmp_path, size, suffix)
    assert audit(made).findings == []


def frame(texts, labels):
    return pl.DataFrame({"text": texts, "label": labels})


def worded(rng, words: int, letters: int) -> str:
    return " ".join("".join(rng.choice(list("abcdefgh"), letters)) for _ in range(words))


@settings(deadline=None, max_examples=8, derandomize=True)
@given(seed=st.integers(0, 1000), words=st.integers(4, 40), letters=st.integers(4, 12))
def test_a_text_is_never_named_by_both(seed, words, letters):
    """Whatever tells: the words are SL005's, only letters or only the spread this rule's."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, 300)
    texts = [worded(rng, words if k else 12, letters if k else 5) for k in y]
    report = audit({"train": frame(texts, y)}, "LK009", "SL005", task="classification")
    named = [f.columns for f in report.findings]
    assert len(named) == len(set(named))
    if words != 12 or letters > 6:
        assert named == [("text",)]


def test_lengths_in_the_middle_and_at_the_ends():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    texts = [worded(rng, 20 if k else int(rng.choice([5, 35])), 4) for k in y]
    report = audit({"train": frame(texts, y)}, "LK009", "SL005", task="classification")
    (finding,) = report.findings
    assert finding.rule == "LK009"
    assert finding.repairs[0].name == "review-lengths"


def test_a_number_is_told_by_the_length():
    rng = np.random.default_rng(0)
    letters = rng.integers(2, 12, 400)
    texts = [worded(rng, 9, int(k)) for k in letters]
    made = frame(texts, (letters - 6.5) ** 2 + rng.normal(size=400))
    (finding,) = audit({"train": made}, task="regression").findings
    assert finding.effect.metric == "R²"


def test_nothing_to_judge():
    table = pl.DataFrame({"x": np.arange(100.0), "label": ["a", "b"] * 50})
    (outcome,) = audit({"train": table}).outcomes
    assert "no pictures or texts" in outcome.reason
    with pytest.raises(UsageError):
        audit({"train": table}, rules={"LK009": {"min_auc": 0.5}})


# -- scores ------------------------------------------------------------------------------------


def target(y: np.ndarray, classes: int) -> Target:
    addresses = pl.DataFrame({"__address__": np.arange(y.size)})
    return Target(addresses, y.astype(float), tuple(f"c{i:02}" for i in range(classes)))


@settings(deadline=None, max_examples=20, derandomize=True)
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 12), category=st.booleans())
def test_what_knows_nothing_scores_like_chance_and_a_copy_is_told(seed, classes, category):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, 1500)
    made = target(y, classes)
    noise = rng.integers(0, 400, y.size).astype(float)
    score = shortcut(made, fine(noise, made, category=category))
    assert score is not None
    assert abs(score.value - 0.5) < 0.1
    assert score.p > 1e-5
    assert score.n == y.size  # each half judges once
    copy = shortcut(made, fine(y.astype(float), made, category=category))
    assert copy is not None
    assert copy.value == 1
    assert copy.p < 1e-9


def test_two_columns_together():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, (2, 1000)).astype(float)
    made = target((a != b).astype(int), 2)
    one, two = (coarse(x, made, category=False) for x in (a, b))
    alone, both = shortcut(made, one), shortcut(made, paired(one, two))
    assert alone is not None
    assert both is not None
    assert abs(alone.value - 0.5) < 0.1
    assert both.value == 1
