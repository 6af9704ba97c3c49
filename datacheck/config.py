"""Settings of an audit: one frozen :class:`Config`, from a file, from flags, or written in Python.

``datacheck.toml`` (or ``[tool.datacheck]`` in ``pyproject.toml``) holds the fields of
:class:`Config`, written with hyphens or underscores::

    label = "income"
    fail-on = "warning"
    memory = "2GiB"

    [rules.LK005]
    severity = "warning"

    [[suppress]]
    rule = "MV001"
    columns = ["occupation"]
    reason = "the form allows it to be left blank"
"""

from __future__ import annotations

import codecs
import dataclasses
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacheck.dataset import Task
from datacheck.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from datacheck.findings import Severity

FILE = "datacheck.toml"
TEXT_LAYOUTS = ("auto", "lines", "files", "classes", "parallel", "conll", "table")
LENGTH_UNITS = ("words", "characters", "tokens")
FAIL_ON = ("error", "warning", "info", "never")
GIB = 1 << 30
_MIN_MEMORY = 1 << 20
_UNITS = {
    "": 1, "b": 1,
    "k": 1 << 10, "kb": 10**3, "kib": 1 << 10,
    "m": 1 << 20, "mb": 10**6, "mib": 1 << 20,
    "g": GIB, "gb": 10**9, "gib": GIB,
    "t": 1 << 40, "tb": 10**12, "tib": 1 << 40,
}  # fmt: skip


@dataclass(frozen=True)
class Suppression:
    """Findings that someone has looked at and accepts, with the reason."""

    rule: str
    """Code, name or family of the rule."""

    columns: tuple[str, ...] = ()
    """Only findings about no other columns than these; any, where empty."""

    splits: tuple[str, ...] = ()
    """Only findings about no other splits than these; any, where empty."""

    reason: str = ""
    """Why it is accepted; every report repeats it. It cannot be left out."""

    optional: bool = False
    """No finding (DC001) where it matches nothing, as programs write it that cannot know."""

    def __post_init__(self) -> None:
        _text("suppress.rule", self.rule, empty=False)
        if not _text("suppress.reason", self.reason).strip():
            raise UsageError(
                f"the suppression of {self.rule} gives no reason",
                'add reason = "…": whoever reads the next report will want to know why',
            )
        for name in ("columns", "splits"):
            object.__setattr__(self, name, _texts(f"suppress.{name}", getattr(self, name)))
        if not isinstance(self.optional, bool):
            raise UsageError(f"suppress.optional is {self.optional!r}", "it is true or false")

    def __str__(self) -> str:
        where = [
            f"{name} {', '.join(given)}"
            for name, given in (("columns", self.columns), ("splits", self.splits))
            if given
        ]
        return " · ".join([self.rule, *where])


