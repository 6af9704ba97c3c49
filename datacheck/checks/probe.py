"""A probe: class probabilities of rows by a model that never saw the row, its copies or its entity.

Two models are tried, each fitted in closed form, so that a probe costs seconds and is the same in
every run: a ridge regression on the features, and one on random Fourier features of them, which is
a kernel machine (Rahimi & Recht 2007). The one with the smaller out-of-fold log loss is taken. It
is fitted twice: the second time without the rows whose label the first contradicts confidently
(Brodley & Friedl 1999), for wrong labels spoil the model that is to find them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from datacheck.checks.noise import suspects
from datacheck.summaries.hashing import mix
from datacheck.types import Floats, Hashes, Ints, Mask

Matrix: TypeAlias = npt.NDArray[np.float32]

FOLDS = 5
OTHERS = (1, 2, 3, 4)  # folds, counted from the one that is judged
HALVES = ((1, 3), (2, 4))  # of them: pairs that are halves for two folds each
WIDTH = 1_024  # random features
PIXEL_WIDTH, PIXELS = 2_048, 256  # … where there are so many features
CELLS = 1 << 25  # rows × random features, at most
SCREENED, SCREEN_WIDTH = 8_192, 512  # rows and random features that the model is chosen by
MODELS = (("linear", 0.0), ("narrow kernel", 0.5), ("kernel", 1.0))  # and widths of the kernel, in
# median distances of two rows
PENALTIES = (1e-4, 1e-2, 1e-1)  # of the ridge, as shares of the mean square of the features
FINAL = 3  # models and penalties that are compared on all folds
SIMPLER = 0.03  # by which a kernel has to be better than what costs a fraction of its time
GONE = 0.5  # share of a class that may be left out of the second fit
SHARP = np.geomspace(1.0, 64.0, 19)  # temperatures of the softmax
MOST = 1_024  # features of the linear model
PIECE = 8_192  # rows whose random features are held at once


@dataclass(frozen=True, eq=False)
class Probe:
    """Out-of-fold class probabilities, float64 of shape (rows, classes), and how good they are.

    ``sure`` (rows,) is how probable the first fit, of all labels, holds the predicted class: the
    second fit tells classes better and the surest rows worse, for nobody contradicts it any more.
    ``agreed`` (rows,) marks the rows of which the probes of two halves of the other folds say the
    same as that of all.
    """

    probabilities: Floats
    sure: Floats
    agreed: Mask
    model: str
    log_loss: float
    """Mean −log of the probability of the given class, in nats."""


def folds(codes: Ints, groups: Hashes, count: int = FOLDS) -> Ints:
    """The fold of each row, int64 of shape (rows,): groups stay together, classes are spread.

    ``groups`` are hashes. Groups are dealt out in the order of (class of their first row, mixed
    hash), so that each fold gets its share of each class.
    """
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    order = np.lexsort((mix(groups[first]), codes[first]))
    place = np.empty(first.size, dtype=np.int64)
    place[order] = np.arange(first.size) % count
    return place[inverse.reshape(-1)]


def out_of_fold(views: Sequence[Matrix], codes: Ints, groups: Hashes, classes: int) -> Probe:
    """The best probe over ``views``, each (rows, features), finite and roughly of unit scale.

    ``codes`` (rows,) are the given classes 0 … ``classes`` − 1. The model and its penalty are
    chosen on at most ``SCREENED`` rows: the best ``FINAL`` of the first fold are compared on all.
    """
    with one_thread():
        return _out_of_fold(views, codes, folds(codes, groups), classes)


def _out_of_fold(views: Sequence[Matrix], codes: Ints, fold: Ints, classes: int) -> Probe:
    few = np.sort(np.random.default_rng(2).permutation(codes.size)[:SCREENED])
    tried: list[tuple[float, int, _Model]] = []
    fitted: dict[tuple[int, float], _Ridge] = {}
    for v, view in enumerate(views):
        distance = _median_distance(view)
        for name, band in MODELS:
            basis = _basis(view.shape[1], band * distance, min(SCREEN_WIDTH, few.size))
            if basis is None:
                continue
            ridge = _Ridge(basis, view[few], codes[few], fold[few], classes)
            fitted[v, band * distance] = ridge
            for penalty in PENALTIES:
                scores, rows = ridge.scores(0, penalty)
                loss = _sharpness(scores, codes[few][rows])[1] if rows.size else 0.0
                tried.append((loss, len(tried), _Model(v, name, band * distance, penalty)))
    assert tried, "there is at least one view that varies"
    final = [model for _, _, model in sorted(tried)[:FINAL]]
    losses = [
        _sharpness(fitted[m.view, m.scale].all_scores(m.penalty)[0], codes[few])[1]
        * (1 + SIMPLER * (m.scale > 0))
        for m in final
    ]
    best = final[int(np.argmin(losses))]
    del fitted
    view = views[best.view]
    width = PIXEL_WIDTH if view.shape[1] >= PIXELS else WIDTH
    basis = _basis(view.shape[1], best.scale, min(width, CELLS // codes.size, codes.size))
    assert basis is not None
    ridge = _Ridge(basis, view, codes, fold, classes)
    (scores,) = ridge.all_scores(best.penalty)
    sharp, loss = _sharpness(scores, codes)
    first = _softmax(scores, sharp)
    doubted = suspects(first, codes).rows
    lost = np.bincount(codes[doubted], minlength=classes) / np.bincount(codes, minlength=classes)
    doubted = doubted[lost[codes[doubted]] <= GONE]
    ridge.without(doubted)
    scores, *halves = ridge.all_scores(best.penalty, (OTHERS, *HALVES))
    sharp, loss = _sharpness(scores, codes)
    second = _softmax(scores, sharp)
    said = second.argmax(axis=1)
    agreed = np.logical_and.reduce([half.argmax(axis=1) == said for half in halves])
    return Probe(second, first[np.arange(codes.size), said], agreed, best.name, loss)


@dataclass(frozen=True, slots=True)
class _Model:
    """What is fitted to which view."""

    view: int
    name: str
    scale: float
    penalty: float


def one_thread() -> AbstractContextManager[object]:
    """One thread of linear algebra: sums in one order, the same bits on any number of cores."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1)
    return limits


