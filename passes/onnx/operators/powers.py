"""Powers: exact of integers, of the right sign where an exponent has more bits than a float."""

from __future__ import annotations

from xdsl.ir import SSAValue

from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.elementwise import OLD_BROADCAST
from passes.onnx.operators.node import Node
from passes.onnx.operators.record import Limit, broadcast_all, operator
from passes.onnx.operators.terms import constant, wide
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType


@operator(
    "Pow",
    shape=broadcast_all,
    limits=[OLD_BROADCAST, Limit("powers of integers to fractions beyond 24 bits")],
)
def power(b: Build, node: Node) -> SSAValue:
    """Whole powers of integers are integers, exact in their type; other powers are floats."""
    base, exponent = node.value("X"), node.value("Y")
    dtype, kind = tensor_of(base).dtype, tensor_of(exponent).dtype
    whole = b.map("pow", base, b.cast(exponent, dtype))
    if dtype.is_float and not kind.is_float and not _are_short(node, exponent):
        return _with_parity(b, base, exponent, whole)
    if dtype.is_float or not kind.is_float:
        return whole
    exponent = wide(b, exponent)
    broken = b.map("pow", b.cast(base, ElementType.F32), exponent)
    is_whole = b.map("eq", b.map("floor", exponent), exponent)
    return b.select(is_whole, whole, b.cast(broken, dtype))


def _are_short(node: Node, exponent: SSAValue) -> bool:
    """Whether integers are known to be exact in every float type."""
    known = node.elements_of(exponent)
    return known is not None and all([e.is_const and abs(e.const) <= 256 for e in known.flat()])


def _with_parity(b: Build, base: SSAValue, exponent: SSAValue, power: SSAValue) -> SSAValue:
    """A power with the sign of an integer exponent as f64 holds it: from 2^53 on all are even."""
    exponent = b.cast(exponent, ElementType.I64)
    one, most = constant(b, 1, exponent), constant(b, 1 << 53, exponent)
    odd = b.map("eq", b.map("mod", exponent, constant(b, 2, exponent)), one)
    flips = b.map("and", b.map("lt", base, constant(b, 0.0, base)), odd)
    flips = b.map("and", flips, b.map("lt", b.map("abs", exponent), most))
    return b.select(flips, b.map("neg", b.map("abs", power)), power)
