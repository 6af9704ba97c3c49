from __future__ import annotations

import itertools
import json
import os
import pickle

import numpy as np
import polars as pl
import pytest
import torch
from torch.multiprocessing.spawn import spawn

from datacheck.errors import DatacheckError, UsageError
from datacheck.pipelines.loaders import loaders
from datacheck.pipelines.storage.tables import ArrowTable, MemoryTable
from tests.pipelines.ranks import of_a_rank


def frame(n=100, seed=0, **more):
    random = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "a": random.normal(size=n),
            "b": random.integers(0, 50, n),
            "kind": random.choice(["red", "green", "blue"], n),
            "label": random.choice(["no", "yes"], n, p=[0.9, 0.1]),
            **more,
        }
    )


def texts(n=100, seed=0):
    random = np.random.default_rng(seed)
    words = np.array([f"word{i}" for i in range(30)])
    made = [" ".join(random.choice(words, k)) for k in random.integers(3, 40, n)]
    return frame(n, seed).select("label").with_columns(pl.Series("text", made))


def numbers(n=100, seed=0, **more):
    random = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "a": random.normal(size=n).astype(np.float32),
            "b": random.integers(0, 9, n),
            "label": random.integers(0, 3, n),
            **more,
        }
    )


def rows_of(loader):
    return [i for batch in loader for i in batch.rows.tolist()]


def same(one, two):
    assert torch.equal(one.rows, two.rows)
    for name in ("x", "categories", "y"):
        a, b = getattr(one, name), getattr(two, name)
        assert (a is None and b is None) or torch.equal(a, b)
    assert list(one.sequences) == list(two.sequences)
    for name, padded in one.sequences.items():
        assert torch.equal(padded.values, two.sequences[name].values)


# -- what batches hold ------------------------------------------------------------------------


def test_a_table():
    train = frame()
    made = loaders({"train": train, "test": frame(30, 1)}, batch_size=16, label="label")
    assert list(made) == ["train", "test"]
    assert made.classes == ["no", "yes"]
    assert len(made.train) == 7
    for batch in made.train:
        at = batch.rows.numpy()
        assert batch.x.tolist() == train[at].select("a", "b").cast(pl.Float32).to_numpy().tolist()
        assert batch.y.tolist() == [made.classes.index(v) for v in train[at]["label"]]
        codes = ["", *made.encoder.categories["kind"]]
        assert [codes[i] for i in batch.categories[:, 0]] == train[at]["kind"].to_list()
    assert sorted(rows_of(made.train)) == list(range(100))
    first = made["test"].table[0].addresses[0]
    assert rows_of(made["test"]) == list(range(first, first + 30)), "evaluation keeps its order"
    assert "100 rows in 7 batches" in repr(made)
    with pytest.raises(AttributeError, match="splits: train, test"):
        _ = made.validation


def test_train_is_shuffled_anew_each_epoch_and_the_same_by_seed():
    a, b = (loaders({"train": frame()}, label="label", seed=3).train for _ in range(2))
    one, two = rows_of(a), rows_of(a)
    assert one != two
    assert [rows_of(b), rows_of(b)] == [one, two]
    b.set_epoch(0)
    assert rows_of(b) == one
    assert rows_of(loaders({"train": frame()}, label="label", seed=4).train) != one
    assert rows_of(loaders({"train": frame()}, label="label", shuffle=False).train) == [*range(100)]


def test_texts_become_codes_of_words():
    train = texts()
    other = pl.DataFrame({"text": ["word1 never seen", "", "word2"], "label": ["no", "yes", "no"]})
    made = loaders({"train": train, "test": other}, label="label", batch_size=8)
    words = made.encoder.words["text"]
    assert sorted(words) == sorted({w for t in train["text"] for w in t.split()})
    for batch in made.train:
        padded = batch.sequences["text"]
        for text, codes, n in zip(
            train[batch.rows.numpy()]["text"], padded.values.tolist(), padded.lengths, strict=True
        ):
            assert [words[c - 2] for c in codes[:n]] == text.split()
            assert set(codes[n:]) <= {0}
        assert batch.tokens == int(batch.mask.sum())
        assert batch.padded == batch.mask.numel()
    one = words.index("word1") + 2
    (batch,) = made["test"]
    assert batch.sequence[0].tolist() == [one, 1, 1]
    assert batch.lengths.tolist() == [3, 0, 1]


