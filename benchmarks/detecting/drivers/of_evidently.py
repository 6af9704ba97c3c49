"""Evidently: the tests that the presets DataDrift and DataSummary set, train as the reference."""

from __future__ import annotations

import warnings
from typing import Any

warnings.simplefilter("ignore")

from driving import main  # type: ignore[import-not-found] # noqa: E402 - beside this script
from evidently import Report  # type: ignore[import-not-found] # noqa: E402 - in its own environment
from evidently.presets import (  # type: ignore[import-not-found] # noqa: E402 - as above
    DataDriftPreset,
    DataSummaryPreset,
)

PRESETS = {"DataDrift": DataDriftPreset, "DataSummary": DataSummaryPreset}


def judge(train: Any, test: Any, case: dict[str, Any], check: str) -> list[list[str]]:
    """The metrics of which a test fails, with their columns."""
    run = Report([PRESETS[check]()], include_tests=True).run(test, train)
    found = set()
    for told in run.dict()["tests"]:
        if str(told["status"]).endswith("FAIL"):
            params = told["metric_config"]["params"]
            found.add((params["type"].rpartition(":")[2], str(params.get("column", ""))))
    return [list(pair) for pair in sorted(found)]


main(judge)
