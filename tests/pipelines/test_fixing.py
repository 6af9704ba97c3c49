"""A repaired folder: what is in it, that it comes whole, and that there is a way back."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.config import Config
from datacheck.errors import DatacheckError, SourceError, UsageError
from datacheck.pipelines.fixing import fix
from datacheck.pipelines.pipeline import Pipeline
from datacheck.pipelines.plan import Plan, Step
from datacheck.pipelines.repairing import folder
from datacheck.pipelines.undoing import undo

ROOT = Path(__file__).parents[2]
CLINIC = ROOT / "fixtures" / "clinic"


def digests(path: Path) -> dict[str, str]:
    files = sorted(p for p in path.rglob("*") if p.is_file())
    return {str(p.relative_to(path)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def sick(rows: int = 400, seed: int = 0) -> dict[str, pl.DataFrame]:
    """Two splits with gaps, repeated rows, leaked rows, a sentinel and far scales."""
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "id": [f"r{i:05}" for i in range(rows)],
            "a": rng.normal(5, 2, rows).round(3),
            "b": (rng.normal(0, 1, rows) * 1e5).round(1),
            "c": rng.choice(["red", "green", "blue", "?"], rows, p=[0.5, 0.3, 0.17, 0.03]),
            "k": rng.integers(0, 50, rows),
            "label": rng.integers(0, 2, rows),
        }
    )
    gaps = rng.random(rows) < 0.05
    frame = frame.with_columns(a=pl.when(pl.Series(~gaps)).then("a"))
    cut = rows * 3 // 4
    train, test = frame[:cut], frame[cut:]
    return {"train": pl.concat([train, train[:9], test[:6]]), "test": test}


def written(to: Path, form: str, data: dict[str, pl.DataFrame] | None = None) -> Path:
    """The splits as files of a format."""
    to.mkdir(parents=True)
    for split, frame in (data or sick()).items():
        if form == "parquet":
            frame.write_parquet(to / f"{split}.parquet")
        elif form == "arrow":
            frame.write_ipc(to / f"{split}.arrow")
        elif form == "jsonl":
            frame.write_ndjson(to / f"{split}.jsonl")
        elif form == "csv.gz":
            (to / f"{split}.csv.gz").write_bytes(gzip.compress(frame.write_csv().encode()))
        elif form == "tsv":
            frame.write_csv(to / f"{split}.tsv", separator="\t")
        else:
            frame.write_csv(to / f"{split}.csv")
    return to


FORMS = ["csv", "csv.gz", "tsv", "jsonl", "parquet", "arrow"]


@pytest.mark.parametrize("form", FORMS)
def test_every_format_is_mended_and_undone(tmp_path, form):
    source = written(tmp_path / "data", form)
    was = digests(source)
    before = datacheck.audit(source)
    assert {"LB004", "LK001", "MV001", "MV003", "NM002"} <= {f.rule for f in before.findings}
    done = fix(source, tmp_path / "clean")
    assert sorted(p.name for p in (tmp_path / "clean").iterdir() if p.suffix != ".json") == sorted(
        [*was, "datacheck.toml", "originals", "plan.toml", "quarantine"]
    )
    after = datacheck.audit(tmp_path / "clean", config=Config.load(None, tmp_path / "clean"))
    assert [f.message for f in after.findings] == []
    assert digests(source) == was
    assert undo(tmp_path / "clean", tmp_path / "back") == sorted(was, reverse=True)
    assert digests(tmp_path / "back") == was
    gone = {d.step.repair: d.rows for d in done.done}
    assert gone["drop-from-train"] == 6
    assert gone["drop-duplicates"] == 9
    lines = (tmp_path / "clean/quarantine/rows.jsonl").read_text().splitlines()
    left = [json.loads(line) for line in lines]
    assert {one["rules"] for one in left} == {"LK001", "LB004"}
    assert {one["split"] for one in left} == {"train"}


@pytest.mark.parametrize("form", FORMS)
def test_all_formats_come_to_the_same_values(tmp_path, form):
    fix(written(tmp_path / "data", form), tmp_path / "clean")
    fix(written(tmp_path / "csv", "csv"), tmp_path / "other")
    plan = Plan()

    def read(path: Path) -> list[pl.DataFrame]:
        frames = fix({s: next(path.glob(f"{s}.*")) for s in ("train", "test")}, dry_run=True,
                     plan=plan)  # fmt: skip
        assert frames.dry
        out = []
        for split in ("train", "test"):
            file = next(path.glob(f"{split}.*"))
            match "".join(file.suffixes):
                case ".parquet":
                    out.append(pl.read_parquet(file))
                case ".arrow":
                    out.append(pl.read_ipc(file))
                case ".jsonl":
                    out.append(pl.read_ndjson(file))
                case suffix:
                    out.append(pl.read_csv(file, separator="\t" if suffix == ".tsv" else ","))
        return out

    for mine, theirs in zip(read(tmp_path / "clean"), read(tmp_path / "other"), strict=True):
        assert mine.columns == theirs.columns
        assert mine["c"].equals(theirs["c"])
        for name in ("a", "b", "k"):
            np.testing.assert_allclose(
                mine[name].cast(pl.Float64), theirs[name].cast(pl.Float64), rtol=1e-12
            )


def test_one_file_with_a_split_column(tmp_path):
    data = sick()
    marked = [f.with_columns(fold=pl.lit(s)) for s, f in data.items()]
    whole = pl.concat(marked).sample(fraction=1, shuffle=True, seed=1)
    source = tmp_path / "data"
    source.mkdir()
    whole.write_csv(source / "all.csv")
    was = digests(source)
    fix(source, tmp_path / "clean")
    expected = fix(data).frames
    mended = pl.read_csv(tmp_path / "clean/all.csv")
    for split, frame in expected.items():
        mine = mended.filter(fold=split).drop("fold").sort("id", maintain_order=True)
        theirs = frame.sort("id", maintain_order=True)
        assert set(mine.columns) == set(theirs.columns)
        assert mine["id"].equals(theirs["id"])
        assert mine["c"].equals(theirs["c"])
        for name in ("a", "b", "k"):
            np.testing.assert_allclose(mine[name], theirs[name], rtol=1e-9, atol=1e-12)
    after = datacheck.audit(tmp_path / "clean", config=Config.load(None, tmp_path / "clean"))
    assert [f.message for f in after.findings] == []
    undo(tmp_path / "clean", tmp_path / "back")
    assert digests(tmp_path / "back") == was


@pytest.mark.parametrize("spelled", ["X_{}", "{}_x", "x{}", "{}"])
def test_an_archive_of_arrays(tmp_path, spelled):
    data = sick()
    source = tmp_path / "data"
    source.mkdir()
    arrays: dict[str, Any] = {}
    for split, frame in data.items():
        wide = frame.select(pl.col("a").fill_null(np.nan), "b", pl.col("k").cast(pl.Float64))
        if spelled == "{}":
            arrays |= {f"{split}-{c}": frame[c].to_numpy() for c in ("a", "b", "k", "label")}
        else:
            arrays |= {spelled.format(split): wide.to_numpy()}
            arrays |= {spelled.replace("x", "y").replace("X", "y").format(split): frame["label"]}
    np.savez(source / "data.npz", **arrays)
    was = digests(source)
    fix(source, tmp_path / "clean")
    with np.load(tmp_path / "clean/data.npz") as loaded:
        assert set(arrays) < set(loaded.files)
        assert len(loaded.files) == len(arrays) + 2
    after = datacheck.audit(tmp_path / "clean", config=Config.load(None, tmp_path / "clean"))
    assert [f.message for f in after.findings] == []
    undo(tmp_path / "clean", tmp_path / "back")
    assert digests(tmp_path / "back") == was


def test_an_array_of_pixels_keeps_them_all(tmp_path):
    from sklearn.datasets import load_digits

    images, y = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8) / 16
    source = tmp_path / "digits.npz"
    np.savez(
        source, x_train=images[:1200] * 2 - 1, y_train=y[:1200], x_test=images[1200:],
        y_test=y[1200:],
    )  # fmt: skip
    dry = fix(source, dry_run=True, unsafe=True)
    done = fix(source, tmp_path / "clean", unsafe=True)
    assert [(d.step, d.rows, d.values) for d in dry.done] == [
        (d.step, d.rows, d.values) for d in done.done
    ]
    assert "drop-column leaves x0, x32, x39: parts of an array stay together" in done.said
    with np.load(tmp_path / "clean/digits.npz") as loaded:
        assert loaded["x_test"].shape == (597, 8, 8)
        # What is not dropped is brought back to train's scale like all the others.
        np.testing.assert_allclose(loaded["x_test"][:, 0, 0], -1.0)


def test_memory_and_files_come_to_the_same(tmp_path):
    data = sick()
    fixed = fix(data)
    fix(written(tmp_path / "data", "parquet", data), tmp_path / "clean")
    for split, frame in fixed.frames.items():
        assert pl.read_parquet(tmp_path / f"clean/{split}.parquet").equals(frame)


def test_the_saved_pipeline_does_at_serving_time_what_the_repair_did(tmp_path):
    data = sick()
    fix(written(tmp_path / "data", "parquet", data), tmp_path / "clean")
    pipeline = Pipeline.load(tmp_path / "clean/pipeline.json")
    served = pipeline.transform(data["test"].drop("label"), split="test")
    expected = pl.read_parquet(tmp_path / "clean/test.parquet").drop("label")
    assert served.select(expected.columns).equals(expected)
    assert pipeline.fitted_on is not None
    assert pipeline.fitted_on.rows == data["train"].height - 15


def test_nothing_is_fitted_on_held_out_rows(tmp_path):
    data = sick()
    other = {**data, "test": data["test"].with_columns(a=pl.col("a") * 7 + 3, b=-pl.col("b"))}
    plan = Plan(
        (
            Step("impute-with-indicator", columns=("a", "c")),
            Step("standardize", columns=("a", "b", "k")),
            Step("winsorize", columns=("b",), safety="unsafe"),
            Step("map-to-other", columns=("c",)),
        )
    )
    one, two = (fix(d, plan=plan, unsafe=True).pipeline for d in (data, other))
    assert one.to_dict() == two.to_dict()


def test_a_dry_run_says_what_the_repair_then_does(tmp_path):
    source = written(tmp_path / "data", "csv")
    dry = fix(source, dry_run=True)
    wet = fix(source, tmp_path / "clean")
    assert [(d.step, d.rows, dict(d.values)) for d in dry.done] == [
        (d.step, d.rows, dict(d.values)) for d in wet.done
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clean", "data"]
    manifest = json.loads((tmp_path / "clean/manifest.json").read_text())
    assert manifest["quarantined"] == 15
    assert [s["rows"] for s in manifest["steps"]] == [d.rows for d in wet.done]


def test_what_is_said_can_be_run_and_read(tmp_path):
    source = written(tmp_path / "data", "csv")
    plan = Plan((Step("drop-duplicates"), Step("winsorize", columns=("a",), safety="unsafe")))
    said = repr(fix(source, tmp_path / "so clean", plan=plan))
    assert said.startswith("datacheck · data · ")
    assert "9 rows left\n" in said
    assert "(--unsafe): winsorize\n" in said
    assert f"next: datacheck audit '{tmp_path}/so clean'" in said


def test_a_plan_is_run_as_it_was_edited(tmp_path):
    source = written(tmp_path / "data", "csv")
    path = tmp_path / "plan.toml"
    datacheck.audit(source).plan().save(path)
    text = path.read_text()
    assert 'repair = "drop-duplicates"' in text
    assert 'why = "9 of' in text
    path.write_text('version = 1\n[[step]]\nrepair = "min-max-scale"\ncolumns = ["b"]\n')
    fix(source, tmp_path / "clean", plan=path)
    b = pl.read_csv(tmp_path / "clean/train.csv")["b"]
    assert (b.min(), b.max()) == (0.0, 1.0)
    untouched = [c for c in sick()["train"].columns if c != "b"]
    assert pl.read_csv(tmp_path / "clean/train.csv").select(untouched).equals(
        pl.read_csv(source / "train.csv").select(untouched)
    )


def test_files_without_a_repair_are_the_same_bytes(tmp_path):
    source = written(tmp_path / "data", "csv")
    (source / "test.csv").write_bytes(b'id,a,b,c,k,label\r\nq1, 1,2,"x, y",3,0\r\n"q2",,,,,1\r\n')
    fix(source, tmp_path / "clean", plan=Plan((Step("drop-duplicates"),)))
    assert (tmp_path / "clean/test.csv").read_bytes() == (source / "test.csv").read_bytes()
    assert not (tmp_path / "clean/originals/test.csv").exists()


def test_rows_that_no_repair_touched_keep_their_spelling(tmp_path):
    source = tmp_path / "data"
    source.mkdir()
    rows = [f'r{i},"{i * 37 % 101}.50",say ""{i}"",{i % 2}' for i in range(40)]
    (source / "train.csv").write_text("\n".join(["id,x,t,label", *rows, rows[3]]) + "\n")
    (source / "test.csv").write_text("id,x,t,label\nz,1.50,q,1\n")
    plan = Plan((Step("drop-duplicates"),))
    fix(source, tmp_path / "clean", plan=plan, id=["id"])
    assert (tmp_path / "clean/train.csv").read_text() == "\n".join(["id,x,t,label", *rows]) + "\n"


# -- refusals ----------------------------------------------------------------------------------


def test_what_is_there_is_never_overwritten(tmp_path):
    source = written(tmp_path / "data", "csv")
    (tmp_path / "clean").mkdir()
    with pytest.raises(UsageError, match="is there already"):
        fix(source, tmp_path / "clean")
    with pytest.raises(UsageError, match="no folder"):
        fix(source, tmp_path / "no" / "clean")
    assert list((tmp_path / "clean").iterdir()) == []


def test_the_result_lies_outside_the_source(tmp_path, monkeypatch):
    source = written(tmp_path / "data", "csv")
    was = digests(source)
    (tmp_path / "link").symlink_to(source)
    (source / "sub").mkdir()
    for inside in (source / "clean", tmp_path / "link/clean", source / "sub/clean"):
        with pytest.raises(UsageError, match="only read") as caught:
            fix(source, inside)
        assert str(tmp_path / "clean") in caught.value.hint
    monkeypatch.chdir(source)
    with pytest.raises(UsageError, match="only read"):
        fix(".", "clean")
    fix(source, tmp_path / "clean")
    with pytest.raises(UsageError, match="only read"):
        undo(tmp_path / "clean", tmp_path / "clean/back")
    assert digests(source) == was


def test_a_place_that_takes_no_folder_is_told(tmp_path):
    source = written(tmp_path / "data", "csv")
    with pytest.raises(DatacheckError, match="was not made") as caught:
        fix(source, tmp_path / ("n" * 250))
    assert "nothing is left" in caught.value.hint
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Step("standardize", columns=("z",)), "which the data lacks"),
        (Step("standardize", columns=("label",)), "is the label"),
        (Step("invert-transform", columns=("a",), splits=("dev",)), "names the split 'dev'"),
        (Step("impute-with-indicator", columns=("a",), params={"number": "magic"}), "magic"),
        (Step("invert-transform", columns=("a",), params={"curve": "sinh"}), "sinh"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(tmp_path, step, said):
    with pytest.raises(UsageError, match=said) as caught:
        fix(sick(), plan=Plan((step,)))
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "", "version = 2", "version = 1\nwhat = 3", "step = 1", "version = 1\nstep = [1]",
        "version = 1\n[[step]]\nrepair = 'nope'", "version = 1\n[[step]]",
        "version = 1\n[[step]]\nrepair='winsorize'\nk='six'",
        "version = 1\n[[step]]\nrepair='winsorize'\ncolumns='a'",
        "version = 1\n[[step]]\nrepair='winsorize'\nsafety='sure'",
        "version = 1\n[[step]]\nrepair='truncate'",
        "\x00", "version = 1\n[[step",
    ],
)  # fmt: skip
def test_a_broken_plan_is_refused_with_a_hint(text):
    with pytest.raises(UsageError) as caught:
        Plan.from_toml(text)
    assert caught.value.hint


def test_no_file_makes_an_unsafe_repair_safe():
    plan = Plan.from_toml("version = 1\n[[step]]\nrepair='winsorize'\nsafety='safe'\ncolumns=['a']")
    assert plan.steps[0].safety == "unsafe"
    assert plan.ready().steps == ()


# -- undo --------------------------------------------------------------------------------------


def test_undo_refuses_what_is_not_whole(tmp_path):
    fix(written(tmp_path / "data", "csv"), tmp_path / "clean")
    with pytest.raises(SourceError, match=r"manifest\.json"):
        undo(tmp_path / "data", tmp_path / "back")
    original = tmp_path / "clean/originals/train.csv"
    kept = original.read_bytes()
    original.write_bytes(kept + b"x")
    with pytest.raises(SourceError, match="not the original"):
        undo(tmp_path / "clean", tmp_path / "back")
    original.unlink()
    with pytest.raises(SourceError, match="missing"):
        undo(tmp_path / "clean", tmp_path / "back")
    assert not (tmp_path / "back").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clean", "data"]


def test_undo_reads_nothing_from_elsewhere(tmp_path):
    source = written(tmp_path / "data", "csv")
    fix(source, tmp_path / "clean")
    (tmp_path / "clean/originals").rename(tmp_path / "elsewhere")
    (tmp_path / "clean/originals").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match="missing"):
        undo(tmp_path / "clean", tmp_path / "back")
    (tmp_path / "link").symlink_to(tmp_path / "clean")  # but a link to the whole folder is one
    (tmp_path / "clean/originals").unlink()
    (tmp_path / "elsewhere").rename(tmp_path / "clean/originals")
    undo(tmp_path / "link", tmp_path / "back")
    assert digests(tmp_path / "back") == digests(source)


@pytest.mark.parametrize("name", ["../x.csv", "/etc/passwd", "", "a/../../x"])
def test_a_manifest_cannot_lead_out_of_the_folder(tmp_path, name):
    fix(written(tmp_path / "data", "csv"), tmp_path / "clean")
    path = tmp_path / "clean/manifest.json"
    told = json.loads(path.read_text())
    told["files"][0]["file"] = name
    path.write_text(json.dumps(told))
    with pytest.raises(SourceError, match="leads out"):
        undo(tmp_path / "clean", tmp_path / "back")


# -- whole or not at all -----------------------------------------------------------------------


def run(*arguments: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "datacheck", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("times", [8, pytest.param(40, marks=pytest.mark.study)])
def test_a_kill_at_any_moment_leaves_all_or_nothing(tmp_path, times):
    data = {s: pl.concat([f] * 40) for s, f in sick().items()}
    source = written(tmp_path / "data", "csv", data)
    was = digests(source)
    plan = tmp_path / "plan.toml"
    datacheck.audit(source).plan().save(plan)
    clean = tmp_path / "clean"
    began = time.perf_counter()
    with run("fix", source, "-o", clean, "--plan", plan) as whole:
        assert whole.wait() == 0
    took = time.perf_counter() - began
    expected = digests(clean)
    draw = random.Random(20)
    for i in range(times):  # one in each part of the time that the whole takes
        os.system(f"rm -rf {clean}")
        with run("fix", source, "-o", clean, "--plan", plan) as process:
            time.sleep((0.2 + 0.8 * (i + draw.random()) / times) * took)
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert digests(source) == was
        if clean.exists():
            assert digests(clean) == expected
    os.system(f"rm -rf {clean}")
    with run("fix", source, "-o", clean, "--plan", plan) as last:
        assert last.wait() == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clean", "data", "plan.toml"]


def test_only_what_a_killed_run_left_is_removed(tmp_path):
    source = written(tmp_path / "data", "csv")
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    left = tmp_path / f".cl[e]an.{dead.pid}-0123abcd"
    others = [".clean.1-x", f".other.{dead.pid}-0123abcd", f".cl[e]an.{dead.pid}-notes", ".c-l"]
    running = tmp_path / f".cl[e]an.{os.getpid()}-0123abcd"
    for one in (left, running, *(tmp_path / o for o in others)):
        one.mkdir()
        (one / "file").write_text("x")
    fix(source, tmp_path / "cl[e]an")
    assert not left.exists()
    fix(source, tmp_path / "*")
    for one in others:
        assert (tmp_path / one / "file").is_file()
    assert running.is_dir()


def test_an_interrupt_leaves_nothing(tmp_path):
    data = {s: pl.concat([f] * 900) for s, f in sick().items()}
    source = written(tmp_path / "data", "csv", data)
    for _ in range(5):
        with run("fix", source, "-o", tmp_path / "clean") as process:
            while not list(tmp_path.glob(".clean.*")) and process.poll() is None:
                time.sleep(0.005)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate()
        assert b"Traceback" not in said
        if process.returncode:
            break
        # On a busy machine the signal came when all was done: then all of it is there.
        undo(tmp_path / "clean", tmp_path / "back")
        assert digests(tmp_path / "back") == digests(source)
        shutil.rmtree(tmp_path / "clean")
        shutil.rmtree(tmp_path / "back")
    assert process.returncode == 130, said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_full_disk_is_a_clear_error(tmp_path, form):
    source = written(tmp_path / "data", form, sick(20_000))
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "from datacheck.cli.app import main\n"
        f"sys.argv = ['datacheck', 'fix', {str(source)!r}, '-o', {str(tmp_path / 'clean')!r}]\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "no space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]


def test_two_names_for_full():
    assert folder.full(OSError(28, "No space left on device"))
    assert folder.full(pl.exceptions.ComputeError("No space left on device (os error 28)"))
    assert not folder.full(OSError(2, "No such file"))


# -- broken records ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_broken_records_leave_train_and_stay_in_test(tmp_path, form):
    source = written(tmp_path / "data", form)
    junk = {"csv": "a,b,c\n", "jsonl": "{broken\n"}[form]
    for split in ("train", "test"):
        path = source / f"{split}.{form}"
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join([*lines[:50], junk, *lines[50:], junk]))
    was = digests(source)
    fix(source, tmp_path / "clean")
    lines = (tmp_path / "clean/quarantine/rows.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines]
    broken = [one for one in told if one["rules"] == "MV006"]
    assert [(one["split"], one["text"]) for one in broken] == [("train", junk.strip())] * 2
    lines = (tmp_path / f"clean/test.{form}").read_text().splitlines(keepends=True)
    assert [i for i, line in enumerate(lines) if line == junk] == [50, len(lines) - 1]
    undo(tmp_path / "clean", tmp_path / "back")
    assert digests(tmp_path / "back") == was


def test_a_file_that_breaks_off_is_told(tmp_path):
    source = written(tmp_path / "data", "csv.gz", sick(4000))
    path = source / "test.csv.gz"
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(DatacheckError, match="breaks off"):
        fix(source, tmp_path / "clean")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]


def test_hostile_values_stay_text(tmp_path):
    source = tmp_path / "data"
    source.mkdir()
    bad = ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "\x1b[31mred", "a,b", 'q"q', "plain"]
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "^x$": rng.normal(size=60),
            "*": rng.normal(size=60) * 1e6,
            "t": bad * 10,
            "label": rng.integers(0, 2, 60),
        }
    ).with_columns(pl.when(pl.int_range(60) % 9 > 0).then(pl.col("label")).alias("label"))
    frame.write_csv(source / "train.csv")
    frame.head(20).write_csv(source / "test.csv")
    done = fix(source, tmp_path / "clean", label="label")
    assert "\x1b" not in repr(done)
    text = pl.read_csv(tmp_path / "clean/test.csv")["t"].to_list()
    assert text == (bad * 4)[:20]
