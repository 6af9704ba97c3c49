"""The shapes behind the findings: quantiles, histograms, counts by class, for a picture of each.

Made from the summaries and samples that the rules have asked for already, so nothing is read or
gathered for it. Only what findings name is in it, at most :data:`MOST` columns of a kind: a few
kilobytes. ``docs/report-json.md`` describes the fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from datacheck.checks.base import Context
from datacheck.checks.missing.cells import empty_cells
from datacheck.checks.shapes import LEVELS, length_edges, most_frequent, shape
from datacheck.dataset import Kind, Task, to_matrix
from datacheck.findings import Finding, clip, tidy
from datacheck.summaries.values import canonical_strings

if TYPE_CHECKING:
    import polars as pl

    from datacheck.types import Floats

MOST = 40
EACH = 8  # columns of one finding
CLASSES = 24
FEW = 5  # classes that a column is shown by
_NUMBERS = ("NM", "CB005", "LK004", "LK005", "LK007", "LK008", "MV002", "MV003")
_MISSING = ("MV001", "MV003", "MV004", "LK006")


def profile(context: Context, findings: Sequence[Finding]) -> dict[str, Any]:
    """What :func:`shapes_of` makes; nothing, and a note, where that fails: no report is lost for
    the sake of its pictures.
    """
    try:
        return shapes_of(context, findings)
    except Exception as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
        context.notes.append(f"the report has no shapes of columns; they could not be made: {said}")
        return {}


def shapes_of(context: Context, findings: Sequence[Finding]) -> dict[str, Any]:
    """``numbers``, ``categories``, ``missing``, ``missing_by_class``, ``by_class``, ``classes`` and
    ``lengths``, each only if it is not empty; ``sampled`` by split where they are of a sample.
    """
    shapes = _named(context, findings, _NUMBERS)
    gaps = _named(context, findings, _MISSING)
    out: dict[str, Any] = {
        "levels": [],
        "numbers": _numbers(context, shapes),
        "categories": _categories(context, shapes),
        "missing": _missing(context, gaps),
        "missing_by_class": _by_class(context, gaps),
        "by_class": _told_by_class(context, _named(context, findings, ("LK005",))),
        "classes": _classes(context) if any(f.rule[:2] in ("LB", "CB") for f in findings) else {},
        "lengths": _lengths(context, _named(context, findings, ("SL", "LK009"))),
        "sampled": {},
    }
    if out["numbers"] or out["by_class"]:
        out["levels"] = list(LEVELS)
    if any(out[part] for part in ("numbers", "missing_by_class", "by_class")):
        out["sampled"] = {
            s: frame.height
            for s in context.splits
            if (frame := _sample(context, s)) is not None and frame.height < context.rows[s]
        }
    return {name: part for name, part in out.items() if part}


def _named(context: Context, findings: Iterable[Finding], rules: tuple[str, ...]) -> list[str]:
    """Columns that findings of those rules are about, the most severe findings first."""
    listed: dict[str, None] = {}
    for finding in findings:
        if finding.rule.startswith(rules):
            worst = finding.evidence.get("worst")
            first = [worst] if isinstance(worst, str) and worst in finding.columns else []
            some = [*first, *(c for c in finding.columns if c not in first)][:EACH]
            listed.update(dict.fromkeys(c for c in some if c in context.data.columns))
    return list(listed)[:MOST]


def _sample(context: Context, split: str) -> pl.DataFrame | None:
    """The row sample; None if no rule asked for one."""
    try:
        return context.sample(split)
    except KeyError:
        return None


def _numbers(context: Context, columns: Sequence[str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for column in columns:
        if context.data.columns[column].kind not in (Kind.NUMBER, Kind.DATETIME):
            continue
        found: dict[str, Floats] = {}
        for split in context.splits:
            frame = _sample(context, split)
            if frame is None or column not in frame.columns or not _countable(frame[column]):
                continue
            values = to_matrix(frame, [column])[:, 0]
            values = values[np.isfinite(values)]
            if values.size:
                found[split] = values
        if found:
            out[column] = shape(found)
    return out


def _countable(series: pl.Series) -> bool:
    return series.dtype.is_numeric() or series.dtype.is_temporal()


def _categories(context: Context, columns: Sequence[str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for column in columns:
        if context.data.columns[column].kind not in (Kind.CATEGORY, Kind.BOOLEAN):
            continue
        found = {s: c for s in context.splits if (c := _value_counts(context, s, column))}
        if found:
            out[column] = most_frequent(found, 12)
    return out


def _value_counts(context: Context, split: str, column: str) -> dict[str, int]:
    try:
        values = context.values(split)
        return dict(values[column]) if column in values else {}
    except KeyError:
        return {}


def _classes(context: Context) -> dict[str, Any]:
    label = context.data.label
    if label is None or context.data.task is not Task.CLASSIFICATION:
        return {}
    found = {s: c for s in context.splits if (c := _value_counts(context, s, label.name))}
    return {"column": label.name, **most_frequent(found, CLASSES)} if found else {}


def _missing(context: Context, columns: Sequence[str]) -> dict[str, Any]:
    """Empty cells (without those whose text nobody could read) and rows of each split, exact."""
    out: dict[str, Any] = {}
    for column in columns:
        found = {}
        for split in context.splits:
            try:
                found[split] = [int(empty_cells(context, split, column)), int(context.rows[split])]
            except KeyError:
                continue
        if found:
            out[column] = found
    return out


def _by_class(context: Context, columns: Sequence[str]) -> dict[str, Any]:
    """Of the sampled rows of each class, those without a value: ``[empty or unreadable, rows]``."""
    import polars as pl

    label = context.data.label
    if label is None or context.data.task is not Task.CLASSIFICATION:
        return {}
    out: dict[str, Any] = {}
    for column in columns:
        found: dict[str, Any] = {}
        for split in context.splits:
            frame = _sample(context, split)
            if frame is None or not {column, label.name} <= set(frame.columns):
                continue
            if column == label.name or label.distinct > CLASSES:
                continue
            gap = pl.col(column).is_null()
            if frame[column].dtype.is_float():
                gap |= pl.col(column).is_nan()
            counted = (
                frame.lazy()
                .with_columns(canonical_strings(frame[label.name]).alias("class"))
                .filter(pl.col("class").is_not_null())
                .group_by("class")
                .agg(gap.fill_null(value=True).sum().alias("gaps"), pl.len().alias("rows"))
                .sort(["rows", "class"], descending=[True, False])
                .head(CLASSES)
                .collect()
            )
            found[split] = {str(clip(c)): [int(g), int(n)] for c, g, n in counted.iter_rows()}
        if any(found.values()):
            out[column] = found
    return out


def _told_by_class(context: Context, columns: Sequence[str]) -> dict[str, Any]:
    """Of the sampled rows of train: the shape of each column in each of the commonest classes."""
    import polars as pl

    label, train = context.data.label, context.train
    frame = _sample(context, train) if train is not None else None
    if label is None or frame is None or context.data.task is not Task.CLASSIFICATION:
        return {}
    if label.name not in frame.columns:
        return {}
    classes = canonical_strings(frame[label.name])
    counted = classes.drop_nulls().value_counts(sort=True, name="n").head(FEW)
    out: dict[str, Any] = {}
    for column in columns:
        if column not in frame.columns or column == label.name:
            continue
        values: dict[str, Floats] = {}
        counts: dict[str, dict[str, int]] = {}
        kind = context.data.columns[column].kind
        for name in sorted(counted.to_series(0).to_list()):
            mine = frame[column].filter(classes == name)
            if kind is Kind.NUMBER and _countable(mine):
                found = to_matrix(pl.DataFrame([mine]), [column])[:, 0]
                found = found[np.isfinite(found)]
                if found.size:
                    values[str(clip(name))] = found
            elif kind in (Kind.CATEGORY, Kind.BOOLEAN):
                texts = canonical_strings(mine).drop_nulls().value_counts(name="n")
                counts[str(clip(name))] = dict(texts.iter_rows())
        if values:
            out[column] = {"label": label.name, "numbers": shape(values)}
        elif any(counts.values()):
            out[column] = {"label": label.name, "categories": most_frequent(counts, 12)}
    return out


def _lengths(context: Context, columns: Sequence[str]) -> dict[str, Any]:
    """Exact counts of lengths, in bins that all splits share and that grow with the length."""
    out: dict[str, Any] = {}
    for column in columns:
        found = {}
        for split in context.splits:
            try:
                lengths = context.lengths(split)
            except KeyError:
                continue
            if column in lengths and lengths[column].n:
                found[split] = lengths[column]
        if not found:
            continue
        edges = length_edges(max(h.max for h in found.values()))
        kind = context.data.columns[column].kind
        out[column] = {
            "unit": "items" if kind is Kind.SEQUENCE else context.data.measure.unit,
            "edges": [int(e) for e in edges],
            "splits": {
                s: {
                    "n": h.n,
                    "median": tidy(h.quantile(0.5)),
                    "longest": h.max,
                    "counts": [
                        int(n)
                        for n in np.histogram(h.lengths, [*edges, np.inf], weights=h.counts)[0]
                    ],
                }
                for s, h in found.items()
            },
        }
    return out
