"""All rows that findings on near-duplicates name: those that are alike, and what they are like."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from datacheck.checks.base import NotApplicable
from datacheck.checks.labels.near_duplicates_within_split import by_label
from datacheck.checks.near.across import across, like, nearest
from datacheck.checks.near.search import near, need_near, taken
from datacheck.checks.near.within import nodes
from datacheck.dataset import Dataset
from datacheck.findings import Report
from datacheck.pipelines.repairing.near_rows import scanned
from datacheck.types import Ints

NEARLY = ("LK002", "LB005")


def named_near(
    data: Dataset, report: Report, threads: int, memory: int
) -> Iterable[tuple[str, Ints]]:
    """(rule, addresses) for each finding of LK002 and LB005."""
    for finding in report.findings:
        if finding.rule not in NEARLY:
            continue
        options = taken(finding.evidence)
        if not need_near(data, options) or not all(s in data.splits for s in finding.splits):
            continue
        context = scanned(data, options, threads, memory)
        try:
            found = near(context, options)
        except NotApplicable:
            continue
        known = found.items
        if finding.rule == "LB005":
            own = nodes(found, finding.splits[0], by_label(context, finding.splits[0]))
            alike = np.union1d(own.pairs.a, own.pairs.b)
            yield finding.rule, known.addresses[own.rows[np.isin(own.node, alike)]]
            continue
        one, other = finding.splits
        pairs = across(found, one, other)
        rows, _ = nearest(known, pairs, other)
        yield finding.rule, known.addresses[rows]
        yield finding.rule, known.addresses[like(known, pairs, one)]
