"""deepchecks: the conditions that its suites data_integrity and train_test_validation set."""

from __future__ import annotations

import warnings
from typing import Any

warnings.simplefilter("ignore")

from deepchecks.tabular import Dataset  # type: ignore[import-not-found] # noqa: E402 - in its own environment
from deepchecks.tabular.suites import (  # type: ignore[import-not-found] # noqa: E402 - as above
    data_integrity,
    train_test_validation,
)
from driving import main  # type: ignore[import-not-found] # noqa: E402 - beside this script

INTEGRITY = {type(c).__name__: c for c in data_integrity().checks.values()}
VALIDATION = {type(c).__name__: c for c in train_test_validation().checks.values()}


def judge(train: Any, test: Any, case: dict[str, Any], check: str) -> list[list[str]]:
    """The check, if one of its conditions is not met."""
    texts = [c for c in train.columns if train[c].dtype == object and c != case["label"]]
    named = {"index_name": case["group"], "datetime_name": case["time"]}
    given = {k: v for k, v in named.items() if v}
    if case["time"]:
        import pandas as pd

        train, test = (f.assign(time=pd.to_datetime(f[case["time"]])) for f in (train, test))
    cats = [c for c in texts if c not in given.values()]
    made = [
        Dataset(f, label=case["label"], cat_features=[c for c in cats if c in f.columns],
                label_type="multiclass" if case["classes"] else "regression", **given)
        for f in (train, test)
    ]  # fmt: skip
    if check in INTEGRITY:
        results = [INTEGRITY[check].run(d) for d in made]
    else:
        results = [VALIDATION[check].run(*made)]
    failed = any(not c.is_pass() for r in results for c in r.conditions_results)
    return [[check, ""]] if failed else []


main(judge)
