"""Settings from TOML files: which keys there may be, and what a file may not do."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from datacheck.config import Config, Suppression
from datacheck.config_values import nearest
from datacheck.errors import ConfigError, UsageError


def read(path: Path, *, required: bool = True) -> Config:
    """Settings of one file; without ``required`` none where it has no table of ours."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", "check --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not TOML: {error}", "mend it, or use --config") from None
    if path.name == "pyproject.toml":
        tool = raw.get("tool", {})
        if "datacheck" not in tool and not required:
            return Config()
        raw = tool.get("datacheck", {})
    raw = _beside(raw, path.parent)
    try:
        return Config(**known(raw), origin=str(path))
    except UsageError as error:
        raise ConfigError(f"{path}: {error.message}", error.hint) from None


def known(raw: Any) -> dict[str, Any]:
    """Arguments for Config from a table of a file. Raises UsageError for a key that is unknown."""
    if not isinstance(raw, Mapping):
        raise UsageError("tool.datacheck is not a table", "write [tool.datacheck]")
    if "transforms" in raw:
        raise UsageError(
            "transforms cannot be set in a file: importing them runs code",
            "name them with --transforms, or audit(…, transforms=…)",
        )
    if not {"follow_links", "follow-links"}.isdisjoint(raw):
        raise UsageError(
            "follow-links cannot be set in a file, which may come with the data",
            "say it with --follow-links, or audit(…, follow_links=True)",
        )
    if "schema" in raw and not _is_yaml(raw["schema"]):
        raise UsageError(
            "schema in a file names a .yaml or .yml file only: importing a module runs code",
            "name the module with --schema, or audit(…, schema=…)",
        )
    no = ("origin", "transforms", "follow_links")
    keys = [f.name for f in fields(Config) if f.name not in no]
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


def _keys(raw: Mapping[str, Any], allowed: list[str], what: str) -> dict[str, Any]:
    out = {}
    for key, value in raw.items():
        name = key.replace("-", "_")
        if name not in allowed:
            listed = ", ".join(k.replace("_", "-") for k in allowed)
            raise UsageError(f"no {what} {key!r}", f"{nearest(name, allowed)}there are: {listed}")
        out[name] = value
    return out
