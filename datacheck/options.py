"""Rules as a configuration wants them: chosen, with their options set and checked."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from datacheck.checks.base import BaseRule
from datacheck.checks.codes import Code, find, select
from datacheck.config import Config
from datacheck.config_values import nearest
from datacheck.errors import ConfigError, UsageError
from datacheck.findings import Severity


def check(config: Config) -> None:
    """Raises UsageError or ConfigError for rules, options and severities that do not exist."""
    select(config.select, config.ignore)
    for suppression in config.suppress:
        try:
            select((suppression.rule,))
        except UsageError as error:
            raise ConfigError(f"suppress: {error.message}", error.hint) from None
    severities(config)
    for code in options_by_code(config):
        checked(config, code)


def checked(config: Config, rule: str) -> dict[str, Any]:
    """The options that ``config`` sets for a rule, by field and of its type. Raises ConfigError."""
    code = find(rule)
    given = options_by_code(config).get(code.code, {})
    if not given:
        return {}
    cls = code.load()
    known = {f.name: f for f in fields(cls)}
    values: dict[str, Any] = {}
    for key, value in given.items():
        name = key.replace("-", "_")
        if name == "severity":
            continue
        if name not in known:
            listed = ", ".join(["severity", *known])
            raise ConfigError(
                f"{code.code} has no option {key!r}", f"{nearest(name, known)}there are: {listed}"
            )
        values[name] = _typed(code, known[name], _hint(cls, known[name]), value)
    try:
        cls(**values)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{code.code}: {error}", f"`datacheck rule {code.code}` tells") from None
    return values


def severities(config: Config) -> dict[str, Severity]:
    """Severities that ``config`` sets, by code; they hold for all findings of the rule."""
    out = {}
    for code, options in options_by_code(config).items():
        if "severity" in options:
            try:
                out[code] = Severity(options["severity"])
            except ValueError:
                raise ConfigError(
                    f"{code}: no severity {options['severity']!r}",
                    f"it is one of {', '.join(Severity)}",
                ) from None
    return out


def options_by_code(config: Config) -> dict[str, Mapping[str, Any]]:
    """``config.rules`` with names turned into codes. Raises ConfigError for an unknown rule."""
    out: dict[str, Mapping[str, Any]] = {}
    for rule, options in config.rules.items():
        try:
            code = find(rule).code
        except UsageError as error:
            raise ConfigError(f"rules: {error.message}", error.hint) from None
        if code in out:
            raise ConfigError(f"the options of {code} stand twice, once by name", "keep one table")
        out[code] = options
    own = out.get("SC003", {}).get("schema", "")
    if own and not str(own).lower().endswith((".yaml", ".yml")):
        raise ConfigError(
            "rules.SC003.schema names a .yaml or .yml file only: importing a module runs code",
            "name the module with --schema",
        )
    if config.schema is not None:
        from datacheck.summaries.schemas import name_of

        out["SC003"] = {**out.get("SC003", {}), "schema": name_of(config.schema)}
    return out


def _hint(cls: type[BaseRule], option: Field[Any]) -> Any:
    """The option's type; that of its default where the annotation cannot be resolved."""
    try:
        return typing.get_type_hints(cls)[option.name]
    except NameError:
        return type(option.default) if option.default is not MISSING else object


def _typed(code: Code, option: Field[Any], wanted: Any, value: Any) -> Any:
    """``value`` as the option's type; a list stands for a tuple, an integer for a float."""
    fitted = _fit(wanted, value)
    if fitted is _MISFIT:
        shown = getattr(wanted, "__name__", None) if not typing.get_args(wanted) else str(wanted)
        raise ConfigError(
            f"{code.code}: option {option.name} is {value!r}", f"its type is {shown or wanted}"
        )
    return fitted


_MISFIT = object()


def _fit(wanted: Any, value: Any) -> Any:
    origin, args = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, types.UnionType):
        return next((f for a in args if (f := _fit(a, value)) is not _MISFIT), _MISFIT)
    if origin is typing.Literal:
        return value if value in args else _MISFIT
    if origin is tuple or wanted is tuple:
        return _fit_tuple(args, value)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, bool) and wanted not in (bool, object, Any):
        return _MISFIT
    plain = origin or wanted
    fits = plain is Any or (isinstance(plain, type) and isinstance(value, plain))
    return value if fits else _MISFIT


def _fit_tuple(args: tuple[Any, ...], value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return _MISFIT
    if len(args) == 2 and args[1] is Ellipsis:
        args = (args[0],) * len(value)
    if args and len(args) != len(value):
        return _MISFIT
    items = tuple(_fit(a, v) for a, v in zip(args or (Any,) * len(value), value, strict=True))
    return _MISFIT if any(i is _MISFIT for i in items) else items
