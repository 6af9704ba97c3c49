"""Faults: each plants one known defect, at a chosen severity, and says which cells it touched.

A fault is called ``fault(train, test, label, severity, rng)``: on frames of numbers (and any other
columns, which it leaves alone) with a label column, a severity in (0, 1] and a seed. It never
changes its arguments, and gives back a :class:`Planted`: both frames, what was touched, and what an
audit has to be told. 1 is blatant, 0.1 is what one would like to find; what a severity means is
said by the docstring of each function. Where a defect is there or not (a renamed column), severity
says how many columns or rows have it.

>>> import polars as pl
>>> from datacheck.testing.faults import find
>>> train = pl.DataFrame({"x": range(100), "y": [0, 1] * 50})
>>> test = pl.DataFrame({"x": range(100, 140), "y": [0, 1] * 20})
>>> planted = find("duplicates-across-splits")(train, test, "y", 0.5, rng=0)
>>> planted.test.height, planted.rows("test").size
(44, 4)

:data:`FAULTS` is the one table: rule code → its faults. :func:`find` looks one up by name,
:func:`compose` plants several. The functions themselves are in the modules ``leakage``, ``near``,
``labels``, ``cells``, ``scales``, ``lengths`` and ``pictures``; :func:`corrupt_files` breaks files.
"""

from __future__ import annotations

from datacheck.testing.faults.files import corrupt_files
from datacheck.testing.faults.planting import Chain, Fault, Plant, Planted, Touched
from datacheck.testing.faults.table import FAULTS, compose, find

__all__ = [
    "FAULTS",
    "Chain",
    "Fault",
    "Plant",
    "Planted",
    "Touched",
    "compose",
    "corrupt_files",
    "find",
]
