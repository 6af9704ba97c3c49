import re

import pytest

from datacheck.findings import Severity, plain
from datacheck.report import terminal
from tests.reports import HOSTILE, finding, hostile, report


def test_says_what_where_how_bad_why_and_what_mends_it():
    text = terminal.render(report(finding(columns=("age",))))
    for part in (
        "datacheck · adult",
        "32,561 rows in 1 file",
        "3 (2 category, 1 number)",
        "label    income",
        "set with --label",
        "ERROR LK001 duplicate-rows-across-splits",
        "23 of 16,281 test rows",
        "column age",
        "share 0.00141 (0.0009 to 0.0021; threshold 0)",
        "test/a.csv:17 = train/a.csv:33 (age 39)",
        "learned by heart",
        "drop-from-train (safe)",
        "1 error · 3 rules not checked",
        "no sequences: SL001 SL002",
        "failed: ValueError: x: NM003",
    ):
        assert part in text, part


def test_most_severe_first_and_one_rule_explained_once():
    text = terminal.render(
        report(
            finding("MV005", Severity.INFO, message="info here"),
            finding("LK005", message="second"),
            finding("MV001", Severity.WARNING, message="warning here"),
            finding("LK005", message="first"),
        )
    )
    places = [text.index(m) for m in ("first", "second", "warning here", "info here")]
    assert places == sorted(places)
    assert text.count("ERROR LK005") == 1
    assert text.count("learned by heart") == 3


@pytest.mark.parametrize("width", [30, 40, 80, 120])
def test_no_line_is_wider_than_asked(width):
    from rich.cells import cell_len

    long = "日本語" * 40 + "x" * 200
    text = terminal.render(report(finding(message=long, columns=(long,))), width=width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert not any(line.endswith(" ") for line in text.splitlines())


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("color", [False, True])
def test_nothing_from_the_data_steers_the_terminal(text, color):
    shown = terminal.render(hostile(text), color=color)
    ours = re.sub(r"\x1b\[[0-9;]*m", "", shown) if color else shown
    assert all(c.isprintable() or c == "\n" for c in ours)
    assert "\x1b[31mred" not in shown
    squeezed = "".join(ours.split())
    assert "".join(plain(text).split())[:20] in squeezed


def test_color_only_when_asked():
    assert "\x1b" not in terminal.render(report(finding()))
    assert "\x1b[1;31mERROR" in terminal.render(report(finding()), color=True)


def test_quiet_is_one_line_a_finding():
    text = terminal.render(report(finding()), quiet=True, width=120)
    assert text.splitlines()[0].startswith("LK001 error: 23 of")
    assert len(text.splitlines()) == 2


def test_known_findings_are_counted_not_shown():
    old, new = finding("LK001", message="old one"), finding("LK005", message="new one")
    text = terminal.render(report(old, new), known=[old])
    assert "old one" not in text
    assert "new one" in text
    assert "1 error · 1 known finding in the baseline" in text


def test_suppressed_are_told_with_reason():
    text = terminal.render(report(suppressed=[(finding(columns=("age",)), "the form allows it")]))
    assert "no findings · 1 suppressed" in text
    assert "LK001  age: the form allows it" in text


def test_many_findings_are_cut_and_counted():
    many = [finding(message=f"finding {i:03d}") for i in range(100)]
    text = terminal.render(report(*many))
    assert "finding 059" in text
    assert "finding 060" not in text
    assert "… and 40 errors more" in text


def test_empty_report():
    text = terminal.render(report(dataset={"name": ""}, outcomes=[], assumptions=[], timing={}))
    assert "no findings" in text
