"""The HTML report: complete, self-contained, small, readable by anyone, and text stays text."""

import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacheck.auditing import run_audit
from datacheck.config import Config
from datacheck.findings import Effect, Example, Severity
from datacheck.report.html import pictures, render
from datacheck.report.html.markup import Markup, tag, text
from datacheck.report.html.page import STYLES, asset
from datacheck.report.html.view import View
from tests.reports import HOSTILE, finding, hostile, report

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 5_000_000
TAGS = {
    "html", "head", "meta", "title", "style", "script", "body", "header", "nav", "main", "section",
    "footer", "article", "details", "summary", "h1", "h2", "h3", "p", "div", "span", "ul", "li",
    "dl", "dt", "dd", "a", "b", "i", "code", "pre", "mark", "strong", "button", "label", "input",
    "select", "option", "fieldset", "legend", "output", "table", "caption", "thead", "tbody", "tr",
    "th", "td", "figure", "figcaption", "img", "svg", "text", "rect", "line", "path", "circle",
}  # fmt: skip
EMPTY = {"meta", "input", "img", "br"}


class Reader(HTMLParser):
    """All elements with their attributes, and whether they are nested as they should be."""

    def __init__(self, page):
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.inside = {"script": "", "style": ""}
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), "an attribute that is there twice"
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in self.inside:
            self.inside[self.open[-1]] += data
        else:
            self.texts.append(data)

    def all(self, name):
        return [attributes for tag, attributes in self.elements if tag == name]


def held(page):
    """The page, read; it has our own elements only, asks for nothing and runs nothing else."""
    assert page.encode("utf-8").decode("utf-8") == page  # and so holds no half of a surrogate pair
    read = Reader(page)
    assert {t for t, _ in read.elements} <= TAGS
    assert read.inside["script"] == asset("script.js")
    assert read.inside["style"] == asset(*STYLES, "page.css")
    for _, attributes in read.elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in ("style", "srcset", "action", "formaction", "ping", "background")
            if name == "href":
                assert re.fullmatch(r"#[a-z0-9-]+", value), value
            if name == "src":
                assert re.match(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/=]+\Z", value), value
    shown = "".join(read.texts) + "".join(
        str(v) for _, attributes in read.elements for v in attributes.values()
    )
    assert all(c.isprintable() or c in "\n\t" for c in shown.replace("\t", ""))
    return read


@pytest.fixture(scope="module")
def clinic():
    return run_audit(str(ROOT / "fixtures" / "clinic"), Config())


@pytest.fixture(scope="module")
def page(clinic):
    return clinic.to_html()


# -- what is in it ------------------------------------------------------------------------------


def test_every_finding_has_its_card_with_message_reason_and_repairs(clinic, page):
    read = held(page)
    cards = read.all("article")
    assert [c["data-rule"] for c in cards] == [f.rule for f in clinic.findings]
    for found in clinic.findings:
        assert text(found.message) in page
        assert text(found.why) in page
        assert all(text(r.name) in page for r in found.repairs)
    for said in (*clinic.assumptions, *(o.reason for o in clinic.not_checked)):
        bare = re.sub(r"</?code>", "", page)
        assert text(said) in bare


def test_rules_and_splits_are_in_the_matrix(clinic, page):
    matrix = page.split('class="matrix"')[1].split("</table>")[0]
    assert set(re.findall(r">([A-Z]{2}\d{3})</code>", matrix)) == {f.rule for f in clinic.findings}
    assert matrix.count('<td class="cell') == 2 * len({f.rule for f in clinic.findings})
    ribbon = page.split('class="ribbon"')[1].split("</dl>")[0]
    assert len(re.findall(r'class="pip ', ribbon)) == len(clinic.outcomes)


def test_the_plan_is_commands_that_name_the_data(clinic, page):
    commands = re.findall(r"<pre><code>(.*?)</code></pre>", page)
    path = str(ROOT / "fixtures" / "clinic")
    assert f"datacheck fix {path} --dry-run" in commands
    assert f"datacheck fix {path} -o {path}-fixed" in commands
    assert f"datacheck train {path}-fixed" in commands
    for step in clinic.plan().ready(unsafe=True):
        assert f"<code>{step.repair}</code>" in page


def test_the_same_report_is_the_same_page(clinic, page):
    again = run_audit(str(ROOT / "fixtures" / "clinic"), Config(threads=1))
    assert again.to_html() == page
    assert replace(clinic, timing={"total": 99.0}).to_html() == page


def test_known_findings_are_marked(clinic):
    shown = render(clinic, clinic.findings[:3])
    assert shown.count('<span class="known">') == 3
    assert "3 findings that the baseline knows" in shown


