"""Where the operands of each instruction lie in the LMU: which are read, which are written.

This is written down here once more, apart from `Inst.accesses`, so that what is wrong there is not
believed twice. Operands in HBM are left out: `effects` has those by which something is exchanged.
"""

from collections.abc import Callable
from typing import Any

from runtime.isa.fields import Operand
from runtime.isa.instructions.gather import Gather, Scatter
from runtime.isa.instructions.matrix import Vecmat
from runtime.isa.instructions.memory import Load, Store
from runtime.isa.instructions.reduction import Reduce, Scan, TopK
from runtime.isa.instructions.vector import Cast, Copy, Fill, Iota, Map1, Map2, Select
from runtime.isa.spec import Inst
from runtime.ring.checks.compile.values import Value

Extents = tuple[Value, ...]
Views = tuple[tuple[Operand, Extents], ...]
"""Operands and their extents."""
Lying = tuple[Views, Views, bool]
"""What is read, what is written, and whether every machine makes the same bits of what is read.

Of floats it need not: machines may round sums, products and functions differently.
"""


def _moved(inst: Cast | Copy, e: Extents) -> Lying:
    return ((inst.a, e),), ((inst.dst, e),), True


def _map1(inst: Map1, e: Extents) -> Lying:
    return ((inst.a, e),), ((inst.dst, e),), not inst.dst.type.is_float


def _map2(inst: Map2, e: Extents) -> Lying:
    return ((inst.a, e), (inst.b, e)), ((inst.dst, e),), not inst.dst.type.is_float


def _select(inst: Select, e: Extents) -> Lying:
    return ((inst.cond, e), (inst.a, e), (inst.b, e)), ((inst.dst, e),), True


def _fill(inst: Fill | Iota | Load, e: Extents) -> Lying:
    return (), ((inst.dst, e),), False


def _store(inst: Store, e: Extents) -> Lying:
    return ((inst.src, e),), (), False


def _gather(inst: Gather, e: Extents) -> Lying:
    return ((inst.idx, e),), ((inst.dst, e),), False


def _scatter(inst: Scatter, e: Extents) -> Lying:
    return ((inst.src, e), (inst.idx, e)), (), False


def _vecmat(inst: Vecmat, e: Extents) -> Lying:
    batch, rows, depth, columns = e
    dst = ((inst.dst, (batch, rows, 1, columns)),)
    x = (inst.x, (batch, rows, depth, 1))
    return ((x, *dst) if inst.accumulate else (x,)), dst, False


def _reduce(inst: Reduce, e: Extents) -> Lying:
    a, b, c, d = (1 if inst.axes >> axis & 1 else extent for axis, extent in enumerate(e))
    dst = ((inst.dst, (a, b, c, d)),)
    is_same = inst.fn in ("max", "min") or not inst.dst.type.is_float
    return (((inst.a, e), *dst) if inst.accumulate else ((inst.a, e),)), dst, is_same


def _scan(inst: Scan, e: Extents) -> Lying:
    carry = (inst.carry, (*e[:3], 1))
    return ((inst.a, e), carry), ((inst.dst, e), carry), not inst.dst.type.is_float


def topk(inst: TopK, e: Extents, count: Value) -> Lying:
    """Of `topk`, whose results have so many elements along the last axis."""
    best = (*e[:3], count)
    return ((inst.a, e),), ((inst.dst, best), (inst.indices, best)), True


LYING: dict[type[Inst], Callable[[Any, Extents], Lying]] = {
    Map1: _map1, Cast: _moved, Copy: _moved, Map2: _map2, Select: _select, Fill: _fill, Iota: _fill,
    Load: _fill, Store: _store, Gather: _gather, Scatter: _scatter,
    Vecmat: _vecmat, Reduce: _reduce, Scan: _scan,
}  # fmt: skip
"""Of each instruction on data, but `topk` and those that have nothing in the LMU, or send it."""
COUNTS: dict[type[Inst], tuple[str, ...]] = {
    TopK: ("k", "largest"), Gather: ("limit", "rowstride"), Scatter: ("limit", "rowstride"),
}  # fmt: skip
"""Fields besides the extents whose registers are no data: how many, how far apart, which ones."""