@dataclass(frozen=True)
class Config:
    """Settings of one audit. Raises UsageError, with a hint, for a value that cannot be."""

    label: str | None = None
    """Column that a model is to predict."""

    group: str | None = None
    """Column that tells which entity (patient, user, machine …) a row belongs to."""

    time: str | None = None
    """Column that tells when a row was observed."""

    id: tuple[str, ...] = ()
    """Columns that only number the rows."""

    split_column: str | None = None
    """Column that tells the split of each row."""

    ignore_column: tuple[str, ...] = ()
    """Columns that no model will see."""

    task: Task | None = None
    """What the label asks for: ``classification`` or ``regression``."""

    delimiter: str | None = None
    """The one character between two fields of delimited text."""

    encoding: str | None = None
    """Encoding of text files, by the name that Python knows it by."""

    header: bool | None = None
    """Whether the first line of delimited text names the columns; None looks at the line."""

    text_layout: str | None = None
    """How text without columns is laid out: ``lines`` (an example a line), ``files`` (an example a
    file, a folder a class), ``classes`` (a file a class, an example a line), ``parallel`` (files
    that go together line by line), ``conll`` (tokens with tags), ``table`` (never as text);
    ``auto``, the default, looks at names and first lines."""

    length_unit: str | None = None
    """What lengths of texts are counted in: ``words``, ``characters`` or ``tokens``; tokens where
    there is a tokenizer, else words."""

    tokenizer: str | None = None
    """The file ``tokenizer.json`` of the model, as Hugging Face's ``tokenizers`` saves it."""

    select: tuple[str, ...] = ()
    """Codes, names or families of the rules to judge by; all, where empty."""

    ignore: tuple[str, ...] = ()
    """Codes, names or families of rules to leave out."""

    fail_on: str = "error"
    """The mildest severity that makes the exit code 1: error, warning, info or never."""

    memory: int = GIB
    """Memory budget in bytes, at least 1 MiB; text such as ``512MB`` or ``2GiB`` is understood."""

    threads: int = 0
    """Threads that read, at most 1024; 0 for as many as there are cores."""

    sample: int = 65_536
    """Rows per split of the sample that shapes of distributions are judged by, at least 100."""

    suppress: tuple[Suppression, ...] = ()
    """Findings that are accepted, each with its reason."""

    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Options of rules by code or name; ``severity`` beside them replaces the table's."""

    origin: str = ""
    """The file that the settings were read from; empty where there was none."""

    transforms: str | Mapping[str, Any] | None = None
    """Image transforms by split for NM004: objects, or names such as ``module:train``, or text such
    as ``module:train,module:test``. Naming one runs its module, so no file can set this."""

    pred_probs: Any = None
    """Class probabilities of your own model for LB002, made without the labels that they judge:
    a file, an array of shape (rows, classes), or a mapping of split names to such."""

    schema: Any = None
    """The pandera schema that SC003 judges by: a YAML file, ``module:Model``, or a schema or model
    of ``pandera.polars``. Naming a module imports it, so a file of settings can name files only."""

    def __post_init__(self) -> None:
        put = object.__setattr__
        for name in ("label", "group", "time", "split_column", "encoding", "tokenizer"):
            if getattr(self, name) is not None:
                _text(name, getattr(self, name), empty=False)
        for name in ("id", "ignore_column"):
            put(self, name, _texts(name, getattr(self, name)))
        for name in ("select", "ignore"):
            joined = ",".join(_texts(name, getattr(self, name)))
            put(self, name, tuple(p.strip() for p in joined.split(",") if p.strip()))
        if self.task is not None:
            put(self, "task", Task(_choice("task", self.task, [t.value for t in Task])))
        if self.length_unit is not None:
            put(self, "length_unit", _choice("length_unit", self.length_unit, LENGTH_UNITS))
        if self.text_layout is not None:
            put(self, "text_layout", _choice("text_layout", self.text_layout, TEXT_LAYOUTS))
        put(self, "suppress", tuple(self.suppress))
        put(self, "fail_on", _choice("fail_on", self.fail_on, FAIL_ON))
        put(self, "memory", parse_memory(self.memory))
        _integer("threads", self.threads, 0, 1024)
        _integer("sample", self.sample, 100, 1 << 24)
        if self.header is not None and not isinstance(self.header, bool):
            raise UsageError(f"header is {self.header!r}", "it is true or false")
        self._check_text_format()
        self._check_tables(self.suppress, self.rules)
        self._check_transforms(self.transforms)

    @staticmethod
    def _check_transforms(transforms: Any) -> None:
        if not isinstance(transforms, str | Mapping | None):
            raise UsageError(
                f"transforms is a {type(transforms).__name__}",
                "a mapping such as {'train': transform, 'test': transform}",
            )

    @staticmethod
    def _check_tables(suppress: Any, rules: Any) -> None:
        if not all(isinstance(s, Suppression) for s in suppress):
            raise UsageError(
                "suppress holds what is no suppression", "use datacheck.config.Suppression"
            )
        for rule, options in rules.items():
            if not isinstance(options, Mapping):
                raise UsageError(
                    f"rules.{rule} is not a table", f"write [rules.{rule}] and its options below"
                )

    def _check_text_format(self) -> None:
        if self.delimiter is not None:
            spoken = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
            one: Any = spoken.get(self.delimiter, self.delimiter)
            if not isinstance(one, str) or len(one) != 1 or one in '\r\n"':
                raise UsageError(
                    f"delimiter {self.delimiter!r} is not one character",
                    "such as ',' or ';'; 'tab' stands for the tab character",
                )
            object.__setattr__(self, "delimiter", one)
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except (LookupError, ValueError):
                raise UsageError(
                    f"no encoding {self.encoding!r}", "such as utf-8, latin-1, cp1252 or utf-16"
                ) from None

    @classmethod
    def load(cls, path: str | Path | None = None, start_dir: str | Path | None = None) -> Config:
        """Settings from ``path``; else from the first of these that there is.

        ``datacheck.toml`` in ``start_dir`` (the audited folder), ``datacheck.toml`` in the current
        folder, ``[tool.datacheck]`` of ``pyproject.toml`` in the current folder. Raises
        ConfigError for a file that cannot be read and for keys and values that cannot be.
        """
        if path is not None:
            return cls._read(Path(path))
        for folder in (start_dir, "."):
            if folder is not None and (candidate := Path(folder) / FILE).is_file():
                return cls._read(candidate)
        project = Path("pyproject.toml")
        return cls._read(project, required=False) if project.is_file() else cls()

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any]) -> Config:
        """Settings from the table of a TOML file, keys with hyphens or underscores."""
        return cls(**_known(raw))

    @classmethod
    def _read(cls, path: Path, *, required: bool = True) -> Config:
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}", "check --config") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ConfigError(f"{path} is not TOML: {error}", "mend it, or use --config") from None
        if path.name == "pyproject.toml":
            tool = raw.get("tool", {})
            if "datacheck" not in tool and not required:
                return cls()
            raw = tool.get("datacheck", {})
        raw = _beside(raw, path.parent)
        try:
            return cls(**_known(raw), origin=str(path))
        except UsageError as error:
            raise ConfigError(f"{path}: {error.message}", error.hint) from None

    def replace(self, **flags: Any) -> Config:
        """The same with ``flags`` in place of what is here; None and () say nothing was given."""
        said = {k: v for k, v in flags.items() if v is not None}
        given = {k: v for k, v in said.items() if not (isinstance(v, tuple) and not v)}
        return dataclasses.replace(self, **given)

    def rule_options(self, code: str) -> dict[str, Any]:
        """Checked options of a rule, by the names of its fields. Raises ConfigError."""
        from datacheck.options import checked

        return checked(self, code)

    def severities(self) -> dict[str, Severity]:
        """Severities that replace those of the table, by code. Raises ConfigError."""
        from datacheck.options import severities

        return severities(self)


