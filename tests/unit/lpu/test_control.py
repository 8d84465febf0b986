"""Loops, resident state and emitted tokens mean the same at every level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dialects.lpu.execution import run_function
from dialects.lpu_mem.control import StateOp
from lpuc.compiler.pipeline import make_context, stage_passes
from passes.analysis.functions import step_function
from runtime.run.interpreter import Interpreter
from runtime.traps import Trap
from tests.unit.backend.harness import parse
from tests.unit.backend.levels import MEM, agreed, at_every_level, named, program_of, step_text

F32, I64 = np.float32, np.int64
V, ROW, W = "!lpu.tensor<[4], f32>", "!lpu.tensor<[1, 4], f32>", "!lpu.tensor<[2, 2], f32>"
ONE = "!lpu.tensor<[1], i64>"
CACHE = "!lpu.state<[8, 4], f32>"
X, Y = np.arange(4, dtype=F32), np.array([7, -1, 0.5, 3], F32)


def test_a_value_is_carried_from_turn_to_turn():
    body = f"""
      %r = lpu.for "l" to <3> (%x : {V}) -> {V} {{
      ^bb0(%c : {V}):
        %d = lpu.map "add" %c, %y : {V}, {V} -> {V}
        lpu.yield %d : {V}
      }}
      func.return %r : {V}"""
    result = agreed(at_every_level(step_text(body, {"x": V, "y": V}, [V]), {"x": X, "y": Y}))
    np.testing.assert_array_equal(result.outputs["0"], X + Y + Y + Y)


def test_stacks_may_hold_views_of_the_carried_value():
    """The value before the turn, transposed, and the one behind it."""
    stack = "!lpu.tensor<[3, 2, 2], f32>"
    body = f"""
      %r, %old, %new = lpu.for "l" to <3> (%x : {W}) -> {W}, {stack}, {stack} {{
      ^bb0(%c : {W}):
        %t = lpu.transpose %c <[1, 0]> : {W} -> {W}
        %d = lpu.map "add" %c, %t : {W}, {W} -> {W}
        lpu.yield %d, %t, %d : {W}, {W}, {W}
      }}
      func.return %r, %old, %new : {W}, {stack}, {stack}"""
    x = X.reshape(2, 2)
    result = agreed(at_every_level(step_text(body, {"x": W}, [W, stack, stack]), {"x": x}))
    turns = [x, x + x.T, 2 * (x + x.T), 4 * (x + x.T)]
    np.testing.assert_array_equal(result.outputs["0"], turns[3])
    np.testing.assert_array_equal(result.outputs["1"], [turn.T for turn in turns[:3]])
    np.testing.assert_array_equal(result.outputs["2"], turns[1:])


def test_carried_values_change_places_at_once():
    """A rotation: each new value is a view of an old one."""
    body = f"""
      %a, %b, %c = lpu.for "l" to <4> (%x, %y, %x : {V}, {V}, {V}) -> {V}, {V}, {V} {{
      ^bb0(%p : {V}, %q : {V}, %s : {V}):
        %n = lpu.map "neg" %p : {V} -> {V}
        lpu.yield %q, %n, %p : {V}, {V}, {V}
      }}
      func.return %a, %b, %c : {V}, {V}, {V}"""
    result = agreed(at_every_level(step_text(body, {"x": V, "y": V}, [V] * 3), {"x": X, "y": Y}))
    for name, expected in (("0", X), ("1", Y), ("2", -Y)):
        np.testing.assert_array_equal(result.outputs[name], expected)


def test_a_carried_value_may_be_turned_in_place():
    body = f"""
      %r = lpu.for "l" to <3> (%x : {W}) -> {W} {{
      ^bb0(%c : {W}):
        %t = lpu.transpose %c <[1, 0]> : {W} -> {W}
        lpu.yield %t : {W}
      }}
      func.return %r : {W}"""
    x = X.reshape(2, 2)
    result = agreed(at_every_level(step_text(body, {"x": W}, [W]), {"x": x}))
    np.testing.assert_array_equal(result.outputs["0"], x.T)


@pytest.mark.parametrize("turns", [0, 1, 5])
def test_a_loop_may_have_no_turn(turns: int):
    body = f"""
      %r = lpu.for "l" to <N> (%x : {V}) -> {V} {{
      ^bb0(%c : {V}):
        %d = lpu.map "add" %c, %c : {V}, {V} -> {V}
        lpu.yield %d : {V}
      }}
      func.return %r : {V}"""
    text = step_text(body, {"x": V}, [V], "N in 0 to 5")
    result = agreed(at_every_level(text, {"x": X}, {"N": turns}))
    np.testing.assert_array_equal(result.outputs["0"], X * 2**turns)


@pytest.mark.parametrize("first", ["2", "N + -3", "N"])
def test_a_loop_may_start_above_0(first: str):
    body = f"""
      %r = lpu.for "l" from <{first}> to <N> (%i : {ONE}) -> {ONE} {{
      ^bb0(%c : {ONE}):
        %l = lpu.iota <[l, 0]> : {ONE}
        %d = lpu.map "add" %c, %l : {ONE}, {ONE} -> {ONE}
        lpu.yield %d : {ONE}
      }}
      func.return %r : {ONE}"""
    text = step_text(body, {"i": ONE}, [ONE], "N in 3 to 5")
    result = agreed(at_every_level(text, {"i": np.array([10], I64)}, {"N": 4}))
    low = {"2": 2, "N + -3": 1, "N": 4}[first]
    assert result.outputs["0"] == [10 + sum(range(low, 4))]


def test_the_variable_of_a_loop_is_an_offset_inside_of_it():
    rows = "!lpu.tensor<[3, 4], f32>"
    body = f"""
      %r = lpu.for "i" to <3> (%x : {V}) -> {V} {{
      ^bb0(%c : {V}):
        %q = lpu.for "j" to <4> (%c : {V}) -> {V} {{
        ^bb1(%d : {V}):
          %s = lpu.slice %m at <[i, j]> step <[1, 1]> : {rows} -> !lpu.tensor<[1, 1], f32>
          %v = lpu.reshape %s : !lpu.tensor<[1, 1], f32> -> !lpu.tensor<[1], f32>
          %e = lpu.map "add" %d, %v : {V}, !lpu.tensor<[1], f32> -> {V}
          lpu.yield %e : {V}
        }}
        lpu.yield %q : {V}
      }}
      func.return %r : {V}"""
    m = np.arange(12, dtype=F32).reshape(3, 4)
    result = agreed(at_every_level(step_text(body, {"x": V, "m": rows}, [V]), {"x": X, "m": m}))
    np.testing.assert_array_equal(result.outputs["0"], X + m.sum())


def test_extents_may_depend_on_the_variable_of_a_loop():
    rows = "!lpu.tensor<[5, 4], f32>"
    part, line = "!lpu.tensor<[l + 1, 4], f32>", "!lpu.tensor<[1, 4], f32>"
    body = f"""
      %r = lpu.for "l" to <5> (%x : {line}) -> {line} {{
      ^bb0(%c : {line}):
        %s = lpu.slice %m at <[0, 0]> step <[1, 1]> : {rows} -> {part}
        %t = lpu.reduce "sum" %s over <[0]> : {part} -> {line}
        %d = lpu.map "add" %c, %t : {line}, {line} -> {line}
        lpu.yield %d : {line}
      }}
      func.return %r : {line}"""
    m, x = np.arange(20, dtype=F32).reshape(5, 4), X.reshape(1, 4)
    text = step_text(body, {"x": line, "m": rows}, [line])
    result = agreed(at_every_level(text, {"x": x, "m": m}))
    np.testing.assert_array_equal(result.outputs["0"], x + m.cumsum(0).sum(0))


def state(inputs: str = "", outputs: str = "") -> str:
    return f'%c = lpu.state "c" inputs <[{inputs}]> outputs <[{outputs}]> : {CACHE}'


PAST = '"past" past f32 [P, 4] at [0, 0]'
PRESENT = '"present" data f32 [P + 1, 4] at [0, 0]'


@pytest.mark.parametrize("length", [0, 1, 7])
def test_a_row_is_appended_to_a_state(length: int):
    window = "!lpu.tensor<[P + 1, 4], f32>"
    body = f"""
      {state(PAST, PRESENT)}
      lpu.write %c, %x at <[P, 0]> : {CACHE}, {ROW}
      %all = lpu.read %c at <[0, 0]> : {CACHE} -> {window}
      %r = lpu.reduce "sum" %all over <[0]> : {window} -> {ROW}
      func.return %r : {ROW}"""
    past, x = np.arange(4 * length, dtype=F32).reshape(-1, 4), Y.reshape(1, 4)
    text = step_text(body, {"x": ROW}, [ROW], "P in 0 to 7")
    result = agreed(at_every_level(text, {"past": past, "x": x}))
    np.testing.assert_array_equal(result.outputs["present"], [*past, Y])
    np.testing.assert_array_equal(result.outputs["0"], x + past.sum(0))


@pytest.mark.parametrize("element", ["f32", "f16", "bf16", "i64", "i32", "i8"])
def test_a_state_that_nobody_wrote_holds_no_number(element: str):
    """Not zeros, which could pass for a cache: NaN, or the least integer."""
    row = f"!lpu.tensor<[1, 4], {element}>"
    body = f"""
      %c = lpu.state "c" inputs <[]> outputs <[]> : !lpu.state<[8, 4], {element}>
      %r = lpu.read %c at <[3, 0]> : !lpu.state<[8, 4], {element}> -> {row}
      func.return %r : {row}"""
    module = parse(step_text(body, {}, [row]))
    found = run_function(step_function(module), {}, {}, Path())["0"]
    if element.startswith("i"):
        np.testing.assert_array_equal(found, np.iinfo(found.dtype).min)
    else:
        assert np.isnan(found.astype(np.float32)).all()


@pytest.mark.parametrize("written", [0, 2])
def test_the_machine_traps_on_a_state_that_nobody_wrote(written: int):
    """Also where only a part of what is read was written."""
    window = "!lpu.tensor<[4, 4], f32>"
    part = f"!lpu.tensor<[{written}, 4], f32>"
    body = f"""
      {state()}
      lpu.write %c, %x at <[0, 0]> : {CACHE}, {part}
      %r = lpu.read %c at <[0, 0]> : {CACHE} -> {window}
      func.return %r : {window}"""
    module = parse(step_text(body, {"x": part}, [window]), "lpu-tiny")
    for one in stage_passes(MEM):
        one.apply(make_context(), module)
    machine = Interpreter(program_of(module), reference=True)
    with pytest.raises(Trap, match="initialised"):
        machine.run({"x": np.ones((written, 4), F32)})


def test_what_is_read_stays_when_the_state_is_written():
    """Also when the write is in a loop behind the read, or the read is a view of it."""
    body = f"""
      {state()}
      lpu.write %c, %x at <[0, 0]> : {CACHE}, {ROW}
      %old = lpu.read %c at <[0, 0]> : {CACHE} -> {ROW}
      %view = lpu.reshape %old : {ROW} -> {V}
      lpu.for "l" to <2> () {{
        lpu.write %c, %y at <[0, 0]> : {CACHE}, {ROW}
        lpu.yield
      }}
      %new = lpu.read %c at <[0, 0]> : {CACHE} -> {ROW}
      func.return %view, %new : {V}, {ROW}"""
    x, y = X.reshape(1, 4), Y.reshape(1, 4)
    result = agreed(
        at_every_level(step_text(body, {"x": ROW, "y": ROW}, [V, ROW]), {"x": x, "y": y})
    )
    np.testing.assert_array_equal(result.outputs["0"], X)
    np.testing.assert_array_equal(result.outputs["1"], y)


def test_a_window_may_move_within_its_state():
    """What is written overlaps with where it was read from."""
    rows, both = "!lpu.tensor<[3, 4], f32>", "!lpu.tensor<[4, 4], f32>"
    body = f"""
      {state('"past" past f32 [4, 4] at [0, 0]')}
      %w = lpu.read %c at <[0, 0]> : {CACHE} -> {rows}
      lpu.write %c, %w at <[1, 0]> : {CACHE}, {rows}
      %r = lpu.read %c at <[0, 0]> : {CACHE} -> {both}
      func.return %r : {both}"""
    past = np.arange(16, dtype=F32).reshape(4, 4)
    result = agreed(at_every_level(step_text(body, {}, [both]), {"past": past}))
    np.testing.assert_array_equal(result.outputs["0"], past[[0, 0, 1, 2]])


def test_a_state_has_a_part_for_each_turn():
    """As the cache of rolled layers: reads and writes at an offset of the loop's variable."""
    kind, row = "!lpu.state<[3, 8, 4], f32>", "!lpu.tensor<[1, 1, 4], f32>"
    window = "!lpu.tensor<[1, P + 1, 4], f32>"
    ports = [f'"p{n}" past f32 [P, 4] at [{n}, 0, 0]' for n in range(3)]
    after = [f'"n{n}" data f32 [P + 1, 4] at [{n}, 0, 0]' for n in range(3)]
    body = f"""
      %c = lpu.state "c" inputs <[{", ".join(ports)}]> outputs <[{", ".join(after)}]> : {kind}
      %r = lpu.for "l" to <3> (%x : {row}) -> {row} {{
      ^bb0(%v : {row}):
        lpu.write %c, %v at <[l, P, 0]> : {kind}, {row}
        %all = lpu.read %c at <[l, 0, 0]> : {kind} -> {window}
        %s = lpu.reduce "sum" %all over <[1]> : {window} -> {row}
        lpu.yield %s : {row}
      }}
      func.return %r : {row}"""
    past = np.arange(24, dtype=F32).reshape(3, 2, 4)
    inputs = {"x": Y.reshape(1, 1, 4), **{f"p{n}": part for n, part in enumerate(past)}}
    result = agreed(at_every_level(step_text(body, {"x": row}, [row], "P in 0 to 7"), inputs))
    value = Y
    for n, part in enumerate(past):
        np.testing.assert_array_equal(result.outputs[f"n{n}"], [*part, value])
        value = value + part.sum(0)
    np.testing.assert_array_equal(result.outputs["0"], value.reshape(1, 1, 4))