# -- bases -------------------------------------------------------------------------------------


class _Linear:
    """The features themselves, and a constant."""

    def __init__(self, width: int) -> None:
        self.width = width + 1

    def __call__(self, x: Matrix) -> Matrix:
        return np.hstack([x, np.ones((x.shape[0], 1), dtype=np.float32)])


class _Fourier:
    """√(2/D) · cos(xW + b): inner products are those of a Gaussian kernel of width ``scale``."""

    def __init__(self, features: int, width: int, scale: float) -> None:
        rng = np.random.default_rng(0)
        self.weights = rng.normal(size=(features, width)).astype(np.float32) / np.float32(scale)
        self.shift = rng.uniform(0, 2 * math.pi, width).astype(np.float32)
        self.width = width + 1

    def __call__(self, x: Matrix) -> Matrix:
        out = np.empty((x.shape[0], self.width), dtype=np.float32)
        inner = x @ self.weights
        inner += self.shift
        np.cos(inner, out=inner)
        out[:, :-1] = inner * np.float32(math.sqrt(2.0))
        out[:, -1] = 1.0
        return out


_Basis: TypeAlias = _Linear | _Fourier


def _basis(features: int, scale: float, width: int) -> _Basis | None:
    """Random features of a kernel of that scale; the features themselves for a scale of 0."""
    if scale > 0:
        return _Fourier(features, width, scale)
    return _Linear(features) if features <= MOST else None


def _median_distance(x: Matrix) -> float:
    """The median distance of neighbors in the order of rows, at most 2,048 of them."""
    rows = np.random.default_rng(1).permutation(x.shape[0])[:2_048]
    off = x[rows[1:]] - x[rows[:-1]]
    return float(np.median(np.sqrt((off.astype(np.float64) ** 2).sum(axis=1))))


# -- ridge -------------------------------------------------------------------------------------


