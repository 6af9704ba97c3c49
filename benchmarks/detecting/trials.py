"""One piece of work: all faults in one dataset, or its clean re-splits. Pieces are kept as JSON."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

import datacheck
from benchmarks.detecting.cases import MIDDLE, SEVERITIES, Case, Planted, Spot, cases, lacking
from benchmarks.detecting.data import Data, split, take
from benchmarks.detecting.loading import load
from datacheck.checks.codes import TABLE
from datacheck.findings import Finding, Report, Severity, Status

SLOW = "LB002"  # judged where it is asked for: its probe takes most of an audit's time
NOT_APPLICABLE = Status.NOT_APPLICABLE
ERRORS = tuple(c.code for c in TABLE if c.severity is Severity.ERROR and c.code != SLOW)
OTHERS_ROWS = 600  # of a dataset in which other rules are asked, too, at most
CLEAN_ROWS = 1_000  # of a dataset, at most, that are split again
ASIDE = 10_000  # seeds of clean re-splits begin there


SPOKEN = "the rule speaks of them anyway"


@dataclass(frozen=True, slots=True)
class Trial:
    """A fault that was planted once, and whether its rule found it.

    ``refused`` is what the report says where the rule could not judge. ``others`` are errors of
    other rules that came with it (None where no other rule was asked).
    """

    data: str
    rule: str
    fault: str
    again: int
    severity: float
    hit: bool
    refused: str
    others: list[str] | None


@dataclass(slots=True)
class Recall:
    """Trials in one dataset, and rules left out there: ``[reason, rule]`` each."""

    trials: list[Trial] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Clean:
    """Clean re-splits of one dataset: false alarms by re-split, and true findings by rule."""

    data: str
    audits: int
    alarms: list[list[str]]
    told: list[str]
    true: list[str]


def audit(planted: Planted, data: Data, **settings: Any) -> Report:
    """An audit on one thread."""
    given = {**data.settings, "threads": 1, **planted.settings}
    chosen = settings | {k: given[k] for k in ("select",) if k in given}
    return datacheck.audit(planted.source, settings=given | chosen)


def seeded(*parts: Any) -> np.random.Generator:
    """Random numbers that follow from what they are for."""
    return np.random.default_rng(crc32(json.dumps(parts).encode()))


def recall(
    name: str, folder: Path, seed: int, repeats: int, rules: Iterable[str], levels: Iterable[float]
) -> Recall:
    """Plant every fault that fits a dataset."""
    data, found = load(name, folder), Recall()
    wanted = set(rules)
    fits = [(c, lacking(c, data)) for c in cases() if c.rule in wanted and c.fits(data)]
    fitting = [c for c, reason in fits if not reason]
    found.left = sorted({(reason, c.rule) for c, reason in fits if reason})
    for again in range(repeats):
        train, test = split(data, seed + again)
        with tempfile.TemporaryDirectory() as place:
            spot = Spot(data, train, test, Path(place))
            before: dict[str, Report] = {}
            for case in fitting:
                key = case.name if case.base else ""
                if key not in before:
                    before[key] = _before(case, spot, wanted)
                if before[key].of(case.rule):
                    found.left.append((SPOKEN, case.rule))
                    continue
                for level in levels:
                    rng = seeded(seed, name, again, case.name, level)
                    found.trials.append(planted_once(case, spot, again, level, rng, before[key]))
    return found


def _before(case: Case, spot: Spot, wanted: set[str]) -> Report:
    """What those rules, and those of severity error where they are asked, say of the untouched
    split.
    """
    clean = case.base or (lambda s, _level, _rng: s.put((s.train, s.test)))
    asked = {*wanted, *_errors(spot)} - ({SLOW} if case.base else set())
    return audit(clean(spot, MIDDLE, np.random.default_rng(0)), spot.data, select=tuple(asked))


def _errors(spot: Spot) -> tuple[str, ...]:
    """The rules of severity error, where so few rows make them quick."""
    return ERRORS if spot.train.height + spot.test.height <= OTHERS_ROWS else ()


def planted_once(
    case: Case, spot: Spot, again: int, level: float, rng: np.random.Generator, before: Report
) -> Trial:
    """Plant a fault in a split of which an audit said ``before``, and ask its rule."""
    planted = case.plant(spot, level, rng)
    asked = {case.rule}
    if case.rule == "DC001":  # which speaks of suppressions of rules that have judged
        asked.add("MV005")
    every = level == MIDDLE and again == 0 and bool(_errors(spot))
    settings: dict[str, Any] = {"select": (*asked, *(ERRORS if every else ()))}
    report = audit(planted, spot.data, **settings)
    known = {f.key for f in before.findings}
    new = [f for f in report.findings if f.key not in known]
    others = sorted({f.rule for f in new if f.severity is Severity.ERROR} - {case.rule})
    hit = any(f.rule == case.rule for f in new)
    return Trial(
        spot.data.name,
        case.rule,
        case.name,
        again,
        level,
        hit,
        "" if hit else _refused(report, case.rule),
        others if every else None,
    )


def _refused(report: Report, rule: str) -> str:
    """Why a rule says that it could not judge the data, or train; nothing where it could."""
    said = [o.reason for o in report.outcomes if o.rule == rule and o.status is NOT_APPLICABLE]
    start = f"{rule} did not judge train: "
    said += [note.removeprefix(start) for note in report.assumptions if note.startswith(start)]
    return said[0] if said else ""


def clean(name: str, folder: Path, seed: int, resplits: int) -> Clean:
    """Audit clean re-splits of a dataset; the page says what a false alarm is."""
    data = load(name, folder)
    some = np.random.default_rng(seed).permutation(data.frame.height)[:CLEAN_ROWS]
    data = replace(data, frame=take(data.frame, np.sort(some)))
    whole = list(audit(Planted({"all": data.frame}), data).findings)
    given = data.label or ("target" if data.kind == "pairs" else None)
    features = data.frame.drop([given] if given else [])
    whole += audit(Planted({"all": features}), Data(name, data.kind, features, None),
                   select=("LB005",)).findings  # fmt: skip
    duplicated = bool(features.is_duplicated().any())
    alarms: list[list[str]] = []
    told: list[str] = []
    true: list[str] = []
    for i in range(resplits):
        train, test = split(data, seed + ASIDE + i)
        report = audit(Planted({"train": train, "test": test}), data)
        wrong = []
        for finding in report.at_least(Severity.WARNING):
            if is_true(finding, whole, duplicated):
                true.append(finding.rule)
            else:
                wrong.append(finding)
        alarms.append(sorted({f.rule for f in wrong}))
        told += [f"{name}, re-split {i}: {f.rule} {f.message}" for f in wrong]
    return Clean(name, resplits, alarms, told, true)


def is_true(finding: Finding, whole: list[Finding], duplicated: bool) -> bool:
    """Whether a finding is true of the data as a whole.

    Near-duplicates of features within the whole are near-duplicates across its splits.
    """
    if duplicated and finding.rule in ("LK001", "LB004"):
        return True
    columns = set(finding.columns)
    alike = {"LK002": ("LK002", "LB005")}.get(finding.rule, (finding.rule,))
    return any(
        f.rule in alike and (columns & set(f.columns) or not columns or not f.columns)
        for f in whole
    )


@dataclass(frozen=True, slots=True)
class Piece:
    """What one worker does, and where the result is kept."""

    what: str
    name: str
    folder: Path
    keep: Path
    seed: int
    count: int
    rules: tuple[str, ...] = ()
    levels: tuple[float, ...] = SEVERITIES

    @property
    def file(self) -> Path:
        """By all that the result follows from, the program apart."""
        told = json.dumps([self.seed, self.count, self.rules, self.levels])
        family = f"-{self.rules[0][:2]}" if self.rules else ""
        return self.keep / f"{self.what}-{self.name}{family}-{crc32(told.encode()):08x}.json"


def work(piece: Piece) -> Path:
    """Do a piece that is not done yet."""
    if piece.file.exists():
        return piece.file
    made: Recall | Clean
    if piece.what == "recall":
        made = recall(
            piece.name, piece.folder, piece.seed, piece.count, piece.rules, piece.levels
        )
    else:
        made = clean(piece.name, piece.folder, piece.seed, piece.count)
    part = piece.file.with_suffix(".part")
    part.write_text(json.dumps(asdict(made)), encoding="utf-8")
    part.replace(piece.file)
    return piece.file


def read(pieces: Iterable[Piece]) -> Iterator[tuple[Piece, dict[str, Any]]]:
    """The results of pieces that are done."""
    for piece in pieces:
        yield piece, json.loads(piece.file.read_text(encoding="utf-8"))