def test_vocabulary_is_capped_at_the_most_frequent():
    text = ["a a a b b c"] * 10 + ["a b", "d e f"] * 5
    label = ["x", "y"] * 10
    made = loaders(
        {"train": pl.DataFrame({"text": text, "label": label})},
        label="label",
        texts=["text"],
        vocabulary=2,
    )
    assert made.encoder.words["text"] == ["a", "b"]


def test_lists_of_numbers_and_of_codes():
    random = np.random.default_rng(0)
    lists = [random.integers(2, 99, k).tolist() for k in random.integers(0, 9, 60)]
    source = {"train": frame(60, ids=lists, series=[[v / 2 for v in x] for x in lists])}
    made = loaders(source, label="label", token_ids=["ids"], batch_size=60, shuffle=False)
    (batch,) = made.train
    ids, series = batch.sequences["ids"], batch.sequences["series"]
    assert ids.values.dtype == torch.int64
    assert series.values.dtype == torch.float32
    assert torch.equal(ids.values / 2, series.values)
    assert ids.values[ids.mask].tolist() == [v for x in lists for v in x]
    with pytest.raises(UsageError, match="'a' holds no lists of token ids"):
        loaders(source, label="label", token_ids=["a"])


def test_regression_and_no_label():
    source = {"train": numbers(target=np.linspace(0, 1, 100))}
    batch = next(iter(loaders(source, label="target", task="regression").train))
    assert batch.y.dtype == torch.float32
    batch = next(iter(loaders({"train": numbers()}, label=False).train))
    assert batch.y is None
    assert batch.x.shape == (64, 3)


def test_a_test_split_without_labels():
    made = loaders({"train": frame(), "test": frame(20, 1).drop("label")}, label="label")
    assert next(iter(made["test"])).y is None
    assert next(iter(made.train)).y is not None


# -- where the rows come from -------------------------------------------------------------------


def files(folder, form, n=100):
    folder.mkdir()
    for i, name in enumerate(("train", "test")):
        one = numbers(n, i)
        path = folder / f"{name}.{form}"
        if form == "csv":
            one.write_csv(path)
        elif form == "parquet":
            one.write_parquet(path, row_group_size=30)
        else:
            one.write_ipc(path, compression="uncompressed", record_batch_size=30)
    return folder


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("form", ["csv", "parquet", "arrow"])
def test_all_formats_and_workers_give_the_same_batches(tmp_path, form, workers):
    source = files(tmp_path / "data", form)
    wanted = loaders({"train": numbers(), "test": numbers(seed=1)}, label="label", batch_size=9)
    made = loaders(source, label="label", workers=workers, cache=tmp_path / "cache", batch_size=9)
    assert made.mapped == (form == "arrow")
    assert isinstance(made.train.dataset, ArrowTable)
    assert isinstance(wanted.train.dataset, MemoryTable)
    for name in ("train", "test"):
        pairs = zip(made[name], wanted[name], strict=True)
        for got, want in pairs:
            got.rows &= (1 << 40) - 1
            want.rows &= (1 << 40) - 1
            if form == "csv":
                got.rows -= 2  # lines of the file, below the header
            same(got, want)


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_map_the_files_themselves(tmp_path, start):
    source = files(tmp_path / "data", "arrow", 20_000)
    made = loaders(
        source, label="label", workers=1, multiprocessing_context=start, batch_size=2_000
    )
    assert len(pickle.dumps(made.train.dataset)) < 2_000
    assert sorted(rows_of(made.train)) == list(range(20_000))


