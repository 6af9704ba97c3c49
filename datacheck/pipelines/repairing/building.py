"""From the steps of a plan to transforms, fitted on train; and to what the loader is told."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from datacheck.dataset import Dataset, Kind, Task
from datacheck.errors import UsageError
from datacheck.pipelines.fitting.spreads import learn_all
from datacheck.pipelines.plan import DROPS, Step
from datacheck.pipelines.repairing.mending import Applied
from datacheck.pipelines.repairing.view import View

if TYPE_CHECKING:
    from datacheck.pipelines.pipeline import Pipeline
    from datacheck.pipelines.transforms.base import Frames, Transform

TOKENS_FOR = 32  # sequences of mean length that a token budget holds, if the plan names none
_LN10, _LN2 = math.log(10), math.log(2)
CURVES: dict[str, tuple[dict[str, Any], ...]] = {
    "expm1": ({"function": "expm1"},),
    "log1p": ({"function": "log1p"},),
    "exp": ({"function": "exp"},),
    "log": ({"function": "log"},),
    "power-of-10": ({"scale": _LN10}, {"function": "exp"}),
    "power-of-2": ({"scale": _LN2}, {"function": "exp"}),
    "log10": ({"function": "log"}, {"scale": 1 / _LN10}),
    "log2": ({"function": "log"}, {"scale": 1 / _LN2}),
    "square": ({"function": "log"}, {"scale": 2.0}, {"function": "exp"}),
}
NUMBERS = ("median", "mean", "most_frequent", "constant", "knn", "iterative")
CATEGORIES = ("most_frequent", "missing")
TEMPORAL = (Kind.NUMBER, Kind.BOOLEAN, Kind.DATETIME)


@dataclass
class Built:
    """The plan as things that act.

    ``before`` are transforms that need no fit: rows are compared after them. ``after`` come once
    it is known which rows stay; they are fitted by :meth:`fit`.
    """

    data: Dataset
    before: list[Applied] = field(default_factory=list)
    after: list[Applied] = field(default_factory=list)
    blank: dict[str, tuple[int, frozenset[str] | None]] = field(default_factory=dict)
    parsed: dict[str, tuple[int, str]] = field(default_factory=dict)
    quarantine: frozenset[str] = frozenset()
    loader: dict[str, Any] = field(default_factory=dict)
    asked: list[Step] = field(default_factory=list)
    anew: list[tuple[int, Step]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def fit(self, view: View) -> None:
        """Fit what is to be fitted, each on train as the transforms before it leave it."""
        train = self.data.train
        if self.after and train is None:
            raise UsageError("nothing can be fitted without a train split", "name it train")

        def frames(done: Sequence[Transform]) -> Frames:
            seen = view.with_transforms(done)

            def look(columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
                read = _read(seen.transforms, columns)
                for _, frame, _ in seen.pieces(read, splits=[str(train)]):
                    yield frame

            return look

        made = learn_all([a.transform for a in self.after], frames, self.data.columns)
        self.said += [s for t in made for s in t.said]
        self.after = [replace(a, transform=t) for a, t in zip(self.after, made, strict=True)]
        fixed = view.with_transforms(made)
        for step in self.asked:
            _tell_loader(self.loader, step, fixed, str(train))

    @property
    def learned(self) -> tuple[str, ...]:
        """Columns that something is learned from, in the order of the data."""
        named = {c for a in self.after for c in a.transform.columns}
        return tuple(c for c in self.data.columns if c in named)

    def pipeline(self, view: View, image: Mapping[str, Any] | None = None) -> Pipeline:
        """The artefact: the fitted transforms, the schema, and what the loader is told; of
        pictures their shared transform, as plain data.
        """
        from datacheck.pipelines.saved.artefact import artefact

        transforms = [a.transform for a in (*self.before, *self.after)]
        return artefact(view, transforms, self.loader, image)


def build(data: Dataset, steps: Sequence[Step]) -> Built:
    """Transforms for the steps that act on values, and notes for the others."""
    built = Built(data)
    for i, step in enumerate(steps):
        if step.repair == "quarantine-unreadable":
            built.quarantine = frozenset(step.splits or ([data.train] if data.train else []))
        elif step.kind.acts == "loader":
            built.asked.append(step)
        elif step.kind.acts == "pictures":
            built.anew.append((i, step))
        elif step.repair == "parse":
            form = str(step.get("form"))
            if form not in ("decimal-comma", "thousands"):
                raise UsageError(f"parse: form is {form!r}", "it is decimal-comma or thousands")
            built.parsed.update(dict.fromkeys(step.columns, (i, form)))
        elif step.kind.acts == "values":
            early, transforms = _transforms(built, i, step)
            (built.before if early else built.after).extend(Applied(i, t) for t in transforms)
    return built


def _transforms(built: Built, i: int, step: Step) -> tuple[bool, list[Transform]]:
    """(whether it comes before rows are compared, the transforms) of a step on values."""
    from datacheck.pipelines.transforms import TRANSFORMS

    make: Any = TRANSFORMS  # of classes whose parameters differ
    kinds = {c: built.data.columns[c].kind for c in step.columns}
    common: dict[str, Any] = {"splits": step.splits, "allow_missing": True}
    if step.repair == "to-missing":
        return True, _to_missing(built, i, step, kinds)
    if step.repair == "invert-transform":
        return True, [_invert(step)]
    if step.repair in DROPS:
        return True, [make["drop_columns"](step.columns, **common)]
    if step.repair == "map-to-other":
        named = {"other": str(step.get("name")), "least": int(step.get("least"))}
        return False, [make["map_to_other"](step.columns, **named, **common)]
    if step.repair == "truncate":
        unit = "characters" if built.data.measure.unit == "characters" else "words"
        length = int(step.get("length"))
        return False, [make["truncate"](step.columns, length=length, unit=unit, **common)]
    if step.repair == "winsorize":
        return False, [make["winsorize"](step.columns, k=float(step.get("k")), **common)]
    if step.repair == "impute-with-indicator":
        return False, _impute(step, kinds)
    method = {"standardize": "standard", "robust-scale": "robust", "min-max-scale": "minmax"}
    return False, [make["scale"](step.columns, method=method[step.repair], **common)]


def _to_missing(built: Built, i: int, step: Step, kinds: dict[str, Kind]) -> list[Transform]:
    from datacheck.pipelines.transforms.to_missing import ToMissing

    listed = [str(v) for v in step.get("values")]
    values: dict[str, tuple[Any, ...]] = {}
    for column, kind in kinds.items():
        if kind in TEMPORAL:
            numbers = [n for n in map(_number, listed) if n is not None]
            texts = frozenset(t for t in listed if _number(t) is None)
            if not step.get("infinite") and (texts or not listed):
                built.blank[column] = (i, texts if listed else None)
            values[column] = tuple(numbers) if kind is Kind.NUMBER else ()
        else:
            values[column] = tuple(listed)
    transform = ToMissing(
        step.columns, step.splits, True, values=values, infinite=bool(step.get("infinite"))
    )
    return [transform]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _invert(step: Step) -> Transform:
    from datacheck.pipelines.transforms.invert import Invert, Map

    curve, scale, offset = (step.get(name) for name in ("curve", "scale", "offset"))
    if curve:
        if curve not in CURVES:
            raise UsageError(f"invert-transform: no curve {curve!r}", f"one of {', '.join(CURVES)}")
        maps = {c: tuple(Map(**m) for m in CURVES[curve]) for c in step.columns}
    else:
        lacking = [c for c in step.columns if c not in scale]
        if lacking:
            raise UsageError(
                f"invert-transform has no scale for {lacking[0]!r}", "give scale and offset"
            )
        maps = {
            c: (Map("affine", float(scale[c]), float(offset.get(c, 0.0))),) for c in step.columns
        }
    return Invert(step.columns, step.splits, True, maps=maps)


def _impute(step: Step, kinds: dict[str, Kind]) -> list[Transform]:
    from datacheck.pipelines.transforms.impute import Impute

    number, category = str(step.get("number")), str(step.get("category"))
    if number not in NUMBERS or category not in CATEGORIES:
        raise UsageError(
            f"{step.repair}: number is {number!r}, category is {category!r}",
            f"number is one of {', '.join(NUMBERS)}, category of {', '.join(CATEGORIES)}",
        )
    strategy: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for column, kind in kinds.items():
        if kind is Kind.NUMBER:
            strategy[column] = number
            if number == "constant":
                values[column] = float(step.get("constant"))
        else:
            strategy[column] = category if kind is not Kind.BOOLEAN else "most_frequent"
    return [
        Impute(
            step.columns, step.splits, True, strategy=strategy, values=values,
            indicator=bool(step.get("indicator")), neighbors=int(step.get("neighbors")),
        )
    ]  # fmt: skip


def _read(transforms: Sequence[Transform], columns: tuple[str, ...]) -> tuple[str, ...]:
    """What has to be read for those columns to have their mended values."""
    wanted = dict.fromkeys(columns)
    for transform in reversed(transforms):
        some = transform.narrow(list(wanted))
        if some is not None:
            wanted.update(dict.fromkeys(some.columns))
    return tuple(wanted)


# -- the loader --------------------------------------------------------------------------------


def _tell_loader(loader: dict[str, Any], step: Step, view: View, train: str) -> None:
    if step.repair == "shuffle":
        loader["shuffle"] = True
    elif step.repair == "balanced-sampler":
        loader["balanced_sampler"] = True
    elif step.repair in ("class-weights", "reweight-classes"):
        loader["class_weights"] = _weights(view, train, shift=step.repair != "class-weights")
    elif step.repair == "class-aware-buckets":
        loader["class_aware"] = True
    elif step.repair == "length-bucketing":
        edges = [int(e) for e in step.get("edges")]
        loader["length_bucketing"] = {"column": step.columns[0], "edges": edges}
    elif step.repair == "token-budget":
        loader["token_budget"] = int(step.get("tokens")) or _tokens(view, train, step.columns[0])


def _weights(view: View, train: str, *, shift: bool) -> dict[str, float]:
    """n / (K · n_k), or the share of a class in evaluation over that in train; mean 1 over rows."""
    label = view.data.label
    if label is None or view.data.task is not Task.CLASSIFICATION:
        raise UsageError("class weights need a label that names classes", "name it with --label")
    from datacheck.summaries.values import canonical_strings

    counts: dict[bool, dict[str, int]] = {True: {}, False: {}}
    for split, frame, _ in view.pieces([label.name], splits=[] if shift else [train]):
        mine = counts[split == train]
        for value, n in canonical_strings(frame[label.name]).drop_nulls().value_counts().rows():
            mine[value] = mine.get(value, 0) + n
    there = counts[True]
    total, k = sum(there.values()), len(there)
    if not shift:
        return {c: total / (k * n) for c, n in sorted(there.items())}
    other = counts[False]
    held = sum(other.get(c, 0) for c in there) or 1
    return {c: other.get(c, 0) / held / (n / total) for c, n in sorted(there.items())}


def _tokens(view: View, train: str, column: str) -> int:
    """Room for 32 sequences of the mean length, and for the longest."""
    count = total = longest = 0
    for _, frame, _ in view.pieces([column], splits=[train]):
        cell = frame[column]
        lengths = cell.list.len() if isinstance(cell.dtype, pl.List) else _words(cell)
        lengths = lengths.drop_nulls()
        count += len(lengths)
        total += int(lengths.sum() or 0)
        longest = max(longest, int(lengths.to_numpy().max(initial=0)))
    return max(longest, TOKENS_FOR * -(-total // max(count, 1)), 1)


def _words(series: pl.Series) -> pl.Series:
    return series.str.count_matches(r"\S+")
