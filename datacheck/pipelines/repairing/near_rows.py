"""Which rows of train leave because they are nearly the same as others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from datacheck.checks.base import Context, NotApplicable
from datacheck.checks.labels.near_duplicates_within_split import by_label
from datacheck.checks.near.across import across, like
from datacheck.checks.near.items import items, restricted
from datacheck.checks.near.search import Found, NearOptions, applicable, need_near, search, taken
from datacheck.checks.near.within import nodes
from datacheck.dataset import Dataset, Role
from datacheck.engines import local
from datacheck.engines.plan import make_plan
from datacheck.pipelines.plan import Step
from datacheck.pipelines.repairing.view import View, among
from datacheck.types import Ints

NEAR = ("drop-near-from-train", "drop-near-duplicates")
ROUNDS = 20  # where so many are alike that a search compares some only, the next goes on


class NearRows:
    """The near-duplicates of a dataset as a view mends it, found again after rows have left.

    ``dropped`` are columns that other steps take away.
    """

    def __init__(self, view: View, dropped: set[str], threads: int, memory: int) -> None:
        self.data = view.as_dataset()
        self.data.columns = {
            n: replace(c, role=Role.IGNORE) if n in dropped else c
            for n, c in self.data.columns.items()
        }
        self.threads, self.memory = threads, memory
        self._contexts: dict[NearOptions, Context] = {}

    def leaving(self, step: Step, train: str, gone: Ints, moved: Ints, to: Ints) -> Ints:
        """Addresses of the rows of train that leave. ``gone`` have left already; ``moved`` are
        in other splits now, those of the ordinals ``to``. Both ascend.
        """
        options = _options(step)
        context = self._context(options)
        try:
            applicable(context, options)
        except NotApplicable:
            return np.zeros(0, dtype=np.int64)
        whole = items(context)
        split = whole.split.copy()
        hit, at = among(whole.addresses, moved)
        ordinals = np.array([whole.names.index(s) if s in whole.names else -1
                             for s in self.data.splits], dtype=np.int16)  # fmt: skip
        split[hit] = ordinals[to[at[hit]]]
        left = np.zeros(0, dtype=np.int64)
        for _ in range(ROUNDS):
            away = among(whole.addresses, np.union1d(gone, left))[0]
            known = restricted(whole, ~away, split)
            try:
                more = self._some(context, search(context, known, options), step, train)
            except NotApplicable:
                break
            if not more.size:
                break
            left = np.union1d(left, more)
        return left

    def rows(self, step: Step) -> dict[str, int]:
        """Rows by split, as they were read for that step."""
        return dict(self._context(_options(step)).rows)

    def _some(self, context: Context, found: Found, step: Step, train: str) -> Ints:
        known = found.items
        if train not in known.names:
            return np.zeros(0, dtype=np.int64)
        if step.repair == "drop-near-duplicates":
            own = nodes(found, train, by_label(context, train))
            return known.addresses[own.rows[own.gone()[own.node]]]
        leaks = np.zeros(known.addresses.size, dtype=np.bool_)
        for other in known.names:
            if other != train:
                leaks |= like(known, across(found, train, other), train)
        return known.addresses[leaks]

    def _context(self, options: NearOptions) -> Context:
        if options not in self._contexts:
            self._contexts[options] = scanned(self.data, options, self.threads, self.memory)
        return self._contexts[options]


def scanned(data: Dataset, options: NearOptions, threads: int, memory: int) -> Context:
    """What a search among the rows of the data needs."""
    plan = make_plan(data, need_near(data, options))
    scan = local.run(data, plan, threads=threads, memory=memory)
    return Context(
        data, scan.rows, scan.summaries,
        fetch=lambda addresses, columns: local.fetch(data, addresses, columns),
    )  # fmt: skip


def _options(step: Step) -> NearOptions:
    return taken({name: step.get(name) for name, _ in step.kind.parameters})
