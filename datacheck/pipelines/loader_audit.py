"""``audit_loader``: what a loader yields in an epoch, beside what the dataset holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from torch.utils.data import DataLoader

from datacheck.auditing import judged
from datacheck.checks.base import BaseRule
from datacheck.checks.codes import TABLE, select
from datacheck.config import Config
from datacheck.dataset import TRAIN_NAMES
from datacheck.errors import UsageError
from datacheck.findings import Finding, Outcome, Report, Status
from datacheck.pipelines.loader_rules.base import LoaderRule
from datacheck.pipelines.loader_rules.seen import Seen, sampler_of
from datacheck.pipelines.watching.recording import content, unwrapped, watch
from datacheck.suppress import without_accepted
from datacheck.types import Ints

__all__ = ["CODES", "audit_loader"]

CODES = {c.code: c.name for c in TABLE if c.judges == "loader"}
"""The rules of loaders by code: their names."""


def audit_loader(
    loader: Any,
    source: Any = None,
    *,
    train: bool | None = None,
    epochs: int = 2,
    batches: int = 0,
    config: Config | None = None,
) -> Report:
    """What is wrong with how a loader hands out its dataset, from watching it for some epochs.

    ``loader`` is a DataLoader, any iterable of batches, what :func:`datacheck.loaders` gives
    (every split is audited), or a list of loaders: the same split on each rank. ``source`` is
    what should come: for datacheck's loaders the dataset they were made from; for iterables
    without indices a map-style dataset, or batches. ``train`` says whether order and augmentation
    are to vary (default: yes, unless the split's name says otherwise). ``batches`` stops each
    epoch early; then nothing is said of missing rows. Loaders are left as they were found.

    Findings are of the rules DL001 … DL008: ``datacheck rule DL001`` prints the page of one.
    ``config`` has their options and severities, suppressions and the choice of rules, as in an
    audit of data; none is read from files (:meth:`Config.load` does). Raises UsageError for what
    yields no batches and where no rule of loaders is chosen, ConfigError for options that cannot
    be.
    """
    if epochs < 1:
        raise UsageError(f"{epochs} epochs", "one is needed, two tell whether the order varies")
    settings = config or Config()
    codes = [c.code for c in select(settings.select, settings.ignore, judges="loader")]
    if not codes:
        raise UsageError("no rule is chosen that judges a loader", "add DL to select")
    for code in codes:
        settings.rule_options(code)  # what cannot be is told before the epochs
    seen = _splits(loader, train)
    findings: list[Finding] = []
    outcomes: dict[str, list[Outcome]] = {code: [] for code in codes}
    for split in seen:
        for one in split.loaders:
            with _left_alone(one):
                split.epochs.append([watch(one, batches=batches) for _ in range(epochs)])
        if not any(e.rows for e in split.first):
            raise UsageError(f"the loader {split.name or ''} yields no batches", "give it rows")
        _expect(split, source)
        for code in codes:
            found, outcome = judged(code, settings, partial(_judge, split))
            findings += found
            outcomes[code].append(outcome)
    over = [_worst(o) for o in outcomes.values()]
    kept, suppressed, told = without_accepted(findings, over, settings)
    return Report(
        dataset={
            "name": f"{type(loader).__name__}",
            "splits": {
                s.name or "loader": {"rows": sum(e.order.size for e in s.first), "files": 0}
                for s in seen
            },
            "columns": {},
            "task": None,
        },
        findings=kept,
        outcomes=[*over, *told],
        assumptions=[
            f"{s.name or 'the loader'} is told by the content of its rows: equal rows count as one"
            for s in seen
            if s.first[0].by == "content"
        ],
        suppressed=suppressed,
    )


def _judge(split: Seen, rule: BaseRule) -> Iterable[Finding]:
    assert isinstance(rule, LoaderRule)
    return rule.judge_loader(split)


def _worst(outcomes: list[Outcome]) -> Outcome:
    """What came of a rule over all splits: that it could not judge one says more than clean."""
    order = (Status.FAILED, Status.FOUND, Status.NOT_APPLICABLE, Status.CLEAN)
    return min(outcomes, key=lambda o: order.index(o.status))


def _splits(loader: Any, train: bool | None) -> list[Seen]:
    named = dict(loader) if isinstance(loader, Mapping) else {"": loader}
    out = []
    for name, one in named.items():
        ranks = list(one) if isinstance(one, list | tuple) and _are_loaders(one) else [one]
        ranks = [unwrapped(r) for r in ranks]
        varies = train
        if varies is None:
            varies = not name or name.lower() in TRAIN_NAMES or len(named) == 1
        out.append(Seen(name, varies, ranks))
    if not out:
        raise UsageError("there are no loaders to audit", "give at least one")
    return out


def _are_loaders(things: Sequence[Any]) -> bool:
    """A list of loaders is one a rank; a list of batches is a loader."""
    return bool(things) and all(
        isinstance(unwrapped(t), DataLoader) or hasattr(t, "__next__") or _is_list_of_lists(t)
        for t in things
    )


def _is_list_of_lists(thing: Any) -> bool:
    return isinstance(thing, list) and bool(thing) and not hasattr(thing[0], "ndim")


@contextmanager
def _left_alone(loader: Any) -> Iterator[None]:
    """Where the loader stands is kept, and given back at the end."""
    holder: Any = loader if hasattr(loader, "load_state_dict") else None
    holder = holder or getattr(loader, "batch_sampler", None)
    if not (hasattr(holder, "state_dict") and hasattr(holder, "load_state_dict")):
        yield
        return
    saved = holder.state_dict()
    if hasattr(holder, "set_epoch"):
        holder.set_epoch(int(saved.get("epoch", 0)))  # from the beginning of its epoch
    try:
        yield
    finally:
        holder.load_state_dict(saved)


def _expect(split: Seen, source: Any) -> None:
    """Which rows an epoch of all ranks is to have, and what they are known by."""
    first, inner = split.first[0], split.loaders[0]
    if first.addresses and source is not None:
        addresses = _source_addresses(source, split.name)
        if addresses is not None:
            split.expected, split.keyed = addresses, "address"
            return
    if first.by == "index":
        sampler = sampler_of(inner)
        chosen = getattr(sampler, "indices", None)
        n = len(inner.dataset)
        split.expected = np.arange(n) if chosen is None else np.unique(np.asarray(chosen))
        split.keyed = "index"
    elif first.by == "content" and source is not None:
        split.expected, split.keyed = _source_content(source), "content"


def _source_addresses(source: Any, split: str) -> Ints | None:
    from datacheck.dataset import Dataset
    from datacheck.pipelines.storage.encoded import read_frames
    from datacheck.sources import open_source

    data = source if isinstance(source, Dataset) else open_source(source)
    name = split or data.train
    if name not in data.splits:
        return None
    parts = [at for told, _, at in read_frames(data, None, {}, only=name) if told == name]
    return np.sort(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.int64)


def _source_content(source: Any) -> Ints:
    from torch.utils.data import default_collate

    if hasattr(source, "__getitem__") and hasattr(source, "__len__") and not _holds_batches(source):
        parts = []
        for start in range(0, len(source), 1024):
            rows = [source[i] for i in range(start, min(start + 1024, len(source)))]
            parts.append(content(default_collate(rows)))
    else:
        parts = [content(batch) for batch in source]
    return np.concatenate(parts).view(np.int64) if parts else np.zeros(0, dtype=np.int64)


def _holds_batches(source: Any) -> bool:
    return isinstance(source, list) and bool(source) and not isinstance(source[0], int | float)
