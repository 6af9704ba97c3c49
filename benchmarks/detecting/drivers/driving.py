"""What the drivers of the other tools share: cases are read, judged, and answered line by line.

A driver runs in the environment of its tool, which has nothing of this project. ``cases.jsonl`` in
the folder that is its argument names two CSV files a line; ``said.jsonl`` gets what the tool says.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

Judge = Callable[[Any, Any, dict[str, Any], str], list[list[str]]]


def main(judge: Judge) -> None:
    """Judge every case: ``judge(train, test, case, check)`` gives what speaks and where."""
    import pandas as pd

    folder = Path(sys.argv[1])
    with (folder / "said.jsonl").open("w", encoding="utf-8") as out:
        for line in (folder / "cases.jsonl").read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            train, test = (pd.read_csv(folder / case[k]) for k in ("train", "test"))
            began = time.process_time()
            said: list[list[str]] = []
            errors: dict[str, str] = {}
            for check in case["checks"]:
                try:
                    said += judge(train, test, case, check)
                except Exception as error:
                    last = traceback.extract_tb(error.__traceback__)[-1]
                    text = f"{type(error).__name__}: {error}".split("\n")[0][:200]
                    errors[check] = f"{text} ({Path(last.filename).name})"
            told = {"id": case["id"], "said": said, "errors": errors,
                    "seconds": round(time.process_time() - began, 3)}  # fmt: skip
            out.write(json.dumps(told) + "\n")
            out.flush()
