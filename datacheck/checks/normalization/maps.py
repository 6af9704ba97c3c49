"""The table of known maps between splits: scalers, logarithms, changes of units."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from datacheck.types import Floats

GRID = np.linspace(0.02, 0.98, 49)


@dataclass(frozen=True, eq=False)
class Figures:
    """Figures of columns of one split, each of shape (columns,); ``grid`` is (points, columns)."""

    grid: Floats
    mean: Floats
    sd: Floats
    min: Floats
    max: Floats

    @property
    def median(self) -> Floats:
        """The median."""
        return np.asarray(self.grid[GRID.size // 2])

    @property
    def iqr(self) -> Floats:
        """The distance of the quartiles."""
        return np.asarray(self.grid[36] - self.grid[12])

    @cached_property
    def deviation(self) -> Floats:
        """Mean absolute deviation from the median over the grid."""
        return np.asarray(np.abs(self.grid - self.median).mean(axis=0))


Affine = Callable[[Figures, Figures], tuple[Any, Any]]


@dataclass(frozen=True, eq=False)
class Map:
    """``other = a · train + b``, or ``other = curve(train)``.

    ``tier`` 0 is what only processing does, 1 a change of units, 2 a fitted map. ``odd`` tells
    which side has been through the map: the text is said of it.
    """

    name: str
    text: str
    tier: int
    affine: Affine | None = None
    curve: Callable[[Floats], Floats] | None = None
    odd: str = "other"

    @property
    def unscaled(self) -> bool:
        """Whether it says that train is scaled and the other split is not, by a line."""
        return self.name.startswith("not-")

    def image(self, x: Floats, a: Floats | float, b: Floats | float) -> Floats:
        """Ascending values of train, mapped, ascending again; one column alone is rid of NaN."""
        with np.errstate(all="ignore"):
            y = self.curve(x) if self.curve else x * a + b
        if y.ndim == 1:
            y = y[~np.isnan(y)]
            return y[::-1] if y.size and y[0] > y[-1] else y
        return np.where(y[0] > y[-1], y[::-1], y)


@dataclass(frozen=True, eq=False)
class Mismatch:
    """Columns of ``other`` that one map makes of train's; arrays are of shape (columns,)."""

    map: Map
    columns: list[str]
    distance: Floats
    low: Floats
    left: Floats
    scale: Floats
    offset: Floats


def by(k: float) -> Affine:
    """Multiplication by k."""
    return lambda t, o: (k, 0.0)


def unit_map(k: float, units: str, tier: int = 1) -> Map:
    """A change of units by the factor k."""
    return Map(f"by-{k:.6g}", f"{factor_text(k)} ({units})", tier, by(k))


def _line(a: float, b: float) -> Affine:
    return lambda t, o: (a, b)


def factor_text(k: float) -> str:
    """What a factor did, in words."""
    return f"multiplied by {k:,.6g}" if k >= 1 else f"divided by {1 / k:,.6g}"


def _shifted_log(x: Floats) -> Floats:
    return np.asarray(np.log1p(np.maximum(x - np.minimum(x[0], 0.0), 0.0)))


