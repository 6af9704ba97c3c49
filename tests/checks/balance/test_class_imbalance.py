"""Imbalance: what is balanced stays silent, however many classes and however few rows."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.checks.balance.class_imbalance import ClassImbalance, _lost_classes, _shares
from datacheck.errors import UsageError
from datacheck.findings import Report, Status


def audit(labels) -> Report:
    frame = pl.DataFrame({"x": np.arange(len(labels)) * 0.5, "label": labels})
    return datacheck.audit(
        {"train": frame},
        settings={"label": "label", "task": "classification", "select": ("CB001",)},
    )


@pytest.mark.parametrize("k", [2, 3, 20, 300])
def test_draws_from_balanced_classes_raise_no_alarm(k):
    rng = np.random.default_rng(k)
    for _ in range(8):
        labels = [f"c{i}" for i in rng.integers(0, k, 20 + 5 * k)]
        assert not audit(labels).findings


def test_the_order_of_rows_and_the_names_of_classes_do_not_matter():
    labels = ["a"] * 300 + ["b"] * 8 + ["c"] * 200
    said = audit(labels).findings[0]
    turned = audit([{"a": "z", "b": "y", "c": "x"}[c] for c in reversed(labels)]).findings[0]
    assert said.effect == turned.effect
    assert (said.count, said.total) == (turned.count, turned.total) == (1, 3)
    assert said.evidence["weights_variance"] == turned.evidence["weights_variance"]


def test_weights_of_balanced_classes_would_inflate_nothing():
    labels = ["a"] * 300 + ["b"] * 300 + ["c"] * 9
    found = audit(labels).findings[0]
    rows = np.array([300, 300, 9])
    p, w = rows / rows.sum(), 1 / rows
    expected = (p * w**2).sum() / (p * w).sum() ** 2
    assert found.evidence["weights_variance"] == pytest.approx(expected)


# -- exact figures and borders -------------------------------------------------------------------


def mix(**rows: int) -> list[str]:
    return [c for c, n in rows.items() for _ in range(n)]


def judged(labels, **options):
    frame = pl.DataFrame({"x": np.arange(len(labels)) * 0.5, "label": labels})
    chosen = {"label": "label", "task": "classification", "select": ("CB001",)}
    report = datacheck.audit({"train": frame}, settings={**chosen, "rules": {"CB001": options}})
    return report.findings


def one_sided(m: int, n: int) -> tuple[float, float]:
    """Wilson's bounds, as the two shares that lie z standard errors of their own from m / n."""
    z = NormalDist().inv_cdf(0.95)
    roots = np.roots([n + z * z, -(2 * m + z * z), m * m / n])
    return float(roots.min()), float(roots.max())


@pytest.mark.parametrize(
    ("rows", "said"),
    [({"a": 800, "b": 12}, "1 of 2 classes of label is missing from many"),
     ({"a": 500, "b": 440, "c": 40, "d": 20}, "2 of 4 classes of label are missing from many"),
     ({"a": 600, "b": 30, "c": 20}, "2 of 3 classes of label are missing from many")],
)  # fmt: skip
def test_the_rarest_class_leads_and_its_figures_are_those_of_the_formulas(rows, said):
    (one,) = judged(mix(**rows))
    m = np.array(list(rows.values()))
    n, k = int(m.sum()), m.size
    low, high = one_sided(m[-1], n) if k == 2 else (_shares(m)[0][-1], _shares(m)[1][-1])
    effect = one.effect
    assert effect.metric == "P(absent from a batch of 32)"
    assert effect.value == pytest.approx((1 - m[-1] / n) ** 32)
    assert (effect.low, effect.high) == pytest.approx(((1 - high) ** 32, (1 - low) ** 32))
    assert effect.threshold == 0.05
    assert said in one.message
    assert "random batches of 32 in train" in one.message
    p = m / n
    effective = np.exp(-(p * np.log(p)).sum())
    rare = [c for c in rows if f"{c!r} (" in one.message]
    assert one.message.endswith(f"; the mix is worth {effective:.1f} even classes")
    assert f"{rare[-1]!r} ({rows[rare[-1]]} of {n:,} rows, absent from" in one.message
    assert (one.count, one.total, one.unit) == (len(rare), k, "classes")
    assert list(one.evidence["rows"].items()) == list(rows.items())[: -one.count - 1 : -1]
    assert one.evidence["rarest"] == list(rows)[-1]
    assert one.evidence["ratio"] == pytest.approx(m.max() / m.min())
    assert one.evidence["effective_classes"] == pytest.approx(effective)
    absent = {str(b): (1 - m[-1] / n) ** b for b in (32, 64, 128, 256)}
    assert one.evidence["absent_at"] == pytest.approx(absent)


