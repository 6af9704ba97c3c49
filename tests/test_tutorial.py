"""The tutorial: its commands and its code run, and print what the page shows."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from tests.commands import ran

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def agrees(shown: str, printed: str) -> bool:
    """Whether a text is what the page shows; ``…`` is anything, alone in a line any lines."""
    pattern = re.escape(shown.strip()).replace(r"\ ", " ")
    pattern = re.sub(r"\n *…(?=\n|$)", r"(?:\\n[^\\n]*)*?", pattern.replace("\\\n", "\n"))
    return re.fullmatch(pattern.replace("…", r"[^\n]*"), printed.strip()) is not None


def test_what_three_dots_stand_for():
    assert agrees("a … s\n  …\nb", "a 1.5 s\nx\n\ny\nb")
    assert agrees("a\n…\nb", "a\nb")
    assert not agrees("a … s", "a 1.5\n s")
    assert not agrees("a\n…\nb", "a\nx\nc")
    assert not agrees("a (b)", "a (c)")


def commands(block: str) -> list[tuple[str, str]]:
    """(command, what the page shows of its output)."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(p.partition("\n")[0], p.partition("\n")[2]) for p in parts]


def test_the_installation_names_an_extra_that_there_is():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (extra,) = re.findall(r'pip install -e "\.\[(\w+)\]"', PAGE)
    assert extra in project["optional-dependencies"]


def test_everything_on_the_page_runs_and_prints_what_is_shown(tmp_path, monkeypatch, capsys):
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    monkeypatch.chdir(tmp_path)
    verbs, printed = [], ""
    for kind, block in BLOCK.findall(PAGE):
        if kind == "console":
            for command, shown in commands(block):
                program, verb, *rest = shlex.split(command)
                assert program == "datacheck"
                # What is shown does not depend on the workers, and each would import torch again.
                more = ["--workers", "0"] if verb == "study" else []
                done = ran([verb, *rest, *more], 0, 1, columns=80)
                said = done.stdout.rstrip() + "\n" + done.stderr
                assert agrees(shown, re.sub(r"\n\n\n+", "\n\n", said)), f"$ {command}\n{said}"
                verbs.append(verb)
        elif kind == "python":
            capsys.readouterr()
            exec(block, {"__name__": "__main__"})
            printed = capsys.readouterr().out
        elif kind == "text":
            assert agrees(block, printed), printed
    assert verbs == ["audit", "fix", "fix", "audit", "study"]


@pytest.mark.parametrize("page", ["tutorial.md", "how-it-works.md", "add-a-rule.md", "README.md"])
def test_links_lead_somewhere(page):
    text = re.sub(r"^(`{3,}).*?^\1$", "", (ROOT / "docs" / page).read_text(encoding="utf-8"),
                  flags=re.MULTILINE | re.DOTALL)  # fmt: skip
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text)
    assert links
    for target in links:
        assert (ROOT / "docs" / target).exists(), target


def test_the_index_names_every_page():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "docs").glob("*.md"):
        assert path.name == "README.md" or f"({path.name})" in index, path.name
