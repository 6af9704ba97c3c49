"""Loaders of texts and pairs: both sides padded with masks, by words or by a tokenizer's ids."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import datacheck
from datacheck.errors import UsageError
from datacheck.pipelines.bucketing import BucketBatchSampler
from tests.sources.test_texts import lines, write

FIXTURES = Path(__file__).parents[2] / "fixtures"


def test_both_sides_of_pairs_are_padded():
    made = datacheck.loaders(FIXTURES / "pairs", batch_size=16)
    seen = 0
    for batch in made["train"]:
        assert set(batch.sequences) == {"en", "de"}
        assert batch.y is None
        for side in batch.sequences.values():
            assert side.values.shape == side.mask.shape
            assert torch.equal(side.mask.sum(1), side.lengths)
            assert (side.values[~side.mask] == 0).all()
        seen += len(batch)
    assert seen == 400
    assert any("de is to be said" in note for note in made.notes)


def test_a_budget_bounds_each_side():
    made = datacheck.loaders(FIXTURES / "pairs", max_tokens=500, accumulate=2)
    rows, padded = [], 0
    for batch in made["train"]:
        for side in batch.sequences.values():
            assert side.values.numel() <= 500 or len(batch) == 1
        rows += batch.rows.tolist()
        padded += batch.padded - batch.tokens
    assert len(set(rows)) == len(rows) == 400
    plain = sum(b.padded - b.tokens for b in datacheck.loaders(FIXTURES / "pairs")["train"])
    assert padded < 0.5 * plain


def test_a_folder_of_texts(tmp_path):
    shutil.copytree(FIXTURES / "reviews", tmp_path / "reviews")
    made = datacheck.loaders(tmp_path / "reviews", batch_size=7)
    assert made.classes == ["neg", "pos"]
    batches = list(made["train"])
    assert sum(len(b) for b in batches) == 28
    assert int(torch.cat([b.y for b in batches]).sum()) == 14


def test_tags_stand_beside_their_tokens(tmp_path):
    body = "".join(f"a{i % 7} O\nb{i % 5} B-X\n\n" for i in range(30))
    write(tmp_path, {"train.conll": body, "test.conll": "c O\n\n"})
    batch = next(iter(datacheck.loaders(tmp_path, batch_size=5)["train"]))
    assert torch.equal(batch.sequences["tokens"].mask, batch.sequences["tags"].mask)


def test_ids_of_a_tokenizer(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    words = {"[UNK]": 0, "tree": 1, "house": 2, "river": 3, "[E]": 4}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A [E]", special_tokens=[("[E]", 4)]
    )
    path = tmp_path / "tokenizer.json"
    made.save(str(path))
    write(tmp_path / "data", {"train.en": lines(40), "train.de": lines(40, 100)})
    found = datacheck.loaders(tmp_path / "data", batch_size=4, shuffle=False, tokenizer=path,
                              cache=tmp_path / "cache")  # fmt: skip
    text = lines(40).splitlines()
    for batch in found["train"]:
        side = batch.sequences["en"]
        for values, mask, row in zip(side.values, side.mask, batch.rows.tolist(), strict=True):
            assert values[mask].tolist() == made.encode(text[row - 1]).ids
    assert found.encoder.tokenized == ("en", "de")
    plain = datacheck.loaders(tmp_path / "data", batch_size=4, cache=tmp_path / "cache")
    assert plain.encoder.tokenized == ()
    with pytest.raises(UsageError, match="cannot read the tokenizer"):
        datacheck.loaders(tmp_path / "data", tokenizer=tmp_path / "gone.json")


PAIRED = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=80)


@given(PAIRED, st.integers(1, 4), st.integers(1, 300))
def test_rows_of_two_lengths_come_once_within_the_budget(pairs, accumulate, budget):
    lengths = np.array(pairs)
    sampler = BucketBatchSampler(lengths, budget, accumulate=accumulate)
    batches = list(sampler)
    assert sorted(i for b in batches for i in b) == list(range(len(pairs)))
    for batch in batches:
        assert len(batch) * lengths[batch].max(axis=0).max() <= budget or len(batch) == 1
    sampler.set_epoch(0)
    k, weights = sampler.accumulate, sampler.weights()
    for at in range(0, len(batches), k):
        held = [int(lengths[b][:, 1].sum()) for b in batches[at : at + k]]
        if sum(held):
            assert weights[at : at + k] == pytest.approx(np.array(held) / sum(held))


@pytest.mark.parametrize("bad", [np.zeros((3, 0)), np.zeros((2, 2, 2)), [[1, -1]], [[0.5, 1]]])
def test_lengths_that_are_none(bad):
    with pytest.raises(UsageError, match="lengths"):
        BucketBatchSampler(bad, 10)
