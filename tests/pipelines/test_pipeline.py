"""The saved artefact: what it gives, what it refuses, what it survives."""

from __future__ import annotations

import json
import os

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from datacheck.dataset import Kind, Role
from datacheck.errors import DatacheckError, SourceError, UsageError
from datacheck.pipelines.pipeline import Pipeline, after
from datacheck.pipelines.saved.frame_schema import Field
from datacheck.pipelines.transforms import make
from tests.pipelines.transforms.frames import HOSTILE, blocks


def people(rows: int = 200, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "age": rng.normal(40, 10, rows),
            "fare": rng.lognormal(size=rows),
            "n": rng.integers(0, 9, rows),
            "town": rng.choice(["Brno", "Oslo", "Ulm", "x1"], rows),
            "flag": rng.random(rows) < 0.5,
            "survived": rng.integers(0, 2, rows),
        }
    )
    odd = pl.Series(rng.integers(0, 9, rows))
    return frame.with_columns(
        pl.when(odd == 3).then(None).otherwise(pl.col("age")).alias("age"),
        pl.when(odd == 4).then(float("inf")).otherwise(pl.col("fare")).alias("fare"),
        pl.when(odd == 5).then(None).otherwise(pl.col("town")).alias("town"),
    )


STEPS = (
    make("to_missing", ("age", "fare", "n"), values={"n": [8]}, infinite=True),
    make("impute", ("age", "fare", "n"), indicator=True),
    make("winsorize", ("fare",)),
    make("scale", ("age", "fare"), method="robust"),
    make("impute", ("town",), strategy="missing"),
    make("map_to_other", ("town",)),
    make("scale", ("age_missing",)),
    make("invert", ("n",), splits=("test",), maps={"n": [{"scale": 10.0}]}),
)
NUMERIC = (
    make("to_missing", ("age", "fare", "n"), values={"n": [8]}, infinite=True),
    make("map_values", ("n",), values={"n": [[7, 70]]}),
    make(
        "impute",
        ("age", "fare", "n"),
        strategy={"age": "knn", "fare": "knn", "n": "median"},
        indicator=True,
    ),
    make("winsorize", ("fare",), k=3.0),
    make("invert", ("fare",), maps={"fare": [{"function": "log1p"}, {"function": "expm1"}]}),
    make("scale", ("age", "fare"), method="standard"),
    make("scale", ("n",), method="minmax"),
    make("drop_columns", ("n",)),
)


@pytest.fixture(scope="module")
def fitted():
    return Pipeline(STEPS, loader={"class_weights": {"0": 1.25}}).fit(people(), label="survived")


@pytest.fixture(scope="module")
def joint():
    """One with all that is kept of rows and regressions."""
    near = make("impute", ("age", "fare"), strategy="knn")
    chain = make("impute", ("n", "fare", "age"), strategy="iterative", rounds=1)
    invert = make("invert", ("n",), maps={"n": [{"function": "exp"}, {"function": "round"}]})
    some = make("to_missing", ("n",), values={"n": [3]})
    return Pipeline([invert, near, some, chain]).fit(people(30), label="survived")


# -- fit and transform -------------------------------------------------------------------------


def test_each_transform_learns_from_what_the_earlier_ones_left(fitted):
    frame = people()
    rest = frame.drop("survived")
    for step, known in zip(STEPS, fitted.transforms, strict=True):
        if step.splits:
            continue
        own = step.learn(blocks(rest, 64))
        assert own.to_dict() == known.to_dict() or own.kind == "scale"  # by blocks: last bits
        rest = known.apply(rest)
    assert_frame_equal(fitted.transform(frame).drop("survived"), rest, check_exact=True)


def test_the_label_is_neither_read_nor_changed():
    asked = set()
    frame = people()

    def frames(columns):
        asked.update(columns)
        assert "survived" not in columns
        yield frame.select(columns)

    kinds = ["number", "number", "number", "category", "boolean", "number"]
    schema = {
        c: Field(Kind(k), Role.LABEL if c == "survived" else Role.FEATURE)
        for c, k in zip(frame.columns, kinds, strict=True)
    }
    pipe = Pipeline(STEPS).learn(frames, schema)
    assert "age" in asked
    assert pipe.transform(frame)["survived"].equals(frame["survived"])
    with pytest.raises(UsageError, match="would change 'survived', which is the label"):
        Pipeline([make("scale", ("survived",))]).fit(frame, label="survived")


def test_only_the_columns_that_are_needed_are_read():
    read = []
    frame = people()

    def frames(columns):
        read.append(columns)
        yield frame.select(columns)

    done = Pipeline(STEPS).fit(frame, label="survived").transforms
    list(after(frames, done[:5])(("town",)))
    list(after(frames, done[:5])(("age_missing",)))
    assert read == [("town",), ("age",)]


