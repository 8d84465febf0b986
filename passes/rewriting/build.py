"""
Build `lpu` operations with inferred types: `b.map("add", x, b.scalar(1.0, f32))`.

One `Build` is one place to insert and one location: whatever it makes carries that location, so a
rewrite that goes through it cannot lose the ONNX nodes an operation came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, LocationAttr, StringAttr, i64
from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine, AffineLike
from dialects.lpu.attributes import AffineListAttr, IntsAttr
from dialects.lpu.contents import fill_hex
from dialects.lpu.elementwise import (
    COMPARISONS,
    CastOp,
    ConstantOp,
    FillOp,
    IotaOp,
    MapOp,
    SelectOp,
)
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
from dialects.lpu.tensors import LpuOp, broadcast, tensor_of
from dialects.lpu.types import Tensor, tensor_type
from dialects.lpu.weights import INLINE_LIMIT, Weight, WeightAttr, inline
from passes.rewriting.creation import make
from passes.rewriting.kernel import insert
from runtime.numerics.elements import ElementType


@cache
def _function(name: str) -> StringAttr:
    return StringAttr(name)


@dataclass(frozen=True)
class Build:
    """Inserts before `anchor` (an operation) and gives what it makes the anchor's location."""

    anchor: Operation

    @classmethod
    def behind(cls, value: SSAValue) -> Self:
        """In front of what follows the definition of a value."""
        owner = value.owner
        following = owner.next_op if isinstance(owner, Operation) else owner.first_op
        assert following is not None
        return cls(following)

    @property
    def location(self) -> LocationAttr:
        return self.anchor.location

    def insert(self, op: Operation) -> Operation:
        op.location = self.location
        return insert(op, self.anchor)

    def _one(
        self,
        cls: type[LpuOp],
        operands: Sequence[SSAValue],
        result: Tensor,
        **properties: StringAttr | IntegerAttr | AffineListAttr | IntsAttr | WeightAttr,
    ) -> SSAValue:
        op = make(cls, operands, [tensor_type(result)], properties, self.location)
        return insert(op, self.anchor).results[0]

    def constant(self, weight: Weight) -> SSAValue:
        return self._one(
            ConstantOp, (), Tensor.of(weight.shape, weight.dtype), value=WeightAttr(weight)
        )

    def array(self, array: np.ndarray) -> SSAValue:
        """A small constant that stands in the IR."""
        assert array.nbytes <= INLINE_LIMIT, f"{array.nbytes} bytes do not belong in the IR"
        return self.constant(inline(array))

    def fill(self, value: float | bool, dims: Sequence[AffineLike], dtype: ElementType) -> SSAValue:
        result = Tensor.of(dims, dtype)
        return self._one(FillOp, (), result, value=StringAttr(fill_hex(value, dtype)))

    def scalar(self, value: float | bool, dtype: ElementType) -> SSAValue:
        """A rank-0 fill: broadcasts against everything."""
        return self.fill(value, (), dtype)

    def iota(
        self,
        base: AffineLike,
        coefficients: Sequence[AffineLike],
        dims: Sequence[AffineLike],
        dtype: ElementType = ElementType.I64,
    ) -> SSAValue:
        """`base + sum(coefficients[d] * i[d])`, one coefficient per axis."""
        attr = AffineListAttr(tuple(Affine.of(c) for c in (base, *coefficients)))
        return self._one(IotaOp, (), Tensor.of(dims, dtype), coefficients=attr)

    def map(self, fn: str, *inputs: SSAValue) -> SSAValue:
        tensors = [tensor_of(v) for v in inputs]
        dtype = ElementType.BOOL if fn in COMPARISONS else tensors[0].dtype
        shape = broadcast(*[t.shape for t in tensors])
        return self._one(MapOp, inputs, Tensor(shape, dtype), fn=_function(fn))

    def select(self, condition: SSAValue, on_true: SSAValue, on_false: SSAValue) -> SSAValue:
        operands = (condition, on_true, on_false)
        shape = broadcast(*(tensor_of(v).shape for v in operands))
        result = Tensor.of(shape, tensor_of(on_true).dtype)
        return self._one(SelectOp, operands, result)

    def cast(self, source: SSAValue, dtype: ElementType) -> SSAValue:
        """The source itself when it has the type already."""
        tensor = tensor_of(source)
        if tensor.dtype == dtype:
            return source
        return self._one(CastOp, (source,), tensor.with_dtype(dtype))

    def reduce(self, fn: str, source: SSAValue, axes: Sequence[int]) -> SSAValue:
        """Reduced axes stay, with extent 1; negative axes count from the end."""
        tensor = tensor_of(source)
        positive = tuple(sorted(a % tensor.rank for a in axes))
        dims = [Affine(1) if i in positive else d for i, d in enumerate(tensor.shape)]
        return self._one(
            ReduceOp,
            (source,),
            tensor.with_dims(dims),
            fn=StringAttr(fn),
            axes=IntsAttr(positive),
        )

    def scan(self, source: SSAValue, axis: int, exclusive: bool = False) -> SSAValue:
        tensor = tensor_of(source)
        return self._one(
            ScanOp,
            (source,),
            tensor,
            axis=IntegerAttr(axis % tensor.rank, i64),
            exclusive=IntegerAttr(int(exclusive), i64),
        )

    def matmul(self, lhs: SSAValue, rhs: SSAValue, dtype: ElementType | None = None) -> SSAValue:
        """Of the element type of the left side, or of another one that sums are rounded to."""
        a, b = tensor_of(lhs), tensor_of(rhs)
        batch = broadcast(a.shape[:-2], b.shape[:-2])
        result = Tensor.of((*batch, a.shape[-2], b.shape[-1]), dtype or a.dtype)
        return self._one(MatmulOp, (lhs, rhs), result)

    def reshape(self, source: SSAValue, dims: Sequence[AffineLike]) -> SSAValue:
        """The source itself when it has these extents already."""
        tensor = tensor_of(source)
        result = tensor.with_dims(dims)
        return source if result == tensor else self._one(ReshapeOp, (source,), result)

    def transpose(self, source: SSAValue, perm: Sequence[int]) -> SSAValue:
        tensor = tensor_of(source)
        if list(perm) == list(range(tensor.rank)):
            return source
        result = tensor.with_dims([tensor.shape[p] for p in perm])
        return self._one(TransposeOp, (source,), result, perm=IntsAttr(tuple(perm)))

    def broadcast(self, source: SSAValue, dims: Sequence[AffineLike]) -> SSAValue:
        tensor = tensor_of(source)
        result = tensor.with_dims(dims)
        return source if result == tensor else self._one(BroadcastOp, (source,), result)

    def slice(
        self,
        source: SSAValue,
        offsets: Sequence[AffineLike],
        dims: Sequence[AffineLike],
        steps: Sequence[int] | None = None,
    ) -> SSAValue:
        tensor = tensor_of(source)
        result = tensor.with_dims(dims)
        if result == tensor:
            return source
        return self._one(
            SliceOp,
            (source,),
            result,
            offsets=AffineListAttr(tuple(Affine.of(o) for o in offsets)),
            steps=IntsAttr(tuple(steps or (1,) * tensor.rank)),
        )

    def slice_axis(
        self, source: SSAValue, axis: int, offset: AffineLike, extent: AffineLike
    ) -> SSAValue:
        """`extent` elements from `offset` on along one axis, all of the others."""
        tensor = tensor_of(source)
        axis %= tensor.rank
        offsets: list[AffineLike] = [0] * tensor.rank
        dims: list[AffineLike] = list(tensor.shape)
        offsets[axis], dims[axis] = offset, extent
        return self.slice(source, offsets, dims)

    def concat(self, inputs: Sequence[SSAValue], axis: int) -> SSAValue:
        if len(inputs) == 1:
            return inputs[0]
        first = tensor_of(inputs[0])
        axis %= first.rank
        dims = list(first.shape)
        dims[axis] = sum((tensor_of(v).shape[axis] for v in inputs), Affine())
        result = first.with_dims(dims)
        return self._one(ConcatOp, inputs, result, axis=IntegerAttr(axis, i64))

    def gather(self, source: SSAValue, indices: SSAValue, axis: int) -> SSAValue:
        tensor, where = tensor_of(source), tensor_of(indices)
        axis %= tensor.rank
        result = tensor.with_dims((*tensor.shape[:axis], *where.shape, *tensor.shape[axis + 1 :]))
        return self._one(GatherOp, (source, indices), result, axis=IntegerAttr(axis, i64))

    def scatter(self, fn: str, source: SSAValue, indices: SSAValue, updates: SSAValue) -> SSAValue:
        result = tensor_of(source)
        return self._one(ScatterOp, (source, indices, updates), result, fn=StringAttr(fn))

    def topk(self, source: SSAValue, k: int, largest: bool) -> tuple[SSAValue, SSAValue]:
        tensor = tensor_of(source)
        values = tensor.with_dims((*tensor.shape[:-1], k))
        op = self.insert(
            TopkOp.create(
                operands=[source],
                result_types=[tensor_type(values), tensor_type(values.with_dtype(ElementType.I64))],
                properties={"largest": IntegerAttr(int(largest), i64)},
            )
        )
        return op.results[0], op.results[1]
