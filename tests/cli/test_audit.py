"""``datacheck audit``: each flag does something that can be seen."""

import csv
import gzip
import io
import json
import os
import re
import stat
from contextlib import contextmanager
from pathlib import Path

import pytest

from datacheck.cli import output
from datacheck.engines import local
from datacheck.report import progress
from tests.cli.conftest import HEAD, SELECT, TEST, TRAIN, write
from tests.reports import HOSTILE


@pytest.fixture
def audit(run):
    """``audit(…)`` → the report as JSON and click's result; judges by three rules."""

    def go(*arguments, select=SELECT):
        done = run("audit", *arguments, "--select", select, "--format", "json")
        assert done.exit_code in (0, 1), done.stderr
        return json.loads(done.stdout), done

    return go


def roles(report):
    return {
        name: column["role"]
        for name, column in report["dataset"]["columns"].items()
        if column["role"] != "feature"
    }


def rows(report):
    return {name: split["rows"] for name, split in report["dataset"]["splits"].items()}


def codes(report):
    return [f["rule"] for f in report["findings"]]


# -- what is audited --------------------------------------------------------------------------


def test_a_folder(audit, data):
    report, done = audit("data")
    assert done.exit_code == 1
    assert rows(report) == {"train": 120, "test": 40}
    assert codes(report) == ["LK001", "MV001", "MV005"]
    assert report["findings"][0]["count"] == 10


def test_splits_by_flag(audit, data):
    train, test = data / "train.csv", data / "test.csv"
    report, _ = audit("--train", train, "--val", test, "--test", test)
    assert rows(report) == {"train": 120, "val": 40, "test": 40}
    report, _ = audit("--train", train, "--split", f"holdout={test}")
    assert rows(report) == {"train": 120, "holdout": 40}
    assert codes(report)[0] == "LK001"


def test_one_file_has_one_split(audit, data):
    report, done = audit(data / "train.csv")
    assert list(rows(report).values()) == [120]
    assert "LK001" in [line["rule"] for line in report["not_checked"]]
    assert done.exit_code == 0


def test_a_split_column(audit, here):
    lines = [f"{row},fit" for row in TRAIN] + [f"{row},test" for row in TEST]
    write(here / "all.csv", lines, HEAD + ",part")
    report, _ = audit("all.csv", "--split-column", "part", "--id", "code")
    assert rows(report) == {"fit": 120, "test": 40}
    assert roles(report)["part"] == "split"
    assert codes(report)[0] == "LK001"


# -- roles ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "role"),
    [
        ("--label", "label"),
        ("--group", "group"),
        ("--time", "time"),
        ("--id", "id"),
        ("--ignore-column", "ignore"),
    ],
)
def test_a_role_that_is_told_is_not_assumed(audit, data, flag, role):
    report, _ = audit("data", flag, "version")
    assert report["dataset"]["columns"]["version"]["role"] == role
    assert not any("version" in sentence for sentence in report["assumptions"] if role in sentence)


def test_roles_that_may_be_given_twice(audit, data):
    report, _ = audit("data", "--id", "code", "--id", "x1", "--ignore-column", "x2",
                      "--ignore-column", "who")  # fmt: skip
    told = roles(report)
    assert [told[c] for c in ("code", "x1", "x2", "who")] == ["id", "id", "ignore", "ignore"]


def test_an_ignored_column_raises_nothing(audit, data):
    report, _ = audit("data", "--ignore-column", "x2", "--ignore-column", "version")
    assert codes(report) == ["LK001"]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_task(audit, data, task):
    assert audit("data", "--label", "outcome", "--task", task)[0]["dataset"]["task"] == task


# -- text formats -----------------------------------------------------------------------------


def test_delimiter(audit, here):
    write(here / "a.csv", [row.replace(",", "@") for row in TRAIN], HEAD.replace(",", "@"))
    report, _ = audit("a.csv", "--delimiter", "@")
    assert list(report["dataset"]["columns"]) == HEAD.split(",")


def test_a_tab_is_told_by_its_name(audit, here):
    write(here / "a.csv", [row.replace(",", "\t") for row in TRAIN], HEAD.replace(",", "\t"))
    report, _ = audit("a.csv", "--delimiter", "tab")
    assert list(report["dataset"]["columns"]) == HEAD.split(",")


def test_encoding(audit, here):
    write(here / "a.csv", [f"{i},Ж{i % 3}" for i in range(50)], "число,буква", "cp1251")
    report, _ = audit("a.csv", "--encoding", "cp1251")
    assert list(report["dataset"]["columns"]) == ["число", "буква"]


