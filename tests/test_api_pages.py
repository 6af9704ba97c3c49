"""The reference: every public name has a docstring, which names the errors that its body raises."""

from __future__ import annotations

import ast
import importlib

import pytest

import datacheck
from datacheck import errors
from docs import api_pages
from docs.api_pages import Function, Member, Public

OURS = {name for name in dir(errors) if name.endswith("Error")}
EVERY = [one for package in api_pages.packages() for one in api_pages.public(package)]
every_name = pytest.mark.parametrize("one", EVERY, ids=[f"{o.package}.{o.name}" for o in EVERY])


def methods(one: Public) -> list[Member]:
    """Methods and properties; none where the name is no class."""
    found = api_pages.members(one.node) if isinstance(one.node, ast.ClassDef) else ()
    return [m for m in found if m.kind != "field"]


def functions(one: Public) -> list[tuple[str, Function]]:
    """(docstring, function) of the name itself, or of each public method."""
    whole = [(one.doc, one.node)] if isinstance(one.node, Function) else []
    return whole + [(m.doc, m.node) for m in methods(one) if isinstance(m.node, Function)]


def documented_above(one: Public, name: str) -> bool:
    """Whether a class that this one extends says what its method is for."""
    home = getattr(importlib.import_module(one.module), one.name)
    return any(vars(base)[name].__doc__ for base in home.__mro__[1:] if name in vars(base))


def allowed(error: str) -> set[str]:
    """The error's own name, and those of what it is a kind of."""
    return {c.__name__ for c in getattr(errors, error).__mro__ if c.__name__ in OURS}


def test_the_packages_are_found_by_what_they_export():
    assert {"datacheck", "datacheck.training", "datacheck.summaries"} <= set(api_pages.packages())
    assert {o.name for o in api_pages.public("datacheck")} == set(datacheck.__all__)


@every_name
def test_a_public_name_has_a_docstring(one):
    assert len(one.doc.split()) >= 3
    for member in methods(one):
        assert member.doc or documented_above(one, member.name), member.name


@every_name
def test_what_it_gives_is_told_by_an_annotation(one):
    assert [f.name for _, f in functions(one) if f.returns is None] == []


@every_name
def test_its_docstring_names_the_errors_that_it_raises(one):
    told = functions(one)
    if isinstance(one.node, ast.ClassDef):
        made = ("__init__", "__post_init__")
        told += [(one.doc, p) for p in one.node.body if isinstance(p, Function) and p.name in made]
    for doc, node in told:
        for error in api_pages.raised(node, dict.fromkeys(OURS)):
            assert any(name in doc for name in allowed(error)), (error, doc)


def test_markup_of_docstrings_becomes_markdown():
    said = api_pages.markdown(
        "A :class:`~datacheck.findings.Report` for ``x < y``, and a < b::\n\n    a = 1\n    b = 2"
    )
    assert said == "A `Report` for `x < y`, and a &lt; b:\n\n```python\na = 1\nb = 2\n```"


def test_a_signature_is_told_as_it_is_called():
    (node,) = ast.parse("def f(self, a, /, b: int = 3, *c, d=2, **e) -> str: ...").body
    assert isinstance(node, ast.FunctionDef)
    assert api_pages.signature(node, "f", bound=True) == "f(a, /, b: int = 3, *c, d=2, **e) -> str"