def address_of(op: StateOp) -> int:
    assert op.address is not None
    return op.address.value.data


def test_functions_that_name_a_state_share_its_memory():
    write = f"{state()}\nlpu.write %c, %x at <[2, 0]> : {CACHE}, {ROW}\nfunc.return"
    read = f"""
      %d = lpu.state "d" inputs <[]> outputs <[]> : {CACHE}
      %c = lpu.state "c" inputs <[]> outputs <["y" data f32 [1, 4] at [2, 0]]> : {CACHE}
      func.return"""
    text = step_text(write, {"x": ROW}) + step_text(read, {}, name="other")
    module = parse(text, "lpu-tiny")
    for one in stage_passes(MEM):
        one.apply(make_context(), module)
    states = [op for op in module.walk() if isinstance(op, StateOp)]
    places = {op.state.data: address_of(op) for op in states}
    assert [address_of(op) for op in states] == [places[name] for name in ("c", "d", "c")]
    assert abs(places["c"] - places["d"]) >= 8 * 4 * 4
    (port,) = program_of(module).entry("other").outputs
    assert port.address == places["c"] + 2 * 4 * 4


def emitting(stop: int) -> str:
    """Counts from 10 on, at most 6 times, to the first number that is `stop` above it."""
    body = f"""
      %r = lpu.for "l" to <6> (%i : {ONE}) -> {ONE} {{
      ^bb0(%c : {ONE}):
        %end = lpu.iota <[l + {-stop + 1}, 0]> : {ONE}
        lpu.emit %c, %end : {ONE}, {ONE}
        %one = lpu.iota <[1, 0]> : {ONE}
        %d = lpu.map "add" %c, %one : {ONE}, {ONE} -> {ONE}
        lpu.yield %d : {ONE}
      }}
      func.return %r : {ONE}"""
    return step_text(body, {"i": ONE}, [ONE])


