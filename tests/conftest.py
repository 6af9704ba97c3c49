"""Hypothesis: the same examples in every run, so that a failure is there again the next time."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

# A shell that starts us in the background has Ctrl-C ignored, and what we start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "datacheck",
    derandomize=True,
    deadline=None,  # the machines that run this are shared and noisy
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("datacheck")
