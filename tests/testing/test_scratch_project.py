"""A project of someone else: the built wheel, four lines of settings, and a row that leaks.

The wheel is built from a copy of this tree with what is installed, without a network, and put in a
folder of the project's own; its other packages are those of the environment that tests run in.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.testing.ordinary import LABEL, ordinary

ROOT = Path(__file__).resolve().parents[2]
LINES = """\
[tool.pytest.ini_options]
addopts = ["--datacheck", "data", "--datacheck-select", "LK"]
testpaths = ["tests"]
filterwarnings = ["error"]
"""
THEIRS = """\
import polars as pl
from hypothesis import given, settings

import datacheck
from datacheck.testing import datasets, does_not_leak


def scaled(train, test):
    numbers = [c for c, t in train.schema.items() if t == pl.Float64]
    scale = [(pl.col(c) - train[c].mean()) / (train[c].std() or 1.0) for c in numbers]
    return train.with_columns(scale), test.with_columns(scale)


@settings(max_examples=10, deadline=None)
@given(datasets(rows=(3, 20), columns=(1, 3), kinds=["number"]))
def test_our_scaling_does_not_leak(data):
    does_not_leak(scaled, data.train, data.test)


def test_it_is_the_wheel_that_runs():
    assert "site" in datacheck.__file__.split("/")


def test_our_data(no_leakage):
    no_leakage("data/train.csv", "data/test.csv", label="label")
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the installed wheel."""
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"
    source.mkdir()
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "datacheck", source / "datacheck", ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-deps", "--no-index"]
    run(
        [*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", str(place), str(source)],
        place,
    )
    (wheel,) = place.glob("*.whl")
    target = place / "site"
    run([*pip, "install", *offline, "--no-compile", "--target", str(target), str(wheel)], place)
    return target


def run(command, folder, *codes, site=None):
    """What a command says, in a folder, as a process that knows only the wheel."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
    env = {**kept, **({"PYTHONPATH": str(site)} if site else {})}
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode in (codes or (0,)), done.stdout + done.stderr
    return done.stdout


def test_the_wheel_has_what_it_needs(site):
    def files(folder):
        found = {p.relative_to(folder) for p in folder.rglob("*") if p.is_file()}
        return {p for p in found if not {"__pycache__", ".hypothesis"} & set(p.parts)}

    assert files(site / "datacheck") == files(ROOT / "datacheck")
    assert (site / "datacheck" / "py.typed").exists()
    (meta,) = site.glob("datacheck_ml-*.dist-info")
    assert "datacheck.testing.pytest_plugin" in (meta / "entry_points.txt").read_text()
    assert {p.name for p in site.iterdir()} <= {"datacheck", "bin", meta.name}


def test_its_tests_fail_on_a_leaked_row_and_pass_once_it_is_repaired(site, tmp_path):
    train, test = ordinary(0, rows=360)
    leaky = pl.concat([test, train[100:101]])
    (tmp_path / "data").mkdir()
    (tmp_path / "tests").mkdir()
    train.write_csv(tmp_path / "data" / "train.csv")
    leaky.write_csv(tmp_path / "data" / "test.csv")
    (tmp_path / "pyproject.toml").write_text(LINES)
    (tmp_path / "tests" / "test_ours.py").write_text(THEIRS)
    suite = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]

    said = run(suite, tmp_path, 1, site=site)
    assert "LK001 error: 1 of 101 rows of test" in said
    assert re.search(r"3 failed, \d+ passed", said), said  # a test for each split, and theirs
    assert "test/test.csv:102 = train/train.csv:102" in said

    fix = [sys.executable, "-m", "datacheck", "fix", "data", "-o", "clean", "--label", LABEL]
    run([*fix, "--no-progress"], tmp_path, site=site)
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "clean").rename(tmp_path / "data")
    assert pl.read_csv(tmp_path / "data" / "test.csv").height == leaky.height
    assert pl.read_csv(tmp_path / "data" / "train.csv").height == train.height - 1

    said = run(suite, tmp_path, site=site)
    assert "failed" not in said
