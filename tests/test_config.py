"""Settings: what a file may say, what it may not, and what the person is told then."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.config import Config, Suppression
from datacheck.config_values import GIB, nearest, parse_memory
from datacheck.dataset import Task
from datacheck.errors import ConfigError, UsageError

# -- memory -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512MB", 512_000_000),
        ("2 GiB", 2 << 30),
        ("1.5G", 3 << 29),
        ("1g", GIB),
        ("1048576", 1 << 20),
        ("1048576 b", 1 << 20),
        (" 3tb ", 3 * 10**12),
        (1 << 20, 1 << 20),
    ],
)
def test_memory_is_read(text, size):
    assert parse_memory(text) == size


@given(st.integers(1 << 20, 1 << 60))
def test_a_number_of_bytes_is_that_number(size):
    assert parse_memory(size) == size
    assert parse_memory(parse_memory(size)) == size


@given(st.integers(1, 999), st.sampled_from(["M", "G", "T"]), st.sampled_from(["", "B", "iB"]))
def test_units_rise_by_a_thousand_or_1024(count, unit, ending):
    step = 1000 if ending == "B" else 1024
    powers = {"M": 2, "G": 3, "T": 4}
    value = count * step ** powers[unit]
    if value >= 1 << 20:
        for text in (f"{count}{unit}{ending}", f"{count} {unit}{ending}".lower()):
            assert parse_memory(text) == value


@given(st.one_of(st.text(), st.integers(max_value=(1 << 20) - 1), st.floats(), st.booleans()))
def test_memory_is_a_size_or_an_error_with_a_hint(value):
    try:
        size = parse_memory(value)
    except UsageError as error:
        said = (error.message, error.hint)
    else:
        said = ("memory", str(size))
        assert size >= 1 << 20
    assert "memory" in said[0]
    assert said[1]


@pytest.mark.parametrize(
    "value", ["", "MB", "-5MB", "1e9", "inf", "nan", "5 PB", "1.5.5G", "9" * 40, True, 1.5e9]
)
def test_what_is_no_size(value):
    with pytest.raises(UsageError):
        parse_memory(value)


# -- values -----------------------------------------------------------------------------------


def test_defaults():
    config = Config()
    assert (config.fail_on, config.memory, config.threads) == ("error", GIB, 0)
    assert config.origin == ""
    assert config.severities() == {}
    assert config.rule_options("MV001") == {}


def test_values_take_their_shape():
    given_settings = {
        "id": "a", "ignore_column": ["b", "c"], "select": "LK,MV001", "ignore": ("NM", " SL "),
        "task": "Regression", "fail_on": "WARNING", "memory": "1G", "delimiter": "tab",
    }  # fmt: skip
    config = Config.from_mapping(given_settings)
    assert config.id == ("a",)
    assert config.ignore_column == ("b", "c")
    assert config.select == ("LK", "MV001")
    assert config.ignore == ("NM", "SL")
    assert config.task is Task.REGRESSION
    assert config.fail_on == "warning"
    assert config.memory == GIB
    assert config.delimiter == "\t"


@pytest.mark.parametrize(
    ("spoken", "one"),
    [
        ("tab", "\t"),
        ("\\t", "\t"),
        ("comma", ","),
        ("semicolon", ";"),
        ("pipe", "|"),
        ("\x01", "\x01"),
    ],
)
def test_delimiters(spoken, one):
    assert Config(delimiter=spoken).delimiter == one


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": ""}, {"label": 3}, {"group": []}, {"time": ""}, {"split_column": ""},
        {"id": 3}, {"id": [1]}, {"id": [""]}, {"ignore_column": {"a": 1}},
        {"select": 1}, {"select": [""]}, {"ignore": [None]},
        {"task": "ranking"}, {"task": 1}, {"fail_on": "fatal"}, {"fail_on": None},
        {"memory": "much"}, {"memory": 0}, {"memory": None},
        {"threads": -1}, {"threads": 1025}, {"threads": 1.0}, {"threads": True}, {"threads": "2"},
        {"sample": 99}, {"sample": 1 << 25}, {"header": "yes"}, {"header": 1},
        {"delimiter": ""}, {"delimiter": "ab"}, {"delimiter": "\n"}, {"delimiter": '"'},
        {"encoding": "utf-99"}, {"encoding": ""}, {"encoding": "\0"},
        {"suppress": ["MV001"]}, {"rules": {"MV001": 1}},
    ],
)  # fmt: skip
def test_a_wrong_value_is_an_error_with_a_hint(wrong):
    with pytest.raises(UsageError) as caught:
        Config(**wrong)
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_nothing_changes_a_config():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().label = "x"  # type: ignore[misc] # that is the point


@given(st.text(min_size=1), st.integers(0, 1024))
def test_replace_keeps_the_rest(label, threads):
    config = Config(group="g", threads=threads)
    changed = config.replace(label=label)
    assert changed == dataclasses.replace(config, label=label)
    assert changed.replace(label=None, id=()) == changed


def test_replace_checks_too():
    with pytest.raises(UsageError):
        Config().replace(threads=-1)


# -- files ------------------------------------------------------------------------------------

FULL = """
label = "y"
group = "patient"
time = "when"
id = ["row"]
split-column = "fold"
ignore_column = ["note", "file"]
task = "classification"
delimiter = ";"
encoding = "latin-1"
header = true
text-layout = "lines"
pred-probs = "probabilities.npz"
length-unit = "tokens"
tokenizer = "models/tokenizer.json"
schema = "schema.yaml"
select = ["LK", "MV"]
ignore = "MV005"
fail-on = "info"
memory = "2GiB"
threads = 3
sample = 1000

