"""Why an integer that decides an extent is not known, and where what is computed of it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from dialects.affine import Affine, Ranges
from dialects.lpu.interface import interface_of
from dialects.lpu.tensors import tensor_of
from dialects.names import unescape
from dialects.onnx.ops import OnnxOp
from dialects.reading import operands_of
from passes.analysis.content import Content, as_elements

Lookup = Callable[[SSAValue], Content | None]


def unknown_behind(value: SSAValue, lookup: Lookup) -> Iterator[Operation]:
    """The operations that an unknown value comes from, first ones first, up to known values."""
    entered, left = set[Operation](), set[Operation]()
    stack = [value]
    while stack:
        op = stack[-1].owner
        if isinstance(op, Operation) and op not in entered and lookup(stack[-1]) is None:
            entered.add(op)
            stack.extend(reversed(operands_of(op)))
            continue
        stack.pop()
        if isinstance(op, Operation) and op in entered and op not in left:
            left.add(op)
            yield op


def input_behind(value: SSAValue, lookup: Lookup) -> str | None:
    """The name of the only input that a value is computed of, if that is one number."""
    ops = unknown_behind(value, lookup)
    read = {value, *(operand for op in ops for operand in operands_of(op))}
    inputs = [operand for operand in read if isinstance(operand, BlockArgument)]
    if len(inputs) != 1:
        return None
    (argument,) = inputs
    func, tensor = argument.owner.parent_op(), tensor_of(argument)
    is_one = tensor.is_static and prod(tensor.static_shape()) == 1
    if not is_one or not isinstance(func, FuncOp):
        return None
    return interface_of(func).arguments[argument.index].name


def compared_behind(value: SSAValue, lookup: Lookup) -> Iterator[tuple[OnnxOp, Affine, Affine]]:
    """What an unknown value takes the least or the greatest of, though nobody knows which it is."""
    for op in unknown_behind(value, lookup):
        if isinstance(op, OnnxOp) and op.OP_TYPE in ("Min", "Max") and len(op.operands) == 2:
            first, second = (as_elements(lookup(v), tensor_of(v)) for v in op.operands)
            pairs = zip(first.flat(), second.flat(), strict=False) if first and second else ()
            yield from ((op, a, b) for a, b in pairs)


def why_unknown(value: SSAValue, lookup: Lookup, ranges: Ranges) -> tuple[str, str]:
    """Why, in words, and what helps."""
    for op, a, b in compared_behind(value, lookup):
        if (held := _decided_up_to(a - b, ranges)) is not None:
            name, most = held
            what = f"{op.OP_TYPE.lower()}({a}, {b}), which is not one of both"
            return f"{what} for all {name} up to {ranges[name][1]}", f"--max-context {most}"
    name = input_behind(value, lookup)
    given = "make it a constant" if name is None else f"--input-value {unescape(name)}=N fixes it"
    return "data, not on shapes alone", given


def _decided_up_to(difference: Affine, ranges: Ranges) -> tuple[str, int] | None:
    """The one symbol of a difference, and up to which value that has the sign it begins with."""
    if len(difference.terms) != 1:
        return None
    ((name, factor),) = difference.terms
    low, high = ranges[name]
    first = difference.const + factor * low
    if first * factor > 0:
        return None
    most = abs(difference.const) // abs(factor)
    return (name, most) if low < most < high else None
