"""What ``datacheck train`` prints: before a run, after it, and both forms side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datacheck.training.loop.conducting import Trained
    from datacheck.training.train_config import TrainConfig

FIGURES = (
    ("loss", "evaluation loss"),
    ("score", "score"),
    ("NFR", "steps not finite"),
    ("LV", "loss volatility LV"),
    ("SR_g", "gradient spikes SR"),
    ("GT", "gradient tail GT"),
    ("VLJ", "evaluation jitter VLJ"),
    ("PW", "padding"),
)


def before(name: str, prepared: Any, config: TrainConfig) -> str:
    """What will be trained, and why that."""
    length = f"{config.steps:,} steps" if config.steps else f"{config.epochs} epochs"
    clip = f"clipped at {config.clip} {config.clip_at:g}" if config.clip else "not clipped"
    rate, seed = f"{config.schedule} rate {config.lr:g}", f"seed {config.seed}"
    parameters = sum(p.numel() for p in prepared.make().parameters())
    lines = [
        f"datacheck · train · {prepared.preset.name} · {name}",
        *(f"  {line}" for line in prepared.why),
        f"  {parameters:,} parameters, {length} of {config.optimizer}, {rate}, {clip}, {seed}",
        f"  the constant predictor's loss is {prepared.reference:.4g}",
    ]
    return "\n".join(lines) + "\n"


def after(done: Trained) -> str:
    """What came of it: findings and figures."""
    from datacheck.findings import plain

    lines = []
    if done.note:
        lines.append(done.note)
    if done.stopped is not None:
        lines.append(f"stopped: {done.stopped.message}")
    if done.fitted is not None:
        lines.append(str(done.fitted))
    found = (*done.prepared.findings, *done.report.findings)
    lines += [f"{f.rule} {f.severity}: {f.message}" for f in found]
    lines += [f"{word}: {_number(done.figures.get(key))}" for key, word in _figures(done)]
    lines.append(f"{done.seconds:.0f} s; record and checkpoints are in {done.folder}")
    return "\n".join(f"  {plain(line)}" for line in lines) + "\n\n"


def _figures(done: Trained) -> Sequence[tuple[str, str]]:
    return [(k, w) for k, w in FIGURES if k in done.figures]


def beside(done: Sequence[Trained]) -> str:
    """A table with the forms as columns."""
    rows = [(word, *(_number(d.figures.get(key)) for d in done)) for key, word in FIGURES]
    rows.append(("findings", *(_codes(d) for d in done)))
    head = ("", "pathological", "tamed")
    widths = [max(len(r[i]) for r in (head, *rows)) for i in range(3)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in (head, *rows)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def over_folds(name: str, done: Sequence[Trained]) -> str:
    """Mean and deviation over the folds of a cross-validation, and their range."""
    from statistics import fmean, stdev

    lines = [f"{name}: {len(done)} folds"]
    for key, word in FIGURES[:2]:
        values = [d.figures[key] for d in done if key in d.figures]
        if len(values) > 1:
            spread = f"{_number(fmean(values))} ± {_number(stdev(values))}"
            lines.append(f"  {word}: {spread} ({_number(min(values))} to {_number(max(values))})")
    return "\n".join(lines) + "\n\n"


def _codes(done: Trained) -> str:
    found = [*done.prepared.findings, *done.report.findings]
    return ", ".join(dict.fromkeys(f.rule for f in found)) or "none"


def _number(value: float | None) -> str:
    return "–" if value is None or value != value else f"{value:.4g}"
