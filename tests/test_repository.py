"""The repository keeps itself honest: generated files, packaging, and what the README says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests import commands as inside

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/stability.md",
    "fixtures/clinic/README.md",
]


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_clinic_is_what_its_generator_writes():
    done = python("fixtures/make_clinic.py", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_shapes_are_what_their_generator_writes():
    done = python("fixtures/make_shapes.py", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_generated_pages_are_current():
    done = python("docs/generate.py", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_make_lists_its_commands():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = re.findall(r"^make ([\w-]+)", done.stdout, re.MULTILINE)
    assert listed == [
        "help", "audit", "test", "lint", "types", "bench", "bench-detection", "docs", "images",
        "study", "mutation", "sarif-schema", "chromium",
    ]  # fmt: skip


def test_every_pin_is_exact_and_every_dependency_is_pinned():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*", p) for p in pins)
    pinned = {re.sub(r"[-_.]+", "-", p.split("==")[0]).lower() for p in pins}
    extras = PROJECT["project"]["optional-dependencies"]
    asked = PROJECT["project"]["dependencies"] + [d for e in extras.values() for d in e]
    named = {re.split(r"[\[<>=!~ ]", d)[0].lower() for d in asked} - {"datacheck-ml", "ray"}
    assert named <= pinned
    assert {"torch==2.14.1", "torchvision==0.29.1"} <= set(pins)


def test_nothing_is_pinned_from_above():
    extras = PROJECT["project"]["optional-dependencies"]
    asked = PROJECT["project"]["dependencies"] + [d for e in extras.values() for d in e]
    assert [d for d in asked if "<" in d or "==" in d or "~=" in d] == []


def test_top_level_links_lead_into_the_package():
    for name in ("pipelines", "training"):
        assert (ROOT / name).is_symlink()
        assert (ROOT / name).resolve() == ROOT / "datacheck" / name


def test_only_the_package_is_installed():
    from setuptools import find_packages  # type: ignore[import-untyped] # ships no types

    include = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    found = find_packages(str(ROOT), include=include)
    assert {"datacheck", "datacheck.pipelines", "datacheck.training"} <= set(found)
    assert {name.split(".")[0] for name in found} == {"datacheck"}


def test_what_lies_beside_the_modules_is_installed_with_them():
    globs = PROJECT["tool"]["setuptools"]["package-data"]["datacheck"]
    held = {p for g in globs for p in (ROOT / "datacheck").glob(g)}
    beside = {
        p for p in (ROOT / "datacheck").rglob("*")
        if p.is_file() and p.suffix not in (".py", ".pyc")
    }  # fmt: skip
    assert beside == held


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if not target.startswith("https://"):
            assert ((ROOT / page).parent / target).exists(), target


def test_readme_never_names_the_other_project_s_distribution():
    text = "".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
    assert not re.search(r"pip\w* install (?:-\S+ )*datacheck(?!-ml)\b", text)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder to run the README's examples in; they write files."""
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(command, *codes):
    """A command of a page; it ends with 0, or with one of ``codes``."""
    if command[0] == "datacheck":
        return inside.ran(command[1:], *codes)
    return as_module(command, *codes)


def as_module(command, *codes):
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (codes or (0,)), done.stdout + done.stderr
    return done


def test_commands_of_the_repair_in_the_readme_run(elsewhere):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("### Audit, plan, repair, load")[1]
    (block,) = re.findall(r"```sh\n(.*?)```", section.split("```python")[0], re.DOTALL)
    commands = [line.partition("#")[0].split() for line in block.strip().splitlines()]
    assert [c[1] for c in commands] == ["fix", "fix", "fix", "audit", "undo"]
    for command in commands:
        ran(command)
    for name in ("train.csv", "test.csv"):
        was = (ROOT / "fixtures/clinic" / name).read_bytes()
        assert (elsewhere / "restored" / name).read_bytes() == was