def test_a_clean_and_an_empty_report():
    read = held(render(report(outcomes=[], assumptions=[])))
    assert not read.all("article")
    held(render(report(dataset={}, outcomes=[], assumptions=[])))
    held(render(report(dataset={"name": "runs", "splits": {}, "columns": {}, "runs": [
        {"name": "run.jsonl", "steps": 10, "evaluations": 2, "splits": ["val"], "ended": True}
    ]})))  # fmt: skip


# -- pictures -----------------------------------------------------------------------------------

DRAWN = sorted({code for codes, _ in pictures.PICTURES for code in codes})


@pytest.mark.parametrize("code", DRAWN)
def test_a_rule_with_a_picture_draws_it_of_its_fixture(code):
    folder = ROOT / "fixtures" / "rules" / code / "bad"
    chosen = Config(select=(code, "NM003"))  # which asks for a sample
    if (schema := folder / "schema.yaml").exists():
        chosen = chosen.replace(schema=str(schema))
    made = run_audit(str(folder), chosen)
    view = View.of(made)
    drawn = []
    for found in made.of(code):
        for codes, picture in pictures.PICTURES:  # not draw(): here nothing is left out unseen
            if code in codes:
                drawn += picture(found, view)
    assert drawn or code in ("NM007", "MV006", "SL005", "LK009"), code
    held(made.to_html())


def test_pairs_stand_side_by_side_with_their_cells(page):
    card = page.split('data-rule="LK001"')[1].split("</article>")[0]
    rows = re.findall(r"<tr><th scope=\"row\">(t\w+/t\w+\.csv:\d+)</th>(.*?)</tr>", card)
    assert [r[0].split("/")[0] for r in rows[:4]] == ["test", "train", "test", "train"]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", r[1]) for r in rows]
    assert cells[0] == cells[1]
    assert len(cells[0]) > 5


def test_pictures_are_small_and_encoded_anew():
    shown = run_audit(str(ROOT / "fixtures" / "shapes"), Config()).to_html()
    images = held(shown).all("img")
    assert len(images) == 2
    assert all("circle" in i["alt"] and int(i["width"]) <= 112 for i in images)


def test_words_that_differ_are_marked():
    from datacheck.report.html.pictures.pairs import compared

    one, other = compared("the cat sat on the mat", "the dog sat on a mat")
    assert one == "the <mark>cat</mark> sat on <mark>the</mark> mat"
    assert other == "the <mark>dog</mark> sat on <mark>a</mark> mat"


@pytest.mark.parametrize("code", DRAWN)
@pytest.mark.parametrize("value", [None, "x", -1, [], {}, [[1]], {"a": {"b": "c"}}, float("nan")])
def test_evidence_that_is_not_what_it_should_be_breaks_nothing(code, value):
    keys = (
        "absent_at", "lines", "fences", "shifts", "bucket_edges", "limit", "padding_at", "pairs",
        "score", "largest", "smallest", "middle", "unseen", "worst", "last_of_train",
    )  # fmt: skip
    odd = {name: {"age": value} for name in ("numbers", "missing", "lengths", "by_class")}
    made = report(
        finding(code, columns=("age",), evidence=dict.fromkeys(keys, value)),
        profile={**odd, "categories": {"age": value}, "classes": {"column": "age"}},
    )
    assert held(made.to_html()).all("article")


# -- hostile data -------------------------------------------------------------------------------


@pytest.mark.parametrize("string", HOSTILE)
def test_hostile_text_is_text(string):
    for made in (hostile(string), everywhere(string)):
        read = held(made.to_html())
        assert len(read.all("script")) == len(read.all("style")) == 1


def everywhere(string):
    """A report whose names, values, evidence, profile and rows are all ``string``."""
    made = hostile(string)
    told = {"low": 0, "high": 1, "splits": {string: {
        "n": 3, "below": 0, "above": 0, "counts": [1, 2], "quantiles": [0, 0.5, 1]}}}  # fmt: skip
    some = {"values": [string], "splits": {string: [2]}, "rows": {string: 2}, "left_out": 0}
    profile = {
        "numbers": {string: told},
        "categories": {string: some},
        "classes": {"column": string, **some},
        "missing": {string: {string: [1, 2]}},
        "missing_by_class": {string: {string: {string: [1, 2], f"{string}2": [0, 2]}}},
        "by_class": {string: {"label": string, "categories": some}},
        "lengths": {string: {"unit": string, "edges": [0, 1], "splits": {string: {
            "n": 2, "median": 1, "longest": 1, "counts": [1, 1]}}}},
        "sampled": {string: 1},
    }  # fmt: skip
    evidence = {
        "pairs": {string: 3},
        "absent_at": {"32": 0.5, "64": 0.25},
        "rarest": string,
        "score": {string: 0.5, f"{string}2": 0.25},
        "shifts": [[string, string, 1.0, 0.5], [string, "tv", 0.5, 0.2]],
        "unseen": {string: [[string, 1]]},
        "largest": [string, 100.0],
        "smallest": [string, 0.1],
        "middle": 1.0,
        string: {string: [string, {string: string}]},
    }
    example = Example(
        (string, f"{string}:1"), {string: string, f"{string} of the other": f"{string} x"}
    )
    findings = [
        finding(code, severity, message=string, why=string, columns=(string,), splits=(string,),
                unit=string, evidence=evidence, examples=(example,),
                effect=Effect(string, 0.5, 0.1, 0.9, 0.05))
        for code, severity in zip((*DRAWN, "SC001"), [*Severity] * 20, strict=False)
    ]  # fmt: skip
    return replace(made, findings=findings, profile=profile, peek=Told(string))


