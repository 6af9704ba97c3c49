"""What a repair refuses to do, what it gives as the reason, and in what unit it works."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import datacheck
from datacheck.errors import UsageError
from datacheck.pipelines.fixing import fix
from datacheck.pipelines.pipeline import Pipeline
from datacheck.pipelines.plan import Plan, Step
from datacheck.pipelines.transforms import make
from datacheck.summaries.lengths import lengths_of
from tests.pipelines.transforms.frames import whole


def labeled(rows: int = 300, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "x": rng.normal(size=rows),
            "v": rng.gamma(2, size=rows),
            "label": rng.integers(0, 2, rows).astype(np.float64),
        }
    )


# -- no repair of rows takes most of train ---------------------------------------------------------


@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
def test_train_keeps_half_of_its_rows_whatever_labels_it_lacks(tmp_path, share):
    frame = labeled()
    gone = np.arange(200) < 200 * share
    train = frame[:200].with_columns(label=pl.when(pl.Series(~gone)).then("label"))
    (tmp_path / "data").mkdir()
    train.write_csv(tmp_path / "data/train.csv")
    frame[200:].write_csv(tmp_path / "data/test.csv")
    done = fix(tmp_path / "data", tmp_path / "clean", label="label")
    report = datacheck.audit(tmp_path / "clean")
    kept = report.dataset["splits"]["train"]["rows"]
    if share < 0.5:
        assert kept == 200 - gone.sum()
        assert not report.of("LB003")
    else:
        assert kept == 200
        assert any("quarantine was left out: it would take" in s for s in done.said)
        assert any("labels themselves" in s for s in done.said)


def test_empty_sequences_do_not_take_most_of_train():
    train = pl.DataFrame({"t": [" ", "a b", "  ", " "] * 20, "label": [0, 1, 1, 0] * 20})
    plan = Plan((Step("quarantine-rows", columns=("t",)),))
    done = fix(train=train, test=train[:8], plan=plan, label="label")
    assert done.frames["train"].height == 80
    (said,) = done.said
    assert said.startswith("quarantine-rows was left out: it would take 60 of 80 rows of train; ")
    assert "empty" in said


def test_repairs_that_each_may_take_half_do_not_take_all_together():
    train = pl.DataFrame(
        {"t": [" ", "a"] * 30, "label": [1, None] * 30}, schema_overrides={"label": pl.Int64}
    )
    plan = Plan((Step("quarantine-rows", columns=("t",)), Step("quarantine")))
    test = pl.DataFrame({"t": ["b", "c"], "label": [0, 1]})
    done = fix(train=train, test=test, plan=plan, label="label")
    assert done.frames["train"].height == 30
    assert len(done.said) == 1


# -- rows that another scale has hidden ------------------------------------------------------------


def test_rows_of_train_that_a_scale_has_hidden_leave_with_it():
    rng = np.random.default_rng(3)
    train = pl.DataFrame(
        {"x": rng.integers(100, 900, 600) * 1.0, "y": rng.integers(0, 900, 600) * 1.0}
    ).with_columns(label=pl.Series(rng.integers(0, 2, 600)))
    fresh = train[:100].with_columns(x=pl.col("x").shuffle(1), y=pl.col("y").shuffle(2))
    test = pl.concat([fresh, train[:40]]).with_columns(x=pl.col("x") * 1024, y=pl.col("y") * 1024)
    splits = {"train": train, "test": test}
    before = datacheck.audit(splits, label="label")
    assert not before.of("LK001")
    assert before.of("NM001")
    done = fix(splits, label="label")
    assert not datacheck.audit(done.frames, settings=done.settings).of("LK001")
    assert done.frames["test"].height == test.height


# -- reasons ---------------------------------------------------------------------------------------


def test_the_reason_of_a_row_survives_the_file_of_the_plan(tmp_path):
    frame = labeled()
    train = pl.concat([frame[:200], frame[:20], frame[200:205]])
    (tmp_path / "data").mkdir()
    train.write_csv(tmp_path / "data/train.csv")
    frame[200:].write_csv(tmp_path / "data/test.csv")
    plan = datacheck.audit(tmp_path / "data", label="label").plan()
    plan.save(tmp_path / "plan.toml")
    reasons = []
    for name, one in (("a", plan), ("b", tmp_path / "plan.toml")):
        fix(tmp_path / "data", tmp_path / name, plan=one, label="label")
        lines = (tmp_path / name / "quarantine/rows.jsonl").read_text().splitlines()
        reasons.append([json.loads(line)["reason"] for line in lines])
    assert reasons[0] == reasons[1]
    assert {r.split(" ")[0] for r in reasons[0]} == {"20", "5"}


@pytest.mark.parametrize("why", ["3", '[1]', '{a = "b"}'])
def test_a_reason_is_text(why):
    with pytest.raises(UsageError, match="why is"):
        Plan.from_toml(f'version = 1\n[[step]]\nrepair = "shuffle"\nwhy = {why}')


# -- splits ----------------------------------------------------------------------------------------


def test_a_pipeline_knows_its_splits(tmp_path):
    rng = np.random.default_rng(2)
    train = pl.DataFrame({c: rng.normal(50, 9, 500) for c in "ab"})
    test = pl.DataFrame({c: rng.normal(50, 9, 200) / 1000 for c in "ab"})
    done = fix(train=train, holdout=test)
    assert done.pipeline.splits == ("train", "holdout")
    done.pipeline.save(tmp_path / "pipeline.json")
    loaded = Pipeline.load(tmp_path / "pipeline.json")
    assert loaded == done.pipeline
    assert abs(loaded.transform(test, split="holdout")["a"].mean() - 50) < 3
    for wrong in ("holdot", "test", ""):
        with pytest.raises(UsageError, match="knows no split") as raised:
            loaded.transform(test, split=wrong)
        assert "train, holdout" in raised.value.hint
    assert "did you mean holdout" in str(_hint(loaded, test, "holdot"))


def _hint(pipeline, frame, split):
    with pytest.raises(UsageError) as raised:
        pipeline.transform(frame, split=split)
    return raised.value.hint


# -- units -----------------------------------------------------------------------------------------

spaced = st.text(st.sampled_from("ab é\t\n \u00a0"), max_size=40)


@given(st.lists(st.none() | spaced, min_size=1, max_size=8), st.integers(1, 6), st.booleans())
def test_a_text_is_cut_at_words_as_the_rules_count_them(texts, length, head):
    frame = pl.DataFrame({"t": texts}, schema={"t": pl.String})
    one = make("truncate", ("t",), length=length, keep="head" if head else "tail")
    out = one.apply(frame)
    was, now = (lengths_of(f["t"]).to_list() for f in (frame, out))
    assert now == [None if n is None else min(n, length) for n in was]
    for before, after, n in zip(texts, out["t"].to_list(), was, strict=True):
        if before is None or n <= length:
            assert after == before
        else:
            assert before.startswith(after) if head else before.endswith(after)
    assert_frame_equal(one.apply(out), out)


def test_truncating_at_the_limit_answers_the_finding_on_overlong_texts():
    rng = np.random.default_rng(1)
    words = rng.integers(5, 15, 400)
    words[:3] = 900
    texts = [" ".join(rng.choice(list("abcdefgh"), n)) for n in words.tolist()]
    frame = pl.DataFrame({"t": texts, "label": rng.integers(0, 2, 400)})
    splits = {"train": frame[:300], "test": frame[300:]}
    (found,) = datacheck.audit(splits, label="label").of("SL004")
    limit = int(found.evidence["limit"]["t"])
    plan = Plan((Step("truncate", ("SL004",), ("t",), params={"length": limit}),))
    done = fix(splits, plan=plan, unsafe=True, label="label")
    assert not datacheck.audit(done.frames, settings=done.settings).of("SL004")


def test_a_huge_k_clips_nothing_and_blames_nothing():
    train = pl.DataFrame({"x": [1.0, 2, 3, 4, 1e300], "none": [None] * 5}).cast(pl.Float64)
    one = make("winsorize", ("x", "none"), k=1e308).learn(whole(train))
    assert one.said == ()
    assert_frame_equal(one.apply(train), train)
