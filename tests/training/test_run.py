from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacheck.errors import UsageError
from datacheck.training.run import DEAD, EVALUATIONS, LAYERS, STEPS, Run

HEAD = '{"version":1,"kind":"start","seed":4}'


def run(*lines: str) -> Run:
    return Run.from_lines([HEAD, *lines])


def test_an_empty_run_has_all_columns():
    empty = run()
    assert empty.meta == {"seed": 4}
    assert dict(empty.steps.schema) == STEPS
    assert dict(empty.evaluations.schema) == EVALUATIONS
    assert dict(empty.dead.schema) == DEAD
    assert dict(empty.layers.schema) == LAYERS
    assert not empty.ended


def test_numbers_that_are_not_finite_come_back():
    got = run(
        '{"kind":"step","step":0,"loss":null,"loss_is":"nan","grad_norm":null,"grad_norm_is":"inf"}',
        '{"kind":"step","step":1,"loss":1,"grad_norm":null}',
    )
    first, second = got.steps.rows(named=True)
    assert math.isnan(first["loss"])
    assert first["grad_norm"] == math.inf
    assert (second["loss"], second["grad_norm"]) == (1.0, None)


def test_a_step_that_is_there_twice_counts_as_the_last():
    got = run(
        '{"kind":"step","step":1,"loss":1}',
        '{"kind":"step","step":0,"loss":0}',
        '{"kind":"step","step":1,"loss":5}',
        '{"kind":"evaluation","step":1,"split":"val","loss":1}',
        '{"kind":"evaluation","step":1,"split":"test","loss":3}',
        '{"kind":"evaluation","step":1,"split":"val","loss":2}',
    )
    assert got.steps.select("step", "loss").rows() == [(0, 0.0), (1, 5.0)]
    assert got.evaluations.select("split", "loss").rows() == [("test", 3.0), ("val", 2.0)]


def test_what_a_resumption_discards():
    lines = [f'{{"kind":"step","step":{n},"loss":1,"dead":{{"a":0.5}}}}' for n in range(6)]
    got = run(
        *lines,
        '{"kind":"evaluation","step":3,"split":"val","loss":1}',
        '{"kind":"evaluation","step":5,"split":"val","loss":1}',
        '{"kind":"resume","step":4}',
        '{"kind":"step","step":4,"loss":9}',
    )
    assert got.steps["loss"].to_list() == [1, 1, 1, 1, 9]
    assert got.evaluations["step"].to_list() == [3]
    assert got.dead["step"].to_list() == [0, 1, 2, 3]


def test_shares_of_dead_units_are_long():
    got = run(
        '{"kind":"step","step":10,"loss":1,"dead":{"a.b":0.5,"c":null}}',
        '{"kind":"step","step":0,"loss":1,"dead":{"a.b":0}}',
        '{"kind":"step","step":1,"loss":1}',
    )
    assert got.dead.rows() == [(0, "a.b", 0.0), (10, "a.b", 0.5), (10, "c", None)]


def test_norms_by_layer_are_long():
    got = run(
        '{"kind":"step","step":10,"loss":1,"layer_grad":{"b":0.5,"a":null},'
        '"layer_weight":{"b":2,"a":1}}',
        '{"kind":"step","step":0,"loss":1,"dead":{"a":0},"layer_grad":{"b":3},"layer_weight":{}}',
        '{"kind":"step","step":1,"loss":1,"dead":{"a":1}}',
    )
    assert got.layers.rows() == [(0, "b", 3.0, None), (10, "b", 0.5, 2.0), (10, "a", None, 1.0)]
    assert got.dead.rows() == [(0, "a", 0.0), (1, "a", 1.0)]


def test_rows_of_a_step():
    got = run('{"kind":"step","step":3,"loss":1,"rows":[9,8],"row_loss":[null,2]}')
    assert got.rows(3).tolist() == [9, 8]
    assert got.rows(3).dtype == "int64"
    assert math.isnan(got.row_losses(3)[0])
    with pytest.raises(UsageError, match="step 4 is not in the record"):
        got.rows(4)


