"""The artefact: fitted transforms and the schema they expect, saved as JSON that people can read.

The same object repairs train, evaluation, and rows at serving time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import polars as pl

from datacheck.dataset import TRAIN_NAMES, Role
from datacheck.errors import DatacheckError, SourceError, UsageError
from datacheck.findings import names
from datacheck.pipelines.fitting.fingerprints import FittedOn, fingerprint
from datacheck.pipelines.fitting.spreads import learn_all
from datacheck.pipelines.saved import frame_schema, plain_json
from datacheck.pipelines.saved.frame_schema import Field
from datacheck.pipelines.saved.in_and_out import Given, given
from datacheck.pipelines.transforms import from_dict
from datacheck.pipelines.transforms.base import Frames, Transform, pick
from datacheck.pipelines.transforms.coding import decode, encode

if TYPE_CHECKING:
    from datacheck.pipelines.saved.sklearn_ import PipelineTransformer

FORMAT, VERSION = "datacheck-pipeline", 1
MOST_TRANSFORMS = 10_000


class Pipeline:
    """Transforms in their order, fitted on train and applied to everything else.

    ``schema`` has a :class:`Field` for each column it was fitted on. ``loader`` is what training
    is told besides (class weights and the like) and ``image`` a shared image transform, both
    plain data. ``fitted_on`` says which rows, ``splits`` names the data's splits. A pipeline is
    never changed: :meth:`fit` and :meth:`learn` return a fitted one. Raises UsageError for what is
    no transform.
    """

    def __init__(
        self,
        transforms: Sequence[Transform] = (),
        *,
        schema: Mapping[str, Field] | None = None,
        loader: Mapping[str, Any] | None = None,
        image: Mapping[str, Any] | None = None,
        fitted_on: FittedOn | None = None,
        splits: Sequence[str] = (),
    ) -> None:
        self.transforms = tuple(transforms)
        self.schema: dict[str, Field] = dict(schema or {})
        self.loader: dict[str, Any] = dict(loader or {})
        self.image: dict[str, Any] | None = dict(image) if image is not None else None
        self.fitted_on = fitted_on
        for one in self.transforms:
            if not isinstance(one, Transform):
                raise UsageError(
                    f"a pipeline is made of transforms, not of {type(one).__name__}",
                    "see datacheck.pipelines.transforms.TRANSFORMS",
                )
        self.splits = tuple(splits or dict.fromkeys(s for t in self.transforms for s in t.splits))

    def __repr__(self) -> str:
        kinds = ", ".join(t.kind for t in self.transforms) or "no transforms"
        return f"Pipeline({kinds}; {len(self.schema)} columns)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pipeline) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment] # it holds mappings

    # -- fit ----------------------------------------------------------------------------------

    def on(self, rows: FittedOn | None) -> Self:
        """The same, saying which rows it was fitted on."""
        return self._with(self.transforms, self.schema, rows)

    @property
    def fitted(self) -> bool:
        """Whether all transforms are."""
        return all(t.fitted for t in self.transforms)

    @property
    def label(self) -> str | None:
        """The label column, if the schema has one."""
        return next((c for c, f in self.schema.items() if f.role is Role.LABEL), None)

    @property
    def said(self) -> tuple[str, ...]:
        """What the transforms assumed, sampled or left out."""
        return tuple(s for t in self.transforms for s in t.said)

    def fit(self, train: Any, *, label: str | None = None) -> Self:
        """A pipeline fitted on train: a frame (Polars, pandas), a mapping of columns, or arrays.

        Only features are looked at; ``label`` names the column that is none, if it is there.
        Raises UsageError where a transform names the label, or a column that train lacks.
        """
        frame = given(train).frame
        texts = frozenset(c for t in self.transforms if t.kind == "parse" for c in t.columns)
        schema = frame_schema.schema_of(frame, label, texts)
        ready = frame_schema.converted(frame, schema)

        def frames(columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
            yield pick(ready, columns)

        return self.learn(frames, schema)

    def learn(self, frames: Frames, schema: Mapping[str, Field]) -> Self:
        """The same from blocks of train's rows in the common schema.

        Each transform learns from rows that the earlier ones have changed.
        """
        self._known(schema)
        done = learn_all(self.transforms, lambda before: after(frames, before), schema)
        features = [c for c, f in schema.items() if f.role is Role.FEATURE]
        return self._with(done, schema, fingerprint(frames, features))

    def _known(self, schema: Mapping[str, Field]) -> None:
        """Raises UsageError for transforms of columns that are no features."""
        features = {c for c, f in schema.items() if f.role is Role.FEATURE}
        made: set[str] = set()  # names that indicators may have
        for one in self.transforms:
            for c in one.columns:
                if c in schema and c not in features:
                    raise UsageError(
                        f"{one.kind} would change {c!r}, which is the {schema[c].role.value}",
                        "transforms are for features",
                    )
                if c not in schema and c not in made and not one.allow_missing:
                    raise UsageError(
                        f"{one.kind} names {c!r}, which train lacks",
                        f"its columns: {names(schema, 8)}",
                    )
            made |= set(one.may_add)

    def _with(
        self, transforms: Sequence[Transform], schema: Mapping[str, Field], on: FittedOn | None
    ) -> Self:
        return type(self)(
            transforms, schema=schema, loader=self.loader, image=self.image, fitted_on=on,
            splits=self.splits,
        )  # fmt: skip

    # -- transform ----------------------------------------------------------------------------

    def transform(self, frame: Any, split: str | None = None) -> Any:
        """The frame repaired, as the type it was given: pandas, Polars, or a NumPy array.

        ``split`` (of :attr:`splits`) also applies what is for that split alone (the inverse of a
        mismatch, say). The label and columns not in the schema pass as they are. Raises UsageError
        where the frame does not fit the schema, with all that differs, and for an unknown split.
        """
        if not self.fitted:
            raise UsageError("the pipeline is not fitted", "call fit(train) first")
        if split is not None:
            frame_schema.check_split(split, self.splits)
        came = given(frame)
        return came.back(self._transform(came, split))

    def _transform(self, came: Given, split: str | None) -> pl.DataFrame:
        other = frame_schema.other_names(came.frame, self.schema)
        frame = came.frame.rename(other) if other else came.frame
        if self.schema:
            gone = frozenset(c for t in self.transforms for c in t.dropped)
            frame_schema.check(frame, self.schema, gone)
            touched = frozenset(c for t in self.transforms for c in t.columns)
            frame = frame_schema.converted(frame, self.schema, touched)
        for one in self.transforms:
            if not one.splits or split in one.splits:
                frame = one.apply(frame)
        return frame.rename({b: a for a, b in other.items() if b in frame.columns})

    # -- JSON ---------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """The whole pipeline as plain data."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "splits": list(self.splits),
            "fitted_on": encode(self.fitted_on) if self.fitted_on else None,
            "schema": {c: _short(f) for c, f in self.schema.items()},
            "transforms": [t.to_dict() for t in self.transforms],
            "loader": self.loader,
            "image": self.image,
        }

    @classmethod
    def from_dict(cls, found: Any) -> Self:
        """What :meth:`to_dict` wrote. Raises SourceError for what is damaged or unknown."""
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise SourceError("this is no datacheck pipeline", f"its format would be {FORMAT}")
        version = found.get("version")
        if version != VERSION or isinstance(version, bool):
            raise SourceError(
                f"a pipeline of version {str(version)[:20]}",
                f"this program reads version {VERSION}; install the one that wrote it",
            )
        listed = found.get("transforms")
        if not isinstance(listed, list) or len(listed) > MOST_TRANSFORMS:
            raise SourceError("the pipeline has no list of transforms", "save it again")
        strange = set(found) - set(cls().to_dict())
        if strange:
            raise SourceError(f"the pipeline holds {min(strange)[:40]!r}", "save it again")
        try:
            return cls(
                [from_dict(one) for one in listed],
                schema=decode(found.get("schema") or {}, Mapping[str, Field], "schema"),
                loader=_plain(found.get("loader") or {}, "loader"),
                image=None if (i := found.get("image")) is None else _plain(i, "image"),
                fitted_on=decode(found.get("fitted_on"), FittedOn | None, "fitted_on"),
                splits=decode(found.get("splits") or [], tuple[str, ...], "splits"),
            )
        except DatacheckError as error:
            raise SourceError(f"the pipeline is damaged: {error.message}", error.hint) from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write ``pipeline.json``, whole or not at all.

        Raises SourceError where it cannot be written, UsageError before it is fitted.
        """
        if not self.fitted:
            raise UsageError("the pipeline is not fitted", "call fit(train) first")
        plain_json.write(Path(path), self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what :meth:`save` wrote; nothing in it is ever run. Raises SourceError."""
        where = Path(path)
        found = plain_json.read(where)
        try:
            return cls.from_dict(found)
        except SourceError as error:
            raise SourceError(f"{where}: {error.message}", error.hint) from None

    # -- elsewhere ----------------------------------------------------------------------------

    def to_sklearn(self) -> PipelineTransformer:
        """The same as a scikit-learn transformer, fitted; ``fit`` fits a clone of it anew."""
        from datacheck.pipelines.saved.sklearn_ import PipelineTransformer

        return PipelineTransformer.fitted(self)

    def to_torch(self, columns: Sequence[str] | None = None) -> Any:
        """The same as an ``nn.Module`` on float tensors, for the columns of numbers.

        Of a dataset of pictures it takes pictures instead:
        :class:`~datacheck.pipelines.saved.torch_pictures.PicturePipeline`.

        ``columns`` gives the order of the input; by default all numbers and booleans of the
        schema, in its order. Raises UsageError for what has no meaning on tensors.
        """
        try:
            from datacheck.pipelines.saved.torch_ import TensorPipeline
        except ImportError:
            raise UsageError(
                "to_torch needs PyTorch", "pip install 'datacheck-ml[torch]'"
            ) from None
        if self.image is not None and self.image.get("mode") and columns is None:
            from datacheck.pipelines.saved.torch_pictures import PicturePipeline

            return PicturePipeline(self.image)
        return TensorPipeline(self, columns)


