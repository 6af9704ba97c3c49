from __future__ import annotations

import math
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from datacheck.training.study.svg import Band, Interval, Mark, curves, forest

NUMBERS = st.floats(1e-6, 1e6)


def inside(text):
    """All that is drawn lies on the canvas; the parsed picture."""
    root = ET.fromstring(text)
    width, height = (float(v) for v in root.get("viewBox", "").split()[2:])
    for one in root.iter():
        for names, most in ((("x", "x1", "x2", "cx"), width), (("y", "y1", "y2", "cy"), height)):
            for name in set(names) & set(one.attrib):
                assert -0.1 <= float(one.attrib[name]) <= most + 0.1, one.attrib
        for pair in (one.get("points") or "").split():
            x, y = map(float, pair.split(","))
            assert -0.1 <= x <= width + 0.1
            assert -0.1 <= y <= height + 0.1
    return root


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=5), st.booleans())
def test_a_forest_stays_on_its_canvas(values, log):
    lines = [Interval("a & <b>", *(sorted(v)[i] for i in (1, 0, 2))) for v in values]
    root = inside(forest(lines, log=log, unit="ratios"))
    assert len(root.findall(".//{*}circle")) == len(lines)
    assert len([e for e in root.iter() if e.get("class") == "grid"]) <= 12


def test_what_has_no_interval_is_a_point():
    root = inside(forest([Interval("a", 2.0, math.nan, math.nan)], log=True, unit="ratios"))
    assert len(root.findall(".//{*}circle")) == 1
    assert forest([Interval("a", math.nan, math.nan, math.nan)], log=True, unit="") == ""


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_curves_stay_on_their_canvas(values):
    steps = list(range(len(values)))
    band = Band(steps, values, [v - 1 for v in values], [v + 1 for v in values], "loss")
    mark = Mark(steps[-1], values[-1], "seed <0>", "#spike")
    root = inside(curves([band], [mark], title="a & b", top=10.0))
    assert root.find(".//{*}a").get("href") == "#spike"


def test_no_finite_step_is_said():
    assert "no finite step" in curves([], title="<raw>")
    assert "&lt;raw&gt;" in curves([], title="<raw>")