@pytest.mark.parametrize(("stop", "count"), [(0, 0), (1, 1), (4, 4), (99, 6)])
def test_a_token_above_0_ends_the_loop(stop: int, count: int):
    result = agreed(at_every_level(emitting(stop), {"i": np.array([10], I64)}))
    assert result.tokens == list(range(10, 10 + count))
    assert result.outputs["0"] == [10 + count]


def test_a_stop_leaves_only_the_loop_right_around():
    body = f"""
      lpu.for "a" to <3> () {{
        lpu.for "b" to <5> () {{
          %t = lpu.iota <[10*a + b, 0]> : {ONE}
          %stop = lpu.iota <[b + -1*a, 0]> : {ONE}
          lpu.emit %t, %stop : {ONE}, {ONE}
          lpu.yield
        }}
        lpu.yield
      }}
      func.return"""
    result = agreed(at_every_level(step_text(body, {}), {}))
    assert result.tokens == [0, 10, 11, 20, 21, 22]


def test_without_a_host_tokens_are_dropped():
    module = parse(emitting(2))
    outputs = run_function(named(module, "step"), {"i": np.array([10], I64)}, {}, Path())
    assert outputs["0"] == [12]


@pytest.mark.parametrize("uppers", [(1, 5), (5, 1), (2, 4)])
def test_loops_behind_one_another_may_share_a_name(uppers: tuple[int, int]):
    """The first prompt and the tokens behind it run over one name, each in its own range."""
    rows, part = "!lpu.tensor<[5, 4], f32>", "!lpu.tensor<[l + 1, 4], f32>"
    lines = [
        f"""%r{index} = lpu.for "l" to <{upper}> (%{"xr"[index]}{"0" * index} : {ROW}) -> {ROW} {{
        ^bb{index}(%c{index} : {ROW}):
          %s{index} = lpu.slice %m at <[0, 0]> step <[1, 1]> : {rows} -> {part}
          %n{index} = lpu.map "neg" %s{index} : {part} -> {part}
          %t{index} = lpu.reduce "sum" %n{index} over <[0]> : {part} -> {ROW}
          %d{index} = lpu.map "sub" %c{index}, %t{index} : {ROW}, {ROW} -> {ROW}
          lpu.yield %d{index} : {ROW}
        }}"""
        for index, upper in enumerate(uppers)
    ]
    body = "\n".join([*lines, f"func.return %r1 : {ROW}"])
    x, m = X.reshape(1, 4), np.arange(20, dtype=F32).reshape(5, 4)
    text = step_text(body, {"x": ROW, "m": rows}, [ROW])
    result = agreed(at_every_level(text, {"x": x, "m": m}))
    sums = m.cumsum(0)
    np.testing.assert_array_equal(
        result.outputs["0"], x + sum(sums[:upper].sum(0) for upper in uppers)
    )
