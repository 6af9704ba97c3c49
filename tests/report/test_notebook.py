from html.parser import HTMLParser
from pathlib import Path

import pytest

from datacheck.auditing import run_audit
from datacheck.config import Config
from datacheck.report.html.page import STYLES, asset
from datacheck.report.notebook import render
from tests.report.test_html import TAGS, large
from tests.reports import HOSTILE, finding, hostile, report

ROOT = Path(__file__).resolve().parents[2]
NONE_OF = {
    "html", "head", "body", "meta", "script", "header", "nav", "main", "footer", "input", "select",
    "button", "a", "h1",
}  # fmt: skip


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = set()
        self.attributes = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)


@pytest.mark.parametrize("text", HOSTILE)
def test_only_our_own_tags(text):
    reader = Reader()
    shown = render(hostile(text))
    reader.feed(shown)
    assert reader.tags <= TAGS - NONE_OF
    assert not any(a.startswith("on") or a in ("style", "href", "id") for a in reader.attributes)
    assert not any(c in shown for c in "\x1b\x9b\u202e\udc80")


def test_report_shows_itself():
    made = report(finding(columns=("age",)))
    assert made._repr_html_() == render(made)
    for part in ("LK001", "16,281", "<code>age</code>", "drop-from-train", "no sequences"):
        assert part in render(made)


def test_real_report_shows_its_pictures_and_stays_small():
    shown = run_audit(str(ROOT / "fixtures" / "clinic"), Config())._repr_html_()
    assert shown.count("<svg") > 10
    assert "Histograms of glucose" in shown
    assert len(shown.encode()) < 300_000
    assert len(large()._repr_html_().encode()) < 1_000_000


def test_style_reaches_nothing_outside():
    for block in (asset(*STYLES, "notebook.css")).split("}"):
        selector = block.rpartition("{")[0].rpartition("*/")[2].strip()
        for one in filter(None, (s.strip() for s in selector.rpartition("{")[2].split(","))):
            if not one.startswith("@") and "light-dark" not in one:
                assert ".dc" in one or one.startswith((":is(", "td)", "th)")), one


def test_empty_report():
    shown = render(report(dataset={"name": ""}, outcomes=[], assumptions=[]))
    assert "No rule found anything" in shown
