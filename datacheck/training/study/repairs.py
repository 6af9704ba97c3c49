"""The repairs of a plan as a study takes them apart: what makes no sense alone stays together.

Making stand-ins missing and filling what is missing are one repair: one without the other would
trade numbers for NaN. Filling is divided by column, so that each defect keeps its own. What one
batch sampler does about lengths is one repair too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from datacheck.findings import names
from datacheck.pipelines.plan import Step
from datacheck.training.study.measures import Defect, defect_of

FILL, MAKE_MISSING = "impute-with-indicator", ("to-missing", "parse")
TOGETHER = ("knn", "iterative")  # ways to fill that look at several columns
BY_LENGTH = ("length-bucketing", "class-aware-buckets", "token-budget")  # one sampler does them


@dataclass(frozen=True, slots=True)
class Repair:
    """Steps that a study takes or leaves together, with the defect that they answer."""

    key: str
    steps: tuple[Step, ...]
    called: str = ""
    """What it is called, where its steps do not say it."""
    judged: Defect | None = None
    """The kind of defect, where its rules do not say it."""

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that it answers."""
        return tuple(sorted({r for s in self.steps for r in s.rules}))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it works on."""
        return tuple(dict.fromkeys(c for s in self.steps for c in s.columns))

    @property
    def defect(self) -> Defect:
        """The kind of defect, which says what is measured."""
        if self.judged is not None:
            return self.judged
        makes = [s for s in self.steps if s.repair == "to-missing"]
        rules = {r for s in self.steps if s.repair != FILL for r in s.rules} or set(self.rules)
        if makes and all(_texts(s) for s in makes):
            rules.add("MV001")  # texts in a column of numbers are NaN already
        return defect_of(rules | ({"MV001"} & set(self.rules)))

    @property
    def unsafe(self) -> bool:
        """Whether a step of it changes what a model is asked to learn."""
        return any(s.safety == "unsafe" for s in self.steps)

    @property
    def words(self) -> str:
        """``to-missing + impute-with-indicator: lactate``."""
        if self.called:
            return self.called
        steps = " + ".join(dict.fromkeys(s.repair for s in self.steps))
        return f"{steps}: {names(self.columns, 3)}" if self.columns else steps

    @property
    def on_data(self) -> bool:
        """Whether it changes the data (the others only tell the loader something)."""
        return any(s.kind.acts != "loader" for s in self.steps)


def take_apart(steps: Iterable[Step]) -> list[Repair]:
    """The repairs of a plan that is ready to run, in its order."""
    groups: list[list[Step]] = []
    fills: list[Step] = []
    for step in steps:
        if step.repair == FILL and step.get("number") not in TOGETHER:
            fills += [replace(step, columns=(c,)) for c in step.columns]
        elif step.repair == FILL or step.repair in MAKE_MISSING:
            _join(groups, step)
        elif step.repair in BY_LENGTH and any(g[0].repair in BY_LENGTH for g in groups):
            next(g for g in groups if g[0].repair in BY_LENGTH).append(step)
        else:
            groups.append([step])
    left: list[Step] = []
    for fill in fills:
        home = next((g for g in groups if _touches(g, fill) and _about_gaps(g)), None)
        if home is None:
            left.append(fill)
        else:  # of the rules that the filling of many columns answers, those of this defect
            shared = {r for s in home for r in s.rules} & set(fill.rules)
            home.append(replace(fill, rules=tuple(sorted(shared)) or fill.rules))
    by_rules = dict.fromkeys(s.rules for s in left)
    groups += [[s for s in left if s.rules == rules] for rules in by_rules]
    return _keyed([[*_merged(g)] for g in groups])


def _join(groups: list[list[Step]], step: Step) -> None:
    """Into the groups about gaps that share a column with it, which become one."""
    mine = [g for g in groups if _about_gaps(g) and _touches(g, step)]
    joined = [s for g in mine for s in g] + [step]
    for group in mine:
        groups.remove(group)
    groups.append(joined)


def _about_gaps(group: Sequence[Step]) -> bool:
    return all(s.repair in (FILL, *MAKE_MISSING) for s in group)


def _touches(group: Sequence[Step], step: Step) -> bool:
    return any(set(s.columns) & set(step.columns) for s in group)


def _merged(group: Sequence[Step]) -> list[Step]:
    """Fills that were divided by column are one step again, where they do the same."""
    out: list[Step] = []
    for step in group:
        same = [i for i, s in enumerate(out) if replace(s, columns=step.columns) == step]
        if same:
            old = out[same[0]]
            out[same[0]] = replace(old, columns=(*old.columns, *step.columns))
        else:
            out.append(step)
    return sorted(out, key=lambda s: s.kind.order)


def _keyed(groups: Sequence[Sequence[Step]]) -> list[Repair]:
    """Named by their rules, with a number where the same rules come again; in plan order."""
    ordered = sorted(groups, key=lambda g: (g[0].kind.order, g[0].columns))
    out: list[Repair] = []
    for group in ordered:
        rules = "+".join(sorted({r for s in group for r in s.rules})) or group[0].repair
        again = sum(r.key == rules or r.key.startswith(f"{rules}#") for r in out)
        out.append(Repair(f"{rules}#{again + 1}" if again else rules, tuple(group)))
    return out


def _texts(step: Step) -> bool:
    """A step that makes only texts missing."""
    return bool(step.get("values")) and not any(map(_is_number, step.get("values")))


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True
