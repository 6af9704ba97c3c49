"""A new version of a dataset against the old one: what drifted, and which rows came and went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from datacheck.auditing import run_audit
from datacheck.checks.base import ADDRESS
from datacheck.checks.support import hash_columns
from datacheck.dataset import Dataset, Role
from datacheck.findings import Finding, Report
from datacheck.sources.versions import NEW, OLD, side_by_side
from datacheck.summaries.base import Need
from datacheck.summaries.hashing import hash_column, mix
from datacheck.types import Hashes, Ints, Mask

if TYPE_CHECKING:
    from datacheck.auditing import Progress
    from datacheck.config import Config
    from datacheck.summaries.row_hashes import RowHashes

RULES = (
    "SC001", "SC002", "SC003", "CB003", "CB004", "MV004", "MV006", "NM001", "NM003", "NM006",
    "NM007", "SL002",
)  # fmt: skip
"""The rules that compare splits, and so versions: schema, classes, drift, missing cells, scale."""
SHOWN = 5
LOOKED_AT = 1_000  # changed rows whose cells are compared
LONG = 80  # characters of a cell that are shown


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of the rows of one split.

    A row is the same if its features and its label are, whatever its place; ids, groups and times
    that are a row's own are not looked at. ``changed`` counts rows of ``new`` whose id ``old`` has
    with another content, where a column tells rows apart in both (``by``; else None and '').
    ``examples`` are addresses of rows that were added, removed and changed, a few of each.
    """

    old: int
    new: int
    same: int
    added: int
    removed: int
    changed: int | None = None
    by: str = ""
    examples: Mapping[str, list[str]] = field(default_factory=dict)
    columns: Mapping[str, int] = field(default_factory=dict)
    cells: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True)
class Diff:
    """Two versions compared: by split the changes of its rows, and the report of the rules.

    In each report the splits are called ``old`` and ``new``. ``gone`` and ``come`` are splits that
    only the old or only the new version has.
    """

    changes: Mapping[str, Changes]
    reports: Mapping[str, Report]
    gone: tuple[str, ...] = ()
    come: tuple[str, ...] = ()

    @property
    def findings(self) -> list[Finding]:
        """Of all splits."""
        return [f for report in self.reports.values() for f in report.findings]

    def to_dict(self, *, timing: bool = True) -> dict[str, Any]:
        """As plain data: the report of each split as in an audit's JSON."""
        return {
            "version": 1,
            "splits": {
                split: {"rows": self.changes[split].to_dict(), **report.to_dict(timing=timing)}
                for split, report in self.reports.items()
            },
            "splits_gone": list(self.gone),
            "splits_come": list(self.come),
        }


def diff(old: Any, new: Any, /, *, config: Config | None = None, **settings: Any) -> Diff:
    """Compare two versions of a dataset, split by split.

    ``old`` and ``new`` are whatever :func:`datacheck.audit` understands; ``settings`` are fields of
    :class:`~datacheck.config.Config`. Raises DatacheckError where they cannot be compared.
    """
    from datacheck.config import Config

    return run_diff(old, new, (config or Config()).replace(**settings))


def run_diff(old: Any, new: Any, config: Config, *, progress: Progress | None = None) -> Diff:
    """What :func:`diff` and the command line share."""
    from datacheck.auditing import source_options

    pairs, alone = side_by_side(old, new, source_options(config))
    chosen = config if config.select else config.replace(select=RULES)
    changes: dict[str, Changes] = {}
    reports: dict[str, Report] = {}
    for split, data in pairs:
        changes[split] = rows_of(data, config, progress)
        reports[split] = run_audit(data, chosen, progress=progress)
    return Diff(changes, reports, tuple(alone[OLD]), tuple(alone[NEW]))


