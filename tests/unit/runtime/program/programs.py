"""Small whole programs that several test files run."""

from collections.abc import Sequence

import numpy as np

from runtime.device.memory import Array
from runtime.isa import (
    Addi,
    Fill,
    Halt,
    Inst,
    Li,
    Load,
    Loop,
    Map2,
    Mul,
    Muli,
    Operand,
    Reduce,
    Store,
    Stream,
    Vecmat,
)
from runtime.isa.encoding import word_addresses
from runtime.numerics.elements import ElementType
from runtime.program.interface import Dim, Interface, Port, Symbol
from runtime.program.program import Program
from runtime.program.provenance import Provenance
from runtime.target import Target
from runtime.weights.image import Image


def _with_registers(count: int) -> Target:
    """`lpu-tiny` with another number of registers."""
    data = Target.load("lpu-tiny").to_json()
    data["registers"] = {**data["registers"], "value": count}
    return Target.from_json("lpu-tiny", data)


TARGET = _with_registers(32)

F32 = ElementType.F32
K, N, BOUND = 6, 5, 7
X, Y = 1024, 2048
WEIGHT = np.random.default_rng(7).standard_normal((N, K)).astype(np.float32)


def row(base: int, step: int) -> Operand:
    """An f32 operand along axis 3."""
    return Operand(F32, base, (0, 0, 0, step))


def program(
    code: Sequence[Inst],
    inputs: Sequence[Port] = (),
    outputs: Sequence[Port] = (),
    symbols: Sequence[Symbol] = (),
    params: Array | None = None,
) -> Program:
    """A program for `lpu-tiny` with 32 registers and an arena of 4 KiB at 1024."""
    data = np.zeros(0, np.uint8) if params is None else params.view(np.uint8).reshape(-1)
    interface = Interface(tuple(inputs), tuple(outputs), tuple(symbols), data.size, 1024, 4096)
    nodes = [["/layers.0/mm"] if isinstance(i, Stream) else ["a", "b"] for i in code]
    provenance = Provenance.of(code, nodes)
    return Program(tuple(code), interface, provenance, TARGET, (Image(data),) if data.size else ())


def projection() -> Program:
    """y[t] = 2 (x[t] @ W) + 3 sum(x[t]) for `rows` tokens; the token loop runs on the device."""
    one, k, n, four, stride, start, end, rows = 1, 2, 3, 4, 5, 6, 7, 8
    weight, x, y, lmu_x, lmu_y, total, bits, factor, step = 9, 10, 11, 12, 13, 14, 15, 16, 17
    head: list[Inst] = [
        Li(one, 1), Li(k, K), Li(n, N), Li(four, 4), Li(stride, 4 * K), Li(start, 0),
        Li(weight, 8), Li(x, X), Li(y, Y), Li(lmu_x, 64), Li(lmu_y, 512), Li(total, 256),
        Li(bits, int(np.float32(3).view(np.int32))), Li(factor, 272), Li(step, 20),
        Mul(end, rows, one), Fill((one, one, one, one), Operand(F32, factor), bits),
    ]  # fmt: skip
    body: list[Inst] = [
        Load((one, one, one, k), row(lmu_x, four), row(x, four)),
        Stream((one, one, k, n), Operand(F32, weight, (0, 0, four, stride))),
        Vecmat((one, one, k, n), row(lmu_y, four), Operand(F32, lmu_x, (0, 0, four, 0))),
        Map2("add", (one, one, one, n), row(lmu_y, four), row(lmu_y, four), row(lmu_y, four)),
        Reduce("sum", (one, one, one, k), Operand(F32, total), row(lmu_x, four), 8),
        Map2(
            "mul", (one, one, one, one), Operand(F32, total), Operand(F32, total),
            Operand(F32, factor),
        ),
        Map2("add", (one, one, one, n), row(lmu_y, four), row(lmu_y, four), Operand(F32, total)),
        Store((one, one, one, n), row(y, four), row(lmu_y, four)),
        Addi(x, x, 4 * K), Muli(step, one, 20), Addi(y, y, 20),
    ]  # fmt: skip
    goal = word_addresses([*head, Halt()])[-1]
    rows_dim = Dim(0, (("rows", 1),))
    params = np.concatenate((np.full(2, 9, np.float32), WEIGHT.reshape(-1)))
    return program(
        [*head, *body, Loop(start, end, 1, goal), Halt()],
        [Port("x", F32, F32, (rows_dim, Dim(K)), (K, 1), X)],
        [Port("y", F32, F32, (rows_dim, Dim(N)), (N, 1), Y)],
        [Symbol("rows", rows, 1, BOUND)],
        params,
    )


def tokens(rows: int) -> Array:
    """Input of `projection`."""
    return np.random.default_rng(rows).standard_normal((rows, K)).astype(np.float32)


def expected(x: Array) -> Array:
    """Output of `projection`."""
    return 2 * (x @ WEIGHT.T) + 3 * x.sum(axis=1, keepdims=True)
