from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.errors import UsageError
from datacheck.training.record import Record, RecordWarning, encode
from datacheck.training.run import Run

ROOT = Path(__file__).parents[2]


def step(number: int, **more) -> dict:
    return {"kind": "step", "step": number, "loss": number / 7, **more}


def test_lines_are_json_a_line_each(tmp_path):
    record = Record(tmp_path / "r.jsonl", {"seed": 3})
    record.add(step(0, rows=np.array([5, 6]), row_loss=np.array([0.5, 2], np.float32)))
    record.add({"kind": "evaluation", "step": 0, "split": "val", "loss": float("inf"), "n": 9})
    record.close({"kind": "end", "steps": 1})
    lines = [json.loads(t) for t in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert lines == [
        {"version": 1, "kind": "start", "seed": 3},
        {"kind": "step", "step": 0, "loss": 0.0, "rows": [5, 6], "row_loss": [0.5, 2.0]},
        {"kind": "evaluation", "step": 0, "split": "val", "loss": None, "loss_is": "inf", "n": 9},
        {"kind": "end", "steps": 1},
    ]


numbers = st.floats(allow_subnormal=False) | st.none()
entries = st.lists(
    st.fixed_dictionaries(
        {"loss": numbers, "grad_norm": numbers, "lr": numbers},
        optional={
            "epoch": st.integers(0, 9),
            "clipped": st.booleans(),
            "tokens": st.integers(0, 2**62),
            "rows": st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
            "row_loss": st.lists(st.floats(width=32), max_size=4),
            "layer": st.text(max_size=5),
        },
    ),
    max_size=6,
)


@given(entries)
def test_what_is_written_is_read(listed):
    full = [{"kind": "step", "step": n, **e} for n, e in enumerate(listed)]
    record = Record(None)
    for entry in full:
        record.add(dict(entry))
    record.close()
    run = Run.from_lines(record.lines)
    assert run.steps["step"].to_list() == list(range(len(full)))
    for n, entry in enumerate(full):
        row = run.steps.row(n, named=True)
        for key in ("epoch", "clipped", "tokens", "layer"):
            assert row[key] == entry.get(key)
        for key in ("loss", "grad_norm", "lr"):
            same = row[key] == entry[key] or (np.isnan(row[key]) and np.isnan(entry[key]))
            assert same, (key, row[key], entry[key])
        np.testing.assert_array_equal(run.rows(n), np.array(entry.get("rows", []), np.int64))
        wanted = np.array(entry.get("row_loss", []), np.float64)
        wanted[~np.isfinite(wanted)] = np.nan
        np.testing.assert_array_equal(run.row_losses(n).astype(np.float32), wanted)


def test_an_entry_without_rows_amid_others():
    lines = encode([step(0, rows=[1, 2]), step(1), step(2, rows=[]), step(3, row_loss=[0.1])])
    run = Run.from_lines([b'{"version":1,"kind":"start"}', *lines])
    assert run.steps["rows"].to_list() == [[1, 2], None, [], None]
    assert run.row_losses(3).tolist() == [np.float32(0.1)]


# -- never over what is there -----------------------------------------------------------------


@pytest.mark.parametrize("content", ["dear diary\n", "x", '{"version": 2}\n', "{\n"])
def test_a_file_of_the_user_is_never_touched(tmp_path, content):
    path = tmp_path / "mine.txt"
    path.write_text(content)
    with pytest.raises(UsageError, match="exists; it is no record"):
        Record(path)
    with pytest.raises(UsageError, match="not a record"):
        Record(path, resume=True)
    assert path.read_text() == content


def test_a_record_is_only_gone_on_with_when_asked(tmp_path):
    path = tmp_path / "r.jsonl"
    Record(path, {"seed": 1}).close()
    was = path.read_bytes()
    with pytest.raises(UsageError, match=r"a record of a run .*resume=True"):
        Record(path, {"seed": 1})
    with pytest.raises(UsageError, match="another run: seed was 1 and is 2"):
        Record(path, {"seed": 2}, resume=True)
    assert path.read_bytes() == was
    again = Record(path, {"seed": 1, "lr": 0.5}, resume=True)
    again.add(step(0))
    again.close()
    assert again.resumed
    assert path.read_bytes().startswith(was)
    assert Run.load(path).steps.height == 1


def test_an_empty_file_is_one_to_begin(tmp_path):
    path = tmp_path / "r.jsonl"
    path.touch()
    Record(path, {"seed": 1}).close()
    assert Run.load(path).meta == {"seed": 1}


@pytest.mark.parametrize("cut", [1, 10, 25])
def test_resuming_after_a_kill_in_the_first_line(tmp_path, cut):
    path = tmp_path / "r.jsonl"
    Record(path, {"seed": 1}).close()
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UsageError, match="exists"):
        Record(path, {"seed": 1})
    record = Record(path, {"seed": 1}, resume=True)
    assert not record.resumed
    record.close()
    assert Run.load(path).meta == {"seed": 1}


