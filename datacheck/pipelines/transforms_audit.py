"""``audit_transforms``: whether train and evaluation see the same kind of image (rule NM004)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from datacheck.checks.codes import find
from datacheck.errors import UsageError
from datacheck.findings import Finding, Outcome, Report, Severity, Status, names
from datacheck.pipelines.images.compare import Difference, differences
from datacheck.pipelines.images.read import read
from datacheck.pipelines.images.walk import Fault, Input, walk
from datacheck.pipelines.images.walk import Outcome as Walked

RULE = "NM004"
TRAIN_NAMES = ("train", "training", "tr", "fit")
MILD = frozenset({"twice", "range", "clipped", "few"})
"""Faults that, made alike in all transforms, harm training but not the score."""
COVERED = {
    "values": {"scale", "normalize", "type", "dtype", "step", "length", "deviation", "twice",
               "order", "chance", "color", "range"},
    "type": {"type", "dtype", "scale", "order"},
    "size": {"size", "resize", "color", "type"},
    "random": {"random", "chance"},
    "fails": {"type", "order", "length", "deviation", "size", "color", "scale", "normalize"},
}  # fmt: skip
"""What the sample shows, and what may have said so already from the steps."""


@dataclass(frozen=True)
class _One:
    """A difference or a fault of some transforms; ``splits`` are all that it is about."""

    who: str
    splits: tuple[str, ...]
    said: Difference


def audit_transforms(
    train: Any, evaluation: Any, sample: Any = None, channels: int | None = None
) -> Report:
    """Compare the image transform of train with that of one or several evaluation splits.

    ``train`` and ``evaluation`` are transforms of torchvision (v1 or v2, nested as they may be),
    presets of its weights, functions, None for no transform, or data sets that have one;
    ``evaluation`` may be a mapping of split names to those. Their steps are read, not run.
    ``sample`` (a PIL image, a uint8 tensor (C, H, W) or (N, C, H, W), an array, a list of them,
    or a data set of (image, label)) has at most 16 images run through all of them, six times
    each, so that steps that cannot be read are compared too. ``channels`` are those of the images
    where no sample tells. Without a sample, images of uint8 pixels are supposed.

    What only train does to augment is as it should be. Findings are of rule NM004. Raises
    UsageError for what is no transform and for a sample without images.
    """
    began = time.perf_counter()
    others = dict(evaluation) if isinstance(evaluation, Mapping) else {"evaluation": evaluation}
    if not others:
        raise UsageError("no evaluation transform is named", "such as {'test': transform}")
    if channels is not None and (isinstance(channels, bool) or channels < 1):
        raise UsageError(f"channels is {channels!r}", "such as 1 for gray images, 3 for color")
    findings, notes = compare({"train": train, **others}, sample, channels)
    return Report(
        dataset={
            "name": "transforms",
            "splits": {n: {"rows": 0, "files": 0} for n in ("train", *others)},
            "columns": {},
            "task": None,
        },
        findings=findings,
        outcomes=[Outcome(RULE, Status.FOUND if findings else Status.CLEAN)],
        assumptions=notes,
        timing={"total": time.perf_counter() - began},
    )


def compare(
    transforms: Mapping[str, Any], sample: Any = None, channels: int | None = None
) -> tuple[list[Finding], list[str]]:
    """Findings of NM004 and what was assumed, for transforms by split, one of them train's."""
    train = next((n for n in transforms if n.lower() in TRAIN_NAMES), None)
    if train is None or len(transforms) < 2:
        raise UsageError(
            f"transforms are named for {names(transforms, 5) or 'no split'}",
            "name that of train and at least one other, such as train=…, test=…",
        )
    source, ran, notes = Input(channels=channels), {}, []
    if sample is not None:
        from datacheck.pipelines.images.sample import described, images, run

        items = images(sample)
        source = described(items)
        ran = run({n: _call(t) for n, t in transforms.items()}, items)
        notes.append(f"sample: {len(items)} images were transformed {ran[train].form}")
    else:
        notes.append("images are taken to hold pixels of 0 to 255 (uint8)")
    walked = {n: walk(read(t), source) for n, t in transforms.items()}
    if ran and not any(r.error for r in ran.values()):
        notes += _ununderstood(walked)
    found = list(_faults(walked, train))
    for name, other in walked.items():
        if name != train:
            static = list(differences(walked[train], other))
            found += [_One(name, (train, name), d) for d in _seen(static, found, name, train, ran)]
    return [_finding(f, len(transforms)) for f in _merged(found)], notes


