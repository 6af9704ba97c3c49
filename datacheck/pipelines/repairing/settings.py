"""Settings for repaired data: roles as they were, and what the loader mends."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacheck.config import Config, Suppression
from datacheck.dataset import Role

if TYPE_CHECKING:
    from datacheck.pipelines.fixing import Job

_ROLES = (("label", Role.LABEL), ("group", Role.GROUP), ("time", Role.TIME))
_NOT_KEPT = ("origin", "memory", "threads")


def settings_of(job: Job, config: Config) -> dict[str, Any]:
    """Fields of a Config with which an audit reads the repaired data as it read the source.

    What was assumed is said (a column more would change what is assumed), names that stand for
    unseen categories are told to NM006, and a rule that the loader answers is suppressed, with
    that as the reason.
    """
    default = Config()
    out = {
        f.name: value
        for f in fields(Config)
        if f.name not in _NOT_KEPT
        and (value := getattr(config, f.name)) != getattr(default, f.name)
    }
    return {**out, **_roles(job, config), **_rules(job, config), **_accepted(job, config)}


def write(path: Path, job: Job, config: Config) -> None:
    """Write :func:`settings_of` as a ``datacheck.toml``."""
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment("written by `datacheck fix`: the roles that the audit assumed"))
    given = settings_of(job, config)
    accepted = given.pop("suppress", ())
    rules = given.pop("rules", {})
    for name, value in given.items():
        shown = list(value) if isinstance(value, tuple) else value
        document.add(name.replace("_", "-"), tomlkit.item(shown))
    if rules:
        document.add("rules", tomlkit.item(rules))
    if accepted:
        tables = tomlkit.aot()
        for one in accepted:
            told = {f.name: getattr(one, f.name) for f in fields(one)}
            plain = {k: list(v) if isinstance(v, tuple) else v for k, v in told.items() if v}
            tables.append(tomlkit.item(plain))
        document.add("suppress", tables)
    path.write_text(tomlkit.dumps(document), encoding="utf-8")


def _roles(job: Job, config: Config) -> dict[str, Any]:
    data = job.data
    gone = {c for a in job.mender.applied for c in a.transform.dropped}
    kept = [c for c in data.columns.values() if c.name not in gone]
    out: dict[str, Any] = {}
    for name, role in _ROLES:
        found = [c.name for c in kept if c.role is role]
        if found:
            out[name] = found[0]
    if ids := tuple(c.name for c in kept if c.role is Role.ID):
        out["id"] = ids
    if data.split_column:
        out["split_column"] = data.split_column
    if data.task is not None:
        out["task"] = data.task.value
    if ignored := tuple(c for c in config.ignore_column if c not in gone):
        out["ignore_column"] = ignored
    return out


def _rules(job: Job, config: Config) -> dict[str, Any]:
    rules = {code: dict(options) for code, options in config.rules.items()}
    names: set[str] = set()
    for applied in job.mender.applied:
        learned: Any = getattr(applied.transform, "vocabulary_", None) or {}
        names.update(words.other for words in learned.values())
    if names:
        rules.setdefault("NM006", {})["other"] = sorted(names)
    return {"rules": rules} if rules else {}


def _accepted(job: Job, config: Config) -> dict[str, Any]:
    """Suppressions of the source, and one for each rule that the loader answers."""
    out = list(config.suppress)
    for step in job.steps:
        if step.kind.acts == "loader":
            reason = f"mended in the loader: {step.kind.does} ({step.repair}, pipeline.json)"
            out += [Suppression(rule, reason=reason, optional=True) for rule in step.rules]
        elif step.repair == "impute-with-indicator" and "MV004" in step.rules:
            # One value for all gaps makes a spike, and it is higher where gaps are more frequent.
            reason = "its gaps differ between the splits (MV004) and were filled from train"
            out.append(Suppression("NM003", step.columns, reason=reason, optional=True))
    return {"suppress": tuple(out)} if out else {}
