"""One battery over every registered rule: a new one is tested the moment it is in the table."""

from __future__ import annotations

import dataclasses
import runpy
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.checks.base import Rule
from datacheck.checks.codes import CODES, TABLE
from datacheck.config import Config
from datacheck.findings import Severity, Status
from tests import golden

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures" / "rules"
HEADINGS = [
    "What it finds", "Why it hurts training", "How it is measured", "Example",
    "Repair and repair safety", "Options", "Known limits", "References",
]  # fmt: skip

OF_DATA = {c.code for c in TABLE if c.judges == "data"}  # the others have batteries of their own
every_rule = pytest.mark.parametrize("code", sorted(OF_DATA))


def audit(source, *codes, **settings):
    """A report in which no rule has crashed."""
    report = datacheck.audit(source, settings={"select": codes, **settings})
    failed = [o for o in report.outcomes if o.status is Status.FAILED]
    assert not failed, failed
    return report


def status(report, code):
    return next(o.status for o in report.outcomes if o.rule == code)


@cache
def fixture(code, name):
    """The folder and what its own configuration says; the module beside it has transforms."""
    folder = FIXTURES / code / name
    toml = folder / "datacheck.toml"
    config = Config.load(toml) if toml.exists() else Config()
    # What a suppression hides is only known where the rules run that it names.
    chosen = () if code == "DC001" else (code,)
    module = folder.with_suffix(".py")
    transforms = runpy.run_path(str(module))["TRANSFORMS"] if module.exists() else None
    return datacheck.audit(folder, config=config.replace(select=chosen, transforms=transforms))


@every_rule
def test_has_a_page_with_all_headings(code):
    page = CODES[code].page()
    assert page.startswith(f"# {CODES[code].name} ({code})\n")
    found = [line[3:] for line in page.splitlines() if line.startswith("## ")]
    assert found == HEADINGS
    rule = CODES[code].load()
    assert issubclass(rule, Rule)
    assert rule.why
    for option in dataclasses.fields(rule):
        assert f"`{option.name}`" in page, f"option {option.name} is not on the page"
    for repair in rule.repairs:
        assert f"`{repair.name}`" in page, f"repair {repair.name} is not on the page"
        assert repair.safety in page


@every_rule
def test_fires_on_its_bad_fixture(code):
    report = fixture(code, "bad")
    found = report.of(code)
    assert found, report.outcomes
    for finding in found:
        assert finding.rule == code
        assert finding.message
        assert finding.why
        assert 0 < finding.count <= (finding.total or finding.count)
        assert set(finding.splits) <= set(report.dataset["splits"])
        assert len(finding.examples) <= datacheck.findings.MAX_EXAMPLES
    if code != "NM004":  # sums of torch, which differ between processors
        golden.agrees("fixtures", code, report)


@pytest.mark.parametrize("name", ["clinic", "pairs", "reviews", "shapes"])
def test_the_sample_datasets_are_told_as_ever(name):
    golden.agrees("datasets", name, datacheck.audit(ROOT / "fixtures" / name))


@every_rule
def test_is_silent_on_its_clean_fixture(code):
    report = fixture(code, "clean")
    assert status(report, code) is Status.CLEAN, (report, report.outcomes)


@every_rule
def test_finding_is_complete_json(code):
    import json

    text = fixture(code, "bad").to_json(timing=False)
    assert json.loads(text)["findings"]


