"""The systems that a person trains, by name: each as it goes wrong, and as it is tamed.

A preset is data. ``tasks.prepare`` makes a model, an objective and loaders of a form and a dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.training.samples.shapes import Shape
from datacheck.training.train_config import TrainConfig

FormName = Literal["pathological", "tamed"]
FORMS: tuple[str, ...] = get_args(FormName)


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way to train a preset.

    ``words`` say what is done, for a table with both forms side by side. Raises UsageError for a
    size that is no whole number from 1.
    """

    words: str
    config: TrainConfig
    model: Mapping[str, Any] = field(default_factory=dict)
    """Options of the model."""
    batch: int = 32
    """Rows of a batch."""
    buckets: int = 1
    """Batches of like lengths to a step; 1: a step is one batch of any lengths."""
    prepared: bool = True
    """Numbers of a table imputed and standardized from train, images by one shared transform;
    otherwise numbers are taken as they come, and only train's images are normalized."""
    masked: bool = True
    """Whether the loss and the model leave out padding."""
    junk: bool = True
    """Whether sequences that are unlike all others stay in train."""
    longest: int | None = None
    """At most so many items of a source sequence, its last."""
    vocabulary: int = 1000
    """Words that are known, the most frequent of train."""
    members: int = 1
    """Models that are trained side by side, from other weights, and averaged."""

    def __post_init__(self) -> None:
        for name in ("batch", "buckets", "vocabulary", "members"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}", "a whole number from 1")


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A system: the shapes of data that it is for, and its two forms."""

    name: str
    words: str
    shapes: tuple[Shape, ...]
    pathological: Form
    tamed: Form

    def form(self, name: str) -> Form:
        """One of the two. Raises UsageError for another name."""
        if name not in FORMS:
            raise UsageError(f"no form {name!r}", names(FORMS))
        found: Form = getattr(self, name)
        return found


TABLE = Preset(
    name="table",
    words="a perceptron over the columns of a table",
    shapes=("table",),
    pathological=Form(
        words="numbers as they come, SGD at 0.1, no clipping",
        config=TrainConfig(
            steps=400, optimizer="sgd", lr=0.1, momentum=0.9, evaluate_every=10, on_nonfinite="stop"
        ),
        model={"width": 64, "depth": 2},
        prepared=False,
    ),
    tamed=Form(
        words="imputed and standardized from train, AdamW with warm-up and decay, clipped at 1",
        config=TrainConfig(
            steps=400, optimizer="adamw", lr=3e-3, weight_decay=0.01, schedule="linear", warmup=40,
            clip="norm", clip_at=1.0, evaluate_every=10,
        ),
        model={"width": 64, "depth": 2, "dropout": 0.1, "residual": True},
    ),
)  # fmt: skip

DECODER = Preset(
    name="decoder",
    words="a Transformer decoder: a language model, or a classifier of tokens",
    shapes=("language", "tokens"),
    pathological=Form(
        words="junk sequences kept, no warm-up, no clipping",
        config=TrainConfig(steps=300, optimizer="adamw", lr=3e-3, evaluate_every=50),
        model={"width": 64, "depth": 2, "heads": 4, "dropout": 0.1, "tied": False},
        batch=16,
    ),
    tamed=Form(
        words="no junk, linear warm-up and decay, clipped at 1, batches of like lengths",
        config=TrainConfig(
            steps=300, optimizer="adamw", lr=3e-3, weight_decay=0.01, decayed="matrices",
            schedule="linear", warmup=30, clip="norm", clip_at=1.0, evaluate_every=50,
        ),
        model={"width": 64, "depth": 2, "heads": 4, "dropout": 0.1, "tied": False},
        batch=16,
        junk=False,
        buckets=2,
    ),
)  # fmt: skip

IMAGES = Preset(
    name="image-classifier",
    words="a residual network for images",
    shapes=("image",),
    pathological=Form(
        words="train normalized with (0.5,), evaluation not; a constant rate",
        config=TrainConfig(steps=300, optimizer="sgd", lr=0.05, momentum=0.9, evaluate_every=15),
        model={"width": 16, "stages": 2, "blocks": 1, "norm": "batch"},
        prepared=False,
    ),
    tamed=Form(
        words="one transform for all splits, augmented train, SiLU, residual, StepLR",
        config=TrainConfig(
            steps=300, optimizer="sgd", lr=0.05, momentum=0.9, weight_decay=5e-4, schedule="step",
            evaluate_every=15, patience=10,
        ),
        model={"width": 16, "stages": 2, "blocks": 1, "norm": "batch", "dropout": 0.1},
    ),
)  # fmt: skip

AVERAGING = Preset(
    name="averaging",
    words="calm by averaging: a falling rate, clipping, EMA, and an ensemble",
    shapes=("table", "image"),
    pathological=Form(
        words="one model, a constant high rate, no clipping",
        config=TrainConfig(steps=400, optimizer="sgd", lr=0.1, momentum=0.9, evaluate_every=10),
        model={"width": 64},
    ),
    tamed=Form(
        words="five models averaged, cosine, clipped at 1, an exponential average of the weights",
        config=TrainConfig(
            steps=400, optimizer="sgd", lr=0.1, momentum=0.9, schedule="cosine", clip="norm",
            clip_at=1.0, ema=0.98, evaluate_every=10,
        ),
        model={"width": 64},
        members=5,
    ),
)  # fmt: skip

SEQUENCES = Preset(
    name="encoder-decoder",
    words="a recurrent encoder and decoder of long sequences, or a classifier of them",
    shapes=("translation", "series", "tokens"),
    pathological=Form(
        words="tanh cells, weights of spectral radius 1.8, no clipping",
        config=TrainConfig(steps=120, optimizer="sgd", lr=0.1, evaluate_every=40),
        model={"hidden": 64, "cell": "tanh", "init": "normal", "gain": 1.8},
        batch=32,
    ),
    tamed=Form(
        words="GRU, orthogonal weights, clipped at 5, a falling rate, steps of like lengths",
        config=TrainConfig(
            steps=120, optimizer="adam", lr=1e-2, schedule="linear", floor=0.1, warmup=10,
            clip="norm", clip_at=5.0, evaluate_every=40,
        ),
        model={"hidden": 32, "cell": "gru", "init": "orthogonal"},
        batch=32,
        buckets=2,
    ),
)  # fmt: skip

PRESETS: Mapping[str, Preset] = {
    p.name: p for p in (TABLE, DECODER, IMAGES, AVERAGING, SEQUENCES)
}
ALIASES = {"mlp": "table"}


def preset(name: str) -> Preset:
    """The preset of that name; ``mlp`` is the table's. Raises UsageError for another."""
    found = PRESETS.get(ALIASES.get(name, name))
    if found is None:
        raise UsageError(f"no preset {name!r}", f"there are: {names(PRESETS, len(PRESETS))}")
    return found


def choose(shape: Shape) -> Preset:
    """The preset for data of that shape: the first in the table."""
    return next(p for p in PRESETS.values() if shape in p.shapes)
