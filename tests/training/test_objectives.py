"""Objectives agree with torch's own losses and with scikit-learn's scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, r2_score
from torch import nn
from torch.nn import functional

from datacheck.errors import UsageError
from datacheck.pipelines.collate import IGNORED, Batch, pad
from datacheck.training import objectives as o
from datacheck.training.loop import inputs

SEEDS = st.integers(0, 2**20)


def table_batch(seed, *, rows=12, features=3, classes=4, missing=0):
    make = torch.Generator().manual_seed(seed)
    y = torch.randint(classes, (rows,), generator=make)
    y[:missing] = IGNORED
    return Batch(torch.arange(rows), x=torch.randn(rows, features, generator=make), y=y)


def token_batch(seed, *, rows=5, vocabulary=7, longest=9):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, longest, rows)
    lengths[0] = longest
    offsets = np.concatenate([[0], lengths.cumsum()])
    padded = pad(rng.integers(2, vocabulary, offsets[-1]), offsets)
    y = torch.from_numpy(rng.integers(0, 3, rows))
    return Batch(
        torch.arange(rows),
        sequences={"text": padded},
        y=y,
        tokens=int(offsets[-1]),
        padded=padded.mask.numel(),
    )


class Bigrams(nn.Module):
    """Logits that depend on the token before alone."""

    def __init__(self, vocabulary):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, vocabulary)
        self.seen = []

    def forward(self, tokens, mask):
        self.seen.append((tokens, mask))
        return self.embed(tokens)


def linear(batch, *_):
    return lambda x, *_: x @ torch.linspace(-1, 1, 12).reshape(3, 4)


@given(SEEDS, st.integers(0, 11))
def test_classification_is_the_cross_entropy_of_torch(seed, missing):
    batch = table_batch(seed, missing=missing)
    model = linear(batch)
    losses = o.Classification()(model, batch)
    torch.testing.assert_close(
        losses.mean, functional.cross_entropy(model(batch.x), batch.y, ignore_index=IGNORED)
    )
    assert losses.count == 12 - missing
    torch.testing.assert_close(losses.per_row.sum() / losses.count, losses.mean)


@given(SEEDS)
def test_class_weights_are_those_of_torch(seed):
    batch, weights = table_batch(seed, missing=2), torch.tensor([0.1, 1.0, 4.0, 2.0])
    model = linear(batch)
    losses = o.Classification(class_weights=weights)(model, batch)
    torch.testing.assert_close(losses.mean, functional.cross_entropy(
        model(batch.x), batch.y, weight=weights, ignore_index=IGNORED))  # fmt: skip
    plain = o.Classification()(model, batch)
    torch.testing.assert_close(losses.per_row, plain.per_row)


def test_a_batch_without_labels_has_loss_zero():
    batch = table_batch(0, missing=12)
    for objective in (o.Classification(), o.Classification(class_weights=torch.ones(4))):
        assert float(objective(linear(batch), batch).mean) == 0


@given(SEEDS)
def test_scores_are_those_of_scikit_learn(seed):
    batch = table_batch(seed, missing=3)
    judged = o.Classification(balanced=True).judge(linear(batch), batch)
    true, got = judged.target.numpy(), judged.predicted.numpy()
    assert IGNORED not in true
    score = o.Classification(balanced=True).score(judged.predicted, judged.target)
    expected = np.mean([(got[true == c] == c).mean() for c in np.unique(true)])
    assert score == pytest.approx(expected)
    if set(got) <= set(true):  # scikit-learn warns otherwise
        assert score == pytest.approx(balanced_accuracy_score(true, got))
    plain = o.Classification().score(judged.predicted, judged.target)
    assert plain == pytest.approx((true == got).mean())
    assert float(judged.correct.sum()) == (true == got).sum()


@given(SEEDS, st.floats(-100, 100), st.floats(0.1, 100))
def test_regression_is_in_the_units_of_its_target(seed, center, scale):
    batch = table_batch(seed)
    batch.y = batch.x @ torch.tensor([1.0, -1.0, 0.5]) * scale + center
    batch.y[0] = float("nan")
    objective = o.Regression(center=center, scale=scale)

    def model(x, *_):
        return (x @ torch.tensor([1.0, -1.0, 0.0]))[:, None]

    judged = objective.judge(model, batch)
    assert judged.losses.count == 11
    true, got = judged.target.double().numpy(), judged.predicted.double().numpy()
    wanted = ((true - got) ** 2).mean() / scale**2
    assert float(judged.losses.mean) == pytest.approx(wanted, rel=1e-3, abs=1e-4)
    assert objective.score(judged.predicted, judged.target) == pytest.approx(r2_score(true, got))
    torch.testing.assert_close(objective.predict(model, batch)[1:], judged.predicted)


def test_an_infinite_target_is_no_secret():
    batch = table_batch(0)
    batch.y = batch.x[:, 0].clone()
    batch.y[3] = float("inf")
    assert torch.isinf(o.Regression()(lambda x, *_: x[:, :1], batch).mean)


@given(SEEDS)
def test_a_language_model_is_asked_for_each_real_token_once(seed):
    batch, model = token_batch(seed), Bigrams(8)
    losses = o.CausalLM(start=7)(model, batch)
    total, count = 0.0, 0
    for row, length in zip(batch.sequence.tolist(), batch.lengths.tolist(), strict=True):
        before = torch.tensor([7, *row[: length - 1]])[:length]
        logits = model.embed(before)
        wanted = torch.tensor(row[:length], dtype=torch.int64)
        total += float(functional.cross_entropy(logits, wanted, reduction="sum").detach())
        count += length
    assert losses.count == count == batch.tokens
    assert losses.mean.item() == pytest.approx(total / count, rel=1e-5)
    weights = batch.lengths / batch.tokens
    torch.testing.assert_close((losses.per_row * weights).sum(), losses.mean)


@given(SEEDS)
def test_padding_is_predicted_only_by_mistake(seed):
    batch, model = token_batch(seed), Bigrams(8)
    asked = o.CausalLM(start=7).judge(model, batch)
    assert len(asked.target) == batch.tokens
    assert (asked.target >= 2).all()
    wrong = o.CausalLM(start=7, masked=False).judge(model, batch)
    assert len(wrong.target) == batch.padded
    assert wrong.losses.count == batch.padded


def test_what_is_not_finite_in_padding_stays_there():
    batch = token_batch(1)

    def model(tokens, mask):
        logits = torch.zeros(*tokens.shape, 8)
        return torch.where(batch.mask[..., None], logits, torch.nan)

    assert float(o.CausalLM(start=7)(model, batch).mean) == pytest.approx(np.log(8))


def test_the_tokens_are_shifted_with_their_mask():
    batch, model = token_batch(3), Bigrams(8)
    o.CausalLM(start=7)(model, batch)
    tokens, mask = model.seen[0]
    assert (tokens[:, 0] == 7).all()
    assert mask[:, 0].all()
    assert torch.equal(tokens[:, 1:], batch.sequence[:, :-1])
    assert torch.equal(mask[:, 1:], batch.mask[:, :-1])


def test_a_sequence_is_named():
    batch = token_batch(2)
    batch.sequences = {**batch.sequences, "target": pad(np.arange(2, 7), np.arange(6))}
    seen = []

    def model(*given):
        seen.append(given)
        return torch.zeros(5, 1, 8)

    objective = o.SequenceToSequence(start=7, source="text", column="target")
    assert objective(model, batch).count == 5
    source, mask, shifted = seen[0]
    assert torch.equal(source, batch.sequences["text"].values)
    assert torch.equal(mask, batch.sequences["text"].mask)
    assert shifted.tolist() == [[7]] * 5
    with pytest.raises(UsageError, match=r"no sequence .nope..*text, target"):
        o.CausalLM(start=7, column="nope")(model, batch)


def test_labels_are_needed():
    batch = table_batch(0)
    batch.y = None
    for objective in (o.Classification(), o.Regression()):
        with pytest.raises(UsageError, match="no label"):
            objective(linear(batch), batch)
    with pytest.raises(UsageError, match="greater than 0"):
        o.Regression(scale=0.0)


@given(SEEDS)
def test_an_average_is_that_of_probabilities(seed):
    logits = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(seed))
    got = o.Classification().average(logits).exp()
    torch.testing.assert_close(got, logits.softmax(-1).mean(0))
    torch.testing.assert_close(o.Regression().average(logits), logits.mean(0))


def test_sequence_classification_reads_the_sequence():
    batch = token_batch(4)
    seen = []

    def model(tokens, mask):
        seen.append((tokens, mask))
        return torch.zeros(len(tokens), 3)

    right = o.SequenceClassification()
    wrong = o.SequenceClassification(inputs=inputs.unmasked_sequence)
    assert float(right(model, batch).mean) == pytest.approx(np.log(3))
    wrong(model, batch)
    assert torch.equal(seen[0][1], batch.mask)
    assert seen[1][1] is None
    assert right.score_name == "accuracy"
    assert o.Classification(balanced=True).score_name == "balanced accuracy"
