"""What a model's output may depend on, and on what not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from datacheck.errors import UsageError
from datacheck.training import determinism
from datacheck.training.models import (
    MLP,
    Decoder,
    EncoderDecoder,
    RecurrentClassifier,
    ResidualCNN,
)
from datacheck.training.models.blocks import ACTIVATIONS
from datacheck.training.models.rnn import CELLS, Recurrent

SEEDS = st.integers(0, 2**20)
few = settings(max_examples=8)  # a forward pass is not free
VOCABULARY = 11


def ragged(seed, rows=4, longest=9, extra=0, codes=True):
    """Values and mask; ``extra`` places of other padding change nothing that is real."""
    make = np.random.default_rng(seed)
    lengths = make.integers(1, longest + 1, rows)
    lengths[0] = longest
    values = make.integers(2, VOCABULARY, (rows, longest))
    mask = np.arange(longest + extra) < lengths[:, None]
    whole = np.concatenate([values, np.full((rows, extra), 3)], 1)
    out = torch.from_numpy(whole) if codes else torch.from_numpy(whole).float()
    return out, torch.from_numpy(mask)


def model_of(name, seed=0):
    if name == "decoder":
        made: nn.Module = Decoder(VOCABULARY, classes=3, width=16, dropout=0.0)
    elif name == "mlp":
        made = MLP(0, 3, sequences=(VOCABULARY,))
    else:
        made = RecurrentClassifier(VOCABULARY, 3, hidden=8, cell=name)
    return determinism.init(made, seed).eval()


def call(model, tokens, mask):
    return model(None, None, tokens, mask) if isinstance(model, MLP) else model(tokens, mask)


@pytest.mark.parametrize("name", ["decoder", "mlp", *CELLS])
@few
@given(seed=SEEDS, extra=st.integers(1, 5))
def test_padding_changes_no_class(name, seed, extra):
    model = model_of(name)
    tokens, mask = ragged(seed)
    longer = ragged(seed, extra=extra)
    torch.testing.assert_close(call(model, tokens, mask), call(model, *longer))
    other = longer[0].masked_fill(~longer[1], 7)  # what padding holds
    torch.testing.assert_close(call(model, tokens, mask), call(model, other, longer[1]))
    if extra > 1 and name not in CELLS:  # without a mask it does, and that is the mistake
        assert not torch.allclose(call(model, longer[0], None), call(model, *longer))


@few
@given(seed=SEEDS, at=st.integers(0, 8))
def test_a_decoder_sees_no_later_token(seed, at):
    model = determinism.init(Decoder(VOCABULARY, width=16, dropout=0.0), 0).eval()
    tokens, mask = ragged(seed)
    before = model(tokens, mask)
    assert before.shape == (4, 9, VOCABULARY)
    changed = tokens.clone()
    changed[:, at] = (changed[:, at] + 1) % VOCABULARY
    after = model(changed, mask)
    torch.testing.assert_close(before[:, :at], after[:, :at])
    assert not torch.allclose(before[0, at:], after[0, at:])


@pytest.mark.parametrize("cell", CELLS)
def test_an_encoder_decoder_reads_the_source_and_what_was_said(cell):
    model = determinism.init(EncoderDecoder(VOCABULARY, VOCABULARY, hidden=8, cell=cell), 1).eval()
    source, mask = ragged(3)
    target = torch.randint(2, VOCABULARY, (4, 6), generator=torch.Generator().manual_seed(0))
    before = model(source, mask, target)
    assert before.shape == (4, 6, VOCABULARY)
    longer, wider = ragged(3, extra=4)
    torch.testing.assert_close(before, model(longer, wider, target))
    later = target.clone()
    later[:, 4] = 1
    torch.testing.assert_close(before[:, :4], model(source, mask, later)[:, :4])
    assert not torch.allclose(before[:, 4:], model(source, mask, later)[:, 4:])
    assert not torch.allclose(before, model(source.flip(1), mask, target))


def test_sequences_of_numbers_are_read():
    values, mask = ragged(5, codes=False)
    for model, call_ in (
        (MLP(0, 3, sequences=(0,)), lambda m, *a: m(None, None, *a)),
        (RecurrentClassifier(0, 3, hidden=8), lambda m, *a: m(*a)),
        (EncoderDecoder(0, 7, hidden=8), lambda m, *a: m(*a, torch.ones(4, 2, dtype=torch.int64))),
    ):
        out = call_(model, values, mask)
        assert torch.isfinite(out).all()
        spoiled = values.masked_fill(~mask, 1000.0)
        torch.testing.assert_close(call_(model, spoiled, mask), out)
    two = torch.stack([values, -values], -1)
    assert RecurrentClassifier(0, 3, features=2, hidden=8)(two, mask).shape == (4, 3)


def test_the_mean_and_deviation_of_a_row():
    model = MLP(0, 1, sequences=(0,), width=1, depth=1)
    spread = model.sequences[0]
    got = spread(torch.tensor([[1.0, 3.0, 99.0]]), torch.tensor([[True, True, False]]))
    torch.testing.assert_close(got, torch.tensor([[2.0, 1.0]]))
    none = spread(torch.tensor([[1.0, 3.0]]), torch.zeros(1, 2, dtype=torch.bool))
    torch.testing.assert_close(none, torch.zeros(1, 2), atol=1e-5, rtol=0)


@few
@given(SEEDS)
def test_a_table_of_all_kinds(seed):
    model = MLP(2, 3, categories=(4, 5), sequences=(VOCABULARY, 0), residual=True, depth=4)
    x = torch.randn(4, 2)
    codes = torch.tensor([[0, 4], [3, 0], [1, 1], [2, 2]])
    tokens, mask = ragged(seed)
    numbers, other = ragged(seed + 1, codes=False)
    out = model(x, codes, tokens, mask, numbers, other)
    assert out.shape == (4, 3)
    for changed in (
        (x + 1, codes, tokens, mask, numbers, other),
        (x, codes.flip(0), tokens, mask, numbers, other),
        (x, codes, tokens.flip(0), mask, numbers, other),
        (x, codes, tokens, mask, numbers * 2, other),
    ):
        assert not torch.allclose(model(*changed), out)
    with pytest.raises(ValueError, match="shorter"):
        model(x, codes)


def gradient_shares(model, *given):
    """Norms of the first and of the last layer's gradient, for one loss."""
    model(*given).square().mean().backward()
    first, last = model.layers[0].linear.weight.grad, model.layers[-1].linear.weight.grad
    return float(first.norm()), float(last.norm())


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_deep_saturating_networks_vanish(name):
    x = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    deep = determinism.init(MLP(8, 1, depth=24, activation=name), 0)
    first, last = gradient_shares(deep, x)
    assert first < 1e-4 * last


