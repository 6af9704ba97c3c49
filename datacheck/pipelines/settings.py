"""The `datacheck.toml` of a repaired folder: roles as they were, and what the loader mends."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacheck.config import Config
from datacheck.dataset import Role
from datacheck.findings import plain

if TYPE_CHECKING:
    from datacheck.pipelines.fixing import Job

_OURS = ("label", "group", "time", "id", "split_column", "task", "ignore_column")
_ELSEWHERE = ("origin", "rules", "suppress", "memory", "threads", *_OURS)


def write(path: Path, job: Job, config: Config) -> None:
    """Write the settings with which an audit reads the repaired data as it read the source."""
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment("written by `datacheck fix`: the roles that the audit assumed"))
    for name, value in _roles(job, config).items():
        document.add(name.replace("_", "-"), tomlkit.item(value))
    default = Config()
    for f in fields(Config):
        value = getattr(config, f.name)
        if f.name not in _ELSEWHERE and value != getattr(default, f.name):
            shown = list(value) if isinstance(value, tuple) else value
            document.add(f.name.replace("_", "-"), tomlkit.item(shown))
    rules = {code: dict(options) for code, options in config.rules.items()}
    stands_in = sorted(
        {
            words.other
            for applied in job.mender.applied
            if applied.transform.kind == "map_to_other"
            for words in (applied.transform.vocabulary_ or {}).values()  # type: ignore[attr-defined] # of that kind
        }
    )
    if stands_in:
        rules.setdefault("NM006", {})["other"] = stands_in
    if rules:
        document.add("rules", tomlkit.item(rules))
    accepted = _accepted(job, config)
    if accepted:
        tables = tomlkit.aot()
        for one in accepted:
            tables.append(tomlkit.item(one))
        document.add("suppress", tables)
    path.write_text(tomlkit.dumps(document), encoding="utf-8")


def _roles(job: Job, config: Config) -> dict[str, Any]:
    data = job.data
    gone = {c for a in job.mender.applied for c in a.transform.dropped}

    def of(role: Role) -> list[str]:
        return [c.name for c in data.columns.values() if c.role is role and c.name not in gone]

    out: dict[str, Any] = {}
    for name, role in (("label", Role.LABEL), ("group", Role.GROUP), ("time", Role.TIME)):
        if found := of(role):
            out[name] = found[0]
    if found := of(Role.ID):
        out["id"] = found
    if data.split_column:
        out["split_column"] = data.split_column
    if data.task is not None:
        out["task"] = data.task.value
    ignored = [c for c in config.ignore_column if c not in gone]
    return {**out, "ignore_column": ignored} if ignored else out


def _accepted(job: Job, config: Config) -> list[dict[str, Any]]:
    """Suppressions of the source, and one for each rule that the loader answers."""
    out = []
    for one in config.suppress:
        told = {f.name: getattr(one, f.name) for f in fields(one)}
        out.append({k: list(v) if isinstance(v, tuple) else v for k, v in told.items() if v})
    for step in job.steps:
        if step.kind.acts == "loader":
            reason = f"mended in the loader: {plain(step.kind.does)} ({step.repair}, pipeline.json)"
            out += [{"rule": rule, "reason": reason} for rule in step.rules]
    return out
