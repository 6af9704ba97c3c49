"""A second look at rows: the right ones, bounded, and nothing of a file but pixels and values."""

import csv
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from datacheck import peeking
from datacheck.auditing import run_audit
from datacheck.config import Config
from datacheck.dataset import Task
from datacheck.report.html import plan
from datacheck.report.html.view import View

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def clinic():
    return run_audit(str(ROOT / "fixtures" / "clinic"), Config())


def test_rows_are_those_of_the_addresses(clinic):
    text = (ROOT / "fixtures" / "clinic" / "train.csv").read_text(encoding="utf-8")
    lines = list(csv.reader(io.StringIO(text)))
    asked = ["train/train.csv:735", "train/train.csv:9", "test/test.csv:2"]
    found = clinic.peek.rows(asked)
    assert set(found) == set(asked)
    at = lines[0].index("patient_id")
    assert found["train/train.csv:735"]["patient_id"] == lines[734][at]
    first = clinic.peek.rows(["train/train.csv:9"], ["ward"], most=2)["train/train.csv:9"]
    assert list(first) == ["readmitted", "ward"]


@given(st.text() | st.sampled_from([
    "train/../../etc/passwd:1", "train/train.csv:", "train/train.csv:-1", "train/train.csv:x",
    "train/train.csv:99999999999999999999", "train/train.csv:1:2", "train.csv:٣", ":1",
    "/etc/passwd:1",
]))  # fmt: skip
def test_what_is_no_address_is_no_row(clinic, address):
    assert clinic.peek.rows([address]) == {}
    assert clinic.peek.pictures([address]) == {}


def test_large_files_are_not_read_again(clinic, monkeypatch):
    monkeypatch.setattr(peeking, "MOST_BYTES", 1000)
    assert clinic.peek.rows(["train/train.csv:9"]) == {}


def test_files_that_are_gone_or_changed_break_nothing(tmp_path):
    for name in ("train.csv", "test.csv"):
        (tmp_path / name).write_bytes((ROOT / "fixtures" / "clinic" / name).read_bytes())
    made = run_audit(str(tmp_path), Config(select=("LK001",)))
    (tmp_path / "train.csv").write_text("other\n1\n")
    (tmp_path / "test.csv").unlink()
    assert "LK001" in made.to_html()
    assert View.of(made).rows == {}


def picture(size, path, **how):
    rng = np.random.default_rng(sum(size))
    pixels = rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **how)


def test_pictures_are_small_upright_and_without_metadata(tmp_path):
    for split in ("train", "test"):
        for label in ("a", "b"):
            (tmp_path / split / label).mkdir(parents=True)
            for i in range(3):
                picture((400 + i, 200), tmp_path / split / label / f"{i}.png")
    exif = Image.Exif()
    exif[0x010E] = "SECRET"
    exif[0x0112] = 6  # on its side
    picture((400, 200), tmp_path / "train" / "a" / "turned.jpg", exif=exif, quality=90)
    made = run_audit(str(tmp_path), Config())
    found = made.peek.pictures(["train/a/0.png", "train/a/turned.jpg", "train/a/none.png"])
    assert set(found) == {"train/a/0.png", "train/a/turned.jpg"}
    small = found["train/a/turned.jpg"]
    assert (small.width, small.height) == (56, 112)
    assert b"SECRET" not in small.data
    assert b"Exif" not in small.data
    for one in found.values():
        assert len(one.data) < 12_000
        shown = Image.open(io.BytesIO(one.data))
        assert shown.size == (one.width, one.height)
        assert Image.MIME[shown.format or ""] == one.media


def test_data_in_memory_can_be_looked_at_again():
    frame = pl.DataFrame({"x": [1.0, 2.0, 3.0] * 20, "y": ["a", "b", "b"] * 20})
    made = run_audit({"train": frame, "test": frame}, Config(label="y", select=("LK001",)))
    assert made.peek.path == ""
    assert made.peek.flags == ("--label", "y")
    page = made.to_html()
    assert "audited in memory" in page or "nothing that a repair" in page


# -- commands -----------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_word_reaches_the_shell_as_it_is(word):
    import subprocess

    quoted = plan._quoted(word)
    assert quoted.isprintable()
    if len(word) > 8:  # a few processes are enough
        return
    done = subprocess.run(
        ["bash", "-c", f"printf %s {quoted}"], capture_output=True, check=True, timeout=30
    )
    assert done.stdout == word.encode()


@pytest.mark.parametrize(
    ("path", "fixed"),
    [
        ("data/", "data-fixed"),
        ("a/b.csv", "a/b-fixed"),
        ("x.csv.gz", "x-fixed"),
        ("-x", "./-x-fixed"),
        ("a b", "a b-fixed"),
    ],
)
def test_the_repaired_folder_lies_beside_the_data(path, fixed):
    assert plan._fixed(path) == fixed


def test_the_repaired_folder_never_lies_within_the_data(tmp_path, monkeypatch):
    (tmp_path / "data" / "raw").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "data" / "raw")
    assert plan._fixed(".") == "./../raw-fixed"
    assert plan._fixed("../.") == ".././../data-fixed"


def test_options_of_an_audit_are_told_as_the_command_takes_them(clinic):
    from datacheck.cli.common import _ROLES

    options = ("label", "follow_links", "header", "id", "task")
    told = Config(label="y", id=("a", "b"), follow_links=True, header=False, task=Task.REGRESSION)
    assert peeking.Peek.of(clinic.peek.data, "x", told).flags == (
        "--label", "y", "--id", "a", "--id", "b", "--task", "regression", "--no-header",
        "--follow-links",
    )  # fmt: skip
    assert peeking.Peek.of(clinic.peek.data, "x", Config(follow_links=False)).flags == ()
    known = {p for option in _ROLES for p in taken(option)}
    assert {f"--{name.replace('_', '-')}" for name in (*options, *peeking._FLAGS)} <= known


def taken(option):
    """The names that an option goes by."""

    def command():
        pass

    return option(command).__click_params__[0].opts


def test_splits_that_were_named_are_named_in_the_commands(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    paths = {"train": "fixtures/clinic/train.csv", "hold out": "fixtures/clinic/test.csv"}
    page = run_audit(paths, Config(label="readmitted", id=("encounter_id",))).to_html()
    said = "datacheck fix --train fixtures/clinic/train.csv --split &#x27;hold out=fixtures/clinic/"
    assert said in page
    assert "--label readmitted --id encounter_id" in page