@pytest.mark.parametrize("name", ["elu", "silu"])
def test_residual_ones_do_not(name):
    x = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    deep = determinism.init(MLP(8, 1, depth=24, activation=name, residual=True), 0)
    first, last = gradient_shares(deep, x)
    assert first > 0.1 * last


@pytest.mark.parametrize("norm", ["batch", "group", "none"])
@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("side", [8, 9, 28])
def test_images_of_any_size(norm, residual, side):
    model = ResidualCNN(3, 5, width=6, stages=3, blocks=2, norm=norm, residual=residual)
    x = torch.randn(4, 3, side, side, generator=torch.Generator().manual_seed(1))
    assert model(x).shape == (4, 5)
    other = x.clone()
    other[1:] = 0
    alone = torch.allclose(model(x)[0], model(other)[0], atol=1e-5)
    assert alone is (norm != "batch")  # only there an image sees the others of its batch
    model.eval()
    torch.testing.assert_close(model(x)[0], model(other)[0])


@pytest.mark.parametrize("cell", CELLS)
def test_recurrent_weights_begin_orthogonal(cell):
    made = determinism.init(Recurrent(3, 8, cell=cell, layers=2, gain=1.5), 4)
    for name, weight in made.inner.named_parameters():
        if name.startswith("weight_hh"):
            for matrix in weight.detach().view(-1, 8, 8):
                torch.testing.assert_close(matrix.T @ matrix, 2.25 * torch.eye(8))
    biases = [b.detach() for n, b in made.inner.named_parameters() if n.startswith("bias_ih")]
    opened = torch.zeros_like(biases[0])
    if cell == "lstm":
        opened[8:16] = 1
    assert all(torch.equal(b, opened) for b in biases)


