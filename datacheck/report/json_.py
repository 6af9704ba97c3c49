"""The report as JSON that is also harmless when it is shown in a terminal."""

from __future__ import annotations

import re

from datacheck.findings import Report

# DEL, the C1 controls (one of them begins escape sequences), line separators, and what reorders or
# hides text. Lone surrogates are not text at all. Such characters stand only within JSON strings.
_UNSAFE = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def render(report: Report, *, timing: bool = True, profile: bool = True) -> str:
    """The JSON text, ended by a newline: the same values as :meth:`Report.to_json`."""
    text = report.to_json(timing=timing, profile=profile)
    return _UNSAFE.sub(lambda m: f"\\u{ord(m[0]):04x}", text) + "\n"
