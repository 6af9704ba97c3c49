from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from datacheck.errors import UsageError
from datacheck.pipelines.plan import Step
from datacheck.training.study.arms import design
from datacheck.training.study.conduct import conduct, jobs_of, load
from datacheck.training.study.ledger import Ledger
from datacheck.training.study.repairs import Repair, take_apart
from datacheck.training.study.running import WorkerError, run_all
from tests.training.study.numpy_lab import NumpyLab

ROOT = Path(__file__).resolve().parents[3]
SETUP = {
    "steps": 120, "model": "logistic", "parameters": 4, "optimizer": "sgd", "lr": 0.1, "batch": 16,
}  # fmt: skip
TOLD = {"dataset": "made up", "setup": SETUP, "assumed": ["nothing"]}


def scaled(**more):
    """One repair of a scale, as planned: raw is 30 times too large."""
    steps = [Step("standardize", ("NM002",), ("x",))]
    chosen = design(take_apart(steps))
    scales = {"raw": 30.0, "all": 1.0, "placebo": 1.0, "clip": 20.0}
    return chosen, NumpyLab(scales, **more)


def run(folder, seeds=range(6), workers=0, **more):
    chosen, lab = scaled(**more)
    return conduct(chosen, lab, list(seeds), TOLD, folder, head={"of": "this"}, workers=workers)


def test_a_study_says_what_scaling_does(tmp_path):
    study = run(tmp_path / "s", seeds=range(8))
    (one,) = study.told["repairs"]
    assert one["metric"] == "VLJ"
    assert one["verdict"] == "reduces"
    assert one["low"] > 1
    assert one["p"] == 2 / 2**8
    placebo = study.told["controls"][-1]
    assert "placebo" in placebo["words"]
    assert placebo["low"] < 1 < placebo["high"]
    shown = repr(study)
    assert "reduces" in shown
    assert "clean-loss jitter" in shown
    assert load(tmp_path / "s").told == study.told


def test_few_seeds_make_no_claim(tmp_path):
    study = run(tmp_path / "s", seeds=range(4))
    (one,) = study.told["repairs"]
    assert one["verdict"] == "no claim"
    assert one["low"] is None
    assert "6 are needed" in repr(study)


def test_what_never_trains_is_a_result(tmp_path):
    steps = [Step("impute-with-indicator", ("MV001",), ("x",))]
    lab = NumpyLab({"raw": math.nan, "all": 1.0, "placebo": 1.0, "clip": math.nan})
    study = conduct(
        design(take_apart(steps)), lab, list(range(6)), TOLD, tmp_path / "s", head={}, workers=0
    )
    (one,) = study.told["repairs"]
    assert (one["metric"], one["verdict"]) == ("NFR", "reduces")
    assert one["levels"]["NFR"] == {"without": pytest.approx(1.0, abs=0.02), "with": 0.0}
    assert one["beside"]["VLJ"]["left_out"] == 6
    shown = repr(study)
    assert "non-finite steps" in shown
    assert "jitter" not in shown.split("controls")[0]  # no pair has a number on both sides
    json.loads((tmp_path / "s/study.json").read_text(), parse_constant=pytest.fail)


