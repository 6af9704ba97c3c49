"""What a schema accepts: every drawn frame validates, whatever the schema asks."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandera.pandas as pp
import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from datacheck.errors import UsageError
from datacheck.testing.strategies import from_schema

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
DAY = dt.date(2024, 3, 1)
NOON = dt.datetime(2024, 3, 1, 12)  # noqa: DTZ001 - as a column without a time zone holds it
C = pa.Check
COLUMNS: dict[str, pa.Column] = {
    "whole": pa.Column(int),
    "age": pa.Column(pl.UInt8, C.in_range(18, 99)),
    "open": pa.Column(pl.Int16, C.in_range(0, 4, include_min=False, include_max=False)),
    "odd-one-out": pa.Column(pl.Int64, [C.ge(3), C.le(6), C.notin([4, 5])]),
    "few": pa.Column(pl.Int64, C.isin([3, 5, 8]), nullable=True),
    "one": pa.Column(pl.Int64, C.eq(7)),
    "huge": pa.Column(pl.UInt64, C.ge(2**63)),
    "number": pa.Column(float),
    "positive": pa.Column(float, C.gt(0), nullable=True),
    "below": pa.Column(float, [C.lt(-5), C.ne(-7.0)]),
    "single": pa.Column(pl.Float32, C.in_range(0.1, 0.3)),
    "thin": pa.Column(pl.Float64, C.in_range(1.0, 1.0)),
    "unique-number": pa.Column(float, C.in_range(0, 1), unique=True),
    "key": pa.Column(pl.Int64, [C.ge(0), C.ne(3)], unique=True),
    "flag": pa.Column(bool, nullable=True),
    "true": pa.Column(bool, C.eq(True)),
    "text": pa.Column(str),
    "name": pa.Column(str, C.str_length(3, 5), nullable=True),
    "exact": pa.Column(str, C.str_length(exact_value=4)),
    "code": pa.Column(str, [C.str_startswith("A-"), C.str_endswith(".x"), C.str_contains("q")]),
    "plate": pa.Column(str, C.str_matches(r"[A-Z]{2}-\d{3}")),
    "unique-text": pa.Column(str, C.str_length(2, 6), unique=True),
    "word": pa.Column(str, [C.isin(["red", "green", "blue"]), C.notin(["red"])]),
    "colour": pa.Column(pl.Enum(["red", "green"])),
    "class": pa.Column(pl.Categorical, C.isin(["u", "v"])),
    "day": pa.Column(pl.Date, C.ge(DAY)),
    "moment": pa.Column(pl.Datetime("ms"), [C.gt(NOON), C.le(NOON + dt.timedelta(days=2))]),
    "zoned": pa.Column(pl.Datetime("us", "Europe/Paris"), nullable=True),
    "span": pa.Column(pl.Duration("us"), C.le(dt.timedelta(hours=1))),
    "clock": pa.Column(pl.Time),
    "list": pa.Column(pl.List(pl.Int8)),
    "words": pa.Column(pl.List(pl.String), nullable=True),
    "any": pa.Column(checks=C.in_range(0, 1)),
    "maybe": pa.Column(int, required=False),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_a_column_validates(name):
    schema = pa.DataFrameSchema({name: COLUMNS[name]})

    @QUICK
    @given(from_schema(schema, rows=(0, 40)))
    def check(frame):
        schema.validate(frame)

    check()


@QUICK
@given(names=st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=8, unique=True),
       data=st.data())  # fmt: skip
def test_any_schema_of_them_validates(names, data):
    schema = pa.DataFrameSchema({n: COLUMNS[n] for n in names}, strict=True, ordered=True)
    frame = data.draw(from_schema(schema, rows=(0, 30)))
    schema.validate(frame)


bounds = st.integers(-1000, 1000)


@st.composite
def ranges(draw):
    """A column of numbers with a range that holds something, in any way of writing it."""
    low = draw(bounds)
    high = low + draw(st.integers(0, 50))
    whole = draw(st.booleans())
    checks = [
        [C.in_range(low, high)],
        [C.ge(low), C.le(high)],
        [C.gt(low - 1), C.lt(high + 1)],
        [C.in_range(low - 1, high + 1, include_min=False, include_max=False)],
        [C.ge(low)],
        [C.lt(high)],
    ][draw(st.integers(0, 5))]
    bad = draw(st.lists(st.integers(low, high), max_size=3))
    if bad and high - low > 10:
        checks = [*checks, C.notin([b if whole else float(b) for b in bad])]
    dtype = draw(st.sampled_from([pl.Int64, pl.Int16] if whole else [pl.Float64, pl.Float32]))
    return pa.Column(dtype, checks, nullable=draw(st.booleans()))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(column=ranges(), data=st.data())
def test_any_range_validates(column, data):
    schema = pa.DataFrameSchema({"x": column})
    schema.validate(data.draw(from_schema(schema, rows=(0, 20))))


class Orders(pa.DataFrameModel):
    id: int = pa.Field(ge=0, unique=True)
    price: float = pa.Field(gt=0, le=1000)
    country: str = pa.Field(isin=["de", "fr"], nullable=True)


@QUICK
@given(from_schema(Orders, rows=(1, 50)))
def test_a_model_validates(frame):
    Orders.validate(frame)
    assert frame["id"].n_unique() == frame.height


def test_unique_together():
    columns = {"a": pa.Column(int, C.isin([1, 2])), "b": pa.Column(int)}
    schema = pa.DataFrameSchema(columns, unique=["a", "b"])

    @QUICK
    @given(from_schema(schema, rows=(0, 30)))
    def check(frame):
        schema.validate(frame)

    check()


PANDAS = pp.DataFrameSchema(
    {
        "n": pp.Column(int, pp.Check.in_range(0, 9)),
        "u": pp.Column("uint8"),
        "gaps": pp.Column("Int64", nullable=True),
        "x": pp.Column(float, pp.Check.gt(0), nullable=True),
        "s": pp.Column(str, pp.Check.str_length(1, 3)),
        "t": pp.Column("datetime64[ns]"),
        "b": pp.Column(bool),
        "c": pp.Column("category", pp.Check.isin(["u", "v"])),
        "key": pp.Column(int, unique=True),
    }
)


@QUICK
@given(from_schema(PANDAS, rows=(0, 30)))
def test_a_schema_of_pandas_validates(frame):
    PANDAS.validate(frame)


def test_values_of_ones_own_and_checks_of_ones_own():
    even = pa.Column(int, C(lambda d: d.lazyframe.select(pl.col(d.key) % 2 == 0), name="even"))
    schema = pa.DataFrameSchema({"x": even, "y": pa.Column(int)})
    with pytest.raises(UsageError, match="the check 'even' of x"):
        from_schema(schema)

    @QUICK
    @given(from_schema(schema, values={"x": lambda rng, n: rng.integers(0, 9, n) * 2}))
    def check(frame):
        schema.validate(frame)

    check()


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        ({"x": pa.Column(int, C.isin([1, 2]), unique=True)}, {"rows": 3}, "only 2 values"),
        ({"x": pa.Column(bool, unique=True)}, {"rows": (3, 5)}, "only 2 values"),
        ({"x": pa.Column(int, [C.ge(3), C.le(2)])}, {}, "no value"),
        ({"x": pa.Column(float, [C.ge(3), C.le(2)])}, {}, "no value"),
        ({"x": pa.Column(int, [C.isin([1]), C.ne(1)])}, {}, "no value"),
        ({"x": pa.Column(str, [C.str_startswith("abc"), C.str_length(1, 2)])}, {}, "too short"),
        ({"x": pa.Column(str, C.str_matches("a+"), unique=True)}, {}, "unique"),
        ({"x": pa.Column(pl.Binary)}, {}, "cannot be drawn"),
        ({"x": pa.Column(int)}, {"rows": -1}, "rows is -1"),
        ({"x": pa.Column(int)}, {"values": {"z": None}}, "no column 'z'"),
        ({"x.*": pa.Column(int, regex=True)}, {}, "by a pattern"),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_said_at_once(columns, options, said):
    with pytest.raises(UsageError, match=said) as raised:
        from_schema(pa.DataFrameSchema(columns), **options)
    assert raised.value.hint


def test_what_is_no_schema():
    for thing in (1, "schema.yaml", pl.DataFrame()):
        with pytest.raises(UsageError, match="is no schema"):
            from_schema(thing)
    with pytest.raises(UsageError, match="has an index"):
        from_schema(pp.DataFrameSchema({"x": pp.Column(int)}, index=pp.Index(int)))
    whole = pa.DataFrameSchema({"x": pa.Column(int)}, checks=C(lambda d: d.lazyframe))
    with pytest.raises(UsageError, match="whole frames"):
        from_schema(whole)


# -- shrinking -----------------------------------------------------------------------------------


def least(strategy: Any, condition: Any) -> Any:
    """The smallest example that Hypothesis finds."""
    quiet = settings(max_examples=2_000, database=None, phases=[Phase.generate, Phase.shrink])
    return find(strategy, condition, settings=quiet)


def test_it_shrinks_to_the_fewest_rows_and_nulls():
    schema = pa.DataFrameSchema(
        {"x": pa.Column(int, nullable=True), "y": pa.Column(float, C.gt(0))}
    )
    found = least(from_schema(schema, rows=(0, 200)), lambda f: f.height >= 17)
    assert found.height == 17
    assert found["x"].null_count() == 0
    assert found["x"].abs().max() <= 2 * 17
    holed = least(from_schema(schema, rows=(0, 200)), lambda f: f["x"].null_count() >= 3)
    assert holed.height <= 6
    assert holed["x"].null_count() == 3
