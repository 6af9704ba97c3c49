"""The shared transform of pictures, from what a scan measures of train: no pixel is kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from datacheck.pipelines.repairing.pictures import GREY, upright_sides
from datacheck.pipelines.repairing.view import View
from datacheck.pipelines.shared_transform import SharedTransform
from datacheck.types import Floats, Ints

CHANNELS = ("red", "green", "blue")
LARGEST = 224  # of the longer side, where pictures differ in size and nobody chose one
READ = (
    "width", "height", "orientation", "mode", "max",
    *(f"mean_{c}" for c in CHANNELS), *(f"std_{c}" for c in CHANNELS),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Learned:
    """The transform (None if train has no picture that can be read), and what was chosen.

    ``readable`` are the addresses of the pictures of train that can be read, shape (pictures,).
    """

    transform: SharedTransform | None
    said: list[str]
    readable: Ints


def learn(
    view: View, column: str, *, size: tuple[int, int] | None = None, mode: str = ""
) -> Learned:
    """The transform for a column of pictures, from a view of the data.

    Means and deviations of the channels are pooled exactly from those of each picture (Chan,
    Golub & LeVeque 1983): over all pixels where pictures keep their size, with one weight for
    each picture where they are resized to one, as each has as many pixels then (resizing itself
    takes a little off the deviations). ``size`` is (height, width); where None it is that of all
    pictures of train, or their median, at most 224 on the longer side. ``mode`` is ``L`` if all
    of train is grey, else ``RGB``.
    """
    train = str(view.data.train)
    names = [f"{column}.{n}" for n in READ]
    parts = [(f, a) for _, f, a in view.pieces(names, splits=[train])]
    whole = pl.concat([f for f, _ in parts]) if parts else pl.DataFrame({f"{column}.width": []})
    there = whole[f"{column}.width"].is_not_null()
    whole, said = whole.filter(there), list[str]()
    if not whole.height:
        said.append(f"{train} has no picture that can be read: no transform is learned")
        return Learned(None, said, np.zeros(0, dtype=np.int64))
    readable = np.concatenate([a for _, a in parts])[there.to_numpy()]
    modes = whole[f"{column}.mode"]
    grey = (modes.is_in(GREY) | modes.str.starts_with("I;16")).all()
    mode = mode or ("L" if grey else "RGB")
    sides = upright_sides(whole, column)
    one = bool((sides == sides[0]).all())
    chosen = size or (int(sides[0, 0]), int(sides[0, 1]))
    if size is None and not one:
        middle = np.median(sides, axis=0)
        middle = np.maximum(1, np.rint(middle * min(1.0, LARGEST / middle.max())))
        chosen = (int(middle[0]), int(middle[1]))
        said.append(
            f"pictures of {train} differ in size: all are resized to {chosen[0]} × {chosen[1]} "
            "(height × width)"
        )
    resized = not one or chosen != (int(sides[0, 0]), int(sides[0, 1]))
    weights = np.ones(len(sides)) if resized else sides.prod(axis=1).astype(np.float64)
    mean, std = pooled(*_on_one_scale(whole, column, mode), weights)
    made = SharedTransform(
        mean=tuple((mean / 255).tolist()),
        std=tuple((np.where(std > 0, std, 255.0) / 255).tolist()),
        dtype="uint8",
        channels=len(mean),
        size=chosen,
        mode=mode,
        fitted_on={"split": train, "pictures": len(sides), "size": list(chosen)},
    )
    return Learned(made, said, readable)


def pooled(means: Floats, stds: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Mean and population deviation of all values together, shape (channels,).

    ``means`` and ``stds`` of the parts have shape (parts, channels), ``weights`` (parts,).
    """
    w = (weights / weights.sum())[:, None]
    mean: Floats = (w * means).sum(axis=0)
    variance = (w * (stds**2 + (means - mean) ** 2)).sum(axis=0)
    return mean, np.sqrt(variance)


def _on_one_scale(frame: pl.DataFrame, column: str, mode: str) -> tuple[Floats, Floats]:
    """Means and deviations on 0–255 as pictures are decoded, shape (pictures, channels)."""
    used = CHANNELS[:1] if mode == "L" else CHANNELS
    means = frame.select(f"{column}.mean_{c}" for c in used).to_numpy().astype(np.float64)
    stds = frame.select(f"{column}.std_{c}" for c in used).to_numpy().astype(np.float64)
    modes = frame[f"{column}.mode"]
    sixteen = modes.str.starts_with("I;16").to_numpy()
    other = modes.is_in(("I", "F")).to_numpy()
    top = frame[f"{column}.max"].to_numpy().astype(np.float64)
    factor = np.ones(frame.height)
    factor[sixteen] = 255 / 65535
    factor[other] = 255 / np.where(top[other] > 0, top[other], 1.0)
    return means * factor[:, None], stds * factor[:, None]
