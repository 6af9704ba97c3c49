from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import (
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)

from datacheck.errors import UsageError
from datacheck.findings import Severity, Status
from datacheck.pipelines.guard import guard
from datacheck.pipelines.loader_audit import CODES, audit_loader
from datacheck.pipelines.loaders import loaders
from datacheck.pipelines.watching.recording import content


def data(n=103, classes=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 4, generator=g)
    return TensorDataset(x, torch.randint(0, classes, (n,), generator=g))


def codes(report):
    return [f.rule for f in report.findings]


def only(report, code):
    (finding,) = report.of(code)
    return finding


@pytest.mark.parametrize("workers", [0, 2])
def test_a_right_loader_is_clean(workers):
    report = audit_loader(DataLoader(data(), batch_size=8, shuffle=True, num_workers=workers))
    assert codes(report) == []
    assert "clean" in repr(report)
    assert [o.rule for o in report.outcomes] == list(CODES)
    assert report.to_dict()["dataset"]["splits"] == {"loader": {"rows": 103, "files": 0}}
    assert report._repr_html_()


class Twice(torch.utils.data.Sampler):
    def __init__(self, indices):
        self.chosen = indices

    def __iter__(self):
        return iter(self.chosen)

    def __len__(self):
        return len(self.chosen)


@given(st.lists(st.integers(0, 11), min_size=3, max_size=30), st.integers(1, 5))
def test_what_is_missing_and_repeated_is_counted(indices, size):
    report = audit_loader(DataLoader(data(12), batch_size=size, sampler=Twice(indices)))
    missing, extra = 12 - len(set(indices)), len(indices) - len(set(indices))
    assert [f.count for f in report.of("DL001")] == [missing] * (missing > 0)
    assert [f.count for f in report.of("DL002")] == [extra] * (extra > 0)
    for finding in report.of("DL001"):
        assert {int(e.addresses[0]) for e in finding.examples}.isdisjoint(indices)


def test_the_order_of_the_file_and_of_the_last_epoch():
    report = audit_loader(DataLoader(data(), batch_size=8))
    assert only(report, "DL005").message == "rows come in the order of the file, each epoch"
    fixed = [int(i) for i in torch.randperm(103, generator=torch.Generator().manual_seed(1))]
    report = audit_loader(DataLoader(data(), batch_size=8, sampler=Twice(fixed)))
    assert only(report, "DL005").message == "rows come in the same order, each epoch"
    assert codes(audit_loader(DataLoader(data(), batch_size=8), train=False)) == []
    named = {"train": DataLoader(data(), 8, shuffle=True), "test": DataLoader(data(), 8)}
    assert codes(audit_loader(named)) == []


def test_the_last_batch():
    dropped = DataLoader(data(), batch_size=8, shuffle=True, drop_last=True)
    finding = only(audit_loader(dropped), "DL008")
    assert (finding.count, finding.severity) == (7, Severity.INFO)
    report = audit_loader({"test": dropped, "train": DataLoader(data(), 8, shuffle=True)})
    assert only(report, "DL008").severity is Severity.ERROR
    assert only(report, "DL008").splits == ("test",)
    assert codes(audit_loader(DataLoader(data(104), 8, shuffle=True, drop_last=True))) == []


def test_samplers_that_mean_it():
    weighted = WeightedRandomSampler([0.1] * 50 + [1.0] * 53, 103)
    for sampler in (weighted, RandomSampler(data(), replacement=True)):
        report = audit_loader(DataLoader(data(), batch_size=8, sampler=sampler))
        assert set(codes(report)) == {"DL001", "DL002"}
        assert {f.severity for f in report.findings} == {Severity.INFO}
        assert "on purpose" in repr(report) or "drawn at random" in repr(report)
    half = SubsetRandomSampler(range(50))
    assert codes(audit_loader(DataLoader(data(), batch_size=8, sampler=half))) == []


# -- ranks --------------------------------------------------------------------------------------


def ranks(n=103, **options):
    return [
        DataLoader(data(n), 8, sampler=DistributedSampler(data(n), 2, rank=r, **options))
        for r in range(2)
    ]


