"""# suspect-labels (LB002)

## What it finds
Labels that the rest of the row contradicts: a model that never saw the row is sure of another
class. It says how many labels are wrong at least, and lists the rows to look at first.

## Why it hurts training
A flexible model learns wrong labels by heart and gets worse on right ones; the rows with the
largest loss, which training listens to most, are the wrong ones. In an evaluation split they cap
the score, and may turn the order of two models round.

## How it is measured
Each split is judged by itself, on the row sample with at least 500 rows of each class where there
are. A probe is fitted five times, each time on four fifths of the rows, and judges the rest; rows
with the same features, and rows of one entity, stay together, so that a copy never tells its own
label. The probe is a ridge regression, on the features or on random Fourier features of them,
whichever has the smaller log loss out of fold. It is fitted again without the rows whose label it
contradicts confidently, for wrong labels spoil it. It reads numbers, categories, texts (words and
n-grams), lists of numbers of one length, and pictures, at 16 × 16: their pixels or their edges. Or
give the probabilities of your own model (`--pred-probs`): then every row is judged.

A probe contradicts labels because they are wrong or because the task is hard. Among the rows that
the first fit is surest of, the contradictions of a hard task die out, and those of wrong labels do
not. So the share of wrong labels is what is left of contradictions among the surest half, quarter
and eighth (of 150 rows at least) of each predicted class, of all rows, and of all rows with the
same weight for each predicted class: the least of them. Sureness means nothing where the probe has
learned too little; so two more probes are fitted to separate halves of the other rows, and a
contradiction counts only where both say it, too. The share is reported if

- the lower end of its interval, at 1e-4, is above `min_rate`;
- half of the contradictions that all three probes share can be left at each depth (of more than 800
  rows 400 ÷ rows, but 35 %), and half of all contradictions are in the surest half (400 ÷ rows);
- it holds without the predicted class that contradicts the most: where a part of a class looks
  like another class, only the rows of that other one are contradicted;
- no more than 30 % look wrong.

A split is not judged, and the report says so, where it has fewer than 200 rows, or 30 for each
class; where the probe contradicts more than 38 % of the labels (31 % of two classes, 25 % of fewer
than 400 rows); where the three differ in more than a tenth of the rows (of more than 700 rows, in
(rows − 500) ÷ 2,000); and where fewer than two classes are told well (60 % of their rows, 70 % of
two classes; what wrong labels at random bring into a rare class does not count against it).
The rows listed are those of the confident joint: their probability of another class is at least
what rows given as that class have on average. The first have the largest margin.

## Example
Test images of MNIST: a 4 that was filed under 9.

## Repair and repair safety
`review-labels` (manual): look at the rows, the most suspicious first. No label is changed here; a
model that corrects the labels it is judged by proves nothing.

## Options
- `min_rate` (0.01): the least lower end of the share of wrong labels.
- `listed` (100): rows that the finding names at most.

## Known limits
Simulated tables without a wrong label, of seven shapes, with and without columns that tell nothing,
2 to 10 classes, even and uneven, and 250, 600, 3,000 and 12,000 rows: the rule speaks in 3 of 672.
A class of which 5 to 50 % look exactly like another one cannot be told from wrong labels by
anybody; the rule is silent in 72 of 72 tables (`python benchmarks/suspect_labels.py --null`). The
price: errors of one direction only (some 4s are filed as 9, nothing else) mostly pass, for the
surest rows of all have none. Of two equally frequent classes of 600 rows that lie apart, 2 % of
wrong labels are not found, 5 % in one of three tables, 10 and 20 % in all (`--power`). Few wrong
labels are ranked, but not told: of the 15 errors that people confirmed among MNIST's 10,000 test
digits, 8 are among the 100 rows with the least margin (`--images`). Nothing is said of a task whose
own errors outnumber the wrong labels, nor of one with a rare class that the features hardly tell:
customers who said yes and are in every other way like those who said no may as well be errors.
Errors that follow a pattern the features show (all 7s with a bar called 1) are learned by the probe
and not seen. More than 256 classes are not judged, nor are labels that are numbers. `pred_probs`
must come from models that did not see the row, or they hide what was learned by heart; if other
models would agree with them is not asked.

## References
- Northcutt, Jiang & Chuang 2021, "Confident Learning", JAIR 70 (the confident joint).
- Northcutt, Athalye & Mueller 2021, "Pervasive Label Errors in Test Sets", NeurIPS.
- Liu & Tao 2016, "Classification with noisy labels by importance reweighting", TPAMI 38 (the rate
  of errors, from the surest rows).
- Brodley & Friedl 1999, "Identifying Mislabeled Training Data", JAIR 11 (fits that must agree).
- Rahimi & Recht 2007, "Random features for large-scale kernel machines", NIPS.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datacheck.checks.base import ADDRESS, Context, NotApplicable, Rule
from datacheck.checks.given_probs import Judged, beside_labels
from datacheck.checks.noise import Noise, Suspects, estimate, suspects
from datacheck.checks.predict import EACH, Target, read_target
from datacheck.checks.probe import one_thread, out_of_fold
from datacheck.checks.probe_features import TEXT_ROWS, length, measured, usable, views
from datacheck.checks.support import has_label, need_label_counts, need_row_hashes, need_sample
from datacheck.dataset import Dataset, Kind, Role, Task
from datacheck.errors import UsageError
from datacheck.findings import MAX_EXAMPLES, Effect, Example, Finding, Repair
from datacheck.summaries.base import Need
from datacheck.summaries.hashing import hash_column
from datacheck.types import Hashes, Ints

LEAST = 200  # rows. If a tenth of the labels is wrong, the surest half has ten of them, and five,
# which suffice, in 98 % of draws; of fewer rows wrong labels would often be missed
CLASSES = 256
CELLS = 1 << 25  # features of all rows at once
PAIRS = 5  # of classes that the finding names


@dataclass(frozen=True)
class SuspectLabels(Rule):
    """Labels that a model which never saw the row is sure to be others."""

    why = "a flexible model learns wrong labels by heart, and in evaluation they cap the score"
    repairs = (Repair("review-labels", "manual"),)

    min_rate: float = 0.01
    listed: int = 100

    def __post_init__(self) -> None:
        if not 0 <= self.min_rate < 1 or not 1 <= self.listed <= 10_000:
            raise UsageError("LB002 needs 0 <= min_rate < 1 and 1 <= listed <= 10,000")

    def needs(self, data: Dataset) -> Iterable[Need]:
        counts = need_label_counts(data)
        sample = need_sample(data, *measured(data))
        return [*sample, *need_row_hashes(data), *counts] if counts else []

    def judge(self, context: Context) -> Iterable[Finding]:
        context.label(Task.CLASSIFICATION)
        reasons: dict[str, str] = {}
        for split in context.splits:
            try:
                yield from self._found(context, split, self._judged(context, split))
            except NotApplicable as reason:
                reasons[split] = str(reason)
        if len(reasons) == len(context.splits):
            raise NotApplicable(next(iter(reasons.values()), "no split has rows"))
        context.notes += [f"LB002 did not judge {s}: {reason}" for s, reason in reasons.items()]

    def _judged(self, context: Context, split: str) -> Judged:
        own = context.pred_probs.get(split)
        if own is not None:
            rows = beside_labels(context, split, own)
            if rows is not None:
                return rows
        return probed(context, split)

    def _found(self, context: Context, split: str, rows: Judged) -> Iterable[Finding]:
        fair = rows.uniform
        noise = estimate(
            rows.probabilities[fair], rows.codes[fair], rows.sure[fair], rows.agreed[fair]
        )
        if noise is None:
            raise NotApplicable(f"{split} has too few rows for a share of wrong labels")
        if noise.lacks:
            label = context.label().name
            raise NotApplicable(f"{rows.how} knows {label} in {split} too badly: {noise.lacks}")
        if noise.told and noise.low > self.min_rate:
            found = suspects(rows.probabilities, rows.codes)
            if found.rows.size:
                yield self._finding(context, split, rows, noise, found)

    def _finding(
        self, context: Context, split: str, rows: Judged, noise: Noise, found: Suspects
    ) -> Finding:
        label = context.label().name
        given = rows.codes[found.rows]
        pair, counts = np.unique(
            np.stack([given, found.suggested]), axis=1, return_counts=True
        )
        order = np.lexsort((pair[1], pair[0], -counts))[:PAIRS]
        pairs = {
            f"{rows.classes[pair[0, k]]} → {rows.classes[pair[1, k]]}": int(counts[k])
            for k in order
        }
        first = next(iter(pairs))
        head = found.rows[: self.listed]
        addresses = context.locate(split, rows.addresses[head])
        table = {
            address: [rows.classes[given[i]], rows.classes[found.suggested[i]],
                      float(found.margins[i])]
            for i, address in enumerate(addresses)
        }  # fmt: skip
        return self.finding(
            f"about {noise.value:.1%} of {label} in {split} look wrong, at least {noise.low:.1%}: "
            f"{found.rows.size:,} of {rows.codes.size:,} rows are confidently contradicted, "
            f"most often {first} ({pairs[first]:,})",
            splits=[split],
            columns=[label],
            count=found.rows.size,
            total=rows.codes.size,
            effect=Effect("share of wrong labels", noise.value, noise.low, noise.high,
                          self.min_rate),
            evidence={
                "suspects": table,
                "pairs": pairs,
                "probe": rows.how,
                "contradicted": noise.errors,
                "surest_rows": noise.rows,
            },
            examples=[
                Example((a,), {label: t[0], "suggested": t[1], "margin": t[2]})
                for a, t in list(table.items())[:MAX_EXAMPLES]
            ],
        )  # fmt: skip


def probed(context: Context, split: str) -> Judged:
    """The sampled rows of a split with the probabilities of a probe that did not see them.

    Raises NotApplicable where there is too little to learn from.
    """
    columns = usable(context, split) if has_label(context, split) else []
    if has_label(context, split) and not columns:
        raise NotApplicable("no features that a probe can read")
    if context.rows[split] < LEAST:
        raise NotApplicable(f"{split} has {context.rows[split]:,} rows; {LEAST} are needed")
    target = read_target(context, split)
    labeled = target.n
    target = _kept(context, target, columns)
    classes, codes = np.unique(target.codes, return_inverse=True)
    codes = codes.reshape(-1).astype(np.int64)
    with one_thread():
        matrices = views(context, target.frame, columns)
    if not matrices:
        raise NotApplicable(f"the features of {split} do not vary")
    probe = out_of_fold(matrices, codes, _groups(context, split, target), classes.size)
    _note(context, split, target.n, labeled)
    addresses = target.frame[ADDRESS].to_numpy()
    return Judged(
        addresses,
        codes,
        tuple(target.classes[k] for k in classes),
        probe.probabilities,
        probe.sure,
        probe.agreed,
        np.isin(addresses, context.sample(split)[ADDRESS].to_numpy()),
        f"a probe ({probe.model})",
    )


def _kept(context: Context, target: Target, columns: list[str]) -> Target:
    """The rows of classes that are large enough, no more than a probe can be fitted on."""
    rows = np.flatnonzero(target.sizes[target.codes] >= EACH).astype(np.int64)
    count = np.unique(target.codes[rows]).size
    if count < 2 or rows.size < LEAST:
        raise NotApplicable(f"fewer than two classes with {EACH} rows, or than {LEAST} such rows")
    if count > CLASSES:
        raise NotApplicable(f"{count:,} classes are too many for a probe; {CLASSES} can be judged")
    texts = any(context.data.columns[c].kind is Kind.TEXT for c in columns)
    wide = sum(max(1, length(target.frame[c])) for c in columns)
    most = min(CELLS // max(wide, count), TEXT_ROWS if texts else rows.size)
    if rows.size > most:
        order = np.argsort(target.hashes[rows], kind="stable")[:most]
        rows = np.sort(rows[order])
        few = target.take(rows)
        return few if (few.sizes >= EACH).sum() == count else _kept(context, few, columns)
    return target.take(rows)


def _note(context: Context, split: str, judged: int, labeled: int) -> None:
    """Says so where fewer rows are judged than were sampled with a label, or than there are."""
    rows = context.rows[split]
    if judged < labeled or context.sampled(split):
        context.notes.append(
            f"LB002 judged {judged:,} of the {rows:,} rows of {split}; wrong labels among the "
            "others are not named"
        )


def _groups(context: Context, split: str, target: Target) -> Hashes:
    """One hash for rows that share features or an entity, and, as far as three steps go, for those
    that are linked by others.
    """
    addresses = target.frame[ADDRESS].to_numpy()
    links: list[Hashes] = []
    try:
        table = context.row_hashes(split)
    except KeyError:
        pass
    else:
        links.append(table.features()[np.searchsorted(table.addresses(), addresses)])
    entity = context.data.role(Role.GROUP)
    if entity is not None and entity.name in target.frame.columns:
        named = target.frame[entity.name]
        alone = target.hashes
        links.append(np.where(named.is_null().to_numpy(), alone, hash_column(named)))
    out = target.hashes.copy()
    for _ in range(3):
        for link in links:
            inverse = np.unique(link, return_inverse=True)[1].reshape(-1)
            out = _least(out, inverse)
    return out


def _least(values: Hashes, members: Ints) -> Hashes:
    """The least value of each group, for all of its rows."""
    order = np.lexsort((values, members))
    first = np.unique(members[order], return_index=True)[1]
    return np.asarray(values[order][first][members])