class Told:
    """What gives every row the same hostile value."""

    path, config = "", ""

    def __init__(self, string):
        self.string = string
        self.splits = {string: string}
        self.flags = ("--label", string)

    def rows(self, addresses, first=()):
        return {a: {self.string: f"{self.string} {i}", "n": 1.5} for i, a in enumerate(addresses)}

    def pictures(self, addresses):
        return {}


NASTY = st.text() | st.sampled_from([
    "</script><script>alert(1)</script>", "<!--", "-->", "]]>", "<svg onload=alert(1)>", "</style>",
    "\" onmouseover=\"alert(1)", "' autofocus onfocus='x", "javascript:alert(1)", "&lt;b&gt;",
    "{{7}}", "data:text/html,x", "\x00", "\ud800", "=1+1", "\x1b]8;;http://x\x07", "a\u202eb",
])  # fmt: skip


@pytest.fixture(scope="module")
def plain():
    return held(everywhere("x").to_html())


@settings(max_examples=15, deadline=None)
@given(string=NASTY)
def test_no_string_of_a_finding_is_ever_markup(plain, string):
    read = held(everywhere(string).to_html())
    # as many elements as with a harmless string: none comes from the data
    for name in ("script", "style", "meta", "article", "section", "img", "input", "button"):
        assert len(read.all(name)) == len(plain.all(name)), name


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_text_of_the_data_comes_back_as_it_is_shown(string):
    from datacheck.report import words

    read = Reader(tag("p", string, title=string))
    assert "".join(read.texts) == words.said(string)
    assert read.all("p")[0]["title"] == words.said(string, 100_000)


def test_names_of_elements_and_attributes_are_checked():
    with pytest.raises(ValueError, match="element"):
        tag("p onclick")
    with pytest.raises(ValueError, match="attribute"):
        tag("p", **{"x y": "1"})
    assert tag("p", Markup("<b>"), "<b>", None, 3, hidden=True, x=None) == (
        "<p hidden><b>&lt;b&gt;3</p>"
    )


# -- the policy ---------------------------------------------------------------------------------


def test_policy_allows_our_script_and_style_and_nothing_else(page):
    (policy,) = [
        m["content"] for m in held(page).all("meta")
        if m.get("http-equiv") == "Content-Security-Policy"
    ]  # fmt: skip
    told = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    for part, tagged in (("style-src", "style"), ("script-src", "script")):
        (inside,) = re.findall(f"<{tagged}>(.*?)</{tagged}>", page, re.DOTALL)
        digest = b64encode(sha256(inside.encode()).digest()).decode()
        assert told[part] == f"'sha256-{digest}'"
    assert told["default-src"] == told["base-uri"] == told["form-action"] == "'none'"
    assert told["img-src"] == "data:"
    assert "unsafe" not in policy
    assert page.index("Content-Security-Policy") < page.index("<style>")


@pytest.mark.parametrize("name", ["script.js", *STYLES, "page.css", "notebook.css"])
def test_assets_ask_for_nothing(name):
    code = asset(name)
    assert not re.search(r"https?:|url\(|@import|fetch|XMLHttp|WebSocket|eval|innerHTML|</", code)


# -- size ---------------------------------------------------------------------------------------


def many(clinic):
    findings = [replace(f, message=f"{i}: {f.message}") for i in range(60) for f in clinic.findings]
    return replace(clinic, findings=findings[:1000])


def wide(clinic):
    column = {"kind": "number", "role": "feature", "assumed": ""}
    told = {f"column_{i}": column for i in range(10_000)}
    one = [finding("NM003", columns=tuple(told), message="all columns shift")]
    each = [finding("MV001", columns=(c,), message=f"{c} has gaps") for c in list(told)[:1000]]
    return replace(clinic, dataset={**clinic.dataset, "columns": told}, findings=one + each)


