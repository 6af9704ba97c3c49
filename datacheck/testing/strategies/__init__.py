"""Hypothesis strategies for whole datasets: fast to draw, and small when they fail.

* :func:`datasets`: tables of chosen kinds, roles, splits, groups, times, classes, holes, lengths;
* :func:`from_schema`: a table that a pandera schema accepts;
* :func:`like`: tables like a real one.

An example is a few integers drawn by Hypothesis (rows, columns, rates, a seed), from which NumPy
makes the cells. The first rows, columns and holes stay the same when there are fewer of them, so a
failing example shrinks to the fewest rows, columns and holes that fail; nothing is ever filtered
out. Hypothesis comes with ``pip install "datacheck-ml[testing]"``; it is imported here and nowhere
else in datacheck.
"""

from __future__ import annotations

try:
    import hypothesis as _hypothesis
except ModuleNotFoundError as error:
    if error.name != "hypothesis":
        raise
    raise ModuleNotFoundError(
        "datacheck.testing.strategies needs Hypothesis: "
        'pip install "datacheck-ml[testing]", or pip install hypothesis',
        name="hypothesis",
    ) from None

from datacheck.testing.strategies.datasets import datasets
from datacheck.testing.strategies.likeness import like
from datacheck.testing.strategies.schemas import from_schema
from datacheck.testing.strategies.tables import Tables

assert _hypothesis is not None
__all__ = ["Tables", "datasets", "from_schema", "like"]
