"""Operations that combine the elements along an axis: products, sums, the largest ones."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import I64, IntegerAttr, StringAttr
from xdsl.irdl import (
    operand_def,
    prop_def,
    result_def,
)

from dialects.affine import Affine
from dialects.definition import op_definition
from dialects.lpu.attributes import IntsAttr
from dialects.lpu.facts import NONE, Facts, Form, Zeros
from dialects.lpu.tensors import LpuOp, UnaryOp, joined, shape_text, tensor_of
from dialects.lpu.types import Tensor, TensorType
from runtime.numerics.elements import ElementType

BYTES = frozenset({ElementType.I8, ElementType.U8})
"""Integers whose products are added up in a longer type."""
REDUCTIONS = frozenset({"sum", "prod", "max", "min"})


@op_definition
class MatmulOp(LpuOp):
    """
    `lhs [..., M, K] @ rhs [..., K, N]`; leading axes broadcast. Both have rank 2 at least.

    Sums of short floats are rounded once, or not at all where the result is f32. Integers of 8
    bits, with and without sign, may be added up in i32.
    """

    name = "lpu.matmul"
    FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.KEPT, lines=False, weight=None, trunk=None)
    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)
    result = result_def(TensorType)
    assembly_format = "$lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)"

    def verify_tensors(self) -> None:
        lhs, rhs = self.operand_tensors()
        self.require(min(lhs.rank, rhs.rank) >= 2, "operands of rank 2 or more")
        self.require(lhs.shape[-1] == rhs.shape[-2], f"K is {lhs.shape[-1]} and {rhs.shape[-2]}")
        result, batch = self.result_tensor(), joined(self, lhs.shape[:-2], rhs.shape[:-2])
        dims = (*batch, lhs.shape[-2], rhs.shape[-1])
        self.require(result.shape == dims, f"a product gives {shape_text(dims)}")
        if {lhs.dtype, rhs.dtype} <= BYTES and result.dtype == ElementType.I32:
            return
        self.require(lhs.dtype == rhs.dtype, "both operands of a product have one element type")
        is_long = lhs.dtype.is_float and result.dtype == ElementType.F32
        kept = result.dtype == lhs.dtype or is_long
        self.require(kept, "a product has the element type of its operands, or f32 of floats")


@op_definition
class ReduceOp(UnaryOp):
    """Sum, product, maximum or minimum over `axes`, whose extents become 1."""

    name = "lpu.reduce"
    FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.KEPT, lines=True, weight=None, trunk=None)
    fn = prop_def(StringAttr)
    axes = prop_def(IntsAttr)
    assembly_format = "$fn $source `over` $axes attr-dict `:` type($source) `->` type($result)"

    def verify_tensors(self) -> None:
        self.require(self.fn.data in REDUCTIONS, f"no reduction '{self.fn.data}'")
        source, axes = self.source_tensor(), set(self.axes.data)
        ascending = self.axes.data == tuple(sorted(axes))
        self.require(ascending, "the axes of a reduction ascend")
        self.require(axes <= set(range(source.rank)), "axes lie within the rank")
        dims = tuple(Affine(1) if i in axes else d for i, d in enumerate(source.shape))
        expected = Tensor.of(dims, source.dtype)
        self.require(self.result_tensor() == expected, f"a reduction gives {expected}")


@op_definition
class ScanOp(UnaryOp):
    """Running sum along `axis`; `exclusive` leaves out the element itself."""

    name = "lpu.scan"
    FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.KEPT, lines=False, weight=None, trunk=None)
    axis = prop_def(IntegerAttr[I64])
    exclusive = prop_def(IntegerAttr[I64])
    assembly_format = (
        "$source `axis` $axis `exclusive` $exclusive attr-dict `:` type($source) `->` type($result)"
    )

    def verify_tensors(self) -> None:
        source, axis = self.source_tensor(), self.axis.value.data
        self.require(source == self.result_tensor(), "a scan keeps the type")
        self.require(0 <= axis < source.rank, f"there is no axis {axis} to sum along")
        self.require(self.exclusive.value.data in (0, 1), "'exclusive' is 0 or 1")


@op_definition
class TopkOp(LpuOp):
    """The `k` largest or smallest of the last axis, sorted, ties to the lower index; and where."""

    name = "lpu.topk"
    FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.KEPT, lines=False, weight=None, trunk=None)
    largest = prop_def(IntegerAttr[I64])
    source = operand_def(TensorType)
    values = result_def(TensorType)
    indices = result_def(TensorType)
    assembly_format = (
        "$source `largest` $largest attr-dict `:` type($source) `->` type($values) `,`"
        " type($indices)"
    )

    def verify_tensors(self) -> None:
        source, values, indices = tensor_of(self.source), *map(tensor_of, self.results)
        self.require(source.rank >= 1, "a scalar has no largest element")
        self.require(self.largest.value.data in (0, 1), "'largest' is 0 or 1")
        selected = source.with_dims((*source.shape[:-1], *values.shape[-1:]))
        self.require(values == selected, "the values differ from the source in the last axis alone")
        self.require(
            indices == values.with_dtype(ElementType.I64), "one i64 says where a value was"
        )
        rest = source.shape[-1] - values.shape[-1]
        self.require(not rest.is_const or rest.const >= 0, "there are not so many elements")


OPS: list[type[LpuOp]] = [MatmulOp, ReduceOp, ScanOp, TopkOp]