def test_a_label_need_not_be_there_and_strings_are_read_as_numbers(fitted):
    frame = people(seed=1)
    out = fitted.transform(frame)
    assert_frame_equal(fitted.transform(frame.drop("survived")), out.drop("survived"))
    texts = frame.with_columns(pl.col("age").cast(pl.String).fill_null("?"))
    assert_frame_equal(fitted.transform(texts), out, check_exact=True)


def test_what_is_for_one_split_is_for_that_split_alone(fitted):
    frame = people(seed=2)
    plain, train, test = (fitted.transform(frame, s) for s in (None, "train", "test"))
    assert_frame_equal(plain, train)
    assert_frame_equal(test["n"].to_frame(), plain["n"].to_frame() * 10.0)


def test_rows_one_by_one_are_the_rows_together(fitted):
    frame = people(30, seed=3)
    one_by_one = pl.concat([fitted.transform(frame[i]) for i in range(frame.height)])
    assert_frame_equal(one_by_one, fitted.transform(frame), check_exact=True)


def test_an_indicator_takes_no_name_that_is_taken():
    frame = pl.DataFrame({"a": [1.0, None], "a_missing": [5.0, 6.0]})
    pipe = Pipeline([make("impute", ("a",), indicator=True)]).fit(frame)
    assert pipe.transform(frame).to_dict(as_series=False) == {
        "a": [1.0, 1.0], "a_missing": [5.0, 6.0], "a_missing_2": [0, 1],
    }  # fmt: skip


def test_text_that_is_parsed_is_not_taken_for_numbers_before():
    frame = pl.DataFrame({"w": ["36,31 kg", "1,5", None, "x"]})
    pipe = Pipeline([make("parse", ("w",), decimal=",", unit="kg"), make("impute", ("w",))])
    assert pipe.fit(frame).transform(frame)["w"].to_list() == [36.31, 1.5, 18.905, 18.905]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name, tmp_path):
    frame = pl.DataFrame({name: ["1.5", "?", "3", "4"], "y": [1, 0, 1, 0]})
    steps = [make("impute", (name,), indicator=True), make("scale", (name,))]
    pipe = Pipeline(steps).fit(frame, label="y")
    pipe.save(tmp_path / "p.json")
    out = Pipeline.load(tmp_path / "p.json").transform(frame)
    assert out.columns == [name, "y", f"{name}_missing"]
    assert out.get_column(f"{name}_missing").to_list() == [0, 1, 0, 0]


def test_names_that_sources_give_fit_the_frame_as_it_was():
    schema = {"[*]": Field(Kind.NUMBER), "b": Field(Kind.NUMBER)}
    pipe = Pipeline([make("to_missing", ("[*]",), values={"[*]": [9]})], schema=schema)
    out = pipe.transform(pl.DataFrame({"*": [9.0, 1.0], "b": [1.0, 2.0]}))
    assert out.columns == ["*", "b"]
    assert out.get_column("*").to_list() == [None, 1.0]


# -- frames that do not fit --------------------------------------------------------------------


def test_what_differs_is_told_at_once(fitted):
    frame = people().drop("fare").with_columns(
        pl.lit("abc").alias("age"), pl.lit(0.5).alias("town"), pl.lit(1).alias("flag"), more=1
    )  # fmt: skip
    with pytest.raises(UsageError) as caught:
        fitted.transform(frame)
    told = str(caught.value)
    for part in (
        "missing: fare", "age is text here, number when fitted",
        "town is number here, category when fitted", "flag is number here, boolean when fitted",
        "not known when fitted: more",
    ):  # fmt: skip
        assert part in told


def test_further_columns_pass_as_they_are(fitted):
    frame = people(5)
    out = fitted.transform(frame.with_columns(id=pl.Series(["a", "b", "c", "d", "e"])))
    assert out["id"].to_list() == ["a", "b", "c", "d", "e"]


def test_whole_numbers_may_be_categories_and_missing_columns_may_be_dropped():
    frame = pl.DataFrame({"code": ["a", "7", "9"], "gone": [1.0, 2.0, 3.0]})
    pipe = Pipeline([make("map_to_other", ("code",)), make("drop_columns", ("gone",))]).fit(frame)
    assert pipe.transform(pl.DataFrame({"code": [7, 8]}))["code"].to_list() == ["7", "other"]


