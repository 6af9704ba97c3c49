"""SARIF 2.1.0 (OASIS 2020): what code hosts and editors show beside the lines of a file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from datacheck.checks.codes import CODES, Code
from datacheck.findings import Finding, Report, Severity, Status
from datacheck.report.where import Place, Where

LEVELS: Mapping[Severity, str] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}
_RESERVED = re.compile(rb"[^A-Za-z0-9/._~-]")
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"


def render(report: Report, where: Where, known: Iterable[Finding] = ()) -> str:
    """One run with a result for each finding; those ``known`` by a baseline are marked unchanged.

    The same findings give the same bytes; fingerprints are of rule, splits and columns, so that a
    code host knows a finding again when its rows have moved.
    """
    old = {f.key for f in known}
    rules = {f.rule: i for i, f in enumerate({f.rule: f for f in report.findings}.values())}
    results = [_result(f, rules, where, unchanged=f.key in old) for f in report.findings]
    results += [_suppressed(f, reason, where) for f, reason in report.suppressed]
    failed = [o for o in report.outcomes if o.status is Status.FAILED]
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "datacheck",
                **({"version": v} if (v := report.versions.get("datacheck-ml")) else {}),
                "rules": [_rule(CODES[code]) for code in rules],
            }
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {
                        "level": "error",
                        "message": {"text": f"{o.rule} failed: {o.reason}"},
                        "associatedRule": {"id": o.rule},
                    }
                    for o in failed
                ],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return json.dumps(
        {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False
    )


def _rule(code: Code) -> dict[str, Any]:
    page = code.page()
    finds = page.partition("## What it finds")[2].partition("##")[0]
    return {
        "id": code.code,
        "name": "".join(word.title() for word in code.name.split("-")),
        "shortDescription": {"text": code.name.replace("-", " ")},
        "fullDescription": {"text": " ".join(finds.split()) or code.name},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": LEVELS[code.severity]},
    }


def _result(
    finding: Finding, rules: Mapping[str, int], where: Where, *, unchanged: bool
) -> dict[str, Any]:
    told = finding.to_dict()
    out: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rules[finding.rule],
        "level": LEVELS[finding.severity],
        "message": {"text": f"{finding.message}. Why it matters: {finding.why}"},
        "locations": [_location(p) for p in where.places(finding, 1)],
        "relatedLocations": [
            {"id": i, **_location(p)} for i, p in enumerate(where.places(finding)[1:], 1)
        ],
        "partialFingerprints": {"datacheck/v1": _fingerprint(finding)},
        "properties": {
            k: told[k]
            for k in ("splits", "columns", "count", "total", "share", "unit", "effect", "repairs")
        },
    }
    if unchanged:
        out["baselineState"] = "unchanged"
    return out


def _suppressed(finding: Finding, reason: str, where: Where) -> dict[str, Any]:
    return {
        "ruleId": finding.rule,
        "level": LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [_location(p) for p in where.places(finding, 1)],
        "partialFingerprints": {"datacheck/v1": _fingerprint(finding)},
        "suppressions": [{"kind": "external", "justification": reason}],
    }


def _location(place: Place) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(place.path)}}
    if place.line:
        physical["region"] = {"startLine": place.line}
    return {"physicalLocation": physical}


def _uri(path: str) -> str:
    """A URI reference (RFC 3986): relative paths stay relative, all else is escaped."""
    raw = path.encode("utf-8", "surrogateescape")
    text = _RESERVED.sub(lambda m: b"%%%02X" % m[0][0], raw).decode("ascii")
    return f"file://{text}" if path.startswith("/") else text


def _fingerprint(finding: Finding) -> str:
    text = json.dumps(finding.key, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
