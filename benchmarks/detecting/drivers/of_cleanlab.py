"""cleanlab: the issues that Datalab finds in train, from numbers and out-of-fold probabilities.

Its search for duplicates also gets train and test as one, to find those across splits.
"""

from __future__ import annotations

import warnings
from typing import Any

warnings.simplefilter("ignore")

import numpy as np  # noqa: E402 - after warnings are off
from cleanlab import Datalab  # type: ignore[import-not-found] # noqa: E402 - in its own environment
from driving import main  # type: ignore[import-not-found] # noqa: E402 - beside this script


def _features(frame: Any, like: Any, label: str) -> Any:
    """Standardized numbers, missing ones at the mean; names as codes."""
    import pandas as pd

    both = frame.drop(columns=[label])
    codes = {c: pd.factorize(both[c])[0] for c in both if both[c].dtype.kind not in "biuf"}
    x = both.assign(**codes).astype(float).replace([np.inf, -np.inf], np.nan)
    x = x.fillna(x.mean()).fillna(0.0)
    return ((x - x.mean()) / x.std().replace(0, 1).fillna(1)).to_numpy()


def judge(train: Any, test: Any, case: dict[str, Any], check: str) -> list[list[str]]:
    """The kinds of issues of which there is one."""
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    label, name = case["label"], check
    across = name == "near_duplicate across"
    frame = pd.concat([train, test], ignore_index=True) if across else train
    frame = frame.dropna(subset=[label])
    x = _features(frame, train, label)
    task = "classification" if case["classes"] else "regression"
    lab = Datalab(data={"label": frame[label].to_numpy()}, label_name="label", task=task,
                  verbosity=0)  # fmt: skip
    given: dict[str, Any] = {"features": x}
    if name == "null":
        given["features"] = frame.drop(columns=[label]).select_dtypes("number").to_numpy(float)
    if name == "label" and case["classes"]:
        model = LogisticRegression(max_iter=2000)
        given = {"pred_probs": cross_val_predict(model, x, frame[label], method="predict_proba")}
    kind = name.split()[0]
    lab.find_issues(issue_types={kind: {}}, **given)
    column = f"is_{kind}_issue"
    hit = lab.get_issues(kind)[column].to_numpy()
    if across:
        sets = lab.get_issues(kind)["near_duplicate_sets"].to_list()
        cut = len(train.dropna(subset=[label]))
        hit = [h and any((j >= cut) != (i >= cut) for j in s)
               for i, (h, s) in enumerate(zip(hit, sets, strict=True))]  # fmt: skip
    return [[name, ""]] if any(hit) else []


main(judge)
