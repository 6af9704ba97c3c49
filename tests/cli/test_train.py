"""``datacheck train`` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import click
import pytest
import torch

from datacheck.cli import train as verb
from datacheck.training import objectives, optimizers, presets, schedules, train_config
from datacheck.training.run import Run

CLINIC = Path(__file__).parents[2] / "fixtures" / "clinic"


def choices(name):
    option = next(p for p in verb.command.params if p.name == name)
    assert isinstance(option.type, click.Choice)
    return tuple(option.type.choices)


def test_its_words_are_those_of_the_library():
    assert set(verb.PRESETS) == set(presets.PRESETS) | set(presets.ALIASES)
    assert choices("demo") == tuple(p for p in verb.PRESETS if p in presets.PRESETS)
    assert choices("optimizer") == optimizers.NAMES
    assert set(choices("schedule")) == set(schedules.NAMES)
    assert choices("on_nonfinite") == get_args(train_config.OnNonfinite)
    assert set(choices("form")) == {*presets.FORMS, "both"}


def test_a_preset_is_chosen_and_the_reason_said(run, here):
    done = run("train", str(CLINIC), "--steps", "12", "-o", "out", "--fail-on", "never")
    assert done.exit_code == 0, done.stderr
    assert "preset table: the features are" in done.stdout
    assert "the score is balanced accuracy on test" in done.stdout
    assert "12 steps of adamw" in done.stdout
    config = json.loads((here / "out" / "tamed" / "config.json").read_text())
    assert config["config"]["steps"] == 12
    assert config["preset"] == "table"
    recorded = Run.load(here / "out" / "tamed" / "run.jsonl")
    assert recorded.steps.height == 12
    assert recorded.meta["reference"] == pytest.approx(config["reference"])
    assert (here / "out" / "tamed" / "last.pt").is_file()
    audit = run("audit", "--run", "out/tamed/run.jsonl", "--fail-on", "never")
    assert audit.exit_code == 0, audit.stderr


def test_both_forms_side_by_side(run, here):
    done = run("train", "--demo", "table", "--form", "both", "--steps", "60", "-o", "out")
    assert done.exit_code == 0, done.stdout + done.stderr  # what counts is the tamed form
    assert "ST001 error" in done.stdout
    assert "stopped: ST001" in done.stdout
    table = done.stdout[done.stdout.rindex("pathological") :].splitlines()
    assert table[0].split() == ["pathological", "tamed"]
    assert any(line.startswith("findings") and "ST001, ST003" in line for line in table)
    assert (here / "out" / "data" / "train.csv").is_file()
    wild = run("train", "--demo", "table", "--form", "pathological", "--steps", "60")
    assert wild.exit_code == 1
    assert (here / "runs" / "table-1" / "pathological" / "run.jsonl").is_file()
    skip = run("train", "--demo", "table", "--form", "pathological", "--steps", "30",
               "--on-nonfinite", "skip", "--evaluate-every", "30")  # fmt: skip
    assert "with a loss or gradient not finite" in skip.stdout
    assert skip.exit_code == 1
    assert (here / "runs" / "table-2").is_dir()


def test_what_is_asked_for_is_done(run, here):
    asked = (
        "--steps 6 --optimizer sgd --lr 0.02 --momentum 0.5 --schedule cosine --warmup 2 "
        "--clip value --clip-at 0.7 --seed 3 --batch 16 --members 2 --ema 0.9 --weight-decay 0.1 "
        "--patience 4 --evaluate-every 2 --device cpu --fail-on never"
    )
    done = run("train", str(CLINIC), "-o", "out", *asked.split())
    assert done.exit_code == 0, done.stderr
    assert "2 members, computed as one" in done.stdout
    said = json.loads((here / "out" / "tamed" / "config.json").read_text())
    wanted = {"steps": 6, "optimizer": "sgd", "lr": 0.02, "momentum": 0.5, "schedule": "cosine",
              "warmup": 2, "clip": "value", "clip_at": 0.7, "seed": 3, "ema": 0.9, "device": "cpu",
              "weight_decay": 0.1, "patience": 4, "evaluate_every": 2}  # fmt: skip
    assert wanted.items() <= said["config"].items()
    assert (said["form"]["batch"], said["form"]["members"]) == (16, 2)
    recorded = Run.load(here / "out" / "tamed" / "run.jsonl")
    assert all(len(recorded.rows(step)) == 16 for step in range(6))
    other = run("train", str(CLINIC), "-o", "epochs", "--epochs", "1", "--clip", "none", "--batch",
                "400", "--fail-on", "never")  # fmt: skip
    assert other.exit_code == 0, other.stderr
    assert "1 epochs of adamw, linear rate 0.003, not clipped" in other.stdout


class KilledError(Exception):
    """In the middle of a step."""


def test_a_run_that_was_killed_goes_on_exactly(run, here, monkeypatch):
    asked = ("--steps", "24", "--evaluate-every", "2", "--fail-on", "never")
    assert run("train", str(CLINIC), "-o", "whole", *asked).exit_code == 0
    real, calls = objectives.Classification.__call__, []

    def once(self, model, batch):
        calls.append(1)
        if len(calls) == 16:
            raise KilledError
        return real(self, model, batch)

    monkeypatch.setattr(objectives.Classification, "__call__", once)
    assert run("train", str(CLINIC), "-o", "cut", *asked).exit_code == 2
    state = torch.load(here / "cut" / "tamed" / "last.pt", weights_only=True)
    done = run("train", "--resume", "cut")
    assert done.exit_code == 0, done.stdout + done.stderr
    assert len(calls) == 16 + 24 - 10  # on from the checkpoint at step 10
    whole, cut = (
        torch.load(here / name / "tamed" / "last.pt", weights_only=True)
        for name in ("whole", "cut")
    )
    assert whole["model"].keys() == cut["model"].keys()
    for name, weight in whole["model"].items():
        assert torch.equal(weight, cut["model"][name])
    assert not all(torch.equal(w, state["model"][n]) for n, w in whole["model"].items())
    losses = [Run.load(here / n / "tamed" / "run.jsonl").steps["loss"].to_list()
              for n in ("whole", "cut")]  # fmt: skip
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train",), "nothing to train"),
        (("train", "here.csv", "--demo", "table"), "a dataset and --demo are both given"),
        (
            ("train", "x.csv", "--steps", "3", "--epochs", "2"),
            "--steps and --epochs are both given",
        ),
        (("train", "--resume", "nowhere"), "holds no run of datacheck train"),
        (("train", "--resume", "nowhere", "--steps", "3"), "steps is given too"),
        (("train", str(CLINIC), "--preset", "decoder"), "the preset decoder is for"),
        (("train", str(CLINIC), "-o", "."), "is there already"),
        (("train", str(CLINIC), "--lr", "-1"), "lr is -1"),
        (("train", str(CLINIC), "--preset", "nope"), "'nope' is not one of"),
        (("train", "nothing.csv"), "nothing.csv"),
    ],
)
def test_mistakes_are_one_line(run, here, words, said):
    done = run(*words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(here.iterdir()) == []


def test_presets_are_listed(run):
    done = run("train", "--list")
    assert done.exit_code == 0
    for preset in presets.PRESETS.values():
        assert f"{preset.name}: {preset.words}" in done.stdout
        assert preset.tamed.words in done.stdout


def test_cross_validation_holds_out_each_row_once(run, here):
    done = run(
        "train", str(CLINIC), "--folds", "3", "--steps", "4", "-o", "out", "--fail-on", "never"
    )
    assert done.exit_code == 0, done.stderr
    assert "tamed: 3 folds" in done.stdout
    assert "score: " in done.stdout[done.stdout.rindex("3 folds") :]
    assert " ± " in done.stdout
    assert done.stdout.count("rows of one patient_id may be on both sides") == 3
    recorded = [Run.load(here / "out" / "tamed" / f"fold-{i}" / "run.jsonl") for i in (1, 2, 3)]
    held = [r.evaluations.filter(split="held out")["n"][0] for r in recorded]
    assert sum(held) == 1200
    assert all(300 < n < 500 for n in held)
