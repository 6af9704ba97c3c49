"""What stands beside the data goes along, and the way of writing text is kept."""

from __future__ import annotations

import polars as pl
import pytest

from datacheck import audit
from datacheck.errors import SourceError
from datacheck.pipelines.fixing import fix
from datacheck.pipelines.repairing import companions
from datacheck.pipelines.undoing import undo
from tests.pipelines.test_fixing import digests, sick, written


def test_notes_and_settings_go_along_and_come_back(tmp_path, monkeypatch):
    source = written(tmp_path / "data", "csv")
    (source / "README.md").write_text("# Where it comes from\n")
    (source / "docs").mkdir()
    (source / "docs/LICENSE.md").write_text("free\n")
    (source / "datacheck.toml").write_text('label = "label"\n')
    monkeypatch.setattr(companions, "LARGEST", 100)
    (source / "NOTES.md").write_text("long " * 100)
    (source / ".hidden").write_text("x")
    (source / "link.md").symlink_to(source / "README.md")
    before = digests(source)
    done = fix(source, tmp_path / "clean")
    assert (tmp_path / "clean/README.md").read_text() == "# Where it comes from\n"
    assert (tmp_path / "clean/docs/LICENSE.md").is_file()
    assert (tmp_path / "clean/originals/datacheck.toml").read_text() == 'label = "label"\n'
    assert any("NOTES.md" in said for said in done.said)
    undo(tmp_path / "clean", tmp_path / "back")
    left_out = {".hidden", "link.md", "NOTES.md"}
    assert digests(tmp_path / "back") == {k: v for k, v in before.items() if k not in left_out}
    said = audit(str(tmp_path / "clean")).assumptions
    assert not any("manifest.json" in s for s in said)


def test_a_repaired_folder_can_be_repaired(tmp_path):
    written(tmp_path / "data", "csv")
    fix(tmp_path / "data", tmp_path / "one")
    fix(tmp_path / "one", tmp_path / "two")
    undo(tmp_path / "two", tmp_path / "back")
    one, back = digests(tmp_path / "one"), digests(tmp_path / "back")
    assert back == {k: v for k, v in one.items() if not k.startswith(("originals", "quarantine"))}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("form", "encoding"),
    [*(("csv", e) for e in ("utf-8", "utf-8-sig", "utf-16", "latin-1")),
     *(("jsonl", e) for e in ("utf-8", "utf-8-sig"))],
)  # fmt: skip
def test_text_keeps_its_line_ends_its_mark_and_its_encoding(tmp_path, newline, encoding, form):
    source = tmp_path / "data"
    source.mkdir()
    for split, frame in sick().items():
        text = frame.write_csv() if form == "csv" else frame.write_ndjson()
        (source / f"{split}.{form}").write_bytes(text.replace("\n", newline).encode(encoding))
    settings = {} if encoding in ("utf-8", "utf-8-sig") else {"encoding": encoding}
    fix(source, tmp_path / "clean", settings=settings)
    plain = tmp_path / "plain"
    written(plain, form)
    fix(plain, tmp_path / "other")
    for split in ("train", "test"):
        made = (tmp_path / "clean" / f"{split}.{form}").read_bytes()
        wanted = (tmp_path / "other" / f"{split}.{form}").read_bytes()
        assert made == wanted.decode().replace("\n", newline).encode(encoding)


def test_a_manifest_that_lists_a_file_twice_or_no_name_is_refused(tmp_path):
    written(tmp_path / "data", "csv")
    fix(tmp_path / "data", tmp_path / "clean")
    path = tmp_path / "clean/manifest.json"
    told = path.read_text()
    path.write_text(told.replace('"train.csv"', '"test.csv"'))
    with pytest.raises(SourceError, match="twice"):
        undo(tmp_path / "clean", tmp_path / "back")
    path.write_text(told.replace('"train.csv"', '"' + "x" * 5000 + '"'))
    with pytest.raises(SourceError, match="no file's name"):
        undo(tmp_path / "clean", tmp_path / "back")
    assert not (tmp_path / "back").exists()
    assert pl.read_csv(tmp_path / "data/train.csv").height
