"""What a person sees when something goes wrong, and what a script sees."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from datacheck import auditing
from datacheck.cli.app import VERBS
from tests.cli.conftest import TRAIN, write

ERRORS = """
audit
audit nope
audit empty
audit data --train one.csv
audit --split one
audit --split =one.csv
audit --train one.csv --split train=one.csv
audit --train nope.csv
audit data --label nope
audit data --group nope
audit data --time nope
audit data --id nope
audit data --split-column nope
audit data --ignore-column nope
audit data --task clustering
audit data --delimiter ab
audit data --encoding nope
audit data --select XX9
audit data --ignore duplicate-row
audit data --fail-on always
audit data --memory lots
audit data --memory 5
audit data --threads -1
audit data --threads two
audit data --format xml
audit data --baseline nope.json
audit data --baseline data
audit data --baseline one.csv
audit data --write-baseline one.csv
audit data --output one.csv
audit data --output data
audit data --output nope/x.json
audit data --output x.json --write-baseline x.json
audit data --config nope.toml
audit data --config broken.toml
audit data --config misspelled.toml
audit data --config option.toml
audit data --nope
audit data more
audit --memory
rule
rule LK999
rule duplicate
rules --format xml
nope
--nope
"""


@pytest.mark.parametrize("line", ERRORS.strip().splitlines())
def test_an_error_is_a_line_and_a_hint(run, data, here, line):
    write(here / "one.csv", TRAIN)
    (here / "empty").mkdir()
    (here / "broken.toml").write_text("label =")
    (here / "misspelled.toml").write_text("lable = 'x'")
    (here / "option.toml").write_text("[rules.MV001]\nnope = 1")
    before = {p: p.read_bytes() for p in here.rglob("*") if p.is_file()}
    done = run(*line.split())
    assert done.exit_code == 2
    assert done.stdout == ""
    assert re.fullmatch(r"error: [^\n]+\nhint: [^\n]+\n", done.stderr), done.stderr
    assert {p: p.read_bytes() for p in here.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("audit data --label outcom", "did you mean outcome?"),
        ("audit dat", "did you mean data?"),
        ("audit --config misspelled.toml data", "did you mean label?"),
        ("rule LK01", "did you mean LK001?"),
        ("rule missing-value", "did you mean missing-values?"),
        ("rule LK999", "`datacheck rules` lists them all"),
        ("audit --labl x", "`datacheck audit --help` shows what there is"),
    ],
)
def test_the_hint_helps(run, data, here, line, hint):
    (here / "misspelled.toml").write_text("lable = 'x'")
    assert hint in run(*line.split()).stderr.splitlines()[-1]


def test_names_from_the_data_steer_no_terminal(run, here):
    write(here / "a.csv", ["1,2"], "a\x1b[31m,b")
    done = run("audit", "a.csv", "--label", "c\x1b]0;x\x07")
    assert done.exit_code == 2
    assert "\x1b" not in done.stderr
    assert "\\x1b[31m" in done.stderr


def crash(error):
    def run_audit(*_, **__):
        raise error

    return run_audit


def test_our_own_fault_is_said_to_be_ours(run, data, monkeypatch):
    monkeypatch.setattr(auditing, "run_audit", crash(ZeroDivisionError("1 by\n0")))
    done = run("audit", "data")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[0] == "error: ZeroDivisionError: 1 by\\n0"
    assert "fault of datacheck itself" in done.stderr.splitlines()[1]
    assert len(done.stderr.splitlines()) == 2


def test_debug_shows_the_traceback(run, data, monkeypatch):
    monkeypatch.setattr(auditing, "run_audit", crash(ZeroDivisionError("1 by 0")))
    done = run("audit", "data", "--debug")
    assert done.exit_code == 2
    assert "Traceback (most recent call last)" in done.stderr
    assert done.stderr.splitlines()[-2] == "error: ZeroDivisionError: 1 by 0"


class Panic(BaseException):
    """As Polars raises it: no Exception."""


def test_a_panic_is_an_error_too(run, data, monkeypatch):
    monkeypatch.setattr(auditing, "run_audit", crash(Panic("index out of bounds")))
    done = run("audit", "data")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: Panic: index out of bounds\nhint: ")


def test_interrupted(run, data, monkeypatch):
    monkeypatch.setattr(auditing, "run_audit", crash(KeyboardInterrupt()))
    done = run("audit", "data")
    assert done.exit_code == 130
    assert done.stdout.strip() == ""
    assert done.stderr.split() == ["interrupted"]


@pytest.mark.parametrize("words", [[], *([verb] for verb in VERBS)])
def test_help_has_an_example(run, words):
    done = run(*words, "--help")
    assert done.exit_code == 0
    assert re.search(rf"Examples?:\s+{' '.join(['datacheck', *words])}", done.stdout)
    assert run(*words, "-h").stdout == done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_the_table_of_verbs_says_what_the_verbs_say(run):
    for verb, sentence in VERBS.items():
        said = " ".join(run(verb, "--help").stdout.split())
        assert sentence.rstrip(".") in said


def test_without_a_verb_the_help_is_shown(run):
    done = run()
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr == run("--help").stdout


def test_version(run):
    assert re.fullmatch(r"datacheck, version \d\S+\n", run("--version").stdout)


def process(code, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", f"{code}; from datacheck.cli.app import main; main()", *arguments],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_whoever_reads_the_output_may_leave():
    read, written = os.pipe()
    os.close(read)
    with process("pass", "rules", stdout=written) as running:
        os.close(written)
        assert running.communicate(timeout=60)[1] == ""
        assert running.returncode == 141


def test_control_c_while_reading(here):
    wait = "print('reading', file=sys.stderr, flush=True), time.sleep(60)"
    code = f"import sys, time, datacheck.auditing as a; a.run_audit = lambda *_, **__: ({wait})"
    with process(code, "audit", ".", stdout=subprocess.PIPE, cwd=here) as running:
        assert running.stderr.readline() == "reading\n"
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert out == ""
    assert err.split() == ["interrupted"]