def test_header(audit, here):
    write(here / "a.csv", ["1,2", "3,4", "5,6"] * 10, "7,8")
    assert list(rows(audit("a.csv", "--header")[0]).values()) == [30]
    report, _ = audit("a.csv", "--no-header")
    assert list(rows(report).values()) == [31]
    assert "7" not in report["dataset"]["columns"]


def test_compressed(audit, here):
    (here / "a.csv.gz").write_bytes(gzip.compress("\n".join([HEAD, *TRAIN, ""]).encode()))
    assert list(rows(audit("a.csv.gz")[0]).values()) == [120]


# -- rules ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "chosen",
    ["LK001,MV001", "lk001, mv001", "duplicate-rows-across-splits,missing-values", "LK001,MV"],
)
def test_select(audit, data, chosen):
    report, _ = audit("data", "--ignore", "MV005", select=chosen)
    assert codes(report) == ["LK001", "MV001"]


def test_select_may_be_given_twice(audit, data):
    assert codes(audit("data", "--select", "LK001", select="MV005")[0]) == ["LK001", "MV005"]


@pytest.mark.parametrize("left_out", ["LK,MV005", "LK001,constant-column"])
def test_ignore(audit, data, left_out):
    assert codes(audit("data", "--ignore", left_out)[0]) == ["MV001"]


# -- exit codes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("select", "level", "code"),
    [
        (SELECT, None, 1),
        (SELECT, "error", 1),
        ("MV001,MV005", None, 0),
        ("MV001,MV005", "error", 0),
        ("MV001,MV005", "warning", 1),
        ("MV005", "warning", 0),
        ("MV005", "info", 1),
        ("MV002", "info", 0),
        (SELECT, "never", 0),
    ],
)
def test_fail_on(run, data, select, level, code):
    flags = ["--fail-on", level] if level else []
    assert run("audit", "data", "--select", select, *flags).exit_code == code


# -- baselines --------------------------------------------------------------------------------


def test_a_baseline_fails_on_what_is_new_only(run, data, here):
    written = run("audit", "data", "--select", "MV", "--write-baseline", "known.json")
    assert written.exit_code == 0
    assert "timing" not in json.loads((here / "known.json").read_text())
    common = ("audit", "data", "--baseline", "known.json", "--fail-on", "info")
    same = run(*common, "--select", "MV001,MV005")
    assert same.exit_code == 0
    assert "no findings · 2 known findings in the baseline" in same.stdout
    assert "MV001" not in same.stdout
    more = run(*common, "--select", SELECT)
    assert more.exit_code == 1
    assert "ERROR LK001" in more.stdout
    assert "MV001" not in more.stdout


def test_a_json_report_is_whole_and_the_baseline_is_told_aside(run, data):
    run("audit", "data", "--select", SELECT, "--write-baseline", "known.json")
    done = run("audit", "data", "--select", SELECT, "--baseline", "known.json", "--format", "json")
    assert done.exit_code == 0
    assert codes(json.loads(done.stdout)) == ["LK001", "MV001", "MV005"]
    assert done.stderr == "3 known findings in the baseline\n"


def test_a_baseline_is_accepted_whatever_it_holds(run, data):
    done = run("audit", "data", "--select", SELECT, "--write-baseline", "a.json")
    assert done.exit_code == 0
    assert "ERROR LK001" in done.stdout


def test_a_baseline_may_be_written_again(run, data, here):
    run("audit", "data", "--select", "MV", "--write-baseline", "a.json")
    both = ("--baseline", "a.json", "--write-baseline", "a.json")
    assert run("audit", "data", "--select", SELECT, *both).exit_code == 0
    assert codes(json.loads((here / "a.json").read_text())) == ["LK001", "MV001", "MV005"]


# -- where reports go -------------------------------------------------------------------------


def test_format_terminal_is_text_without_color(run, data):
    done = run("audit", "data", "--select", SELECT)
    assert done.stdout.startswith("datacheck · data\n")
    assert "\x1b" not in done.stdout
    assert done.stderr == ""
    told = run("audit", "data", "--select", SELECT, "--format", "terminal")
    seconds = re.compile(r" · [\d.]+ s\b")  # told only of an audit that took some
    assert seconds.sub("", told.stdout) == seconds.sub("", done.stdout)


@pytest.mark.parametrize("form", ["terminal", "json"])
def test_output(run, data, here, form):
    arguments = ("audit", "data", "--select", SELECT, "--format", form, "--output", "report")
    done = run(*arguments)
    assert done.exit_code == 1
    assert done.stdout == ""
    text = (here / "report").read_text(encoding="utf-8")
    assert "LK001" in text
    assert text.startswith("{" if form == "json" else "datacheck · ")
    assert run(*arguments).exit_code == 1  # our own report may be written again