# Name, text, train → other where other is scaled, and where train is. The extremes of another split
# are not those that train was scaled with: see mismatches.py.
_SCALERS: tuple[tuple[str, str, Affine, Affine | None], ...] = (
    (
        "standardized",
        "standardized",
        lambda t, o: (1 / t.sd, -t.mean / t.sd),
        lambda t, o: (o.sd, o.mean),
    ),
    (
        "min-max",
        "scaled to [0, 1]",
        lambda t, o: (1 / (t.max - t.min), -t.min / (t.max - t.min)),
        None,
    ),
    (
        "min-max-symmetric",
        "scaled to [−1, 1]",
        lambda t, o: (2 / (t.max - t.min), -2 * t.min / (t.max - t.min) - 1),
        None,
    ),
    (
        "max-abs",
        "divided by the largest absolute value",
        lambda t, o: (1 / np.maximum(np.abs(t.min), np.abs(t.max)), 0.0),
        lambda t, o: (np.maximum(np.abs(o.min), np.abs(o.max)), 0.0),
    ),
    (
        "robust-scaled",
        "centered on the median and divided by the interquartile range",
        lambda t, o: (1 / t.iqr, -t.median / t.iqr),
        lambda t, o: (o.iqr, o.median),
    ),
)
_CURVES: tuple[tuple[str, str, Callable[[Floats], Floats]], ...] = (
    ("log1p", "as log(1 + x)", np.log1p),
    ("log1p-shifted", "as log(1 + x − min)", _shifted_log),
    ("log", "as logarithms", np.log),
    ("log10", "as decimal logarithms", np.log10),
    ("log2", "as binary logarithms", np.log2),
    ("sqrt", "as square roots", np.sqrt),
)
_ANTI: tuple[tuple[str, str, Callable[[Floats], Floats]], ...] = (
    ("expm1", "as log(1 + x)", np.expm1),
    ("exp", "as logarithms", np.exp),
    ("power-of-10", "as decimal logarithms", lambda x: np.power(10.0, x)),
    ("power-of-2", "as binary logarithms", lambda x: np.power(2.0, x)),
)
UNITS: tuple[tuple[float, str], ...] = (
    (2.54, "inches and centimeters"),
    (25.4, "inches and millimeters"),
    (3.28084, "meters and feet"),
    (30.48, "feet and centimeters"),
    (1.609344, "miles and kilometers"),
    (2.204623, "kilograms and pounds"),
    (28.34952, "ounces and grams"),
    (3.785412, "gallons and liters"),
    (3.6, "m/s and km/h"),
    (2.236936, "m/s and mph"),
    (1.943844, "m/s and knots"),
    (18.016, "mmol/L and mg/dL of glucose"),
    (38.67, "mmol/L and mg/dL of cholesterol"),
    (88.42, "mg/dL and µmol/L of creatinine"),
    (17.104, "mg/dL and µmol/L of bilirubin"),
    (7.500617, "kPa and mmHg"),
    (6.894757, "psi and kPa"),
    (33.86389, "inHg and hPa"),
    (4.184, "calories and joules"),
    (180 / math.pi, "radians and degrees"),
    (60.0, "a factor of time"),
    (3600.0, "hours and seconds"),
    (24.0, "days and hours"),
    (1440.0, "days and minutes"),
    (86400.0, "days and seconds"),
)
IMAGENET = ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))


def _table() -> tuple[Map, ...]:
    out = [
        Map("by-1/255", factor_text(1 / 255), 0, by(1 / 255)),
        Map("by-255", factor_text(255), 0, by(255.0)),
    ]
    for name, text, there, back in _SCALERS:
        out.append(Map(name, text, 0, there))
        if back is not None:
            out.append(Map(f"not-{name}", text, 0, back, odd="train"))
    for m, s in IMAGENET:
        text = f"normalized with ImageNet's mean {m} and deviation {s}"
        out.append(Map("imagenet", text, 0, _line(1 / s, -m / s)))
        out.append(Map("imagenet-255", text, 0, _line(1 / s / 255, -m / s)))
    out.append(Map("by-1/127.5-less-1", "mapped from 0–255 to [−1, 1]", 0, _line(1 / 127.5, -1.0)))
    for power in (1, 2, 3, 6, 9):
        k = 10.0**power
        out.append(Map(f"by-{k:g}", factor_text(k), 0, by(k)))
        out.append(Map(f"by-1/{k:g}", factor_text(1 / k), 0, by(1 / k)))
    out.append(Map("celsius-to-fahrenheit", "in °F", 0, _line(1.8, 32.0)))
    out.append(Map("fahrenheit-to-celsius", "in °C", 0, _line(1 / 1.8, -32 / 1.8)))
    out.append(Map("celsius-to-kelvin", "in kelvin", 0, _line(1.0, 273.15)))
    out.append(Map("kelvin-to-celsius", "in °C", 0, _line(1.0, -273.15)))
    out += [Map(name, text, 0, curve=curve) for name, text, curve in _CURVES]
    out += [Map(name, text, 0, curve=curve, odd="train") for name, text, curve in _ANTI]
    out.append(Map("sign-flip", "with the sign flipped", 0, by(-1.0)))
    out.append(Map("reversed", "reversed (min + max − x)", 1, lambda t, o: (-1.0, t.min + t.max)))
    for k, units in UNITS:
        out += [unit_map(k, units), unit_map(1 / k, units)]
    return tuple(out)


MAPS = _table()
