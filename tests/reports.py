"""Reports made by hand, friendly and hostile."""

from datacheck.findings import Effect, Example, Finding, Outcome, Repair, Report, Severity, Status

ANSI = "\x1b[31mred\x1b]0;title\x07"
MARKUP = "[red]bold[/red] [link=http://x]y[/link] [/]"
HTML = "<script>alert('x')</script><img src=x onerror=alert(1)>"
BIDI = "abc\u202edcba\u2066\u200b"
C1 = "\x9b31m"
SURROGATE = "bad\udc80name"
HOSTILE = (ANSI, MARKUP, HTML, BIDI, C1, SURROGATE, "a\r\nb\tc", "=cmd|' /C calc'!A0", "")


def finding(rule="LK001", severity=Severity.ERROR, **changes) -> Finding:
    """A finding with everything set."""
    given = {
        "rule": rule,
        "name": "duplicate-rows-across-splits",
        "severity": severity,
        "message": "23 of 16,281 test rows have the same features as a train row",
        "why": "The model is tested on rows that it has learned by heart.",
        "splits": ("train", "test"),
        "columns": (),
        "count": 23,
        "total": 16281,
        "effect": Effect("share", 0.00141, 0.0009, 0.0021, 0.0),
        "evidence": {"chance": 1.5},
        "examples": (Example(("test/a.csv:17", "train/a.csv:33"), {"age": 39}),),
        "repairs": (Repair("drop-from-train", "safe"), Repair("resplit", "unsafe")),
    }
    return Finding(**{**given, **changes})


def report(*findings: Finding, **changes) -> Report:
    """A report with two splits, three columns and these findings."""
    given = {
        "dataset": {
            "name": "adult",
            "splits": {"train": {"rows": 32561, "files": 1}, "test": {"rows": 16281, "files": 1}},
            "columns": {
                "age": {"kind": "number", "role": "feature", "assumed": ""},
                "sex": {"kind": "category", "role": "feature", "assumed": ""},
                "income": {"kind": "category", "role": "label", "assumed": "last column"},
            },
            "task": "classification",
        },
        "findings": findings,
        "outcomes": [
            Outcome("SL001", Status.NOT_APPLICABLE, "no sequences"),
            Outcome("SL002", Status.NOT_APPLICABLE, "no sequences"),
            Outcome("NM003", Status.FAILED, "ValueError: x"),
            Outcome("MV001", Status.CLEAN),
        ],
        "assumptions": ["label: income, assumed: last column; set with --label"],
        "timing": {"scan": 1.0, "total": 1.25},
        "versions": {"python": "3.12"},
    }
    return Report(**{**given, **changes})


def hostile(text: str) -> Report:
    """A report in which every string that data can set is ``text``."""
    bad = finding(
        message=f"column {text} is bad",
        splits=(text,),
        columns=(text, "b"),
        effect=Effect(text, 1.0, float("nan"), float("inf"), 0.5),
        evidence={text: text, "list": [text]},
        examples=(Example((f"{text}/f.csv:1",), {text: text}),),
    )
    return report(
        bad,
        dataset={
            "name": text,
            "splits": {text: {"rows": 1, "files": 1}},
            "columns": {text: {"kind": "text", "role": "label", "assumed": text}},
            "task": None,
        },
        outcomes=[Outcome("SL001", Status.FAILED, text)],
        assumptions=[text],
        suppressed=[(bad, text or "reason")],
    )
