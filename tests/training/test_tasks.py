"""From a dataset to a model that trains: every shape of data, both forms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

from datacheck.errors import UsageError
from datacheck.pipelines.bucketing import BucketBatchSampler
from datacheck.pipelines.samplers.balanced import BalancedBatchSampler
from datacheck.training import presets
from datacheck.training.loop.readying import APART
from datacheck.training.models import MLP, Decoder, EncoderDecoder, RecurrentClassifier, ResidualCNN
from datacheck.training.samples.subset import Subset
from datacheck.training.tasks import prepare
from datacheck.training.train_config import TrainConfig
from datacheck.training.trainer import Trainer

N = 96
RNG = np.random.default_rng(0)
AGE = RNG.normal(40, 10, N)
LABEL = ["yes" if a > 42 else "no" for a in AGE]
CODES = [RNG.integers(1, 6, 2 + i % 6).tolist() for i in range(N)]
WORDS = [" ".join(RNG.choice(["red", "green", "blue", "gray"], 9 + i % 5)) + f" end{i}"
         for i in range(N)]  # fmt: skip
FLOATS = [RNG.normal(size=2 + i % 6).tolist() for i in range(N)]


def splits(**columns):
    frame = pl.DataFrame(columns)
    return {"train": frame, "test": frame.head(30)}


def trained(prepared, steps=3, seed=0):
    config = TrainConfig(steps=steps, lr=1e-3, seed=seed)
    return Trainer(prepared.model(seed), prepared.objective, config).fit(
        prepared.train, prepared.evaluation
    )


CASES: dict[str, tuple[dict[str, Any], type[nn.Module]]] = {
    "table": ({"age": AGE, "label": LABEL}, MLP),
    "mixed": ({"age": AGE, "group": LABEL, "codes": CODES, "signal": FLOATS, "y": LABEL}, MLP),
    "regression": ({"age": AGE, "signal": FLOATS, "target": AGE * 1000 + RNG.normal(size=N)}, MLP),
    "tokens": ({"codes": CODES, "label": LABEL}, Decoder),
    "words": ({"text": WORDS, "label": LABEL}, Decoder),
    "language": ({"text": WORDS}, Decoder),
    "series": ({"signal": FLOATS, "label": LABEL}, RecurrentClassifier),
    "translation": ({"source": CODES, "target": CODES}, EncoderDecoder),
    "numbers": ({"signal": FLOATS, "target": CODES}, EncoderDecoder),
}


@pytest.mark.parametrize("form", presets.FORMS)
@pytest.mark.parametrize("name", CASES)
def test_every_shape_trains(name, form):
    columns, kind = CASES[name]
    prepared = prepare(splits(**columns), form=form)
    assert isinstance(prepared.make(), kind)
    assert prepared.reference > 0
    fitted = trained(prepared)
    assert fitted.steps == 3
    assert np.isfinite(fitted.evaluations["loss"].to_numpy()).all()
    assert prepared.why[0].startswith(f"preset {prepared.preset.name}: ")


def test_the_reference_is_the_loss_of_the_constant_predictor():
    prepared = prepare(splits(age=AGE, label=LABEL))
    share = np.mean([v == "yes" for v in LABEL[:30]])
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert prepared.reference == pytest.approx(entropy)
    price = AGE * 1000
    numbers = prepare(splits(age=AGE, target=price))
    assert numbers.reference == pytest.approx(price[:30].var() / price.var(), rel=1e-5)
    predicted = numbers.objective.predict(numbers.model(), next(iter(numbers.train)))
    assert predicted.mean().item() == pytest.approx(price.mean(), abs=3 * price.std())


def test_the_tamed_form_prepares_numbers_and_the_other_takes_them_as_they_come():
    holes = AGE.copy()
    holes[5] = np.nan
    holes[6] = np.inf
    data = splits(age=holes, label=LABEL)
    raw, tamed = (
        np.concatenate([b.x.numpy() for b in prepare(data, form=form).train])
        for form in presets.FORMS
    )
    assert np.isnan(raw).sum() == 1
    assert np.isinf(raw).sum() == 1
    assert np.isfinite(tamed).all()
    assert abs(tamed.mean()) < 0.01
    assert tamed.std() == pytest.approx(1, abs=0.02)


def test_without_an_evaluation_split_rows_are_held_out_and_not_learned_from():
    frame = pl.DataFrame({"age": AGE, "label": LABEL})
    prepared = prepare({"train": frame})
    apart = prepared.evaluation[APART]
    train = np.concatenate([b.rows.numpy() for b in prepared.train])
    held = np.concatenate([b.rows.numpy() for b in apart])
    assert not set(train) & set(held)
    assert len(train) + len(held) == N
    assert 0.1 < len(held) / N < 0.35
    x = np.concatenate([b.x.numpy() for b in prepared.train])
    assert abs(x.mean()) < 1e-6  # of the rows that stay, not of all


def test_junk_is_left_out_of_train_alone_and_moves_no_other_batch():
    words = [f"w{i}" for i in range(60)]
    share = 1 / np.arange(1, 61)
    texts = [" ".join(RNG.choice(words, 40, p=share / share.sum())) for _ in range(200)]
    texts[17] = " ".join(RNG.choice(words, 60))
    data = {"train": pl.DataFrame({"text": texts}), "test": pl.DataFrame({"text": texts[:30]})}
    form = presets.DECODER.pathological
    kept, left = (prepare(data, form=replace(form, junk=junk)) for junk in (True, False))
    before, after = ([b.rows.tolist() for b in p.train] for p in (kept, left))
    assert [[r for r in rows if r != 17] for rows in before] == after
    assert sum(map(len, before)) == 200
    assert sum(len(b) for b in left.evaluation["test"]) == 30
    assert any("1 of 200 rows" in line for line in left.why)


def test_batches_of_like_lengths():
    prepared = prepare(splits(text=WORDS))
    assert isinstance(prepared.train.sampler_, BucketBatchSampler)
    rows = np.sort(np.concatenate([b.rows.numpy() for b in prepared.train]))
    np.testing.assert_array_equal(rows, np.arange(N))


def test_sequences_keep_their_end():
    form = replace(presets.SEQUENCES.tamed, longest=3)
    prepared = prepare(splits(source=CODES, target=CODES), form=form)
    longest = 0
    for batch in prepared.train:
        for row, values in zip(batch.rows, batch.sequences["source"].values, strict=True):
            wanted = CODES[int(row)][-3:]
            assert values.tolist()[: len(wanted)] == wanted
        longest = max(longest, batch.sequences["target"].values.shape[1])
    assert longest == max(map(len, CODES))


def test_uneven_classes_are_scored_evenly():
    rare = ["yes" if i % 16 == 0 else "no" for i in range(N)]
    assert prepare(splits(age=AGE, label=rare)).objective.score_name == "balanced accuracy"
    assert prepare(splits(age=AGE, label=LABEL)).objective.score_name == "accuracy"


def test_weights_go_by_the_seed():
    prepared = prepare(splits(age=AGE, label=LABEL))
    one, two, other = (prepared.model(s).get_parameter("head.weight") for s in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    x = RNG.integers(0, 256, (120, 8, 8, 3)).astype(np.uint8)
    y = np.arange(120) % 3
    np.savez(folder / "images.npz", x_train=x[:80], y_train=y[:80], x_test=x[80:], y_test=y[80:])
    return folder, x


def test_images_come_as_they_lie(archive):
    folder, x = archive
    prepared = prepare(folder)
    assert isinstance(prepared.make(), ResidualCNN)
    batch = next(iter(prepared.evaluation["test"]))
    pixels = x[80:].astype(np.float64) / 255
    mean, std = (x[:80].astype(np.float64) / 255).mean((0, 1, 2)), None
    std = (x[:80].astype(np.float64) / 255).std((0, 1, 2))
    wanted = ((pixels - mean) / std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(batch.x.numpy(), wanted[: len(batch)], atol=1e-4)
    np.testing.assert_array_equal(batch.y.numpy(), (np.arange(80, 120) % 3)[: len(batch)])
    assert not prepared.findings
    assert trained(prepared).steps == 3


def test_the_mismatch_of_transforms_is_found_and_repaired_by_one(archive):
    folder, _ = archive
    wrong = prepare(folder, form="pathological")
    assert {f.rule for f in wrong.findings} == {"NM004"}
    # (0.5,) for three channels, and only in train
    assert any("normalized" in f.message for f in wrong.findings)
    assert any("three" in f.message or "3" in f.message for f in wrong.findings)
    train, test = next(iter(wrong.train)).x, next(iter(wrong.evaluation["test"])).x
    assert float(train.min()) < -0.9
    assert float(test.min()) >= 0
    assert prepare(folder, form="tamed").findings == []


def test_augmentation_is_for_train_and_differs_from_image_to_image(archive):
    folder, _ = archive
    prepared = prepare(folder)
    torch.manual_seed(0)
    first = {int(r): x for b in prepared.train for r, x in zip(b.rows, b.x, strict=True)}
    second = {int(r): x for b in prepared.train for r, x in zip(b.rows, b.x, strict=True)}
    moved = np.mean([not torch.equal(first[r], second[r]) for r in first])
    assert 0.5 < moved < 1.0
    for one, two in zip(prepared.evaluation["test"], prepared.evaluation["test"], strict=True):
        assert torch.equal(one.x, two.x)


def test_presets_are_for_their_shapes(archive, tmp_path):
    assert prepare(archive[0], preset="averaging").preset.name == "averaging"
    with np.load(archive[0] / "images.npz") as held:
        floats = {k: v / 255 if v.ndim > 1 else v for k, v in held.items()}
    np.savez(tmp_path / "floats.npz", **floats)
    table = prepare(tmp_path / "floats.npz", preset="mlp")
    assert isinstance(table.make(), MLP)
    with pytest.raises(UsageError, match=r"decoder is for language.*for it there is table"):
        prepare(splits(age=AGE, label=LABEL), preset="decoder")
    recurrent = prepare(splits(codes=CODES, label=LABEL), preset="encoder-decoder")
    assert isinstance(recurrent.make(), RecurrentClassifier)
    for wrong, said in (
        (lambda: presets.preset("nope"), "no preset 'nope'"),
        (lambda: presets.TABLE.form("wild"), "no form 'wild'"),
        (lambda: replace(presets.TABLE.tamed, members=0), "members is 0"),
        (lambda: prepare({"a": pl.DataFrame({"x": [1]}), "b": pl.DataFrame({"x": [1]})}), "train"),
    ):
        with pytest.raises(UsageError, match=said):
            wrong()


def test_codes_beyond_train_are_told():
    data = splits(source=CODES, target=CODES)
    data["test"] = data["test"].with_columns(source=pl.lit([1, 9]))
    with pytest.raises(UsageError, match="source holds the code 9 in test"):
        prepare(data)


def test_a_label_that_never_varies_is_told():
    with pytest.raises(UsageError, match="never varies"):
        prepare(splits(age=AGE, price=np.full(N, 2.5)), options={"label": "price"})


def test_what_a_repaired_folder_tells_the_loader_is_done(tmp_path):
    from datacheck import fix
    from datacheck.pipelines.plan import Plan, Step

    source = tmp_path / "data"
    source.mkdir()
    rare = ["yes" if i % 12 == 0 else "no" for i in range(N)]
    for name in ("train", "test"):
        pl.DataFrame({"age": AGE, "label": rare}).write_csv(source / f"{name}.csv")
    fix(str(source), str(tmp_path / "clean"), plan=Plan((Step("balanced-sampler"),)))
    prepared = prepare(str(tmp_path / "clean"))
    assert isinstance(prepared.train.sampler_, BalancedBatchSampler)
    share = np.mean(np.concatenate([b.y.numpy() for b in prepared.train]))
    assert 0.45 < share < 0.55


def test_a_subset_is_those_rows():
    prepared = prepare(splits(source=CODES, target=CODES))
    table = prepare(splits(source=CODES, target=CODES)).train.table
    mask = np.arange(N) % 3 == 0
    some = Subset(table, mask)
    assert len(some) == mask.sum()
    np.testing.assert_array_equal(some.addresses(), table.addresses()[mask])
    np.testing.assert_array_equal(some.lengths("source"), table.lengths("source")[mask])
    assert some[2].addresses.tolist() == [6]
    assert prepared.locate(6).endswith(":7") or "6" in prepared.locate(6)


def test_folds_share_no_row_and_statistics_are_those_of_the_rest(archive):
    folder, x = archive
    seen = []
    for which in range(4):
        prepared = prepare(folder, fold=(which, 4))
        assert list(prepared.evaluation) == [APART, "test"]
        held = np.concatenate([b.rows.numpy() for b in prepared.evaluation[APART]])
        batch = next(iter(prepared.evaluation[APART]))
        rest = x[:80][np.setdiff1d(np.arange(80), held & (2**40 - 1))] / 255
        pixels = x[:80][batch.rows.numpy() & (2**40 - 1)] / 255
        wanted = (pixels - rest.mean((0, 1, 2))) / rest.std((0, 1, 2))
        np.testing.assert_allclose(batch.x.numpy(), wanted.transpose(0, 3, 1, 2), atol=1e-4)
        seen.append(held)
    assert sorted(np.concatenate(seen)) == sorted(set(np.concatenate(seen)))
    assert len(np.concatenate(seen)) == 80
