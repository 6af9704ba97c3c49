"""What ``datacheck.testing`` gives, and what importing it costs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import subprocess
import sys

import pytest

import datacheck.testing as kit

ROOTS = ("faults", "laws", "strategies")


def test_names_are_sorted_and_there():
    assert kit.__all__ == sorted(kit.__all__, key=lambda n: (n.upper() != n, n.lower() == n, n))
    assert set(kit._HOMES) == set(kit.__all__) == set(dir(kit))
    for name, home in kit._HOMES.items():
        module = importlib.import_module(f"datacheck.testing.{home}")
        assert getattr(kit, name) is getattr(module, name)
        assert (getattr(kit, name).__doc__ or "").strip()
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        kit.nope  # noqa: B018 - looking is the test


@pytest.mark.parametrize("root", ROOTS)
def test_parts_say_what_they_give(root):
    module = importlib.import_module(f"datacheck.testing.{root}")
    assert len(module.__all__) == len(set(module.__all__))
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isfunction(thing) or inspect.isclass(thing):
            assert (thing.__doc__ or "").strip(), name


@pytest.mark.parametrize(
    ("code", "light"),
    [
        ("import datacheck.testing", {"hypothesis", "polars", "numpy", "pytest", "pandera"}),
        ("import datacheck.testing.faults", {"hypothesis", "pandera", "torch", "pandas"}),
        ("import datacheck.testing.laws", {"hypothesis", "pandera", "torch", "pandas"}),
        ("import datacheck.testing.strategies", {"pandera", "torch", "scipy", "pytest"}),
    ],
)
def test_imports_are_light(code, light):
    script = f"{code}\nimport sys\nprint(*sorted({light!r} & set(sys.modules)))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    "name", ["", ".faults", ".faults.table", ".laws.leaks", ".strategies"]
)  # fmt: skip
def test_examples_in_docstrings_run(name):
    module = importlib.import_module(f"datacheck.testing{name}")
    done = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
    assert done.failed == 0