def test_ranks_that_share_rows():
    same = [DataLoader(data(), batch_size=8, shuffle=True) for _ in range(2)]
    finding = only(audit_loader(same), "DL003")
    assert (finding.count, finding.severity) == (103, Severity.ERROR)
    twice = [DataLoader(data(), 8, sampler=DistributedSampler(data(), 2, rank=0)) for _ in "ab"]
    report = audit_loader(twice)
    assert only(report, "DL003").count == 52
    assert only(report, "DL001").count == 51


def test_distributed_sampler_needs_set_epoch_and_fills_up():
    finding = only(audit_loader(ranks(104)), "DL005")
    assert finding.severity is Severity.INFO
    assert "unless set_epoch(epoch) is called" in finding.message
    report = audit_loader(ranks(103))
    assert only(report, "DL003").severity is Severity.INFO
    report = audit_loader(ranks(103, shuffle=False), train=False)
    assert only(report, "DL003").severity is Severity.ERROR, "a score must count each row once"


# -- random numbers -----------------------------------------------------------------------------


class Noisy(Dataset):
    def __init__(self, draw, n=64):
        self.draw = draw
        self.rows = torch.arange(n, dtype=torch.float32)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i] + float(self.draw())


class Own:
    def __init__(self):
        self.generator = np.random.default_rng(0)

    def __call__(self):
        return self.generator.normal()


def numpy_normal():
    return np.random.normal()  # noqa: NPY002 - what is audited


def torch_normal():
    return torch.randn(())


def same_seed(worker):
    np.random.seed(0)  # noqa: NPY002 - the mistake


def test_cloned_seeds():
    noisy = DataLoader(Noisy(numpy_normal), 8, shuffle=True, num_workers=2)
    assert codes(audit_loader(noisy)) == []
    noisy = DataLoader(Noisy(torch_normal), 8, shuffle=True, num_workers=2)
    assert codes(audit_loader(noisy)) == []
    cloned = DataLoader(
        Noisy(numpy_normal), 8, shuffle=True, num_workers=2, worker_init_fn=same_seed
    )
    finding = only(audit_loader(cloned), "DL004")
    assert finding.message == "2 of 2 workers draw the same random numbers from numpy.random"
    harmless = DataLoader(
        Noisy(torch_normal), 8, shuffle=True, num_workers=2, worker_init_fn=same_seed
    )
    assert codes(audit_loader(harmless)) == [], "what is not drawn from does no harm"


def test_a_generator_that_is_copied_into_each_worker():
    own = DataLoader(Noisy(Own()), 8, shuffle=True, num_workers=2)
    finding = only(audit_loader(own), "DL004")
    assert "dataset.draw.generator: it is copied into each worker" in finding.message
    one = DataLoader(Noisy(Own()), 8, shuffle=True, num_workers=1)
    assert "each epoch draws the same" in only(audit_loader(one), "DL004").message
    assert codes(audit_loader(DataLoader(Noisy(Own()), 8, shuffle=True))) == []


# -- batches ------------------------------------------------------------------------------------


def test_padding():
    mask = torch.arange(10) < torch.tensor([10, 1, 1, 1])[:, None]
    batches = [{"input_ids": torch.ones(4, 10), "attention_mask": mask.long()}]
    finding = only(audit_loader(batches), "DL006")
    assert finding.share == pytest.approx(27 / 40)
    assert "68% of the items" in finding.message
    full = [{"input_ids": torch.ones(4, 10), "attention_mask": torch.ones(4, 10)}]
    assert audit_loader(full).of("DL006") == []


def test_classes():
    x, y = torch.randn(120, 2), torch.arange(120) // 30
    by_class = DataLoader(TensorDataset(x, y), batch_size=10, shuffle=False)
    finding = only(audit_loader(by_class), "DL007")
    assert "batches have 1.0 classes on average" in finding.message
    some = DataLoader(TensorDataset(x, y), batch_size=10, sampler=SubsetRandomSampler(range(60)))
    finding = only(audit_loader(some), "DL007")
    assert finding.message == "2 of 4 classes do not come in an epoch"
    assert finding.evidence["classes"] == [2, 3]


# -- without indices ----------------------------------------------------------------------------


class Stream(IterableDataset):
    def __init__(self, rows, *, shared=True):
        self.rows, self.shared = rows, shared

    def __iter__(self):
        worker = get_worker_info()
        step = 1 if worker is None or self.shared else worker.num_workers
        start = 0 if worker is None or self.shared else worker.id
        return iter(self.rows[start::step])