def test_a_cache_is_used_again_until_the_source_changes(tmp_path):
    source, cache = files(tmp_path / "data", "csv"), tmp_path / "cache"
    one = loaders(source, label="label", cache=cache)
    made = sorted(p.name for p in cache.iterdir())
    written = [p.stat().st_mtime_ns for p in cache.rglob("*.arrow")]
    two = loaders(source, label="label", cache=cache)
    assert sorted(p.name for p in cache.iterdir()) == made
    assert [p.stat().st_mtime_ns for p in cache.rglob("*.arrow")] == written
    for a, b in zip(one.train, two.train, strict=True):
        same(a, b)
    assert one.classes == two.classes
    numbers(50).write_csv(source / "train.csv")
    os.utime(source / "train.csv", ns=(1, 1))
    assert len(rows_of(loaders(source, label="label", cache=cache).train)) == 50
    assert len(list(cache.iterdir())) == 2
    assert not [p for p in cache.iterdir() if p.name.startswith(".")]


def test_what_is_large_goes_to_a_temporary_folder_that_goes_away(monkeypatch):
    from datacheck.pipelines.storage import encoded

    monkeypatch.setattr(
        encoded, "ArrowWriter", lambda folder: __import__(
            "datacheck.pipelines.storage.tables", fromlist=["ArrowWriter"]
        ).ArrowWriter(folder, part_bytes=1_000),
    )  # fmt: skip
    made = loaders({"train": texts()}, label="label", batch_size=10, shuffle=False)
    table = made.train.table
    assert isinstance(table, ArrowTable)
    path = table.paths[0]
    del table
    assert path.is_file()
    train = made.train
    del made
    assert rows_of(train) == list(range(100)), "it stays for as long as one of the loaders"
    del train
    assert not path.parent.parent.exists()


def test_a_split_column(tmp_path):
    whole = pl.concat([numbers(60, 0), numbers(40, 1)]).with_columns(
        fold=pl.Series(["train"] * 60 + ["test"] * 40)
    )
    whole.sample(100, seed=1, shuffle=True).write_csv(tmp_path / "all.csv")
    made = loaders(tmp_path / "all.csv", label="label", split_column="fold")
    assert {n: len(rows_of(one)) for n, one in made.items()} == {"train": 60, "test": 40}
    assert not set(rows_of(made["train"])) & set(rows_of(made["test"]))


# -- what stops it ------------------------------------------------------------------------------


HOLES = numbers(b=[None, *([5, 1, 7] * 33)]).with_columns(
    a=pl.when(pl.int_range(100) < 3).then(float("inf")).otherwise("a").cast(pl.Float32)
)


@pytest.mark.parametrize("form", ["memory", "arrow"])
def test_holes_are_told_by_column(tmp_path, form):
    source = {"train": HOLES}
    if form == "arrow":
        source = tmp_path / "train.arrow"
        HOLES.write_ipc(source, compression="uncompressed")
    with pytest.raises(
        UsageError, match=r"missing or infinite values in a \(3\), b \(1\)"
    ) as error:
        loaders(source, label="label")
    assert "datacheck fix" in error.value.hint
    made = loaders(source, label="label", missing="keep", shuffle=False)
    x = torch.cat([batch.x for batch in next(iter(made.values()))])
    assert torch.isnan(x[:, 1]).sum() == 1


def test_labels_that_are_missing_or_new():
    holed = frame().with_columns(label=pl.when(pl.int_range(100) < 4).then(None).otherwise("label"))
    with pytest.raises(UsageError, match="4 of 100 rows of train have no label"):
        loaders({"train": holed}, label="label")
    new = frame(20, 1).with_columns(label=pl.lit("maybe"))
    with pytest.raises(UsageError, match=r"test has classes that train lacks: maybe \(20\)"):
        loaders({"train": frame(), "test": new}, label="label")
    made = loaders({"train": holed, "test": new}, label="label", missing="keep")
    assert set(next(iter(made["test"])).y.tolist()) == {-100}
    assert sum((b.y == -100).sum().item() for b in made.train) == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch_size": 3, "max_tokens": 4}, "both given"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 1.5}, "batch_size is 1.5"),
        ({"batch_size": "32"}, "batch_size is '32'"),
        ({"max_tokens": True}, "max_tokens is True"),
        ({"missing": "magic"}, "missing is 'magic'"),
        ({"max_tokens": 100}, "needs sequences"),
        ({"rank": 1}, "go together"),
        ({"rank": 2, "world_size": 2}, "rank 2 of 2"),
        ({"balance": "classes", "shuffle": False}, "drawn at random"),
        ({"collate_fn": list}, "collate_fn is chosen here"),
        ({"cache": "cache"}, "no fingerprint"),
    ],
)
def test_options_that_do_not_fit(options, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=said):
        loaders({"train": numbers()}, label="label", **options)


