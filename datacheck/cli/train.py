"""``datacheck train``: train a preset on a dataset, and say how calm it was."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datacheck.cli.common import data_options, debug, source_of

if TYPE_CHECKING:
    from datacheck.training.loop.conducting import Trained
    from datacheck.training.presets import Form, Preset
    from datacheck.training.tasks import Prepared
    from datacheck.training.train_config import TrainConfig

PRESETS = ("table", "decoder", "image-classifier", "averaging", "encoder-decoder", "mlp")
ASKED = "asked.json"
EXAMPLES = """\b
Examples:
  datacheck train dataset/                               # a preset that fits, and why
  datacheck train dataset/ --preset averaging --steps 500 --seed 1
  datacheck train --demo encoder-decoder --form both     # how it explodes, and how it trains
  datacheck train data.csv --label price --lr 0.01 --clip norm --clip-at 1
  datacheck train --resume runs/table-1                  # go on where it was stopped
  datacheck train --list                                 # presets, and their forms

\b
Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 the training could not run. With
--form both the findings of the tamed form count.
"""


def _list(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from datacheck.training.presets import PRESETS as KNOWN

        for preset in KNOWN.values():
            click.echo(f"{preset.name}: {preset.words}\n  for {', '.join(preset.shapes)}")
            click.echo(f"  pathological  {preset.pathological.words}")
            click.echo(f"  tamed         {preset.tamed.words}")
        ctx.exit(0)


@click.command("train", epilog=EXAMPLES)
@data_options
@click.option(
    "--demo", type=click.Choice(PRESETS[:-1]), help="Write this demonstration and train on it."
)
@click.option("--preset", type=click.Choice(PRESETS), help="Default: one that fits the columns.")
@click.option(
    "--form",
    type=click.Choice(["tamed", "pathological", "both"]),
    default="tamed",
    show_default=True,
    help="As it should be, as it goes wrong, or side by side.",
)
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list,
    help="List the presets with their forms.",
)
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    help="A new folder for record, checkpoints, configuration.  [default: runs/PRESET-N]",
)
@click.option(
    "--resume", metavar="FOLDER", help="Go on with the run in that folder, as it was asked for."
)
@click.option(
    "--folds",
    type=click.IntRange(2, 100),
    metavar="K",
    help="Cross-validation: train K times, a K-th of train held out.",
)
@click.option("--steps", type=click.IntRange(1), help="Steps of the optimizer.")
@click.option("--epochs", type=click.IntRange(1), help="Or passes over train.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--batch", type=click.IntRange(1), metavar="ROWS", help="Rows of a batch.")
@click.option("--members", type=click.IntRange(1), help="Models trained side by side and averaged.")
@click.option(
    "--longest", type=click.IntRange(1), metavar="N", help="Sequences keep their last N items."
)
@click.option("--optimizer", type=click.Choice(["sgd", "adam", "adamw", "rmsprop", "adagrad"]))
@click.option("--lr", type=float, help="Learning rate.")
@click.option("--weight-decay", type=float)
@click.option("--momentum", type=float, help="Of sgd and rmsprop.")
@click.option(
    "--schedule",
    type=click.Choice(["constant", "step", "exponential", "cosine", "linear", "plateau"]),
)
@click.option("--warmup", type=click.IntRange(0), metavar="STEPS")
@click.option("--clip", type=click.Choice(["norm", "value", "adaptive", "none"]))
@click.option("--clip-at", type=float, help="0.5 to 5, as a rule.")
@click.option("--ema", type=float, metavar="DECAY", help="Evaluate an average of the weights too.")
@click.option("--patience", type=click.IntRange(1), metavar="N", help="Evaluations without a gain.")
@click.option("--evaluate-every", type=click.IntRange(1), metavar="STEPS")
@click.option(
    "--on-nonfinite",
    type=click.Choice(["stop", "skip", "apply"]),
    help="A loss or gradient that is not finite.  [default: stop]",
)
@click.option("--device", help="Such as cpu or cuda.  [default: what there is]")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "never"]),
    default="error",
    show_default=True,
)
@debug
@click.pass_context
def command(ctx: click.Context, /, resume: str | None, **asked: Any) -> None:  # fmt: skip
    """Train a model that fits a dataset, and say how calm the training was.

    PATH is a folder with train and test files, or one file. It is only read. Record (run.jsonl),
    checkpoints and configuration go to a new folder.
    """
    from datacheck.errors import UsageError

    if resume is not None:
        given = [
            p
            for p in asked
            if ctx.get_parameter_source(p) is not click.core.ParameterSource.DEFAULT
        ]
        if given:
            raise UsageError(
                f"--resume goes on as was asked for, and {given[0].replace('_', '-')} is given too",
                f"datacheck train --resume {shlex.quote(resume)}",
            )
        folder = Path(resume).expanduser()
        asked = _asked(folder)
    else:
        folder = _new_folder(asked)
    worst = _train(asked, folder, resume=resume is not None)
    ctx.exit(worst)


def _train(asked: Mapping[str, Any], folder: Path, *, resume: bool) -> int:
    from datacheck.cli import trained
    from datacheck.cli.output import write_stdout
    from datacheck.findings import Severity
    from datacheck.training.loop.conducting import train
    from datacheck.training.samples import demos
    from datacheck.training.tasks import prepare

    source: Any
    if asked["demo"]:
        _make(folder, asked)
        source = folder / "data"
        if not source.exists():
            demos.write(asked["demo"], source)
    else:
        named = {name: asked[name] for name in ("train", "val", "test")}
        source = source_of(asked["path"], named, tuple(asked["splits"]), "train")
    names = ("pathological", "tamed") if asked["form"] == "both" else (asked["form"],)
    folds = [(i, asked["folds"]) for i in range(asked["folds"])] if asked["folds"] else [None]
    done: dict[str, list[Trained]] = {name: [] for name in names}
    for name, fold in [(n, f) for n in names for f in folds]:
        place = folder / name / (f"fold-{fold[0] + 1}" if fold else "")
        prepared = prepare(
            source,
            preset=asked["preset"] or asked["demo"],
            form=partial(_form, name, asked),
            seed=asked["seed"],
            options=_roles(asked),
            fold=fold,
        )
        config = _config(prepared, asked, place)
        _make(folder, asked)  # only now: what cannot be trained leaves no folder behind
        write_stdout(trained.before(name, prepared, config))
        done[name].append(train(prepared, config, place, resume=resume and place.exists()))
        write_stdout(trained.after(done[name][-1]))
    for name in names if asked["folds"] else ():
        write_stdout(trained.over_folds(name, done[name]))
    if len(names) > 1 and not asked["folds"]:
        write_stdout(trained.beside([done[name][0] for name in names]))
    if asked["fail_on"] == "never":
        return 0
    limit = Severity(asked["fail_on"]).rank
    findings = [f for d in done[names[-1]] for f in (*d.report.findings, *d.prepared.findings)]
    return int(any(f.severity.rank <= limit for f in findings))


# -- what was asked for ---------------------------------------------------------------------------


def _new_folder(asked: Mapping[str, Any]) -> Path:
    from datacheck.errors import UsageError

    if asked["output"]:
        folder = Path(asked["output"]).expanduser()
    else:
        stem = asked["demo"] or asked["preset"] or "run"
        numbers = range(1, 10_000)
        folder = next(f for n in numbers if not (f := Path("runs") / f"{stem}-{n}").exists())
    if asked["demo"] and (asked["path"] or asked["train"]):
        raise UsageError("a dataset and --demo are both given", "train on one of them")
    if asked["steps"] and asked["epochs"]:
        raise UsageError("--steps and --epochs are both given", "one says how long the run is")
    if folder.exists():
        raise UsageError(f"{folder} is there already", "name a new folder, or --resume that run")
    return folder


def _make(folder: Path, asked: Mapping[str, Any]) -> None:
    """The folder, and in it what was asked for, unless it is there."""
    from datacheck.errors import UsageError

    if (folder / ASKED).is_file():
        return
    try:
        folder.mkdir(parents=True)
        (folder / ASKED).write_text(json.dumps(asked, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot make {folder}: {error.strerror}", "name a new folder") from None


def _asked(folder: Path) -> dict[str, Any]:
    from datacheck.errors import UsageError

    try:
        found = json.loads((folder / ASKED).read_text(encoding="utf-8"))
        wanted = {p.name for p in command.params if p.expose_value} - {"resume"}
        if not isinstance(found, dict) or set(found) != wanted:
            raise ValueError("other options")
    except (OSError, ValueError):
        raise UsageError(
            f"{folder} holds no run of datacheck train", f"there would be {ASKED} in it"
        ) from None
    return found


def _roles(asked: Mapping[str, Any]) -> dict[str, Any]:
    names = ("label", "group", "time", "split_column", "delimiter", "encoding", "header", "task",
             "text_layout", "length_unit", "tokenizer", "follow_links")  # fmt: skip
    out = {name: asked[name] for name in names}
    out["id"], out["ignore"] = tuple(asked["id"]), tuple(asked["ignore_column"])
    return out


def _form(name: str, asked: Mapping[str, Any], preset: Preset) -> Form:
    from dataclasses import replace

    changed = {k: asked[k] for k in ("batch", "members", "longest") if asked[k] is not None}
    return replace(preset.form(name), **changed)


def _config(prepared: Prepared, asked: Mapping[str, Any], folder: Path) -> TrainConfig:
    from dataclasses import replace

    from datacheck.training.loop.feeding import Feed

    preset = prepared.form.config
    names = ("optimizer", "lr", "weight_decay", "momentum", "schedule", "warmup", "clip_at", "ema",
             "patience", "evaluate_every", "on_nonfinite", "device", "steps", "epochs")  # fmt: skip
    changed = {k: asked[k] for k in names if asked[k] is not None}
    if asked["epochs"]:
        changed["steps"] = None
    if asked["clip"]:
        changed["clip"] = None if asked["clip"] == "none" else asked["clip"]
    if asked["optimizer"] not in (None, "sgd", "rmsprop") and asked["momentum"] is None:
        changed["momentum"] = 0.0  # which the preset's own optimizer may have had
    epochs = asked["epochs"] or 0
    steps = epochs * (Feed(prepared.train, 0).groups() or 0) or asked["steps"] or preset.steps
    if steps and asked["warmup"] is None and preset.warmup >= steps:
        changed["warmup"] = steps // 10
    every = changed.get("evaluate_every", preset.evaluate_every)
    if every:  # a checkpoint goes to the disk: not at each evaluation
        changed["save_every"] = every * 5
    return replace(preset, seed=asked["seed"], checkpoint=folder, **changed)
