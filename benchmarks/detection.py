"""What the rules find: planted faults (recall) and clean re-splits of real data (false alarms).

Takes the datasets that ship with scikit-learn, splits them at random (stratified where the label
is a class), and

* plants each fault of ``datacheck.testing.faults`` at three severities, and counts how often the
  rule it belongs to says so;
* audits the untouched splits, and counts errors and warnings that are not true of the data.

Everything follows from ``--seed``. ``--write FILE`` keeps the tables.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

import datacheck
from datacheck.checks.codes import CODES
from datacheck.findings import Finding, Report, Severity
from datacheck.testing.faults import FAULTS

DATASETS = ("iris", "wine", "breast_cancer", "digits", "diabetes")
SEVERITIES = (0.25, 0.5, 1.0)
TEST_SHARE = 0.25
LABEL = "target"

DEFINITION = """\
An audit of a clean re-split raises a *false alarm* if it has an error or a warning that is not true
of the data as a whole. True of the data as a whole is a finding

1. whose rule also speaks, about one of the same columns (or about none), when the whole dataset is
   audited as one split; or
2. of LK001 or LB004, where the whole holds rows with identical features (as Polars counts them).

All else is a false alarm, whatever the reason."""

RECALL = """\
Trials in which the fault's own rule says what the same split without the fault does not say. What a
severity means is told by each fault's docstring below `datacheck/testing/faults`."""


@dataclass
class Tally:
    """Trials and hits, and how long the audits took."""

    trials: Counter[tuple[str, float]] = field(default_factory=Counter)
    hits: Counter[tuple[str, float]] = field(default_factory=Counter)
    other: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


@cache
def load(name: str) -> tuple[pl.DataFrame, bool]:
    """The dataset with its label last, and whether the label is a class."""
    from sklearn import datasets

    # As shipped, diabetes is standardized over all of its rows: LK007 would be right to speak.
    flags = {"scaled": False} if name == "diabetes" else {}
    bunch = getattr(datasets, f"load_{name}")(**flags)
    names = [str(c).replace(" (cm)", "").replace(" ", "_") for c in bunch.feature_names]
    frame = pl.DataFrame({c: bunch.data[:, i] for i, c in enumerate(names)})
    return frame.with_columns(pl.Series(LABEL, bunch.target)), name != "diabetes"


