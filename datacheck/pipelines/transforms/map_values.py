"""Values by other names: spellings of one category made one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import polars as pl

from datacheck.errors import UsageError
from datacheck.pipelines.transforms.base import Transform, Value, fits, rewrite


@dataclass(frozen=True)
class MapValues(Transform):
    """``values`` holds, per column, pairs (old, new); other values stay as they are.

    New values have the type of the old ones, and none is itself an old one: applied twice, the
    map does what it does once.
    """

    kind: ClassVar[str] = "map_values"
    values: Mapping[str, tuple[tuple[Value, Value], ...]] = field(default_factory=dict)

    def check(self) -> None:
        """One new value for each old one, of its type, and no chains."""
        strange = [c for c in self.values if c not in self.own]
        if strange:
            raise UsageError(
                f"map_values has values for {strange[0]!r}",
                f"which is not among its columns {', '.join(self.columns)}",
            )
        for column, pairs in self.values.items():
            old = {p[0] for p in pairs}
            if len(old) < len(pairs):
                raise UsageError(f"map_values maps a value of {column!r} twice", "map it once")
            for a, b in pairs:
                if isinstance(a, str) is not isinstance(b, str):
                    raise UsageError(
                        f"map_values turns {a!r} of {column!r} into {b!r}", "keep the type"
                    )
                if b in old and b != a:
                    raise UsageError(
                        f"map_values turns {a!r} of {column!r} into {b!r}, which it maps again",
                        "map both to the last one",
                    )

    def _apply(self, frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
        return rewrite(frame, columns, self._change)

    def _change(self, name: str, dtype: pl.DataType, x: pl.Expr) -> pl.Expr | None:
        text = dtype == pl.String
        pairs = [p for p in self.values.get(name, ()) if isinstance(p[0], str) is text]
        if not pairs or not (text or dtype.is_numeric()):
            return None
        if text:
            return x.replace([p[0] for p in pairs], [p[1] for p in pairs])
        if dtype.is_integer():
            pairs = [p for p in pairs if fits(p[0], dtype)]
            if all(fits(p[1], dtype) for p in pairs):
                old = pl.Series([int(p[0]) for p in pairs], dtype=dtype)
                return x.replace(old, pl.Series([int(p[1]) for p in pairs], dtype=dtype))
        made = x.cast(pl.Float64).replace(
            [float(p[0]) for p in pairs], [float(p[1]) for p in pairs]
        )
        return made.cast(dtype) if dtype.is_float() else made
