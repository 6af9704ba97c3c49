"""What two transforms make differently of one image, each cause once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datacheck.findings import Effect, Severity
from datacheck.pipelines.images.steps import Step
from datacheck.pipelines.images.walk import Outcome, keys, told

LEVELS = 0.5
"""Gray levels (of 256) that a pixel may differ by: less is rounding."""
SPOILED = frozenset({"order", "length", "deviation", "twice", "chance"})
"""Faults after which a comparison of values says nothing more."""


@dataclass(frozen=True)
class Difference:
    """One thing that differs; ``text`` is about the evaluation transform, without its name."""

    kind: str
    text: str
    severity: Severity = Severity.ERROR
    evidence: dict[str, Any] = field(default_factory=dict)
    effect: Effect | None = None


def differences(train: Outcome, other: Outcome) -> Iterator[Difference]:
    """All that differs between the outcome of train's transform and that of another."""
    yield from _values(train, other)
    yield from _colors(train, other)
    yield from _sizes(train, other)
    yield from _chance(other)
    yield from _fixed(train, other)
    yield from _opaque(train, other)


def _values(train: Outcome, other: Outcome) -> Iterator[Difference]:
    spoiled = {f.kind for f in (*train.faults, *other.faults)} & SPOILED
    spans = {"train": list(train.span), "other": list(other.span)}
    if _form(train) != _form(other):
        # A step that is not understood may make tensors, but not undo them.
        if any(a.form != "tensor" and _only(a, b) for a, b in ((train, other), (other, train))):
            return
        yield Difference(
            "type",
            f"gives {_form(other)}, train {_form(train)}",
            evidence={"forms": [_form(train), _form(other)]},
        )
        return
    if spoiled:
        return
    apart = _levels(train, other)
    if apart <= LEVELS:
        if train.dtype != other.dtype and not train.unknown and not other.unknown:
            text = f"gives {other.dtype}, train {train.dtype}"
            yield Difference(
                "dtype", text, Severity.WARNING, {"dtypes": [train.dtype, other.dtype]}
            )
        return
    if _excused(train, other):
        return
    rescaled = not np.isclose(train.factor, other.factor)
    stats = not rescaled or keys(train.normalized) != keys(other.normalized)
    mine, theirs = told(other, rescaled, stats), told(train, rescaled, stats)
    yield Difference(
        "scale" if rescaled else "normalize",
        f"{mine}, {theirs} in train: "
        f"values of {_span(other)} against {_span(train)}, {_apart(apart)}",
        evidence={
            "spans": spans,
            "mean": [list(s.values["mean"]) for s in other.normalized],
            "std": [list(s.values["std"]) for s in other.normalized],
            "train_mean": [list(s.values["mean"]) for s in train.normalized],
            "train_std": [list(s.values["std"]) for s in train.normalized],
        },
        effect=Effect("gray levels apart", apart, apart, apart, LEVELS),
    )


def _excused(train: Outcome, other: Outcome) -> bool:
    """Whether a step that is not understood, and that one side has alone, may make up for it.

    It may where it stands on the side that scales or normalizes less.
    """
    less_other = len(other.normalized) < len(train.normalized)
    less_train = len(train.normalized) < len(other.normalized)
    if not np.isclose(train.factor, other.factor):
        less_other |= other.factor == 1
        less_train |= train.factor == 1
    return (less_other and _only(other, train)) or (less_train and _only(train, other))


def _only(one: Outcome, other: Outcome) -> bool:
    """Whether ``one`` has steps that are not understood, and that ``other`` has not."""
    known = keys(other.unknown)
    return any(k not in known for k in keys(one.unknown))


def _levels(train: Outcome, other: Outcome) -> float:
    """How far apart a pixel can end, in gray levels (1/255 of the whole range) of train."""
    top = train.source.top
    with np.errstate(all="ignore"):
        ends = [np.abs(other.apply(x) - train.apply(x)) for x in (0.0, top)]
        apart = np.max(np.abs(np.stack(np.broadcast_arrays(*ends)) / train.slope)) * 255 / top
    return float(apart)


def _form(outcome: Outcome) -> str:
    if outcome.form == "pil":
        return "PIL images"
    if outcome.form == "image":
        return "images as they come"
    return "tensors of floats" if "float" in outcome.dtype else f"tensors of {outcome.dtype}"


def _apart(levels: float) -> str:
    if levels > 255:
        return "further apart than black and white"
    return f"up to {levels:,.0f} gray levels apart" if levels >= 10 else f"{levels:.2g} gray levels"


def _span(outcome: Outcome) -> str:
    low, high = outcome.span
    return f"{low:.3g} to {high:.3g}"


