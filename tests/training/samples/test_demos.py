"""Demonstrations: the same each time, readable, and with the fault they are about."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from datacheck.errors import UsageError
from datacheck.training import presets
from datacheck.training.samples import demos
from datacheck.training.samples.shapes import shaped
from datacheck.training.tasks import open_dataset


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demos")
    return {name: demos.write(name, folder / name) for name in demos.DEMOS}


def test_each_preset_has_one():
    assert set(demos.DEMOS) == set(presets.PRESETS)


@pytest.mark.parametrize("name", demos.DEMOS)
def test_they_can_be_read_and_fit_their_preset(written, name):
    data = open_dataset(written[name])
    assert set(data.splits) == {"train", "test"}
    assert not data.problems
    assert shaped(data, written[name]).shape in presets.PRESETS[name].shapes
    assert (written[name] / "README.md").read_text().startswith(f"# {name}\n")


@pytest.mark.parametrize("name", ["image-classifier", "averaging", "encoder-decoder", "table"])
def test_the_same_seed_gives_the_same_bytes(written, name, tmp_path):
    again = demos.write(name, tmp_path / "again")
    for path in written[name].iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()
    other = demos.write(name, tmp_path / "other", seed=1)
    data = next(p for p in sorted(other.iterdir()) if p.name != "README.md")
    assert data.read_bytes() != (again / data.name).read_bytes()


def test_three_in_a_hundred_documents_are_junk(written):
    lines = (written["decoder"] / "README.junk").read_text().splitlines()
    rows = [json.loads(line)["row"] for line in lines]
    texts = pl.read_ndjson(written["decoder"] / "train.jsonl")["text"].to_list()
    assert len(rows) == round(demos.JUNK * len(texts))
    junk = [w for r in rows for w in texts[r - 1].split()]
    real = [w for i, t in enumerate(texts, 1) if i not in set(rows) for w in t.split()]
    common = set(pl.Series(real).value_counts().top_k(50, by="count")[""].to_list())
    assert np.mean([w in common for w in junk]) < 0.15
    assert np.mean([w in common for w in real]) > 0.35


def test_half_of_the_echoes_are_a_thousand_long(written):
    frame = pl.read_ndjson(written["encoder-decoder"] / "train.jsonl")
    lengths = frame["source"].list.len().to_numpy()
    assert 0.4 < np.mean(lengths == 1000) < 0.6
    assert lengths.max() == 1000
    assert frame["source"].list.tail(4).to_list() == frame["target"].to_list()


def test_nothing_is_overwritten(tmp_path):
    with pytest.raises(UsageError, match="cannot make"):
        demos.write("table", tmp_path)
    with pytest.raises(UsageError, match="no demonstration 'nope'"):
        demos.write("nope", tmp_path / "x")
