"""How a probe chooses its model: what is tried, on how many rows, and what is fitted in the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datacheck.checks import noise, probe

near = pytest.approx


class Seen:
    """What a probe asked for: (rows, features, name of the basis, its width) of each ridge."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ridges: list[tuple[int, int, str, int]] = []
        self.scored: list[tuple[int, float]] = []  # fold and penalty of one fold's scores
        self.whole: list[tuple[int, float, int]] = []  # rows, penalty and models of all scores
        self.scales: list[float] = []
        self.gone: list[list[int]] = []
        seen, basis = self, probe._basis

        class Ridge(probe._Ridge):
            def __init__(self, basis: Any, x: Any, codes: Any, fold: Any, classes: int) -> None:
                super().__init__(basis, x, codes, fold, classes)
                name = type(basis).__name__
                seen.ridges.append((*x.shape, name, basis.width))

            def scores(self, fold: int, penalty: float, parts: Any = (probe.OTHERS,)) -> Any:
                seen.scored.append((fold, penalty))
                return super().scores(fold, penalty, parts)

            def all_scores(self, penalty: float, parts: Any = (probe.OTHERS,)) -> Any:
                before = len(seen.scored)
                found = super().all_scores(penalty, parts)
                del seen.scored[before:]
                seen.whole.append((self.codes.size, penalty, len(parts)))
                return found

            def without(self, rows: Any) -> None:
                seen.gone.append(sorted(rows.tolist()))
                super().without(rows)

        def asked(features: int, scale: float, width: int) -> Any:
            seen.scales.append(scale)
            return basis(features, scale, width)

        monkeypatch.setattr(probe, "_Ridge", Ridge)
        monkeypatch.setattr(probe, "_basis", asked)


def table(rows, features, classes=2, seed=0, apart=3.0):
    rng = np.random.default_rng(seed)
    codes = np.arange(rows) % classes
    x = rng.normal(size=(rows, features)).astype(np.float32)
    x[np.arange(rows), codes % features] += apart
    return x, codes.astype(np.int64), np.arange(rows).astype(np.uint64)


def test_three_kernels_and_three_penalties_are_tried_on_one_fold_of_at_most_8192_rows(monkeypatch):
    seen = Seen(monkeypatch)
    x, codes, groups = table(8_300, 3)
    probe.out_of_fold([x], codes, groups, 2)
    *screens, last = seen.ridges
    widths = [("_Linear", 4), ("_Fourier", 513), ("_Fourier", 513)]
    assert screens == [(8_192, 3, *w) for w in widths]
    assert last[:2] == (8_300, 3)
    penalties = (1e-4, 1e-2, 1e-1)
    assert seen.scored == [(0, p) for _ in widths for p in penalties]
    distance = probe._median_distance(x)
    assert seen.scales[:3] == near([0.0, 0.5 * distance, distance])
    assert [n for n, _, _ in seen.whole] == [8_192] * 3 + [8_300] * 2  # three are compared
    assert [parts for _, _, parts in seen.whole] == [1, 1, 1, 1, 3]  # and at last the halves


def test_each_view_is_tried_at_its_own_scale(monkeypatch):
    seen = Seen(monkeypatch)
    x, codes, groups = table(300, 2)
    probe.out_of_fold([x, 10 * x], codes, groups, 2)
    one = probe._median_distance(x)
    assert seen.scales[:6] == near([0, one / 2, one, 0, 5 * one, 10 * one], rel=1e-4)
    assert len(seen.ridges) == 7


@pytest.mark.parametrize(("features", "width"), [(255, 1_024), (256, 2_048)])
def test_pictures_have_twice_as_many_waves(features, width, monkeypatch):
    seen = Seen(monkeypatch)
    x, codes, groups = table(2_100, features)
    monkeypatch.setattr(probe, "MODELS", (("kernel", 1.0),))
    probe.out_of_fold([x], codes, groups, 2)
    assert seen.ridges == [(2_100, features, "_Fourier", 513),
                           (2_100, features, "_Fourier", width + 1)]  # fmt: skip