[rules.MV001]
severity = "error"

[[suppress]]
rule = "MV001"
columns = "a"
splits = ["train"]
reason = "the form allows it"
"""


def test_every_setting_of_a_file(tmp_path):
    path = tmp_path / "datacheck.toml"
    path.write_text(FULL)
    assert Config.load(path) == Config(
        label="y", group="patient", time="when", id=("row",), split_column="fold",
        ignore_column=("note", "file"), task=Task.CLASSIFICATION, delimiter=";",
        encoding="latin-1", header=True, text_layout="lines", pred_probs="probabilities.npz",
        length_unit="tokens", tokenizer="models/tokenizer.json",
        schema=str(tmp_path / "schema.yaml"),
        select=("LK", "MV"), ignore=("MV005",), fail_on="info",
        memory=2 << 30, threads=3, sample=1000, rules={"MV001": {"severity": "error"}},
        suppress=(Suppression("MV001", ("a",), ("train",), "the form allows it"),),
        origin=str(path),
    )  # fmt: skip


def test_every_field_can_stand_in_a_file():
    not_in_files = {"follow-links", "origin", "transforms"}
    named = {f.name.replace("_", "-") for f in dataclasses.fields(Config)} - not_in_files
    written = {
        line.split(" = ")[0].replace("_", "-") for line in FULL.splitlines() if " = " in line
    }
    assert named - {"rules", "suppress"} <= written


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_where_settings_are_looked_for(here):
    data = here / "data"
    data.mkdir()
    assert Config.load() == Config()
    (here / "pyproject.toml").write_text("[tool.other]\n")
    assert Config.load(start_dir=data) == Config()
    (here / "pyproject.toml").write_text('[tool.datacheck]\nlabel = "project"\n')
    assert Config.load(start_dir=data).label == "project"
    (here / "datacheck.toml").write_text('label = "here"\n')
    assert Config.load(start_dir=data).label == "here"
    (data / "datacheck.toml").write_text('label = "data"\n')
    assert Config.load(start_dir=data).label == "data"
    assert Config.load(start_dir=data).origin == str(data / "datacheck.toml")
    assert Config.load("pyproject.toml", data).label == "project"


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"label =", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        (b"a = " + b"[" * 5000, "is not TOML"),
        (b"lable = 'x'", "no setting 'lable'"),
        (b"origin = 'x'", "no setting 'origin'"),
        (b"label = 3", "label is 3"),
        (b"threads = '2'", "threads is '2'"),
        (b"rules = 3", "rules is not a table"),
        (b"[rules]\nMV001 = 3", "rules.MV001 is not a table"),
        (b"suppress = 'MV001'", "suppress is not a list of tables"),
        (b"suppress = ['MV001']", "a suppression names no rule"),
        (b"[[suppress]]\nreason = 'x'", "a suppression names no rule"),
        (b"[[suppress]]\nrule = 'MV001'", "gives no reason"),
        (b"[[suppress]]\nrule = 'MV001'\nreason = ' '", "gives no reason"),
        (b"[[suppress]]\nrule = 3\nreason = 'x'", "suppress.rule is 3"),
        (b"[[suppress]]\nrule = 'MV001'\nwhy = 'x'", "no key of [[suppress]] 'why'"),
    ],
)
def test_a_file_that_cannot_be(tmp_path, content, part):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        Config.load(path)
    assert str(path) in caught.value.message
    assert part in caught.value.message
    assert caught.value.hint


def test_a_project_whose_settings_are_no_table(here):
    (here / "pyproject.toml").write_text("[tool]\ndatacheck = 3\n")
    with pytest.raises(ConfigError, match="not a table"):
        Config.load()


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        Config.load(tmp_path / "nope.toml")


def test_a_byte_order_mark_is_no_setting(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbflabel = 'y'")
    assert Config.load(path).label == "y"


def test_a_suppression_says_itself():
    some = Suppression("MV001", ("a", "b"), ("train",), "known")
    assert str(some) == "MV001 · columns a, b · splits train"
    assert str(Suppression("MV", reason="known")) == "MV"


def test_the_nearest():
    assert nearest("lable", ["label", "group"]) == "did you mean label? "
    assert nearest("qqqq", ["label", "group"]) == ""


def test_no_file_can_name_transforms(tmp_path):
    path = tmp_path / "datacheck.toml"
    path.write_text('transforms = "os:getcwd,os:getcwd"\n')
    with pytest.raises(ConfigError, match="importing them runs code"):
        Config.load(path)
