"""JUnit XML, as CI servers read it: a suite for each family of rules, a case for each rule."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from datacheck.checks.codes import CODES
from datacheck.findings import Finding, Outcome, Report, Severity, Status
from datacheck.report import words

# XML 1.0 has no way to write these characters, not even as references.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report, known: Iterable[Finding] = (), fail_on: str = "error") -> str:
    """A rule with a finding at or above ``fail_on`` that is not ``known`` fails; one with milder
    or known findings passes and tells them in ``system-out``; one that has nothing to judge is
    skipped, one that crashed is an error.
    """
    old = {f.key for f in known}
    limit = -1 if fail_on == "never" else Severity(fail_on).rank
    suites: dict[str, ET.Element] = {}
    root = ET.Element("testsuites", name=_text(f"datacheck {report.dataset['name']}"))
    for outcome in sorted(report.outcomes, key=lambda o: list(CODES).index(o.rule)):
        code = CODES[outcome.rule]
        suite = suites.get(code.family)
        if suite is None:
            suite = ET.SubElement(root, "testsuite", name=f"datacheck.{code.family}")
            suites[code.family] = suite
        case = ET.SubElement(
            suite, "testcase", classname=f"datacheck.{code.family}", name=f"{code.code} {code.name}"
        )
        found = report.of(outcome.rule)
        bad = [f for f in found if f.severity.rank <= limit and f.key not in old]
        _fill(case, outcome, bad, [f for f in found if f not in bad])
    for element in (root, *suites.values()):
        element.set("tests", str(len(element.findall(".//testcase"))))
        element.set("failures", str(len(element.findall(".//failure"))))
        element.set("errors", str(len(element.findall(".//error"))))
        element.set("skipped", str(len(element.findall(".//skipped"))))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _fill(case: ET.Element, outcome: Outcome, bad: list[Finding], mild: list[Finding]) -> None:
    if outcome.status is Status.FAILED:
        ET.SubElement(case, "error", message=_text(outcome.reason), type="crash")
    elif outcome.status is Status.NOT_APPLICABLE:
        ET.SubElement(case, "skipped", message=_text(outcome.reason))
    if bad:
        first = ET.SubElement(
            case, "failure", message=_text(bad[0].message), type=bad[0].severity.value
        )
        first.text = _text("\n\n".join(map(_told, bad)))
    if mild:
        ET.SubElement(case, "system-out").text = _text("\n\n".join(map(_told, mild)))


def _told(finding: Finding) -> str:
    lines = [f"{finding.severity.value}: {finding.message}", f"why: {finding.why}"]
    if finding.effect:
        lines.append(f"effect: {words.interval(finding.effect)}")
    lines += [f"for example: {words.example(e)}" for e in finding.examples]
    if mends := words.repairs(finding):
        lines.append(f"repair: {mends}")
    return "\n".join(lines)


def _text(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