@pytest.mark.parametrize(("cells", "width"), [(90_000, 300), (1 << 25, 300), (30_000, 100)])
def test_there_are_no_more_waves_than_rows_or_than_cells(cells, width, monkeypatch):
    seen = Seen(monkeypatch)
    x, codes, groups = table(300, 3)
    monkeypatch.setattr(probe, "MODELS", (("kernel", 1.0),))
    monkeypatch.setattr(probe, "CELLS", cells)
    probe.out_of_fold([x], codes, groups, 2)
    assert seen.ridges == [(300, 3, "_Fourier", 301), (300, 3, "_Fourier", width + 1)]


@pytest.mark.parametrize(("doubted", "left_out"), [(29, 29), (30, 30), (31, 0)])
def test_no_more_than_half_of_a_class_is_left_out(doubted, left_out, monkeypatch):
    """60 rows of the second class: their labels are doubted, and three of the first."""
    seen = Seen(monkeypatch)
    x, codes, groups = table(120, 2)
    of_one, of_none = np.flatnonzero(codes == 1)[:doubted], np.flatnonzero(codes == 0)[:3]
    rows = np.concatenate([of_one, of_none])
    none = np.zeros(rows.size)
    told = noise.Suspects(rows, 1 - codes[rows], none)
    monkeypatch.setattr(probe, "suspects", lambda *_: told)
    probe.out_of_fold([x], codes, groups, 2)
    assert seen.gone == [sorted([*of_one[:left_out].tolist(), *of_none.tolist()])]


@pytest.mark.parametrize(("better", "name"), [(0.02, "linear"), (0.04, "kernel")])
def test_a_kernel_has_to_be_three_percent_better(better, name, monkeypatch):
    """The losses of the models that are compared are set."""
    x, codes, groups = table(400, 3)
    monkeypatch.setattr(probe, "MODELS", (("linear", 0.0), ("kernel", 1.0)))
    monkeypatch.setattr(probe, "PENALTIES", (1e-2,))
    calls: list[int] = []

    def sharpness(scores, codes):
        calls.append(1)
        screened = [0.5, 0.5 * (1 - better)]  # each model alone, then the better first
        return 1.0, (screened + screened[::-1] + [0.4, 0.4])[len(calls) - 1]

    monkeypatch.setattr(probe, "_sharpness", sharpness)
    assert probe.out_of_fold([x], codes, groups, 2).model == name


def test_of_equal_models_the_first_is_taken(monkeypatch):
    x, codes, groups = table(400, 3)
    monkeypatch.setattr(probe, "_sharpness", lambda scores, codes: (1.0, 0.5))
    found = probe.out_of_fold([x, x], codes, groups, 2)
    assert (found.model, found.log_loss) == ("linear", 0.5)


@pytest.mark.parametrize("piece", [7, 64, 10_000])
def test_it_does_not_matter_how_many_rows_are_held_at_once(piece, monkeypatch):
    x, codes, groups = table(150, 3, 3)
    whole = probe.out_of_fold([x], codes, groups, 3)
    monkeypatch.setattr(probe, "PIECE", piece)
    apart = probe.out_of_fold([x], codes, groups, 3)
    assert apart.probabilities == near(whole.probabilities, abs=1e-3)
    assert apart.model == whole.model


def test_folds_are_dealt_out_class_by_class():
    codes = np.repeat([0, 1, 2], [50, 25, 10])
    groups = np.random.default_rng(0).permutation(85).astype(np.uint64)
    fold = probe.folds(codes, groups)
    table = np.zeros((3, 5), dtype=int)
    np.add.at(table, (codes, fold), 1)
    assert table.tolist() == [[10] * 5, [5] * 5, [2] * 5]
