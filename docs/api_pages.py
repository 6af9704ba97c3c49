"""The API reference, from ``__all__``, signatures and docstrings; nothing is imported for it.

Each package of datacheck that says ``__all__`` gets a page. A name is followed through the imports
of its package to the module that defines it, so that pages are the same wherever they are made.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parent.parent
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Public:
    """A name that a package exports, and where it is defined."""

    package: str
    name: str
    module: str
    node: Definition
    doc: str

    @property
    def summary(self) -> str:
        """The first sentence of its docstring."""
        text = " ".join(self.doc.partition("\n\n")[0].split())
        return re.split(r"(?<=[a-z0-9)`]{2})\. ", text)[0].rstrip(".:")


@cache
def tree_of(module: str) -> ast.Module:
    """The parsed source of a module of ours."""
    path = ROOT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def packages() -> list[str]:
    """The packages that say what is public, with the smallest number of dots first."""
    found = []
    for file in sorted((ROOT / "datacheck").rglob("__init__.py")):
        name = ".".join(file.parent.relative_to(ROOT).parts)
        if _exported(tree_of(name)):
            found.append(name)
    return sorted(found, key=lambda name: (name.count("."), name))


def _exported(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return []


@cache
def public(package: str) -> tuple[Public, ...]:
    """What a package exports, in the order of its ``__all__``."""
    return tuple(_found(package, name) for name in _exported(tree_of(package)))


def _found(package: str, name: str) -> Public:
    module, seen = package, {package}
    called = name
    while True:
        tree = tree_of(module)
        for i, node in enumerate(tree.body):
            if called in _names(node):
                assert isinstance(node, Definition)
                return Public(package, name, module, node, _doc(node, tree.body[i + 1 : i + 2]))
        origin = _imports(tree).get(called)
        if origin is None or origin[0] in seen:
            raise SystemExit(f"{package} exports {name}, which {module} does not define")
        module, called = origin
        seen.add(module)


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, Function | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [t.id for t in node.targets if isinstance(t, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def _imports(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """For each name imported from us, also only for the type checker: (module, name there)."""
    out = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("datacheck"):
            for alias in node.names:
                out[alias.asname or alias.name] = (node.module or "", alias.name)
    return out


def _doc(node: ast.stmt, after: list[ast.stmt]) -> str:
    if isinstance(node, Function | ast.ClassDef):
        return ast.get_docstring(node) or ""
    if after and isinstance(after[0], ast.Expr) and isinstance(after[0].value, ast.Constant):
        return inspect.cleandoc(str(after[0].value.value))
    return ""


# -- members ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Member:
    """A field, property or method of a public class."""

    name: str
    heading: str
    doc: str
    node: ast.stmt
    kind: str
    """``field``, ``property`` or ``method``."""


def members(node: ast.ClassDef) -> Iterator[Member]:
    """What a class has that is public, in the order of the source."""
    for i, part in enumerate(node.body):
        names = [n for n in _names(part) if not n.startswith("_")]
        if not names:
            continue
        doc = _doc(part, node.body[i + 1 : i + 2])
        name = names[0]
        if isinstance(part, Function):
            marks = {ast.unparse(d) for d in part.decorator_list}
            if {"property", "cached_property", "functools.cached_property"} & marks:
                kind = f" -> {ast.unparse(part.returns)}" if part.returns else ""
                yield Member(name, name + kind.replace(" -> ", ": "), doc, part, "property")
            elif not any(m.endswith((".setter", "overload")) for m in marks):
                own = {"staticmethod", "classmethod"} & marks
                called = f"{node.name}.{name}" if own else name
                head = signature(part, called, bound="staticmethod" not in marks)
                yield Member(name, head, doc, part, "method")
        elif isinstance(part, ast.AnnAssign | ast.Assign):
            yield Member(name, ast.unparse(part), doc, part, "field")


def signature(node: Function, name: str, bound: bool = False) -> str:
    """As it is called, with annotations; long ones on a line for each argument."""
    parts = list(_arguments(node.args))[int(bound) :]
    gives = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"{name}({', '.join(parts)}){gives}"
    if len(line) <= 88:
        return line
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){gives}"


def _arguments(args: ast.arguments) -> Iterator[str]:
    places = [*args.posonlyargs, *args.args]
    defaults = [None] * (len(places) - len(args.defaults)) + args.defaults
    for i, (one, default) in enumerate(zip(places, defaults, strict=True)):
        yield _argument(one, default)
        if i + 1 == len(args.posonlyargs):
            yield "/"
    if args.vararg:
        yield "*" + _argument(args.vararg, None)
    elif args.kwonlyargs:
        yield "*"
    for one, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield _argument(one, default)
    if args.kwarg:
        yield "**" + _argument(args.kwarg, None)


def _argument(one: ast.arg, default: ast.expr | None) -> str:
    text = one.arg + (f": {ast.unparse(one.annotation)}" if one.annotation else "")
    if default is None:
        return text
    return text + (" = " if one.annotation else "=") + ast.unparse(default)


def raised(node: ast.AST, known: Mapping[str, object]) -> set[str]:
    """Errors of ours that the body itself raises."""
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Raise) and part.exc is not None:
            what = part.exc.func if isinstance(part.exc, ast.Call) else part.exc
            found |= {ast.unparse(what)} & set(known)
    return found


# -- pages ------------------------------------------------------------------------------------


def markdown(doc: str) -> str:
    """A docstring as Markdown: roles become code, examples become blocks, < stays a sign."""
    doc = re.sub(r":\w+:`~?(?:[\w.]*\.)?([\w]+)`", r"`\1`", doc.replace("``", "`"))
    doc = re.sub(r"::$", ":", doc, flags=re.MULTILINE).replace("  # doctest: +SKIP", "")
    out: list[str] = []
    for paragraph in doc.split("\n\n"):
        if paragraph.lstrip().startswith(">>>") or re.match(r" {4}\S", paragraph):
            out.append("```python\n" + dedent(paragraph) + "\n```")
            continue
        pieces = re.split(r"(`[^`]*`)", paragraph)
        pieces[::2] = [piece.replace("<", "&lt;") for piece in pieces[::2]]
        out.append("".join(pieces))
    return "\n\n".join(out)


def _block(text: str) -> str:
    return f"```python\n{text}\n```"


def _entry(one: Public, elsewhere: str | None) -> str:
    head = f"## `{one.name}`"
    if elsewhere is not None:
        link = f"[{elsewhere}]({_file(elsewhere)}#{one.name.lower()})"
        return f"{head}\n\n{_plain(one.summary)}: see {link}.\n"
    node = one.node
    parts = [head]
    if isinstance(node, Function):
        parts += [_block(signature(node, f"{one.package}.{one.name}")), markdown(one.doc)]
        return "\n\n".join(parts) + "\n"
    if not isinstance(node, ast.ClassDef):
        whole = ast.unparse(node)
        short = whole if len(whole) <= 88 else whole.partition(" = ")[0] + " = …"
        parts += [_block(short), markdown(one.doc)]
        return "\n\n".join(p for p in parts if p) + "\n"
    bases = [ast.unparse(base) for base in node.bases]
    kind = f"class {one.package}.{one.name}" + (f"({', '.join(bases)})" if bases else "")
    init = next((p for p in node.body if isinstance(p, Function) and p.name == "__init__"), None)
    if init is not None:
        made = signature(init, f"{one.package}.{one.name}", bound=True)
        kind = made.removesuffix(" -> None")
    parts += [_block(kind), markdown(one.doc)]
    every = list(members(node))
    fields = [m for m in every if m.kind == "field"]
    if any(m.doc for m in fields):
        parts.append("\n".join(f"- `{m.heading}`" + _said(m) for m in fields))
    elif fields:
        parts.append(_block("\n".join(m.heading for m in fields)))
    parts += [f"- `{m.heading}`{_said(m)}" for m in every if m.kind == "property"]
    for m in every:
        if m.kind == "method" and m.doc:  # without, a class it extends says it
            parts += [f"### `{one.name}.{m.name}`", _block(m.heading), markdown(m.doc)]
    return "\n\n".join(p for p in parts if p) + "\n"


def _said(member: Member) -> str:
    text = " ".join(markdown(member.doc).split())
    return f": {text}" if text else ""


def _plain(text: str) -> str:
    return markdown(text).replace("|", "\\|")


def _file(package: str) -> str:
    return f"{package}.md"


def pages(note: str) -> Iterator[tuple[Path, str]]:
    """Every page of the reference and what belongs there; ``note`` has a place for the source."""
    folder = ROOT / "docs" / "api"
    met: dict[tuple[str, str], str] = {}
    index = [note.format(source="the docstrings"), "# API reference\n"]
    index += [
        "What the packages export, with signatures and docstrings. Whatever is not listed here may",
        "change without notice. The commands are in [cli.md](../cli.md).",
    ]
    for package in packages():
        about = ast.get_docstring(tree_of(package)) or ""
        body = [note.format(source=f"docstrings of {package}"), f"# `{package}`\n"]
        body += [markdown(about) + "\n"]
        index += [f"\n## [{package}]({_file(package)})\n", "| name | |", "|---|---|"]
        for one in public(package):
            place = (one.module, one.name)
            body.append(_entry(one, met.get(place)))
            met.setdefault(place, package)
            link = f"[`{one.name}`]({_file(package)}#{one.name.lower()})"
            index.append(f"| {link} | {_plain(one.summary)} |")
        yield folder / _file(package), "\n".join(body)
    yield folder / "README.md", "\n".join(index) + "\n"
