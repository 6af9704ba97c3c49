"""Literate specs: each Markdown file in tests/specs is prose, data, and the expected report.

Blocks: ``csv NAME`` (a split) or ``python`` (seeded code that sets frames such as ``train`` and
``test``, for NM004 ``transforms``, for SC003 ``schema``, for the rules of training ``run``, and for
those of loaders ``loader`` and ``source``), an optional ``toml`` configuration, then ``report`` (a
line for each: code, severity, and any of splits= columns= count= total=; an empty block means
clean) or ``not-checked`` (code, and a part of the reason). Each report block ends a case.
"""

from __future__ import annotations

import io
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import datacheck
from datacheck.checks.codes import CODES
from datacheck.training.judging import judge
from tests import golden
from tests.training.rules.planted import recorded

SPECS = Path(__file__).parent / "specs"
BLOCK = re.compile(r"^```(\S+)[ \t]*(\S*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def cases() -> list[Any]:
    out = []
    for path in sorted(SPECS.glob("*.md")):
        blocks: list[tuple[str, str, str]] = []
        number = 0
        for kind, name, body in BLOCK.findall(path.read_text(encoding="utf-8")):
            blocks.append((kind, name, body))
            if kind in ("report", "not-checked"):
                number += 1
                name = f"{path.stem}-{number}"
                out.append(pytest.param(path.stem, blocks, name, id=name))
                blocks = []
    return out


def audit(code: str, blocks: list[tuple[str, str, str]], folder: Path) -> datacheck.Report:
    config: dict[str, Any] = {}
    frames: dict[str, Any] = {}
    transforms = run = loader = source = schema = None
    for kind, name, body in blocks:
        if kind == "csv":
            (folder / f"{name}.csv").write_text(body, encoding="utf-8")
        elif kind == "python":
            scope: dict[str, Any] = {"np": np, "pl": pl, "io": io, "recorded": recorded}
            exec(body, scope)
            frames = {k: v for k, v in scope.items() if isinstance(v, pl.DataFrame)}
            transforms, run = scope.get("transforms"), scope.get("run")
            schema = scope.get("schema")
            loader, source = scope.get("loader"), scope.get("source")
        elif kind == "toml":
            config = tomllib.loads(body)
    config.setdefault("select", [code])
    chosen = datacheck.Config.from_mapping(config).replace(transforms=transforms, schema=schema)
    if run is not None:
        return judge(run, config=chosen)
    if loader is not None:
        return datacheck.audit_loader(loader, source, config=chosen)
    return datacheck.audit(frames or folder, config=chosen)


@pytest.mark.parametrize(("code", "blocks", "name"), cases())
def test_spec(code: str, blocks: list[tuple[str, str, str]], name: str, tmp_path: Path) -> None:
    report = audit(code, blocks, tmp_path)
    kind, _, body = blocks[-1]
    wanted = [shlex.split(line) for line in body.splitlines() if line.strip()]
    if kind == "not-checked":
        reasons = {o.rule: o.reason for o in report.not_checked}
        for rule, *part in wanted:
            assert " ".join(part) in reasons.get(rule, f"{rule} was checked"), reasons
        return
    failed = [o for o in report.outcomes if o.status is datacheck.findings.Status.FAILED]
    assert not failed
    seen = [
        {
            "splits": ",".join(f.splits),
            "columns": ",".join(f.columns),
            "count": str(f.count),
            "total": str(f.total),
            "head": (f.rule, f.severity.value),
        }
        for f in report.findings
    ]
    assert len(seen) == len(wanted), report
    for line in wanted:
        told = dict(item.split("=", 1) for item in line[2:])
        assert any(
            s["head"] == (line[0], line[1]) and all(s[k] == v for k, v in told.items())
            for s in seen
        ), f"{' '.join(line)} not among {seen}"
    if CODES[code].judges == "data" and code != "NM004":  # others: sums of torch, which differ
        golden.agrees(f"specs-{code[:2]}", name, report)


def test_every_rule_has_a_spec() -> None:
    assert {p.stem for p in SPECS.glob("*.md")} == set(CODES)