def test_the_report_to_look_at_in_the_readme_is_written(elsewhere):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("### A report to look at")[1].split("\n### ")[0]
    (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    (line,) = block.strip().splitlines()
    as_module(line.partition("#")[0].split())
    page = (elsewhere / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>\n<!-- datacheck report -->")
    assert page.count("<article") == 18
    ran(line.partition("#")[0].split())  # what is ours is written again


def test_commands_on_texts_in_the_readme_run(elsewhere):
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save("tokenizer.json")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("### What it reads")[1].split("\n### ")[0]
    blocks = "".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))
    commands = [line.partition("#")[0].split() for line in blocks.strip().splitlines()]
    commands = [c for c in commands if {"fixtures/reviews", "fixtures/pairs"} & set(c) or
                "fixtures/reviews/train" in c]  # fmt: skip
    assert [c[1] for c in commands] == ["audit", "audit", "audit", "audit", "fix"]
    said = []
    for command in commands:
        done = ran(command)
        said.append(" ".join(done.stdout.split()))
    assert "test/pos/2.txt = train/pos/3.txt" in said[0]
    assert "test/pos/2.txt = train/pos/3.txt" in said[1]
    assert "times the characters of en" in said[2]
    assert "times the tokens of en" in said[3]
    kept = [(elsewhere / "clean-pairs" / f"train.{c}").read_bytes() for c in ("en", "de")]
    assert kept[0].count(b"\n") == kept[1].count(b"\n") < 400


@pytest.mark.parametrize("more", [("--seeds", "1"), pytest.param((), marks=pytest.mark.study)])
def test_commands_on_pictures_in_the_readme_run(elsewhere, more):
    pytest.importorskip("torch")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("### What it reads")[1].split("\n### ")[0]
    (block,) = (b for b in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) if "shapes" in b)
    commands = [line.partition("#")[0].split() for line in block.strip().splitlines()]
    assert [c[1] for c in commands] == ["audit", "fix", "study"]
    commands[2] += ["--workers", "0", *more]  # each process would import torch again
    said = [ran(command).stdout for command in commands]
    assert "test/circle/03.png = train/circle/07.png" in said[0]
    assert "quarantine-unreadable  1 row left" in said[1]
    assert "placebo: the same data, another order" in said[2]
    assert (elsewhere / "shapes" / "study.html").is_file()


def test_commands_on_contracts_versions_and_suites_in_the_readme_run(elsewhere):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    said = {}
    for title in ("A contract for the columns", "Two versions", "In a test-suite"):
        section = text.split(f"### {title}\n")[1].split("\n### ")[0]
        (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
        for line in block.strip().splitlines():
            command = line.partition("#")[0].split()
            said[" ".join(command[:2])] = ran(command, 0, 1).stdout
    assert "SC003 schema-violation" in said["datacheck audit"]
    assert "1,200 → 1,200 rows; 1,200 stay, 0 come, 0 go" in said["datacheck diff"]
    assert "LK001 duplicate-rows-across-splits[test]" in said["pytest --datacheck"]


def test_commands_of_the_page_on_ci_run(elsewhere):
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    blocks = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    commands = [line.split() for line in blocks.strip().splitlines()]
    assert len(commands) == 3
    for command in commands:
        ran(command)
    assert {p.suffix for p in elsewhere.glob("out.*")} == {".sarif", ".xml", ".md"}


def test_action_and_hook_call_commands_that_exist():
    """Their flags are those of the command line, so that neither breaks unseen."""
    import yaml  # type: ignore[import-untyped] # PyYAML carries no types

    from datacheck.cli.audit import command

    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    lines = [hook["entry"], *(step["run"] for step in action["runs"]["steps"])]
    used = [w for line in lines if "datacheck audit" in line for w in line.split()]
    flags = {w for w in used if w.startswith("-")}
    assert flags
    assert flags <= known


def test_python_in_the_readme_runs(capsys, elsewhere):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, {})
    assert capsys.readouterr().out.strip()


def test_configuration_in_the_readme_is_understood(tmp_path):
    from datacheck.config import Config

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    path = tmp_path / "datacheck.toml"
    path.write_text(block, encoding="utf-8")
    config = Config.load(path)
    assert (config.label, config.fail_on, config.memory) == ("income", "warning", 2 << 30)
    assert config.suppress[0].columns == ("occupation",)
