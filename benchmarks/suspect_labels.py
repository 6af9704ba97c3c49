"""How well LB002 ranks wrong labels: planted in real data, and those people confirmed in MNIST.

``python benchmarks/suspect_labels.py`` turns 2, 5, 10 and 20 % of the labels of scikit-learn's
bundled datasets at random and prints what the rule makes of them: the estimated share with its
interval, and precision and recall of the rows it names. Where cleanlab is installed (it is no
dependency), its ``find_label_issues`` gets the same out-of-fold probabilities; what it names and
the seconds stand side by side. Ours are ranked by the same margin. Precision@k, k being the number
of labels turned, is that of the order of all rows, whether or not the rule speaks.

``--null`` simulates tables whose labels are all right, of every difficulty, balance and shape, and
counts how often the rule speaks all the same; ``--power`` turns labels in simulated tables and
counts how often it finds them, by rows, balance and share.

``--images FOLDER --errors FILE.csv`` takes a folder ``class/*.png`` and a table of confirmed
errors (columns ``path``, whose end names the file, and ``confirmed_error``).
"""

from __future__ import annotations

import argparse
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from telling import tell, writable, write  # type: ignore[import-not-found] # beside this script

import datacheck
from datacheck.checks import noise
from datacheck.checks.base import Context
from datacheck.checks.given_probs import Judged
from datacheck.checks.labels import suspect_labels as rule
from datacheck.types import Floats, Ints

DATASETS = ("wine", "breast_cancer", "digits")
SHARES = (0.0, 0.02, 0.05, 0.1, 0.2)
ROWS = (250, 600, 3_000, 12_000)
HIDDEN = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
BALANCES = {"2 classes, 1:1": (1, 1), "2 classes, 1:4": (4, 1), "2 classes, 1:9": (9, 1),
            "5 classes, equal": (1,) * 5}  # fmt: skip


def audited(frame: pl.DataFrame) -> tuple[datacheck.Report, Floats, Ints]:
    """The report, and the probabilities and classes that the rule judged by."""
    seen: list[Judged] = []
    probed = rule.probed

    def keep(context: Context, split: str) -> Judged:
        seen.append(probed(context, split))
        return seen[-1]

    rule.probed = keep
    try:
        report = datacheck.audit(
            {"train": frame},
            settings={"label": "label", "select": ("LB002",), "task": "classification"},
        )
    finally:
        rule.probed = probed
    if not seen:
        return report, np.zeros((0, 2)), np.zeros(0, dtype=np.int64)
    return report, seen[0].probabilities, seen[0].codes


def ranked(probabilities: Floats, codes: Ints) -> Ints:
    """All rows, the most suspicious first: by the margin of the given class over the best other."""
    own = probabilities[np.arange(codes.size), codes]
    others = probabilities.copy()
    others[np.arange(codes.size), codes] = -1.0
    return np.argsort(own - others.max(axis=1), kind="stable").astype(np.int64)


def peer(probabilities: Floats, codes: Ints) -> tuple[Ints, float] | None:
    """The ranking of cleanlab's ``find_label_issues``, and its seconds; None if not installed."""
    try:
        find_label_issues = import_module("cleanlab.filter").find_label_issues
    except ImportError:
        return None
    began = time.perf_counter()
    found = find_label_issues(
        codes, probabilities, return_indices_ranked_by="normalized_margin", n_jobs=1
    )
    return np.asarray(found, dtype=np.int64), time.perf_counter() - began


def planted(seed: int) -> None:
    """The table of planted errors."""
    from sklearn import datasets

    tell("| data | turned | estimate | named | precision | recall | precision@k | cleanlab's "
          "count | its precision | its recall | seconds ÷ its |")  # fmt: skip
    tell("|---|---|---|---|---|---|---|---|---|---|---|")
    for name in DATASETS:
        data, target = getattr(datasets, f"load_{name}")(return_X_y=True)
        order = np.random.default_rng(seed).permutation(target.size)
        data, target = data[order], target[order]
        for share in SHARES:
            rng = np.random.default_rng([seed, round(share * 100)])
            turned = rng.random(target.size) < share
            classes = int(target.max()) + 1
            given = (target + turned * rng.integers(1, classes, target.size)) % classes
            frame = pl.DataFrame({f"x{i}": data[:, i] for i in range(data.shape[1])})
            report, p, codes = audited(frame.with_columns(label=pl.Series(given)))
            tell(f"| {name} | {turned.sum()} of {target.size} | {_line(report, turned, p, codes)}")


