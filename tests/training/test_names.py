"""The public names of datacheck.training."""

from __future__ import annotations

import importlib

import pytest

from datacheck import training


def test_public_names_are_sorted_and_there():
    assert training.__all__ == sorted(set(training.__all__))
    assert set(training._HOMES) == set(training.__all__)
    assert dir(training) == training.__all__
    for name, home in training._HOMES.items():
        module = importlib.import_module(f"datacheck.training.{home}")
        assert getattr(training, name) is getattr(module, name)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        training.nope  # noqa: B018 - looking is the test
