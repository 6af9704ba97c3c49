"""``datacheck study``: what each repair of a dataset does to training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datacheck.cli.common import codes_of, data_options, debug, source_of

if TYPE_CHECKING:
    from datacheck.training.study.running import Progress

EXAMPLES = """\b
Examples:
  datacheck study dataset/ --budget 3m
  datacheck study dataset/ --seeds 10 --steps 400 -o study/
  datacheck study dataset/ --repairs NM,MV001 --unsafe
  open study/study.html                    # curves, intervals, spikes and their rows

\b
A study that was stopped or killed goes on with the same command. Nothing is written to
the dataset. Exit codes: 0 done, whatever the verdicts are; 2 it could not run; 130 stopped.
"""


@click.command("study", epilog=EXAMPLES)
@data_options
@click.option(
    "-o", "--output", metavar="FOLDER", default="study", help="Where it goes.  [default: study]"
)
@click.option("--seeds", metavar="N", type=int, help="Pairs of runs; 6 at least.  [default: 10]")
@click.option("--steps", metavar="N", type=int, help="Steps of a run.  [default: 400]")
@click.option("--budget", metavar="TIME", help="Choose seeds and steps for this time: 3m, 1h.")
@click.option(
    "--repairs", metavar="RULES", multiple=True, help="Only repairs of these (LK,MV001)."
)
@click.option(
    "--unsafe", is_flag=True, help="Also repairs that change what a model is asked to learn."
)
@click.option("--preset", metavar="NAME", default="auto", help="The model.  [default: auto]")
@click.option("--batch", metavar="N", type=int, default=32, help="Rows a step.  [default: 32]")
@click.option("--lr", metavar="RATE", type=float, help="The learning rate, not the preset's.")
@click.option("--evaluate", metavar="SPLIT", default="", help="Evaluate on it.  [default: test]")
@click.option("--workers", metavar="N", type=int, help="Processes.  [default: one a core]")
@click.option(
    "--config", metavar="FILE", help="Settings, instead of a datacheck.toml that is found."
)
@click.option(
    "--progress/--no-progress", default=True, help="A bar, if standard error is a terminal."
)
@debug
def command(
    path: str | None,
    train: str | None,
    val: str | None,
    test: str | None,
    splits: tuple[str, ...],
    output: str,
    seeds: int | None,
    steps: int | None,
    budget: str | None,
    repairs: tuple[str, ...],
    unsafe: bool,
    preset: str,
    batch: int,
    lr: float | None,
    evaluate: str,
    workers: int | None,
    config: str | None,
    progress: bool,
    **flags: Any,
) -> None:
    """Train with and without each repair, and say what each did.

    PATH is a folder with train and test files, or one file. It is audited, its repairs are
    planned, and every arm is trained: the data as it is, all repairs, each alone, all but each,
    and controls. All arms are judged on the same clean evaluation rows.
    """
    from datacheck import options
    from datacheck.cli.output import wants_color, width, write_stdout
    from datacheck.config import Config
    from datacheck.errors import UsageError

    source = source_of(path, {"train": train, "val": val, "test": test}, splits, "study")
    settings = Config.load(config, path if path and Path(path).is_dir() else None).replace(**flags)
    options.check(settings)
    try:
        import torch  # noqa: F401 - only to say what to install
    except ImportError:
        raise UsageError("a study needs PyTorch", "pip install 'datacheck-ml[torch]'") from None
    from datacheck.training.study.budget import seconds_of
    from datacheck.training.study.dataset import StudyConfig, run_study
    from datacheck.training.study.table import render

    asked = StudyConfig(
        seeds=seeds, steps=steps, budget=None if budget is None else seconds_of(budget),
        repairs=codes_of(repairs), unsafe=unsafe, preset=preset, batch=batch, lr=lr,
        evaluate=evaluate, workers=workers,
    )  # fmt: skip
    try:
        with _shown(progress) as (shown, say):
            done = run_study(source, Path(output), settings, asked, progress=shown, say=say)
    except KeyboardInterrupt:
        click.echo(f"what was done is kept in {output}: the same command goes on", err=True)
        raise
    write_stdout(render(done.told, width=width(), color=wants_color()))
    click.echo(f"\nmore: {done.output / 'study.html'} (curves, spikes), study.json", err=True)


@contextmanager
def _shown(wanted: bool) -> Iterator[tuple[Progress | None, Any]]:
    """(a bar for runs, what says what is being done): nothing where there is no terminal."""
    import sys

    if not (wanted and sys.stderr.isatty()):
        yield None, None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    from datacheck.findings import plain
    from datacheck.training.study.words import duration

    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[told]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("preparing", total=None, told="")

        def say(text: str) -> None:
            bar.update(task, told=plain(text))

        def shown(done: int, total: int, left: float | None) -> None:
            eta = "" if left is None else f", about {duration(left)} left"
            bar.update(
                task, description="training", total=total, completed=done,
                told=f"{done:,} of {total:,} runs{eta}",
            )  # fmt: skip

        yield shown, say
