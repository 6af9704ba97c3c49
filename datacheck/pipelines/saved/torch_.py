"""A pipeline as an ``nn.Module`` on float tensors: the same numbers, for columns of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from datacheck.dataset import Kind, Role
from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.pipelines.saved.tensor_steps import step_for

if TYPE_CHECKING:
    from datacheck.pipelines.pipeline import Pipeline
    from datacheck.pipelines.transforms.base import Transform

NUMERIC = (Kind.NUMBER, Kind.BOOLEAN)


class TensorPipeline(nn.Module):
    """(n, ``input_columns``) floats with NaN for missing → (n, ``output_columns``) floats.

    Computed in float64 whatever the input, and returned in the input's type. The state is in
    buffers, so it moves with ``.to(device)`` and is in the ``state_dict``; nothing is trained.
    Transforms for one split alone are not part of it.
    """

    def __init__(self, pipeline: Pipeline, columns: Sequence[str] | None = None) -> None:
        super().__init__()
        if not pipeline.fitted:
            raise UsageError("the pipeline is not fitted", "call fit(train) first")
        there = [
            c for c, f in pipeline.schema.items() if f.role is Role.FEATURE and f.kind in NUMERIC
        ]
        self.input_columns = list(there if columns is None else columns)
        strange = [c for c in self.input_columns if c not in there]
        if strange:
            field = pipeline.schema.get(strange[0])
            what = f"holds {field.kind.value}" if field is not None else "is not in the schema"
            raise UsageError(f"{strange[0]!r} {what}", f"tensors hold numbers: {names(there, 8)}")
        now = list(self.input_columns)
        steps: list[nn.Module] = []
        for one in pipeline.transforms:
            part = self._part(one, now)
            if part is None:
                continue
            steps.append(step_for(part, tuple(now)))
            now = [c for c in now if c not in part.dropped]
            now += [c for c in part.added if c not in now]
        self.steps = nn.ModuleList(steps)
        self.output_columns = now

    def _part(self, one: Transform, now: list[str]) -> Transform | None:
        """What of a transform is about these columns. Raises UsageError if it needs others."""
        if one.splits:
            return None
        part = one.narrow(now)
        if part is None:
            return None
        lacking = [c for c in part.columns if c not in now]
        if lacking:
            raise UsageError(
                f"{one.kind} also needs {names(lacking, 5)}", "add them to the columns"
            )
        return part

    def forward(self, x: Tensor) -> Tensor:
        """x of shape (n, inputs) → (n, outputs)."""
        if x.ndim != 2 or x.shape[1] != len(self.input_columns):
            raise UsageError(
                f"a tensor of shape {tuple(x.shape)}",
                f"expected (n, {len(self.input_columns)}): {names(self.input_columns, 8)}",
            )
        out = x.to(torch.float64)
        for step in self.steps:
            out = step(out)
        return out.to(x.dtype)
