"""A pipeline as a scikit-learn transformer."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from datacheck.dataset import Role
from datacheck.pipelines.pipeline import Pipeline
from datacheck.pipelines.saved.in_and_out import given


class PipelineTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc] # sklearn is untyped
    """``pipeline`` names the transforms; ``fit`` fits them on X and keeps them in ``pipeline_``.

    X is a frame (pandas, Polars) or an array, whose columns are then x0, x1, …; what comes back
    has X's type. In cross-validation each fold's clone is fitted on its own train rows.
    """

    def __init__(self, pipeline: Pipeline | None = None) -> None:
        self.pipeline = pipeline

    @classmethod
    def fitted(cls, pipeline: Pipeline) -> Self:
        """One that is fitted already, on what the pipeline was."""
        out = cls(pipeline)
        out._take(pipeline)
        return out

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Fit the transforms anew on X, as ``Pipeline.fit``; y is not looked at."""
        label = None if self.pipeline is None else self.pipeline.label
        frame = given(X).frame
        self._take((self.pipeline or Pipeline()).fit(
            frame, label=label if label in frame.columns else None
        ))  # fmt: skip
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803 - scikit-learn's name
        """X repaired."""
        check_is_fitted(self, "pipeline_")
        return self.pipeline_.transform(X)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray[Any, Any]:
        """The names of the columns that come out, in order."""
        check_is_fitted(self, "pipeline_")
        known = self.feature_names_in_ if input_features is None else input_features
        return np.asarray(columns_after(self.pipeline_, [str(c) for c in known]), dtype=object)

    def _take(self, pipeline: Pipeline) -> None:
        self.pipeline_ = pipeline
        features = [c for c, f in pipeline.schema.items() if f.role is Role.FEATURE]
        self.feature_names_in_ = np.asarray(features, dtype=object)
        self.n_features_in_ = len(features)


def columns_after(pipeline: Pipeline, columns: list[str]) -> list[str]:
    """The columns of a frame that had those, in order."""
    out = list(columns)
    for one in pipeline.transforms:
        if not one.splits:
            out = [c for c in out if c not in one.dropped]
            out += [c for c in one.added if c not in out]
    return out
