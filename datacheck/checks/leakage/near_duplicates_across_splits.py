"""# near-duplicates-across-splits (LK002)

## What it finds
Rows of one split that are nearly the same as a row of another: texts that differ in case, spaces or
punctuation, or in a few words; pictures that differ in size, encoding or brightness, or are flipped
or turned by a quarter; rows of a table that differ in one cell, or by rounding.

## Why it hurts training
A model that remembers a row of train knows the answer for one that is nearly the same, so that the
evaluation measures memory. Such rows pass every search for exact copies.

## How it is measured
The text columns of a row (and its sequences of tokens) are read as one text, in two normal forms:
*case and spaces* (NFKC, lower case, white space collapsed) and *words alone* (punctuation dropped
too). Texts with the same hash of a form are the same but for that. Of all others the scan keeps a
MinHash sketch of 8 bands of 3: two texts of Jaccard similarity 0.8 share a band with probability
0.997. Pairs that share one are candidates; their rows are read again, and only those stay whose
sets of 3-grams of words really have a Jaccard similarity of `min_jaccard`, or of which the smaller
lies in the larger by `containment`. A text of fewer than eight words, or in a script without
spaces, is compared by 5-grams of characters instead, and by Jaccard alone.

Of a picture the scan keeps 63 bits, the signs of its lowest frequencies, and 16 × 16 grey levels.
Pairs whose bits differ in at most `hamming` places under one of the eight flips and rotations are
candidates (multi-index hashing: none is missed); those are near whose grey levels, one turned as
the bits say, correlate by 0.998 or differ by no more than 3 of 255 (root mean square). Pictures
without structure are left out.

Of a table (four columns or more, no text) the scan keeps the row hash in three parts. Rows that
differ in `differing` columns agree in one part at least; their cells are compared. They are near if
at least three of the cells that agree hold a value that no more than four rows of the sample have:
rows of coarse columns agree by accident, as do sensors that all stand at one value. In coarse
tables they are near, too, if no more than four rows agree so, and if what agrees would not agree
once in a hundred such tables of independent columns, and if there is a gap: where rows are alike by
nature, more pairs differ in two cells than in one, and more in three than in two. Pairs that differ
in one must be more than one and a half times as many as those that differ in more lead to (up to
4,096 rows of the sample are compared with each other). Up to the size of the sample (65,536 rows a
split), rows whose numbers all are within 0.6 % are near too, if their first three digits are rare
in three columns. At least three rows must be so, and more than accidents and nature would make
(Poisson, 1e-4); one measure in two units counts once.

Where the label is a text or a sequence, as a translation is, and most of the rows have another one
than the row they are like, the finding is a warning: what is remembered is then seldom the answer.

Other features of the two rows may differ in `differing` of them. A row whose very features are in
the other split is LK001's and is not told again. Where fewer than 10 % of the texts are distinct
they repeat by accident, and the rule does not apply.

Measured on scikit-learn's bundled datasets: of 200 clean re-splits none raises an alarm. Recall,
precision and speed on texts of about 100 words, beside datasketch's MinHashLSH, are printed by
`python benchmarks/text_duplicates.py`. On MNIST's 70,000 digits, which are all different, 1.9
million pairs are within 6 bits and none is near; JPEG at quality 10, a quarter of the size, flips
and quarter turns of photographs are found in 10 of 10 each.

## Example
Banking77: of 3,080 test rows none is in train exactly; 7 are but for case and spaces, 18 more but
for punctuation. With `shingles = "characters"` the rule names the 103 rows that comparing all pairs
finds at a Jaccard similarity of 5-grams of 0.8 or more, and 14 that differ only in punctuation.

## Repair and repair safety
`drop-near-from-train` (safe): the rows go from train, never from the evaluation split.

## Options
- `min_share` (0): the least share of the evaluation split that matters.
- `min_jaccard` (0.8): from which similarity on two texts are near, 0.5–1.
- `containment` (0.9): which share of the smaller set of shingles lies in the larger one, 0.5–1.
- `shingles` ("auto"): "characters" compares all texts by 5-grams of characters.
- `hamming` (6): in how many of 63 bits the hashes of two pictures may differ, 0–6.
- `differing` (1): how many columns of the two rows may differ, 0–2, text and picture apart.

## Known limits
Short texts of one template ("what is the weather in …"), and sentences that a grammar made, are
alike by nature, and are told; a paraphrase in other words is not. A short text inside a much longer
one is found only where the sketches happen to share a band. Of one text the first MiB counts. Where
more than 32 texts share a band each is compared with some of them only, which the report says. A
picture that was cropped by more than a few pixels, or turned by another angle than a quarter, is
another picture. In tables a row of which two cells differ and that was rounded besides is not
found, nor copies rounded to fewer than three digits, nor any rounded ones among more rows than the
sample holds. Measurements that follow each other in time may be near by nature, once a table is
split at random.

## References
- Norouzi, Punjani & Fleet 2012, "Fast search in Hamming space with multi-index hashing", CVPR.
- Broder 1997, "On the resemblance and containment of documents", SEQUENCES.
- Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better", ACL.
- Elangovan, He & Verspoor 2021, "Memorization vs. Generalization", EACL.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from datacheck.checks.base import Context, NotApplicable
from datacheck.checks.duplicates import beyond_chance, percent
from datacheck.checks.near.across import across, like, nearest, with_label
from datacheck.checks.near.rule import NearRule
from datacheck.checks.near.search import Found, near, need_near
from datacheck.checks.near.telling import Shown, examples, ways, ways_told
from datacheck.checks.support import has_label
from datacheck.dataset import Dataset, Kind
from datacheck.findings import MAX_EXAMPLES, Finding, Repair, Severity, agree
from datacheck.summaries.base import Need


@dataclass(frozen=True)
class NearDuplicatesAcrossSplits(NearRule):
    """Nearly the same features in two splits."""

    why = "a model can remember the row that this one is like, so the score measures memory"
    repairs = (Repair("drop-near-from-train", "safe"),)

    def needs(self, data: Dataset) -> Iterable[Need]:
        return need_near(data, self.options()) if len(data.splits) > 1 else []

    def judge(self, context: Context) -> Iterable[Finding]:
        splits = sorted(context.splits, key=lambda s: s != context.train)  # train comes first
        if len(splits) < 2:
            raise NotApplicable("needs two splits with rows")
        found = near(context, self.options())
        for i, one in enumerate(splits):
            for other in splits[i + 1 :]:
                yield from self._pair(context, found, one, other)

    def _pair(self, context: Context, found: Found, one: str, other: str) -> Iterable[Finding]:
        known, pairs = found.items, across(found, one, other)
        rows, chosen = nearest(known, pairs, other)
        count, total = int(rows.size), context.rows[other]
        if count < found.least or count / total < self.min_share:
            return
        expected = found.accident * context.rows[one] * total
        if not beyond_chance(count, expected):
            return
        evidence = {**ways(pairs, chosen), f"rows_of_{one}": int(like(known, pairs, one).sum())}
        told, severity = "", None
        if has_label(context, one) and has_label(context, other):
            same = with_label(known, pairs, one, rows)
            evidence["with_same_label"] = same
            told = f"; {f'{same:,}' if same else 'none'} of them with its label"
            if 2 * same < count and _says_much(context):
                severity = Severity.WARNING
        shown = [
            Shown(int(row), int(pairs.a[pair]), pairs.how[pair], float(pairs.value[pair]))
            for row, pair in zip(rows[:MAX_EXAMPLES], chosen[:MAX_EXAMPLES], strict=True)
        ]
        yield self.finding(
            f"{count:,} of {total:,} rows of {other} ({percent(count / total)}) "
            f"{agree(count, 'is', 'are')} nearly the same as a row of {one}: "
            f"{ways_told(pairs, chosen)}{told}",
            splits=[one, other],
            count=count,
            total=total,
            evidence={**evidence, **self.options().told()},
            examples=examples(context, known, shown, one, other),
            severity=severity,
        )


def _says_much(context: Context) -> bool:
    """Whether the label is a text or a sequence, such as a translation."""
    label = context.data.label
    return label is not None and label.kind in (Kind.TEXT, Kind.SEQUENCE)
