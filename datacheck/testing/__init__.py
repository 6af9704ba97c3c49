"""A kit for tests of data and of code that handles data.

* strategies of Hypothesis that draw whole datasets: :func:`datasets`, :func:`from_schema`,
  :func:`like`;
* faults that plant one known defect and say where: :data:`FAULTS`, :func:`find`, :func:`compose`;
* laws that anyone's code can be held to: :func:`does_not_leak`, :func:`check_transform`, … (all of
  them in ``datacheck.testing.laws``);
* a pytest plugin: ``pytest --datacheck dataset/``, and fixtures (``docs/testing.md``).

>>> from datacheck.testing import find
>>> find("target-leak").rule
'LK005'

Names are imported when they are first used (PEP 562); Hypothesis only with the strategies.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datacheck.testing.faults import (
        FAULTS,
        Chain,
        Fault,
        Planted,
        Touched,
        compose,
        corrupt_files,
        find,
    )
    from datacheck.testing.laws import (
        check_loader,
        check_rule,
        check_sampler,
        check_summary,
        check_transform,
        does_not_leak,
    )
    from datacheck.testing.strategies import Tables, datasets, from_schema, like

__all__ = [
    "FAULTS",
    "Chain",
    "Fault",
    "Planted",
    "Tables",
    "Touched",
    "check_loader",
    "check_rule",
    "check_sampler",
    "check_summary",
    "check_transform",
    "compose",
    "corrupt_files",
    "datasets",
    "does_not_leak",
    "find",
    "from_schema",
    "like",
]

_HOMES = {
    **dict.fromkeys(
        (
            "FAULTS", "Chain", "Fault", "Planted", "Touched", "compose", "corrupt_files", "find",
        ),
        "faults",
    ),
    **dict.fromkeys(
        (
            "check_loader", "check_rule", "check_sampler", "check_summary", "check_transform",
            "does_not_leak",
        ),
        "laws",
    ),
    **dict.fromkeys(("Tables", "datasets", "from_schema", "like"), "strategies"),
}  # fmt: skip


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
