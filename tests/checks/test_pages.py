"""What the page of a rule says of its options is so."""

from __future__ import annotations

import ast
import dataclasses
import re
from fractions import Fraction

import pytest

from datacheck.checks.codes import CODES, TABLE

OPTION = re.compile(r"`(\w+)` \(([^)]*)\)")
WITH_OPTIONS = [c.code for c in TABLE if dataclasses.fields(c.load())]


def value(text: str) -> object:
    text = {"none": ""}.get(text, text.partition(" =")[0])
    if "/" in text:
        return float(Fraction(text))
    return ast.literal_eval({"true": "True", "false": "False", "": "()"}.get(text, text))


@pytest.mark.parametrize("code", WITH_OPTIONS)
def test_the_page_tells_each_option_with_its_default(code):
    section = CODES[code].page().partition("## Options")[2].partition("\n## ")[0]
    told = {name: value(text.replace(",", "")) for name, text in OPTION.findall(section)}
    rule = CODES[code].load()
    assert told == {f.name: getattr(rule(), f.name) for f in dataclasses.fields(rule)}