@pytest.mark.parametrize("name", ["__x__", "__y__", "__categories__"])
def test_names_that_tables_keep(name):
    lists = pl.DataFrame({name: [[1.0, 2.0]] * 40, "a": [0.5] * 40, "label": [0, 1] * 20})
    with pytest.raises(UsageError, match="keep the name"):
        loaders({"train": lists}, label="label")
    plain = lists.with_columns(pl.lit(2.0).alias(name))  # numbers have no column of their own
    assert next(iter(loaders({"train": plain}, label="label").train)).x.shape == (40, 2)


def test_sources_that_do_not_fit():
    with pytest.raises(UsageError, match=r"no column is known to be the label.*columns: a, b"):
        loaders({"train": pl.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), ["a", "b"])})
    with pytest.raises(UsageError, match=r"no split is called train.*splits: one, two"):
        loaders({"one": frame(), "two": frame()}, label="label")
    with pytest.raises(UsageError, match="no feature"):
        loaders({"train": frame().select("label")}, label="label")
    with pytest.raises(DatacheckError):
        loaders("not there")


# -- sampling -----------------------------------------------------------------------------------


def test_balanced_classes():
    made = loaders({"train": frame(400)}, label="label", balance="classes", batch_size=20)
    shares = [b.y.float().mean().item() for b in made.train]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.01)
    with pytest.raises(UsageError, match="names classes"):
        loaders(
            {"train": numbers(target=np.linspace(0, 1, 100))},
            label="target", task="regression", balance="classes",
        )  # fmt: skip


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loop_goes_on_exactly(workers):
    def make():
        return loaders({"train": frame()}, label="label", batch_size=7, workers=workers).train

    whole = make()
    epochs = [rows_of(whole), rows_of(whole)]
    stopped = make()
    taken = list(itertools.islice(stopped, 5))
    state = json.loads(json.dumps(stopped.state_dict()))
    assert state["step"] == 5, "what the workers have fetched ahead does not count"
    later = make()
    later.load_state_dict(state)
    first = [i for b in taken for i in b.rows.tolist()]
    assert first + rows_of(later) == epochs[0]
    assert rows_of(later) == epochs[1]
    assert later.state_dict()["epoch"] == 2
    left = make()
    next(iter(left))
    assert rows_of(left) == epochs[0], "a loop that was left begins its epoch anew"


@pytest.mark.parametrize("options", [{"batch_size": 8}, {"max_tokens": 200}], ids=str)
def test_every_row_once_over_all_ranks(options):
    source = {"train": texts(), "test": texts(30, 1)}
    ranks = [loaders(source, label="label", rank=r, world_size=2, **options) for r in range(2)]
    for name, n in (("train", 100), ("test", 30)):
        parts = [rows_of(one[name]) for one in ranks]
        assert len(set(parts[0]) | set(parts[1])) == len(parts[0]) + len(parts[1]) == n
    assert len(ranks[0].train) == len(ranks[1].train)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bucketed_loop_goes_on_exactly(workers):
    def make():
        return loaders(
            {"train": texts(300)}, label="label", max_tokens=200, workers=workers
        ).train  # fmt: skip

    whole, stopped, later = make(), make(), make()
    epochs = [rows_of(whole), rows_of(whole)]
    taken = [i for b in itertools.islice(stopped, 6) for i in b.rows.tolist()]
    later.load_state_dict(json.loads(json.dumps(stopped.state_dict())))
    assert taken + rows_of(later) == epochs[0]
    assert rows_of(later) == epochs[1]


def test_steps_weigh_batches_by_their_tokens():
    made = loaders({"train": texts(300)}, label="label", max_tokens=200, accumulate=3)
    for step in made.train.steps():
        batches = list(step)
        total = sum(b.tokens for b, _ in batches)
        assert [w for _, w in batches] == pytest.approx([b.tokens / total for b, _ in batches])
    plain = loaders({"train": frame()}, label="label")
    assert [[w for _, w in step] for step in plain.train.steps()] == [[1.0], [1.0]]


