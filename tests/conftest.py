"""Hypothesis: the same examples in every run, so that a failure is there again the next time."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "datacheck",
    derandomize=True,
    deadline=None,  # the machines that run this are shared and noisy
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("datacheck")
