"""The table of maps, against the definitions of the units, scikit-learn's scalers and NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.constants as si
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from datacheck.checks.normalization.maps import GRID, MAPS, Figures, Map, by, factor_text

CENTI, MILLI, KILO = 1e-2, 1e-3, 1e3
# Molar masses in g/mol; mg/dL of x g/mol are x/10 of a mmol/L, and 1e4/x of a µmol/L.
GLUCOSE, CHOLESTEROL, CREATININE, BILIRUBIN = 180.16, 386.7, 113.1, 584.66
FACTORS = {
    "inches and centimeters": si.inch / CENTI,
    "inches and millimeters": si.inch / MILLI,
    "meters and feet": 1 / si.foot,
    "feet and centimeters": si.foot / CENTI,
    "miles and kilometers": si.mile / KILO,
    "kilograms and pounds": 1 / si.pound,
    "ounces and grams": si.oz / MILLI,
    "gallons and liters": si.gallon / si.liter,
    "m/s and km/h": 1 / si.kmh,
    "m/s and mph": 1 / si.mph,
    "m/s and knots": 1 / si.knot,
    "mmol/L and mg/dL of glucose": GLUCOSE / 10,
    "mmol/L and mg/dL of cholesterol": CHOLESTEROL / 10,
    "mg/dL and µmol/L of creatinine": 1e4 / CREATININE,
    "mg/dL and µmol/L of bilirubin": 1e4 / BILIRUBIN,
    "kPa and mmHg": KILO / si.mmHg,
    "psi and kPa": si.psi / KILO,
    "inHg and hPa": si.inch * si.mmHg / MILLI / 100,
    "calories and joules": si.calorie,
    "radians and degrees": 1 / si.degree,
    "a factor of time": si.minute,
    "hours and seconds": si.hour,
    "days and hours": si.day / si.hour,
    "days and minutes": si.day / si.minute,
    "days and seconds": si.day,
}
X = np.random.default_rng(0).gamma(2, 3, 4000).round(3)
Y = np.random.default_rng(1).gamma(3, 2, 3000).round(3)


def figures(x):
    x = np.sort(np.asarray(x, dtype=np.float64))
    grid = np.quantile(x, GRID)[:, None]
    each = ([f(x)] for f in (np.mean, np.std, np.min, np.max))
    return Figures(grid, *(np.array(e) for e in each))


def named(name):
    return [m for m in MAPS if m.name == name]


def mapped(one, x, y=Y):
    """The image of x under a map, in the order of x."""
    if one.curve:
        return one.curve(x)
    a, b = one.affine(figures(X), figures(y))
    return x * a + b


@pytest.mark.parametrize("units", FACTORS)
def test_units_are_what_they_are_defined_as_and_are_tried_both_ways(units):
    there, back = (m for m in MAPS if m.text.endswith(f"({units})"))
    for one, factor in ((there, FACTORS[units]), (back, 1 / FACTORS[units])):
        assert mapped(one, 1.0) == pytest.approx(factor, rel=3e-4)
        assert float(one.name.removeprefix("by-")) == pytest.approx(factor, rel=3e-4)
        assert one.text == f"{factor_text(mapped(one, 1.0))} ({units})"
        assert one.odd == "other"


def test_units_come_after_what_only_processing_does():
    units = {m.name for m in MAPS if m.text.rpartition("(")[2].removesuffix(")") in FACTORS}
    assert {m.name: m.tier for m in MAPS} == {
        m.name: 1 if m.name in {*units, "reversed"} else 0 for m in MAPS
    }


def test_no_unit_is_without_its_definition():
    units = {m.text.rpartition("(")[2] for m in MAPS if m.tier == 1} - {"min + max − x)"}
    assert {u.removesuffix(")") for u in units} == set(FACTORS)


SCALERS = {
    "standardized": StandardScaler(),
    "min-max": MinMaxScaler(),
    "min-max-symmetric": MinMaxScaler((-1, 1)),
    "max-abs": MaxAbsScaler(),
    "robust-scaled": RobustScaler(quantile_range=(26, 74)),  # those of the grid
}


@pytest.mark.parametrize("name", SCALERS)
@pytest.mark.parametrize("sign", [1, -1])
def test_scalers_are_scikit_learn_s_fitted_on_train(name, sign):
    (one,) = named(name)
    a, b = one.affine(figures(sign * X), figures(Y))
    wanted = SCALERS[name].fit_transform(sign * X[:, None])[:, 0]
    assert sign * X * a + b == pytest.approx(wanted, abs=1e-3)
    assert (one.tier, one.odd, one.unscaled) == (0, "other", False)


@pytest.mark.parametrize("name", ["standardized", "max-abs", "robust-scaled"])
def test_where_train_was_scaled_the_scaler_is_undone_with_the_other_split_s_figures(name):
    (one,) = named(f"not-{name}")
    scaled = SCALERS[name].fit_transform(-Y[:, None])[:, 0]
    assert mapped(one, scaled, -Y) == pytest.approx(-Y, abs=5e-3)
    assert (one.tier, one.odd, one.unscaled) == (0, "train", True)


def test_a_split_s_own_extremes_are_not_those_that_train_was_scaled_with():
    assert not named("not-min-max")
    assert not named("not-min-max-symmetric")


# As torchvision's weights have them: (mean, deviation) of red, green and blue.
TORCH = ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))


def test_pixels_are_normalized_channel_by_channel():
    pixels = np.arange(256.0)
    for name, scale in (("imagenet", 1.0), ("imagenet-255", 255.0)):
        wanted = sorted(TORCH)
        images = [mapped(one, pixels) for one in sorted(named(name), key=lambda o: o.text)]
        for image, (m, s) in zip(images, wanted, strict=True):
            assert image == pytest.approx((pixels / scale - m) / s)
    (one,) = named("by-1/127.5-less-1")
    assert mapped(one, pixels) == pytest.approx((pixels - 127.5) / 127.5)


def test_factors_are_what_their_names_and_texts_say():
    tens = {f"{k:g}" for k in (10, 100, 1000, 1e6, 1e9)}
    for k in {*tens, "255"}:
        (there,), (back,) = named(f"by-{k}"), named(f"by-1/{k}")
        assert mapped(there, 1.0) == float(k)
        assert mapped(back, 1.0) == pytest.approx(1 / float(k))
        assert there.text == f"multiplied by {float(k):,.6g}"
        assert back.text == f"divided by {float(k):,.6g}"
    said = {m.name.removeprefix("by-1/") for m in MAPS if m.name.startswith("by-1/")}
    assert said == {*tens, "255", "127.5-less-1"}


def test_a_factor_in_words():
    assert factor_text(1.0) == "multiplied by 1"
    assert factor_text(0.5) == "divided by 2"
    assert factor_text(1234.5) == "multiplied by 1,234.5"


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        ("celsius-to-fahrenheit", "Celsius", "Fahrenheit"),
        ("fahrenheit-to-celsius", "Fahrenheit", "Celsius"),
        ("celsius-to-kelvin", "Celsius", "Kelvin"),
        ("kelvin-to-celsius", "Kelvin", "Celsius"),
    ],
)
def test_temperatures(name, a, b):
    (one,) = named(name)
    at = np.array([-40.0, 0.0, 300.0])
    assert mapped(one, at) == pytest.approx(si.convert_temperature(at, a, b))


CURVES = {
    "log1p": lambda x: np.log(1 + x),
    "log": lambda x: np.array([math.log(v) for v in x]),
    "log10": lambda x: np.log(x) / math.log(10),
    "log2": lambda x: np.log(x) / math.log(2),
    "sqrt": lambda x: x**0.5,
    "expm1": lambda x: np.exp(x) - 1,
    "exp": lambda x: np.array([math.exp(v) for v in x]),
    "power-of-10": lambda x: np.exp(x * math.log(10)),
    "power-of-2": lambda x: np.exp(x * math.log(2)),
}


@pytest.mark.parametrize("name", CURVES)
def test_curves(name):
    (one,) = named(name)
    x = np.array([0.5, 1, 3, 7.25])
    assert one.curve is not None
    assert one.curve(x) == pytest.approx(CURVES[name](x))
    assert one.odd == ("train" if name.startswith(("exp", "power")) else "other")
    assert one.tier == 0


def test_the_shifted_logarithm_takes_the_minimum_off_where_it_is_negative():
    (one,) = named("log1p-shifted")
    assert one.curve is not None
    assert one.curve(np.array([-3.0, 0, 5])) == pytest.approx(np.log([1, 4, 9]))
    assert one.curve(np.array([2.0, 3, 5])) == pytest.approx(np.log([3, 4, 6]))


def test_flips():
    (flip,), (back,) = named("sign-flip"), named("reversed")
    assert mapped(flip, X) == pytest.approx(-X)
    assert mapped(back, X) == pytest.approx(X.min() + X.max() - X)
    # Nature makes a reversed scale sooner than a flipped sign.
    assert (flip.tier, back.tier) == (0, 1)


def test_the_image_ascends_and_is_rid_of_what_is_no_number():
    x = np.array([1.0, 2, 4])
    up, down = Map("u", "", 0, by(2.0)), Map("d", "", 0, by(-2.0))
    assert up.image(x, 2.0, 1.0).tolist() == [3, 5, 9]
    assert down.image(x, -2.0, 1.0).tolist() == [-7, -3, -1]
    assert down.image(x[:2], -2.0, 1.0).tolist() == [-3, -1]
    assert down.image(x[:1], -2.0, 1.0).tolist() == [-1]
    log = Map("log", "", 0, curve=np.log)
    assert log.image(np.array([-1.0, 1, math.e]), 0, 0).tolist() == [0, 1]
    assert log.image(np.array([-2.0, -1]), 0, 0).size == 0
    both = down.image(np.array([[1.0, 1], [2, 2], [4, 4]]), np.array([-2.0, 2]), np.zeros(2))
    assert both.T.tolist() == [[-8, -4, -2], [2, 4, 8]]
    two = down.image(np.array([[1.0, 1], [2, 2]]), np.array([-2.0, 2]), np.zeros(2))
    assert two.T.tolist() == [[-4, -2], [2, 4]]