def test_a_token_budget_bounds_batches():
    made = loaders({"train": texts(400), "test": texts(50, 1)}, label="label", max_tokens=300)
    for loader in made.values():
        batches = list(loader)
        assert max(b.padded for b in batches) <= 300
    rows = sorted(i for b in made.train for i in b.rows.tolist())
    assert rows == list(range(400))


# -- repaired folders ---------------------------------------------------------------------------


def test_a_pipeline_repairs_every_split_alike():
    from datacheck.pipelines.pipeline import Pipeline
    from datacheck.pipelines.transforms.scale import Scale

    train, test = frame(), frame(30, 1)
    pipeline = Pipeline([Scale(("a", "b"))]).fit(train, label="label")
    made = loaders(
        {"train": train, "test": test}, label="label", pipeline=pipeline, shuffle=False,
        batch_size=100,
    )  # fmt: skip
    for name, raw in (("train", train), ("test", test)):
        wanted = pipeline.transform(raw).select("a", "b").cast(pl.Float32).to_numpy()
        assert np.array_equal(next(iter(made[name])).x.numpy(), wanted)


def artefact(path, loader):
    from datacheck.pipelines.pipeline import Pipeline

    Pipeline([], loader=loader).save(path)


def test_what_a_repaired_folder_asks_of_the_loader(tmp_path):
    folder = files(tmp_path / "data", "csv")
    weights = {"0": 0.5, "1": 1.0, "2": 2.0}
    artefact(folder / "pipeline.json", {"class_weights": weights, "balanced_sampler": True})
    made = loaders(folder, label="label", batch_size=30)
    assert made.class_weights is not None
    assert made.class_weights.tolist() == [0.5, 1.0, 2.0]
    counts = [np.bincount(b.y, minlength=3) for b in made.train]
    assert np.sum(counts, 0).tolist() == pytest.approx([33.3] * 3, abs=1)
    artefact(folder / "pipeline.json", {"class_weights": {"0": 1.0}})
    with pytest.raises(UsageError, match="no weight for the class '1'"):
        loaders(folder, label="label")


def test_buckets_of_a_repaired_folder(tmp_path):
    texts(300).write_csv(tmp_path / "train.csv")
    texts(30, 1).write_csv(tmp_path / "test.csv")
    told = {"length_bucketing": {"column": "text", "edges": [10, 20, 40]}, "token_budget": 250}
    artefact(tmp_path / "pipeline.json", told)
    made = loaders(tmp_path, label="label")
    assert max(b.padded for b in made.train) <= 250
    assert len(rows_of(made.train)) == 300


# -- torch.distributed --------------------------------------------------------------------------


def test_two_processes_share_each_epoch(tmp_path):
    files(tmp_path / "data", "csv", 101)
    spawn(of_a_rank, (tmp_path,), nprocs=2)
    told = [json.loads((tmp_path / f"rank{r}.json").read_text()) for r in range(2)]
    steps = [len(out) for out, _ in told]
    assert steps[0] == steps[1]
    epochs = []
    for epoch in range(2):
        parts = [[i for e, rows, _ in out for i in rows if e == epoch] for out, _ in told]
        assert not set(parts[0]) & set(parts[1])
        assert sorted(parts[0] + parts[1]) == [2 + i for i in range(101)]
        epochs.append(parts)
    assert epochs[0] != epochs[1]
    both = [i & ((1 << 40) - 1) for _, rows in told for i in rows]
    assert sorted(both) == [2 + i for i in range(101)]
    assert len(list((tmp_path / "cache").iterdir())) == 1, "one rank's cache serves both"


def test_an_option_that_no_loader_takes_is_told():
    with pytest.raises(UsageError, match="takes no prefech") as told:
        loaders({"train": frame()}, label="label", prefech=3)
    assert "drop_last" in told.value.hint


def test_a_split_without_rows_is_said():
    made = loaders({"train": frame(), "test": frame(5).clear()}, label="label")
    assert list(made) == ["train"]
    assert "test has no rows, and no loader" in made.notes
