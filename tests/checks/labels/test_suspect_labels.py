from __future__ import annotations

from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datacheck
from datacheck.checks.labels.suspect_labels import _groups
from datacheck.errors import UsageError
from datacheck.findings import Status
from datacheck.pipelines.named_rows import rows_named
from datacheck.sources import open_source

NAMES = np.array(["ash", "elm", "oak"])


def table(n: int, flipped: float, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    """Three classes that lie apart, and which labels were turned."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, n)
    x = rng.normal(size=(n, 2)) + np.array([[0, 0], [6, 0], [0, 6]])[codes]
    turned = rng.random(n) < flipped
    names = NAMES[(codes + turned * rng.integers(1, 3, n)) % 3]
    return pl.DataFrame({"x": x[:, 0], "y": x[:, 1], "kind": names}), turned


def audit(splits, **options):
    report = datacheck.audit(
        splits, settings={"label": "kind", "select": ("LB002",), **options}
    )
    assert all(o.status is not Status.FAILED for o in report.outcomes), report.outcomes
    return report


@settings(deadline=None, max_examples=5, derandomize=True)
@given(seed=st.integers(0, 1000), flipped=st.floats(0.08, 0.18), n=st.integers(700, 1500))
def test_the_turned_labels_are_named_and_the_rate_is_in_its_interval(seed, flipped, n):
    frame, turned = table(n, flipped, seed)
    (finding,) = audit({"train": frame}).findings
    named = [int(a.rpartition(":")[2]) for a in finding.evidence["suspects"]]
    assert turned[named].mean() > 0.9
    assert finding.effect.low <= turned.mean() <= finding.effect.high
    assert 0.7 * turned.sum() <= finding.count <= 1.2 * turned.sum()


@settings(deadline=None, max_examples=5, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    apart=st.floats(0, 5),
    classes=st.integers(2, 8),
    n=st.integers(200, 1500),
)
def test_right_labels_are_left_alone_however_hard_the_task(seed, apart, classes, n):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, classes, n)
    x = rng.normal(size=(n, 4)) + apart * rng.normal(size=(classes, 4))[codes]
    frame = pl.DataFrame(x, schema=list("abcd")).with_columns(kind=pl.Series(codes).cast(pl.String))
    assert audit({"train": frame}).findings == []


def test_a_copy_does_not_tell_its_own_label():
    """Each row stands there five times with one label, right or wrong: copies stay in one fold."""
    frame, turned = table(400, 0.15)
    (finding,) = audit({"train": pl.concat([frame] * 5)}).findings
    named = [int(a.rpartition(":")[2]) % 400 for a in finding.evidence["suspects"]]
    assert turned[named].mean() > 0.85


def test_copies_and_entities_are_one_group():
    class Table:
        def features(self):
            return np.array([1, 1, 2, 3, 4, 4], dtype=np.uint64)

        def addresses(self):
            return np.arange(6)

    class Data:
        def role(self, role):
            return None

    class Context:
        data = Data()

        def row_hashes(self, split):
            return Table()

    class Target:
        frame = pl.DataFrame({"__address__": np.arange(6)})
        hashes = np.arange(10, 16).astype(np.uint64)

    got = _groups(cast(Any, Context()), "train", cast(Any, Target()))
    assert got.tolist() == [10, 10, 12, 13, 14, 14]


def test_a_split_that_cannot_be_judged_is_told_beside_one_that_can():
    frame, _ = table(800, 0.0)
    report = audit({"train": frame, "test": frame[:50]})
    assert "LB002 did not judge test: test has 50 rows; 200 are needed" in report.assumptions


@pytest.mark.parametrize("columns", [1, 20])
@pytest.mark.parametrize("size", [1e154, 1.7e308])
def test_huge_numbers(columns, size):
    frame, _ = table(800, 0.15)
    names = sorted(set(frame["kind"]))
    x = pl.Series([names.index(k) - 1 for k in frame["kind"]], dtype=pl.Float64) * size
    report = audit({"train": pl.DataFrame({f"x{i}": x for i in range(columns)}, strict=False)
                    .with_columns(frame["kind"])})  # fmt: skip
    assert report.findings == []


def test_texts():
    rng = np.random.default_rng(0)
    words = {"ash": "grey bark winged key", "elm": "rough leaf disease", "oak": "acorn lobed ring"}
    kinds = rng.choice(list(words), 600)
    texts = [
        " ".join(rng.choice(f"{words[k]} tree wood forest green tall old".split(), 8)) + f" {i}"
        for i, k in enumerate(kinds)
    ]
    turned = rng.random(600) < 0.15
    given_ = np.where(turned, np.roll(NAMES, 1)[[list(words).index(k) for k in kinds]], kinds)
    (finding,) = audit({"train": pl.DataFrame({"text": texts, "kind": given_})}).findings
    named = [int(a.rpartition(":")[2]) for a in finding.evidence["suspects"]]
    assert turned[named].mean() > 0.75
    clean = pl.DataFrame({"text": texts, "kind": kinds})
    assert audit({"train": clean}).findings == []


def test_lists_of_one_length_are_features_and_others_are_not():
    frame, turned = table(800, 0.15)
    pixels = pl.Series("picture", frame.select("x", "y").to_numpy().tolist())
    (finding,) = audit({"train": pl.DataFrame([pixels, frame["kind"]])}).findings
    named = [int(a.rpartition(":")[2]) for a in finding.evidence["suspects"]]
    assert turned[named].mean() > 0.95
    ragged = pl.Series("picture", [[1.0] * (1 + i % 3) for i in range(800)])
    (outcome,) = audit({"train": pl.DataFrame([ragged, frame["kind"]])}).outcomes
    assert "no features that a probe can read" in outcome.reason


def test_the_rows_are_found_again(tmp_path):
    frame, _ = table(800, 0.1)
    frame.write_csv(tmp_path / "train.csv")
    report = audit(tmp_path)
    (finding,) = report.findings
    data = open_source(tmp_path)
    spelled = {data.locate("train", int(a)) for a in rows_named(data, report)["LB002"]}
    assert spelled == set(finding.evidence["suspects"])
    (told,) = report.plan().told
    assert (told.rule, told.repair) == ("LB002", "review-labels")
    assert not report.plan().steps


def test_same_bytes():
    frame, _ = table(700, 0.1)
    one, two = (audit({"train": frame}, threads=k).to_json(timing=False) for k in (1, 4))
    assert one == two


# -- pred_probs --------------------------------------------------------------------------------


def probabilities(frame: pl.DataFrame) -> np.ndarray:
    """What a good model would say: of the distance from the middle of each class, ash, elm, oak."""
    middle = np.array([[0, 0], [6, 0], [0, 6]])
    off = frame.select("x", "y").to_numpy()[:, None] - middle
    score = np.exp(-(off**2).sum(axis=2) / 2) + 1e-12
    return np.asarray(score / score.sum(axis=1, keepdims=True))


def test_own_probabilities_as_an_array_or_a_file(tmp_path):
    frame, turned = table(900, 0.1)
    p = probabilities(frame)
    (want,) = audit({"train": frame}, pred_probs={"train": p}).findings
    assert want.evidence["probe"] == "the given pred_probs"
    assert want.total == 900
    named = [int(a.rpartition(":")[2]) for a in want.evidence["suspects"]]
    assert turned[named].all()
    wide = pl.DataFrame(p[:, ::-1], schema=["oak", "elm", "ash"])
    wide.write_csv(tmp_path / "p.csv")
    wide.write_parquet(tmp_path / "p.parquet")
    np.savez(tmp_path / "p.npz", train=p)
    np.savez(tmp_path / "q.npz", train=p[:, [1, 0, 2]], classes=["elm", "ash", "oak"])
    np.save(tmp_path / "p.npy", p)
    for file in ("p.csv", "p.parquet", "p.npz", "q.npz", "p.npy"):
        for way in (str(tmp_path / file), (f"train={tmp_path / file}",)):
            (got,) = audit({"train": frame}, pred_probs=way).findings
            assert got.count == want.count
            assert list(got.evidence["suspects"]) == list(want.evidence["suspects"])


def test_numbers_as_classes_go_by_value():
    frame, _ = table(900, 0.1)
    codes = np.array([2, 10, 9])[[list(NAMES).index(k) for k in frame["kind"]]]
    p = probabilities(frame)[:, [0, 2, 1]]  # 2, 9, 10
    (finding,) = audit({"train": frame.with_columns(kind=pl.Series(codes))}, pred_probs=p,
                       task="classification").findings  # fmt: skip
    assert finding.count > 60


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p[:-1], "the split has 900"),
        (lambda p: p[:, :2] / p[:, :2].sum(axis=1, keepdims=True), "has 3 classes"),
        (lambda p: p * 2, "sum to 2"),
        (lambda p: np.where(p > 0.9, np.nan, p), "NaN or infinity"),
        (lambda p: p[:, 0], "shape"),
        (lambda p: {"test": p}, "no split"),
        (lambda p: "nowhere.npz", "cannot read"),
        (lambda p: "p.pkl", "no known kind"),
        (lambda p: [["a", "b", "c"]] * 900, "no number"),
        (lambda p: pl.DataFrame(p, schema=["ash", "elm", "yew"]), "no column for oak"),
    ],
)
def test_probabilities_that_do_not_fit_are_one_clear_line(change, said):
    frame, _ = table(900, 0.1)
    with pytest.raises(UsageError, match=said) as error:
        audit({"train": frame}, pred_probs=change(probabilities(frame)))
    assert error.value.hint


def test_pickles_are_never_loaded(tmp_path):
    np.savez(tmp_path / "p.npz", train=np.array([{"a": 1}], dtype=object))
    frame, _ = table(300, 0.1)
    with pytest.raises(UsageError, match="cannot read"):
        audit({"train": frame}, pred_probs=str(tmp_path / "p.npz"))
