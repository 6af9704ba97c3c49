"""Tokens are those of the file, whatever it would cut off or pad; bad files are told in a line."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import datacheck
from datacheck.dataset import Measure
from datacheck.summaries.lengths import lengths_of
from datacheck.summaries.tokenizing import counts, encoded, load

tokenizers = pytest.importorskip("tokenizers")


@pytest.fixture
def path(tmp_path):
    """Lower case, words and punctuation, [CLS] and [SEP] around; cut at 4, padded to 9."""
    words = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "tree": 4, "!": 5}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    made.normalizer = tokenizers.normalizers.Lowercase()
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    made.enable_truncation(4)
    made.enable_padding(length=9)
    made.save(str(tmp_path / "tokenizer.json"))
    return str(tmp_path / "tokenizer.json")


def test_the_files_own_processing_and_nothing_cut_off(path):
    texts = pl.Series(["A tree!!", "nothing known here", "", None])
    (ids,) = encoded(texts, path)
    assert ids == [[1, 3, 4, 5, 5, 2], [1, 0, 0, 0, 2], [1, 2], [1, 2]]
    assert counts(texts, path).tolist() == [6, 5, 2, 2]


def test_lengths_of_blank_and_missing_texts(path):
    texts = pl.Series("t", ["A tree!!", " \n", None])
    assert lengths_of(texts, Measure("tokens", path)).to_list() == [6, 0, None]
    assert lengths_of(texts, Measure("characters")).to_list() == [8, 0, None]
    assert lengths_of(texts).to_list() == [2, 0, None]


def test_an_audit_in_tokens(path, tmp_path):
    texts = ["tree! " * (i % 7 + 1) + f"{i}" for i in range(99)] + ["tree" + "!" * 200]
    (tmp_path / "train.txt").write_text("".join(f"{t}\n" for t in texts))
    file = str(tmp_path / "train.txt")
    words = datacheck.audit(file, select="SL004")
    tokens = datacheck.audit(file, select="SL004", tokenizer=path)
    assert words.of("SL004") == []
    (found,) = tokens.of("SL004")
    assert found.evidence["longest"] == {"text": 203}
    assert any(f"in tokens of {path}" in a for a in tokens.assumptions)
    characters = datacheck.audit(file, select="SL004", length_unit="characters")
    assert any("counted in characters" in a for a in characters.assumptions)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"model": {"type": "pickle"}}', "\x00"])
def test_files_that_are_no_tokenizers(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(datacheck.UsageError, match="is no tokenizer") as error:
        load(str(tmp_path / "x.json"))
    assert "tokenizer.json" in error.value.hint


def test_no_file_and_no_package(tmp_path, path, monkeypatch):
    with pytest.raises(datacheck.UsageError, match="cannot read the tokenizer"):
        load(str(tmp_path / "gone.json"))
    with pytest.raises(datacheck.UsageError, match="need a tokenizer"):
        datacheck.audit(pl.DataFrame({"a": ["x"]}), length_unit="tokens")
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    other = tmp_path / "other.json"
    other.write_text(json.dumps({}))
    with pytest.raises(datacheck.UsageError, match="needs the package tokenizers") as error:
        load(str(other))
    assert "pip install" in error.value.hint


def test_texts_are_encoded_alike_however_many_at_a_time(path, monkeypatch):
    texts = pl.Series(["a tree", "a", "tree ! !", None, "a a a a a"])
    whole = counts(texts, path).tolist()
    assert whole == [4, 3, 5, 2, 7]
    for size in (1, 2, 4, 5, 6):
        monkeypatch.setattr("datacheck.summaries.tokenizing.PIECE", size)
        assert counts(texts, path).tolist() == whole
        pieces = list(encoded(texts, path))
        assert [len(p) for p in pieces[:-1]] == [size] * (len(pieces) - 1)
        assert [len(ids) for piece in pieces for ids in piece] == whole


def test_a_tokenizer_of_256_mebibytes_is_read_and_no_larger_one(tmp_path, monkeypatch):
    monkeypatch.setattr("datacheck.summaries.tokenizing._loaded", lambda *_: "loaded")
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(256 << 20)
    assert load(str(path)) == "loaded"
    with path.open("ab") as file:
        file.truncate((256 << 20) + 1)
    with pytest.raises(datacheck.UsageError, match="more than 256 MiB"):
        load(str(path))


def test_a_tokenizer_has_a_largest_size(path, monkeypatch):
    size = Path(path).stat().st_size
    monkeypatch.setattr("datacheck.summaries.tokenizing.LARGEST", size)
    assert load(path)
    monkeypatch.setattr("datacheck.summaries.tokenizing.LARGEST", size - 1)
    with pytest.raises(datacheck.UsageError, match="which no tokenizer does"):
        load(path)
