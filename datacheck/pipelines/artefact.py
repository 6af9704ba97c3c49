"""The saved pipeline of a repair: its transforms, the schema they expect, and what they saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from datacheck.dataset import Role
from datacheck.pipelines.fingerprints import FittedOn, fingerprint
from datacheck.pipelines.frame_schema import Field
from datacheck.pipelines.pipeline import Pipeline
from datacheck.pipelines.view import View
from datacheck.sources.convert import Reading
from datacheck.sources.raw import readings_of

if TYPE_CHECKING:
    from datacheck.pipelines.transforms.base import Transform


def artefact(
    view: View, transforms: Sequence[Transform], loader: Mapping[str, Any], on: FittedOn | None
) -> Pipeline:
    """The pipeline that was fitted on the rows of train that ``view`` shows."""
    readings: dict[str, Reading] = {}
    for fragment in view.fragments():
        readings.update(readings_of(fragment))
    skipped = (Role.SPLIT, Role.IGNORE)
    schema = {
        name: Field.of(readings[name], column.role, view.parsed.get(name, ""))
        for name, column in view.data.columns.items()
        if name in readings and column.role not in skipped
    }
    return Pipeline(transforms, schema=schema, loader=loader, fitted_on=on)


def fitted_on(view: View, learned: Sequence[str]) -> FittedOn | None:
    """The fingerprint of train's rows that stay, as they were, over the columns learned from."""
    raw, train = View(view.data, (), view.moves), view.data.train
    columns = [c for c in view.data.columns if c in set(learned)]
    if train is None or not columns:
        return None

    def frames(columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
        for _, frame, _ in raw.pieces(columns, splits=[str(train)]):
            yield frame

    return fingerprint(frames, columns)