def _call(transform: Any) -> Any:
    """What is called with an image: lists are composed, data sets give their transform."""
    if isinstance(transform, list | tuple):
        steps = [_call(t) for t in transform]

        def composed(image: Any) -> Any:
            for step in steps:
                image = image if step is None else step(image)
            return image

        return composed
    if transform is not None and not callable(transform):
        return _call(getattr(transform, "transform", None))
    return getattr(transform, "transform", transform) if _is_standard(transform) else transform


def _is_standard(transform: Any) -> bool:
    return type(transform).__name__ == "StandardTransform"


def _seen(
    static: list[Difference], found: list[_One], name: str, train: str, ran: Mapping[str, Any]
) -> Iterator[Difference]:
    """Differences by reading, and by running what reading has not said or cannot say."""
    if not ran:
        yield from static
        return
    from datacheck.pipelines.images.outputs import differences as by_running

    run = list(by_running(ran[train], ran[name]))
    works = not ran[train].error and not ran[name].error
    shown = {d.kind for d in run}
    for one in static:
        # Sizes and steps that are not understood are settled by running.
        settled = works and one.kind in ("unknown", "size", "step") and one.kind not in shown
        settled |= one.kind == "unknown" and "fails" in shown
        if not settled:
            yield one
    said = {d.kind for d in static} | {f.said.kind for f in found if name in f.splits}
    for one in run:
        if not COVERED[one.kind] & said:
            yield one


def _ununderstood(walked: Mapping[str, Walked]) -> list[str]:
    return [
        f"{name}: not understood, and judged by the sample alone: "
        f"{names(s.name for s in one.unknown)}"
        for name, one in walked.items()
        if one.unknown
    ]


def _faults(walked: Mapping[str, Walked], train: str) -> Iterator[_One]:
    """Mistakes within each transform, less those that only follow from a difference."""
    for name, one in walked.items():
        for fault in one.faults:
            if fault.kind == "range" and not all(_has(o, fault) for o in walked.values()):
                continue  # the scale differs, and that is told
            everywhere = all(any(f.kind == fault.kind for f in o.faults) for o in walked.values())
            mild = fault.kind in MILD and (everywhere or name == train or fault.kind == "few")
            severity = Severity.WARNING if mild else Severity.ERROR
            said = Difference(fault.kind, fault.text, severity, dict(fault.evidence))
            yield _One(name, (name,), said)


def _has(walked: Walked, fault: Fault) -> bool:
    return any(f.kind == fault.kind for f in walked.faults)


def _merged(found: list[_One]) -> list[_One]:
    """Findings that say the same about several splits as one."""
    by: dict[tuple[str, str], list[_One]] = {}
    for one in found:
        by.setdefault((one.said.kind, one.said.text), []).append(one)
    out = []
    for some in by.values():
        splits = dict.fromkeys(s for one in some for s in one.splits)
        who = list(dict.fromkeys(one.who for one in some))
        worst = min((one.said for one in some), key=lambda s: s.severity.rank)
        out.append(_One(names(who, 6).replace(", ", " and ") if len(who) == 2 else names(who, 6),
                        tuple(splits), worst))  # fmt: skip
    return out


def _finding(one: _One, total: int) -> Finding:
    said = one.said
    return find(RULE).load()().finding(
        f"{one.who}: {said.text}",
        severity=said.severity,
        splits=one.splits,
        count=len(one.splits),
        total=total,
        unit="transforms",
        effect=said.effect,
        evidence={"kind": said.kind, **said.evidence},
    )
