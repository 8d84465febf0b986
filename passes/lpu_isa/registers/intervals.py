"""
Between which numbers the value of a register lies.

Arithmetic on intervals over the code of one function, once from top to bottom: symbols have the
ranges of the function, the variable of a loop runs from where it starts to below its bound, and
what is not computed from these is unknown. Virtual registers are written once, but loop variables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dialects.affine import Ranges
from dialects.lpu_isa.code import Code
from runtime.isa import Add, Addi, Inst, Li, Loop, Max, Min, Mov, Mul, Muli, Sub

Interval = tuple[int, int]


def _product(a: Interval, b: Interval) -> Interval:
    corners = [x * y for x in a for y in b]
    return min(corners), max(corners)


BINARY: dict[type[Inst], Callable[[Interval, Interval], Interval]] = {
    Add: lambda a, b: (a[0] + b[0], a[1] + b[1]),
    Sub: lambda a, b: (a[0] - b[1], a[1] - b[0]),
    Mul: _product,
    Min: lambda a, b: (min(a[0], b[0]), min(a[1], b[1])),
    Max: lambda a, b: (max(a[0], b[0]), max(a[1], b[1])),
}
IMMEDIATE: dict[type[Inst], type[Inst]] = {Addi: Add, Muli: Mul}


def intervals(code: Iterable[Code], symbols: Ranges) -> dict[int, Interval]:
    """The interval of each register that has one; symbols are in the registers from r1 on."""
    items = list(code)
    bounds = {item.values[0]: item.values[1] for item in items if item.inst is Loop}
    known: dict[int, Interval] = {0: (0, 0)}
    known.update(enumerate(symbols.values(), start=1))
    for item in items:
        value = _value(item, known)
        if value is None:
            continue
        register = item.values[0]
        if register in bounds:
            bound = known.get(bounds[register])
            value = None if bound is None else (value[0], max(value[0], bound[1] - 1))
        if value is not None:
            known[register] = value
    return known


def _value(item: Code, known: dict[int, Interval]) -> Interval | None:
    """What an instruction writes; None when it writes nothing or something unknown."""
    if item.inst is Li:
        return item.values[1], item.values[1]
    if item.inst is Mov:
        return known.get(item.values[1])
    if item.inst in IMMEDIATE:
        source, imm = known.get(item.values[1]), item.values[2]
        return None if source is None else BINARY[IMMEDIATE[item.inst]](source, (imm, imm))
    if item.inst in BINARY:
        a, b = known.get(item.values[1]), known.get(item.values[2])
        return None if a is None or b is None else BINARY[item.inst](a, b)
    return None