def test_a_class_that_is_absent_as_often_as_is_accepted_is_no_finding():
    labels = mix(a=600, b=30)
    border = float(ClassImbalance()._missed(_shares(np.array([600.0, 30.0]))[1])[-1])
    assert not judged(labels, absent=border)
    assert judged(labels, absent=math.nextafter(border, 0))


def test_a_class_at_its_fair_share_is_no_finding():
    labels = mix(a=600, b=30)
    high = float(_shares(np.array([600.0, 30.0]))[1][-1])  # times two is exact
    assert not judged(labels, fair_share=high * 2, effective=0.01)
    assert judged(labels, fair_share=math.nextafter(high * 2, 1), effective=0.01)


def test_frequent_classes_among_many_are_no_finding_however_often_a_batch_lacks_them():
    """Absent half of the time, but at their even share; and rare, but in nearly every batch."""
    assert not judged(mix(**{f"c{i}": 20 for i in range(50)}))
    assert not judged(mix(a=6000, b=2000), batch_size=64)
    assert judged(mix(a=6000, b=600), batch_size=8)
    assert not judged(mix(a=6000, b=600), batch_size=128)


@pytest.mark.parametrize("rows", [(97, 1, 1, 1), (400, 100, 60), (9, 1), (250, 250)])
def test_classes_lost_are_those_of_millers_estimate(rows):
    m = np.array(rows, dtype=float)
    n, k = m.sum(), m.size
    information = -np.log(np.repeat(m / n, m.astype(int)))  # of each row
    h, error = information.mean(), information.std() / np.sqrt(n)
    z = NormalDist().inv_cdf(0.95)
    lost = _lost_classes(m, 0.5)
    assert lost.value == pytest.approx(1 - np.exp(h) / k, abs=1e-12)
    most = min(np.exp(h + (k - 1) / (2 * n) + z * error), k)
    assert lost.low == pytest.approx(1 - most / k, abs=1e-7)
    assert lost.high == pytest.approx(1 - np.exp(h - z * error) / k, abs=1e-7)


def test_an_uneven_mix_is_told_from_the_border_on():
    rows = {"a": 950, "b": 30, "c": 10, "d": 10}
    lost = _lost_classes(np.array(list(rows.values()), dtype=float), 0.5)
    border = 1 - lost.low  # from which 1 gives lost.low again: it is above ½
    assert lost.low > 0.5
    assert not judged(mix(**rows), absent=1, effective=border)
    (one,) = judged(mix(**rows), absent=1, effective=border + 2**-52)
    assert (one.effect.value, one.effect.low, one.effect.high) == (lost.value, lost.low, lost.high)
    assert one.effect.threshold == pytest.approx(lost.low)
    assert one.message == (
        "the 4 classes of label in train are worth 1.3 even classes: the largest has 950 of "
        "1,000 rows, the smallest 10"
    )
    assert (one.count, one.total) == (3, 4)
    assert not judged(mix(**rows), absent=1, effective=0.01)


def test_half_of_the_classes_is_what_an_uneven_mix_may_lose():
    """At 1.9 and 2.1 of four, far from the intervals' ends."""
    big = {"a": 90_000, "b": 4_000, "c": 3_000, "d": 3_000}
    assert judged(mix(**big), absent=1)
    assert not judged(mix(a=70_000, b=10_000, c=10_000, d=10_000), absent=1)


def test_a_class_of_the_even_share_is_not_among_those_that_lack_rows():
    (one,) = judged(mix(a=700, b=250, c=25, d=25), absent=1, effective=0.7)
    assert one.count == 2


def test_half_of_the_even_share_is_what_a_class_may_have():
    """At a fifth of two classes, which a quarter of the rows each would do for."""
    assert judged(mix(a=800, b=200), batch_size=8)
    assert not judged(mix(a=720, b=280), batch_size=4)


def reason(**splits) -> str:
    frames = {
        s: pl.DataFrame({"x": np.arange(len(y)) * 0.5, **({"label": y} if y[0] else {})})
        for s, y in splits.items()
    }
    chosen = {"label": "label", "task": "classification", "select": ("CB001",)}
    (outcome,) = datacheck.audit(frames, settings=chosen).outcomes
    return outcome.reason if outcome.status is Status.NOT_APPLICABLE else outcome.status.value


def test_what_is_not_judged():
    rows = mix(a=300, b=2)
    assert reason(train=rows, test=rows) == "found"
    assert reason(train=mix(a=30), test=rows) == "label has fewer than two classes in train"
    assert reason(train=[""] * 9, test=rows) == "needs a train split with rows and labels"
    assert reason(valid=rows, test=rows) == "needs a train split with rows and labels"


def test_a_batch_holds_a_row():
    assert judged(mix(a=300, b=2), batch_size=1, absent=0.9)
    with pytest.raises(UsageError, match="batch_size is 0"):
        judged(mix(a=300, b=2), batch_size=0)
