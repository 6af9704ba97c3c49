"""``datacheck audit --run``: recorded runs, judged from the command line."""

import json
import math
from pathlib import Path

import jsonschema
import pytest

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "datacheck" / "report" / "schema.json").read_text("utf-8")
)


def write(path, n=200, rows=True, **changes):
    """A record of ``n`` steps with a loss of about 1; ``loss={40: math.nan}`` changes some."""
    lines = [json.dumps({"version": 1, "kind": "start", "reference": 2.3})]
    for i in range(n):
        loss = changes.get("loss", {}).get(i, 1 + 0.05 * math.sin(i * i))
        entry = {"kind": "step", "step": i, "loss": loss, "clipped": changes.get("clipped", False)}
        if not math.isfinite(loss):
            entry |= {"loss": None, "loss_is": str(loss)}
        if rows:
            entry["rows"] = [(4 * i + j) % 120 for j in range(4)]
            share = 50.0 if i in changes.get("loss", {}) else 1.0
            entry["row_loss"] = [1.0, 1.0, 1.0, share]
        lines.append(json.dumps(entry))
    lines.append(json.dumps({"kind": "end", "steps": n}))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def report(done):
    out = json.loads(done.stdout)
    jsonschema.validate(out, SCHEMA)
    return out


def test_a_run_alone(run, here):
    write(here / "run.jsonl", loss={40: math.nan})
    done = run("audit", "--run", "run.jsonl", "--format", "json")
    assert done.exit_code == 1
    out = report(done)
    assert [f["rule"] for f in out["findings"]] == ["ST001"]
    assert out["dataset"]["runs"] == [
        {"name": "run.jsonl", "steps": 200, "evaluations": 0, "splits": [], "ended": True}
    ]
    assert {o["rule"] for o in out["not_checked"]} == {
        "ST003", "ST004", "ST006", "ST007", "ST008",
    }  # fmt: skip


def test_in_the_terminal(run, here):
    write(here / "run.jsonl", loss={40: math.nan})
    done = run("audit", "--run", "run.jsonl")
    assert done.exit_code == 1
    assert "run  run.jsonl: 200 steps" in done.stdout
    assert "ERROR ST001" in done.stdout
    assert "the loss is NaN at step 40" in done.stdout
    assert "columns" not in done.stdout
    assert "more: datacheck rule ST001" in done.stdout
    brief = run("audit", "--run", "run.jsonl", "--quiet").stdout.splitlines()
    assert [line.split()[0] for line in brief] == ["ST001", "1"]


def test_exit_codes(run, here):
    write(here / "good.jsonl")
    write(here / "clipped.jsonl", clipped=True)
    assert run("audit", "--run", "good.jsonl").exit_code == 0
    assert run("audit", "--run", "clipped.jsonl").exit_code == 0, "a warning"
    assert run("audit", "--run", "clipped.jsonl", "--fail-on", "warning").exit_code == 1
    assert run("audit", "--run", "clipped.jsonl", "--ignore", "ST009").exit_code == 0
    assert run("audit", "--run", "nowhere.jsonl").exit_code == 2
    (here / "not.jsonl").write_text("{}\n", "utf-8")
    done = run("audit", "--run", "not.jsonl")
    assert done.exit_code == 2
    assert "not a record" in done.stderr


def test_severity_option_and_suppression(run, here):
    write(here / "run.jsonl", clipped=True, loss={40: math.nan})
    (here / "datacheck.toml").write_text(
        '[rules.ST009]\nseverity = "error"\nshare = 0.5\n[rules.ST001]\nallowed = 1\n'
        '[[suppress]]\nrule = "clipping-always"\nreason = "meant so"\n',
        "utf-8",
    )
    out = report(run("audit", "--run", "run.jsonl", "--format", "json"))
    assert out["findings"] == []
    assert out["suppressed"] == [
        {"rule": "ST009", "splits": [], "columns": [], "reason": "meant so"}
    ]


def test_a_baseline_knows_a_finding_of_a_run(run, here):
    write(here / "run.jsonl", loss={40: math.nan})
    done = run("audit", "--run", "run.jsonl", "--write-baseline", "known.json")
    assert done.exit_code == 0
    again = run("audit", "--run", "run.jsonl", "--baseline", "known.json")
    assert again.exit_code == 0
    assert "1 known finding in the baseline" in again.stdout


def test_several_runs_say_which_is_which(run, here):
    write(here / "a.jsonl", loss={40: math.nan})
    write(here / "b.jsonl", clipped=True)
    out = report(run("audit", "--run", "a.jsonl", "--run", "b.jsonl", "--format", "json"))
    assert [(f["rule"], f["message"][:9]) for f in out["findings"]] == [
        ("ST001", "a.jsonl: "), ("ST009", "b.jsonl: "),
    ]  # fmt: skip
    assert [r["name"] for r in out["dataset"]["runs"]] == ["a.jsonl", "b.jsonl"]
    assert out["dataset"]["name"] == "2 runs"