def test_unfitted_and_unlike_things_are_told():
    with pytest.raises(UsageError, match="not fitted"):
        Pipeline(STEPS).transform(people())
    with pytest.raises(UsageError, match="made of transforms"):
        Pipeline(["scale"])  # type: ignore[list-item] # what a person may write
    with pytest.raises(UsageError, match="names 'nope', which train lacks"):
        Pipeline([make("scale", ("nope",))]).fit(people())
    with pytest.raises(UsageError, match="no column 'nope' for the label"):
        Pipeline().fit(people(), label="nope")
    with pytest.raises(UsageError, match="dropped before"):
        Pipeline([make("drop_columns", ("age",)), make("scale", ("age",))]).fit(people())


# -- types in and out --------------------------------------------------------------------------


def test_pandas_in_pandas_out(fitted):
    frame = people(20, seed=4)
    given_ = pd.DataFrame({c: frame[c].to_list() for c in frame.columns}, index=range(100, 120))
    given_["when"] = pd.date_range("2020-01-01", periods=20, tz="Europe/Prague")
    out = fitted.transform(given_)
    assert isinstance(out, pd.DataFrame)
    assert list(out.index) == list(range(100, 120))
    assert out["when"].dtype == given_["when"].dtype
    assert out["survived"].dtype == given_["survived"].dtype
    want = fitted.transform(frame)
    for c in ("age", "fare", "n", "age_missing"):
        np.testing.assert_array_equal(out[c].to_numpy(dtype=float), want[c].cast(pl.Float64))
    assert out["town"].tolist() == want["town"].to_list()


def test_arrays_in_arrays_out():
    x = np.array([[1.0, np.nan], [3.0, 4.0]])
    out = Pipeline([make("impute", ("x1",), strategy="mean")]).fit(x).transform(x)
    np.testing.assert_array_equal(out, [[1.0, 4.0], [3.0, 4.0]])


def test_a_lazy_frame_stays_lazy(fitted):
    out = fitted.transform(people().lazy())
    assert isinstance(out, pl.LazyFrame)
    assert_frame_equal(out.collect(), fitted.transform(people()))


def test_scikit_learn(fitted):
    from sklearn.base import clone
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline

    frame = people()
    one = fitted.to_sklearn()
    assert_frame_equal(one.transform(frame), fitted.transform(frame), check_exact=True)
    out = fitted.transform(frame.drop("survived"))
    assert one.get_feature_names_out().tolist() == out.columns
    assert not hasattr(clone(one), "pipeline_")
    numbers = Pipeline(NUMERIC).fit(frame.select("age", "fare", "n")).to_sklearn()
    y = frame["survived"].to_numpy()
    x = frame.select("age", "fare", "n").to_pandas()
    model = make_pipeline(numbers, LogisticRegression())
    assert cross_val_score(model, x, y, cv=3).shape == (3,)
    assert numbers.pipeline_.fitted_on == Pipeline(NUMERIC).fit(x).fitted_on


# -- JSON --------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(st.integers(0, 1_000), st.sampled_from([STEPS, NUMERIC]))
def test_saved_and_loaded_gives_the_same_bits(tmp_path, seed, steps):
    pipe = Pipeline(steps, loader={"shuffle": True}, image={"size": [8, 8]})
    pipe = pipe.fit(people(60, seed), label="survived")
    pipe.save(tmp_path / "pipeline.json")
    again = Pipeline.load(tmp_path / "pipeline.json")
    assert again == pipe
    assert again.loader == {"shuffle": True}
    assert again.image == {"size": [8, 8]}
    other = people(40, seed + 1)
    assert_frame_equal(again.transform(other), pipe.transform(other), check_exact=True)


def test_the_file_says_what_it_was_fitted_on(fitted, tmp_path):
    fitted.save(tmp_path / "pipeline.json")
    found = json.loads((tmp_path / "pipeline.json").read_text())
    assert (found["format"], found["version"]) == ("datacheck-pipeline", 1)
    assert found["fitted_on"]["rows"] == 200
    assert found["schema"]["town"] == {"kind": "category", "role": "feature"}
    shuffled = Pipeline(STEPS).fit(
        people().sample(fraction=1.0, shuffle=True, seed=1), label="survived"
    )
    assert shuffled.fitted_on == fitted.fitted_on
    assert Pipeline(STEPS).fit(people(seed=9), label="survived").fitted_on != fitted.fitted_on


def test_the_old_file_stays_where_the_new_one_cannot_be_written(fitted, tmp_path, monkeypatch):
    path = tmp_path / "pipeline.json"
    path.write_text("old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SourceError, match="No space left"):
        fitted.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["pipeline.json"]
    assert path.read_text() == "old"
    with pytest.raises(SourceError, match="cannot be written"):
        Pipeline(loader={"w": float("nan")}).save(path)
    with pytest.raises(UsageError, match="not fitted"):
        Pipeline(STEPS).save(path)


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(allow_nan=False),
    st.text(max_size=8), st.just([]), st.just({}), st.just([[1]]), st.just({"float": "nan"}),
)  # fmt: skip