def _line(report: datacheck.Report, turned: Any, p: Floats, codes: Ints) -> str:
    if not codes.size:
        return "not judged | | | | | | | | |"
    cells = ["silent", "0", "", ""]
    if report.findings:
        (finding,) = report.findings
        assert finding.effect is not None
        effect = finding.effect
        rows = noise.suspects(p, codes).rows
        cells = [
            f"{effect.value:.1%} ({effect.low:.1%} to {effect.high:.1%})",
            str(rows.size),
            f"{turned[rows].mean():.2f}",
            f"{turned[rows].sum() / max(turned.sum(), 1):.2f}",
        ]
    k = int(turned.sum())
    cells.append(f"{turned[ranked(p, codes)[:k]].mean():.2f}" if k else "")
    began = time.perf_counter()
    noise.suspects(p, codes)
    noise.estimate(p, codes)
    mine = time.perf_counter() - began
    other = peer(p, codes)
    if other is None:
        return " | ".join([*cells, "not installed", "", "", ""]) + " |"
    rows, seconds = other
    cells += [
        str(rows.size),
        f"{turned[rows].mean():.2f}" if rows.size else "",
        f"{turned[rows].sum() / k:.2f}" if k else "",
        f"1/{seconds / mine:.0f}",
    ]
    return " | ".join(cells) + " |"


# -- simulated ---------------------------------------------------------------------------------


def _classes(n: int, rng: np.random.Generator) -> Ints:
    """2 to 10 classes; in half of the draws equally frequent, else up to 20 times rarer."""
    k = int(rng.integers(2, 11))
    weights = np.geomspace(1.0, 20.0 ** -rng.random(), k) if rng.random() < 0.5 else np.ones(k)
    return rng.choice(k, n, p=weights / weights.sum()).astype(np.int64)