def large():
    bad = "'\"<&>" * 200
    one = finding(
        message=bad, why=bad, columns=tuple(f"{bad}{i}" for i in range(300)),
        evidence={f"{k}{bad}": {f"{j}{bad}": bad for j in range(100)} for k in range(100)},
        examples=(Example((bad,) * 3, {f"{k}{bad}": bad for k in range(30)}),) * 9,
    )  # fmt: skip
    return report(*[one] * 3000)


def test_a_thousand_findings_and_ten_thousand_columns_stay_small(clinic):
    for made in (many(clinic), wide(clinic)):
        shown = made.to_html()
        assert len(shown.encode()) < MOST_BYTES
        assert shown.count("<article") == len(made.findings)  # all of them are told
        assert "come without pictures and figures" in shown
    assert "9,7" in shown
    assert "further columns without a finding" in shown


def test_the_worst_stays_small_and_says_what_it_leaves_out():
    shown = large().to_html()
    assert len(shown.encode()) < MOST_BYTES
    assert "Left out of this page" in shown
    assert re.search(r"2,\d\d\d findings; the JSON report has them all", shown)


# -- for everyone -------------------------------------------------------------------------------


def test_page_can_be_read_without_eyes(page):
    read = held(page)
    assert read.all("html")[0]["lang"] == "en"
    for landmark in ("header", "nav", "main", "footer", "h1"):
        assert len(read.all(landmark)) == 1, landmark
    assert len(read.all("caption")) == len(read.all("table"))
    assert all(th.get("scope") in ("row", "col") for th in read.all("th"))
    for svg in read.all("svg"):
        assert svg.get("aria-hidden") == "true" or (svg["role"] == "img" and svg["aria-label"])
    assert all(i["alt"] for i in read.all("img"))
    ids = [a["id"] for _, a in read.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attributes in read.elements:
        if "href" in attributes:
            assert attributes["href"][1:] in ids
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in ids
    levels = [int(t[1]) for t, _ in read.elements if re.fullmatch("h[1-6]", t)]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    labelled = re.findall(r"<label>.*?</label>", page, re.DOTALL)
    assert sum("<input" in x or "<select" in x for x in labelled) == len(
        read.all("input") + read.all("select")
    )


def luminance(color):
    """Relative luminance (WCAG 2.2) of ``#rrggbb``."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1])
def test_text_can_be_read_in_light_and_dark(theme):
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", asset("style.css"))
    color = {name: pair[theme] for name, *pair in found}
    for ink in ("ink", "soft", "link", "error", "warning", "info", "clean"):
        for paper in ("page", "card", "sunk"):
            assert contrast(color[ink], color[paper]) >= 4.5, (ink, paper)
    for sign in ("error", "warning", "info", "clean"):
        assert contrast(color[sign], color[f"{sign}-wash"]) >= 4.5, sign
    for series in ("s0", "s1", "s2", "s3", "s4", "s5", "strong"):  # graphics: 3 to 1
        assert contrast(color[series], color["card"]) >= 3, series


# How colors look to those who lack one kind of cones: matrices on linear RGB of Machado, Oliveira
# and Fernandes 2009, "A physiologically-based model for simulation of color vision deficiency".
EYES = {
    "usual": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                            [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                              [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                            [0.004733, 0.691367, 0.303900]]),
}  # fmt: skip
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                   [0.0193339, 0.1191920, 0.9503041]])  # fmt: skip


def lab(color, eyes):
    """CIE L*a*b* (D65) of ``#rrggbb`` as those eyes see it."""
    channels = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(eyes @ linear, 0, 1) / np.array([0.95047, 1, 1.08883])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("theme", [0, 1])
def test_colors_of_splits_stay_apart_for_all_eyes(theme, eyes):
    found = re.findall(r"--(s\d): light-dark\((#\w{6}), (#\w{6})\)", asset("style.css"))
    assert len(found) == 6
    for (one, *a), (other, *b) in combinations(found, 2):
        apart = np.linalg.norm(lab(a[theme], EYES[eyes]) - lab(b[theme], EYES[eyes]))
        assert apart > 15, (one, other)  # some 2.3 is a difference that can just be seen


# -- the commands -------------------------------------------------------------------------------


def test_format_and_suffix(tmp_path, clinic):
    from datacheck.report.formats import FORMS, Rendering, form_of
    from datacheck.report.where import Where

    assert form_of("a/b.HTML") == "html"
    assert FORMS["html"](clinic, Rendering(Where())) == clinic.to_html()


def test_profile_of_a_report_is_plain_json(clinic):
    assert json.loads(json.dumps(clinic.profile, allow_nan=False)) == clinic.profile