def test_processes_give_the_same_bytes_as_one(tmp_path):
    alone = run(tmp_path / "a", workers=0)
    run(tmp_path / "b", workers=2)
    for name in ("study.json", "study.html"):
        assert (alone.output / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


SCRIPT = """
from pathlib import Path
from tests.training.study.test_conduct import run
if __name__ == "__main__":
    run(Path({folder!r}), workers=2, **{more!r})
"""
PATIENCE = 240  # seconds, for a busy machine


@contextmanager
def started(folder, **more):
    """A study in processes of its own, which are gone afterwards whatever happens."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(folder=str(folder), more=more)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_for(so):
    end = time.monotonic() + PATIENCE
    while not so():
        assert time.monotonic() < end, "no results"
        time.sleep(0.02)


def lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_study_goes_on_where_it_was_ended(tmp_path, how):
    want = run(tmp_path / "want")
    folder = tmp_path / "cut"
    with started(folder, held=2) as process:  # it cannot end before it is ended
        wait_for(lambda: lines(folder / "results.jsonl") >= 6)
        if how is signal.SIGKILL:
            process.kill()
        else:
            os.killpg(process.pid, how)  # as Ctrl-C does: every process of the terminal
        _, said = process.communicate(timeout=PATIENCE)
    if how is signal.SIGINT:
        assert b"KeyboardInterrupt" in said
        assert said.count(b"Traceback") == 1  # workers say nothing
    assert not (folder / "study.json").exists()
    with (folder / "results.jsonl").open("ab") as file:
        file.write(b'{"kind": "run", "arm": "raw", "se')  # as a kill in mid-write leaves it
    had = Ledger(folder / "results.jsonl", {"of": "this"}).results
    assert 5 <= len(had) <= 8
    again = run(folder)
    for name in ("study.json", "study.html"):
        assert (folder / name).read_bytes() == (want.output / name).read_bytes()
    assert again.told == want.told


@pytest.mark.parametrize("delay", [0, 0.1, 0.3])
def test_workers_that_are_just_starting_say_nothing_of_an_interrupt(tmp_path, delay):
    psutil = pytest.importorskip("psutil")
    with started(tmp_path / "s", held=0) as process:
        main = psutil.Process(process.pid)
        wait_for(lambda: len(main.children()) >= 2)  # one of them keeps the shared resources
        time.sleep(delay)  # 0: mostly before they are Python at all
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert said.count(b"Traceback") == 1
    assert b"KeyboardInterrupt" in said


def test_workers_end_with_the_main_process(tmp_path):
    psutil = pytest.importorskip("psutil")
    with started(tmp_path / "s", pause=0.15) as process:
        wait_for(lambda: lines(tmp_path / "s" / "results.jsonl") >= 3)
        workers = psutil.Process(process.pid).children(recursive=True)
        assert workers
        process.kill()
        process.communicate(timeout=PATIENCE)
        _, alive = psutil.wait_procs(workers, timeout=PATIENCE)
    assert alive == []


def test_a_folder_of_another_study_is_refused(tmp_path):
    run(tmp_path / "s")
    chosen, lab = scaled()
    with pytest.raises(UsageError, match="something else: of differ"):
        conduct(chosen, lab, [0], TOLD, tmp_path / "s", head={"of": "that"}, workers=0)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_fails_says_which(tmp_path, workers):
    chosen, lab = scaled(fail="boom")
    ledger = Ledger(tmp_path / "results.jsonl", {})
    with pytest.raises(WorkerError, match="seed 0 failed: RuntimeError: boom"):
        run_all(lab, jobs_of(chosen, [0]), ledger, workers=workers)


def test_a_mistake_of_the_user_comes_through_as_it_is(tmp_path):
    chosen, lab = scaled(fail="told")
    ledger = Ledger(tmp_path / "results.jsonl", {})
    with pytest.raises(UsageError, match="no such thing") as raised:
        run_all(lab, jobs_of(chosen, [0]), ledger, workers=1)
    assert raised.value.hint == "take another"


def test_progress_counts_and_estimates(tmp_path):
    chosen, lab = scaled()
    seen = []
    ledger = Ledger(tmp_path / "results.jsonl", {})
    jobs = jobs_of(chosen, range(2))
    run_all(lab, jobs, ledger, workers=0, progress=lambda *told: seen.append(told))
    assert [done for done, _, _ in seen] == list(range(len(jobs) + 1))
    assert seen[0][2] is None
    assert seen[-1][2] == 0


def test_data_is_no_markup_on_the_page(tmp_path):
    hostile = "<script>alert(1)</script>\x1b[31m"
    repairs = [Repair(hostile, (Step("standardize", ("NM002",), (hostile,)),))]
    chosen = design(repairs)
    lab = NumpyLab({a.key: 30.0 if "raw" in a.key or a.control == "clip" else 1.0
                    for a in chosen.arms})  # fmt: skip
    told = {**TOLD, "dataset": hostile, "assumed": [hostile]}
    study = conduct(chosen, lab, list(range(6)), told, tmp_path / "s", head={}, workers=0)
    page = (tmp_path / "s/study.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page
    assert "\x1b" not in repr(study)


def test_the_page_asks_for_nothing_from_anywhere(tmp_path):
    run(tmp_path / "s")
    page = (tmp_path / "s/study.html").read_text(encoding="utf-8")
    for word in ("http://", "https://", "src=", "@import", "url(", "<link"):
        assert word not in page
    assert page.count("<svg") >= 5  # the forest, and a plot for each of 4 arms