def after(frames: Frames, done: Sequence[Transform]) -> Frames:
    """Train's rows as those transforms leave them: of each only what the asked columns need."""

    def changed(columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
        wanted = dict.fromkeys(columns)
        steps: list[Transform] = []
        for one in reversed(done):
            if one.splits and not any(s.lower() in TRAIN_NAMES for s in one.splits):
                continue
            some = one.narrow(list(wanted))
            if some is not None:
                for c in some.added:
                    wanted.pop(c, None)
                wanted.update(dict.fromkeys(some.columns))
                steps.append(replace(some, allow_missing=True))
        gone = {c for one in done for c in one.dropped}
        for frame in frames(tuple(wanted)):
            for one in reversed(steps):
                frame = one.apply(frame)
            lacking = [c for c in columns if c not in frame.columns]
            if lacking:
                why = "dropped before" if set(lacking) & gone else "not there"
                raise UsageError(f"{names(lacking)} cannot be fitted: {why}", "reorder the steps")
            yield pick(frame, columns)

    return changed if done else frames


def _short(field: Field) -> dict[str, Any]:
    """A field without what is as usual."""
    usual = encode(Field(field.kind))
    return {k: v for k, v in encode(field).items() if k in ("kind", "role") or v != usual[k]}


def _plain(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{where} is {type(value).__name__}", "expected an object")
    return value