def test_a_run_that_ended():
    assert run('{"kind":"end","steps":0}').ended
    assert not run('{"kind":"end","steps":0}', '{"kind":"step","step":0,"loss":1}').ended


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nonsense", "line 3: not JSON"),
        ("[1]", "line 3: not an object"),
        ('{"kind":"step","step":1', "line 3: not JSON"),
        ('{"kind":"step","step":1,"loss":"high"}', "high"),
        ('{"kind":"step","step":1.5}', "1.5"),
        ('{"kind":"step","step":99999999999999999999}', "9999"),
        ('{"kind":"step","step":-1}', "without the number"),
        ('{"kind":"step"}', "without the number"),
        ('{"kind":"evaluation","split":"val"}', "without the number"),
        ('{"kind":"resume"}', "without the number"),
        ('{"kind":"step","step":1,"rows":[null]}', "row without its number"),
        ('{"kind":"step","step":1,"rows":7}', "cannot be read"),
        ('{"kind":"step","step":1,"dead":7}', "shares"),
        ('{"kind":"step","step":1,"dead":{"a":"b"}}', "shares"),
        ('{"kind":"step","step":1,"dead":{"a":1' + "0" * 400 + "}}", "cannot be read"),
        ('{"kind":"step","step":1,"layer_grad":{"a":[1]}}', "step 1: norms"),
        ('{"kind":"step","step":1,"layer_grad":{"a":1},"layer_weight":7}', "step 1: norms"),
        ('{"kind":"step","step":1,"loss_is":"huge","loss":null}', None),
        ('{"kind":"start"}', "kind 'start'"),
        ('{"step":1}', "kind None"),
        ('{"a":' + "[" * 10**5 + "]" * 10**5 + "}", "line 3: not JSON"),
    ],
)
def test_damage_is_told(line, told):
    lines = ['{"kind":"step","step":0,"loss":1}', line, '{"kind":"step","step":2,"loss":1}']
    if told is None:
        assert run(*lines).steps.height == 3
        return
    with pytest.raises(UsageError, match=told) as caught:
        run(*lines)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "not a record"),
        (b"dear diary\n", "not a record"),
        (b"[]\n", "not a record"),
        (b"\xff\xfe\n", "not a record"),
        (b'{"version":2,"kind":"start"}\n', "version 2"),
        (b'{"kind":"start"}\n', "version None"),
        (b"[" * 10**5 + b"\n", "not a record"),
        (HEAD.encode(), "not a record"),  # cut within the first line
    ],
)
def test_a_file_that_is_no_record(tmp_path, text, told):
    path = tmp_path / "r.jsonl"
    path.write_bytes(text)
    with pytest.raises(UsageError, match=told):
        Run.load(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        Run.load(tmp_path / "none")
    with pytest.raises(UsageError, match="cannot be read"):
        Run.load(tmp_path)


GOOD = f"""{HEAD}
{{"kind":"step","step":0,"epoch":0,"loss":1.5,"lr":0.1,"rows":[1,2],"row_loss":[1,null]}}
{{"kind":"step","step":1,"loss":null,"loss_is":"nan","dead":{{"a":0.5}},"clipped":true}}
{{"kind":"evaluation","step":1,"split":"val","loss":2,"score":0.5,"n":10,"flips":2}}
{{"kind":"resume","step":1}}
{{"kind":"end","steps":1}}
""".encode()


@given(st.data())
def test_any_damage_is_read_or_told(data):
    text = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        much = data.draw(st.integers(0, 12))
        text[at : at + much] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"9" * 30, b"[", b'"', b"null", b"\n", b"{}"])
        )
    try:
        got = Run.from_lines([bytes(text)])
    except UsageError:
        return
    assert got.steps["step"].is_sorted()
    for number in got.steps["step"].to_list():
        assert got.rows(number).dtype == "int64"
        assert got.row_losses(number).dtype == "float64"


def test_a_long_run_is_read_by_columns():
    lines = [f'{{"kind":"step","step":{n},"loss":{n / 3},"rows":[{n},1]}}' for n in range(20_000)]
    got = run(*lines)
    assert got.steps["loss"].sum() == pytest.approx(sum(n / 3 for n in range(20_000)))
    assert got.steps["rows"].dtype == pl.List(pl.Int64)
