"""How tensor operations are bufferised: engine operations into fresh buffers, views for free."""

from __future__ import annotations

from math import prod

from xdsl.dialects.builtin import StringAttr

from dialects.affine import Affine
from dialects.errors import unsupported
from dialects.lpu.attributes import AffineAttr
from dialects.lpu.contents import fill_hex
from dialects.lpu.elementwise import CastOp, ConstantOp, FillOp, IotaOp, MapOp, SelectOp
from dialects.lpu.movement import (
    BroadcastOp,
    ConcatOp,
    GatherOp,
    ReshapeOp,
    ScatterOp,
    SliceOp,
    TransposeOp,
)
from dialects.lpu.products import MatmulOp, ReduceOp, ScanOp, TopkOp
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import Tensor
from dialects.lpu_mem import ops as mem
from dialects.lpu_mem.access import View, row_major
from dialects.lpu_mem.types import Buffer, BufferType
from passes.analysis.reshaping import merged_strides, refine
from passes.lpu.bufferise.bufferiser import Bufferiser, rule
from passes.lpu.bufferise.casts import is_lengthened, result_as_read
from passes.rewriting.places import Place, number

REDUCTIONS = {"prod": "mul"}
"""What the engine calls a reduction, where that differs."""


@rule(ConstantOp)
def constant(b: Bufferiser, op: ConstantOp) -> None:
    tensor = op.result_tensor()
    shape = tensor.static_shape()
    buffer = BufferType(Buffer("hbm", tensor.dtype, prod(shape)))
    param = b.build.add(mem.ParamOp.create(result_types=[buffer], properties={"value": op.value}))
    b.places[op.result] = Place(param.results[0], tensor, Affine(), row_major(shape))


@rule(FillOp)
def fill(b: Bufferiser, op: FillOp) -> None:
    tensor = op.result_tensor()
    buffer = b.scalar(op.value.data, tensor.dtype).buffer
    b.places[op.result] = Place(buffer, tensor, Affine(), (Affine(),) * tensor.rank)


@rule(IotaOp)
def iota(b: Bufferiser, op: IotaOp) -> None:
    target = b.result(op)
    operands = [(target.buffer, target.view())]
    b.build.data(mem.IotaOp, target.dims, operands, coefficients=op.coefficients)


@rule(MapOp)
def map_(b: Bufferiser, op: MapOp) -> None:
    b.elements(result_as_read(b, op), op, mem.MapOp, fn=op.fn)


@rule(SelectOp)
def select(b: Bufferiser, op: SelectOp) -> None:
    b.elementwise(op, mem.SelectOp)


@rule(CastOp)
def cast(b: Bufferiser, op: CastOp) -> None:
    if op.result in b.places:
        return
    if is_lengthened(b, op):
        b.places[op.result] = b.place(op.source)
    else:
        b.elementwise(op, mem.CastOp)


@rule(ReduceOp)
def reduce(b: Bufferiser, op: ReduceOp) -> None:
    target, source = b.result(op), b.place(op.source)
    operands = [(target.buffer, target.broadcast(source.dims)), (source.buffer, source.view())]
    fn = StringAttr(REDUCTIONS.get(op.fn.data, op.fn.data))
    b.build.data(mem.ReduceOp, source.dims, operands, fn=fn, axes=op.axes, accumulate=number(0))


@rule(ScanOp)
def scan(b: Bufferiser, op: ScanOp) -> None:
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


@rule(MatmulOp)
def matmul(b: Bufferiser, op: MatmulOp) -> None:
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


@rule(ReshapeOp)
def reshape(b: Bufferiser, op: ReshapeOp) -> None:
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


def _reshape_flat(b: Bufferiser, op: ReshapeOp, source: Place, tensor: Tensor) -> Place:
    """Shapes of numbers without common factors: through a dense buffer, which fits any shape."""
    if not (tensor.is_static and source.tensor.is_static):
        raise unsupported(op, f"cannot reshape {source.tensor} to {tensor}")
    dense = b.build.new(source.tensor)
    b.build.copy(dense, source)
    return Place(dense.buffer, tensor, Affine(), row_major(tensor.static_shape()))


@rule(TransposeOp)
def transpose(b: Bufferiser, op: TransposeOp) -> None:
    source = b.place(op.source)
    strides = tuple(source.strides[p] for p in op.perm.data)
    b.places[op.result] = Place(source.buffer, op.result_tensor(), source.offset, strides)


@rule(BroadcastOp)
def broadcast(b: Bufferiser, op: BroadcastOp) -> None:
    source, tensor = b.place(op.source), op.result_tensor()
    view = source.broadcast(tensor.shape)
    b.places[op.result] = Place(source.buffer, tensor, view.offset, view.strides)


@rule(SliceOp)
def slice_(b: Bufferiser, op: SliceOp) -> None:
    source = b.place(op.source)
    offset = source.offset
    for at, stride in zip(op.offsets.data, source.strides, strict=True):
        offset = offset + at * stride
    strides = tuple(s * step for s, step in zip(source.strides, op.steps.data, strict=True))
    b.places[op.result] = Place(source.buffer, op.result_tensor(), offset, strides)


@rule(ConcatOp)
def concat(b: Bufferiser, op: ConcatOp) -> None:
    target, axis = b.result(op), op.axis.value.data
    offset = target.offset
    for value in op.operands:
        source = b.place(value)
        part = Place(target.buffer, source.tensor, offset, target.strides)
        b.build.copy(part, source)
        offset = offset + source.dims[axis] * target.strides[axis]


@rule(GatherOp)
def gather(b: Bufferiser, op: GatherOp) -> None:
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


@rule(ScatterOp)
def scatter(b: Bufferiser, op: ScatterOp) -> None:
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


@rule(TopkOp)
def topk(b: Bufferiser, op: TopkOp) -> None:
    source = b.place(op.source)
    outputs = [b.build.new(tensor_of(result)) for result in op.results]
    b.places.update(zip(op.results, outputs, strict=True))
    operands = [(place.buffer, place.view()) for place in (*outputs, source)]
    k = number(outputs[0].dims[-1].const)
    b.build.data(mem.TopkOp, source.dims, operands, k=k, largest=op.largest)
