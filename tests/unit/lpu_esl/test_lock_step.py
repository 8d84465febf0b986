"""Devices in lock step: each has its own part, and together they compute what one would."""

from __future__ import annotations

import numpy as np
import pytest

from dialects.devices import gathered
from tests.unit.lpu_esl.rings import bits, module_of, ran, run

X = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
WHOLE = "!lpu.tensor<[2, 3], f32>"
ROWS = "!lpu_esl.shard<[2, 3], f32, 2 x [[2/2], []]>"
WIDE = "!lpu_esl.shard<[1, 5], f32, 4 x [[], [5/4]]>"


def test_each_device_computes_its_part():
    body = f"""
      %y = lpu.map "neg" %x : {ROWS} -> {ROWS}
      func.return %y : {ROWS}"""
    np.testing.assert_array_equal(ran(body, {"0": X}, 2, f"%x: {ROWS}")["0"], -X)


def test_padding_is_zeros_in_and_nothing_out():
    """5 elements on 4 devices: the last has none, and 1 divided by its padding is infinite."""
    x = np.array([[1, 2, 4, 5, 8]], np.float32)
    body = f"""
      %y = lpu.map "recip" %x : {WIDE} -> {WIDE}
      %z = lpu_esl.all_gather %y : {WIDE} -> !lpu.tensor<[4, 1, 2], f32>
      func.return %y, %z : {WIDE}, !lpu.tensor<[4, 1, 2], f32>"""
    got = ran(body, {"0": x}, 4, f"%x: {WIDE}")
    np.testing.assert_array_equal(got["0"], 1 / x)
    inf = np.inf
    expected = [[[1, 0.5]], [[0.25, 0.2]], [[0.125, inf]], [[inf, inf]]]
    np.testing.assert_array_equal(got["1"], np.array(expected, np.float32))


def test_a_product_by_columns_is_gathered():
    """x @ w with w cut into columns; the parts put behind one another are the product."""
    w = np.array([[1, 0, 2, 1], [0, 1, 1, 3], [2, 2, 0, 1]], np.float32)
    part = "!lpu_esl.shard<[3, 4], f32, 2 x [[], [4/2]]>"
    out = "!lpu_esl.shard<[2, 4], f32, 2 x [[], [4/2]]>"
    body = f"""
      %w = lpu.constant <shard(inline("{bits(w)}", [3, 4], f32), 2 x [[], [4/2]])> : {part}
      %y = lpu.matmul %x, %w : {WHOLE}, {part} -> {out}
      %g = lpu_esl.all_gather %y : {out} -> !lpu.tensor<[2, 2, 2], f32>
      %t = lpu.transpose %g <[1, 0, 2]> : !lpu.tensor<[2, 2, 2], f32> -> !lpu.tensor<[2, 2, 2], f32>
      %z = lpu.reshape %t : !lpu.tensor<[2, 2, 2], f32> -> !lpu.tensor<[2, 4], f32>
      func.return %z, %y : !lpu.tensor<[2, 4], f32>, {out}"""
    got = ran(body, {"0": X}, 2, f"%x: {WHOLE}")
    expected = np.array([[7, 8, 4, 10], [16, 17, 13, 25]], np.float32)
    np.testing.assert_array_equal(got["0"], expected)
    np.testing.assert_array_equal(got["1"], expected)


def test_an_offset_may_depend_on_the_device():
    """Each takes the column of its right neighbour but one."""
    column = "!lpu.tensor<[1], i64>"
    body = f"""
      %i = lpu.iota <[10, 1]> : !lpu.tensor<[4], i64>
      %mine = lpu.slice %i at <[d2]> step <[1]> : !lpu.tensor<[4], i64> -> {column}
      %all = lpu_esl.all_gather %mine : {column} -> !lpu.tensor<[4, 1], i64>
      func.return %all : !lpu.tensor<[4, 1], i64>"""
    np.testing.assert_array_equal(ran(body, {}, 4)["0"], [[12], [13], [10], [11]])


