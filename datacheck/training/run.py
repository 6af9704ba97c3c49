"""A recorded run, read back: one row a step, as Polars frames."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datacheck.errors import UsageError
from datacheck.training.record import VERSION
from datacheck.types import Floats, Ints

STEPS = {
    "step": pl.Int64(),
    "epoch": pl.Int64(),
    "loss": pl.Float64(),
    "grad_norm": pl.Float64(),
    "update_ratio": pl.Float64(),
    "lr": pl.Float64(),
    "clipped": pl.Boolean(),
    "rows": pl.List(pl.Int64()),
    "row_loss": pl.List(pl.Float64()),
    "tokens": pl.Int64(),
    "padded": pl.Int64(),
    "layer": pl.String(),
    "overflow": pl.Boolean(),
}
EVALUATIONS = {
    "step": pl.Int64(),
    "split": pl.String(),
    "loss": pl.Float64(),
    "score": pl.Float64(),
    "n": pl.Int64(),
    "flips": pl.Int64(),
}
DEAD = {"step": pl.Int64(), "layer": pl.String(), "share": pl.Float64()}
LAYERS = {
    "step": pl.Int64(),
    "layer": pl.String(),
    "grad_norm": pl.Float64(),
    "weight_norm": pl.Float64(),
}
MAY_BE_INFINITE = ("loss", "grad_norm", "update_ratio", "score", "lr")
KINDS = ("step", "evaluation", "resume", "end")
_READ = {
    **STEPS,
    **EVALUATIONS,
    **{f"{name}_is": pl.String() for name in MAY_BE_INFINITE},
    "kind": pl.String(),
    "steps": pl.Int64(),
}
_DAMAGED = "a record is JSON Lines as StabilityMonitor writes them"


@dataclass(frozen=True, eq=False)
class Run:
    """What a monitor recorded.

    ``meta`` is what the first line says. ``steps`` has one row a step, ascending, with the
    columns of :data:`STEPS`: null where nothing was recorded, NaN or infinite where the number
    was. ``evaluations`` has one row for each step and split (:data:`EVALUATIONS`; its ``step``
    is the last one before it), ``dead`` the share of dead or saturated units of each activation
    layer on the steps that looked (:data:`DEAD`). ``ended`` tells whether the run came to its
    end, or was stopped or killed. ``layers`` has the norms of gradient and weights of each layer
    that has weights, in the model's order, on the steps that looked (:data:`LAYERS`; null where
    they were not finite); it is empty for records of before they were written down.

    A resumed run counts once: what was recorded from the step on at which it was taken up again
    is replaced by what came after, and of a step that is there twice the last one counts.
    """

    meta: dict[str, Any]
    steps: pl.DataFrame
    evaluations: pl.DataFrame
    dead: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=DEAD))
    ended: bool = False
    layers: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=LAYERS))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Run:
        """Read a record, even of a run that goes on or was killed: a cut last line is dropped.

        Raises UsageError for a file that cannot be read or is not a record.
        """
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise UsageError(
                f"{path} cannot be read: {error.strerror}",
                "name the record that a monitor wrote (path=…)",
            ) from None
        return _read(data, str(path))

    @classmethod
    def from_lines(cls, lines: Iterable[str | bytes]) -> Run:
        """The same of lines in memory, with or without their newlines.

        Raises UsageError if they are not a record.
        """
        parts = [line.encode() if isinstance(line, str) else line for line in lines]
        return _read(b"".join(p if p.endswith(b"\n") else p + b"\n" for p in parts), "the record")

    def rows(self, step: int) -> Ints:
        """The rows of the batch of a step, int64 of shape (batch,), empty if they are unknown.

        Raises UsageError for a step that was not recorded.
        """
        return self._list("rows", step).astype(np.int64)

    def row_losses(self, step: int) -> Floats:
        """The loss of each row of the batch, float64 of shape (batch,), NaN if not finite.

        Empty if they are unknown. Raises UsageError for a step that was not recorded.
        """
        return self._list("row_loss", step).astype(np.float64)

    def _list(self, column: str, step: int) -> np.ndarray[Any, Any]:
        at = self._places.get(int(step))
        if at is None:
            known = self.steps["step"]
            there = f"steps {known[0]} to {known[-1]}" if len(known) else "no steps"
            raise UsageError(f"step {step} is not in the record", f"it holds {there}")
        values = self.steps[column][at]
        return np.empty(0) if values is None else values.to_numpy()

    @cached_property
    def _places(self) -> dict[int, int]:
        return {step: at for at, step in enumerate(self.steps["step"].to_list())}


def _read(data: bytes, name: str) -> Run:
    """Of the bytes of a record."""
    whole = data[: data.rfind(b"\n") + 1]
    first, _, rest = whole.partition(b"\n")
    meta = _meta(first, name)
    try:
        frame = pl.read_ndjson(rest, schema=_READ) if rest.strip() else pl.DataFrame(schema=_READ)
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise UsageError(_where(rest, name, error), _DAMAGED) from None
    kinds = set(frame["kind"].unique().to_list()) - set(KINDS)
    if kinds:
        told = min(repr(k) for k in kinds)
        raise UsageError(f"{name} holds a line of kind {told}", f"kinds: {', '.join(KINDS)}")
    frame = _last_life(_numbers(frame).with_row_index("line"))
    steps = frame.filter(pl.col("kind") == "step").unique("step", keep="last").sort("step")
    evaluations = frame.filter(pl.col("kind") == "evaluation").unique(
        ["step", "split"], keep="last", maintain_order=True
    )
    numbered = frame.filter(pl.col("kind").is_in(["step", "evaluation", "resume"]))["step"]
    if numbered.null_count() or (numbered < 0).any():
        raise UsageError(f"{name} holds a line without the number of its step", _DAMAGED)
    rows = frame["rows"].drop_nulls()
    if (rows.list.len() != rows.list.drop_nulls().list.len()).any():
        raise UsageError(f"{name} holds a row without its number", _DAMAGED)
    return Run(
        meta=meta,
        steps=steps.select(*STEPS),
        evaluations=evaluations.select(*EVALUATIONS),
        ended=frame.height > 0 and frame["kind"][-1] == "end",
        **_by_layer(rest, steps["line"].to_list(), name),
    )


def _meta(first: bytes, name: str) -> dict[str, Any]:
    try:
        meta = json.loads(first)
    except (ValueError, RecursionError):
        meta = None
    if not isinstance(meta, dict) or meta.pop("kind", None) != "start":
        raise UsageError(f"{name} is not a record of a run", _DAMAGED)
    version = meta.pop("version", None)
    if version != VERSION:
        raise UsageError(
            f"{name} is a record of version {version!r}",
            f"this datacheck reads version {VERSION}; a newer one may read it",
        )
    return meta


def _where(rest: bytes, name: str, error: Exception) -> str:
    """Which line is damaged, for the message."""
    for number, line in enumerate(rest.split(b"\n"), start=2):
        try:
            if line.strip() and not isinstance(json.loads(line), dict):
                return f"{name}, line {number}: not an object of JSON"
        except (ValueError, RecursionError):
            return f"{name}, line {number}: not JSON"
    return f"{name} cannot be read: {str(error).splitlines()[0]}"


def _numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """NaN and infinities as they were, from the words that stand for them."""
    words = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}
    return frame.with_columns(
        pl.coalesce(
            pl.col(name),
            pl.col(f"{name}_is").replace_strict(words, default=None, return_dtype=pl.Float64),
        )
        for name in MAY_BE_INFINITE
    ).with_columns(pl.col("row_loss").list.eval(pl.element().fill_null(float("nan"))))


def _last_life(frame: pl.DataFrame) -> pl.DataFrame:
    """Without what was recorded from a step on at which the run was taken up again."""
    resumed = frame.filter(pl.col("kind") == "resume")
    for line, step in resumed.select("line", "step").rows():
        if step is not None:
            frame = frame.filter((pl.col("line") >= line) | (pl.col("step") < step))
    return frame


def _by_layer(rest: bytes, lines: Sequence[int], name: str) -> dict[str, pl.DataFrame]:
    """Frames ``dead`` and ``layers``; only the few lines that have them are parsed for it."""
    dead: list[tuple[int, str, float | None]] = []
    norms: list[tuple[int, str, float | None, float | None]] = []
    marks = (b'"dead":', b'"layer_grad":')
    if any(mark in rest for mark in marks):
        counted = (t for t in rest.split(b"\n") if t.strip())
        wanted = set(lines)
        for number, text in enumerate(counted):
            if number in wanted and any(mark in text for mark in marks):
                entry = json.loads(text)
                step = entry["step"]
                shares, grads, weights = (
                    _by_name(entry, key, f"{name}, step {step}: {what}")
                    for key, what in (("dead", "shares of units"), ("layer_grad", "norms"),
                                      ("layer_weight", "norms"))
                )  # fmt: skip
                dead += [(step, layer, share) for layer, share in shares.items()]
                norms += [(step, layer, norm, weights.get(layer)) for layer, norm in grads.items()]
    return {
        key: pl.DataFrame(found, schema=schema, orient="row").sort("step", maintain_order=True)
        for key, found, schema in (("dead", dead, DEAD), ("layers", norms, LAYERS))
    }


def _by_name(entry: dict[str, Any], key: str, what: str) -> dict[str, float | None]:
    """A number, or null, by the name of a layer. Raises UsageError for anything else."""
    found = entry.get(key, {})
    if not isinstance(found, dict) or not all(
        v is None or type(v) in (int, float) for v in found.values()
    ):
        raise UsageError(what, _DAMAGED)
    try:
        return {k: None if v is None else float(v) for k, v in found.items()}
    except OverflowError:  # a whole number beyond any float
        raise UsageError(what, _DAMAGED) from None
