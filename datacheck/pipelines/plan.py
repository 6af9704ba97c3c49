"""The plan: an ordered list of repairs as data, which a person reads, edits and runs again."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from datacheck.errors import UsageError
from datacheck.findings import Safety, names, plain
from datacheck.pipelines.repairs import RepairKind, find

VERSION = 1
MOST_STEPS = 10_000
DROPS = ("drop-id", "drop-column", "drop-feature")
SCALES = ("standardize", "robust-scale", "min-max-scale")
MOVES = ("group-aware-split", "time-aware-split", "stratified-resplit")  # the first wins
FEW = 3  # rows of a category that train can learn from, as NM006 has it
_SAFETIES = ("safe", "unsafe")
_FIELDS = ("repair", "rules", "safety", "why", "columns", "splits")


@dataclass(frozen=True, slots=True)
class Step:
    """One repair: its name in the table, the rules it answers, and what it works on.

    ``splits`` empty means train for repairs of rows, and all splits for repairs of values.
    ``why`` is the finding's sentence, or several with a line for each: what the quarantine gives
    as the reason for a row. Raises UsageError for parameters that the repair does not have.
    """

    repair: str
    rules: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    safety: Safety = "safe"
    why: str = ""

    def __post_init__(self) -> None:
        kind = find(self.repair)
        known = dict(kind.parameters)
        for name, value in self.params.items():
            if name not in known:
                listed = ", ".join(known) or "none"
                raise UsageError(
                    f"{self.repair} has no parameter {name!r}", f"its parameters: {listed}"
                )
            _check(self.repair, name, value, known[name])
        missing = [n for n, default in known.items() if default is None and n not in self.params]
        if missing:
            raise UsageError(
                f"{self.repair} needs {names(missing)}", f"write {missing[0]} = … below [[step]]"
            )

    @property
    def kind(self) -> RepairKind:
        """Its line of the table."""
        return find(self.repair)

    def get(self, name: str) -> Any:
        """A parameter, or its default."""
        return self.params.get(name, dict(self.kind.parameters)[name])

    def to_dict(self) -> dict[str, Any]:
        """As plain data, as the TOML file has it."""
        out: dict[str, Any] = {"repair": self.repair, "rules": list(self.rules)}
        out["safety"] = self.safety
        said = [line for line in self.why.split("\n") if line]
        if said:
            out["why"] = said[0] if len(said) == 1 else said
        if self.columns:
            out["columns"] = list(self.columns)
        if self.splits:
            out["splits"] = list(self.splits)
        return {**out, **self.params}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Step:
        """A step from a table of the TOML file. Raises UsageError."""
        if not isinstance(raw.get("repair"), str):
            raise UsageError("a step names no repair", 'write repair = "…" below [[step]]')
        kind = find(raw["repair"])
        safety = raw.get("safety", kind.safety)
        if safety not in _SAFETIES:
            raise UsageError(f"{kind.name}: safety is {safety!r}", "it is safe or unsafe")
        lists: dict[str, tuple[str, ...]] = {}
        for name in ("rules", "columns", "splits"):
            value = raw.get(name, [])
            if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
                raise UsageError(f"{kind.name}: {name} is {value!r}", "it is a list of texts")
            lists[name] = tuple(value)
        said = raw.get("why", "")
        lines = said if isinstance(said, list) else [said]
        if not all(isinstance(line, str) for line in lines):
            raise UsageError(f"{kind.name}: why is {said!r}", "it is a text, or a list of texts")
        params = {k: v for k, v in raw.items() if k not in _FIELDS}
        if kind.safety == "unsafe":
            safety = "unsafe"  # what the table calls unsafe, no file makes safe
        rules, columns, splits = (lists[name] for name in ("rules", "columns", "splits"))
        return cls(kind.name, rules, columns, splits, params, safety, "\n".join(lines))


@dataclass(frozen=True, slots=True)
class Told:
    """What a finding asks for and no repair here does: a person has to."""

    rule: str
    repair: str
    why: str
    reason: str = ""


@dataclass(frozen=True)
class Plan:
    """Ordered repairs. ``told`` is for a person; ``dataset`` is the name of what was audited."""

    steps: tuple[Step, ...] = ()
    told: tuple[Told, ...] = ()
    dataset: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(sorted(self.steps, key=lambda s: s.kind.order)))

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Any:
        return iter(self.steps)

    def select(self, codes: Iterable[str]) -> Plan:
        """Only the steps that answer rules or families of ``codes`` (``MV``, ``LK001``)."""
        wanted = tuple(codes)
        return replace(
            self,
            steps=tuple(s for s in self.steps if any(r.startswith(wanted) for r in s.rules)),
            told=tuple(t for t in self.told if t.rule.startswith(wanted)),
        )

    def ready(self, *, unsafe: bool = False) -> Plan:
        """What is run: safe steps (all, if ``unsafe``), free of conflicts.

        A column that is dropped is not mended first; a column is scaled once, by the last scaling
        of the table that names it; rows are moved by one re-split only (entities come before
        time, time before classes); steps without a column left are gone.
        """
        steps = [s for s in self.steps if unsafe or s.safety == "safe"]
        moving = [s for s in steps if s.kind.acts == "splits"]
        if len(moving) > 1:  # one after the other would undo what the first did
            first = min(moving, key=lambda s: MOVES.index(s.repair))
            steps = [s for s in steps if s.kind.acts != "splits" or s is first]
            if first.repair == MOVES[0]:  # that one looks at times, too
                rules = {r for s in moving if s.repair in MOVES[:2] for r in s.rules}
                steps[steps.index(first)] = replace(first, rules=tuple(sorted(rules)))
        if moving:  # a few rows of a category that train lacked may come to it
            few, other = {"least": FEW}, "map-to-other"
            steps = [
                replace(s, params={**few, **s.params}) if s.repair == other else s for s in steps
            ]
        dropped = {c for s in steps if s.repair in DROPS for c in s.columns}
        scaled: set[str] = set()
        out: list[Step] = []
        for step in reversed(steps):
            columns = step.columns
            if step.kind.acts in ("values", "loader") and step.repair not in DROPS and columns:
                columns = tuple(c for c in columns if c not in dropped)
                if step.repair in SCALES:
                    columns = tuple(c for c in columns if c not in scaled)
                    scaled.update(columns)
                if not columns:
                    continue
            out.append(replace(step, columns=columns))
        return replace(self, steps=tuple(reversed(out)))

    def conflicts(self, *, unsafe: bool = False) -> list[str]:
        """What :meth:`ready` leaves out because another step stands against it, in sentences."""
        moving = [s.repair for s in self.steps if s.kind.acts == "splits"]
        if not unsafe or len(moving) < 2:
            return []
        first = min(moving, key=MOVES.index)
        others = names(dict.fromkeys(m for m in moving if m != first))
        also = ", in order of time as far as whole groups allow" if first == MOVES[0] else ""
        said = f"{others} was left out: rows are moved once, here by {first}{also}"
        return [said] if others else []

    def skipped(self, *, unsafe: bool = False) -> tuple[Step, ...]:
        """Steps that :meth:`ready` leaves out as unsafe."""
        return () if unsafe else tuple(s for s in self.steps if s.safety != "safe")

    # -- TOML ---------------------------------------------------------------------------------

    def to_toml(self) -> str:
        """The plan as a file to edit; each step says why, and comments what is left to a person."""
        import tomlkit

        document = tomlkit.document()
        for line in (
            f"What would mend {plain(self.dataset) or 'the data'}; `datacheck fix --plan` runs it.",
            "Edit it, delete steps or put # before their lines. Steps run in the order of the",
            "table of repairs (`datacheck repairs`), whatever their order here.",
        ):
            document.add(tomlkit.comment(line))
        document.add("version", tomlkit.item(VERSION))
        document.add("dataset", tomlkit.item(self.dataset))
        steps = tomlkit.aot()
        for step in self.steps:
            table = tomlkit.table()
            if step.safety == "unsafe":
                table.add(tomlkit.comment("unsafe: run only with --unsafe"))
            for key, value in step.to_dict().items():
                table.add(key, _item(value))
            steps.append(table)
        if self.steps:
            document.add("step", steps)
        for told in self.told:
            said = f"{told.rule}, by hand ({told.repair}): {told.why}"
            document.add(tomlkit.comment(plain(said)))
            if told.reason:
                document.add(tomlkit.comment(f"  {plain(told.reason)}"))
        return tomlkit.dumps(document)

    @classmethod
    def from_toml(cls, text: str, origin: str = "the plan") -> Plan:
        """A plan from the text of such a file. Raises UsageError with a hint."""
        try:
            raw = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise UsageError(f"{origin} is not TOML: {error}", "mend it, or plan again") from None
        version = raw.pop("version", None)
        if version != VERSION:
            raise UsageError(
                f"{origin} has version {version!r}", f"this datacheck reads version {VERSION}"
            )
        dataset, steps = raw.pop("dataset", ""), raw.pop("step", [])
        if raw:
            raise UsageError(f"{origin}: no key {next(iter(raw))!r}", "there are: dataset, step")
        tables = isinstance(steps, list) and all(isinstance(s, Mapping) for s in steps)
        if not tables or len(steps) > MOST_STEPS:
            raise UsageError(f"{origin}: step is no list of tables", "write [[step]]")
        try:
            return cls(tuple(Step.from_dict(s) for s in steps), dataset=str(dataset))
        except UsageError as error:
            raise UsageError(f"{origin}: {error.message}", error.hint) from None

    def save(self, path: str | Path) -> None:
        """Write the TOML file."""
        Path(path).write_text(self.to_toml(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Plan:
        """Read a TOML file. Raises UsageError for what is no plan."""
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}", "check --plan") from None
        except UnicodeDecodeError:
            raise UsageError(f"{path} is not UTF-8", "a plan is a TOML file") from None
        return cls.from_toml(text, str(path))

    def __repr__(self) -> str:
        lines = [f"Plan({self.dataset}: {len(self.steps)} repairs)"]
        lines += [
            f"  {s.repair:<22} {s.safety:<7} {','.join(s.rules):<12} {plain(names(s.columns))}"
            for s in self.steps
        ]
        return "\n".join([*lines, *(f"  by hand: {t.rule} {plain(t.why)}" for t in self.told)])


def _check(repair: str, name: str, value: Any, default: Any) -> None:
    """Raises UsageError for a parameter of another type than its default."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    wrong = (
        (isinstance(default, bool) and not isinstance(value, bool))
        or (isinstance(default, str) and not isinstance(value, str))
        or (isinstance(default, list) and not isinstance(value, list))
        or (isinstance(default, dict) and not isinstance(value, Mapping))
        or (isinstance(default, float) and not number)
        or (type(default) is int and not (number and math.isfinite(value) and value == int(value)))
    )
    if wrong:
        shown = "a number" if isinstance(default, int | float) else f"a {type(default).__name__}"
        shown = "true or false" if isinstance(default, bool) else shown
        raise UsageError(f"{repair}: {name} is {value!r}", f"it is {shown}, such as {default!r}")


def _item(value: Any) -> Any:
    import tomlkit

    if isinstance(value, list) and len(value) > 6:
        # As text: each item that is added to an array costs as much as all before it.
        lines = "".join(f"    {tomlkit.item(v).as_string()},\n" for v in value)
        return tomlkit.array(f"[\n{lines}]")
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        table.update({k: _item(v) for k, v in value.items()})
        return table
    return tomlkit.item(value)
