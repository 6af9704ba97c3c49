"""Transforms that a person names on the command line: ``module:train,module:test``.

Naming an object imports its module, which runs code. So names are taken from the command line and
from Python only, never from a configuration file: those may lie in the folder that is audited.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from datacheck.errors import UsageError
from datacheck.findings import names

FORM = "such as --transforms package.module:train_transform,package.module:test_transform"
INSTALL = 'torch is an extra: pip install "datacheck-ml[torch]"'


def loaded(transforms: str | Mapping[str, Any]) -> dict[str, Any]:
    """Transforms by split, from text or from a mapping of splits to transforms or names of them.

    Raises UsageError for text that is not of this form and for what cannot be imported.
    """
    given = parse(transforms) if isinstance(transforms, str) else dict(transforms)
    return {str(k): load(v) if isinstance(v, str) else v for k, v in given.items()}


def parse(text: str) -> dict[str, str]:
    """``module:a,module:b`` or ``train=module:a,val=module:b,…`` → names by split.

    Two without a split are those of train and of test. Raises UsageError.
    """
    items = [item.strip() for item in text.split(",") if item.strip()]
    out: dict[str, str] = {}
    for i, item in enumerate(items):
        split, equals, name = item.partition("=")
        if not equals:
            split, name = ("train", "test")[i] if i < 2 else "", item
        split, name = split.strip(), name.strip()
        if not split:
            raise UsageError(
                f"--transforms does not say which split {name} is for",
                "write split=module:object, such as val=module:evaluation",
            )
        if split in out:
            raise UsageError(f"--transforms names split {split!r} twice", "one transform a split")
        out[split] = name
    if len(out) < 2:
        raise UsageError(f"--transforms {text!r} names {len(out)} of at least 2 transforms", FORM)
    return out


def load(name: str) -> Any:
    """The object ``module:attribute.path`` names, imported as ``python -m`` would.

    The current folder comes first on the path meanwhile. A function or class that can be called
    without arguments is called, and what it returns is the transform. Raises UsageError.
    """
    module, colon, path = name.partition(":")
    if not (module and colon and path) or not all(p.isidentifier() for p in module.split(".")):
        raise UsageError(f"{name!r} is not module:object", FORM)
    with _here_first():
        found = _attribute(_module(module), module, path)
        return _made(found, name)


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = str(error.name)
        if name == missing or name.startswith(f"{missing}."):
            here = sorted(p.stem for p in Path.cwd().glob("*.py"))
            seen = f"modules in this folder: {names(here, 6)}" if here else "no module is here"
            raise UsageError(f"no module {missing!r}", seen) from None
        hint = INSTALL if missing in ("torch", "torchvision") else f"{missing} is not installed"
        raise UsageError(f"module {name!r} imports {missing!r}, which is not there", hint) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever the user's module raises, SystemExit too
        raise UsageError(_said(f"module {name!r} fails", error), "import it to see where") from None


def _attribute(module: Any, home: str, path: str) -> Any:
    found, walked = module, home
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            public = [n for n in dir(found) if not n.startswith("_")]
            near = [n for n in public if "trans" in n.lower() or "aug" in n.lower()] or public
            raise UsageError(
                f"{walked} has no {part!r}", f"it has {names(near, 8) or 'nothing public'}"
            ) from None
        walked = f"{walked}.{part}" if walked != home else f"{home}:{part}"
    return found


def _made(found: Any, name: str) -> Any:
    """The transform: what a function, a class or a partial gives that needs no arguments."""
    made = inspect.isroutine(found) or isinstance(found, type | functools.partial)
    if not made or not _needs_nothing(found):
        return found
    try:
        return found()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # as above
        raise UsageError(_said(f"{name}() fails", error), "call it to see where") from None


def _needs_nothing(function: Any) -> bool:
    """Whether it can be called without arguments, and does not take an image all the same."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return not any(
        p.kind is p.VAR_POSITIONAL or (p.default is p.empty and p.kind is not p.VAR_KEYWORD)
        for p in parameters
    )


def _said(what: str, error: BaseException) -> str:
    return f"{what}: {type(error).__name__}: {' '.join(str(error).split())[:160]}"


@contextmanager
def _here_first() -> Iterator[None]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)