def test_a_state_holds_the_part_of_each():
    """3 heads on 4 devices: the fourth holds padding."""
    past = np.arange(3 * 2, dtype=np.float32).reshape(3, 2)
    state = "!lpu.state<[1, 4], f32>"
    rows = "!lpu_esl.shard<[3, 1], i64, 4 x [[3/4], []]>"
    head = rows.replace("i64", "f32")
    body = f"""
      %s = lpu.state "cache" inputs <["past" past f32 [3, P] at [0, 0] shard 4 x [[3/4], []]]>
        outputs <["present" present f32 [3, P + 1] at [0, 0] shard 4 x [[3/4], []]]> : {state}
      %n = lpu.iota <[d0 + 100, 1, 0]> : {rows}
      %v = lpu.cast %n : {rows} -> {head}
      lpu.write %s, %v at <[0, P]> : {state}, {head}
      %all = lpu.read %s at <[0, 0]> : {state} -> !lpu.tensor<[1, P + 1], f32>
      %g = lpu_esl.all_gather %all : !lpu.tensor<[1, P + 1], f32> -> !lpu.tensor<[4, 1, P + 1], f32>
      func.return %g : !lpu.tensor<[4, 1, P + 1], f32>"""
    got = ran(body, {"past": past}, 4, more="P in 0 to 3")
    expected = [[0, 1, 100], [2, 3, 101], [4, 5, 102]]
    np.testing.assert_array_equal(got["present"], expected)
    np.testing.assert_array_equal(got["0"], [[row] for row in [*expected, [0, 0, 103]]])


def test_loops_carry_and_stack_the_part_of_each():
    one, stack = "!lpu.tensor<[], i64>", "!lpu.tensor<[3], i64>"
    body = f"""
      %d = lpu.iota <[d0 + 1]> : {one}
      %r, %s = lpu.for "l" to <3> (%d : {one}) -> {one}, {stack} {{
      ^bb0(%c : {one}):
        %l = lpu.iota <[l]> : {one}
        %n = lpu.map "add" %c, %l : {one}, {one} -> {one}
        lpu.yield %n, %c : {one}, {one}
      }}
      %a = lpu_esl.all_gather %r : {one} -> !lpu.tensor<[2], i64>
      %b = lpu_esl.all_gather %s : {stack} -> !lpu.tensor<[2, 3], i64>
      func.return %a, %b : !lpu.tensor<[2], i64>, !lpu.tensor<[2, 3], i64>"""
    got = ran(body, {}, 2)
    np.testing.assert_array_equal(got["0"], [4, 5])
    np.testing.assert_array_equal(got["1"], [[1, 1, 2], [2, 2, 3]])


def test_the_host_gets_one_token_of_all():
    tokens: list[int] = []
    run(module_of(_emitting("l"), 2), {}, 2, tokens.append)
    assert tokens == [0, 1, 2]


def _emitting(token: str) -> str:
    one = "!lpu.tensor<[1], i64>"
    return f"""
      lpu.for "l" to <3> () {{
        %t = lpu.iota <[{token}, 0]> : {one}
        %go = lpu.iota <[0, 0]> : {one}
        lpu.emit %t, %go : {one}, {one}
        lpu.yield
      }}
      func.return"""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (_emitting("d1 + l"), "devices hand over different tokens"),
        ('lpu.for "l" to <d0> () {\nlpu.yield\n}\nfunc.return', "devices take different turns"),
        ("%d = lpu.iota <[d0]> : !lpu.tensor<[], i64>\nfunc.return %d : !lpu.tensor<[], i64>",
         "devices differ in what all of them have"),
    ],
)  # fmt: skip
def test_devices_that_part_ways_are_seen(body: str, message: str):
    with pytest.raises(AssertionError, match=message):
        run(module_of(body, 2), {}, 2)


@pytest.mark.parametrize("apart", [2.0**-23, 0.0])
def test_what_all_compute_may_differ_in_last_bits(apart: float):
    """Products of equal rows are sums in any order."""
    parts = [np.array([1.0, np.nan], np.float32), np.array([1.0 + apart, np.nan], np.float32)]
    np.testing.assert_array_equal(gathered(parts, None), parts[0])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (np.array([1.0], np.float32), np.array([1.0 + 2.0**-10], np.float32)),
        (np.array([1.0], np.float32), np.array([np.nan], np.float32)),
        (np.array([1 << 40]), np.array([(1 << 40) + 1])),
    ],
)
def test_more_than_last_bits_is_a_fault(ours: np.ndarray, theirs: np.ndarray):
    with pytest.raises(AssertionError, match="devices differ in what all of them have"):
        gathered([ours, theirs], None)