def test_a_normal_matrix_has_the_asked_radius():
    made = determinism.init(Recurrent(1, 256, cell="tanh", init="normal", gain=2.0), 0)
    radius = torch.linalg.eigvals(made.inner.weight_hh_l0.detach()).abs().max()
    assert float(radius) == pytest.approx(2.0, rel=0.15)
    plain = determinism.init(Recurrent(1, 256, cell="tanh", init="uniform"), 0)
    assert float(plain.inner.weight_hh_l0.detach().abs().max()) <= 1 / 16


@few
@given(SEEDS)
def test_initial_weights_go_by_seed(seed):
    for make in (lambda: Recurrent(2, 4), lambda: Decoder(7, width=8)):
        one, two = determinism.init(make(), seed), determinism.init(make(), seed)
        other = determinism.init(make(), seed + 1)
        for name, weight in one.named_parameters():
            assert torch.equal(weight, two.get_parameter(name))
            if weight.ndim > 1:
                assert not torch.equal(weight, other.get_parameter(name))


def test_embeddings_are_tied():
    tied, loose = Decoder(50, width=8), Decoder(50, width=8, tied=False)
    assert sum(p.numel() for p in loose.parameters()) - 50 * 8 == sum(
        p.numel() for p in tied.parameters()
    )
    tokens = torch.randint(50, (2, 5))
    assert loose(tokens).shape == tied(tokens).shape == (2, 5, 50)


@pytest.mark.parametrize("make", [
    lambda share: MLP(3, 1, dropout=share),
    lambda share: ResidualCNN(1, 2, dropout=share, norm="none"),
    lambda share: Decoder(7, width=8, dropout=share),
    lambda share: RecurrentClassifier(7, 2, hidden=8, dropout=share),
    lambda share: RecurrentClassifier(7, 2, hidden=8, dropout=share, layers=2),
    lambda share: EncoderDecoder(7, 7, hidden=8, dropout=share),
])  # fmt: skip
def test_dropout_is_for_training(make):
    model = make(0.5)
    given_ = {
        MLP: (torch.randn(4, 3),),
        ResidualCNN: (torch.randn(4, 1, 8, 8),),
        EncoderDecoder: (torch.ones(2, 5, dtype=torch.int64), None, torch.ones(2, 3).long()),
    }.get(type(model), (torch.ones(2, 5, dtype=torch.int64),))
    assert not torch.allclose(model(*given_), model(*given_))
    model.eval()
    assert torch.equal(model(*given_), model(*given_))
    with pytest.raises(UsageError, match="dropout is 1"):
        make(1.0)


def test_models_are_functions_of_their_weights():
    """Members of an ensemble run side by side."""
    x, (tokens, mask) = torch.randn(4, 3), ragged(0)
    for make, given_ in (
        (lambda: MLP(3, 2), (x,)),
        (lambda: Decoder(VOCABULARY, width=16), (tokens, mask)),
        (lambda: ResidualCNN(1, 2, norm="group"), (torch.randn(4, 1, 8, 8),)),
    ):
        members = [make().eval() for _ in range(3)]
        weights, buffers = torch.func.stack_module_state(members)
        skeleton = make().eval()

        def run(w, b, skeleton=skeleton, given_=given_):
            return torch.func.functional_call(skeleton, (w, b), given_)

        together = torch.func.vmap(run)(weights, buffers)
        torch.testing.assert_close(together, torch.stack([m(*given_) for m in members]))


def test_what_cannot_be_made_is_told():
    for make, said in (
        (lambda: MLP(3, 2, activation="swish"), "no activation 'swish'.*elu.*silu"),
        (lambda: MLP(0, 2), "no column"),
        (lambda: MLP(3, 2, depth=0), "depth is 0"),
        (lambda: Decoder(9, width=20, heads=4), "such as width 16"),
        (lambda: ResidualCNN(1, 2, norm="layer"), "no normalization 'layer'"),
        (lambda: RecurrentClassifier(9, 2, cell="qrnn"), "no cell 'qrnn'.*lstm"),
        (lambda: RecurrentClassifier(9, 2, init="zero"), "no initialization 'zero'"),
    ):
        with pytest.raises(UsageError, match=said):
            make()


def test_every_activation_is_another():
    x = torch.linspace(-2, 2, 9)
    outs = [made()(x) for made in ACTIVATIONS.values()]
    assert all(isinstance(made(), nn.Module) for made in ACTIVATIONS.values())
    assert len({tuple(o.tolist()) for o in outs}) == len(ACTIVATIONS)
