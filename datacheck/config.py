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
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacheck.config_values import GIB, choice, integer, parse_memory, text, texts
from datacheck.dataset import Task
from datacheck.errors import UsageError

if TYPE_CHECKING:
    from datacheck.findings import Severity

FILE = "datacheck.toml"
TEXT_LAYOUTS = ("auto", "lines", "files", "classes", "parallel", "conll", "table")
LENGTH_UNITS = ("words", "characters", "tokens")
FAIL_ON = ("error", "warning", "info", "never")


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
        text("suppress.rule", self.rule, empty=False)
        if not text("suppress.reason", self.reason).strip():
            raise UsageError(
                f"the suppression of {self.rule} gives no reason",
                'add reason = "…": whoever reads the next report will want to know why',
            )
        for name in ("columns", "splits"):
            object.__setattr__(self, name, texts(f"suppress.{name}", getattr(self, name)))
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

    follow_links: bool | None = None
    """Whether files are read that are links out of the dataset's folder; each is a finding of MV006
    otherwise. The folder itself may bring settings, so no file can set this."""

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
                text(name, getattr(self, name), empty=False)
        for name in ("id", "ignore_column"):
            put(self, name, texts(name, getattr(self, name)))
        for name in ("select", "ignore"):
            joined = ",".join(texts(name, getattr(self, name)))
            put(self, name, tuple(p.strip() for p in joined.split(",") if p.strip()))
        if self.task is not None:
            put(self, "task", Task(choice("task", self.task, [t.value for t in Task])))
        if self.length_unit is not None:
            put(self, "length_unit", choice("length_unit", self.length_unit, LENGTH_UNITS))
        if self.text_layout is not None:
            put(self, "text_layout", choice("text_layout", self.text_layout, TEXT_LAYOUTS))
        put(self, "suppress", tuple(self.suppress))
        put(self, "fail_on", choice("fail_on", self.fail_on, FAIL_ON))
        put(self, "memory", parse_memory(self.memory))
        integer("threads", self.threads, 0, 1024)
        integer("sample", self.sample, 100, 1 << 24)
        for name in ("header", "follow_links"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, bool):
                raise UsageError(f"{name} is {value!r}", "it is true or false")
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
        from datacheck.config_files import read

        if path is not None:
            return read(Path(path))
        for folder in (start_dir, "."):
            if folder is not None and (candidate := Path(folder) / FILE).is_file():
                return read(candidate)
        project = Path("pyproject.toml")
        return read(project, required=False) if project.is_file() else cls()

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any]) -> Config:
        """Settings from the table of a TOML file, keys with hyphens or underscores."""
        from datacheck.config_files import known

        return cls(**known(raw))

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
