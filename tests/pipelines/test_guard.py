from __future__ import annotations

import warnings
from collections import namedtuple

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from datacheck.errors import UsageError
from datacheck.pipelines.guard import BatchError, BatchWarning, guard
from datacheck.pipelines.loaders import loaders
from datacheck.pipelines.profile import Profile


def made(n=640, p=6, seed=0, scale=1.0):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, p, generator=g) * scale, torch.randint(0, 4, (n,), generator=g)


def loader(x, y, size=32, *, workers=0):
    return DataLoader(TensorDataset(x, y), batch_size=size, num_workers=workers)


PROFILE = Profile.fit(loader(*made()))


def kinds(guarded):
    return [(v.kind, v.field, v.batch, v.rows) for v in guarded.quarantined]


@pytest.mark.parametrize("workers", [0, 2])
def test_what_is_like_train_passes_untouched(workers):
    x, y = made(seed=1)
    plain = loader(x, y, workers=workers)
    watched = guard(plain, PROFILE)
    assert len(watched) == len(plain)
    assert watched.batch_size == 32
    for (x, y), (a, b) in zip(plain, watched, strict=True):
        assert torch.equal(x, a)
        assert torch.equal(y, b)
    assert watched.violations == []


@pytest.mark.parametrize(
    ("value", "kind"), [(float("nan"), "non-finite"), (float("-inf"), "non-finite"), (1e3, "range")]
)
def test_a_bad_value_is_named(value, kind):
    x, y = made(seed=1)
    x[40, 2] = value
    with pytest.raises(BatchError, match=rf"batch 1: 0\[2\] holds {value:g}.*in 1 of 32") as error:
        list(guard(loader(x, y), PROFILE))
    (violation,) = error.value.violations
    assert (violation.kind, violation.batch, violation.rows) == (kind, 1, (8,))
    with pytest.raises(BatchError, match="holds"):
        list(guard(loader(x, y)) if kind == "non-finite" else guard(loader(x, y), PROFILE))


def test_rows_are_quarantined_and_the_rest_passes():
    x, y = made(seed=1)
    x[40, 2], x[41, 0], y[639] = float("nan"), -1e6, 7
    watched = guard(loader(x, y), PROFILE, "quarantine")
    rest = list(watched)
    assert kinds(watched) == [
        ("non-finite", "0", 1, (8,)),
        ("range", "0", 1, (9,)),
        ("unseen class", "1", 19, (31,)),
    ]
    assert watched.rows_out == 3
    assert repr(watched) == (
        "Guard(DataLoader, on_violation='quarantine': 3 violations, 3 rows taken out)"
    )
    keep = torch.ones(640, dtype=torch.bool)
    keep[[40, 41, 639]] = False
    assert torch.equal(torch.cat([a for a, _ in rest]), x[keep])
    assert torch.equal(torch.cat([b for _, b in rest]), y[keep])


@given(
    st.lists(
        st.tuples(st.integers(0, 639), st.sampled_from([np.nan, np.inf, -np.inf, 1e9, -1e9])),
        max_size=20,
    )
)
def test_no_bad_row_gets_through_and_no_good_one_is_lost(faults):
    x, y = made(seed=2)
    for row, value in faults:
        x[row, row % 6] = value
    rest = list(guard(loader(x, y), PROFILE, "quarantine"))
    bad = {row for row, _ in faults}
    good = [i for i in range(640) if i not in bad]
    assert torch.equal(torch.cat([a for a, _ in rest]), x[good])


def test_a_batch_that_is_bad_as_a_whole_is_left_out():
    x, y = made(seed=1)
    x[32:64] = float("nan")
    watched = guard(loader(x, y), PROFILE, "quarantine")
    assert len(list(watched)) == 19
    assert watched.rows_out == 32


def test_warnings_come_once_for_each_kind_and_field():
    x, y = made(seed=1)
    x[[40, 400], 2] = float("nan")
    watched = guard(loader(x, y), PROFILE, "warn")
    with pytest.warns(BatchWarning) as told:
        assert len(list(watched)) == 20
    assert len(told) == 1
    assert len(watched.violations) == 2


# -- scale ------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.05, 0.2, 5.0])
def test_another_scale_is_found_though_all_is_in_range(factor):
    x, y = made(seed=1)
    profile = Profile.fit(loader(*made()))
    watched = guard(loader(x * factor, y), profile, margin=100.0)
    said = "twice" if factor < 1 else "not scaled"
    with pytest.raises(BatchError, match=f"another scale than train in 6 of 6.*{said}"):
        list(watched)


