"""Rules as a configuration wants them."""

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck import options
from datacheck.checks.base import Rule
from datacheck.checks.codes import TABLE, find, select
from datacheck.config import Config, Suppression
from datacheck.errors import ConfigError, UsageError
from datacheck.findings import Severity


@dataclass(frozen=True)
class Sample(Rule):
    """A rule with an option of every type."""

    share: float = 0.5
    count: int = 3
    strict: bool = False
    word: str = "a"
    mode: Literal["one", "all"] = "one"
    columns: tuple[str, ...] = ()
    span: tuple[float, float] = (0.0, 1.0)
    most: int | None = None
    extra: Any = field(default_factory=dict)

    def __post_init__(self):
        if self.share > 1:
            raise UsageError("share is more than 1", "it is from 0 to 1")
        if self.count < 0:
            raise ValueError("count is negative")

    def needs(self, data):
        return []

    def judge(self, context):
        return []


@pytest.fixture
def sample(monkeypatch):
    """LK001 stands for the sample rule."""
    monkeypatch.setattr(type(find("LK001")), "load", lambda self: Sample)


def checked(**given_options):
    return options.checked(Config(rules={"LK001": given_options}), "LK001")


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("share", 0.25, 0.25),
        ("share", 1, 1.0),
        ("count", 4, 4),
        ("strict", True, True),
        ("word", "b", "b"),
        ("mode", "all", "all"),
        ("columns", [], ()),
        ("columns", ["a", "b"], ("a", "b")),
        ("span", [0, 2], (0.0, 2.0)),
        ("most", 3, 3),
        ("extra", [1], [1]),
    ],
)
def test_an_option_of_its_type(sample, name, value, taken):
    got = checked(**{name: value})
    assert got == {name: taken}
    assert type(got[name]) is type(taken)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("share", "much"), ("share", True), ("share", None),
        ("count", 1.5), ("count", True), ("count", "3"),
        ("strict", 1), ("strict", "yes"),
        ("word", 3), ("mode", "some"),
        ("columns", "a"), ("columns", [1]),
        ("span", [1]), ("span", [1, 2, 3]), ("span", ["a", "b"]),
        ("most", "3"), ("most", True),
        ("count", -1), ("share", 1.5),
    ],
)  # fmt: skip
def test_an_option_of_another_type_or_out_of_range(sample, name, value):
    with pytest.raises(UsageError) as caught:
        checked(**{name: value})
    assert name in caught.value.message
    assert caught.value.hint


def test_an_option_that_is_not_there(sample):
    with pytest.raises(ConfigError) as caught:
        checked(shar=0.5)
    assert caught.value.message == "LK001 has no option 'shar'"
    assert caught.value.hint.startswith("did you mean share? there are: severity, share, count")


def test_hyphens_and_names_of_rules_are_understood(sample):
    config = Config(rules={"duplicate-rows-across-splits": {"most": 3, "severity": "info"}})
    assert config.rule_options("LK001") == {"most": 3}
    assert config.severities() == {"LK001": Severity.INFO}


@given(st.sampled_from(TABLE), st.sampled_from(list(Severity)))
def test_severities_by_code_or_name(line, severity):
    for rule in (line.code, line.code.lower(), line.name):
        config = Config(rules={rule: {"severity": severity.value}})
        assert options.severities(config) == {line.code: severity}


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"select": "XX1"}, "no rule 'XX1'"),
        ({"ignore": "XX1"}, "no rule 'XX1'"),
        ({"suppress": (Suppression("XX1", reason="x"),)}, "suppress: no rule 'XX1'"),
        ({"rules": {"XX1": {}}}, "rules: no rule 'XX1'"),
        ({"rules": {"MV001": {"severity": "fatal"}}}, "MV001: no severity 'fatal'"),
        ({"rules": {"MV001": {"severity": 3}}}, "MV001: no severity 3"),
        ({"rules": {"MV001": {"nope": 3}}}, "MV001 has no option 'nope'"),
        ({"rules": {"MV001": {}, "missing-values": {}}}, "stand twice"),
    ],
)
def test_what_does_not_exist_is_told_before_the_audit(settings, part):
    with pytest.raises(UsageError) as caught:
        options.check(Config(**settings))
    assert part in caught.value.message
    assert caught.value.hint


def test_a_config_without_rules_is_fine():
    options.check(
        Config(suppress=(Suppression("MV", reason="x"),), select=("LK",), ignore=("all",))
    )


@pytest.mark.parametrize("line", TABLE, ids=lambda line: line.code)
def test_the_defaults_of_every_rule_are_options_it_takes(line):
    """Whatever a rule has for a default, a file may say too."""
    from dataclasses import fields

    cls = line.load()
    given_options = {f.name: getattr(cls(), f.name) for f in fields(cls)}
    said = {k: list(v) if isinstance(v, tuple) else v for k, v in given_options.items()}
    said = {k: v for k, v in said.items() if v is not None}  # TOML has no null
    assert cls(**options.checked(Config(rules={line.code: said}), line.code)) == cls()


@given(st.lists(st.sampled_from([c.code for c in TABLE])), st.lists(st.sampled_from(["LK", "MV"])))
def test_selecting_is_a_difference_of_sets_in_the_order_of_the_table(chosen, ignored):
    got = [c.code for c in select(tuple(chosen), tuple(ignored))]
    keep = set(chosen) if chosen else {c.code for c in TABLE}
    assert got == [c.code for c in TABLE if c.code in keep and c.code[:2] not in ignored]
