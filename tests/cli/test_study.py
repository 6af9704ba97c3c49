from __future__ import annotations

import json
import re

import numpy as np
import pytest


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two features, one with holes, and a label that the other tells."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, n in (("train", 160), ("test", 80)):
        x = rng.normal(size=(n, 2))
        y = (x[:, 0] + 0.3 * rng.normal(size=n) > 0).astype(int)
        lines = ["a,b,label"]
        for i in range(n):
            hole = name == "train" and i % 16 == 0
            b = "" if hole else f"{x[i, 1]:.4f}"
            lines.append(f"{x[i, 0]:.4f},{b},{'no' if y[i] else 'yes'}")
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


SMALL = ("--seeds", "6", "--steps", "24", "--workers", "0", "--label", "label")
LEAST = ("--seeds", "1", "--steps", "20", "--workers", "0", "--label", "label")  # no verdict


def test_a_study_from_a_folder_to_a_table(run, folder):
    done = run("study", "data", *SMALL, "-o", "out")
    assert done.exit_code == 0, done.stderr
    told = json.loads((folder / "out/study.json").read_text(encoding="utf-8"))
    (one,) = [r for r in told["repairs"] if "MV001" in r["rules"]]
    assert (one["verdict"], one["metric"]) == ("reduces", "NFR")
    assert "MV001" in done.stdout
    assert re.search(r"non-finite steps +\d+\.\d% → 0\.0%", done.stdout)
    assert "placebo" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 90
    assert sorted(p.name for p in (folder / "out").iterdir()) == [
        "results.jsonl", "study.html", "study.json", "timing.json",
    ]  # fmt: skip
    before = (folder / "out/study.json").read_bytes()
    assert run("study", "data", *SMALL, "-o", "out").stdout == done.stdout
    assert (folder / "out/study.json").read_bytes() == before


def test_a_study_with_a_budget_goes_on_with_its_size(run, folder):
    line = ("study", "data", "--budget", "1s", "--workers", "0", "--label", "label", "-o", "out",
            "--repairs", "MV001")  # fmt: skip
    assert run(*line).exit_code == 0
    first = json.loads((folder / "out/study.json").read_text(encoding="utf-8"))
    assert len(first["seeds"]) >= 6
    results = folder / "out/results.jsonl"
    lines = results.read_bytes().splitlines(keepends=True)
    results.write_bytes(b"".join(lines[: len(lines) // 2]))
    want = (folder / "out/study.json").read_bytes()
    assert run(*line).exit_code == 0
    assert (folder / "out/study.json").read_bytes() == want


def test_one_file_is_divided(run, folder):
    (folder / "one.csv").write_text((folder / "data/train.csv").read_text())
    done = run("study", "one.csv", *LEAST, "-o", "out")
    assert done.exit_code == 0, done.stderr
    assert "held out to evaluate on" in " ".join(done.stdout.split())


def test_only_some_repairs(run, folder):
    done = run("study", "data", *LEAST, "-o", "out", "--repairs", "LK, NM001")
    assert done.exit_code == 0
    assert "the plan holds no repair" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["study"], "nothing to study"),
        (["study", "data", "--budget", "soon"], "a budget of 'soon'"),
        (["study", "data", "--seeds", "0"], "seeds is 0"),
        (["study", "data", "--lr", "-1"], "lr is -1"),
        (["study", "data", "--evaluate", "val"], "no split 'val' to evaluate on"),
        (["study", "data", "--preset", "magic"], "no preset 'magic'"),
        (["study", "data", "-o", "data"], "data holds test.csv, train.csv and no study"),
        (["study", "data", "--repairs", "ZZ"], "ZZ"),
    ],
)
def test_mistakes_are_told(run, folder, arguments, said):
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "hint: " in done.stderr
    assert not (folder / "study").exists()


def test_a_folder_of_another_study_is_refused(run, folder):
    assert run("study", "data", *LEAST, "-o", "out").exit_code == 0
    done = run("study", "data", *LEAST, "-o", "out", "--batch", "16")
    assert done.exit_code == 2
    assert "a study of something else: options differ" in done.stderr


def test_names_from_the_data_are_no_markup(run, folder):
    for name in ("train", "test"):
        path = folder / f"data/{name}.csv"
        path.write_text(path.read_text().replace("a,b,label", "a,<b>&\x1b[31m,label"))
    done = run("study", "data", *LEAST, "-o", "out")
    assert done.exit_code == 0, done.stderr
    page = (folder / "out/study.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;&amp;" in page
    assert "<b>&" not in page
    assert "\x1b" not in page + done.stdout