def split(n, columns, seed=0):
    """Numbers, categories, text, dates, a sequence and a label, all ordinary."""
    rng = np.random.default_rng(seed)
    words = np.array(["red", "green", "blue"])
    data = {
        "n": rng.normal(size=n),
        "c": words[rng.integers(0, 3, n)].tolist(),
        "t": [" ".join(rng.choice(words, 6)) + f" {i}" for i in range(n)],
        "d": (np.datetime64("2024-01-01") + rng.integers(0, 9999, n)).astype("datetime64[us]"),
        "s": [[1.0] * int(k) for k in rng.integers(1, 9, n)],
        "g": rng.integers(0, max(n // 3, 1), n),
        "label": words[rng.integers(0, 2, n)].tolist(),
    }
    frame = pl.DataFrame(data, strict=False)
    return frame.select(columns) if columns else frame


def nothing(frame):
    """The same columns, all null."""
    return frame.select(pl.lit(None, dtype=t).alias(c) for c, t in frame.schema.items())


ROLES = {"label": "label", "group": "g", "time": "d"}
WHOLE = split(60, None)
MOST = pl.DataFrame({"n": [1.7e308, -1.7e308] * 30, "m": [float("inf")] * 60, "label": [0, 1] * 30})
NOTHING = WHOLE.clear().vstack(nothing(WHOLE))
LABEL = WHOLE.select("label")
SAME = pl.concat([WHOLE.head(1)] * 60)
DEGENERATE = {
    "empty-train": ({"train": WHOLE.clear(), "test": WHOLE}, ROLES),
    "empty-test": ({"train": WHOLE, "test": WHOLE.clear()}, ROLES),
    "all-null-train": ({"train": NOTHING, "test": WHOLE}, ROLES),
    "all-null-test": ({"train": WHOLE, "test": NOTHING}, ROLES),
    "one-row": ({"train": WHOLE.head(1), "test": WHOLE.head(1)}, ROLES),
    "one-split": ({"data": WHOLE}, ROLES),
    "one-column": ({"train": WHOLE.select("n"), "test": WHOLE.select("n")}, {}),
    "only-label": ({"train": LABEL, "test": LABEL}, {"label": "label"}),
    "constant": ({"train": SAME, "test": SAME.head(30)}, ROLES),
    "extreme": ({"train": MOST, "test": MOST.head(31)}, {"label": "label"}),
    "to-predict": ({"train": WHOLE, "test": split(40, None, 1)}, {"label": "n", "time": "d"}),
    "columns-apart": ({"train": WHOLE.select("n", "label"), "test": WHOLE.select("c", "d")}, {}),
}


@pytest.mark.parametrize("shape", sorted(DEGENERATE))
def test_every_rule_survives(shape):
    source, settings = DEGENERATE[shape]
    report = audit(source, **settings)
    assert {o.rule for o in report.outcomes} == OF_DATA
    report.to_json()


@every_rule
@pytest.mark.parametrize("shape", ["constant", "one-row"])
def test_each_rule_survives_alone(code, shape):
    source, settings = DEGENERATE[shape]
    audit(source, code, **settings)


@pytest.mark.parametrize("columns", [2_000, pytest.param(10_000, marks=pytest.mark.study)])
def test_every_rule_survives_very_many_columns(columns):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, columns))
    frame = pl.DataFrame({f"x{j}": values[:, j] for j in range(columns - 1)})
    train = frame.with_columns(label=pl.Series(rng.integers(0, 2, 60)))
    test = pl.DataFrame(rng.normal(size=(40, columns - 1)), schema=frame.columns)
    test = test.with_columns(label=pl.Series(rng.integers(0, 2, 40)))
    report = audit({"train": train, "test": test}, label="label")
    assert not report.at_least(Severity.WARNING), report


@pytest.mark.parametrize(
    "value", ["<script>alert(1)</script>", "\x1b[31mred\n", "=1+1", "𝕏\u202e", ""]
)
def test_every_rule_survives_hostile_names_and_values(value):
    name = f"c{value}"
    frame = split(60, ["n", "c", "label"]).with_columns(pl.lit(value).alias(name))
    frame = frame.with_columns(pl.when(pl.col("n") > 0).then(pl.col(name)).otherwise(pl.lit("x")))
    report = audit({"train": frame, "test": frame.head(30)}, label="label")
    report.to_json()
    assert "\x1b" not in repr(report)


def test_codes_are_unique_and_families_known():
    assert len({c.code for c in TABLE}) == len({c.name for c in TABLE}) == len(TABLE)


def test_every_fixture_belongs_to_a_rule():
    assert {p.name for p in FIXTURES.iterdir()} == OF_DATA
