"""
Give every tensor a buffer in HBM, at the bound of its extents, and make views free.

```mlir
func.func @step(%x : !lpu.tensor<[4, P], f32>) -> !lpu.tensor<[P, 4], f32>
    attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f32]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %t = lpu.transpose %x <[1, 0]> : !lpu.tensor<[4, P], f32> -> !lpu.tensor<[P, 4], f32>
  %y = lpu.map "neg" %t : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 4], f32>
  func.return %y : !lpu.tensor<[P, 4], f32>
}
```
becomes
```mlir
func.func @step(%x : !lpu_mem.buffer<hbm, f32, 28>)
    attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f32]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>,
                lpu_mem.inputs = [#lpu_mem.port<"x", data, f32, [4, P], [7, 1], 0>],
                lpu_mem.outputs = [#lpu_mem.port<"y", data, f32, [P, 4], [4, 1], 0>]} {
  %y = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 28>
  lpu_mem.map "neg" %y, %x <[P, 4] {0: [4, 1]} {0: [1, 7]}>
      : !lpu_mem.buffer<hbm, f32, 28>, !lpu_mem.buffer<hbm, f32, 28>
  lpu_mem.return %y : !lpu_mem.buffer<hbm, f32, 28>
}
```

Transposes, slices, broadcasts and reshapes become strides; a reshape that merges axes which do not
follow on one another copies (decision 14). Fills are one element read with stride 0. Casts
between floats that functions can do on the way are none (`bufferise.casts`). Outputs get
buffers of their own. Nothing is tiled and nothing lies in the LMU yet. On several devices an
all-gather becomes messages around the ring (`bufferise.exchange`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

from xdsl.dialects.builtin import ArrayAttr, ModuleOp, UnknownLoc
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, SSAValue

from dialects.affine import Affine, Ranges
from dialects.lpu.interface import Value, interface_of
from dialects.lpu.tensors import sharding_of, tensor_of, whole_of
from dialects.lpu_mem import control
from dialects.lpu_mem import ops as mem
from dialects.lpu_mem.access import row_major
from dialects.lpu_mem.ports import Port, PortAttr
from dialects.lpu_mem.types import Buffer, BufferType
from passes.analysis.functions import symbol_ranges
from passes.lpu.bufferise.bufferiser import Bufferiser
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import move, set_attribute
from passes.rewriting.places import MemBuilder, Place
from passes.rewriting.signature import become
from passes.specification import SUMS, Specification


def _own_buffers(b: Bufferiser, values: list[SSAValue]) -> list[Place]:
    """Outputs in dense buffers of their own: copies of inputs, weights, views and doubles."""
    taken: set[SSAValue] = set()
    result: list[Place] = []
    for value in values:
        if isinstance(value.owner, Operation):
            b.build.location = value.owner.location
        place = b.place(value)
        dense = row_major(place.tensor.bound(b.build.ranges))
        made_here = isinstance(place.buffer.owner, mem.AllocOp)
        whole = place.offset == Affine() and place.strides == dense
        if not (made_here and whole) or place.buffer in taken:
            fresh = b.build.new(place.tensor)
            b.build.copy(fresh, place)
            place = fresh
        taken.add(place.buffer)
        result.append(place)
    return result


def _port(declared: Value, value: SSAValue, ranges: Ranges) -> PortAttr:
    """The port of a value: of parts it has the extents of the whole, and the strides of one."""
    held, kind = tensor_of(value), (declared.name, declared.role, declared.dtype)
    strides = tuple(s.const for s in row_major(held.bound(ranges)))
    return PortAttr(Port(*kind, whole_of(value).shape, strides, 0, sharding_of(value)))


def _ports(
    declared: Sequence[Value], values: Iterable[SSAValue], ranges: Ranges
) -> ArrayAttr[PortAttr]:
    """The ports of all arguments or results."""
    return ArrayAttr([_port(d, v, ranges) for d, v in zip(declared, values, strict=True)])


def _put_first(block: Block, prologue: Block) -> None:
    """Move all operations of one block to the start of another."""
    first = block.first_op
    assert first is not None
    for op in list(prologue.ops):
        move(op, first)


def bufferise(func: FuncOp) -> None:
    """Replace a function on tensors by one on buffers."""
    ranges, interface, end = symbol_ranges(func), interface_of(func), func.body.block.last_op
    assert isinstance(end, ReturnOp), "a function returns at its end"
    inputs = _ports(interface.arguments, func.args, ranges)
    results = _ports(interface.results, end.operands, ranges)
    arguments = [(a, tensor_of(a)) for a in func.args]
    types = [
        BufferType(Buffer("hbm", t.dtype, max(prod(t.bound(ranges)), 1))) for _, t in arguments
    ]
    block = Block(arg_types=types)
    b = Bufferiser(MemBuilder(block, ranges, UnknownLoc()), {})
    for (old, tensor), new in zip(arguments, block.args, strict=True):
        b.places[old] = Place(new, tensor, Affine(), row_major(tensor.bound(ranges)))
    for op in func.body.block.ops:
        if op is not end:
            b.visit(op)
    b.build.location = end.location
    outputs = _own_buffers(b, list(end.operands))
    b.build.add(control.ReturnOp.create(operands=[place.buffer for place in outputs]))
    _put_first(block, b.prologue)
    result = become(func, block)
    set_attribute(result, "lpu_mem.inputs", inputs)
    set_attribute(result, "lpu_mem.outputs", results)


class ConvertLpuToLpuMemPass(RewritingPass):
    """Bufferise: tensors become strided views of buffers in HBM."""

    name = "convert-lpu-to-lpu-mem"
    specification = Specification(
        level="lpu",
        takes=("lpu_esl",),
        to="lpu_mem",
        needs={"dimensions": "buffers are as large as the bounds of their extents"},
        after={
            "stored": "buffers have the types that are stored",
            "views": "a view costs nothing, a gather a pass",
            "activations": "an activation is one pass over its data",
            "products": "a merged product streams one panel",
            "loops": "everything below sees one layer",
            "distinct": "equal values would lie in two buffers",
            "live": "what nobody reads would have a buffer",
        },
        gives=("buffers",),
        numbers=SUMS,
    )

    def rewrite(self, module: ModuleOp) -> None:
        for func in [f for f in module.ops if isinstance(f, FuncOp)]:
            bufferise(func)