def blobs(n: int, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """A normal distribution for each class, half a deviation to five apart."""
    codes, width = _classes(n, rng), int(rng.integers(2, 9))
    middle = rng.normal(size=(10, width)) * rng.uniform(0.5, 5.0) / np.sqrt(2)
    return rng.normal(size=(n, width)) + middle[codes], codes


def clusters(n: int, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Three clusters for each class, some of which touch those of other classes."""
    codes, width = _classes(n, rng), int(rng.integers(2, 6))
    middle = rng.normal(size=(10, 3, width)) * rng.uniform(2.0, 5.0)
    return rng.normal(size=(n, width)) + middle[codes, rng.integers(0, 3, n)], codes


def heavy_tails(n: int, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """As blobs, with noise of Student's t with 3 degrees of freedom."""
    codes, width = _classes(n, rng), int(rng.integers(2, 9))
    middle = rng.normal(size=(10, width)) * rng.uniform(1.0, 5.0)
    return rng.standard_t(3, size=(n, width)) + middle[codes], codes


def rings(n: int, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Each class a ring around the last, with soft edges."""
    codes = _classes(n, rng)
    angle, radius = rng.uniform(0, 2 * np.pi, n), codes + rng.normal(size=n) * rng.uniform(0.1, 0.5)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), codes


def graded(n: int, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Labels that are drawn: their probabilities follow the features, steeply or not."""
    k, width = int(rng.integers(2, 11)), int(rng.integers(2, 9))
    x = rng.normal(size=(n, width))
    score = x @ rng.normal(size=(width, k)) * rng.uniform(1.0, 10.0)
    return x, (score + rng.gumbel(size=(n, k))).argmax(axis=1).astype(np.int64)


def part_hard(n: int, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """As blobs that lie apart, but a tenth to a half of the rows have features that tell nothing
    (and look like no class).
    """
    codes, width = _classes(n, rng), int(rng.integers(2, 9))
    x = rng.normal(size=(n, width)) + rng.normal(size=(10, width))[codes] * rng.uniform(2.0, 5.0)
    hard = rng.random(n) < rng.uniform(0.1, 0.5)
    x[hard] = rng.normal(size=(int(hard.sum()), width))
    return x, codes


def blurred(n: int, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Two to five classes cut from a score that noise blurs, a little or more than it says."""
    k, width = int(rng.integers(2, 6)), int(rng.integers(2, 6))
    x = rng.normal(size=(n, width))
    score = x @ rng.normal(size=width) / np.sqrt(width) + rng.normal(size=n) * rng.uniform(0.2, 1.5)
    cuts = np.quantile(score, np.sort(rng.uniform(0.1, 0.9, k - 1)))
    return x, np.digitize(score, cuts).astype(np.int64)


SHAPES = (blobs, clusters, heavy_tails, rings, graded, part_hard, blurred)


def with_useless(x: Floats, rng: np.random.Generator) -> Floats:
    """5, 20 or 60 columns more that tell nothing: what a probe says of few rows then is chance."""
    return np.hstack([x, rng.normal(size=(x.shape[0], int(rng.choice([5, 20, 60]))))])


def hidden(n: int, share: float, classes: int, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Classes six deviations apart; a share of the second looks exactly like the first."""
    codes = rng.integers(0, classes, n)
    seen = np.where((codes == 1) & (rng.random(n) < share), 0, codes)
    x = rng.normal(size=(n, classes))
    x[np.arange(n), seen] += 6 / np.sqrt(2)
    return x, codes


def _speaks(x: Floats, codes: Ints) -> bool:
    frame = pl.DataFrame({f"x{i}": x[:, i] for i in range(x.shape[1])})
    return bool(audited(frame.with_columns(label=pl.Series(codes)))[0].findings)


def null(seed: int, repeats: int) -> None:
    """How often the rule speaks where no label is wrong."""
    tell(f"| no label is wrong | {' | '.join(f'{n:,} rows' for n in ROWS)} |")
    tell("|---|" + "---|" * len(ROWS))
    for useless in (False, True):
        for at, shape in enumerate(SHAPES):
            cells = []
            for n in ROWS:
                hits = 0
                for i in range(repeats):
                    rng = np.random.default_rng([seed, at, n, i])
                    x, codes = shape(n, rng)
                    hits += _speaks(with_useless(x, rng) if useless else x, codes)
                cells.append(f"{hits} of {repeats}")
            more = ", and columns that tell nothing" if useless else ""
            tell(f"| {shape.__name__}{more} | {' | '.join(cells)} |")
    few, n = max(1, repeats // 2), 3_000
    tell(f"\n| share of one class that looks like another, {n:,} rows | 2 classes | 5 classes |")
    tell("|---|---|---|")
    for share in HIDDEN:
        cells = []
        for classes in (2, 5):
            draws = (np.random.default_rng([seed, n, i, classes]) for i in range(few))
            hits = sum(_speaks(*hidden(n, share, classes, rng)) for rng in draws)
            cells.append(f"{hits} of {few}")
        tell(f"| {share:.0%} | {' | '.join(cells)} |")


def power(seed: int, repeats: int) -> None:
    """How often the rule finds labels that were turned, by rows, balance and share."""
    heads = [f"{s:.0%} of {n:,}" for n in (600, 3_000) for s in SHARES[1:]]
    tell(f"| turned | {' | '.join(heads)} |")
    tell("|---|" + "---|" * len(heads))
    for apart in (6.0, 3.0):
        for name, weights in BALANCES.items():
            cells = []
            for n in (600, 3_000):
                for share in SHARES[1:]:
                    draws = (np.random.default_rng([seed, n, i]) for i in range(repeats))
                    hits = sum(_turned(n, weights, apart, share, rng) for rng in draws)
                    cells.append(f"{hits} of {repeats}")
            tell(f"| {name}, {apart:g} deviations apart | {' | '.join(cells)} |")


def _turned(
    n: int, weights: tuple[int, ...], apart: float, share: float, rng: np.random.Generator
) -> bool:
    k = len(weights)
    codes = rng.choice(k, n, p=np.array(weights) / sum(weights))
    x = rng.normal(size=(n, k))
    x[np.arange(n), codes] += apart / np.sqrt(2)
    turned = rng.random(n) < share
    return _speaks(x, (codes + turned * rng.integers(1, k, n)) % k)


# -- pictures ----------------------------------------------------------------------------------


def images(folder: Path, errors: Path) -> None:
    """Confirmed errors among the first 100 rows."""
    files = sorted(folder.glob("*/*.png"))
    frame = pl.DataFrame({"image": [f.read_bytes() for f in files]}, schema={"image": pl.Binary})
    frame = frame.with_columns(label=pl.Series([f.parent.name for f in files]))
    listed = pl.read_csv(errors).filter(pl.col("confirmed_error"))["path"].to_list()
    wrong = {"/".join(p.split("/")[-2:]) for p in listed}
    bad = np.array([f"{f.parent.name}/{f.name}" in wrong for f in files])
    began = time.perf_counter()
    report, p, codes = audited(frame)
    seconds = time.perf_counter() - began
    right = float((p.argmax(axis=1) == codes).mean())
    tell(f"{len(files):,} images in {seconds:.0f} s: {report}; the probe is right in {right:.1%}")
    tell(f"of {bad.sum()} confirmed errors {bad[ranked(p, codes)[:100]].sum()} are in the first "
          f"100, {bad[noise.suspects(p, codes).rows[:100]].sum()} among the first 100 suspects")
    if (other := peer(p, codes)) is not None:
        tell(f"cleanlab, same probabilities: {bad[other[0][:100]].sum()} in its first 100 "
              f"of {other[0].size}")  # fmt: skip


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--null", action="store_true", help="simulate tables without wrong labels")
    parser.add_argument("--power", action="store_true", help="simulate tables with wrong labels")
    parser.add_argument("--all", action="store_true", help="planted, --null and --power")
    parser.add_argument("--repeats", type=int, default=12, help="draws for each cell of --null; "
                        "a quarter as many of --power")  # fmt: skip
    parser.add_argument("--images", type=Path, help="a folder of class/*.png")
    parser.add_argument("--errors", type=Path, help="the confirmed errors, as a CSV")
    writable(parser)
    chosen = parser.parse_args()
    pictures = chosen.images and chosen.errors
    tell("# How well LB002 ranks wrong labels")
    if pictures:
        tell("\n## Errors that people confirmed\n")
        images(chosen.images, chosen.errors)
    if chosen.all or not (pictures or chosen.null or chosen.power):
        tell("\n## Labels turned in real data\n")
        planted(chosen.seed)
    if chosen.all or chosen.power:
        tell("\n## Labels turned in simulated tables: how often the rule speaks\n")
        power(chosen.seed, max(1, chosen.repeats // 4))
    if chosen.all or chosen.null:
        tell("\n## Simulated tables without a wrong label: how often it speaks all the same\n")
        null(chosen.seed, chosen.repeats)
    write(chosen.write, but=("--images", "--errors"), markdown=True)


if __name__ == "__main__":
    main()
