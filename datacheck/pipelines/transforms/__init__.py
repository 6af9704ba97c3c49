"""THE table of transforms: kind → module and class. Nothing is imported until it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from datacheck.errors import UsageError

if TYPE_CHECKING:
    from datacheck.pipelines.transforms.base import Transform

_TABLE = {
    "drop_columns": ("drop_columns", "DropColumns"),
    "impute": ("impute", "Impute"),
    "invert": ("invert", "Invert"),
    "map_to_other": ("map_to_other", "MapToOther"),
    "map_values": ("map_values", "MapValues"),
    "parse": ("parse", "Parse"),
    "scale": ("scale", "Scale"),
    "to_missing": ("to_missing", "ToMissing"),
    "truncate": ("truncate", "Truncate"),
    "winsorize": ("winsorize", "Winsorize"),
}


class _Table(Mapping[str, "type[Transform]"]):
    """Kind → class; the module is imported on the first look."""

    def __getitem__(self, kind: str) -> type[Transform]:
        module, name = _TABLE[kind]
        cls: type[Transform] = getattr(import_module(f"{__name__}.{module}"), name)
        return cls

    def __iter__(self) -> Iterator[str]:
        return iter(_TABLE)

    def __len__(self) -> int:
        return len(_TABLE)


TRANSFORMS: Mapping[str, type[Transform]] = _Table()


def make(kind: str, columns: Sequence[str], **parameters: Any) -> Transform:
    """A transform, not fitted yet. Raises UsageError for a kind or parameter that is not there."""
    return from_dict({"kind": kind, "columns": list(columns), **parameters})


def from_dict(given: Any) -> Transform:
    """The transform that ``to_dict`` wrote. Raises UsageError for what is damaged or unknown."""
    kind = given.get("kind") if isinstance(given, Mapping) else None
    if not isinstance(kind, str) or kind not in _TABLE:
        shown = repr(kind)[:60]
        raise UsageError(f"no transform of kind {shown}", f"there are {', '.join(_TABLE)}")
    return TRANSFORMS[kind].from_dict(given)
