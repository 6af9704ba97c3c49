"""Every error a user can meet, and the hint that gets them out of it.

::

    DatacheckError
    ├── SourceError      the data cannot be found, opened or understood at all
    ├── UsageError       an option, a column or a rule code that does not exist
    │   └── ConfigError  the same, in a configuration file
    ├── ScanError        the scan itself could not go on (scratch space, memory)
    └── NonFiniteError   a loss or gradient of a training step is not finite (rule ST001)

A message says what is wrong; ``hint`` says what to do, naming what *was* found.
"""

from __future__ import annotations

from typing import Any


class DatacheckError(Exception):
    """Base of all errors meant for a person: one line, and one hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class SourceError(DatacheckError):
    """The data cannot be found, opened or understood."""


class UsageError(DatacheckError):
    """An option, a column or a rule code that does not exist."""


class ConfigError(UsageError):
    """A configuration file that cannot be read or names what does not exist."""


class ScanError(DatacheckError):
    """The scan could not go on: scratch space or memory."""


class NonFiniteError(DatacheckError):
    """A training step whose loss or gradient is not finite: rule ST001.

    ``step`` is its number, ``layer`` the name of the first tensor that is not finite ("" if none
    was found), ``rows`` the addresses of the batch's rows, int64 of shape (batch,), or None.
    """

    rule = "ST001"

    def __init__(
        self, message: str, hint: str = "", *, step: int, layer: str = "", rows: Any = None
    ) -> None:
        super().__init__(message, hint)
        self.step, self.layer, self.rows = step, layer, rows
