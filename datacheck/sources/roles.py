"""Roles and the task: what the user says, and else what names and values suggest, said aloud."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches

from datacheck.dataset import Column, Kind, Role, Task
from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.sources.kinds import Look
from datacheck.sources.options import SourceOptions
from datacheck.sources.table import Given

LABELS = ("label", "labels", "target", "targets", "class", "y", "outcome", "species")
IDS = re.compile(
    r"^(id|idx|index|uuid|guid|row|row_?(id|num|number|nr)|unnamed: 0|instant|sno|no)$"
)
ID_SUFFIX = re.compile(r"(^|[_\s.-])(id|uuid|guid|key)$|[a-z]ID$|Id$")
GROUPS = re.compile(
    r"^(group|patient|subject|user|customer|client|household|speaker|session|entity|account|"
    r"machine|device|sensor|participant|person|author)s?([_\s-]?(id|no|nr|name|key|number))?$"
)
TIMES = re.compile(r"^(unix_?)?(time_?stamp|time|datetime|epoch)$")
WEIGHTS = re.compile(r"^(sample|instance|case|row)_?weights?$")
SPLITS = ("split", "fold", "subset", "partition", "set", "dataset_split")
UNIQUE = 0.9
FEW = 12  # an unnamed whole-number column with no more values than this names classes
CLASSES = 1000


def assign(
    looks: Mapping[str, Look],
    options: SourceOptions,
    split_column: str | None,
    given: Mapping[str, Given],
) -> tuple[dict[str, Column], Task | None, list[str]]:
    """Columns with their roles, the task, and the assumptions as sentences.

    ``given`` are the columns that the source itself knows about; what the user says goes first.
    Raises UsageError for a column that does not exist.
    """
    columns = {
        name: Column(name, one.kind, Role.FEATURE, "", False, one.integer, one.distinct, one.known)
        for name, one in looks.items()
    }
    for name, told in given.items():
        if not (told.role is Role.LABEL and options.label not in (None, name)):
            columns[name] = replace(
                columns[name],
                role=told.role,
                assumed=told.why,
                unique=told.unique,
                cells=told.cells,
            )
    _given(columns, options, split_column)
    said: list[str] = []
    for role, find in (
        (Role.ID, _ids), (Role.GROUP, _groups), (Role.TIME, _times), (Role.WEIGHT, _weights),
    ):  # fmt: skip
        flags = {Role.ID: options.id, Role.GROUP: options.group, Role.TIME: options.time}
        if flags.get(role):
            continue
        for name, reason in find(columns, looks).items():
            if name == options.label:
                continue
            columns[name] = replace(columns[name], role=role, assumed=reason)
            flag = "set with --ignore-column" if role is Role.WEIGHT else f"set with --{role.value}"
            said.append(f"{role.value}: {name}, assumed: {reason}; {flag}")
    if options.label is None:
        label, reason = _label(columns, looks, given)
        if label:
            columns[label] = replace(columns[label], role=Role.LABEL, assumed=reason)
            said.insert(0, f"label: {label}, assumed: {reason}; set with --label")
        else:
            said.insert(0, f"label: none found ({reason}); name it with --label")
    for name, column in columns.items():
        if column.role in (Role.ID, Role.GROUP, Role.TIME) and name not in given:
            unique = column.distinct >= UNIQUE * column.peeked > 0 or looks[name].counter
            columns[name] = replace(column, unique=unique)
    task, how = _task(columns, looks, options)
    if how:
        said.insert(1, how)
    for name, one in looks.items():
        if one.kind is Kind.SEQUENCE and one.how.separator and name not in given:
            listed = one.how.separator == "json"
            how_split = "written in brackets" if listed else f"split at {one.how.separator!r}"
            said.append(f"{name} is read as a sequence, its items {how_split}")
    return columns, task, said


def known(name: str, flag: str, columns: Mapping[str, object]) -> str:
    """The name, if there is such a column. Raises UsageError naming those there are."""
    if name in columns:
        return name
    near = get_close_matches(name, list(columns), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    listed = names([repr(c) for c in columns], 12)
    raise UsageError(f"no column {name!r} for --{flag}", f"{hint}there are: {listed}")


def _given(columns: dict[str, Column], options: SourceOptions, split_column: str | None) -> None:
    asked = [(one, Role.IGNORE, "ignore-column") for one in options.ignore]
    asked += [(one, Role.ID, "id") for one in options.id]
    if options.time is not None:
        asked.append((options.time, Role.TIME, "time"))
    if options.group is not None:
        asked.append((options.group, Role.GROUP, "group"))
    if split_column is not None:
        asked.append((split_column, Role.SPLIT, "split-column"))
    if options.label is not None:
        asked.append((options.label, Role.LABEL, "label"))
    taken: dict[str, str] = {}
    for name, role, flag in asked:
        known(name, flag, columns)
        if taken.setdefault(name, flag) != flag:
            raise UsageError(
                f"column {name!r} is given to both --{taken[name]} and --{flag}",
                "a column has one role",
            )
        columns[name] = replace(columns[name], role=role)


def _free(columns: Mapping[str, Column]) -> list[str]:
    return [c.name for c in columns.values() if c.role is Role.FEATURE]


def _ids(columns: Mapping[str, Column], looks: Mapping[str, Look]) -> dict[str, str]:
    out: dict[str, str] = {}
    free = _free(columns)
    for i, name in enumerate(free):
        one = looks[name]
        if one.known < 2 or one.kind not in (Kind.NUMBER, Kind.CATEGORY):
            continue
        if name.strip().lower() in LABELS:
            continue
        unique = one.distinct >= UNIQUE * one.known
        scalar = one.kind is Kind.CATEGORY or one.integer
        named = IDS.match(name.strip().lower()) or ID_SUFFIX.search(name.strip())
        if named and unique and scalar:
            out[name] = "its name, and a value of its own in (nearly) every row"
        elif one.counter and one.known > 10 and len(free) > 1:
            out[name] = "counts the rows"
        elif i == 0 and one.integer and unique and one.known > 50 and one.high > 10 * one.known:
            out[name] = "first column, large whole numbers, (nearly) all different"
        elif (
            one.kind is Kind.CATEGORY and one.known > 50 and len(free) > 1
            and one.distinct >= 0.99 * one.known and one.words < 1.2 and one.digits > 0.9
        ):  # fmt: skip
            out[name] = "codes, (nearly) all different"
    return out


def _groups(columns: Mapping[str, Column], looks: Mapping[str, Look]) -> dict[str, str]:
    for name in _free(columns):
        one, lower = looks[name], name.strip().lower()
        if one.kind not in (Kind.NUMBER, Kind.CATEGORY) or one.distinct < 2:
            continue
        if one.kind is Kind.NUMBER and not one.integer:
            continue
        repeats = one.distinct < UNIQUE * one.known
        if repeats and (
            GROUPS.match(lower) or (ID_SUFFIX.search(name.strip()) and one.distinct > 20)
        ):
            return {name: "its name, and values that repeat"}
    return {}


def _times(columns: Mapping[str, Column], looks: Mapping[str, Look]) -> dict[str, str]:
    free = _free(columns)
    for name in free:
        if looks[name].kind is Kind.DATETIME:
            return {name: "first column of dates"}
    for name in free:
        one = looks[name]
        if one.kind is Kind.NUMBER and TIMES.match(name.strip().lower()) and one.distinct > 10:
            return {name: "its name"}
    return {}


def _weights(columns: Mapping[str, Column], looks: Mapping[str, Look]) -> dict[str, str]:
    for name in _free(columns):
        if looks[name].kind is Kind.NUMBER and WEIGHTS.match(name.strip().lower()):
            return {name: "its name"}
    return {}


def _classes(one: Look) -> bool:
    """Whether values without a telling name look like classes."""
    if one.kind is Kind.BOOLEAN:
        return True
    if one.kind is Kind.CATEGORY:
        return 2 <= one.distinct <= max(2, 0.2 * one.known)
    few = 2 <= one.distinct <= FEW and one.distinct <= max(2, 0.2 * one.known)
    return one.kind is Kind.NUMBER and one.integer and few


def _label(
    columns: Mapping[str, Column], looks: Mapping[str, Look], given: Mapping[str, Given]
) -> tuple[str, str]:
    """(name, reason), or ('', why there is none)."""
    for name, told in given.items():
        if columns[name].role is Role.LABEL:
            return name, told.why
    free = [n for n in _free(columns) if looks[n].kind not in (Kind.ARRAY, Kind.DATETIME)]
    for wanted in LABELS:
        for name in free:
            if name.strip().lower() == wanted:
                return name, "its name"
    if len(free) < 2:
        return "", "one column alone has nothing to predict"
    last, first = free[-1], free[0]
    if _classes(looks[last]):
        return last, "last column"
    alone = [n for n in free if looks[n].kind in (Kind.CATEGORY, Kind.BOOLEAN)]
    if _classes(looks[first]) and alone == [first] and first == next(iter(columns)):
        return first, "first column, the only one of categories"
    amount = looks[last].kind is Kind.NUMBER and looks[last].integer and looks[last].distinct > 1
    if amount and last == list(columns)[-1]:  # a guess that needs its place
        return last, "last column"
    return "", "neither a telling name nor a last column of classes"


def _task(
    columns: Mapping[str, Column], looks: Mapping[str, Look], options: SourceOptions
) -> tuple[Task | None, str]:
    label = next((c for c in columns.values() if c.role is Role.LABEL), None)
    if label is None:
        return None, ""
    one = looks[label.name]
    if options.task is not None:
        strings = one.kind in (Kind.CATEGORY, Kind.TEXT) and one.known > 0
        if strings and options.task == Task.REGRESSION:
            raise UsageError(
                f"label {label.name!r} holds strings: there is no regression of them",
                "drop --task, or name another --label",
            )
        if one.kind in (Kind.SEQUENCE, Kind.ARRAY, Kind.IMAGE):
            raise UsageError(
                f"label {label.name!r} holds {one.kind.value}s: there is no {options.task} of them",
                "drop --task, or name another --label",
            )
        return options.task, ""
    told = f"{label.name} holds"
    if one.kind is Kind.BOOLEAN:
        return Task.CLASSIFICATION, ""
    if one.kind is Kind.CATEGORY:
        if one.distinct > CLASSES or (one.distinct > 0.5 * one.known and one.known > 20):
            return None, f"task: none; {told} strings that hardly repeat; set with --task"
        return Task.CLASSIFICATION, ""
    if one.kind is not Kind.NUMBER:
        return None, f"task: none; {told} {one.kind.value}s; set with --task"
    named = label.name.strip().lower() in ("label", "labels", "class", "y", "target", "targets")
    most = 100 if named and one.high < 1000 else FEW
    few = one.distinct <= most and one.distinct <= max(2, 0.5 * one.known)
    task = Task.CLASSIFICATION if one.integer and few else Task.REGRESSION
    what = f"{one.distinct} whole numbers" if few and one.integer else "numbers"
    return task, f"task: {task.value}, assumed: {told} {what}; set with --task"
