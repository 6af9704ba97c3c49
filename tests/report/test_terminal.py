import re

import pytest

from datacheck.findings import Example, Severity, plain
from datacheck.report import terminal, words
from tests.reports import HOSTILE, finding, hostile, report


def test_says_what_where_how_bad_why_and_what_mends_it():
    text = terminal.render(report(finding(columns=("age",))))
    for part in (
        "datacheck · adult",
        "32,561 rows in 1 file",
        "3 (2 category, 1 number)",
        "label    income, assumed: last column; set with --label",
        "task     classification",
        "ERROR LK001 duplicate-rows-across-splits",
        "23 of 16,281 test rows",
        "column age",
        "share 0.00141 (0.0009 to 0.0021; threshold 0)",
        "test/a.csv:17 = train/a.csv:33 (age 39)",
        "learned by heart",
        "drop-from-train (safe) or resplit (unsafe)",
        "an unsafe repair changes what the model learns · more: datacheck rule LK001",
        "1 error · 1 of 4 rules checked, 1 failed · 1.2 s",
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


def test_what_is_assumed_stands_where_it_belongs_and_only_once():
    columns = {
        "y": {"kind": "category", "role": "label", "assumed": "its name"},
        "a": {"kind": "number", "role": "id", "assumed": "counts the rows"},
        "b": {"kind": "number", "role": "id", "assumed": "its name"},
    }
    splits = {"train": {"rows": 1, "files": 1}}
    said = [
        "label: y, assumed: its name; set with --label",
        "id: a, assumed: counts the rows; set with --id",
        "id: b, assumed: its name; set with --id",
        "b is read as a sequence",
    ]
    dataset = {"name": "d", "splits": splits, "columns": columns, "task": None}
    text = terminal.render(report(dataset=dataset, assumptions=said, outcomes=[]))
    head, _, rest = text.partition("assumed\n")
    assert "label    y, assumed: its name; set with --label" in head
    assert "id       a, b\n" in head  # two columns, each with a reason of its own
    assert rest.splitlines()[:3] == [f"  {sentence}" for sentence in said[1:]]


def test_that_nothing_was_found_is_said_beside_the_role():
    dataset: dict[str, object] = {"name": "d", "splits": {}, "columns": {}, "task": None}
    said = ["label: none found (no usual name); name it with --label"]
    text = terminal.render(report(dataset=dataset, assumptions=said, outcomes=[]))
    assert "label    none found (no usual name); name it with --label" in text
    assert "assumed\n" not in text


def test_cells_can_be_told_apart():
    cells = {"a": None, "b": "None", "c": "", "d": " x"}
    text = terminal.render(report(finding(examples=(Example(("t/a.csv:1",), cells),))))
    assert "t/a.csv:1 (a missing, b None, c '', d ' x')" in text
    numbers = {"a": -999.0, "b": float("inf"), "c": 1234567, "d": 0.1 + 0.2}
    text = terminal.render(report(finding(examples=(Example(("t/a.csv:1",), numbers),))))
    assert "(a -999, b inf, c 1234567, d 0.3)" in text


def test_the_last_lines_are_what_counts():
    lines = terminal.render(report(finding(), suppressed=[(finding(), "known")])).splitlines()
    assert lines[-2].startswith("1 error · 1 suppressed · ")
    assert lines[-1].endswith("more: datacheck rule LK001")
    assert terminal.render(report()).splitlines()[-1].startswith("no findings · ")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"), (1, "1"), (12345.0, "12,345"), (0.123456, "0.123"), (0.99312, "0.9931"),
        (1234.5, "1,234"), (-0.5, "-0.5"), (1.5e9 + 0.5, "1.5e+09"), (1e300, "1e+300"),
        (1e-9, "1e-09"),
    ],
)  # fmt: skip
def test_figures_have_as_many_digits_as_one_reads(value, shown):
    assert words.number(value) == shown


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
    assert "LK001 age: the form allows it" in text


def test_many_findings_are_cut_and_counted():
    many = [finding(message=f"finding {i:03d}") for i in range(100)]
    text = terminal.render(report(*many))
    assert "finding 059" in text
    assert "finding 060" not in text
    assert "… and 40 errors more" in text


def test_empty_report():
    text = terminal.render(report(dataset={"name": ""}, outcomes=[], assumptions=[], timing={}))
    assert "no findings" in text
