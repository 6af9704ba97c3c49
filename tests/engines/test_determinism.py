"""The same data gives the same bytes; permuted data gives the same findings."""

from __future__ import annotations

import random
import time

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.engines import local, plan, scan
from datacheck.sources import streams


def table(n, seed):
    """Every kind of column, with what the rules look for in it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = (x + rng.normal(size=n) > 0.8).astype(int)
    frame = pl.DataFrame(
        {
            "id": [f"r{seed}-{i:05d}" for i in range(n)],
            "patient": rng.integers(0, n // 4, n),
            "when": pl.Series(np.datetime64("2024-01-01") + rng.integers(0, 10**6, n)).cast(
                pl.Datetime("us")
            ),
            "x": x.round(3),
            "gap": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)).round(3),
            "cuff": np.where(rng.random(n) < 0.03, -999, rng.normal(120, 9, n)).round(1),
            "mg": rng.normal(100, 8, n).round(2) * (1 if seed == 1 else 18),
            "ward": rng.choice(["a", "b", "c", *(["d"] if seed != 1 else [])], n),
            "codes": ["|".join(rng.choice(list("pqrst"), k)) for k in rng.geometric(0.2, n)],
            "label": np.where(y, "yes", "no"),
        }
    )
    return pl.concat([frame, frame.head(20).with_columns(pl.lit("no").alias("label"))])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("set")
    train, test = table(1500, 1), table(600, 2)
    test = pl.concat([test, train.slice(100, 40).with_columns(pl.lit("d").alias("ward"))])
    test = pl.concat([test, train.slice(200, 40)])
    train.write_csv(where / "train.csv")
    test.write_csv(where / "test.csv")
    raw = (where / "test.csv").read_text().splitlines()
    raw[7] += ",one,too,many"
    (where / "test.csv").write_text("\n".join(raw) + "\n")
    return where


@pytest.fixture(scope="module")
def expected(folder):
    report = datacheck.audit(folder, threads=1)
    assert len(report.findings) > 8
    return report.to_json(timing=False)


@pytest.mark.parametrize("chunk", [997, 64 << 10])
@pytest.mark.parametrize("threads", [1, 3])
def test_report_is_the_same_bytes_for_any_chunk_size_and_thread_count(
    folder, expected, monkeypatch, chunk, threads
):
    monkeypatch.setattr(streams, "CHUNK", chunk)
    assert datacheck.audit(folder, threads=threads).to_json(timing=False) == expected


def test_report_is_the_same_bytes_for_any_order_of_completion(folder, monkeypatch):
    monkeypatch.setattr(plan, "BLOCK_ROWS", 128)
    reports = set()
    for seed in range(4):
        order = random.Random(seed)

        def slowly(*args, order=order):
            time.sleep(order.random() / 200)
            return scan.summarize(*args)

        monkeypatch.setattr(local, "summarize", slowly)
        reports.add(datacheck.audit(folder, threads=4).to_json(timing=False))
    assert len(reports) == 1


def test_parquet_and_its_batches(folder, monkeypatch):
    data = {
        s: pl.read_csv(folder / "train.csv").slice(k, 700) for s, k in (("train", 0), ("test", 800))
    }
    for name, frame in data.items():
        (folder / "pq").mkdir(exist_ok=True)
        frame.write_parquet(folder / "pq" / f"{name}.parquet", row_group_size=90)
    first = datacheck.audit(folder / "pq").to_json(timing=False)
    read = scan.blocks
    monkeypatch.setattr(
        local, "blocks", lambda f, i, c, rows, seen=None: _rebatched(read, f, i, c, rows)
    )
    assert datacheck.audit(folder / "pq").to_json(timing=False) == first


def _rebatched(blocks, fragment, file, columns, rows):
    class Small:
        split, file = fragment.split, fragment.file

        def read(self, columns, batch_rows):
            return fragment.read(columns, 37)

    return blocks(Small(), file, columns, rows)


def told(report):
    """What must not depend on the order of rows and columns."""
    return sorted(
        (f.rule, f.severity.value, f.splits, tuple(sorted(f.columns)), f.count, f.total)
        for f in report.findings
    )


@pytest.mark.parametrize("seed", range(3))
def test_permuted_rows_and_columns_give_the_same_findings_and_counts(seed):
    rng = np.random.default_rng(seed)
    frames = {"train": table(1500, 1), "test": table(600, 2)}
    settings = {"label": "label", "group": "patient", "time": "when", "id": ("id",)}
    before = datacheck.audit(_shuffled(frames, rng, columns=False), settings=settings)
    order = rng.permutation(frames["train"].width)
    mixed = {
        name: frame.select([frame.columns[i] for i in order])
        for name, frame in _shuffled(frames, rng, columns=True).items()
    }
    after = datacheck.audit(mixed, settings=settings)
    assert len(before.findings) > 5
    assert told(before) == told(after)


def _shuffled(frames, rng, *, columns):
    del columns
    return {
        name: frame.select(pl.all().gather(pl.Series(rng.permutation(frame.height))))
        for name, frame in frames.items()
    }