def test_a_mean_elsewhere_is_found():
    x, y = made(seed=1)
    with pytest.raises(BatchError, match=r"mean off by 4\."):
        list(guard(loader(x + 4.5, y), PROFILE, margin=100.0))


def test_evaluation_in_order_of_time_passes():
    g = torch.Generator().manual_seed(0)
    day = torch.sin(torch.arange(8000) / 1440 * 2 * torch.pi)[:, None] * torch.ones(4)
    x = 5 * day + 0.3 * torch.randn(8000, 4, generator=g)
    y = torch.zeros(8000, dtype=torch.int64)
    assert list(guard(loader(x, y), Profile.fit(loader(x[torch.randperm(8000, generator=g)], y))))


def test_a_short_epoch_is_judged_at_its_end():
    x, y = made(n=300, seed=1)
    watched = guard(loader(x / 5, y), PROFILE, "quarantine")
    assert len(list(watched)) == 10, "no batch by itself is wrong"
    assert kinds(watched) == [("scale", "0", 9, ())]


def test_ordinary_shift_rare_indicators_and_sorted_classes_pass():
    x, y = made(n=2000)
    rare = (torch.rand(2000, 20, generator=torch.Generator().manual_seed(0)) < 0.005).float()
    heavy = torch.exp(2 * x)
    whole = torch.cat([x + y[:, None], rare, heavy], 1)
    profile = Profile.fit(loader(whole, y))
    order = torch.argsort(y)
    for rows in (order, torch.arange(2000)):
        assert len(list(guard(loader(whole[rows], y[rows], 16), profile))) == 125
    moved = torch.cat([whole[:, :6] * 0.7 + 1, rare, heavy * 0.6], 1)
    assert list(guard(loader(moved, y), profile))


def test_digits_in_the_order_of_their_classes_pass_and_other_scales_do_not():
    from sklearn.datasets import load_digits

    data = load_digits()
    x, y = torch.tensor(data.data, dtype=torch.float32), torch.tensor(data.target)
    profile = Profile.fit(loader(x, y))
    order = torch.argsort(y)
    assert list(guard(loader(x[order], y[order]), profile))
    for other in (x / 16, x * 16, (x - x.mean(0)) / (x.std(0) + 1e-6)):
        with pytest.raises(BatchError):
            list(guard(loader(other, y), profile))


# -- kinds of batches ---------------------------------------------------------------------------


def test_types_and_shapes():
    x, y = made(seed=1)
    with pytest.raises(BatchError, match=r"0 is torch.float64, in train it was torch.float32"):
        list(guard(loader(x.double(), y), PROFILE))
    with pytest.raises(BatchError, match=r"shape \(32, 5\), in train \(rows, 6\)"):
        list(guard(loader(x[:, :5], y), PROFILE))
    with pytest.raises(BatchError, match="shape"):
        list(guard([(x[:, :, None], y)], PROFILE))


def test_tensors_mappings_lists_and_named_tuples():
    x, y = made(seed=1)
    x[3, 1] = float("nan")
    keep = torch.arange(640) != 3
    pair = namedtuple("pair", "x y")
    for batch, first in (
        (x, lambda b: b),
        ({"x": x, "name": ["a"] * 640, "mask": x > 0}, lambda b: b["x"]),
        ([x, y], lambda b: b[0]),
        (pair(x, y), lambda b: b.x),
    ):
        (rest,) = guard([batch], None, "quarantine")
        assert type(rest) is type(batch)
        assert torch.equal(first(rest), x[keep])
    assert len({"x": x}) == 1
    (rest,) = guard([{"x": x, "name": [*"ab"] * 320}], None, "quarantine")
    assert len(rest["name"]) == 639


def test_images_are_judged_by_channel():
    g = torch.Generator().manual_seed(0)
    images = torch.rand(64, 3, 8, 8, generator=g) * torch.tensor([1.0, 2.0, 4.0])[:, None, None]
    profile = Profile.fit([images])
    assert profile.fields["x"].mean.shape == (3,)
    assert list(guard([images[:32]], profile))
    with pytest.raises(BatchError, match="range"):
        list(guard([images * 255], profile))
    with pytest.raises(BatchError, match="another scale"):
        list(guard([images / 50], profile))


