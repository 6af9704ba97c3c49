"""The rules of loaders as rules: pages, options, and what a configuration makes of them."""

from __future__ import annotations

import dataclasses

import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

import datacheck
from datacheck.checks.codes import TABLE
from datacheck.config import Config, Suppression
from datacheck.errors import ConfigError, UsageError
from datacheck.findings import Severity, Status
from datacheck.pipelines.loader_audit import CODES, audit_loader
from datacheck.pipelines.loader_rules.base import LoaderRule
from datacheck.pipelines.loader_rules.padded_batches import PaddedBatches
from datacheck.pipelines.loader_rules.same_order_each_epoch import SameOrderEachEpoch
from datacheck.pipelines.repairs import REPAIRS
from tests.checks.test_battery import HEADINGS
from tests.test_public import COMMAND, loaded

LINES = {c.code: c for c in TABLE if c.judges == "loader"}


def in_order():
    return DataLoader(TensorDataset(torch.randn(40, 2)), batch_size=8)


def codes(report):
    return [f.rule for f in report.findings]


# -- pages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(LINES))
def test_has_a_page_with_all_headings(code):
    page = LINES[code].page()
    assert page.startswith(f"# {LINES[code].name} ({code})\n")
    assert [line[3:] for line in page.splitlines() if line.startswith("## ")] == HEADINGS
    rule = LINES[code].load()
    assert issubclass(rule, LoaderRule)
    assert rule.why
    for option in dataclasses.fields(rule):
        default = getattr(rule(), option.name)
        assert f"`{option.name}` ({default})" in page, f"{option.name} = {default} is not told"
    for repair in rule.repairs:
        assert f"`{repair.name}` ({repair.safety})" in page, f"{repair.name} is not on the page"
        assert REPAIRS[repair.name].safety == repair.safety


def test_pages_and_options_do_without_torch(tmp_path):
    (tmp_path / "train.csv").write_text("x,label\n" + "1,a\n2,b\n" * 20, "utf-8")
    options = "[rules.DL006]\nshare = 0.5\n[rules.DL007]\nshare = 0.5\n"
    (tmp_path / "datacheck.toml").write_text(options, "utf-8")
    for arguments in (["rule", "DL005"], ["audit", ".", "--fail-on", "never"]):
        assert loaded(COMMAND.format(arguments=arguments), "torch", cwd=tmp_path) == []
    assert loaded(f"from datacheck.checks.codes import find\n[find(c).load() for c in {[*LINES]}]",
                  "torch", "sklearn", "pandas") == []  # fmt: skip


# -- options ------------------------------------------------------------------------------------


def padded(lengths):
    wide = max(lengths)
    mask = torch.arange(wide) < torch.tensor(lengths)[:, None]
    return [{"input_ids": torch.ones(len(lengths), wide), "attention_mask": mask.long()}]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=8), st.floats(0, 0.99))
def test_padding_is_told_beyond_the_share(lengths, share):
    config = Config(select=("DL006",), rules={"DL006": {"share": share}})
    report = audit_loader(padded(lengths), epochs=1, config=config)
    empty = 1 - sum(lengths) / (len(lengths) * max(lengths))
    assert codes(report) == ["DL006"] * (empty > share)
    assert [o.rule for o in report.outcomes] == ["DL006"]


@given(st.floats(0, 1))
def test_classes_of_batches_are_told_below_the_share(share):
    # Batches of 2 rows of one of 4 classes; random ones would have 4 (1 − (3/4)²) = 1.75.
    batches = [(torch.ones(2, 1), torch.tensor([k, k])) for k in range(4)]
    config = Config(select=("DL007",), rules={"DL007": {"share": share}})
    report = audit_loader(batches, epochs=1, config=config)
    assert codes(report) == ["DL007"] * (share > 4 / 7)


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_is_a_share(share):
    for rule in ("DL006", "DL007"):
        with pytest.raises(UsageError, match="share is"):
            audit_loader(in_order(), config=Config(rules={rule: {"share": share}}))
    with pytest.raises(UsageError, match="share is 1"):
        PaddedBatches(1.0)


# -- a configuration ----------------------------------------------------------------------------


def test_a_severity_of_the_configuration():
    config = Config(rules={"same-order-each-epoch": {"severity": "error"}})
    assert [f.severity for f in audit_loader(in_order()).findings] == [Severity.WARNING]
    assert [f.severity for f in audit_loader(in_order(), config=config).findings] == [
        Severity.ERROR
    ]


def test_suppressions_hide_what_they_name_and_tell_if_it_is_nothing():
    accepted = Suppression("DL005", reason="a curriculum")
    unused = Suppression("DL006", reason="was mended")
    elsewhere = Suppression("DL001", reason="cannot be judged, as the epoch is stopped early")
    config = Config(suppress=(accepted, Suppression("MV001", reason="of the data"), elsewhere))
    report = audit_loader(in_order(), batches=3, config=config)
    assert codes(report) == []
    assert [(f.rule, why) for f, why in report.suppressed] == [("DL005", "a curriculum")]
    report = audit_loader(padded([5]), epochs=1, config=Config(suppress=(unused,)))
    assert codes(report) == ["DC001"]
    assert report.findings[0].evidence["unused"] == ["DL006"]
    outcomes = {o.rule: o.status for o in report.outcomes}
    assert outcomes["DC001"] is Status.FOUND


def test_only_the_chosen_rules_judge():
    report = audit_loader(in_order(), config=Config(select=("DL", "LK"), ignore=("DL005",)))
    assert [o.rule for o in report.outcomes] == [c for c in CODES if c != "DL005"]
    assert codes(report) == []
    with pytest.raises(UsageError, match="no rule is chosen that judges a loader"):
        audit_loader(in_order(), config=Config(select=("LK", "ST")))
    with pytest.raises(ConfigError, match="DL006 has no option 'shar'"):
        audit_loader(in_order(), config=Config(rules={"DL006": {"shar": 0.1}}))


def test_a_rule_that_crashes_ends_nothing(monkeypatch):
    monkeypatch.setattr(SameOrderEachEpoch, "judge_loader", lambda self, split: 1 / 0)
    report = audit_loader(in_order())
    assert [(o.rule, o.reason) for o in report.outcomes if o.status is Status.FAILED] == [
        ("DL005", "ZeroDivisionError: division by zero")
    ]


def test_an_audit_of_data_does_not_know_the_rules_of_loaders():
    frame = pl.DataFrame({"x": [1.0, 2.0], "label": [0, 1]})
    report = datacheck.audit(train=frame, label="label")
    assert not [o for o in report.outcomes if o.rule in LINES]
    report = datacheck.audit(train=frame, select=("DL", "MV001"))
    assert [o.rule for o in report.outcomes] == ["MV001"]
    with pytest.raises(UsageError, match="can judge only a loader") as caught:
        datacheck.audit(train=frame, select=("DL",))
    assert "audit_loader(loader)" in caught.value.hint
    with pytest.raises(UsageError, match="a recorded training run or a loader"):
        datacheck.audit(train=frame, select=("ST001", "DL001"))