@pytest.mark.parametrize("flags", [[], ["--quiet"], ["--format", "json"], ["--format", "html"]])
@pytest.mark.parametrize("select", [SELECT, "MV005", "MV002"])
def test_every_report_is_known_for_ours(run, data, here, flags, select):
    arguments = ("audit", "data", "--select", select, "--output", "report", *flags)
    assert run(*arguments).exit_code == run(*arguments).exit_code != 2


@pytest.mark.parametrize("flag", ["--output", "--write-baseline"])
@pytest.mark.parametrize(
    "content",
    [
        "x,y\n1,2\n",
        '{"version": 1, "findings": []}',
        "datacheck\n",
        "\x00",
        "{",
        "<!DOCTYPE html>\n<html>",
    ],
)
def test_data_is_never_overwritten(run, data, here, flag, content):
    (here / "mine").write_text(content)
    done = run("audit", "data", "--select", SELECT, flag, "mine")
    assert done.exit_code == 2
    assert "it may be data" in done.stderr
    assert (here / "mine").read_text() == content


def test_a_link_to_data_does_not_help(run, data, here):
    (here / "link").symlink_to(data / "train.csv")
    before = (data / "train.csv").read_bytes()
    assert run("audit", "data", "--select", SELECT, "--output", "link").exit_code == 2
    assert (data / "train.csv").read_bytes() == before


def test_a_link_stays_a_link(run, data, here):
    (here / "link").symlink_to(here / "report")
    assert run("audit", "data", "--select", SELECT, "--output", "link").exit_code == 1
    assert (here / "link").is_symlink()
    assert (here / "report").read_text().startswith("datacheck · ")


def test_a_report_is_there_whole_or_not_at_all(here, monkeypatch):
    target = here / "report"
    output.write_file(target, "datacheck · old")
    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        output.write_file(target, "datacheck · new")
    assert target.read_text() == "datacheck · old"
    assert [p.name for p in here.iterdir()] == ["report"]


def stop(*_):
    raise KeyboardInterrupt


def test_a_folder_that_takes_no_file_is_an_error_of_one_line(run, data):
    for place in ("/proc/r.json", "/dev/fd/r.json"):
        done = run("audit", "data", "--select", SELECT, "--report", place)
        assert done.exit_code == 2
        assert "fault of datacheck" not in done.stderr


