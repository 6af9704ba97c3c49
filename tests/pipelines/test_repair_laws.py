"""Laws of repairs over generated datasets: what holds whatever is wrong with the data.

* Auditing the result asks for none of the repairs that were made.
* Repairing twice changes nothing.
* No repair raises another rule's count. A repair may uncover what another fault has hidden: a
  count is held against those of the data as it was and of the same data with one fault less.
* Under a safe plan the evaluation splits keep their rows and labels.
* Nothing is fitted on held-out rows.
* Undoing gives back every byte.

What cannot hold is listed in ``ALLOWED``, each with its reason, and nothing else is let pass.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import datacheck
from datacheck.config import Config
from datacheck.errors import UsageError
from datacheck.findings import Report
from datacheck.pipelines.fixing import Fixed, fix
from datacheck.pipelines.plan import Plan, Step
from datacheck.pipelines.repairs import REPAIRS
from datacheck.pipelines.undoing import undo
from tests.pipelines.generated import FAULTS, FORMATS, KINDS, Drawn, drawn, written

ROWS_LEAVE = ("quarantine", "quarantine-rows", "quarantine-conflicts", "drop-from-train",
              "drop-duplicates", "drop-near-from-train", "drop-near-duplicates")  # fmt: skip
SEES_EVALUATION = ("drop-from-train", "drop-near-from-train", "quarantine-conflicts")
MOVES = ("group-aware-split", "time-aware-split", "stratified-resplit")
# Rules that name one fact in two ways: what one of them loses the other may gain.
SAME = ({"LK001", "LB004", "LK002", "LB005"}, {"NM001", "NM003"}, {"CB003", "CB004"})
# (repairs, the rules whose counts they may raise): why it cannot be otherwise. Each has been met.
ALLOWED: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (ROWS_LEAVE, ("CB001", "CB004"), "rows that leave are of some class"),
    (MOVES, ("CB004",), "entities, and times, have classes of their own"),
    (("group-aware-split",), ("LK004",), "whole groups have rows on both sides of any moment"),
    (("group-aware-split", "stratified-resplit"), ("NM003", "NM005"),
     "rows that move take their scale along, where its repair is not asked for"),
)  # fmt: skip


def counts(report: Report) -> Counter[str]:
    out: Counter[str] = Counter()
    for finding in report.findings:
        out[finding.rule] += finding.count
    return out


@lru_cache(maxsize=8)  # a law asks for each rule, and again
def audited(what: Drawn) -> Report:
    return datacheck.audit(what.frames(), settings=what.settings)


def ceiling(what: Drawn, report: Report) -> Counter[str]:
    """The largest counts of the data as it is, and with one fault less."""
    out = counts(report)
    for fault in what.faults:
        out |= counts(audited(what.without(fault)))
    return out


def asked(plan: Plan, rules: set[str], unsafe: bool) -> list[tuple[str, tuple[str, ...]]]:
    """Steps that would change the data again, of those rules."""
    return [
        (s.repair, s.columns)
        for s in plan.ready(unsafe=unsafe)
        if s.kind.acts != "loader" and set(s.rules) & rules
    ]


def raised(done: Fixed, was: Counter[str], now: Counter[str]) -> dict[str, tuple[int, int]]:
    """Counts that rose and must not have."""
    ran = {d.step.repair for d in done.done}
    let = {r for repairs, rules, _ in ALLOWED if ran & set(repairs) for r in rules}
    out = {}
    for rule, n in now.items():
        same = next((s for s in SAME if rule in s), {rule})
        more = sum(now[r] for r in same) > sum(was[r] for r in same)
        if rule not in let and n > was[rule] and more:
            out[rule] = (was[rule], n)
    return out


def broken(what: Drawn, rule: str | None, *, unsafe: bool = True) -> list[Any]:
    """What a repair of one rule (None: of all) breaks of the first three laws."""
    data = what.frames()
    before = audited(what)
    plan = before.plan() if rule is None else before.plan().select([rule])
    done = fix(data, plan=plan, unsafe=unsafe, settings=what.settings)
    after = datacheck.audit(done.frames, settings=done.settings)
    mended = {rule} if rule else {r for d in done.done for r in d.step.rules}
    was, now = ceiling(what, before), counts(after)
    seen = counts(before)
    # What another fault had hidden in part is no failure of the repair.
    mended = {r for r in mended if was[r] <= seen[r]}
    out: list[Any] = []
    left = [step for step in asked(after.plan(), mended, unsafe)
            if not any("was left out" in s for s in done.said)]  # fmt: skip
    if left:
        out.append(("left", left))
    if up := raised(done, was, now):
        out.append(("raised", up))
    again = after.plan().select(sorted(mended)) if mended else Plan()
    twice = fix(done.frames, plan=again, unsafe=unsafe, settings=done.settings)
    for split, frame in done.frames.items():
        try:
            assert_frame_equal(twice.frames[split], frame)
        except AssertionError as error:
            out.append(("twice", split, str(error)[:300]))
    return out


def rules_of(what: Drawn) -> list[str]:
    plan = audited(what).plan()
    return sorted({r for s in plan for r in s.rules})


def by_hand(what: Drawn, data: dict[str, pl.DataFrame]) -> list[Step]:
    """Each repair of the table as a person could write it for this dataset, whatever it needs."""
    train = data["train"]
    numbers = [c for c in ("a", "b", "c", "k") if train[c].dtype.is_numeric()]
    lists = [c for c in ("note", "codes") if c in train.columns]
    wanted: dict[str, dict[str, Any]] = {
        "parse": {"columns": () if train["b"].dtype.is_numeric() else ("b",)},
        "to-missing": {
            "columns": ("c", "k"), "params": {"values": ["-999", "3"], "infinite": True}},
        "invert-transform": {
            "columns": ("k",), "splits": ("test",), "params": {"scale": {"k": 4.0}}},
        "drop-id": {"columns": ("k",)},
        "drop-column": {"columns": ("k",)},
        "drop-feature": {"columns": ("site",)},
        "quarantine-rows": {"columns": tuple(lists[:1])},
        "quarantine-pairs": {
            "columns": ("source", "target") if "pair" in what.kinds else (),
            "params": {"low": 0.2, "high": 3.0, "copies": 4}},
        "map-to-other": {"columns": ("site",), "params": {"least": 2}},
        "truncate": {"columns": tuple(lists), "params": {"length": 4}},
        "group-aware-split": {"columns": ("who",) if "group" in what.kinds else ()},
        "time-aware-split": {"columns": ("seen",) if "time" in what.kinds else ()},
        "length-bucketing": {"columns": tuple(lists[:1]), "params": {"edges": [4, 9]}},
        "class-aware-buckets": {"columns": tuple(lists[:1])},
        "token-budget": {"columns": tuple(lists[:1])},
        "impute-with-indicator": {"columns": (*numbers, "site")},
    }  # fmt: skip
    wanted |= {r: {"columns": tuple(numbers)} for r in
               ("winsorize", "standardize", "robust-scale", "min-max-scale")}  # fmt: skip
    plain = [r for r in REPAIRS if r not in wanted]
    if what.label == "numbers":
        plain = [
            r for r in plain if not REPAIRS[r].does.startswith(("weights", "the loader draws"))
        ]
    steps = [Step(r, (), safety=REPAIRS[r].safety) for r in plain]
    for repair, given_ in wanted.items():
        if given_["columns"]:
            steps.append(Step(repair, (), safety=REPAIRS[repair].safety, **given_))
    return steps


def digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


FEW = settings(
    max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
MANY = settings(FEW, max_examples=100, derandomize=False)
LAWS: dict[str, Callable[..., None]] = {}


def law(*strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Any]:
    """A few datasets in every run of the tests, many where studies are asked for."""

    def of(test: Callable[..., None]) -> Any:
        LAWS[test.__name__] = MANY(given(*strategies)(test))
        return FEW(given(*strategies)(test))

    return of


@law(drawn(), st.data())
def test_one_repair_mends_what_it_answers_once_and_raises_nothing(what, data):
    rules = rules_of(what)
    if rules:
        assert broken(what, data.draw(st.sampled_from(rules))) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_with_all_kinds_of_columns(fault):
    for rule in rules_of(what := Drawn(11, 400, "balanced", KINDS, (fault,))):
        assert broken(what, rule) == []


@law(drawn(), st.booleans())
def test_all_repairs_together_mend_once_and_raise_nothing(what, unsafe):
    assert broken(what, None, unsafe=unsafe) == []


@law(drawn())
def test_a_safe_plan_keeps_the_rows_and_labels_of_evaluation(what):
    data = what.frames()
    done = fix(data, settings=what.settings)
    assert done.frames["test"].height == data["test"].height
    assert done.frames["test"]["label"].equals(data["test"]["label"])
    gone = 0 if done.quarantine is None else done.quarantine.height
    assert done.frames["train"].height + gone == data["train"].height
    assert done.frames["train"].height >= data["train"].height * 0.25


@law(drawn(), st.integers(0, 99))
def test_nothing_is_fitted_on_held_out_rows(what, seed):
    """Whatever is written into the evaluation split, train and the pipeline come out the same."""
    data = what.frames()
    rng = np.random.default_rng(seed)
    other = data["test"].with_columns(
        pl.Series(c, np.where(rng.random(data["test"].height) < 0.3, np.nan, rng.normal(7, 99)))
        for c in ("a", "c", "k")
    )
    other = other.with_columns(site=pl.lit("nowhere"), label=pl.col("label").reverse())
    for step in by_hand(what, data):
        if step.kind.acts == "splits" or step.repair in SEES_EVALUATION:
            continue  # these look at the rows of evaluation, to take the same out of train
        if step.kind.acts == "pictures":
            continue  # there are none, and nothing is fitted: they are written in another form
        if step.repair == "reweight-classes":
            continue  # weighs classes by their share there, as a person has asked
        plan = Plan((step,))
        one = fix(data, plan=plan, unsafe=True, settings=what.settings)
        two = fix(
            {"train": data["train"], "test": other}, plan=plan, unsafe=True, settings=what.settings
        )
        assert one.pipeline.to_dict() == two.pipeline.to_dict(), step.repair
        assert_frame_equal(one.frames["train"], two.frames["train"])


@law(drawn(), st.sampled_from(FORMATS), st.booleans())
def test_files_are_repaired_as_memory_is_and_undone_byte_for_byte(
    tmp_path_factory, what, form, unsafe
):
    folder = tmp_path_factory.mktemp("laws")
    source = written(folder / "data", form, what.frames())
    was = digests(source)
    flags = what.settings
    before = datacheck.audit(source, settings=flags)
    done = fix(source, folder / "clean", plan=before.plan(), unsafe=unsafe, settings=flags)
    assert digests(source) == was, "the source is only read"
    after = datacheck.audit(folder / "clean", config=Config.load(None, folder / "clean"))
    mended = {r for d in done.done for r in d.step.rules}
    now = ceiling(what, before)
    steady = {r for r in mended if now[r] <= counts(before)[r]}
    if not any("was left out" in s for s in done.said):
        assert asked(after.plan(), steady, unsafe) == []
    assert raised(done, now, counts(after)) == {}
    undo(folder / "clean", folder / "restored")
    assert digests(folder / "restored") == was


def undone(folder: Path, what: Drawn, form: str, steps: list[Step]) -> None:
    """Run the steps as one plan, and look that the way back leads to the same bytes."""
    source = written(folder / "data", form, what.frames())
    was = digests(source)
    run: dict[str, Any] = {"plan": Plan(tuple(steps)), "unsafe": True, "settings": what.settings}
    try:
        fix(source, folder / "clean", **run)
    except UsageError as error:
        # A cut in time, or classes of no sense for numbers: told, and nothing is left behind.
        hint, made = error.hint, (folder / "clean").exists()
    else:
        undo(folder / "clean", folder / "restored")
        assert digests(folder / "restored") == was
        return
    assert hint
    assert not made


def in_each_format() -> list[Any]:
    """All repairs, each in one format in turn, and in the others where studies are asked for."""
    return [
        pytest.param(repair, form, marks=() if i % len(FORMATS) == j else pytest.mark.study)
        for i, repair in enumerate(REPAIRS)
        for j, form in enumerate(FORMATS)
    ]


@pytest.mark.parametrize(("repair", "form"), in_each_format())
def test_every_repair_of_the_table_is_undone_byte_for_byte(tmp_path, repair, form):
    kinds = tuple(k for k in KINDS if form != "csv" or k != "sequence")
    faults = ("sentinel", "repeats", "blank", "decimal commas", "slipped pairs", "echoes")
    what = Drawn(len(repair), 150, "balanced", kinds, faults)
    (step,) = [s for s in by_hand(what, what.frames()) if s.repair == repair]
    undone(tmp_path, what, form, [step])


@law(drawn(3), st.sampled_from(FORMATS), st.data())
def test_any_repairs_together_are_undone_byte_for_byte(tmp_path_factory, what, form, data):
    if form == "csv":
        what = replace(what, kinds=tuple(k for k in what.kinds if k != "sequence"))
    steps = by_hand(what, what.frames())
    some = data.draw(st.lists(st.sampled_from(steps), max_size=6, unique_by=lambda s: s.repair))
    undone(tmp_path_factory.mktemp("laws"), what, form, some)


def test_every_repair_of_the_table_is_tried():
    what = Drawn(3, 300, "balanced", KINDS, ("decimal commas",))
    assert {s.repair for s in by_hand(what, what.frames())} == set(REPAIRS)


@pytest.mark.study
@pytest.mark.parametrize("name", LAWS)
def test_a_sweep_of_each_law(name, tmp_path_factory):
    swept = LAWS[name]
    given_ = {"tmp_path_factory": tmp_path_factory}
    swept(**{k: v for k, v in given_.items() if k in signature(swept).parameters})


@pytest.mark.study
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn(), st.booleans())
def test_a_sweep_of_all_rules(what, unsafe):
    for rule in rules_of(what):
        assert broken(what, rule) == []
    assert broken(what, None, unsafe=unsafe) == []
