"""Checkpoints: whole or not at all, and nothing in them can run."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import Any

import pytest
import torch

from datacheck.errors import UsageError
from datacheck.training import checkpoint


def test_round_trip(tmp_path):
    state: dict[str, Any] = {
        "a": torch.arange(3),
        "b": [1, 2.5, None, "x"],
        "c": {"d": float("nan")},
    }
    path = tmp_path / "new" / "last.pt"
    checkpoint.save(state, path)
    got = checkpoint.load(path.parent)
    assert torch.equal(got["a"], state["a"])
    assert got["b"] == state["b"]
    assert checkpoint.exists(path.parent)
    assert not checkpoint.exists(tmp_path)


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "last.pt"
    checkpoint.save({"step": 1}, path)

    def half(state, file):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save({"step": 2}, path)
    assert checkpoint.load(path)["step"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["last.pt"]


def test_what_a_killed_process_left_is_removed(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead = tmp_path / f".last.pt.{gone.pid}{checkpoint.PARTIAL}"
    alive = tmp_path / f".last.pt.{os.getppid()}{checkpoint.PARTIAL}"
    dead.write_bytes(b"x")
    alive.write_bytes(b"x")
    checkpoint.save({}, tmp_path / "last.pt")
    assert not dead.exists()
    assert alive.exists()


class Malice:
    def __reduce__(self):
        return (os.mkdir, ("owned",))


def test_nothing_in_a_file_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"version": 1, "model": Malice()}, tmp_path / "last.pt")
    with pytest.raises(UsageError, match="no checkpoint of a trainer"):
        checkpoint.load(tmp_path)
    (tmp_path / "last.pt").write_bytes(pickle.dumps(Malice()))
    with pytest.raises(UsageError, match="no checkpoint of a trainer"):
        checkpoint.load(tmp_path)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04"])
def test_damaged_files(tmp_path, content):
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(UsageError, match="no checkpoint of a trainer"):
        checkpoint.load(tmp_path)


def test_other_files_and_none(tmp_path):
    with pytest.raises(UsageError, match=r"no checkpoint .*last\.pt \(there are: none"):
        checkpoint.load(tmp_path)
    torch.save({"version": 99}, tmp_path / "other.pt")
    with pytest.raises(UsageError, match="of this trainer"):
        checkpoint.load(tmp_path / "other.pt")
    with pytest.raises(UsageError, match=r"there are: other\.pt"):
        checkpoint.load(tmp_path)
