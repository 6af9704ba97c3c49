"""The figures of stability, on arrays (STABILITY.md, section 1). Nothing here judges.

Series are float64 of shape (steps,); where it is said, the first tenth of the steps is burn-in and
does not count. All figures but the non-finite rate are about the finite values only.
Losses are divided by the *reference*: the loss of the constant predictor on the evaluation rows
(:func:`reference_loss`), the same for all runs that are compared. Never by the run's own loss:
that rewards a model that learns nothing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl

from datacheck.dataset import Task
from datacheck.errors import UsageError
from datacheck.training.recording.recorded import Recorded, finite_steps, recorded
from datacheck.training.series import (
    differences,
    finite,
    mads,
    mean,
    residuals,
    running_median,
    second_half,
    series,
    tail,
)
from datacheck.training.spiking import Spikes, SpikeWatch, burn_in, olmo, spikes

__all__ = [
    "SpikeWatch",
    "Spikes",
    "accuracy_jitter",
    "burn_in",
    "churn",
    "drawdown",
    "gradient_tail",
    "mads",
    "non_finite",
    "olmo",
    "padding_waste",
    "reference_loss",
    "running_median",
    "seed_sd",
    "spikes",
    "step_noise",
    "summarize",
    "tokens_cv",
    "update_weight",
    "validation_jitter",
    "volatility",
]


# A run that blew up has numbers whose squares and differences are infinite: so be the figures.
_BLOWN_UP = np.errstate(over="ignore", invalid="ignore")


def reference_loss(y: Any, task: str | Task) -> float:
    """L_ref, the loss of the constant predictor on labels ``y``, of any shape.

    The entropy of the classes in nats for ``classification`` (of the tokens, for a language
    model), the variance for ``regression``. Raises UsageError for no labels, labels that are not
    finite and other tasks.
    """
    labels = np.asarray(y).reshape(-1)
    if not labels.size:
        raise UsageError("no labels to take the reference loss of", "give the evaluation rows'")
    if task not in tuple(Task):
        raise UsageError(f"no task {task!r}", f"it is one of {', '.join(Task)}")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise UsageError("the labels hold values that are not finite", "leave those rows out")
    if task == Task.REGRESSION:
        return float(np.var(labels.astype(np.float64)))
    counts = np.unique(labels, return_counts=True)[1]
    share = counts / labels.size
    return float(abs(np.sum(share * np.log(share))))  # abs: one class gives -0.0


def non_finite(loss: Any, grad: Any = None) -> tuple[float, int | None]:
    """NFR, the share of all steps whose loss or gradient norm is not finite, and the first such.

    ``grad`` is None where it was not measured. No burn-in: a NaN in the first step is one. NaN and
    None without steps.
    """
    bad = ~np.isfinite(series(loss))
    if grad is not None:
        bad |= ~np.isfinite(series(grad))
    if not bad.size:
        return math.nan, None
    return float(bad.mean()), int(np.argmax(bad)) if bad.any() else None


@_BLOWN_UP
def volatility(loss: Any, reference: float) -> float:
    """LV, rms(l − rm(l)) / L_ref after the burn-in; NaN below 30 steps."""
    return math.sqrt(mean(residuals(series(loss) / _positive(reference)) ** 2))


@_BLOWN_UP
def step_noise(loss: Any, reference: float) -> float:
    """SN, MADs(Δl)/√2 / L_ref after the burn-in, over pairs of steps that are both finite."""
    values = series(loss)
    late = values[burn_in(len(values)) :]
    return mads(differences(late)) / math.sqrt(2) / _positive(reference)


@_BLOWN_UP
def gradient_tail(g: Any) -> tuple[float, float]:
    """GT, exp(Q99(log g − rm(log g))) after the burn-in, and G-peak, max g / median g of all steps.

    Values ≤ 0 are left out. GT is NaN below 30 steps.
    """
    values = series(g)
    positive = values[np.isfinite(values) & (values > 0)]
    peak = float(positive.max() / np.median(positive)) if positive.size else math.nan
    return tail(values), peak


@_BLOWN_UP
def update_weight(uw: Any) -> tuple[float, float]:
    """UW, the median of ‖Δθ‖/‖θ‖ after the burn-in, and its tail, as GT of the gradient norm.

    NaN stands for steps on which it was not measured; they are dropped first.
    """
    values = finite(uw)
    late = values[burn_in(len(values)) :]
    return (float(np.median(late)) if late.size else math.nan), tail(values)


@_BLOWN_UP
def validation_jitter(val_loss: Any, reference: float) -> float:
    """VLJ, mean|Δ evaluation loss| / L_ref over the second half of the evaluations."""
    late = second_half(series(val_loss))
    return mean(np.abs(differences(late))) / _positive(reference)


def accuracy_jitter(acc: Any, flips: Any, n: int) -> tuple[float, float]:
    """AJ, mean|Δ accuracy| over the second half of the evaluations, and the floor under it.

    ``flips``, one number or one for each of ``acc``, counts the rows of ``n`` whose prediction
    differs from the evaluation before. If flips fall to right or wrong by a fair coin,
    |Δ accuracy| is √(2/π)·√flips/n on average: less is not to be had at this churn.
    """
    values = series(acc)
    if n < 1:
        raise UsageError(f"an accuracy of {n} rows", "n is the number of evaluation rows")
    each = np.broadcast_to(np.asarray(flips, dtype=np.float64), values.shape)
    counted = finite(second_half(each)[1:])
    floor = math.sqrt(2 / math.pi) * mean(np.sqrt(counted)) / n
    return mean(np.abs(differences(second_half(values)))), floor


def drawdown(score: Any) -> float:
    """MDD, the largest fall of a score from the best before it; NaN without finite scores."""
    values = finite(score)
    if not values.size:
        return math.nan
    return float(np.max(np.maximum.accumulate(values) - values))


def churn(a: Any, b: Any) -> float:
    """Share of evaluation rows whose predictions ``a`` and ``b`` (same shape, rows first) differ.

    NaN equals NaN. Raises UsageError for different shapes; NaN without rows.
    """
    one, other = np.asarray(a), np.asarray(b)
    if one.shape != other.shape:
        raise UsageError(
            f"predictions of shapes {one.shape} and {other.shape}", "the same rows, in one order"
        )
    if not len(one):
        return math.nan
    differ = one != other
    if one.dtype.kind == "f" and other.dtype.kind == "f":
        differ &= ~(np.isnan(one) & np.isnan(other))
    return float(differ.reshape(len(one), -1).any(axis=1).mean())


def seed_sd(finals: Any, confidence: float = 0.95) -> tuple[float, float, float]:
    """Standard deviation of the final score over seeds, with its χ² interval: (sd, low, high).

    ``sd·√((n−1)/χ²)`` at the two quantiles, which assumes that scores are about normal. Raises
    UsageError for fewer than two seeds or scores that are not finite.
    """
    scores = series(finals)
    if len(scores) < 2 or not np.isfinite(scores).all():
        raise UsageError(f"{len(scores)} final scores", "two or more, all of them finite")
    from scipy.special import gammaincinv  # the χ² quantile, without the weight of scipy.stats

    free = len(scores) - 1
    sd = float(np.std(scores, ddof=1))
    low, high = (
        sd * math.sqrt(free / (2 * float(gammaincinv(free / 2, p))))
        for p in ((1 + confidence) / 2, (1 - confidence) / 2)
    )
    return sd, low, high


def padding_waste(real: Any, padded: Any) -> float:
    """PW, 1 − real/padded tokens; arrays, shape (steps,), or totals. NaN without tokens.

    ``padded`` counts what the model was given: real tokens and padding.
    """
    total = float(np.sum(np.asarray(padded, dtype=np.float64)))
    return 1 - float(np.sum(np.asarray(real, dtype=np.float64))) / total if total else math.nan


def tokens_cv(real_by_step: Any) -> float:
    """TCV, sd/mean of the real tokens a step; NaN without tokens."""
    tokens = finite(real_by_step)
    center = mean(tokens)
    return float(tokens.std()) / center if center else math.nan


# -- of a recorded run ------------------------------------------------------------------------


def summarize(run: Recorded, reference: float, *, split: str | None = None) -> dict[str, float]:
    """The figures of a run by their short names; those of which nothing was recorded are absent.

    NFR, LV, SN, SR_l, SR_g, OLMo_l, OLMo_g, GT, G_peak, UW, UW_tail, PW and TCV of the steps; VLJ,
    AJ, AJ_floor, MDD and the levels ``loss`` and ``score`` (the last ones) of the evaluations of
    ``split``: ``clean`` if None and there is one, else the first that was recorded.
    """
    out: dict[str, float] = {}
    loss, grad = recorded(run.steps, "loss"), recorded(run.steps, "grad_norm")
    if loss.size:
        out["NFR"] = float(mean((~finite_steps(run.steps)).astype(np.float64)))
        out["LV"], out["SN"] = volatility(loss, reference), step_noise(loss, reference)
        out["SR_l"], out["OLMo_l"] = spikes(loss).rate, olmo(loss)
    if grad.size:
        out["SR_g"], out["OLMo_g"] = spikes(grad).rate, olmo(grad)
        out["GT"], out["G_peak"] = gradient_tail(grad)
    if (ratio := recorded(run.steps, "update_ratio")).size:
        out["UW"], out["UW_tail"] = update_weight(ratio)
    if (tokens := recorded(run.steps, "tokens")).size:
        out["TCV"] = tokens_cv(tokens)
        if (padded := recorded(run.steps, "padded")).size == tokens.size:
            out["PW"] = padding_waste(tokens, padded)
    return out | _evaluated(run.evaluations, reference, split)


def _evaluated(frame: pl.DataFrame, reference: float, split: str | None) -> dict[str, float]:
    if frame.is_empty():
        return {}
    names = frame["split"].unique(maintain_order=True).to_list()
    chosen = split or ("clean" if "clean" in names else names[0])
    if chosen not in names:
        raise UsageError(f"no evaluation of {chosen!r} was recorded", f"there are {names}")
    mine = frame.filter(pl.col("split") == chosen)
    out: dict[str, float] = {}
    loss, score = recorded(mine, "loss"), recorded(mine, "score")
    if loss.size:
        out["VLJ"], out["loss"] = validation_jitter(loss, reference), float(loss[-1])
    if score.size:
        out["MDD"], out["score"] = drawdown(score), float(score[-1])
        out["AJ"] = mean(np.abs(differences(second_half(score))))
        flips, n = recorded(mine, "flips"), recorded(mine, "n")
        if flips.size and n.size:
            padded = np.concatenate([np.full(len(score) - flips.size, np.nan), flips])
            out["AJ_floor"] = accuracy_jitter(score, padded, int(n[-1]))[1]
    return out


def _positive(reference: float) -> float:
    if not (math.isfinite(reference) and reference > 0):
        raise UsageError(
            f"a reference loss of {reference}",
            "a positive number: reference_loss(labels, task), of labels that are not all the same",
        )
    return reference
