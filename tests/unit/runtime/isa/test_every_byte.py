"""Every byte of every data instruction matters to the machine, on the fast path and the reference.

Each instruction runs once on filled memory. Then one register id, type, function or flag at a time
is replaced, and memory must come out different, or the machine must refuse.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from runtime.device.stops import Blocked
from runtime.errors import RuntimeFault
from runtime.isa import (
    ISA,
    Cast,
    Copy,
    DataInst,
    Fill,
    Gather,
    Inst,
    Iota,
    Load,
    Map1,
    Map2,
    Operand,
    Recv,
    Reduce,
    Scan,
    Scatter,
    Select,
    Send,
    Store,
    Stream,
    TopK,
    Vecmat,
)
from runtime.isa.encoding import decode, encode_one
from runtime.numerics.elements import ElementType
from runtime.traps import Trap
from tests.unit.runtime.device.bench import ARENA, PARAMS, Bench

E = ElementType
F32, I64 = E.F32, E.I64
SHAPE = (2, 3, 4, 5)

# Strides of axes along which the operand has one element, which play no part (docs/isa.md).
EXEMPT = {
    "vecmat": {("dst", 2), ("x", 3)},
    "stream": {("src", 1)},
    "reduce": {("dst", 0), ("dst", 2)},
    "scan": {("carry", 3)},
}


# Types that write the same bits: the low 32 of a register as f32 or as i32.
SAME_BITS = {"fill": {(2, F32.code ^ E.I32.code)}}


class Registers:
    """Hands out even registers; the odd one behind each holds another value that is legal too."""

    def __init__(self) -> None:
        self.values: dict[int, int] = {0: 0}

    def one(self, value: int, other: int) -> int:
        """A register with a value."""
        at = len(self.values) + 1 & ~1
        self.values |= {at: value, at + 1: other}
        return at

    def extents(self, *shape: int) -> tuple[int, int, int, int]:
        """Extents of which the other value is one less."""
        a, b, c, d = (self.one(extent, extent - 1) for extent in shape)
        return (a, b, c, d)

    def operand(self, element: ElementType, address: int, *shape: int, gap: int = 0) -> Operand:
        """A row-major operand; other values move it by an element, or set elements apart."""
        size = element.itemsize
        steps: list[int] = []
        for extent in reversed(shape):
            steps.insert(0, size)
            size = size * extent + gap * element.itemsize
        a, b, c, d = (self.one(step, step + element.itemsize) for step in steps)
        return Operand(element, self.one(address, address + element.itemsize), (a, b, c, d))


Made = Callable[[Registers], list[Inst]]


def _map(cls: Any, types: tuple[ElementType, ...], *head: str) -> Made:
    """An instruction on operands of one shape, in the LMU or, for transfers, one in the arena."""

    def make(r: Registers) -> list[Inst]:
        places = {E.BOOL: 7168}
        operands = [
            r.operand(t, (ARENA if n == cls.HBM else 0) + places.get(t, 1536 * k), *SHAPE, gap=k)
            for k, (t, n) in enumerate(zip(types, _names(cls), strict=True))
        ]
        return [cls(*head, r.extents(*SHAPE), *operands)]

    return make


def _names(cls: type[Inst]) -> list[str]:
    return [f.name for f in cls.LAYOUT if f.name in ("dst", "src", "a", "b", "cond")]


def _fill(r: Registers) -> list[Inst]:
    return [Fill(r.extents(*SHAPE), r.operand(F32, 64, *SHAPE), r.one(77, 78))]


def _iota(r: Registers) -> list[Inst]:
    a, b, c, d = (r.one(step, step + 1) for step in (1000, 100, 10, 1))
    return [Iota(r.extents(*SHAPE), r.operand(I64, 64, *SHAPE), r.one(7, 8), (a, b, c, d))]


def _row(r: Registers) -> Operand:
    """The elements of an indexed row."""
    a, b, c, d = (r.one(step, step + 4) for step in (240, 80, 20, 4))
    return Operand(F32, r.one(ARENA, ARENA + 4), (a, b, c, d))


def _gather(r: Registers) -> list[Inst]:
    row, idx, dst = _row(r), r.operand(I64, 2048, *SHAPE), r.operand(F32, 0, *SHAPE)
    return [Gather(r.extents(*SHAPE), dst, row, idx, r.one(9, 10), r.one(16, 20))]


def _scatter(r: Registers) -> list[Inst]:
    row, idx, src = _row(r), r.operand(I64, 2048, *SHAPE), r.operand(F32, 0, *SHAPE)
    return [Scatter("set", r.extents(*SHAPE), row, src, idx, r.one(9, 10), r.one(16, 20))]


def _product(accumulate: bool) -> Made:
    def make(r: Registers) -> list[Inst]:
        b, m, k, n = r.extents(*SHAPE)
        panel = r.operand(F32, ARENA, 2, 1, 4, 5)
        dst, x = r.operand(F32, 1024, 2, 3, 1, 5, gap=1), r.operand(F32, 0, 2, 3, 4, 1, gap=1)
        stream = Stream((b, r.one(1, 2), k, n), panel)
        return [stream, Vecmat((b, m, k, n), dst, x, accumulate)]

    return make


def _exchange(r: Registers) -> list[Inst]:
    src, dst = r.operand(F32, 0, *SHAPE, gap=1), r.operand(F32, 2048, *SHAPE, gap=1)
    return [Send("left", r.extents(*SHAPE), src), Recv("right", r.extents(*SHAPE), dst)]


def _reduce(r: Registers) -> list[Inst]:
    dst, a = r.operand(F32, 2048, 1, 3, 1, 5, gap=1), r.operand(F32, 0, *SHAPE)
    return [Reduce("sum", r.extents(*SHAPE), dst, a, 0b0101, True)]


def _scan(r: Registers) -> list[Inst]:
    dst, a = r.operand(F32, 2048, *SHAPE), r.operand(F32, 0, *SHAPE, gap=1)
    return [Scan(r.extents(*SHAPE), dst, a, r.operand(F32, 4096, 2, 3, 4, 1, gap=1), True)]


def _topk(r: Registers) -> list[Inst]:
    dst, places = r.operand(F32, 0, 2, 3, 4, 3), r.operand(I64, 1024, 2, 3, 4, 3)
    a = r.operand(F32, 4096, *SHAPE)
    return [TopK(r.extents(*SHAPE), dst, places, a, r.one(3, 2), r.one(1, 0))]


MADE: dict[str, Made] = {
    "load": _map(Load, (F32, F32)),
    "store": _map(Store, (F32, F32)),
    "map1": _map(Map1, (F32, F32), "neg"),
    "map2": _map(Map2, (F32, F32, F32), "sub"),
    "select": _map(Select, (F32, E.BOOL, F32, F32)),
    "cast": _map(Cast, (E.I32, F32)),
    "copy": _map(Copy, (F32, F32)),
    "fill": _fill,
    "iota": _iota,
    "gather": _gather,
    "scatter": _scatter,
    "stream": _product(False),
    "vecmat": _product(True),
    "send": _exchange,
    "recv": _exchange,
    "reduce": _reduce,
    "scan": _scan,
    "topk": _topk,
}


def _filled(registers: Registers, reference: bool) -> Bench:
    bench = Bench(np.zeros(PARAMS, np.uint8), reference)
    random = np.random.default_rng(5)
    for region in (bench.device.lmu, bench.device.arena):
        floats = region.data.view(np.float32)
        floats[:] = random.integers(-90, 90, floats.size) * np.float32(1.25)
        if region.written is not None:
            region.written[:] = True
    bench.device.lmu.data[7168:] = random.integers(0, 2, 1024)
    for register, value in registers.values.items():
        bench.device.registers[register] = value
    return bench


def _after(code: list[Inst], registers: Registers, reference: bool) -> bytes | None:
    """Memory behind the code, None where the machine refuses or waits for ever."""
    bench = _filled(registers, reference)
    if any(isinstance(i, Gather | Scatter) for i in code):
        index = np.random.default_rng(2).integers(-9, 9, 360)
        bench.device.lmu.data[2048 : 2048 + index.nbytes] = index.view(np.uint8)
    try:
        bench.run(*code)
    except (Trap, Blocked):
        return None
    return bench.device.lmu.data.tobytes() + bench.device.arena.data.tobytes()


def _places(inst: Inst) -> list[int]:
    """Bytes of the word that something must depend on."""
    free: set[int] = set()
    for field in inst.LAYOUT:
        at = getattr(field.kind, "at", 0)
        exempt = EXEMPT.get(inst.MNEMONIC, set())
        free |= {at + 1 + axis for name, axis in exempt if name == field.name}
    return [at for at in range(len(encode_one(inst))) if at not in free]


def test_every_instruction_is_here() -> None:
    assert MADE.keys() == {m for m, cls in ISA.items() if issubclass(cls, DataInst)}


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("mnemonic", sorted(MADE))
def test_every_byte_matters(mnemonic: str, reference: bool) -> None:
    registers = Registers()
    code = MADE[mnemonic](registers)
    at = next(i for i, inst in enumerate(code) if mnemonic == inst.MNEMONIC)
    expected = _after(code, registers, reference)
    assert expected is not None
    unnoticed: list[tuple[int, int]] = []
    for place in _places(code[at]):
        for mask in (1, 2, 4):
            mutant = bytearray(encode_one(code[at]))
            mutant[place] ^= mask
            try:
                changed = list(decode(bytes(mutant)))
            except RuntimeFault:
                continue
            if (place, mask) in SAME_BITS.get(mnemonic, set()):
                continue
            if _after([*code[:at], *changed, *code[at + 1 :]], registers, reference) == expected:
                unnoticed.append((place, mask))
    assert not unnoticed, f"{code[at]} has bytes that do not matter: {unnoticed}"