def rows_of(data: Dataset, config: Config, progress: Progress | None = None) -> Changes:
    """The rows that stay, come, go and change; counted by hashes of 64 bits."""
    label = data.label.name if data.label else ""
    both = [n for n in data.columns if all(n in s.kinds for s in data.splits.values())]
    columns = tuple(c for c in hash_columns(data) if c in both)
    ids = [c.name for c in data.columns.values() if c.role is Role.ID and c.name in both]
    needs = [Need("row_hashes", columns, (("label", label if label in both else ""),))]
    keys = Need("row_hashes", tuple(ids[:1]), (("label", ""),))
    own = _scan(data, needs, config, progress)
    told = _scan(data, [keys], config, None) if ids and columns else None
    old, new = own[OLD], own[NEW]
    left, right = _content(old), _content(new)
    added = _surplus(right, left)
    removed = _surplus(left, right)
    twins = None if told is None else _twins(told[OLD].features(), told[NEW].features())
    changed: Mask | None = None
    columns_of: dict[str, int] = {}
    cells: dict[str, dict[str, list[str]]] = {}
    if twins is not None:
        changed = twins >= 0
        changed[changed] = left[twins[changed]] != right[changed]
        at = np.flatnonzero(changed)[:LOOKED_AT]
        compared = (*columns, *([label] if label in both else []))
        pairs = old.addresses()[twins[at]], new.addresses()[at]
        columns_of, cells = _cells(data, *pairs, compared)
    shown = {"added": (NEW, new, added), "removed": (OLD, old, removed)}
    if changed is not None:
        shown["changed"] = (NEW, new, changed)
    return Changes(
        old.rows,
        new.rows,
        int((~added).sum()),
        int(added.sum()),
        int(removed.sum()),
        None if changed is None else int(changed.sum()),
        ids[0] if changed is not None else "",
        {
            what: [data.locate(which, int(a)) for a in _first(summary, mask)]
            for what, (which, summary, mask) in shown.items()
            if mask.any()
        },
        columns_of,
        cells,
    )


def _scan(
    data: Dataset, needs: list[Need], config: Config, progress: Progress | None
) -> dict[str, RowHashes]:
    from datacheck.engines import local
    from datacheck.engines.plan import make_plan

    scan = local.run(
        data,
        make_plan(data, needs),
        threads=config.threads,
        memory=config.memory,
        progress=progress,
    )
    return {split: summary for (split, _), summary in scan.summaries.items()}  # type: ignore[misc] # row hashes alone were asked for


def _content(summary: RowHashes) -> Hashes:
    return np.asarray(summary.features() ^ mix(summary.labels()))


def _surplus(these: Hashes, those: Hashes) -> Mask:
    """Which of ``these`` go beyond what ``those`` hold: of equal rows the last ones."""
    out = np.ones(these.size, dtype=np.bool_)
    if not these.size or not those.size:
        return out
    known, counts = np.unique(those, return_counts=True)
    order = np.argsort(these, kind="stable")
    ordered = these[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    nth = np.arange(ordered.size) - np.repeat(starts, np.diff(np.append(starts, ordered.size)))
    at = np.minimum(np.searchsorted(known, ordered), known.size - 1)
    there = np.where(known[at] == ordered, counts[at], 0)
    out[order] = nth >= there
    return out


def _twins(old_ids: Hashes, new_ids: Hashes) -> Ints | None:
    """For each row of ``new`` the row of ``old`` with its id, −1 for none; None if ids repeat."""
    if np.unique(old_ids).size < old_ids.size or np.unique(new_ids).size < new_ids.size:
        return None
    if not old_ids.size:
        return np.full(new_ids.size, -1, dtype=np.int64)
    order = np.argsort(old_ids)
    at = np.minimum(np.searchsorted(old_ids[order], new_ids), old_ids.size - 1)
    twin = order[at]
    return np.where(old_ids[twin] == new_ids, twin, -1)


def _cells(
    data: Dataset, old: Ints, new: Ints, columns: tuple[str, ...]
) -> tuple[dict[str, int], dict[str, dict[str, list[str]]]]:
    """In which columns rows differ from their twins, the most first; and some cells, in pairs."""
    from datacheck.engines import local

    if not new.size:
        return {}, {}
    frame = local.fetch(data, np.concatenate([old, new]), columns)
    known = frame[ADDRESS].to_numpy()
    before, after = np.searchsorted(known, old), np.searchsorted(known, new)
    counts: dict[str, int] = {}
    cells: dict[str, dict[str, list[str]]] = {data.locate(NEW, int(a)): {} for a in new[:SHOWN]}
    for column in columns:
        hashes = hash_column(frame[column])
        apart = hashes[before] != hashes[after]
        if not apart.any():
            continue
        counts[column] = int(apart.sum())
        for place, i in zip(cells, range(SHOWN), strict=False):
            if apart[i]:
                both = (frame[column][int(at[i])] for at in (before, after))
                cells[place][column] = [str(v)[:LONG] for v in both]
    return dict(sorted(counts.items(), key=lambda item: -item[1])), cells


def _first(summary: RowHashes, mask: Mask) -> Ints:
    return np.asarray(summary.addresses()[mask][:SHOWN])