def test_one_writer_at_a_time(tmp_path):
    first = Record(tmp_path / "r.jsonl")
    with pytest.raises(UsageError, match="another monitor"):
        Record(tmp_path / "r.jsonl", resume=True)
    first.close()
    Record(tmp_path / "r.jsonl", resume=True).close()


@pytest.mark.parametrize("name", ["", "no/such/folder/r.jsonl"])
def test_a_place_where_no_file_can_be(tmp_path, name):
    with pytest.raises(UsageError, match="cannot be opened"):
        Record(tmp_path / name)


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="not a file"):
        Record(tmp_path / "pipe")


@pytest.mark.parametrize("meta", [{"kind": "x"}, {"a": object()}, {"a": float("nan")}, {"a": {1j}}])
def test_meta_is_plain(meta):
    with pytest.raises(UsageError, match="meta"):
        Record(None, meta)


def test_a_closed_record_takes_no_more(tmp_path):
    record = Record(tmp_path / "r.jsonl")
    record.close()
    record.close()
    record.add(step(0))
    with pytest.raises(UsageError, match="closed"):
        record.flush()


# -- a disk that is full ----------------------------------------------------------------------


def test_a_full_disk_does_not_end_the_training(tmp_path, monkeypatch):
    record = Record(tmp_path / "r.jsonl")
    real, room = os.write, [10]

    def write(file, data):
        if room[0] <= 0:
            raise OSError(28, "No space left on device")
        some = data[: room[0]]
        room[0] -= len(some)
        return real(file, some)

    monkeypatch.setattr(os, "write", write)
    record.add(step(0))
    with pytest.warns(RecordWarning, match="No space left"):
        record.flush()
    record.add(step(1))
    record.flush()  # told once
    assert Run.load(tmp_path / "r.jsonl").steps.height == 0
    room[0] = 10**6
    record.add(step(2))
    record.close()
    assert Run.load(tmp_path / "r.jsonl").steps["step"].to_list() == [0, 1, 2]


def test_entries_that_never_got_to_the_disk_are_told(tmp_path, monkeypatch):
    record = Record(tmp_path / "r.jsonl")

    def write(file, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr("datacheck.training.record.KEPT", 3)
    for number in range(5):
        record.add(step(number))
    with pytest.warns(RecordWarning):
        record.flush()
    with pytest.raises(UsageError, match="5 entries could not be written"):
        record.close()


# -- kill -9 ----------------------------------------------------------------------------------

WRITER = """
import sys
import numpy as np
from datacheck.training.record import Record

path, first = sys.argv[1], int(sys.argv[2])
record = Record(path, {"seed": 1}, resume=True)
rows = np.arange(300)
print("ready", flush=True)
for step in range(first, 10**9):
    record.add({"kind": "step", "step": step, "loss": step / 7, "rows": rows + step,
                "row_loss": rows.astype(np.float32) + step})
    if step % 3 == 2:
        record.flush()
        print(step, flush=True)
"""


def test_a_kill_at_any_moment_loses_only_what_was_not_flushed(tmp_path):
    path, first, rng = tmp_path / "r.jsonl", 0, random.Random(0)
    script = tmp_path / "writer.py"
    script.write_text(textwrap.dedent(WRITER))
    for _ in range(5):
        writer = subprocess.Popen(
            [sys.executable, str(script), str(path), str(first)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0, 0.2))
        writer.send_signal(signal.SIGKILL)
        said, _ = writer.communicate()
        told = [int(t) for t in said.splitlines(keepends=True) if t.endswith("\n")]
        run = Run.load(path)
        steps = run.steps["step"].to_list()
        assert steps == list(range(len(steps)))
        assert len(steps) > max(told, default=-1)
        assert len(steps) >= first
        assert run.meta == {"seed": 1}
        for number in steps[-5:]:
            np.testing.assert_array_equal(run.rows(number), np.arange(300) + number)
        first = len(steps)
    assert first > 0


def test_every_cut_of_the_file_is_a_record(tmp_path):
    record = Record(tmp_path / "r.jsonl", {"seed": 1})
    for number in range(4):
        record.add(step(number, rows=[1, 2], layer="ä"))
    record.close({"kind": "end", "steps": 4})
    whole = (tmp_path / "r.jsonl").read_bytes()
    ends = [n + 1 for n, byte in enumerate(whole) if byte == 10]
    for cut in range(ends[0], len(whole) + 1):
        (tmp_path / "cut.jsonl").write_bytes(whole[:cut])
        run = Run.load(tmp_path / "cut.jsonl")
        assert run.steps.height == min(sum(e <= cut for e in ends) - 1, 4)
        assert run.ended == (cut == len(whole))


def test_a_forked_worker_writes_nothing(tmp_path):
    record = Record(tmp_path / "r.jsonl")
    record.add(step(0))
    record._process += 1  # as seen from a child
    record.flush()
    assert Run.load(tmp_path / "r.jsonl").steps.height == 0
    record._process -= 1
    record.close()
    assert Run.load(tmp_path / "r.jsonl").steps.height == 1
