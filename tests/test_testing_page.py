"""The page on testing: its code runs, in order, and its settings are those that a test uses."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tests.testing.test_scratch_project import LINES

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_its_code_runs(tmp_path, monkeypatch, capsys):
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".hypothesis").mkdir()
    told: dict[str, object] = {}
    for block in blocks("python"):
        exec(block, told)
    said = capsys.readouterr().out
    assert "'group': 'group', 'time': 'time'" in said
    assert "('MV001', 'NM001')" in said
    assert "'visit_codes'" in said


def test_its_settings_are_those_of_the_scratch_project():
    (block,) = blocks("toml")
    assert block == LINES
    assert len(block.strip().splitlines()) == 4
    assert tomllib.loads(block)


def test_the_extra_is_there_and_every_law_is_named():
    from datacheck.testing import laws

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (extra,) = set(re.findall(r"\[(\w+)\]\"", "".join(blocks("sh"))))
    assert extra in project["optional-dependencies"]
    for name in laws.__all__:
        if name.startswith("check_") or name == "does_not_leak":
            assert f"| `{name}` |" in PAGE


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
