"""Transforms named on the command line: what is imported, and what is said where it cannot be."""

from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

import datacheck
from datacheck.cli.audit import command
from datacheck.errors import UsageError
from datacheck.pipelines.images.load import load, loaded, parse

MODULE = """
import torchvision.transforms as T

class Data:
    train = T.Compose([T.ToTensor(), T.Normalize((0.5,), (0.5,))])

def test():
    return T.ToTensor()

def on_image(image):
    return image

def fails():
    raise ValueError("not today")
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "own_transforms.py").write_text(MODULE)
    (tmp_path / "needs.py").write_text("import surely_not_installed")
    (tmp_path / "leaves.py").write_text("raise SystemExit(0)")
    (tmp_path / "data").mkdir()
    for split in ("train", "test"):
        (tmp_path / "data" / f"{split}.csv").write_text("x,label\n1.5,a\n2.5,b\n")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("own_transforms", "needs", "leaves"):
        sys.modules.pop(name, None)


def test_names_of_splits():
    assert parse("m:a,m:b") == {"train": "m:a", "test": "m:b"}
    assert parse("train=m:a, val = m:b,test=m.n:c.d") == {
        "train": "m:a", "val": "m:b", "test": "m.n:c.d"
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "m:a", "m:a,m:b,m:c", "m:a,train=m:b", "train=m:a,train=m:b"])
def test_names_that_are_none(text):
    with pytest.raises(UsageError) as error:
        parse(text)
    assert error.value.hint


def test_what_is_imported(here):
    assert type(load("own_transforms:Data.train")).__name__ == "Compose"
    assert type(load("own_transforms:test")).__name__ == "ToTensor"
    assert load("own_transforms:on_image")(3) == 3
    preset = load("torchvision.models:ResNet18_Weights.DEFAULT.transforms")
    assert type(preset).__name__ == "ImageClassification"
    assert str(here) not in sys.path
    some = object()
    assert loaded({"train": "own_transforms:on_image", "test": some})["test"] is some


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("own_transforms:nope", "own_transforms has no 'nope'", "it has"),
        ("own_transforms:Data.nope", "own_transforms:Data has no 'nope'", "train"),
        ("own_transform:train", "no module 'own_transform'", "own_transforms"),
        ("own_transforms", "is not module:object", "--transforms"),
        ("os.system('x'):y", "is not module:object", "--transforms"),
        ("needs:x", "imports 'surely_not_installed'", "not installed"),
        ("leaves:x", "module 'leaves' fails: SystemExit", "see where"),
        ("own_transforms:fails", "fails: ValueError: not today", "see where"),
    ],
)
def test_what_cannot_be_imported(here, name, message, hint):
    with pytest.raises(UsageError) as error:
        load(name)
    assert message in error.value.message
    assert hint in error.value.hint


def test_the_flag(here):
    names = "own_transforms:Data.train,own_transforms:test"
    done = CliRunner().invoke(command, ["data", "--select", "NM004", "-q", "--transforms", names])
    assert done.exit_code == 1
    assert done.output.startswith("NM004 error: test: not normalized")


def test_without_the_flag_nothing_is_said(here):
    report = datacheck.audit("data", select="NM004")
    (outcome,) = report.outcomes
    assert outcome.reason.startswith("no transforms were named")


def test_nothing_is_imported_unless_the_rule_is_judged(here):
    report = datacheck.audit("data", select="LK", transforms="leaves:x,leaves:y")
    assert "NM004" not in {o.rule for o in report.outcomes}
    assert "leaves" not in sys.modules


def test_python_takes_the_objects():
    from torchvision import transforms as v1

    train = v1.Compose([v1.ToTensor(), v1.Normalize((0.5,), (0.5,))])
    data = {s: {"x": [1.0, 2.0]} for s in ("train", "test")}
    given = {"train": train, "test": v1.ToTensor()}
    report = datacheck.audit(data, select="NM", transforms=given)
    assert [f.rule for f in report.findings] == ["NM004"]
    assert any(a.startswith("transforms: ") for a in report.assumptions)
    with pytest.raises(UsageError, match="name that of train"):
        datacheck.audit(data, transforms={"a": train, "b": train})
    with pytest.raises(UsageError, match="transforms is a int"):
        datacheck.audit(data, transforms=3)
