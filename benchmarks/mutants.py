"""The small changes that mutation.py makes to a module: one site of the source, one change.

What is changed, by the name under which the tables count it:

* ``order``: < ↔ ≤ and > ↔ ≥; ``equality``: == ↔ !=, is ↔ is not, in ↔ not in;
* ``number``: a whole number of at most 4 becomes one more or one less, any other number its double
  or its half (a cap of 100,000 that becomes 100,001 would ask for tests of no worth);
* ``and/or``: and ↔ or, & ↔ |; ``plus/minus``: + ↔ −;
* ``min/max``: the functions, the methods, and those of NumPy and Polars;
* ``not``: ``not x`` and ``~x`` become x.

Annotations are left alone, and so is a + or | that joins texts or types: such a mutant dies of a
TypeError in any test, and would only make the share look better.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

OPERATORS: dict[type[ast.AST], tuple[str, type[ast.AST]]] = {
    ast.Lt: ("order", ast.LtE),
    ast.LtE: ("order", ast.Lt),
    ast.Gt: ("order", ast.GtE),
    ast.GtE: ("order", ast.Gt),
    ast.Eq: ("equality", ast.NotEq),
    ast.NotEq: ("equality", ast.Eq),
    ast.Is: ("equality", ast.IsNot),
    ast.IsNot: ("equality", ast.Is),
    ast.In: ("equality", ast.NotIn),
    ast.NotIn: ("equality", ast.In),
    ast.And: ("and/or", ast.Or),
    ast.Or: ("and/or", ast.And),
    ast.BitAnd: ("and/or", ast.BitOr),
    ast.BitOr: ("and/or", ast.BitAnd),
    ast.Add: ("plus/minus", ast.Sub),
    ast.Sub: ("plus/minus", ast.Add),
}
NAMES = {
    a: b
    for pair in (
        ("min", "max"),
        ("minimum", "maximum"),
        ("fmin", "fmax"),
        ("argmin", "argmax"),
        ("nanmin", "nanmax"),
        ("min_horizontal", "max_horizontal"),
        ("arg_min", "arg_max"),
        ("lower_bound", "upper_bound"),
    )
    for a, b in (pair, pair[::-1])
}

BUILTINS = set(dir(builtins))


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change at one place."""

    file: str
    """From the root of the repository."""
    line: int
    scope: str
    """Qualified name of the function or class around it; empty at the level of the module."""
    first: int
    last: int
    """The lines of the statement; of a compound one, those of its head."""
    at_import: bool
    """Whether the line runs when the module is imported: a constant, a default, a field."""
    kind: str
    was: str
    now: str
    number: int
    """Which of the sites of the module it is."""
    variant: int
    key: str
    """Tells the mutant from all others and does not change where other functions do."""

    def code(self, source: str, path: str) -> object:
        """The module with this one change, compiled."""
        tree = ast.parse(source)
        site = next(s for i, s in enumerate(_sites(tree)) if i == self.number)
        site.changes[self.variant].make()
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}  {self.was}  →  {self.now}"


def mutants(source: str, file: str, seed: int) -> list[Mutant]:
    """One mutant for each site of a module; the seed chooses where a site has several."""
    out = []
    met: dict[str, int] = {}
    for number, site in enumerate(list(_sites(ast.parse(source)))):
        was = ast.unparse(site.node)
        text = f"{seed}|{file}|{site.scope}|{site.kind}|{was}"
        met[text] = met.get(text, 0) + 1
        digest = hashlib.sha256(f"{text}|{met[text]}".encode()).hexdigest()
        variant = int(digest[:8], 16) % len(site.changes)
        change = site.changes[variant]
        now = _short(ast.unparse(change.make()))
        change.undo()
        out.append(
            Mutant(
                file=file,
                line=site.node.lineno,
                scope=site.scope,
                first=site.first,
                last=site.last,
                at_import=site.at_import,
                kind=site.kind,
                was=_short(was),
                now=now,
                number=number,
                variant=variant,
                key=digest[:16],
            )
        )
    return out


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 90 else text[:60] + " … " + text[-25:]


