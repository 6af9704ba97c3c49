"""From findings to a plan: which repair answers which finding, with what parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from datacheck.dataset import TRAIN_NAMES
from datacheck.findings import Finding, Report, Safety
from datacheck.pipelines.plan import Plan, Step, Told
from datacheck.pipelines.repairs import REPAIRS

FILLED = ("number", "category", "boolean")  # kinds that are imputed
# The inverse of each curve of NM001's table: what brings the other split back to train's scale.
INVERSE = {
    "log1p": "expm1",
    "log": "exp",
    "log10": "power-of-10",
    "log2": "power-of-2",
    "sqrt": "square",
    "expm1": "log1p",
    "exp": "log",
    "power-of-10": "log10",
    "power-of-2": "log2",
}


def make_plan(report: Report) -> Plan:
    """The plan that answers the findings of a report, safe and unsafe steps alike.

    Findings that only a person can mend, and those that no repair here reaches, are told.
    """
    columns = {str(name): dict(c) for name, c in report.dataset.get("columns", {}).items()}
    splits = list(report.dataset.get("splits", {}))
    maker = _Maker(report, columns, _train(splits))
    steps: list[Step] = []
    told: list[Told] = []
    for finding in report.findings:
        for one in maker.answer(finding):
            if isinstance(one, Step):
                steps.append(one)
            else:
                told.append(one)
    steps += maker.fill(steps)
    return Plan(tuple(merged(steps)), tuple(told), str(report.dataset.get("name", "")))


def merged(steps: Iterable[Step]) -> list[Step]:
    """Steps that do the same in the same way become one, over the union of their columns."""
    out: dict[Any, Step] = {}
    for step in steps:
        key = (step.repair, step.safety, step.splits, repr(sorted(step.params.items())))
        if key in out:
            one = out[key]
            step = replace(
                one,
                columns=tuple(dict.fromkeys((*one.columns, *step.columns))),
                rules=tuple(sorted({*one.rules, *step.rules})),
                why="\n".join(dict.fromkeys(filter(None, (one.why, step.why)))),
            )
        out[key] = step
    return list(out.values())


def _train(splits: list[str]) -> str | None:
    named = next((s for s in splits if s.lower() in TRAIN_NAMES), None)
    return named or (splits[0] if len(splits) == 1 else None)


class _Maker:
    """Answers findings of one report."""

    def __init__(
        self, report: Report, columns: Mapping[str, Mapping[str, str]], train: str | None
    ) -> None:
        self.columns = columns
        self.train = train
        self.shifting = {c for f in report.of("MV004") for c in f.columns}
        timed = any(c["role"] == "time" for c in columns.values())
        self.in_time = timed and not report.of("LK004")
        self.telling = {c for f in report.of("LK006") for c in f.columns}
        self.table: dict[str, Callable[[Finding], Iterator[Step | Told]]] = {
            "MV006": self._unreadable,
            "MV007": self._mixed,
            "MV002": self._infinite,
            "MV003": self._sentinels,
            "MV001": self._missing,
            "MV004": self._missing,
            "NM001": self._mismatch,
            "NM002": self._scales,
            "NM005": lambda f: self._plainly(f, "winsorize"),
            "NM006": self._unseen,
            "LB003": self._labels,
            "LB001": self._conflicts,
            "LB004": self._repeats,
            "LB005": self._repeats,
            "LK001": self._leaks,
            "LK002": self._leaks,
            "LK008": self._order,
            "LK009": self._stored,
            "NM007": self._stored,
            "SL001": self._lengths,
            "SL003": self._in_train,
            "SL004": self._overlong,
            "SL006": self._pairs,
            "SL007": self._pairs,
            "CB001": self._imbalance,
            "CB003": self._absent,
        }

    def answer(self, finding: Finding) -> Iterator[Step | Told]:
        """The steps for a finding, or what to tell."""
        if finding.rule in self.table:
            yield from self.table[finding.rule](finding)
            return
        known = [r for r in finding.repairs if r.name in REPAIRS and r.safety != "manual"]
        if known:
            yield self._step(finding, known[0].name, safety=known[0].safety)
        elif finding.repairs:
            yield Told(finding.rule, finding.repairs[0].name, finding.message)

    def fill(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Imputing what other steps make missing, as safe as the step that made it.

        Where a column is imputed anyway, that step answers the other's rules too.
        """
        imputed = [s for s in steps if s.repair == "impute-with-indicator"]
        for step in steps:
            if step.repair not in ("to-missing", "parse"):
                continue
            left = [c for c in step.columns if self._fillable(c)]
            for one in imputed:
                if shared := tuple(c for c in left if c in one.columns):
                    yield replace(one, rules=step.rules, columns=shared, why="")
                    left = [c for c in left if c not in shared]
            if left:
                yield Step("impute-with-indicator", step.rules, tuple(left), safety=step.safety)

    # -- one answer each ----------------------------------------------------------------------

    def _step(
        self,
        finding: Finding,
        repair: str,
        columns: Iterable[str] | None = None,
        splits: Iterable[str] = (),
        safety: Safety | None = None,
        **params: Any,
    ) -> Step:
        kind = REPAIRS[repair]
        chosen = finding.columns if columns is None else tuple(columns)
        return Step(
            repair, (finding.rule,), chosen, tuple(splits), params,
            "unsafe" if kind.safety == "unsafe" else safety or "safe", finding.message,
        )  # fmt: skip

    def _plainly(self, finding: Finding, repair: str) -> Iterator[Step | Told]:
        yield self._step(finding, repair)

    def _by_hand(self, finding: Finding, reason: str = "") -> Told:
        name = finding.repairs[0].name if finding.repairs else "review"
        return Told(finding.rule, name, finding.message, reason)

    def _fillable(self, column: str) -> bool:
        kind = self.columns.get(column, {}).get("kind")
        return kind in FILLED and column not in self.telling

    def _unreadable(self, finding: Finding) -> Iterator[Step | Told]:
        if any(r.name == "recode" for r in finding.repairs):
            yield self._by_hand(finding)
        elif self.train in finding.splits:
            yield self._step(finding, "quarantine-unreadable", (), (str(self.train),))
        else:
            yield self._by_hand(finding, "records of evaluation splits are left where they are")

    def _mixed(self, finding: Finding) -> Iterator[Step | Told]:
        first = finding.repairs[0].name if finding.repairs else ""
        if first == "parse":
            comma = "decimal comma" in str(finding.evidence.get("form"))
            yield self._step(finding, "parse", form="decimal-comma" if comma else "thousands")
        elif first == "recode":
            yield self._by_hand(finding, "units and dates mean what only a person knows")
        else:
            yield self._step(finding, "to-missing", safety="unsafe", values=[])

    def _infinite(self, finding: Finding) -> Iterator[Step | Told]:
        yield self._step(finding, "to-missing", infinite=True)

    def _sentinels(self, finding: Finding) -> Iterator[Step | Told]:
        safety = finding.repairs[0].safety if finding.repairs else "unsafe"
        columns = [c for c in finding.columns if self.columns[c]["kind"] != "datetime"]
        value = str(finding.evidence["value"])
        if columns:
            yield self._step(finding, "to-missing", columns, safety=safety, values=[value])
        if len(columns) < len(finding.columns):
            yield self._by_hand(finding, "dates are not changed here")

    def _missing(self, finding: Finding) -> Iterator[Step | Told]:
        left = [c for c in finding.columns if not self._fillable(c)]
        columns = [c for c in finding.columns if self._fillable(c)]
        # An indicator of gaps that come more often in one split would shift between the splits.
        shifts = [c for c in columns if c in self.shifting]
        steady = [c for c in columns if c not in self.shifting]
        if shifts:
            yield self._step(finding, "impute-with-indicator", shifts, indicator=False)
        if steady:
            yield self._step(finding, "impute-with-indicator", steady)
        if left:
            reason = f"not imputed here (text, dates, lists, or gaps that tell the label): {left}"
            yield self._by_hand(finding, reason)

    def _mismatch(self, finding: Finding) -> Iterator[Step | Told]:
        lines, (train, *others) = finding.evidence.get("lines"), finding.splits
        if train != self.train:
            yield self._by_hand(finding, "neither split is train")
            return
        if isinstance(lines, Mapping):
            yield self._step(
                finding, "invert-transform", splits=others,
                scale={c: 1 / float(a) for c, (a, _) in lines.items()},
                offset={c: 0.0 - float(b) / float(a) for c, (a, b) in lines.items()},
            )  # fmt: skip
        elif finding.evidence.get("map") in INVERSE:
            curve = INVERSE[str(finding.evidence["map"])]
            yield self._step(finding, "invert-transform", splits=others, curve=curve)
        else:
            yield self._by_hand(finding, "the inverse of this map is not known")
            return
        # Rows that train shares with the split were hidden by its scale.
        yield self._step(finding, "drop-from-train", (), (str(self.train),))
        yield self._step(finding, "drop-near-from-train", (), (str(self.train),))

    def _scales(self, finding: Finding) -> Iterator[Step | Told]:
        numbers = [n for n, c in self.columns.items() if (c["kind"], c["role"]) == _FEATURE]
        # All of them: scaling only the odd ones may leave two groups as far apart as before.
        yield self._step(finding, "standardize", numbers)

    def _unseen(self, finding: Finding) -> Iterator[Step | Told]:
        known = [n for v in finding.evidence.get("hardly_known", {}).values() for n in v.values()]
        least = {"least": max(known) + 1} if known else {}  # else Plan.ready chooses
        yield self._step(finding, "map-to-other", **least)

    def _labels(self, finding: Finding) -> Iterator[Step | Told]:
        named = finding.repairs and finding.repairs[0].name == "quarantine"
        if not (named and finding.splits == (self.train,)):
            yield self._by_hand(finding)
            return
        texts = list(finding.evidence.get("texts", ()))
        index = finding.evidence.get("index")
        invalid = [*map(str, texts), *([] if index is None else [str(index)])]
        yield self._step(finding, "quarantine", splits=(str(self.train),), invalid=invalid)

    def _repeats(self, finding: Finding) -> Iterator[Step | Told]:
        if self.train in finding.splits:
            yield self._copies(finding)
        else:
            yield self._by_hand(finding, "rows of evaluation splits are left where they are")

    def _leaks(self, finding: Finding) -> Iterator[Step | Told]:
        if self.train in finding.splits:
            yield self._copies(finding)
        else:
            yield self._by_hand(finding, "neither split is train")

    def _copies(self, finding: Finding) -> Step:
        """Rows of train leave, by what the rule went by."""
        name = finding.repairs[0].name
        known = (p for p, _ in REPAIRS[name].parameters if p in finding.evidence)
        params = {p: finding.evidence[p] for p in known}
        return self._step(finding, name, (), (str(self.train),), **params)

    def _order(self, finding: Finding) -> Iterator[Step | Told]:
        name = finding.repairs[0].name if finding.repairs else ""
        if name == "drop-id":
            yield self._step(finding, "drop-id")
        else:
            yield self._step(finding, "shuffle", (), (str(self.train),))

    def _stored(self, finding: Finding) -> Iterator[Step | Told]:
        """Pictures are written again in one way: what is measured of files tells nothing then."""
        name = finding.repairs[0].name if finding.repairs else ""
        if name in ("re-encode", "shared-decode"):
            yield self._step(finding, name, ())
        else:
            yield self._by_hand(finding)

    def _lengths(self, finding: Finding) -> Iterator[Step | Told]:
        edges = [int(e) for e in finding.evidence.get("bucket_edges", ())]
        yield self._step(finding, "length-bucketing", edges=edges)

    def _overlong(self, finding: Finding) -> Iterator[Step | Told]:
        yield self._step(finding, "token-budget")

    def _in_train(self, finding: Finding) -> Iterator[Step | Told]:
        if self.train in finding.splits:
            yield self._step(finding, "quarantine-rows", splits=(str(self.train),))
        else:
            yield self._by_hand(finding, "rows of evaluation splits are left where they are")

    def _pairs(self, finding: Finding) -> Iterator[Step | Told]:
        if self.train not in finding.splits:
            yield self._by_hand(finding, "rows of evaluation splits are left where they are")
            return
        told = finding.evidence
        names = ("usual", "low", "high", "difference")
        params: dict[str, Any] = {n: float(told[n]) for n in names if n in told}
        if "least" in told:
            params["copies"] = int(told["least"])
        yield self._step(finding, "quarantine-pairs", splits=(str(self.train),), **params)

    def _conflicts(self, finding: Finding) -> Iterator[Step | Told]:
        if any(r.safety == "manual" for r in finding.repairs):
            yield self._by_hand(finding, "a text may have several right ones")
            return
        if self.train in finding.splits:
            yield self._step(finding, "quarantine-conflicts", (), (str(self.train),))
        else:
            yield self._by_hand(finding, "no row of train is among them")

    def _imbalance(self, finding: Finding) -> Iterator[Step | Told]:
        # A weighted loss is more volatile than balanced batches, for the same accuracy.
        yield self._step(finding, "balanced-sampler")

    def _absent(self, finding: Finding) -> Iterator[Step | Told]:
        if self.in_time:
            reason = "the splits follow time, and rows that are moved for a class would not (LK004)"
            yield self._by_hand(finding, reason)
        else:
            yield self._step(finding, "stratified-resplit", safety=finding.repairs[0].safety)


_FEATURE = ("number", "feature")
