"""The HTML report in a real Chromium: it renders, sorts, filters, and asks and runs nothing."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from datacheck.auditing import run_audit
from datacheck.config import Config
from datacheck.findings import Severity
from tests.chromium import Chromium, found
from tests.report.test_html import everywhere, many, wide
from tests.reports import HOSTILE, finding, report

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 2.0  # of a processor, until a large page is there
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium():
    program = found()
    if program is None:
        pytest.skip("no Chromium is installed: `make chromium` (Debian) does")
    try:
        browser = Chromium(program)
    except (OSError, RuntimeError) as error:
        pytest.skip(f"Chromium does not start here: {error}")
    with browser:
        yield browser


@pytest.fixture(scope="module")
def clinic():
    return run_audit(str(ROOT / "fixtures" / "clinic"), Config())


@pytest.fixture
def opened(chromium, tmp_path):
    """Opens a report; at the end it must have asked for nothing and complained of nothing."""
    pages: list[str] = []

    def show(made, width=1200, **how):
        path = tmp_path / f"report{len(pages)}.html"
        path.write_text(made.to_html(), encoding="utf-8")
        pages.append(path.as_uri())
        chromium.events.clear()
        chromium.look(width, **how)
        chromium.open(path)
        return chromium

    yield show
    assert pages
    assert chromium.complaints() == []
    asked = {a.partition("#")[0] for a in chromium.requested() if not a.startswith("data:image/")}
    assert asked <= {pages[-1]}


def rows(browser, column):
    code = f"[...document.querySelectorAll('#lines tr')].map(r => r.cells[{column}].textContent)"
    return browser.run(code)


def shown(browser):
    return browser.run(
        "[...document.querySelectorAll('#cards > article')].filter(c => c.offsetParent)"
        ".map(c => c.dataset.rule)"
    )


def test_it_renders(opened, clinic):
    browser = opened(clinic)
    assert browser.run("document.title") == "datacheck · clinic"
    assert browser.run("getComputedStyle(document.body).maxWidth") == "none"
    assert browser.run("getComputedStyle(document.querySelector('.tile')).borderRadius") == "10px"
    sizes = browser.run(
        "[...document.querySelectorAll('article[open], article details[open] svg.picture')]"
        ".map(s => { const b = s.getBoundingClientRect(); return [b.width, b.height]; })"
    )
    assert len(sizes) > 15
    assert all(w > 50 and h > 10 for w, h in sizes)
    assert len(shown(browser)) == len(clinic.findings)


def test_headings_sort_by_click_and_by_key(opened, clinic):
    browser = opened(clinic)
    head = "document.querySelectorAll('.index thead th')[{}]"
    for column, key in ((1, str), (4, lambda t: int(t.replace(",", "")))):
        for direction in ("ascending", "descending"):
            browser.run(f"{head.format(column)}.querySelector('button').click()")
            assert browser.run(f"{head.format(column)}.getAttribute('aria-sort')") == direction
            values = [key(t) for t in rows(browser, column)]
            assert values == sorted(values, reverse=direction == "descending")
            assert shown(browser) == rows(browser, 1)  # the cards follow
    browser.run(f"{head.format(0)}.querySelector('button').focus()")
    for kind in ("keyDown", "keyUp"):
        browser.say("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter",
                    windowsVirtualKeyCode=13, text="\r" if kind == "keyDown" else "")  # fmt: skip
    assert browser.run(f"{head.format(0)}.getAttribute('aria-sort')") == "ascending"
    assert browser.run("document.querySelectorAll('.index [aria-sort]').length") == 1
    ranks = {s.value: s.rank for s in Severity}
    told = [ranks[t] for t in rows(browser, 0)]
    assert told == sorted(told)


def test_filters_by_severity_rule_split_and_words(opened, clinic):
    browser = opened(clinic)

    def choose(key, value):
        browser.run(
            f"(e => {{ e.value = {json.dumps(value)};"
            f" e.dispatchEvent(new Event('input', {{bubbles: true}})); }})"
            f"(document.getElementById({json.dumps(key)}))"
        )

    def expected(keep):
        return [f.rule for f in clinic.findings if keep(f)]

    browser.run("document.querySelector('input[value=error]').click()")
    assert shown(browser) == expected(lambda f: f.severity is not Severity.ERROR)
    browser.run("document.getElementById('reset').click()")
    choose("rule", "MV003")
    assert shown(browser) == ["MV003", "MV003"]
    choose("rule", "")
    choose("split", "test")
    assert shown(browser) == expected(lambda f: "test" in f.splits)
    choose("q", "lactate MV0")
    assert shown(browser) == expected(
        lambda f: "lactate" in f"{f.message} {f.columns}" and "MV0" in f.rule and "test" in f.splits
    )
    count = len(shown(browser))
    assert browser.run("document.getElementById('shown').textContent") == (
        f"{count} of {len(clinic.findings)} shown"
    )
    lines = "[...document.querySelectorAll('#lines tr')].filter(r => !r.hidden).length"
    assert browser.run(lines) == count
    browser.run("document.getElementById('reset').click()")
    assert len(shown(browser)) == len(clinic.findings)


def test_keys_links_and_folding(opened, clinic):
    browser = opened(clinic)
    for kind in ("keyDown", "keyUp"):
        browser.say("Input.dispatchKeyEvent", type=kind, key="/", code="Slash",
                    windowsVirtualKeyCode=191, text="/" if kind == "keyDown" else "")  # fmt: skip
    assert browser.run("document.activeElement.id") == "q"
    assert browser.run("document.activeElement.value") == ""
    fold = "document.getElementById('fold')"
    count = "document.querySelectorAll('#cards > article > details[open]').length"
    browser.run(f"{fold}.click()")
    assert browser.run(count) == 0
    browser.run("document.querySelector('.matrix a[href=\"#f5\"]').click()")
    browser.run("new Promise(done => setTimeout(done, 50))")
    assert browser.run("document.querySelector('#f5 > details').open")
    assert browser.run("document.activeElement.closest('article').id") == "f5"
    browser.run(f"{fold}.click(); {fold}.click()")
    assert browser.run(count) == len(clinic.findings)


def test_theme_follows_the_system_or_the_button(opened, clinic):
    browser = opened(clinic, dark=True)
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = browser.run(paper)
    theme = "document.getElementById('theme')"
    assert browser.run(f"{theme}.textContent") == "Auto"
    browser.run(f"{theme}.click()")
    light = browser.run(paper)
    assert (browser.run(f"{theme}.textContent"), light == dark) == ("Light", False)
    browser.run(f"{theme}.click()")
    assert (browser.run(f"{theme}.textContent"), browser.run(paper)) == ("Dark", dark)
    browser.look(1200, dark=False)
    assert browser.run(paper) == dark
    browser.run(f"{theme}.click()")
    assert browser.run(paper) == light


@pytest.mark.parametrize("name", ["clinic", "shapes", "reviews", "pairs"])
def test_nothing_sticks_out_of_a_narrow_window_or_a_sheet(opened, name):
    made = run_audit(str(ROOT / "fixtures" / name), Config())
    for width, paper in ((1200, False), (390, False), (320, False), (680, True)):
        browser = opened(made, width, paper=paper)
        assert browser.run("document.documentElement.scrollWidth") <= width


def test_on_paper_everything_is_open_and_nothing_to_click_is_left(opened, clinic, tmp_path):
    browser = opened(clinic, 800)
    browser.run("document.getElementById('fold').click()")
    browser.look(800, paper=True)
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("document.querySelectorAll('details:not([open])').length") == 0
    visible = "[...document.querySelectorAll('.filters, .bar, .copy')].filter(e => e.offsetParent)"
    assert browser.run(f"{visible}.length") == 0
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run("document.querySelectorAll('#cards > article > details[open]').length") == 0
    browser.pdf(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


LIVELY = (
    "</script><script>document.title='x'</script>",
    "<img src=http://127.0.0.1:9/x onerror=document.title='x'>",
)


@pytest.mark.parametrize("string", [*HOSTILE, *LIVELY])
def test_hostile_values_stay_text(opened, string):
    browser = opened(everywhere(string))
    assert browser.run("document.scripts.length") == 1
    assert browser.run("document.title").startswith("datacheck · ")
    assert browser.run("document.images.length") == 0
    assert browser.run("document.querySelectorAll('article').length") > 20


def test_the_policy_stops_what_would_come_in_all_the_same(chromium, tmp_path):
    page = report(finding()).to_html()
    bad = "<script>document.title = 'x'</script><img src='http://127.0.0.1:9/x.png'>"
    path = tmp_path / "report.html"
    path.write_text(page.replace("</main>", f"{bad}</main>"), encoding="utf-8")
    chromium.events.clear()
    chromium.open(path)
    assert chromium.run("document.title") == "datacheck · adult"
    assert sum("Content Security Policy" in c for c in chromium.complaints()) == 2


def test_without_javascript_all_text_is_there(chromium, clinic, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(clinic.to_html(), encoding="utf-8")
    chromium.say("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.events.clear()
        chromium.open(path, painted=False)
        text = chromium.run("document.body.innerText")
    finally:
        chromium.say("Emulation.setScriptExecutionDisabled", value=False)
    assert all(f.message in text for f in clinic.findings)
    assert "All findings" in text
    assert "Reset" not in text  # what would do nothing is not shown


def test_names_and_roles_reach_a_screen_reader(opened, clinic):
    browser = opened(clinic)
    browser.say("Accessibility.enable")
    nodes = browser.say("Accessibility.getFullAXTree")["nodes"]
    browser.say("Accessibility.disable")
    told = {(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if "role" in n}
    for role, name in (
        ("main", ""), ("navigation", "Sections"), ("search", "Filter the findings"),
        ("heading", "clinic"), ("searchbox", "Search"), ("checkbox", "error"),
        ("combobox", "Rule"), ("combobox", "Split"), ("button", "Reset"),
        ("button", "Theme: Auto"), ("status", ""), ("columnheader", "severity"),
        ("table", "All findings; the headings sort"),
    ):  # fmt: skip
        assert any(r == role and n.startswith(name) for r, n in told), (role, name)
    assert any(r in ("img", "image") and n.startswith("Histograms of glucose") for r, n in told)


def test_large_reports_open_in_time(chromium, clinic, tmp_path):
    """In two seconds of a processor; where others slow it down, in twice what the same words and
    pictures take without style and script.
    """
    for name, made in (("many", many(clinic)), ("wide", wide(clinic))):
        whole, bare = tmp_path / f"{name}.html", tmp_path / f"{name}-bare.html"
        whole.write_text(made.to_html(), encoding="utf-8")
        bare.write_text(stripped(made.to_html()), encoding="utf-8")
        chromium.look(1200)
        taken = [opening(chromium, whole)]
        limit = SECONDS
        while len(taken) < 3 and min(taken) >= limit:
            limit = max(SECONDS, 2 * opening(chromium, bare))
            taken.append(opening(chromium, whole))
        assert min(taken) < limit, name


def opening(browser, path):
    """Seconds of a processor until a page has been painted; nothing is said on the console."""
    browser.events.clear()
    browser.say("Performance.disable")
    browser.say("Performance.enable", timeDomain="threadTicks")
    before = spent(browser)
    browser.open(path)
    assert browser.complaints() == []
    return spent(browser) - before


def stripped(page):
    """A page without style, script and attributes that serve them."""
    body = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    kinds = r"class|style|id|aria-[a-z]+|data-[a-z]+|role"
    return re.sub(rf"\s(?:{kinds})=(?:\"[^\"]*\"|'[^']*')", "", body)


def spent(browser):
    """Seconds of a processor that the page's thread has used: waiting for others is not counted."""
    told = browser.say("Performance.getMetrics")["metrics"]
    return {m["name"]: m["value"] for m in told}["ThreadTime"]


def test_notebook_s_fragment_reaches_nothing_outside(chromium, clinic, tmp_path):
    path = tmp_path / "notebook.html"
    page = f"<!DOCTYPE html><meta charset=utf-8><p id=before>x</p>{clinic._repr_html_()}"
    path.write_text(page, encoding="utf-8")
    chromium.events.clear()
    chromium.look(900)
    chromium.open(path)
    assert chromium.run("getComputedStyle(document.getElementById('before')).fontSize") == "16px"
    assert chromium.run("document.documentElement.scrollWidth") <= 900
    assert chromium.run("document.querySelectorAll('svg.picture').length") > 5
    assert chromium.complaints() == []


def test_a_folded_finding_keeps_its_place(opened, clinic):
    browser = opened(replace(clinic, findings=clinic.findings[:2]))
    assert shown(browser) == [f.rule for f in clinic.findings[:2]]
