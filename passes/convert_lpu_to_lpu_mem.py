"""
Give every tensor a buffer in HBM, at the bound of its extents, and make views free.

```mlir
func.func @step(%x : !lpu.tensor<[4, P], f32>) -> !lpu.tensor<[P, 4], f32>
    attributes {lpu.inputs = ["x"], lpu.outputs = ["y"],
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %t = lpu.transpose %x <[1, 0]> : !lpu.tensor<[4, P], f32> -> !lpu.tensor<[P, 4], f32>
  %y = lpu.map "neg" %t : !lpu.tensor<[P, 4], f32> -> !lpu.tensor<[P, 4], f32>
  func.return %y : !lpu.tensor<[P, 4], f32>
}
```
becomes
```mlir
func.func @step(%x : !lpu_mem.buffer<hbm, f32, 28>)
    attributes {lpu.inputs = ["x"], lpu.outputs = ["y"],
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
follow on one another copies (decision 14). Fills are one element read with stride 0. Outputs get
buffers of their own. Nothing is tiled and nothing lies in the LMU yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, FunctionType, ModuleOp, StringAttr, UnknownLoc
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass

from dialects.affine import Affine, Ranges
from dialects.errors import unsupported
from dialects.lpu import ops as lpu
from dialects.lpu.attributes import AffineAttr
from dialects.lpu.builder import fill_hex, fill_value
from dialects.lpu.types import Tensor
from dialects.lpu.weights import WeightAttr, inline
from dialects.lpu_mem import ops as mem
from dialects.lpu_mem.access import View, row_major
from dialects.lpu_mem.ports import Port, PortAttr
from dialects.lpu_mem.types import Buffer, BufferType
from passes.bufferise.places import MemBuilder, Place, number
from passes.bufferise.reshaping import merged_strides, refine
from passes.functions import step_function, strings, symbol_ranges
from runtime.numerics import ElementType


@dataclass
class Bufferiser:
    """The walk: where each tensor lies so far."""

    build: MemBuilder
    places: dict[SSAValue, Place]

    def place(self, value: SSAValue) -> Place:
        return self.places[value]

    def visit(self, op: Operation) -> None:
        self.build.location = op.location
        rule = RULES.get(type(op))
        if rule is None:
            raise unsupported(op, "this operation has no form at the lpu_mem level")
        rule(self, op)

    def result(self, op: lpu.LpuOp) -> Place:
        """A fresh buffer for the first result."""
        place = self.build.new(op.result_tensor())
        self.places[op.results[0]] = place
        return place

    def elementwise(self, op: lpu.LpuOp, cls: type[mem.DataOp], **properties: Attribute) -> None:
        target = self.result(op)
        sources = [self.place(v) for v in op.operands]
        operands = [(target.buffer, target.view())]
        operands += [(s.buffer, s.broadcast(target.dims)) for s in sources]
        self.build.data(cls, target.dims, operands, **properties)


Rule = Callable[[Bufferiser, Operation], None]
RULES: dict[type[Operation], Rule] = {}


def rule(cls: type[lpu.LpuOp]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register how one `lpu` operation is bufferised."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        RULES[cls] = function
        return function

    return register


@rule(lpu.ConstantOp)
def constant(b: Bufferiser, op: lpu.ConstantOp) -> None:
    tensor = op.result_tensor()
    shape = tensor.static_shape()
    b.places[op.result] = _param(b, tensor, op.value, row_major(shape), prod(shape))


def _param(
    b: Bufferiser, tensor: Tensor, weight: WeightAttr, strides: tuple[Affine, ...], size: int
) -> Place:
    buffer = BufferType(Buffer("hbm", tensor.dtype, max(size, 1)))
    op = b.build.add(mem.ParamOp.create(result_types=[buffer], properties={"value": weight}))
    return Place(op.results[0], tensor, Affine(), strides)


@rule(lpu.FillOp)
def fill(b: Bufferiser, op: lpu.FillOp) -> None:
    tensor = op.result_tensor()
    weight = WeightAttr(inline(fill_value(op)))
    b.places[op.result] = _param(b, tensor, weight, (Affine(),) * tensor.rank, 1)


@rule(lpu.IotaOp)
def iota(b: Bufferiser, op: lpu.IotaOp) -> None:
    target = b.result(op)
    operands = [(target.buffer, target.view())]
    b.build.data(mem.IotaOp, target.dims, operands, coefficients=op.coefficients)


@rule(lpu.MapOp)
def map_(b: Bufferiser, op: lpu.MapOp) -> None:
    b.elementwise(op, mem.MapOp, fn=op.fn)


@rule(lpu.SelectOp)
def select(b: Bufferiser, op: lpu.SelectOp) -> None:
    b.elementwise(op, mem.SelectOp)


@rule(lpu.CastOp)
def cast(b: Bufferiser, op: lpu.CastOp) -> None:
    b.elementwise(op, mem.CastOp)


@rule(lpu.ReduceOp)
def reduce(b: Bufferiser, op: lpu.ReduceOp) -> None:
    target, source = b.result(op), b.place(op.source)
    operands = [(target.buffer, target.broadcast(source.dims)), (source.buffer, source.view())]
    b.build.data(mem.ReduceOp, source.dims, operands, fn=op.fn, axes=op.axes, accumulate=number(0))


@rule(lpu.ScanOp)
def scan(b: Bufferiser, op: lpu.ScanOp) -> None:
    target, source, axis = b.result(op), b.place(op.source), op.axis.value.data
    order = [i for i in range(len(source.dims)) if i != axis] + [axis]
    dims = [source.dims[i] for i in order]
    carry = b.build.new(source.tensor.with_dims([*dims[:-1], 1]))
    zero = fill_hex(0, source.tensor.dtype)
    b.build.data(mem.FillOp, carry.dims, [(carry.buffer, carry.view())], value=StringAttr(zero))
    operands = [
        (target.buffer, View(target.offset, tuple(target.strides[i] for i in order))),
        (carry.buffer, carry.broadcast(dims)),
        (source.buffer, View(source.offset, tuple(source.strides[i] for i in order))),
    ]
    b.build.data(mem.ScanOp, dims, operands, exclusive=op.exclusive)


@rule(lpu.MatmulOp)
def matmul(b: Bufferiser, op: lpu.MatmulOp) -> None:
    target, x, panel = b.result(op), b.place(op.lhs), b.place(op.rhs)
    batch, inner = target.dims[:-2], x.dims[-1]
    extents = (*batch, target.dims[-2], inner, target.dims[-1])
    none = Affine()
    left = _batch_view(x, batch).strides
    right = _batch_view(panel, batch).strides
    operands = [
        (target.buffer, View(target.offset, (*target.strides[:-1], none, target.strides[-1]))),
        (x.buffer, View(x.offset, (*left, *x.strides[-2:], none))),
        (panel.buffer, View(panel.offset, (*right, none, *panel.strides[-2:]))),
    ]
    b.build.data(mem.VecmatOp, extents, operands, accumulate=number(0))


def _batch_view(place: Place, batch: tuple[Affine, ...]) -> View:
    leading = Place(
        place.buffer, place.tensor.with_dims(place.dims[:-2]), place.offset, place.strides[:-2]
    )
    return leading.broadcast(batch)


@rule(lpu.ReshapeOp)
def reshape(b: Bufferiser, op: lpu.ReshapeOp) -> None:
    source, tensor = b.place(op.source), op.result_tensor()
    refinement = refine(source.dims, tensor.shape)
    if refinement is None:
        b.places[op.result] = _reshape_flat(b, op, source, tensor)
        return
    strides = merged_strides(refinement, source.strides, tensor.shape)
    if strides is not None:
        b.places[op.result] = Place(source.buffer, tensor, source.offset, strides)
        return
    target = b.result(op)
    operands = [
        (target.buffer, View(target.offset, refinement.target_strides(target.strides))),
        (source.buffer, View(source.offset, refinement.source_strides(source.strides))),
    ]
    b.build.data(mem.CopyOp, refinement.extents, operands)


def _reshape_flat(b: Bufferiser, op: lpu.ReshapeOp, source: Place, tensor: Tensor) -> Place:
    """Shapes of numbers without common factors: through a dense buffer, which fits any shape."""
    if not (tensor.is_static and source.tensor.is_static):
        raise unsupported(op, f"cannot reshape {source.tensor} to {tensor}")
    dense = b.build.new(source.tensor)
    b.build.copy(dense, source)
    return Place(dense.buffer, tensor, Affine(), row_major(tensor.static_shape()))


@rule(lpu.TransposeOp)
def transpose(b: Bufferiser, op: lpu.TransposeOp) -> None:
    source = b.place(op.source)
    strides = tuple(source.strides[p] for p in op.perm.data)
    b.places[op.result] = Place(source.buffer, op.result_tensor(), source.offset, strides)


@rule(lpu.BroadcastOp)
def broadcast(b: Bufferiser, op: lpu.BroadcastOp) -> None:
    source, tensor = b.place(op.source), op.result_tensor()
    view = source.broadcast(tensor.shape)
    b.places[op.result] = Place(source.buffer, tensor, view.offset, view.strides)


@rule(lpu.SliceOp)
def slice_(b: Bufferiser, op: lpu.SliceOp) -> None:
    source = b.place(op.source)
    offset = source.offset
    for at, stride in zip(op.offsets.data, source.strides, strict=True):
        offset = offset + at * stride
    strides = tuple(s * step for s, step in zip(source.strides, op.steps.data, strict=True))
    b.places[op.result] = Place(source.buffer, op.result_tensor(), offset, strides)


@rule(lpu.ConcatOp)
def concat(b: Bufferiser, op: lpu.ConcatOp) -> None:
    target, axis = b.result(op), op.axis.value.data
    offset = target.offset
    for value in op.operands:
        source = b.place(value)
        part = Place(target.buffer, source.tensor, offset, target.strides)
        b.build.copy(part, source)
        offset = offset + source.dims[axis] * target.strides[axis]


@rule(lpu.GatherOp)
def gather(b: Bufferiser, op: lpu.GatherOp) -> None:
    target, source, indices = b.result(op), b.place(op.source), b.place(op.indices)
    axis, none = op.axis.value.data, Affine()
    outer, inner = source.strides[:axis], source.strides[axis + 1 :]
    between = len(indices.dims)
    row = (none,) * axis, (none,) * len(inner)
    operands = [
        (target.buffer, target.view()),
        (source.buffer, View(source.offset, (*outer, *(none,) * between, *inner))),
        (indices.buffer, View(indices.offset, (*row[0], *indices.strides, *row[1]))),
    ]
    limit, stride = AffineAttr(source.dims[axis]), AffineAttr(source.strides[axis])
    b.build.data(mem.GatherOp, target.dims, operands, limit=limit, row_stride=stride)


@rule(lpu.ScatterOp)
def scatter(b: Bufferiser, op: lpu.ScatterOp) -> None:
    target, source = b.result(op), b.place(op.source)
    indices, updates = b.place(op.indices), b.place(op.updates)
    b.build.copy(target, source)
    none = Affine()
    operands = [
        (target.buffer, View(target.offset, (none, target.strides[1]))),
        (updates.buffer, updates.view()),
        (indices.buffer, View(indices.offset, (indices.strides[0], none))),
    ]
    limit, stride = AffineAttr(target.dims[0]), AffineAttr(target.strides[0])
    b.build.data(mem.ScatterOp, updates.dims, operands, fn=op.fn, limit=limit, row_stride=stride)


@rule(lpu.TopkOp)
def topk(b: Bufferiser, op: lpu.TopkOp) -> None:
    source = b.place(op.source)
    outputs = [b.build.new(lpu.tensor_of(result)) for result in op.results]
    b.places.update(zip(op.results, outputs, strict=True))
    operands = [(place.buffer, place.view()) for place in (*outputs, source)]
    k = number(outputs[0].dims[-1].const)
    b.build.data(mem.TopkOp, source.dims, operands, k=k, largest=op.largest)


def _own_buffers(b: Bufferiser, values: list[SSAValue]) -> list[Place]:
    """Outputs in dense buffers of their own: copies of inputs, weights, views and doubles."""
    taken: set[SSAValue] = set()
    result: list[Place] = []
    for value in values:
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


def _port(name: str, role: str, dtype: str | None, tensor: Tensor, ranges: Ranges) -> PortAttr:
    """A port of the ONNX type `dtype`, or of the type that the tensor is stored in."""
    strides = tuple(s.const for s in row_major(tensor.bound(ranges)))
    onnx = ElementType(dtype) if dtype else tensor.dtype
    return PortAttr(Port(name, role, onnx, tensor.shape, strides, 0))


def _ports(func: FuncOp, kind: str, roles: list[str], tensors: list[Tensor]) -> ArrayAttr[PortAttr]:
    """The ports of all inputs or outputs, by the names on the function."""
    ranges, count = symbol_ranges(func), len(tensors)
    names = strings(func, f"lpu.{kind}s")
    types = strings(func, f"lpu.{kind}_types") or [None] * count
    rows = zip(names, roles, types, tensors, strict=True)
    return ArrayAttr([_port(*row, ranges) for row in rows])


def bufferise(func: FuncOp) -> FuncOp:
    """The function on buffers that does what `func` does on tensors."""
    ranges = symbol_ranges(func)
    arguments = [(a, lpu.tensor_of(a)) for a in func.body.block.args]
    types = [
        BufferType(Buffer("hbm", t.dtype, max(prod(t.bound(ranges)), 1))) for _, t in arguments
    ]
    block = Block(arg_types=types)
    b = Bufferiser(MemBuilder(block, ranges, UnknownLoc()), {})
    for (old, tensor), new in zip(arguments, block.args, strict=True):
        b.places[old] = Place(new, tensor, Affine(), row_major(tensor.bound(ranges)))
    outputs: list[Place] = []
    for op in func.body.block.ops:
        if isinstance(op, ReturnOp):
            outputs = _own_buffers(b, list(op.operands))
            b.build.add(mem.ReturnOp.create(operands=[place.buffer for place in outputs]))
        else:
            b.visit(op)
    result = FuncOp("step", FunctionType.from_lists(types, []), Region(block))
    result.attributes.update(func.attributes)
    roles = strings(func, "lpu.roles") or ["data"] * len(arguments)
    inputs = [tensor for _, tensor in arguments]
    result.attributes["lpu_mem.inputs"] = _ports(func, "input", roles, inputs)
    data = ["data"] * len(outputs)
    tensors = [place.tensor for place in outputs]
    result.attributes["lpu_mem.outputs"] = _ports(func, "output", data, tensors)
    return result


@dataclass(frozen=True)
class ConvertLpuToLpuMemPass(ModulePass):
    """Bufferise: tensors become strided views of buffers in HBM."""

    name = "convert-lpu-to-lpu-mem"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        func = step_function(op)
        new = bufferise(func)
        block = func.parent
        assert block is not None
        block.insert_op_before(new, func)
        func.detach()
        func.erase()