class _Ridge:
    """Ridge regression on one-hot classes, all folds from one pass: Gram matrices subtract."""

    def __init__(self, basis: _Basis, x: Matrix, codes: Ints, fold: Ints, classes: int) -> None:
        self.basis, self.x, self.codes, self.fold = basis, x, codes, fold
        self.rows = [np.flatnonzero(fold == f).astype(np.int64) for f in range(FOLDS)]
        self.grams = np.zeros((FOLDS, basis.width, basis.width))
        self.sides = np.zeros((FOLDS, basis.width, classes))
        for f in range(FOLDS):
            self._add(f, self.rows[f], 1)
        self.whole = self.grams.sum(axis=0), self.sides.sum(axis=0)
        self.known: dict[tuple[tuple[int, ...], float], Matrix] = {}

    def without(self, rows: Ints) -> None:
        """Learn nothing from these rows any more."""
        for f in range(FOLDS):
            self._add(f, rows[self.fold[rows] == f], -1)
        self.whole = self.grams.sum(axis=0), self.sides.sum(axis=0)
        self.known = {}

    def _sums(self) -> tuple[Floats, Floats]:
        return self.grams, self.sides

    def _add(self, fold: int, rows: Ints, sign: int) -> None:
        for some, z in self._pieces(rows):
            self.grams[fold] += sign * (z.T @ z)
            onehot = np.zeros((some.size, self.sides.shape[2]), dtype=np.float32)
            onehot[np.arange(some.size), self.codes[some]] = 1.0
            self.sides[fold] += sign * (z.T @ onehot)

    def _pieces(self, rows: Ints) -> Iterator[tuple[Ints, Matrix]]:
        for start in range(0, rows.size, PIECE):
            some = rows[start : start + PIECE]
            yield some, self.basis(self.x[some])

    def weights(self, folds: tuple[int, ...], penalty: float) -> Matrix:
        """The model of the rows of some folds, (features, classes)."""
        key = (tuple(sorted(folds)), penalty)
        if key not in self.known:
            from scipy.linalg import cho_factor, cho_solve

            some = list(folds)
            if len(some) == FOLDS - 1:
                (out,) = set(range(FOLDS)) - set(some)
                gram, side = (x - y[out] for x, y in zip(self.whole, self._sums(), strict=True))
            else:
                gram, side = (y[some].sum(axis=0) for y in self._sums())
            own = penalty * float(np.trace(gram)) / gram.shape[0] + 1e-9
            gram[np.diag_indices_from(gram)] += own
            factor = cho_factor(gram, overwrite_a=True, check_finite=False)  # half the time of LU
            self.known[key] = cho_solve(factor, side, check_finite=False).astype(np.float32)
        return self.known[key]

    def scores(
        self, fold: int, penalty: float, parts: Sequence[tuple[int, ...]] = (OTHERS,)
    ) -> tuple[Matrix, Ints]:
        """Scores of the rows of a fold by the model of the others, and the rows; or, side by side,
        by models of the folds that come so many after it.
        """
        models = [
            self.weights(tuple((fold + step) % FOLDS for step in part), penalty) for part in parts
        ]
        together = np.hstack(models)
        pieces = [z @ together for _, z in self._pieces(self.rows[fold])]
        none = np.zeros((0, together.shape[1]), dtype=np.float32)
        return np.concatenate(pieces) if pieces else none, self.rows[fold]

    def all_scores(self, penalty: float, parts: Sequence[tuple[int, ...]] = (OTHERS,)) -> Matrix:
        """Scores of all rows by such models, (parts, rows, classes)."""
        classes = self.sides.shape[2]
        out = np.zeros((self.codes.size, len(parts) * classes), dtype=np.float32)
        for f in range(FOLDS):
            some, rows = self.scores(f, penalty, parts)
            out[rows] = some
        return out.reshape(-1, len(parts), classes).swapaxes(0, 1)


def _softmax(scores: Matrix, sharp: float) -> Floats:
    s = scores.astype(np.float64) * sharp
    s -= s.max(axis=1, keepdims=True)
    np.exp(s, out=s)
    s /= s.sum(axis=1, keepdims=True)
    return s


def _sharpness(scores: Matrix, codes: Ints) -> tuple[float, float]:
    """The temperature of the softmax with the least log loss, and that loss."""
    step = max(1, scores.shape[0] // 8_192)
    few, own = scores[::step], codes[::step]
    losses = []
    for sharp in SHARP:
        p = _softmax(few, float(sharp))[np.arange(own.size), own]
        losses.append(float(-np.log(np.maximum(p, 1e-12)).mean()))
    at = int(np.argmin(losses))
    return float(SHARP[at]), losses[at]
