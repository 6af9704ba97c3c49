from html.parser import HTMLParser

import pytest

from datacheck.report.notebook import render
from tests.reports import HOSTILE, finding, hostile, report

TAGS = {
    "div", "p", "b", "br", "table", "thead", "tbody", "tr", "th", "td", "small", "i",
    "details", "summary", "ul", "li",
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
    assert reader.tags <= TAGS
    assert reader.attributes <= {"style"}
    assert not any(c in shown for c in "\x1b\x9b\u202e\udc80")


def test_report_shows_itself():
    made = report(finding(columns=("age",)))
    assert made._repr_html_() == render(made)
    for part in ("LK001", "16,281", "column age", "drop-from-train", "no sequences", "assumed"):
        assert part in render(made)


def test_empty_report():
    assert "no findings" in render(report(dataset={"name": ""}, outcomes=[], assumptions=[]))