def _colors(train: Outcome, other: Outcome) -> Iterator[Difference]:
    unclear = _only(train, other) or _only(other, train)
    if (train.channels, train.gray) == (other.channels, other.gray) or unclear:
        return
    known = [o for o in (train, other) if o.channels is not None]
    if len(known) == 2 and train.channels == other.channels == 1:
        return
    yield Difference(
        "color",
        f"gives {_color(other)}, train {_color(train)}",
        Severity.ERROR if train.gray != other.gray else Severity.WARNING,
        evidence={"channels": [train.channels, other.channels], "gray": [train.gray, other.gray]},
    )


def _color(outcome: Outcome) -> str:
    if outcome.channels is None:
        return "images of as many channels as they come with"
    what = "gray images" if outcome.gray else "images"
    return f"{what} of {outcome.channels} channel{'' if outcome.channels == 1 else 's'}"


def _sizes(train: Outcome, other: Outcome) -> Iterator[Difference]:
    one, two = _settled(train.size), _settled(other.size)
    unclear = "drawn" in (one[0], two[0]) or _only(train, other) or _only(other, train)
    kinds = {train.size[0], other.size[0]}
    loose = kinds & {"input", "padded"} and "cropped" in kinds
    if not unclear and not loose and one != two:
        drawn = [o for o in (train, other) if o.size[0] == "input"]
        by_chance = {s.name for o in (train, other) for s in o.random if s in o.resized}
        severity = Severity.INFO if drawn and by_chance else Severity.WARNING
        yield Difference(
            "size",
            f"gives images {_size(other)}, train {_size(train)}",
            severity,
            {"sizes": [_plain(one), _plain(two)]},
        )
        return
    yield from _resizing(train, other)


def _resizing(train: Outcome, other: Outcome) -> Iterator[Difference]:
    """Sizes are alike in the end; on the way there they may not have been."""
    if not train.resized or not other.resized:
        return
    first, second = train.resized[-1], other.resized[-1]
    drawn = first.values.get("resized") or second.values.get("resized")
    scales = [s.values["size"] for s in (first, second)]
    if not drawn and scales[0] != scales[1]:
        yield Difference(
            "resize",
            f"resizes by {second.name} before it crops, train by {first.name}: "
            "things are of another size",
            Severity.WARNING,
            {"steps": [first.name, second.name]},
        )
    modes = [s.values["interpolation"] for s in (first, second)]
    smooth = [s.values["antialias"] is not False for s in (first, second)]
    if modes[0] != modes[1] or smooth[0] != smooth[1]:
        shown = [
            f"{m}{'' if a else ' without antialiasing'}" for m, a in zip(modes, smooth, strict=True)
        ]
        yield Difference(
            "interpolation",
            f"resizes by {shown[1]} interpolation, train by {shown[0]}",
            Severity.WARNING,
            {"interpolations": shown},
        )


def _size(outcome: Outcome) -> str:
    kind, *rest = outcome.size
    if kind in ("exact", "cropped"):
        return f"of {rest[0]}×{rest[1]}"
    if kind == "short":
        return f"whose shorter side is {rest[0]}"
    return "of the size they come with" if kind == "input" else "of another size"


def _settled(size: tuple[Any, ...]) -> tuple[Any, ...]:
    return ("exact", *size[1:]) if size[0] == "cropped" else size


def _plain(size: tuple[Any, ...]) -> list[Any]:
    return [v if isinstance(v, int | str) else str(v) for v in size]


def _chance(other: Outcome) -> Iterator[Difference]:
    if other.random:
        named = [s.name for s in other.random]
        yield Difference(
            "random",
            f"draws at random: {', '.join(named[:4])}{' …' if len(named) > 4 else ''}; "
            "the score changes from run to run, and is not of the images there are",
            evidence={"steps": named},
        )


def _fixed(train: Outcome, other: Outcome) -> Iterator[Difference]:
    one, two = keys(train.fixed), keys(other.fixed)
    alone = [s.name for s in train.fixed if s.key not in two]
    more = [s.name for s in other.fixed if s.key not in one]
    if alone or more:
        parts = [f"has {', '.join(more)}" if more else ""]
        parts += [f"lacks train's {', '.join(alone)}" if alone else ""]
        yield Difference(
            "step",
            " and ".join(p for p in parts if p),
            Severity.WARNING,
            {"only_train": alone, "only_other": more},
        )


def _opaque(train: Outcome, other: Outcome) -> Iterator[Difference]:
    one, two = keys(train.unknown), keys(other.unknown)
    if one == two:
        return
    alone, more = _names(train.unknown, two), _names(other.unknown, one)
    parts = [f"{more} here" if more else "", f"{alone} in train" if alone else ""]
    said = " and ".join(p for p in parts if p) or "the same in another order"
    yield Difference(
        "unknown",
        f"differs from train in steps that cannot be read ({said}); "
        "audit_transforms(…, sample=images) runs them",
        Severity.INFO,
        {"train": [s.name for s in train.unknown], "other": [s.name for s in other.unknown]},
    )


def _names(steps: list[Step], without: list[Any]) -> str:
    return ", ".join(s.name for s in steps if s.key not in without)
