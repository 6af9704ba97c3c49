"""The rules on real, small runs, as ``benchmarks/run_rules.py`` makes more of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from benchmarks.run_rules import FAULTY, HEALTHY, train
from datacheck.training import judge


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["Adam", "SGD, warm restarts", "sigmoid", "batches of 8"])
def test_a_healthy_run_has_no_findings(name):
    report = judge(train(replace(HEALTHY[name], steps=300), seed=11))
    assert not report.findings, report


@pytest.mark.parametrize("name", ["NaN in 0.1 % of the cells", "1 % outlier rows", "Adam, lr 1"])
def test_a_faulty_run_is_found(name):
    setting, expected = FAULTY[name]
    report = judge(train(replace(setting, steps=300), seed=11))
    assert report.of(*expected), report
