"""# columns-differ (SC001)

## What it finds
A column that one split has and another lacks, under its own or a slightly different name.

## Why it hurts training
A model fitted on a column that is not there at evaluation cannot be run, or runs on whatever a
loader fills in. A renamed column is both at once: one too few and one too many.

## How it is measured
Exact: the columns of each split, against those of all splits. All columns that the same splits lack
are one finding. A label that an evaluation split lacks is only worth a note: test sets are often
published without.

## Example
`test.csv` has `Age` where `train.csv` has `age`.

## Repair and repair safety
`align-columns` (manual): rename, or drop, or fetch the column again.

## Options
None.

## Known limits
Order is no difference. Ignored columns are not compared. A split without any readable column is
unreadable-file's (MV006).

## References
- Polyzotis et al. 2019, "Data Validation for Machine Learning", MLSys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.dataset import Dataset, Role
from datacheck.findings import Finding, Repair, Severity, names
from datacheck.summaries.base import Need

PAIRED = 50  # columns looked at for a new name; beyond it the table is another one


@dataclass(frozen=True)
class ColumnsDiffer(Rule):
    """Splits that do not have the same columns."""

    why = "a model fitted on a column that is not there at evaluation cannot be run, or runs blind"
    repairs = (Repair("align-columns", "manual"),)

    def needs(self, data: Dataset) -> Iterable[Need]:
        return []

    def judge(self, context: Context) -> Iterable[Finding]:
        data = context.data
        splits = [name for name, split in data.splits.items() if split.kinds]
        if len(splits) < 2:
            raise NotApplicable("needs two splits with rows")
        groups: dict[tuple[tuple[str, ...], bool], list[str]] = {}
        for column in data.columns.values():
            if column.role in (Role.IGNORE, Role.SPLIT):
                continue
            lacking = tuple(s for s in splits if column.name not in data.splits[s].kinds)
            if lacking and len(lacking) < len(splits):
                unlabeled = column.role is Role.LABEL and data.train not in lacking
                groups.setdefault((lacking, unlabeled), []).append(column.name)
        told: set[str] = set()
        # What train has comes first: the new name of a column told there is not told again.
        for lacking, unlabeled in sorted(groups, key=lambda g: (data.train in g[0], g)):
            columns = sorted(set(groups[lacking, unlabeled]) - told)
            if unlabeled:
                yield self._unlabeled(context, lacking, columns)
            elif columns:
                finding = self._found(context, splits, lacking, columns)
                told.update(finding.evidence["perhaps_renamed"].values())
                yield finding

    def _found(
        self, context: Context, splits: list[str], lacking: tuple[str, ...], columns: list[str]
    ) -> Finding:
        data = context.data
        having = [s for s in splits if s not in lacking]
        extra = [
            c
            for c in sorted(data.columns)
            if all(c in data.splits[s].kinds for s in lacking)
            and not any(c in data.splits[s].kinds for s in having)
        ]
        renamed = _renamed(columns, extra)
        shown = names([f"{c} ({renamed[c]} there)" if c in renamed else c for c in columns])
        noun = "column" if len(columns) == 1 else "columns"
        return self.finding(
            f"{names(lacking)} {'lacks' if len(lacking) == 1 else 'lack'} {len(columns)} {noun} "
            f"that {names(having)} {'has' if len(having) == 1 else 'have'}: {shown}",
            splits=lacking,
            columns=columns,
            count=len(columns),
            total=len(data.columns),
            unit="columns",
            evidence={"in": having, "not_in": list(lacking), "perhaps_renamed": renamed},
        )

    def _unlabeled(
        self, context: Context, lacking: tuple[str, ...], columns: list[str]
    ) -> Finding:
        return self.finding(
            f"{names(lacking)} {'has' if len(lacking) == 1 else 'have'} no label {columns[0]}: "
            "no score can be computed there",
            splits=lacking,
            columns=columns,
            count=len(columns),
            total=len(context.data.columns),
            unit="columns",
            evidence={"not_in": list(lacking)},
            severity=Severity.INFO,
            why="no score can be computed on a split without labels",
            repairs=(),
        )


def _renamed(columns: Sequence[str], extra: Sequence[str]) -> dict[str, str]:
    """Columns with what may be their other name: equal but for case and marks, or very close."""
    if not extra or max(len(columns), len(extra)) > PAIRED:
        return {}
    free = {_bare(c): c for c in extra}
    out: dict[str, str] = {}
    for column in columns:
        bare = _bare(column)
        near = [bare] if bare in free else get_close_matches(bare, list(free), n=1, cutoff=0.8)
        if near:
            out[column] = free.pop(near[0])
    return out


def _bare(name: str) -> str:
    """A name without case, spaces and marks; never empty."""
    return re.sub(r"[\W_]+", "", name.casefold()) or name
