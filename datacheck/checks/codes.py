"""THE table: every code, its name, its severity, and the module that holds the rule and its page.

A code is never reused; the history of this file is the history of the rules. Nothing is imported
until a rule is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from datacheck.errors import UsageError
from datacheck.findings import Severity

if TYPE_CHECKING:
    from datacheck.checks.base import BaseRule

E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741 - as in the table's heading

Judged = Literal["data", "run", "loader"]

FAMILIES = {
    "LK": "leakage",
    "LB": "labels",
    "CB": "balance",
    "MV": "missing",
    "NM": "normalization",
    "SL": "lengths",
    "SC": "schema",
    "ST": "stability",
    "DL": "loaders",
    "DC": "datacheck",
}


_JUDGED: dict[str, Judged] = {"ST": "run", "DL": "loader"}
_FOLDERS = {"run": "training.rules", "loader": "pipelines.loader_rules"}


@dataclass(frozen=True, slots=True)
class Code:
    """One line of the table."""

    code: str
    severity: Severity
    name: str

    @property
    def family(self) -> str:
        """What the rule is about; for rules that judge data, the folder it lives in too."""
        return FAMILIES[self.code[:2]]

    @property
    def judges(self) -> Judged:
        """What the rule looks at: data, a recorded training run, or a loader that is watched."""
        return _JUDGED.get(self.code[:2], "data")

    @property
    def module(self) -> str:
        """The module with the rule and its page."""
        folder = _FOLDERS.get(self.judges, f"checks.{self.family}")
        return f"datacheck.{folder}.{self.name.replace('-', '_')}"

    def load(self) -> type[BaseRule]:
        """The rule's class, with code, name and severity filled in from this table."""
        module = import_module(self.module)
        cls: type[BaseRule] = getattr(module, "".join(w.title() for w in self.name.split("-")))
        cls.code, cls.name, cls.severity = self.code, self.name, self.severity
        return cls

    def page(self) -> str:
        """The rule's page: the docstring of its module."""
        return (import_module(self.module).__doc__ or "").strip()


TABLE: tuple[Code, ...] = (
    Code("LK001", E, "duplicate-rows-across-splits"),
    Code("LK002", E, "near-duplicates-across-splits"),
    Code("LK003", E, "group-across-splits"),
    Code("LK004", W, "time-overlap"),
    Code("LK005", E, "target-leak"),
    Code("LK006", E, "missingness-leak"),
    Code("LK007", E, "fitted-on-everything"),
    Code("LK008", E, "order-or-id-leak"),
    Code("LK009", W, "metadata-leak"),
    Code("LB001", E, "conflicting-labels"),
    Code("LB002", W, "suspect-labels"),
    Code("LB003", E, "missing-or-invalid-labels"),
    Code("LB004", W, "duplicate-rows-within-split"),
    Code("LB005", W, "near-duplicates-within-split"),
    Code("CB001", W, "class-imbalance"),
    Code("CB002", W, "rare-class"),
    Code("CB003", E, "class-missing-from-split"),
    Code("CB004", W, "label-shift"),
    Code("CB005", W, "skewed-target"),
    Code("MV001", W, "missing-values"),
    Code("MV002", E, "non-finite-values"),
    Code("MV003", W, "sentinel-values"),
    Code("MV004", W, "missingness-shift"),
    Code("MV005", I, "constant-column"),
    Code("MV006", E, "unreadable-file"),
    Code("MV007", W, "mixed-types"),
    Code("NM001", E, "normalization-mismatch"),
    Code("NM002", W, "scale-disparity"),
    Code("NM003", W, "distribution-shift"),
    Code("NM004", E, "transforms-differ"),
    Code("NM005", W, "extreme-values"),
    Code("NM006", W, "unseen-categories"),
    Code("NM007", W, "image-format-shift"),
    Code("SL001", W, "skewed-lengths"),
    Code("SL002", W, "length-shift"),
    Code("SL003", E, "empty-sequences"),
    Code("SL004", W, "overlong-sequences"),
    Code("SL005", W, "length-label-confounding"),
    Code("SL006", W, "pair-length-ratio"),
    Code("SL007", W, "copied-pairs"),
    Code("SC001", E, "columns-differ"),
    Code("SC002", E, "types-differ"),
    Code("SC003", E, "schema-violation"),
    Code("ST001", E, "non-finite-loss-or-gradient"),
    Code("ST002", W, "loss-spike"),
    Code("ST003", E, "exploding-gradients"),
    Code("ST004", W, "vanishing-gradients"),
    Code("ST005", E, "divergence"),
    Code("ST006", W, "saturated-or-dead-units"),
    Code("ST007", W, "update-too-large"),
    Code("ST008", W, "overfitting-gap"),
    Code("ST009", W, "clipping-always"),
    Code("DL001", W, "rows-missing-from-epoch"),
    Code("DL002", W, "rows-repeated-in-epoch"),
    Code("DL003", E, "rows-shared-by-ranks"),
    Code("DL004", W, "cloned-worker-seeds"),
    Code("DL005", W, "same-order-each-epoch"),
    Code("DL006", W, "padded-batches"),
    Code("DL007", W, "classes-missing-from-batches"),
    Code("DL008", I, "last-batch-dropped"),
    Code("DC001", I, "unused-suppression"),
)

CODES: dict[str, Code] = {c.code: c for c in TABLE}


def find(code: str) -> Code:
    """The line for a code or a rule's name. Raises UsageError, naming the nearest."""
    wanted = code.strip()
    for line in TABLE:
        if wanted.upper() == line.code or wanted.lower() == line.name:
            return line
    from difflib import get_close_matches

    near = get_close_matches(wanted, [*CODES, *(c.name for c in TABLE)], n=1, cutoff=0.3)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UsageError(f"no rule {code!r}", f"{hint}`datacheck rules` lists them all")


def select(
    chosen: tuple[str, ...] = (),
    ignored: tuple[str, ...] = (),
    *,
    judges: Judged | None = None,
) -> tuple[Code, ...]:
    """The lines that codes, names or families (``LK``) choose, less those ignored; all if none.

    ``judges`` keeps only the rules that judge data, a recorded run, or loaders.
    """
    keep = _expand(chosen) if chosen else set(CODES)
    keep -= _expand(ignored)
    return tuple(c for c in TABLE if c.code in keep and judges in (None, c.judges))


def _expand(wanted: tuple[str, ...]) -> set[str]:
    out: set[str] = set()
    for item in wanted:
        upper = item.strip().upper()
        if upper == "ALL":
            out |= set(CODES)
        elif upper in FAMILIES:
            out |= {c for c in CODES if c.startswith(upper)}
        else:
            out.add(find(item).code)
    return out