def places(node, path=()):
    yield path
    items = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, value in items:
        yield from places(value, (*path, key))


@settings(max_examples=300)
@given(st.data(), st.booleans())
def test_damaged_files_are_refused_or_harmless(fitted, joint, tmp_path, data, simple):
    """Whatever stands in the file: a pipeline or an error of ours, and no other."""
    found = json.loads(json.dumps((fitted if simple else joint).to_dict()))
    path = data.draw(st.sampled_from(list(places(found))))
    junk = data.draw(JUNK)
    node = found
    for key in path[:-1]:
        node = node[key]
    if not path:
        found = junk
    elif data.draw(st.booleans()):
        node[path[-1]] = junk
    elif isinstance(node, dict):
        node[str(junk)[:20]] = node.pop(path[-1])
    else:
        del node[path[-1]]
    where = tmp_path / "p.json"
    where.write_text(json.dumps(found))
    said: DatacheckError | None = None
    try:
        Pipeline.load(where).transform(people(5))
    except (SourceError, UsageError) as error:
        said = error
    assert said is None or said.hint


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"format": "datacheck-pipeline", "format": 1}', "'format' twice"),
        (b'{"format": "datacheck-pipeline", "version": NaN}', "NaN is no JSON"),
        (b'{"format": "other"}', "no datacheck pipeline"),
        (b"3", "no datacheck pipeline"),
        (b'{"format": "datacheck-pipeline", "version": 2}', "version 2"),
        (b'{"format": "datacheck-pipeline", "version": true}', "version True"),
        (b'{"format": "datacheck-pipeline", "version": 1}', "no list of transforms"),
        (
            b'{"format":"datacheck-pipeline","version":1,"transforms":[{"kind":"os.system"}]}',
            "no transform of kind 'os.system'",
        ),
        (b"1" * 10_000, "no JSON"),
    ],
)
def test_what_is_no_pipeline_is_told(tmp_path, content, told):
    path = tmp_path / "p.json"
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        Pipeline.load(path)
    assert told in str(caught.value)
    assert caught.value.hint


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        Pipeline.load(tmp_path / "nope.json")


# -- tensors -----------------------------------------------------------------------------------


@settings(max_examples=15)
@given(st.integers(0, 1_000), st.sampled_from(["knn", "iterative"]))
def test_tensors_give_the_same_numbers(seed, joint):
    import torch

    steps = [*NUMERIC[:2], make("impute", ("age", "fare", "n"), strategy=joint, rounds=3,
                                indicator=True), *NUMERIC[3:]]  # fmt: skip
    for some in (NUMERIC, steps):
        pipe = Pipeline(some).fit(people(60, seed), label="survived")
        module = pipe.to_torch(["fare", "n", "age"])
        other = people(25, seed + 1)
        x = torch.tensor(
            np.column_stack([other[c].cast(pl.Float64).to_numpy() for c in module.input_columns])
        )
        out = pipe.transform(other.select("fare", "n", "age", "town", "flag"))
        want = np.column_stack([out[c].cast(pl.Float64).to_numpy() for c in module.output_columns])
        assert module.output_columns == ["fare", "age", *pipe.transforms[2].added]
        np.testing.assert_allclose(module(x).numpy(), want, rtol=1e-12, atol=1e-12)
        assert module(x.to(torch.float32)).dtype == torch.float32
        assert not list(module.parameters())


def test_tensors_of_all_numbers_and_what_has_no_tensor():
    import torch

    pipe = Pipeline(STEPS).fit(people(), label="survived")
    module = pipe.to_torch()
    assert module.input_columns == ["age", "fare", "n", "flag"]
    assert module(torch.zeros(0, 4)).shape == (0, len(module.output_columns))
    loaded = pipe.to_torch()
    loaded.load_state_dict(module.state_dict())
    with pytest.raises(UsageError, match="'town' holds category"):
        pipe.to_torch(["age", "town"])
    with pytest.raises(UsageError, match="shape"):
        module(torch.zeros(3))
    parsing = Pipeline([make("winsorize", ("age",))]).fit(people(), label="survived")
    assert parsing.to_torch(["fare"]).output_columns == ["fare"]
    joint = Pipeline([make("impute", ("age", "fare"), strategy="knn")])
    with pytest.raises(UsageError, match="also needs fare"):
        joint.fit(people().with_columns(fare=pl.lit(1.0)), label="survived").to_torch(["age"])