def test_whole_numbers_that_are_no_classes():
    lengths = torch.randint(3, 90, (500,), generator=torch.Generator().manual_seed(0))
    index = torch.arange(500)
    tokens = torch.randint(0, 1000, (500, 12), generator=torch.Generator().manual_seed(1))
    profile = Profile.fit([(tokens, lengths, index)])
    assert list(guard([(tokens + 1, lengths + 2, index + 500)], profile))
    with pytest.raises(BatchError, match="holds -1"):
        list(guard([(tokens - 1, lengths, index)], profile))


def test_profiles_of_frames_and_arrays():
    x, _ = made()
    for train in (x.numpy(), pl.DataFrame(x.numpy()), pd.DataFrame(x.numpy()), x):
        profile = Profile.fit(train, names=[*"abcdef"])
        field = profile.fields["x"]
        assert field.mean == pytest.approx(x.double().mean(0).numpy())
        assert field.sd == pytest.approx(x.double().std(0, correction=0).numpy())
        assert list(guard([x[:50]], profile))
        bad = x[:50].clone()
        bad[0, 3] = 99
        with pytest.raises(BatchError, match=r"x\[d\] holds 99"):
            list(guard([bad], profile))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 99))
def test_a_profile_is_that_of_all_rows(sizes, seed):
    x = np.random.default_rng(seed).lognormal(2, 1, (sum(sizes), 3)) + 100
    parts = np.split(x, np.cumsum(sizes)[:-1])
    field = Profile.fit([torch.tensor(part) for part in parts]).fields["x"]
    assert field.mean == pytest.approx(x.mean(0))
    assert field.sd == pytest.approx(x.std(0))
    assert field.low.tolist() == x.min(0).tolist()
    spread = x.std(0) > 1e-3
    fourth = ((x - x.mean(0)) ** 4).mean(0)[spread] / x.std(0)[spread] ** 4
    assert field.kurtosis[spread] == pytest.approx(fourth, rel=1e-4)


def test_sequences_of_any_width_are_one_feature():
    g = torch.Generator().manual_seed(0)
    batches = [torch.randn(8, w, generator=g) + 3 for w in (4, 9, 2)]
    field = Profile.fit(batches).fields["x"]
    flat = torch.cat([b.flatten() for b in batches]).double()
    assert field.mean == pytest.approx([flat.mean().item()])
    assert field.sd == pytest.approx([flat.std(correction=0).item()])
    assert field.kurtosis == pytest.approx(
        [(((flat - flat.mean()) ** 4).mean() / flat.var(correction=0) ** 2).item()]
    )
    assert list(guard([torch.randn(8, 30, generator=g) + 3], Profile.fit(batches)))


def test_the_loaders_of_datacheck():
    random = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(20)])

    def frame(n, scale=1.0):
        return pl.DataFrame(
            {
                "a": random.normal(size=n) * scale,
                "b": random.normal(size=n) * scale,
                "kind": random.choice([*"xyz"], n),
                "text": [" ".join(random.choice(words, k)) for k in random.integers(3, 30, n)],
                "label": random.choice(["no", "yes"], n),
            }
        )

    splits = {"train": frame(400), "test": frame(200), "raw": frame(200, 50.0)}
    made = loaders(splits, label="label", batch_size=32)
    profile = Profile.fit(made)
    assert made.train.state_dict()["epoch"] == 0, "no epoch is used up"
    for name in ("train", "test"):
        assert len(list(guard(made[name], profile))) == len(made[name])
    with pytest.raises(BatchError, match=r"x\[a, b\].*far outside.*scaled as train was"):
        list(guard(made["raw"], profile))
    watched = guard(made["raw"], profile, "quarantine")
    rest = list(watched)
    rows = {i for b in rest for i in b.rows.tolist()}
    taken = {i for v in watched.quarantined for i in v.rows}
    every = {i for b in made["raw"] for i in b.rows.tolist()}
    assert rows.isdisjoint(taken)
    assert taken <= every
    watched.set_epoch(3)
    assert made["raw"].state_dict()["epoch"] == 3


def test_mistakes_are_told():
    with pytest.raises(UsageError, match=r"on_violation is 'stop'.*'warn'"):
        guard([], PROFILE, "stop")  # type: ignore[arg-type] # the mistake
    with pytest.raises(UsageError, match="holds no tensors"):
        list(guard(["text"]))
    with pytest.raises(UsageError, match="no batch to learn"):
        Profile.fit([])
    with pytest.raises(UsageError, match="from a int"):
        Profile.fit(3)
    with pytest.raises(UsageError, match=r"not finite.*datacheck fix"):
        Profile.fit(torch.tensor([[1.0, float("nan")]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(guard([torch.zeros(0, 3)], Profile.fit(torch.zeros(4, 3))))
