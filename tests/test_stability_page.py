"""The page on stability: its pictures come of runs, its words are those of the program, it runs."""

from __future__ import annotations

import json
import re
import shlex
import warnings
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import numpy as np
import pytest

from datacheck.checks.codes import TABLE
from datacheck.cli.app import cli
from datacheck.training import Run
from docs import generate, pathologies
from docs.drawing import Line, picture

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "stability.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
IMAGES = ROOT / "docs" / "images"
TOLD = json.loads((IMAGES / "pathologies.json").read_text(encoding="utf-8"))
NAMES = [one.name for one in pathologies.PATHOLOGIES]
TAGS = {"svg", "title", "style", "rect", "path", "text", "circle"}


# -- pictures ---------------------------------------------------------------------------------


def test_every_pathology_has_a_picture_and_no_picture_is_left_over():
    assert sorted(p.stem for p in IMAGES.glob("*.svg")) == sorted(NAMES)
    assert list(TOLD) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_plain_drawing(name):
    text = (IMAGES / f"{name}.svg").read_text(encoding="utf-8")
    root = ET.fromstring(text)
    assert {e.tag.removeprefix("{http://www.w3.org/2000/svg}") for e in root.iter()} <= TAGS
    assert not any(key.startswith("on") or "href" in key for e in root.iter() for key in e.attrib)
    assert text.count("http") == 1  # the name of its format
    assert not re.search(r"url\(|@import|script", text)
    assert "prefers-color-scheme:dark" in text
    assert len(text) < 20_000


@pytest.mark.parametrize("name", NAMES)
def test_the_page_shows_a_picture_with_words_for_those_who_do_not_see_it(name):
    (alt,) = re.findall(rf"!\[([^\]]*)\]\(images/{name}\.svg\)", PAGE)
    assert alt == f"{TOLD[name]['title']}. {TOLD[name]['alt']}"
    assert all(called in alt for called in TOLD[name]["names"])


def test_the_rules_speak_of_the_runs_with_a_fault_and_not_of_those_without():
    for one in pathologies.PATHOLOGIES:
        faulty, calm = TOLD[one.name]["findings"]
        assert set(one.rules) <= {text.split()[0] for text in faulty}, one.name
        assert calm == [], one.name


def test_a_picture_comes_of_runs():
    (one,) = (o for o in pathologies.PATHOLOGIES if o.name == "non_finite")
    pair = one.make()
    again = pathologies.told(one, pair)
    assert again["findings"] == TOLD["non_finite"]["findings"]
    assert again["figures"][0]["NFR"] == TOLD["non_finite"]["figures"][0]["NFR"]
    drawn = ET.fromstring(pathologies.draw(one, pair))
    assert len(drawn.findall(".//{*}path[@class='mark']")) > 10  # where the loss is not finite


@pytest.mark.study
@pytest.mark.parametrize("one", pathologies.PATHOLOGIES, ids=NAMES)
def test_every_pathology_is_one(one):
    again = pathologies.told(one, one.make())  # exits where a rule is silent
    assert [f.split()[0] for f in again["findings"][1]] == []


@pytest.mark.parametrize("log", [False, True])
def test_all_of_a_curve_is_within_the_picture(log):
    rng = np.random.default_rng(0)
    for size in (1e-12, 1e-3, 1.0, 3e4, 1e200):
        y = np.exp(rng.normal(0, 2, 40)) * size
        y[[3, 4, 9]] = np.nan, np.inf, 0.0 if log else -size
        drawn = ET.fromstring(
            picture("a < b", [Line("x & y", list(range(40)), y.tolist())], what="z", log=log)
        )
        paths = [p.attrib["d"] for p in drawn.findall(".//{*}path[@class='fault']")]
        assert paths[1].count("M") == 2  # begun again after what is not finite
        points = np.array(re.findall(r"[ML](\S+) (-?[\d.]+)", paths[1]), dtype=float)
        assert len(points) == 38
        assert points.min() >= 0
        assert (points[:, 0] <= 480).all()
        assert (points[:, 1] <= 230).all()
        assert len(drawn.findall(".//{*}path[@class='grid']")) >= 1


# -- words ------------------------------------------------------------------------------------


def test_the_page_names_every_figure_and_every_rule():
    source = (ROOT / "datacheck/training/metrics.py").read_text(encoding="utf-8")
    figures = set(re.findall(r'out\["(\w+)"\]', source))
    assert {"NFR", "LV", "SR_g", "VLJ", "AJ_floor", "PW", "loss"} <= figures
    section = PAGE.split("## The figures")[1].split("## The pathologies")[0]
    missing = [f for f in figures if f"**{f}**" not in section]
    assert missing == []
    assert all(word in section for word in ("**churn**", "**seed sd**", "L_ref"))
    for code in TABLE:
        if code.code.startswith("ST"):
            assert f"[{code.code}](rules/{code.code}.md)" in PAGE


def commands() -> list[list[str]]:
    section = README.split("### Stability")[1].split("\n### ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", PAGE + section, re.DOTALL)
    return [shlex.split(line, comments=True) for b in blocks for line in b.strip().splitlines()]


def test_commands_on_the_page_are_understood():
    verbs = set()
    for program, verb, *rest in commands():
        assert program == "datacheck"
        command = cli.get_command(click.Context(cli), verb)
        assert command is not None, verb
        if rest != ["--list"]:  # which prints, and ends
            command.make_context(verb, list(rest))
        verbs.add(verb)
    assert {"audit", "train", "study", "rule"} <= verbs


def test_the_studies_are_quoted_as_they_wrote_themselves(tmp_path, monkeypatch):
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    assert "make study" in generate.studies()
    table = "| study | effect |\n|---|---|\n| NaN | 2.1× [1.2, 3.4] |\n"
    (tmp_path / "docs").mkdir()
    page = f"# Studies\n\nHow.\n\n{table}\n## Controls\n\nNone.\n"
    (tmp_path / "docs" / "studies.md").write_text(page, encoding="utf-8")
    assert generate.studies() == f"How.\n\n{table}\n### Controls\n\nNone.\n"


# -- code -------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder to run the page's examples in; they write files."""
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def code(*, of_others: bool) -> list[str]:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    return [b for b in blocks if bool(re.search("lightning|transformers", b)) == of_others]


def test_code_on_the_page_runs(elsewhere, capsys):
    for block in code(of_others=False):
        exec(block, {})
    printed = capsys.readouterr().out
    assert "ST003 the gradient norm explodes" in printed
    assert "Cause: data" in printed
    assert "step 40 again: data" in printed
    with pytest.raises(SystemExit) as end:
        cli.main(["audit", "--run", "run.jsonl"])
    assert end.value.code in (0, 1)
    assert "ST003" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::DeprecationWarning:(lightning|transformers|accelerate).*")
@pytest.mark.filterwarnings("ignore::FutureWarning:(lightning|transformers|accelerate).*")
@pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers")
@pytest.mark.filterwarnings("ignore:The number of training batches")
@pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true")
def test_code_with_other_libraries_runs(elsewhere, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's own, while it is imported
        import lightning.pytorch  # noqa: F401 - only imported
    blocks = code(of_others=True)
    assert len(blocks) == 2
    for block in blocks:
        exec(block, {})
    capsys.readouterr()
    for name, steps in (("lightning", 20), ("huggingface", 12)):
        run = Run.load(elsewhere / f"{name}.jsonl")
        assert run.ended
        assert run.steps.height == steps
        assert run.steps["rows"].null_count() == 0
