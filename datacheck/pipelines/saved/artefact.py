"""The saved pipeline of a repair: its transforms, the schema they expect, and what they saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from datacheck.dataset import Role
from datacheck.pipelines.pipeline import Pipeline
from datacheck.pipelines.repairing.view import View
from datacheck.pipelines.saved.frame_schema import Field
from datacheck.sources.convert import Reading
from datacheck.sources.raw import readings_of

if TYPE_CHECKING:
    from datacheck.pipelines.transforms.base import Transform


def artefact(
    view: View,
    transforms: Sequence[Transform],
    loader: Mapping[str, Any],
    image: Mapping[str, Any] | None = None,
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
    return Pipeline(transforms, schema=schema, loader=loader, image=image, splits=view.splits)

