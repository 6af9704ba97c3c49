"""Plans: from findings, to TOML and back, in order and without conflicts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import datacheck
from datacheck.config import Config
from datacheck.errors import UsageError
from datacheck.findings import Safety
from datacheck.pipelines.plan import DROPS, MOVES, SCALES, Plan, Step
from datacheck.pipelines.repairs import REPAIRS, TABLE, find

RULES = Path(__file__).parents[2] / "fixtures" / "rules"
CODES = sorted(p.name for p in RULES.iterdir() if p.name not in ("DC001", "NM004"))

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
columns = st.lists(texts, max_size=4, unique=True).map(tuple)
numbers = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def steps(draw: st.DrawFn) -> Step:
    kind = draw(st.sampled_from([k for k in TABLE if k.name != "truncate"]))
    params: dict[str, object] = {}
    for name, default in kind.parameters:
        if not draw(st.booleans()):
            continue
        if isinstance(default, bool):
            params[name] = draw(st.booleans())
        elif isinstance(default, int):
            params[name] = draw(st.integers(1, 99))
        elif isinstance(default, float):
            params[name] = draw(numbers)
        elif isinstance(default, list):
            params[name] = draw(st.lists(texts, max_size=9))
        elif isinstance(default, dict):
            params[name] = draw(st.dictionaries(texts, numbers, max_size=3))
        else:
            params[name] = draw(texts)
    either: tuple[Safety, ...] = ("unsafe",) if kind.safety == "unsafe" else ("safe", "unsafe")
    safety = draw(st.sampled_from(either))
    rules = tuple(draw(st.lists(st.sampled_from(CODES), max_size=3, unique=True)))
    why = draw(st.text(max_size=30))
    return Step(kind.name, rules, draw(columns), draw(columns), params, safety, why)


plans = st.lists(steps(), max_size=6).map(lambda s: Plan(tuple(s), dataset="d"))


@given(plans)
def test_a_plan_survives_its_file(plan):
    back = Plan.from_toml(plan.to_toml())
    assert [s.to_dict() for s in back] == [s.to_dict() for s in plan]


@given(plans, st.booleans())
def test_what_is_run_is_ordered_and_free_of_conflicts(plan, unsafe):
    ready = plan.ready(unsafe=unsafe).steps
    assert [s.kind.order for s in ready] == sorted(s.kind.order for s in ready)
    assert unsafe or all(s.safety == "safe" for s in ready)
    dropped = [c for s in ready if s.repair in DROPS for c in s.columns]
    mended = [c for s in ready if s.kind.acts == "values" and s.repair not in DROPS
              for c in s.columns]  # fmt: skip
    assert not set(dropped) & set(mended)
    scaled = [c for s in ready if s.repair in SCALES for c in s.columns]
    assert len(scaled) == len(set(scaled))
    assert sum(s.kind.acts == "splits" for s in ready) <= 1
    assert plan.ready(unsafe=unsafe).ready(unsafe=unsafe) == plan.ready(unsafe=unsafe)


@pytest.mark.parametrize("code", CODES)
def test_each_finding_is_answered_or_told(code):
    folder = RULES / code / "bad"
    report = datacheck.audit(
        folder, config=Config.load(None, folder), settings={"select": (code,)}
    )
    plan = report.plan()
    assert {r for s in plan for r in s.rules} | {t.rule for t in plan.told} == {code}
    for step in plan:
        kind = find(step.repair)
        assert kind.safety != "unsafe" or step.safety == "unsafe"
        assert set(step.columns) <= set(report.dataset["columns"])
        assert set(step.splits) <= set(report.dataset["splits"])
    assert Plan.from_toml(plan.to_toml()).steps == plan.steps


def test_the_table_is_in_the_order_that_repairs_need():
    order = [k.name for k in TABLE]
    for first, second in (
        ("to-missing", "impute-with-indicator"),
        ("parse", "impute-with-indicator"),
        ("invert-transform", "standardize"),
        ("invert-transform", "drop-from-train"),
        ("group-aware-split", "drop-from-train"),
        ("drop-duplicates", "standardize"),
        ("drop-duplicates", "impute-with-indicator"),
        ("winsorize", "standardize"),
        ("impute-with-indicator", "standardize"),
    ):
        assert order.index(first) < order.index(second)
    assert len(REPAIRS) == len(TABLE)
    assert set(MOVES) == {k.name for k in TABLE if k.acts == "splits"}


def test_an_unknown_repair_is_told_with_the_nearest():
    with pytest.raises(UsageError, match="no repair") as caught:
        Step("standardise")
    assert "standardize" in str(caught.value.hint)
    with pytest.raises(UsageError, match="no parameter"):
        Step("winsorize", params={"fence": 3})