def test_a_full_disk_is_an_error_of_one_line(run, data, here, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = run("audit", "data", "--select", SELECT, "--output", "report")
    assert done.exit_code == 2
    assert "No space left on device" in done.stderr
    assert not (here / "report").exists()


def test_a_report_can_be_read_by_those_who_may(run, data, here):
    run("audit", "data", "--select", SELECT, "--output", "report")
    assert stat.S_IMODE((here / "report").stat().st_mode) & 0o400
    assert not stat.S_IMODE((here / "report").stat().st_mode) & 0o111


def test_a_terminal_without_unicode_still_gets_a_report(monkeypatch):
    shown = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", shown)
    output.write_stdout("datacheck · a … 日\n")
    assert shown.buffer.getvalue() == b"datacheck - a ... \\u65e5\n"


@pytest.mark.parametrize(
    ("terminal", "environment", "wanted"),
    [(True, {}, True), (False, {}, False), (True, {"NO_COLOR": "1"}, False),
     (True, {"TERM": "dumb"}, False)],
)  # fmt: skip
def test_color_for_terminals_that_want_it(monkeypatch, terminal, environment, wanted):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", shown := io.StringIO())
    monkeypatch.setattr(shown, "isatty", lambda: terminal)
    assert output.wants_color() is wanted


@pytest.mark.parametrize("columns", [40, 100])
def test_a_report_is_as_wide_as_the_terminal(run, data, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    widths = [len(line) for line in run("audit", "data", "--select", SELECT).stdout.splitlines()]
    assert columns - 15 < max(widths) <= columns
    run("audit", "data", "--select", SELECT, "--output", "report")
    widths = [len(line) for line in Path("report").read_text(encoding="utf-8").splitlines()]
    assert 65 < max(widths) <= 80  # a file has no terminal


@pytest.mark.parametrize("text", [t for t in HOSTILE if t and "\udc80" not in t])
@pytest.mark.parametrize("flags", [[], ["--quiet"], ["--format", "json"]])
def test_nothing_from_the_data_steers_the_terminal(run, here, text, flags):
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow([text, "x", "label"])
    for i in range(300):  # control characters are few, or this would be no text file
        table.writerow(
            [text if i % 30 == 0 else "", i / 7, text if i % 40 == 1 else f"good {i % 2}"]
        )
    (here / "a.csv").write_text(out.getvalue(), encoding="utf-8", newline="")
    done = run("audit", "a.csv", *flags)
    assert done.exit_code in (0, 1), done.stderr
    assert all(c.isprintable() or c == "\n" for c in done.stdout)
    assert flags or "datacheck · a.csv" in done.stdout


# -- settings ---------------------------------------------------------------------------------


def test_config(run, data, here):
    (here / "mine.toml").write_text('select = ["MV005"]\nfail-on = "info"\nlabel = "x1"\n')
    done = run("audit", "data", "--config", "mine.toml", "--format", "json")
    assert done.exit_code == 1
    assert codes(json.loads(done.stdout)) == ["MV005"]
    assert roles(json.loads(done.stdout))["x1"] == "label"


def test_a_flag_goes_before_the_file(run, data, here):
    (here / "mine.toml").write_text('select = ["MV005"]\nfail-on = "info"\n')
    flags = ("--fail-on", "never", "--select", "MV001")
    done = run("audit", "data", "--config", "mine.toml", "--format", "json", *flags)
    assert done.exit_code == 0
    assert codes(json.loads(done.stdout)) == ["MV001"]


def test_settings_beside_the_data_are_found(run, data):
    (data / "datacheck.toml").write_text('select = ["MV005"]\n')
    done = run("audit", "data", "--format", "json")
    assert codes(json.loads(done.stdout)) == ["MV005"]


def test_suppressions_and_severities_of_the_file_hold(run, data, here):
    (here / "datacheck.toml").write_text(
        '[rules.MV001]\nseverity = "error"\n'
        '[[suppress]]\nrule = "LK001"\nreason = "the same stays"\n'
    )
    done = run("audit", "data", "--select", SELECT)
    assert done.exit_code == 1
    assert "ERROR MV001" in done.stdout
    assert "ERROR LK001" not in done.stdout
    assert "the same stays" in done.stdout


# -- how it runs ------------------------------------------------------------------------------


def test_memory_and_threads_reach_the_engine(audit, data, monkeypatch):
    seen = []
    run_engine = local.run

    def spy(*arguments, **options):
        seen.append((options["memory"], options["threads"]))
        return run_engine(*arguments, **options)

    monkeypatch.setattr(local, "run", spy)
    one, _ = audit("data", "--memory", "64MB", "--threads", "2")
    other, _ = audit("data")
    assert seen == [(64_000_000, 2), (1 << 30, 0)]
    for report in (one, other):
        del report["timing"]
    assert one == other


@pytest.mark.parametrize(
    ("flags", "shown"),
    [([], True), (["--progress"], True), (["--no-progress"], False), (["--quiet"], False)],
)
def test_progress(run, data, monkeypatch, flags, shown):
    calls = []

    @contextmanager
    def bar():
        yield lambda rows, share, file: calls.append((rows, file))

    monkeypatch.setattr(progress, "bar", bar)
    assert run("audit", "data", "--select", SELECT, *flags).exit_code == 1
    assert bool(calls) is shown
    if shown:
        assert calls[-1][0] == 160


def test_quiet(run, data):
    done = run("audit", "data", "--select", SELECT, "--quiet")
    first, second, third, last = done.stdout.splitlines()
    assert first.startswith("LK001 error: 10 of 40 rows")
    assert second.startswith("MV001 warning: ")
    assert third.startswith("MV005 info: ")
    assert last.startswith("1 error, 1 warning, 1 info")


def test_the_data_stays_as_it_is(run, data, here):
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in data.iterdir()}
    run("audit", "data")
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in data.iterdir()} == before
    assert list(here.iterdir()) == [data]


# -- several reports ---------------------------------------------------------------------------


def test_further_reports_by_suffix_and_written_again(run, data):
    names = [data.parent / f"out{s}" for s in (".sarif", ".xml", ".md", ".json", ".txt", ".html")]
    flags = [part for name in names for part in ("--report", str(name))]
    for _ in range(2):  # the second time they are ours to overwrite
        done = run("audit", "data", "--format", "github", *flags)
        assert done.exit_code == 1, done.stderr
        assert done.stdout.startswith("::error file=data/test.csv,line=")
        assert all(name.stat().st_size > 500 for name in names)
    assert run("audit", "data", "--exit-zero", "-q").exit_code == 0


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--report", "a.pdf"], "no form of report has that suffix"),
        (["--report", "a.md", "-o", "a.md"], "named for two things"),
    ],
)
def test_reports_that_cannot_be(run, data, flags, said):
    done = run("audit", data, *flags)
    assert done.exit_code == 2
    assert said in done.stderr