@dataclass(slots=True)
class _Change:
    """Another value for an attribute of a node, or for one element of it."""

    holder: ast.AST
    name: str
    index: int | None
    value: Any
    shows: ast.AST | None = None
    """What to print of the changed tree, where it is not ``holder``."""
    was: Any = field(default=None, init=False)

    def make(self) -> ast.AST:
        """Change the tree; the node that tells the change."""
        held = getattr(self.holder, self.name)
        if self.index is None:
            self.was = held
            setattr(self.holder, self.name, self.value)
        else:
            self.was = held[self.index]
            held[self.index] = self.value
        return self.shows or self.holder

    def undo(self) -> None:
        """Change it back."""
        if self.index is None:
            setattr(self.holder, self.name, self.was)
        else:
            getattr(self.holder, self.name)[self.index] = self.was


@dataclass(frozen=True, slots=True)
class _Site:
    node: ast.expr
    kind: str
    changes: tuple[_Change, ...]
    scope: str
    first: int
    last: int
    at_import: bool


@dataclass(frozen=True, slots=True)
class _Where:
    scope: tuple[str, ...] = ()
    first: int = 0
    last: int = 0
    at_import: bool = True


def _sites(tree: ast.Module) -> Iterator[_Site]:
    yield from _walk(tree, _Where())


def _walk(node: ast.AST, where: _Where) -> Iterator[_Site]:
    if isinstance(node, ast.stmt):
        body = getattr(node, "body", None)
        last = body[0].lineno - 1 if isinstance(body, list) else (node.end_lineno or node.lineno)
        where = _Where(where.scope, node.lineno, max(last, node.lineno), where.at_import)
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    inner = where
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        run = where.at_import and isinstance(node, ast.ClassDef)
        inner = _Where((*where.scope, node.name), where.first, where.last, run)
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_comment"):
            continue
        at = inner if name == "body" and isinstance(node, ast.stmt) else where
        for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if not isinstance(child, ast.AST):
                continue
            if isinstance(child, ast.expr):
                yield from _of(child, node, name, index, at)
            yield from _walk(child, at)


def _of(
    node: ast.expr, parent: ast.AST, name: str, index: int | None, where: _Where
) -> Iterator[_Site]:
    def site(kind: str, *changes: _Change) -> _Site:
        scope = ".".join(where.scope)
        return _Site(node, kind, changes, scope, where.first, where.last, where.at_import)

    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            kind, other = OPERATORS[type(op)]
            yield site(kind, _Change(node, "ops", i, other()))
    elif isinstance(node, ast.BoolOp) or (isinstance(node, ast.BinOp) and _swaps(node)):
        kind, other = OPERATORS[type(node.op)]
        yield site(kind, _Change(node, "op", None, other()))
    elif isinstance(node, ast.Name) and node.id in ("min", "max") and name == "func":
        yield site("min/max", _Change(node, "id", None, NAMES[node.id]))
    elif isinstance(node, ast.Attribute) and node.attr in NAMES and name == "func":
        yield site("min/max", _Change(node, "attr", None, NAMES[node.attr]))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        yield site("not", _Change(parent, name, index, node.operand, node.operand))
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        changed = [v for v in _near(node.value) if v != node.value]
        if changed:
            yield site("number", *(_Change(node, "value", None, v) for v in changed))


def _near(value: Any) -> list[Any]:
    if isinstance(value, int):
        return [value + 1, value - 1] if abs(value) <= 4 else [value * 2, value // 2]
    return [value * 2, value / 2]


def _swaps(node: ast.BinOp) -> bool:
    """Whether an operator between numbers or masks: texts, lists and types are joined too."""
    if type(node.op) not in OPERATORS:
        return False
    for side in (node.left, node.right):
        text = isinstance(side, ast.Constant) and not isinstance(side.value, int | float)
        if text or isinstance(side, ast.JoinedStr | ast.List | ast.Tuple | ast.Set | ast.ListComp):
            return False
        named = side.id if isinstance(side, ast.Name) else ""
        if isinstance(node.op, ast.BitOr) and (named[:1].isupper() or named in BUILTINS):
            return False
    return True
