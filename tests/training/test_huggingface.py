"""The callback beside the real library, in tiny runs, without any network."""

from __future__ import annotations

import gc
import math
import sys
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import nn

from datacheck.errors import NonFiniteError, UsageError
from datacheck.training.huggingface import StabilityCallback
from datacheck.training.run import Run

pytestmark = [
    # What transformers and accelerate say of their own ways with torch.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(transformers|accelerate).*"),
    pytest.mark.filterwarnings("ignore::FutureWarning:(transformers|accelerate).*"),
    pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true"),
]
LENGTH = 6


def model() -> Any:
    torch.manual_seed(1)
    shape = transformers.GPT2Config(
        vocab_size=20, n_positions=LENGTH, n_embd=8, n_layer=1, n_head=2, bos_token_id=0,
        eos_token_id=0,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(shape)


def texts(count: int = 16) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    made = []
    for row in range(count):
        tokens = rng.integers(0, 20, LENGTH).tolist()
        mask = [1] * (LENGTH - row % 2) + [0] * (row % 2)
        labels = [t if m else -100 for t, m in zip(tokens, mask, strict=True)]
        made.append(
            {"input_ids": tokens, "attention_mask": mask, "labels": labels, "rows": row + 100}
        )
    return made


def per_row(inputs, output) -> torch.Tensor:
    logits, labels = output.logits[:, :-1], inputs["labels"][:, 1:]
    losses = nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    means: torch.Tensor = losses.sum(1) / (labels != -100).sum(1)
    return means


class Watched(transformers.Trainer):
    """Remembers what the trainer itself knows of each step."""

    def __init__(self, *arguments, **named) -> None:
        self.losses: list[float] = []
        self.norms: list[float] = []
        super().__init__(*arguments, **named)

    def training_step(self, *arguments, **named):
        loss = super().training_step(*arguments, **named)
        self.losses.append(float(loss))
        return loss

    def _clip_grad_norm(self, model):
        norm = super()._clip_grad_norm(model)
        self.norms.append(float(norm))
        return norm


def fit(callback, tmp_path, *, data=None, of=None, checkpoint=None, **options) -> Watched:
    settings: dict[str, Any] = {
        "output_dir": str(tmp_path / "out"),
        "per_device_train_batch_size": 4,
        "num_train_epochs": 1,
        "learning_rate": 0.01,
        "logging_strategy": "no",
        "save_strategy": "no",
        "report_to": [],
        "use_cpu": True,
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "max_grad_norm": 0.5,
        "data_seed": 1,
        **options,
    }
    trainer = Watched(
        of or model(),
        transformers.TrainingArguments(**settings),
        train_dataset=data or texts(),
        eval_dataset=texts(8),
        callbacks=[callback] if callback else [],
    )
    trainer.train(resume_from_checkpoint=checkpoint)
    return trainer


def test_a_run_is_recorded(tmp_path):
    watch = StabilityCallback(tmp_path / "run.jsonl", row_loss=per_row, every=1)
    trainer = fit(watch, tmp_path, num_train_epochs=2, eval_strategy="epoch")
    run = Run.load(tmp_path / "run.jsonl")
    assert run.ended
    assert run.steps.height == 8
    assert run.meta["max_norm"] == 0.5
    assert run.steps["loss"].to_list() == pytest.approx(trainer.losses, rel=1e-5)
    assert run.steps["grad_norm"].to_list() == pytest.approx(trainer.norms, rel=1e-5)
    assert run.steps["clipped"].to_list() == [n > 0.5 for n in trainer.norms]
    assert run.steps["clipped"].any()
    assert run.steps["epoch"].to_list() == [0] * 4 + [1] * 4
    assert sorted(np.concatenate([run.rows(n) for n in range(4)])) == list(range(100, 116))
    for number in range(8):
        rows = run.rows(number)
        real = LENGTH - rows % 2
        assert run.steps["tokens"][number] == real.sum()
        # The trainer divides by all labels, of which the first has nothing to predict it.
        weighted = (run.row_losses(number) * (real - 1)).sum() / real.sum()
        assert weighted == pytest.approx(trainer.losses[number], rel=1e-4)
    assert run.steps["padded"].to_list() == [4 * LENGTH] * 8
    assert run.steps["update_ratio"].null_count() == 0
    assert run.steps["lr"][0] == pytest.approx(0.01)
    assert run.evaluations.select("step", "split").rows() == [(3, "eval"), (7, "eval")]
    assert run.evaluations["loss"].is_finite().all()


def test_accumulated_batches_are_one_step(tmp_path):
    watch = StabilityCallback()
    trainer = fit(watch, tmp_path, gradient_accumulation_steps=2)
    run = watch.monitor.run
    assert run.steps.height == 2
    pairs = [sum(trainer.losses[n : n + 2]) for n in (0, 2)]
    assert run.steps["loss"].to_list() == pytest.approx(pairs, rel=1e-5)
    assert run.steps["grad_norm"].to_list() == pytest.approx(trainer.norms, rel=1e-5)
    assert run.rows(0).size == 8


class Plain(nn.Module):
    """A model of one's own, whose loss knows nothing of other batches."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 1)

    def forward(self, x=None, labels=None):
        out = self.second(torch.relu(self.first(x)))[:, 0]
        return {"loss": (out - labels).square().mean(), "logits": out}


def numbers(broken: int | None = None) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    made = [
        {"x": torch.from_numpy(rng.normal(size=3)).float(), "labels": float(n % 2), "rows": n}
        for n in range(16)
    ]
    if broken is not None:
        made[broken]["x"] = torch.full((3,), math.nan)
    return made


def test_a_model_that_divides_by_its_own_batch(tmp_path):
    watch = StabilityCallback()
    trainer = fit(watch, tmp_path, of=Plain(), data=numbers(), gradient_accumulation_steps=2,
                  eval_strategy="no")  # fmt: skip
    pairs = [sum(trainer.losses[n : n + 2]) for n in (0, 2)]
    assert watch.monitor.run.steps["loss"].to_list() == pytest.approx(pairs, rel=1e-5)
    assert watch.monitor.run.steps["grad_norm"].to_list() == pytest.approx(trainer.norms, rel=1e-5)


def test_what_is_not_finite_ends_the_run(tmp_path):
    watch = StabilityCallback(tmp_path / "run.jsonl")
    own = Plain()
    with pytest.raises(NonFiniteError, match="the loss is nan, first in input") as caught:
        fit(watch, tmp_path, of=own, data=numbers(broken=9))
    assert 9 in caught.value.rows
    assert all(p.isfinite().all() for p in own.parameters())
    assert Run.load(tmp_path / "run.jsonl").steps["layer"][-1] == "input"


def test_the_layer_whose_gradient_broke_is_named_in_spite_of_clipping(tmp_path):
    own = Plain()
    own.first.weight.register_hook(lambda g: g * math.inf)
    with pytest.raises(
        NonFiniteError, match=r"at step 0 the gradient's norm .* first\.weight\.grad"
    ):
        fit(StabilityCallback(), tmp_path, of=own, data=numbers())


def test_a_run_goes_on_in_its_record(tmp_path):
    path = tmp_path / "run.jsonl"
    options = {"num_train_epochs": 2, "save_strategy": "epoch"}
    fit(StabilityCallback(path), tmp_path, **options)
    with pytest.raises(UsageError, match="exists"):
        fit(StabilityCallback(path), tmp_path, **options)
    before = Run.load(path)
    kept = path.read_bytes()
    fit(StabilityCallback(path), tmp_path, checkpoint=str(tmp_path / "out/checkpoint-4"), **options)
    assert path.read_bytes().startswith(kept)
    after = Run.load(path)
    assert after.steps["step"].to_list() == list(range(8))
    assert after.steps["loss"].to_list() == pytest.approx(before.steps["loss"].to_list(), rel=1e-4)


def test_the_weights_are_those_of_a_run_that_nobody_watches(tmp_path):
    ends = []
    for watched in (True, False):
        own = Plain()
        data = numbers()
        if not watched:
            data = [{k: v for k, v in row.items() if k != "rows"} for row in data]
        fit(StabilityCallback(every=1) if watched else None, tmp_path, of=own, data=data)
        ends.append([p.detach().numpy().tobytes() for p in own.parameters()])
    assert ends[0] == ends[1]


def test_a_loss_that_the_model_does_not_return(tmp_path):
    with pytest.raises(UsageError, match="GPT2LMHeadModel returned no loss"):
        fit(StabilityCallback(), tmp_path, label_smoothing_factor=0.1)


class StopError(Exception):
    pass


class Stopping(transformers.TrainerCallback):
    def on_step_end(self, args, state, control, **given):
        if state.global_step == 2:
            raise StopError


def test_a_run_that_failed_is_whole_when_its_monitor_is_closed(tmp_path):
    path = tmp_path / "run.jsonl"
    watch = StabilityCallback(path)
    trainer = fit(watch, tmp_path, num_train_epochs=1)
    trainer.add_callback(Stopping())
    watch.path = path = tmp_path / "second.jsonl"
    with pytest.raises(StopError):
        trainer.train()
    watch.monitor.close(complete=False)
    run = Run.load(path)
    assert run.steps.height == 2
    assert not run.ended
    gc.collect()


def test_without_transformers_the_error_tells_what_to_install(monkeypatch):
    import datacheck.training.huggingface as home

    assert isinstance(StabilityCallback(), transformers.TrainerCallback)
    monkeypatch.delitem(vars(home), "StabilityCallback")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UsageError, match="pip install transformers"):
        home.StabilityCallback  # noqa: B018 - looking is the test
    with pytest.raises(AttributeError):
        home.Nothing  # noqa: B018 - looking is the test