def test_with_the_data_rows_are_named_and_both_are_judged(run, data):
    write(data.parent / "run.jsonl", loss={40: 30.0, 100: 40.0})
    arguments = ("audit", "data", "--run", "run.jsonl", "--format", "json")
    out = report(run(*arguments, "--select", "LK001,ST"))
    assert [f["rule"] for f in out["findings"]] == ["LK001", "ST002"]
    spike = out["findings"][1]
    # The address of a row of a CSV file is its line; 4·40 + 3 and 4·100 + 3 are both 43 of 120.
    assert spike["evidence"]["suspects"] == ["train/train.csv:43"]
    assert list(out["dataset"]["splits"]) == ["train", "test"]
    assert out["timing"]["judge runs"] > 0
    alone = report(run(*arguments, "--select", "ST002"))
    assert [f["rule"] for f in alone["findings"]] == ["ST002"]
    assert alone["findings"][0]["evidence"]["suspects"] == spike["evidence"]["suspects"]


def test_rows_that_an_audit_had_named(run, data):
    """The first ten rows of train stand in test too (LK001); one of them is behind the spike."""
    lines = []
    path = write(data.parent / "run.jsonl", loss={100: 40.0})
    for text in path.read_text("utf-8").splitlines():
        entry = json.loads(text)
        if entry.get("step") == 100:
            entry["rows"] = [50, 51, 52, 2]
        lines.append(json.dumps(entry))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    out = report(
        run("audit", "data", "--run", "run.jsonl", "--format", "json", "--select", "LK001,ST002")
    )
    assert out["findings"][1]["evidence"]["named"] == {"LK001": 1}
    assert "already named by rules: LK001 1" in out["findings"][1]["message"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--run", "run.jsonl", "--select", "LK"), "no rule is chosen that judges a run"),
        (("data", "--select", "ST"), "only a recorded training run"),
        (("data", "--select", "DL"), "only a loader"),
        (("data", "--select", "DL", "--run", "run.jsonl"), "no rule is chosen that judges a run"),
        ((), "nothing to audit"),
    ],
)
def test_what_cannot_be(run, data, arguments, said):
    write(data.parent / "run.jsonl")
    done = run("audit", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_families_of_a_config_that_serves_both(run, data):
    """``select`` in a file may name both; an audit of data alone takes what is of data."""
    (data.parent / "datacheck.toml").write_text('select = ["LK001", "ST"]\n', "utf-8")
    out = report(run("audit", "data", "--format", "json"))
    assert [f["rule"] for f in out["findings"]] == ["LK001"]
    assert out["not_checked"] == []


def test_judging_a_run_does_without_torch(here):
    from tests.test_public import COMMAND, loaded

    write(here / "run.jsonl")
    code = COMMAND.format(arguments=["audit", "--run", "run.jsonl"])
    assert loaded(code, "torch", "pandas", "sklearn", "scipy.stats", cwd=here) == []


def test_the_rules_behind_spikes(run, here):
    """Rows a hundred times too large, named by the audit of the data: they are the cause."""
    import numpy as np

    rng = np.random.default_rng(0)
    n, size, bad = 480, 8, [33, 150, 400]
    x = rng.normal(size=(n, 2))
    x[bad] *= 1e5
    lines = [f"{a},{b},{i % 2}" for i, (a, b) in enumerate(x)]
    (here / "data").mkdir()
    (here / "data" / "train.csv").write_text("\n".join(["a,b,label", *lines]) + "\n", "utf-8")
    told = [json.dumps({"version": 1, "kind": "start", "reference": 1.0})]
    for epoch in range(5):
        order = rng.permutation(n)
        for i in range(0, n, size):
            rows = order[i : i + size]
            own = np.where(np.isin(rows, bad), 300.0, 1.0) * rng.lognormal(0, 0.3, size)
            step = {"kind": "step", "step": len(told) - 1, "epoch": epoch, "loss": own.mean()}
            # The address of a row of a CSV file is its line; the first is the header.
            told.append(json.dumps({**step, "rows": (rows + 2).tolist(), "row_loss": own.tolist()}))
    (here / "run.jsonl").write_text("\n".join(told) + "\n", "utf-8")
    done = run("audit", "data", "--label", "label", "--run", "run.jsonl", "--format", "json")
    spike = next(f for f in report(done)["findings"] if f["rule"] == "ST002")
    assert spike["evidence"]["cause"] == "data"
    assert spike["evidence"]["associations"]["NM005"]["low"] > 1
    assert [a.rsplit(":")[-1] for a in spike["evidence"]["cause_rows"]] == ["35", "152", "402"]
    assert "cause: data (" in run("audit", "data", "--label", "label", "--run", "run.jsonl").stdout