def split(frame: pl.DataFrame, stratify: bool, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A random split, rows in random order."""
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(
        np.arange(frame.height),
        test_size=TEST_SHARE,
        random_state=seed,
        stratify=frame[LABEL].to_numpy() if stratify else None,
    )
    take = [frame.select(pl.all().gather(pl.Series(rows))) for rows in (train, test)]
    return take[0], take[1]


def audit(train: pl.DataFrame, test: pl.DataFrame) -> Report:
    """An audit of two frames, told the label."""
    return datacheck.audit({"train": train, "test": test}, settings={"label": LABEL})


# -- recall ------------------------------------------------------------------------------------


def recall(repeats: int, seed: int, rules: Iterable[str]) -> Tally:
    """Plant every fault everywhere it fits.

    A trial counts only if the same split without the fault does not already have the finding.
    """
    tally = Tally()
    for at, name in enumerate(DATASETS):
        frame, classes = load(name)
        for again in range(repeats):
            train, test = split(frame, classes, seed + again)
            before = {f.key for f in audit(train, test).findings}
            for code in rules:
                for nth, fault in enumerate(FAULTS.get(code, [])):
                    if fault.classification not in (None, classes):
                        continue
                    for level in SEVERITIES:
                        rng = np.random.default_rng([seed, at, again, nth, round(level * 100)])
                        report = fault(train, test, LABEL, level, rng).audit()
                        new = {f.rule for f in report.findings if f.key not in before}
                        case = (f"{code} {fault.name}", level)
                        tally.trials[case] += 1
                        tally.hits[case] += code in new
                        if code not in new:
                            tally.other[case[0]].update(sorted(new) or ["nothing"])
    return tally


def recall_table(tally: Tally) -> list[str]:
    """One line per fault."""
    heads = " | ".join(f"severity {s:g}" for s in SEVERITIES)
    lines = [
        f"| rule | fault | {heads} | said instead |",
        "|---|---|" + "---|" * (1 + len(SEVERITIES)),
    ]
    for case in dict.fromkeys(c for c, _ in tally.trials):
        code, name = case.split(" ", 1)
        cells = " | ".join(
            f"{tally.hits[case, s] / tally.trials[case, s]:.0%} of {tally.trials[case, s]}"
            for s in SEVERITIES
        )
        others = ", ".join(f"{c} ({n})" for c, n in tally.other[case].most_common(3))
        lines.append(f"| {code} | {name} | {cells} | {others} |")
    return lines


# -- false alarms ------------------------------------------------------------------------------


def true_of_whole(name: str) -> list[Finding]:
    """Findings about the whole dataset, audited as one split."""
    frame, _ = load(name)
    return list(datacheck.audit({"all": frame}, settings={"label": LABEL}).findings)


def is_true(finding: Finding, whole: list[Finding], duplicated: bool) -> bool:
    """Whether a finding is true of the data as a whole; see DEFINITION."""
    if duplicated and finding.rule in ("LK001", "LB004"):
        return True
    columns = set(finding.columns)
    return any(
        f.rule == finding.rule and (columns & set(f.columns) or not columns or not f.columns)
        for f in whole
    )


def alarms(resplits: int, seed: int) -> tuple[Counter[str], Counter[str], int, int, list[str]]:
    """False alarms and true findings by rule, audits with an alarm, audits, and the alarms."""
    false: Counter[str] = Counter()
    true: Counter[str] = Counter()
    detail: list[str] = []
    bad = total = 0
    for name in DATASETS:
        frame, classes = load(name)
        whole = true_of_whole(name)
        duplicated = bool(frame.drop(LABEL).is_duplicated().any())
        for i in range(resplits // len(DATASETS)):
            report = audit(*split(frame, classes, seed + 10_000 + i))
            wrong = []
            for finding in report.at_least(Severity.WARNING):
                if is_true(finding, whole, duplicated):
                    true[finding.rule] += 1
                else:
                    wrong.append(finding)
            false.update({f.rule for f in wrong})
            detail += [f"{name}, re-split {i}: {f.rule} {f.message}" for f in wrong]
            bad += bool(wrong)
            total += 1
    return false, true, bad, total, detail


def alarm_table(false: Counter[str], true: Counter[str], total: int) -> list[str]:
    """One line per rule that spoke."""
    lines = ["| rule | audits with a false alarm | true findings |", "|---|---|---|"]
    lines += [
        f"| {c} | {false[c]} of {total} ({false[c] / total:.1%}) | {true[c]} |"
        for c in CODES
        if false[c] or true[c]
    ]
    return lines


def codes(given: str) -> list[str]:
    """The codes of a list with commas. Raises ArgumentTypeError for one that has no faults."""
    found = [code.strip() for code in given.split(",") if code.strip()]
    for code in found:
        if code not in FAULTS:
            raise argparse.ArgumentTypeError(f"no fault is planted for {code!r}")
    return found


def main() -> None:
    """Run both halves and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--resplits", type=int, default=200, help="clean re-splits in all")
    parser.add_argument("--repeats", type=int, default=1, help="splits per dataset and fault")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--rules",
        type=codes,
        nargs="+",
        action="extend",
        help="faults to plant, such as LK002,LB005",
    )
    parser.add_argument("--write", type=Path, help="also write the tables to this file")
    chosen = parser.parse_args()
    began = time.perf_counter()
    rules = [code for given in chosen.rules or [list(FAULTS)] for code in given]
    tally = recall(chosen.repeats, chosen.seed, rules)
    false, true, bad, total, detail = alarms(chosen.resplits, chosen.seed)
    only = f" --rules {','.join(rules)}" if chosen.rules else ""
    how = (
        f"`python benchmarks/detection.py --resplits {chosen.resplits} --repeats {chosen.repeats} "
        f"--seed {chosen.seed}{only}` on "
        f"{', '.join(DATASETS)} (scikit-learn's bundled copies; diabetes "
        f"unscaled), {TEST_SHARE:.0%} of the rows as test."
    )
    parts = [
        f"# Detection benchmark\n\n{how}",
        f"## Recall on planted faults\n\n{RECALL}",
        "\n".join(recall_table(tally)),
        f"## False alarms on clean re-splits\n\n{DEFINITION}",
        f"**{bad} of {total} audits ({bad / max(total, 1):.1%}) raise a false alarm.**",
        "\n".join(alarm_table(false, true, total)),
    ]
    if detail:
        parts.append("\n".join(f"- {line}" for line in detail[:40]))
    text = "\n\n".join(parts) + "\n"
    print(text)
    print(f"({time.perf_counter() - began:.0f} s)")
    if chosen.write:
        chosen.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