def test_a_stream_that_each_worker_reads_whole():
    rows = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    twice = DataLoader(Stream(rows), batch_size=8, num_workers=2)
    finding = only(audit_loader(twice, TensorDataset(rows)), "DL002")
    assert (finding.count, finding.total) == (60, 120)
    right = DataLoader(Stream(rows, shared=False), batch_size=8, num_workers=2)
    assert audit_loader(right, TensorDataset(rows)).of("DL001", "DL002") == []
    less = DataLoader(Stream(rows[:50]), batch_size=8)
    report = audit_loader(less, TensorDataset(rows))
    assert only(report, "DL001").count == 10
    assert report.assumptions
    assert {o.rule for o in audit_loader(less).not_checked} >= {"DL001", "DL002"}


@given(
    st.lists(st.lists(st.integers(-99, 99), min_size=3, max_size=3), min_size=1, max_size=20),
    st.integers(0, 5),
)
def test_content_tells_rows_apart_whatever_the_padding(rows, padding):
    x = torch.tensor(rows, dtype=torch.float32)
    hashes = content(x)
    wide = torch.cat([x, torch.zeros(len(rows), padding)], dim=1)
    assert content(wide).tolist() == hashes.tolist()
    assert content(x.double()).tolist() == hashes.tolist()
    assert len(set(hashes.tolist())) == len({tuple(r) for r in rows})


# -- datacheck's own ----------------------------------------------------------------------------


def frames(n=200):
    random = np.random.default_rng(0)
    words = [" ".join(["w"] * k) for k in random.integers(1, 60, n)]
    label = random.choice(["a", "b"], n)
    return {
        "train": pl.DataFrame({"text": words, "label": label}),
        "test": pl.DataFrame({"text": words[:50], "label": label[:50]}),
    }


@pytest.mark.parametrize("workers", [0, 2])
def test_the_loaders_of_datacheck(workers):
    made = loaders(frames(), label="label", texts=["text"], max_tokens=600, workers=workers)
    next(iter(made.train))
    before = made.state_dict()
    report = audit_loader(made, frames())
    assert report.of("DL001", "DL002", "DL003", "DL004", "DL005", "DL008") == []
    assert not [f for f in report.findings if f.splits == ("train",)]
    assert made.state_dict() == before, "it is left where it stood"
    plain = loaders(frames(), label="label", texts=["text"], batch_size=32)
    assert {f.splits for f in audit_loader(plain).of("DL006")} == {("train",), ("test",)}


def test_rows_that_the_loaders_lack():
    made = loaders(frames(), label="label", texts=["text"])
    more = frames(210)
    finding = only(audit_loader(made, {**more, "test": frames()["test"]}), "DL001")
    assert (finding.count, finding.total, finding.splits) == (10, 210, ("train",))


def test_balanced_and_dropped_and_ranks_of_datacheck():
    made = loaders(frames(), label="label", texts=["text"], balance="classes")
    assert {f.severity for f in audit_loader(made.train).of("DL001", "DL002")} <= {Severity.INFO}
    made = loaders(frames(), label="label", texts=["text"], drop_last=True)
    assert only(audit_loader(made.train), "DL008").count == 200 % 64
    parts = [
        loaders(frames(), label="label", texts=["text"], rank=r, world_size=2).train
        for r in range(2)
    ]
    assert audit_loader(parts).of("DL001", "DL002", "DL003", "DL005") == []


def test_a_guarded_loader_is_that_loader():
    plain = DataLoader(data(), batch_size=8)
    assert codes(audit_loader(guard(plain))) == codes(audit_loader(plain))


def test_stopped_early_and_mistakes():
    report = audit_loader(DataLoader(data(), batch_size=8, shuffle=True), batches=3)
    assert codes(report) == []
    (outcome,) = [o for o in report.outcomes if o.rule == "DL001"]
    assert outcome.status is Status.NOT_APPLICABLE
    with pytest.raises(UsageError, match="yields no batches"):
        audit_loader([])
    with pytest.raises(UsageError, match="0 epochs"):
        audit_loader(DataLoader(data()), epochs=0)
    with pytest.raises(UsageError, match="no loaders"):
        audit_loader({})