def parse_memory(value: int | str) -> int:
    """Bytes of ``512MB``, ``2 GiB``, ``1.5G`` or a number. Raises UsageError."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise UsageError(f"memory is {value!r}", "such as 512MB or 2GiB")
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*([a-zA-Z]*)\s*", value)
        if match is None or match[2].lower() not in _UNITS:
            raise UsageError(f"memory {value!r} is not a size", "such as 512MB or 2GiB")
        value = int(float(match[1]) * _UNITS[match[2].lower()])
    if value < _MIN_MEMORY:
        raise UsageError(
            f"memory of {value} bytes is too little", "1MiB is the least, 1GiB the default"
        )
    return value


def nearest(wanted: str, known: Iterable[str]) -> str:
    """``did you mean x? `` or nothing: the beginning of a hint."""
    near = get_close_matches(wanted, list(known), n=1, cutoff=0.5)
    return f"did you mean {near[0]}? " if near else ""


def _known(raw: Any) -> dict[str, Any]:
    """Arguments for Config from a table of a file. Raises UsageError for a key that is unknown."""
    if not isinstance(raw, Mapping):
        raise UsageError("tool.datacheck is not a table", "write [tool.datacheck]")
    if "transforms" in raw:
        raise UsageError(
            "transforms cannot be set in a file: importing them runs code",
            "name them with --transforms, or audit(…, transforms=…)",
        )
    if "schema" in raw and not _is_yaml(raw["schema"]):
        raise UsageError(
            "schema in a file names a .yaml or .yml file only: importing a module runs code",
            "name the module with --schema, or audit(…, schema=…)",
        )
    keys = [f.name for f in fields(Config) if f.name not in ("origin", "transforms")]
    out = _keys(raw, keys, "setting")
    if "rules" in out and not isinstance(out["rules"], Mapping):
        raise UsageError("rules is not a table", "write [rules.LK005] and its options below")
    if "suppress" in out:
        if not isinstance(out["suppress"], list):
            raise UsageError("suppress is not a list of tables", "write [[suppress]]")
        out["suppress"] = tuple(_suppression(item) for item in out["suppress"])
    return out


def _beside(raw: Any, folder: Path) -> Any:
    """The settings with the schema's file found beside the file that names it."""
    if isinstance(raw, Mapping) and _is_yaml(raw.get("schema")):
        return {**raw, "schema": str(folder / raw["schema"])}
    return raw


def _is_yaml(name: Any) -> bool:
    return isinstance(name, str) and name.lower().endswith((".yaml", ".yml"))


def _suppression(raw: Any) -> Suppression:
    if not isinstance(raw, Mapping) or "rule" not in raw:
        raise UsageError("a suppression names no rule", 'write rule = "MV001" below [[suppress]]')
    return Suppression(**_keys(raw, [f.name for f in fields(Suppression)], "key of [[suppress]]"))


def _keys(raw: Mapping[str, Any], known: list[str], what: str) -> dict[str, Any]:
    out = {}
    for key, value in raw.items():
        name = key.replace("-", "_")
        if name not in known:
            listed = ", ".join(k.replace("_", "-") for k in known)
            raise UsageError(f"no {what} {key!r}", f"{nearest(name, known)}there are: {listed}")
        out[name] = value
    return out


def _text(name: str, value: Any, *, empty: bool = True) -> str:
    if not isinstance(value, str) or not (value or empty):
        raise UsageError(f"{_shown(name)} is {value!r}", "it is a text between quotes")
    return value


def _texts(name: str, value: Any) -> tuple[str, ...]:
    items = (value,) if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise UsageError(f"{_shown(name)} is {value!r}", "it is a list of texts")
    return tuple(_text(name, item, empty=False) for item in items)


def _choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    text = str(value).lower()
    if text not in allowed:
        raise UsageError(f"{_shown(name)} is {value!r}", f"it is one of {', '.join(allowed)}")
    return text


def _integer(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(
            f"{_shown(name)} is {value!r}", f"it is a whole number from {low} to {high}"
        )


def _shown(name: str) -> str:
    return name.replace("_", "-")
