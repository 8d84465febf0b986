"""What devices gather around a ring is what each of them holds, however it is split."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from runtime.isa import Loop, Recv, Send
from runtime.isa.encoding import word_addresses
from runtime.program.program import Program
from runtime.run.interpreter import Interpreter
from runtime.run.ring import Stepping
from tests.unit.backend.levels import agreed, at_every_level
from tests.unit.backend.rings import columns, ring_program, step, tensor

RNG = np.random.default_rng(5)
SIZES = [(1, 6, 12, 10), (3, 6, 13, 9), (0, 6, 12, 10)]
"""Rows, and the widths of input, hidden layer and output."""
LARGE = [(5, 64, 700, 30), (2, 4, 9000, 5), (40, 16, 256, 8)]
"""Sizes whose parts do not fit the LMU of the smallest machine together."""


def perceptron(size: Sequence[int], devices: int, dtype: str) -> str:
    """Two products, of which each device computes some columns; the first result is gathered."""
    rows, wide, hidden, narrow = size
    part = -(-hidden // devices)
    x, h = tensor([rows, wide], dtype), columns([rows, hidden], devices, dtype)
    w, v = columns([wide, hidden], devices, dtype), columns([hidden, narrow], devices, dtype)
    y, g = columns([rows, narrow], devices, dtype), tensor([devices, rows, part], dtype)
    t, r = tensor([rows, devices, part], dtype), tensor([rows, devices * part], dtype)
    s = tensor([rows, hidden], dtype)
    body = f"""
      %h = lpu.matmul %x, %w : {x}, {w} -> {h}
      %g = lpu_esl.all_gather %h : {h} -> {g} loc("/layer/MatMul")
      %t = lpu.transpose %g <[1, 0, 2]> : {g} -> {t}
      %r = lpu.reshape %t : {t} -> {r}
      %s = lpu.slice %r at <[0, 0]> step <[1, 1]> : {r} -> {s}
      %y = lpu.matmul %s, %v : {s}, {v} -> {y}
      func.return %y : {y}"""
    interface = f'["x" data {dtype}, "w" data {dtype}, "v" data {dtype}] -> ["y" data {dtype}]'
    return step(body, f"%x : {x}, %w : {w}, %v : {v}", [y], devices, interface)


def arrays(size: Sequence[int], dtype: str) -> dict[str, np.ndarray]:
    rows, wide, hidden, narrow = size
    shapes = {"x": (rows, wide), "w": (wide, hidden), "v": (hidden, narrow)}
    kind = {"f32": np.float32, "f16": np.float16}[dtype]
    return {n: (RNG.standard_normal(s) / s[0] ** 0.5).astype(kind) for n, s in shapes.items()}


def run(program: Program, inputs: dict[str, np.ndarray], **options: object) -> np.ndarray:
    return Interpreter(program, **options).run(inputs)["y"]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("target", "size"),
    [
        *(("lpu-4nm", size) for size in SIZES),
        *(("lpu-tiny", size) for size in (*SIZES, *LARGE)),
        *(pytest.param("lpu-4nm", size, marks=pytest.mark.slow) for size in LARGE),
    ],
)
@pytest.mark.parametrize(("devices", "dtype"), [(2, "f32"), (4, "f32"), (4, "f16"), (8, "f32")])
def test_products_of_gathered_columns_are_those_of_the_whole(
    size: Sequence[int], devices: int, target: str, dtype: str
):
    inputs = arrays(size, dtype)
    x, w, v = (array.astype(np.float64) for array in inputs.values())
    hidden = (x @ w).astype(inputs["x"].dtype).astype(np.float64)
    tolerance = 1e-5 if dtype == "f32" else 4e-3
    text = perceptron(size, devices, dtype)
    for level, result in at_every_level(text, inputs, target=target, devices=devices).items():
        found = result.outputs["y"]
        np.testing.assert_allclose(
            found, hidden @ v, rtol=tolerance, atol=tolerance * 4, err_msg=level
        )


@pytest.mark.parametrize("devices", [2, 4, 8])
def test_bytes_depend_neither_on_the_order_of_devices_nor_on_the_depth_of_links(devices: int):
    size = (5, 64, 700, 30)
    inputs, expected = arrays(size, "f32"), None
    program = ring_program(perceptron(size, devices, "f32"), devices, "lpu-tiny")
    for seed in range(6):
        rng = random.Random(seed)

        def order(able: Sequence[int], rng: random.Random = rng) -> tuple[int, int]:
            return rng.choice(able), rng.randrange(1, 9)

        found = run(program, inputs, stepping=Stepping(order, depth=1 + seed))
        expected = found if expected is None else expected
        assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize(("devices", "left", "right"), [(2, 1, 0), (4, 2, 1), (8, 4, 3)])
def test_each_part_takes_the_shorter_way(devices: int, left: int, right: int):
    program = ring_program(perceptron((1, 6, 12, 10), devices, "f32"), devices)
    sent = [inst.side for inst in program.code if isinstance(inst, Send)]
    received = [inst.side for inst in program.code if isinstance(inst, Recv)]
    assert (sent.count("left"), sent.count("right")) == (left, right)
    assert (received.count("right"), received.count("left")) == (left, right)


def test_a_message_too_large_for_the_lmu_is_split_in_a_loop_of_sends_and_receives():
    program = ring_program(perceptron((40, 16, 256, 8), 4, "f32"), 4, "lpu-tiny")
    text = [type(inst) for inst in program.code]
    first = max(n for n, inst in enumerate(text) if inst in (Send, Recv))
    assert text.count(Send) == text.count(Recv) == 3
    assert Loop in text[first:]


def test_messages_name_the_nodes_of_what_is_gathered():
    program = ring_program(perceptron((1, 6, 12, 10), 4, "f32"), 4)
    code = zip(word_addresses(program.code), program.code, strict=True)
    pcs = [pc for pc, inst in code if isinstance(inst, Send | Recv)]
    assert len(pcs) == 6
    assert {program.provenance.nodes_at(pc) for pc in pcs} == {("/layer/MatMul",)}


def layers(gathers: int, devices: int) -> str:
    """In each of 3 turns, sums of what devices compute from their number and what they summed."""
    width, lines, carried = 5, list[str](), "%c"
    row, one, unit = tensor([1, width]), tensor([1, 1]), tensor([])
    for k in range(gathers):
        part, all_parts = tensor([1, width + k]), tensor([devices, 1, width + k])
        numbers, summed = tensor([1, width + k], "i64"), tensor([1, 1, width + k])
        lines += [
            f'%a{k} = lpu.reduce "max" {carried} over <[1]> : {row} -> {one}',
            f"%i{k} = lpu.iota <[d0, 0, 1]> : {numbers}",
            f"%f{k} = lpu.cast %i{k} : {numbers} -> {part}",
            f'%m{k} = lpu.map "mul" %a{k}, %f{k} : {one}, {part} -> {part}',
            f"%g{k} = lpu_esl.all_gather %m{k} : {part} -> {all_parts}",
            f'%s{k} = lpu.reduce "sum" %g{k} over <[0]> : {all_parts} -> {summed}',
            f"%r{k} = lpu.reshape %s{k} : {summed} -> {part}",
            f"%q{k} = lpu.slice %r{k} at <[0, 0]> step <[1, 1]> : {part} -> {row}",
            f'%h{k} = lpu.fill "0000003d" : {unit}',
            f'%n{k} = lpu.map "mul" %q{k}, %h{k} : {row}, {unit} -> {row}',
            f'%o{k} = lpu.map "tanh" %n{k} : {row} -> {row}',
        ]
        carried = f"%o{k}"
    body = "\n".join(lines)
    loop = f"""
      %z = lpu.for "l" to <3> (%x : {row}) -> {row} {{
      ^bb0(%c : {row}):
        {body}
        lpu.yield {carried} : {row}
      }}
      func.return %z : {row}"""
    return step(loop, f"%x : {row}", [row], devices, '["x" data f32] -> ["y" data f32]')


@pytest.mark.parametrize(
    ("gathers", "devices", "target"),
    [
        (1, 8, "lpu-4nm"),
        (12, 2, "lpu-4nm"),
        (12, 2, "lpu-tiny"),
        pytest.param(12, 8, "lpu-tiny", marks=pytest.mark.slow),
    ],
)
def test_layers_gather_as_often_as_they_like(gathers: int, devices: int, target: str):
    x = np.linspace(0.2, 1, 5, dtype=np.float32)[None]
    expected = x.astype(np.float64)
    for _ in range(3 * gathers):
        numbers = np.arange(devices)[:, None] + np.arange(5)
        expected = np.tanh((expected.max() * numbers).sum(axis=0, keepdims=True) / 32)
    found = at_every_level(layers(gathers, devices), {"x": x}, target=target, devices=devices)
    for level, result in found.items():
        np.testing.assert_allclose(result.outputs["y"], expected, rtol=2e-5, err_msg=level)


@pytest.mark.parametrize("tokens", [0, 1, 7])
def test_a_part_may_grow_with_a_symbol(tokens: int):
    x, y = columns(["P", 6], 2), tensor([2, "P", 3])
    body = f"%y = lpu_esl.all_gather %x : {x} -> {y}\nfunc.return %y : {y}"
    interface = '["x" past f32] -> ["y" data f32]'
    text = step(body, f"%x : {x}", [y], 2, interface, more="P in 0 to 7, ")
    given = RNG.standard_normal((tokens, 6)).astype(np.float32)
    for target in ("lpu-4nm", "lpu-tiny"):
        result = agreed(at_every_level(text, {"x": given}, target=target, devices=2))
        expected = np.stack([given[:, :3], given[:, 3:]])
        np.testing.assert_array_equal(result.outputs["y"], expected)


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16", "i64", "i32", "i8", "u8", "bool"])
def test_elements_of_every_type_pass(dtype: str):
    x, s, y = tensor([3], "i64"), tensor([3], dtype), tensor([4, 3], dtype)
    body = f"""
      %i = lpu.iota <[2*d0, 1]> : {x}
      %a = lpu.map "add" %x, %i : {x}, {x} -> {x}
      %s = lpu.cast %a : {x} -> {s}
      %y = lpu_esl.all_gather %s : {s} -> {y}
      func.return %y : {y}"""
    text = step(body, f"%x : {x}", [y], 4, f'["x" data i64] -> ["y" data {dtype}]')
    found = agreed(at_every_level(text, {"x": np.array([-3, 0, 5])}, devices=4)).outputs["y"]
    numbers = np.array([-3, 0, 5]) + [[2 * d + i for i in range(3)] for d in range(4)]
    np.testing.assert_array_equal(found, numbers.astype(found.dtype))


def test_what_is_gathered_may_be_a_number_and_a_view():
    row, turned = tensor([2, 3]), tensor([3, 2])
    body = f"""
      %i = lpu.iota <[10*d0]> : {tensor([], "i64")}
      %n = lpu.cast %i : {tensor([], "i64")} -> {tensor([])}
      %g = lpu_esl.all_gather %n : {tensor([])} -> {tensor([2])}
      %m = lpu.map "add" %x, %n : {row}, {tensor([])} -> {row}
      %t = lpu.transpose %m <[1, 0]> : {row} -> {turned}
      %y = lpu_esl.all_gather %t : {turned} -> {tensor([2, 3, 2])}
      func.return %g, %y : {tensor([2])}, {tensor([2, 3, 2])}"""
    interface = '["x" data f32] -> ["g" data f32, "y" data f32]'
    text = step(body, f"%x : {row}", [tensor([2]), tensor([2, 3, 2])], 2, interface)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    found = agreed(at_every_level(text, {"x": x}, devices=2)).outputs
    np.testing.assert_array_equal(found["g"], [0, 10])
    np.testing.assert_array_equal(found["y"], [x.T, x.T + 10])
