"""All rows that repeat or contradict others, of the findings that say so."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from datacheck.checks.base import Context, NotApplicable
from datacheck.checks.duplicates import NO_LABEL, Table, distinct, members, repeats
from datacheck.checks.support import need_row_hashes
from datacheck.dataset import Dataset
from datacheck.engines import local
from datacheck.engines.plan import make_plan
from datacheck.findings import Report
from datacheck.types import Hashes, Ints, Mask

REPEATED = ("LK001", "LB001", "LB004")


def repeated(
    data: Dataset, report: Report, threads: int, memory: int
) -> Iterable[tuple[str, Ints]]:
    """Rows that other rows repeat or contradict, all of a group and not only the later ones."""
    findings = [f for f in report.findings if f.rule in REPEATED]
    needs = need_row_hashes(data) if findings else []
    if not needs:
        return
    scan = local.run(data, make_plan(data, needs), threads=threads, memory=memory)
    context = Context(
        data,
        scan.rows,
        scan.summaries,
        fetch=lambda addresses, columns: local.fetch(data, addresses, columns),
    )
    try:
        tables = repeats(context).tables
    except NotApplicable:
        return
    for finding in findings:
        splits = [s for s in finding.splits if s in tables]
        for split in splits:
            others = [tables[s] for s in splits if s != split]
            mask = _WHICH[finding.rule](tables[split], others)
            yield finding.rule, tables[split].addresses[mask]


def _leaked(mine: Table, others: list[Table]) -> Mask:
    """Rows whose features another split has."""
    return members(mine.features, distinct(_all([t.features for t in others])))


def _again(mine: Table, _: list[Table]) -> Mask:
    """Rows that another row of the split repeats, label and all."""
    __, inverse, counts = np.unique(mine.keys(), return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse] > 1)


def _contradicted(mine: Table, others: list[Table]) -> Mask:
    """Rows whose features have another label somewhere."""
    features = _all([mine.features, *(t.features for t in others)])
    labels = _all([mine.labels, *(t.labels for t in others)])
    known = labels != NO_LABEL
    order = np.lexsort((labels[known], features[known]))
    f, v = features[known][order], labels[known][order]
    turns = (f[1:] == f[:-1]) & (v[1:] != v[:-1])
    hit = members(mine.features, distinct(f[1:][turns]))
    return np.asarray(hit & (mine.labels != NO_LABEL))


def _all(parts: list[Hashes]) -> Hashes:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)


_WHICH: dict[str, Callable[[Table, list[Table]], Mask]] = {
    "LB001": _contradicted,
    "LB004": _again,
    "LK001": _leaked,
}
