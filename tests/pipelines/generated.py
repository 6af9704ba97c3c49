"""Datasets for laws: drawn from a few integers, then made at once by NumPy.

Hypothesis draws the integers, so that a failing dataset shrinks to few rows and few faults.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st

LABELS = ("balanced", "rare", "many", "numbers")
FAULTS = (
    "drift", "thousandfold", "standardized", "gaps", "gaps in test", "infinite", "sentinel",
    "marks", "constant", "far scales", "extreme", "unseen", "repeats", "leaks", "contradictions",
    "no label", "blank", "overlong", "decimal commas", "id tells", "copy of label",
    "rare class gone", "shifted classes", "near repeats", "near leaks", "slipped pairs",
    "echoes",
)  # fmt: skip
KINDS = ("text", "sequence", "group", "time", "pair")
FORMATS = ("csv", "jsonl", "parquet")
MOST_FAULTS = 4


@dataclass(frozen=True)
class Drawn:
    """What a dataset is made from; its repr is what Hypothesis shows."""

    seed: int
    rows: int
    label: str
    kinds: tuple[str, ...]
    faults: tuple[str, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """Those to audit and to fix with."""
        out = {"label": "label"}
        out |= {"group": "who"} if "group" in self.kinds else {}
        return out | ({"time": "seen"} if "time" in self.kinds else {})

    def without(self, fault: str) -> Drawn:
        """The same with one fault less."""
        return replace(self, faults=tuple(f for f in self.faults if f != fault))

    def frames(self) -> dict[str, pl.DataFrame]:
        """Train and test."""
        return _Maker(self).made()


def drawn(most: int = MOST_FAULTS) -> st.SearchStrategy[Drawn]:
    """Datasets of 120 to 600 rows with up to ``most`` faults."""

    def some(names: tuple[str, ...], n: int) -> st.SearchStrategy[tuple[str, ...]]:
        listed = st.lists(st.sampled_from(names), max_size=n, unique=True)
        return listed.map(lambda x: tuple(sorted(x, key=names.index)))

    return st.builds(
        Drawn, st.integers(0, 9_999), st.integers(120, 600), st.sampled_from(LABELS),
        some(KINDS, len(KINDS)), some(FAULTS, most),
    )  # fmt: skip


class _Maker:
    def __init__(self, what: Drawn) -> None:
        self.what = what
        self.rng = np.random.default_rng(what.seed)
        self.rows = what.rows
        self.late = np.arange(what.rows) >= what.rows * 7 // 10

    def made(self) -> dict[str, pl.DataFrame]:
        columns = self._columns()
        for fault in self.what.faults:
            if fault in _ROWS:
                self.rng = self._noise(fault)
                self._copy(columns, *_ROWS[fault], near=fault.startswith("near"))
        for fault in self.what.faults:
            if fault in _VALUES:
                self.rng = self._noise(fault)
                _VALUES[fault](self, columns)
        frame, late = pl.DataFrame(columns, strict=False), pl.Series(self.late)
        return {"train": frame.filter(~late), "test": frame.filter(late)}

    def _noise(self, fault: str) -> np.random.Generator:
        """Its own for each fault: without one fault, the others are as they were."""
        return np.random.default_rng([self.what.seed, FAULTS.index(fault)])

    def _copy(
        self, columns: dict[str, Any], of_late: bool, share: float, other: bool, near: bool
    ) -> None:
        """Rows of a split are in train once more, before anything is done to either; ``near``
        with their texts in capitals.
        """
        if other and not self.classes:
            return
        mine = np.flatnonzero(self.late == of_late)
        again = self.rng.choice(mine, max(int(share * mine.size), 3), replace=False)
        for name, x in columns.items():
            more = [x[i] for i in again.tolist()]
            if name == "label" and other:
                more = [float(v == 0) for v in more]
            if name == "note" and near:
                more = [str(v).upper() for v in more]
            columns[name] = x + more if isinstance(x, list) else np.concatenate([x, more])
        self.late = np.append(self.late, np.zeros(again.size, dtype=np.bool_))
        self.rows = self.late.size

    def _columns(self) -> dict[str, Any]:
        rng, n = self.rng, self.rows
        x = rng.normal(size=(n, 3)) * [1.0, 2.0, 0.7] + [5.0, 0.0, 9.0]
        out: dict[str, Any] = {
            "a": x[:, 0], "b": x[:, 1], "c": x[:, 2],
            "k": rng.integers(0, 40, n).astype(np.float64),
            "site": rng.choice(["north", "south", "east"], n, p=[0.5, 0.3, 0.2]).astype(object),
        }  # fmt: skip
        if "group" in self.what.kinds:
            out["who"] = [f"p{i}" for i in np.sort(rng.integers(0, n // 4, n))]
        if "time" in self.what.kinds:
            at = np.sort(rng.random(n)) * 1e7
            out["seen"] = np.datetime64("2024-01-01", "us") + at.astype("timedelta64[s]")
        if "text" in self.what.kinds:
            words = rng.choice(list("abcdefghijklmnopqrst"), (n, 9))
            out["note"] = [
                " ".join(w[:m]) for w, m in zip(words, rng.integers(2, 9, n), strict=True)
            ]
        if "sequence" in self.what.kinds:
            codes = rng.integers(0, 99, (n, 12))
            out["codes"] = [
                c[:m].tolist() for c, m in zip(codes, rng.integers(3, 12, n), strict=True)
            ]
        if "pair" in self.what.kinds:
            own = np.random.default_rng([self.what.seed, len(FAULTS)])  # the rest is as without
            words = own.choice(list("abcdefghijklmnopqrst"), (n, 14))
            of = own.integers(4, 12, n)
            to = of + own.integers(-1, 3, n)
            out["source"] = [" ".join(w[:m]) for w, m in zip(words, of, strict=True)]
            out["target"] = [
                " ".join(w[:m]).upper() for w, m in zip(words[:, ::-1], to, strict=True)
            ]
        score = x[:, 0] - 5 + 0.4 * x[:, 1] + rng.normal(size=n)
        out["label"] = {
            "balanced": (score > 0).astype(np.float64),
            "rare": (score > np.quantile(score, 0.95)).astype(np.float64),
            "many": np.digitize(score, [-1.5, 0, 1.5]).astype(np.float64),
            "numbers": score * 3 + 50,
        }[self.what.label]
        return out

    def some(self, share: float) -> Any:
        return self.rng.random(self.rows) < share

    @property
    def classes(self) -> bool:
        return self.what.label != "numbers"


def _put(column: str, share: float, value: Any, late: bool | None = None) -> Any:
    def change(m: _Maker, c: dict[str, Any]) -> None:
        hit = m.some(share) & (True if late is None else m.late == late)
        if isinstance(c[column], list):
            c[column] = [value if h else x for h, x in zip(hit, c[column], strict=True)]
        else:
            c[column] = np.where(
                hit, value, c[column] if value == str(value) else _floats(c[column])
            )

    return change


def _gaps(column: str, share: float, late: bool | None = None) -> Any:
    def change(m: _Maker, c: dict[str, Any]) -> None:
        hit = m.some(share) & (True if late is None else m.late == late)
        c[column] = pl.Series(c[column], strict=False).set(pl.Series(hit), None)

    return change


def _times(column: str, by: float, plus: float = 0.0, late: bool = False) -> Any:
    def change(m: _Maker, c: dict[str, Any]) -> None:
        x = _floats(c[column])
        c[column] = np.where(m.late, x * by + plus, x) if late else x * by + plus

    return change


def _standardized(m: _Maker, c: dict[str, Any]) -> None:
    for name in ("a", "c"):
        x = _floats(c[name])
        x0 = x[~m.late & np.isfinite(x)]
        c[name] = np.where(m.late, (x - x0.mean()) / x0.std(), x)


def _texts(column: str, value: Any, share: float) -> Any:
    def change(m: _Maker, c: dict[str, Any]) -> None:
        if column in c:
            hit = m.some(share)
            c[column] = [value(m, x) if h else x for h, x in zip(hit, c[column], strict=True)]

    return change


def _echoes(m: _Maker, c: dict[str, Any]) -> None:
    if "source" in c:
        hit = m.some(0.04)
        c["target"] = [
            s if h else t for h, s, t in zip(hit, c["source"], c["target"], strict=True)
        ]


def _commas(m: _Maker, c: dict[str, Any]) -> None:
    x = np.round(_floats(c["b"]), 2)
    hit = m.some(0.03)
    c["b"] = [
        f"{v:.2f}".replace(".", ",") if h else f"{v:.2f}" for h, v in zip(hit, x, strict=True)
    ]


def _ids(m: _Maker, c: dict[str, Any]) -> None:
    order = np.argsort(np.argsort(_floats(c["label"]) + 1e-9 * np.arange(m.rows)))
    c["id"] = (1000 + order).astype(np.int64)


def _copy(m: _Maker, c: dict[str, Any]) -> None:
    c["code"] = _floats(c["label"]) * 2 + 7


def _floats(x: Any) -> Any:
    """Numbers with NaN for what is missing."""
    return pl.Series(x, strict=False).cast(pl.Float64).fill_null(np.nan).to_numpy()


def _gone(m: _Maker, c: dict[str, Any]) -> None:
    label = _floats(c["label"])
    if m.classes:
        c["label"] = np.where(m.late & (label == np.nanmax(label)), 0.0, label)


def _shifted(m: _Maker, c: dict[str, Any]) -> None:
    if m.classes:
        c["label"] = np.where(m.late & m.some(0.5), 1.0, _floats(c["label"]))


_VALUES: dict[str, Any] = {
    "gaps": _gaps("a", 0.1),
    "gaps in test": _gaps("c", 0.3, late=True),
    "infinite": _put("c", 0.02, np.inf),
    "sentinel": _put("c", 0.08, -999.0),
    "marks": _put("site", 0.06, "?"),
    "constant": lambda m, c: c.update(same=np.full(m.rows, 3.0)),
    "far scales": _times("b", 1e5),
    "extreme": _put("b", 0.004, 4e6),
    "unseen": _put("site", 0.1, "west", late=True),
    "drift": _times("b", 1.0, 2.5, late=True),
    "thousandfold": _times("a", 1000.0, late=True),
    "standardized": _standardized,
    "no label": _gaps("label", 0.05, late=False),
    "blank": _texts("note", lambda m, x: "  ", 0.04),
    "overlong": _texts("codes", lambda m, x: x * 40, 0.01),
    "slipped pairs": _texts("target", lambda m, x: " ".join([x] * 9), 0.03),
    "echoes": _echoes,
    "decimal commas": _commas,
    "id tells": _ids,
    "copy of label": _copy,
    "rare class gone": _gone,
    "shifted classes": _shifted,
}


# Of which split, what share, and whether with another label.
_ROWS = {
    "repeats": (False, 0.07, False),
    "leaks": (True, 0.12, False),
    "contradictions": (False, 0.05, True),
    "near repeats": (False, 0.06, False),
    "near leaks": (True, 0.08, False),
}


def written(to: Path, form: str, frames: dict[str, pl.DataFrame]) -> Path:
    """The splits as files of a format; CSV takes no lists, and has none."""
    to.mkdir(parents=True)
    for name, frame in frames.items():
        path = to / f"{name}.{form}"
        if form == "csv":
            lists = [c for c, t in frame.schema.items() if isinstance(t, pl.List)]
            frame.drop(lists).write_csv(path)
        elif form == "jsonl":
            times = [c for c, t in frame.schema.items() if t.is_temporal()]
            frame.with_columns(pl.col(times).dt.to_string("iso:strict")).write_ndjson(path)
        else:
            frame.write_parquet(path)
    return to
