"""Why an integer that decides an extent is not known, and where what is computed of it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine, Ranges
from dialects.lpu.tensors import tensor_of
from dialects.onnx.ops import OnnxOp
from dialects.reading import operands_of
from passes.analysis.content import Content, as_elements

Lookup = Callable[[SSAValue], Content | None]


def unknown_behind(value: SSAValue, lookup: Lookup) -> Iterator[Operation]:
    """The operations that an unknown value comes from, first ones first, up to known values."""
    seen = set[Operation]()

    def walk(value: SSAValue) -> Iterator[Operation]:
        op = value.owner
        if not isinstance(op, Operation) or op in seen or lookup(value) is not None:
            return
        seen.add(op)
        for operand in operands_of(op):
            yield from walk(operand)
        yield op

    return walk(value)


def why_unknown(value: SSAValue, lookup: Lookup, ranges: Ranges) -> tuple[str, str]:
    """Why, in words, and what helps."""
    for op in unknown_behind(value, lookup):
        if isinstance(op, OnnxOp) and op.OP_TYPE in ("Min", "Max") and len(op.operands) == 2:
            first, second = (as_elements(lookup(v), tensor_of(v)) for v in op.operands)
            pairs = zip(first.flat(), second.flat(), strict=False) if first and second else ()
            for a, b in pairs:
                if (held := _decided_up_to(a - b, ranges)) is not None:
                    name, most = held
                    what = f"{op.OP_TYPE.lower()}({a}, {b}), which is not one of both"
                    return f"{what} for all {name} up to {ranges[name][1]}", f"--max-context {most}"
    return "data, not on shapes alone", "make it a constant"


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
