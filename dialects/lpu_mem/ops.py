"""
Operations of the `lpu_mem` level over data: buffers in HBM and LMU, and what engines do to them.

An operation over data names the buffers it touches, destinations first, and an `access` that says
which elements. Before `lpu-mem-tile` the buffers lie in HBM and the iteration space has any rank
and size; after it, operands lie where the machine wants them (`verify` of the pass's output checks
that) and the iteration space has four axes at most.

Loops, states and tokens are in `dialects.lpu_mem.control`. Axes of `vecmat` are `[..., M, K, N]`.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import I64, IntegerAttr, StringAttr
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from dialects.lpu.attributes import AffineAttr, AffineListAttr, IntsAttr
from dialects.lpu.weights import WeightAttr
from dialects.lpu_mem.access import AccessAttr
from dialects.lpu_mem.types import Buffer, BufferType


def buffer_of(value: SSAValue) -> Buffer:
    assert isinstance(value.type, BufferType), f"not a buffer: {value.type}"
    return value.type.data


class MemOp(IRDLOperation):
    """What all operations of the level share."""

    def require(self, holds: bool, message: str) -> None:
        if not holds:
            raise VerifyException(f"'{self.name}': {message}")


@irdl_op_definition
class AllocOp(MemOp):
    """A buffer with undefined content; `address` (bytes) once `lpu-mem-allocate` has chosen it."""

    name = "lpu_mem.alloc"
    address = opt_prop_def(IntegerAttr[I64])
    result = result_def(BufferType)
    assembly_format = "(`at` $address^)? attr-dict `:` type($result)"


@irdl_op_definition
class ParamOp(MemOp):
    """A read-only buffer in HBM that holds a weight, row-major."""

    name = "lpu_mem.param"
    value = prop_def(WeightAttr)
    address = opt_prop_def(IntegerAttr[I64])
    result = result_def(BufferType)
    traits = traits_def(Pure())
    assembly_format = "$value (`at` $address^)? attr-dict `:` type($result)"


class DataOp(MemOp):
    """
    One pass over an iteration space. `WRITES` buffers come first, then what is only read.

    `DIRECT` operands stay in HBM when the others are staged in the LMU.
    """

    WRITES: ClassVar[int] = 1
    DIRECT: ClassVar[frozenset[int]] = frozenset()

    buffers = var_operand_def(BufferType)
    access = prop_def(AccessAttr)

    def verify_(self) -> None:
        access = self.access.data
        self.require(len(access.views) == len(self.operands), "one view for each buffer")
        for view in access.views:
            self.require(len(view.strides) == access.rank, "one stride for each axis")


@irdl_op_definition
class MapOp(DataOp):
    """`dst = fn(a)` or `dst = fn(a, b)`, element by element."""

    name = "lpu_mem.map"
    fn = prop_def(StringAttr)
    assembly_format = "$fn $buffers $access attr-dict `:` type($buffers)"


@irdl_op_definition
class SelectOp(DataOp):
    """`dst = condition ? a : b`."""

    name = "lpu_mem.select"
    assembly_format = "$buffers $access attr-dict `:` type($buffers)"


@irdl_op_definition
class CastOp(DataOp):
    """`dst = a` in the element type of `dst`."""

    name = "lpu_mem.cast"
    assembly_format = "$buffers $access attr-dict `:` type($buffers)"


@irdl_op_definition
class CopyOp(DataOp):
    """`dst = a`; between HBM and LMU, or within one of them."""

    name = "lpu_mem.copy"
    assembly_format = "$buffers $access attr-dict `:` type($buffers)"


@irdl_op_definition
class FillOp(DataOp):
    """`dst = value`, the hex digits of one element."""

    name = "lpu_mem.fill"
    value = prop_def(StringAttr)
    assembly_format = "$value $buffers $access attr-dict `:` type($buffers)"


@irdl_op_definition
class IotaOp(DataOp):
    """`dst[i] = base + sum(coefficients[d] * i[d])`; the base comes first."""

    name = "lpu_mem.iota"
    coefficients = prop_def(AffineListAttr)
    assembly_format = "$coefficients $buffers $access attr-dict `:` type($buffers)"

    def verify_(self) -> None:
        super().verify_()
        expected = self.access.data.rank + 1
        self.require(len(self.coefficients.data) == expected, "a base and one coefficient per axis")


@irdl_op_definition
class ReduceOp(DataOp):
    """`dst = fn over axes of a`; with `accumulate`, also over what `dst` holds already."""

    name = "lpu_mem.reduce"
    fn = prop_def(StringAttr)
    axes = prop_def(IntsAttr)
    accumulate = prop_def(IntegerAttr[I64])
    assembly_format = (
        "$fn $buffers `over` $axes `accumulate` $accumulate $access attr-dict `:` type($buffers)"
    )


@irdl_op_definition
class ScanOp(DataOp):
    """
    Running sum of `a` along the last axis into `dst`, starting from `carry`.

    Buffers: dst, carry, a. `carry` (stride 0 along the last axis) holds the total afterwards.
    """

    name = "lpu_mem.scan"
    WRITES: ClassVar[int] = 2
    exclusive = prop_def(IntegerAttr[I64])
    assembly_format = "$buffers `exclusive` $exclusive $access attr-dict `:` type($buffers)"


@irdl_op_definition
class GatherOp(DataOp):
    """
    `dst[i] = src[row_stride * indices[i] + view(i)]`, `0 <= index < limit` after adding `limit`
    to a negative one, else a trap. Buffers: dst, src, indices.
    """

    name = "lpu_mem.gather"
    DIRECT: ClassVar[frozenset[int]] = frozenset({1})
    limit = prop_def(AffineAttr)
    row_stride = prop_def(AffineAttr)
    assembly_format = (
        "$buffers `limit` $limit `row` $row_stride $access attr-dict `:` type($buffers)"
    )


@irdl_op_definition
class ScatterOp(DataOp):
    """The mirror of `gather`: `dst[row_stride * indices[i] + view(i)] = fn(.., a[i])`, in order.

    Buffers: dst, a, indices.
    """

    name = "lpu_mem.scatter"
    DIRECT: ClassVar[frozenset[int]] = frozenset({0})
    fn = prop_def(StringAttr)
    limit = prop_def(AffineAttr)
    row_stride = prop_def(AffineAttr)
    assembly_format = (
        "$fn $buffers `limit` $limit `row` $row_stride $access attr-dict `:` type($buffers)"
    )


@irdl_op_definition
class TopkOp(DataOp):
    """
    The `k` largest or smallest along the last axis. Buffers: values, indices, a.

    The extents are those of `a`; along the last axis, values and indices have `k` elements.
    """

    name = "lpu_mem.topk"
    WRITES: ClassVar[int] = 2
    k = prop_def(IntegerAttr[I64])
    largest = prop_def(IntegerAttr[I64])
    assembly_format = "$buffers `k` $k `largest` $largest $access attr-dict `:` type($buffers)"


@irdl_op_definition
class VecmatOp(DataOp):
    """
    `dst[.., m, n] = sum over k of x[.., m, k] * panel[.., k, n]`; axes `[..., M, K, N]`.

    Buffers: dst, x, panel. The panel streams from HBM. `accumulate` adds to what `dst` holds.
    """

    name = "lpu_mem.vecmat"
    DIRECT: ClassVar[frozenset[int]] = frozenset({2})
    accumulate = prop_def(IntegerAttr[I64])
    assembly_format = "$buffers `accumulate` $accumulate $access attr-dict `:` type($buffers)"


DATA_OPS: list[type[DataOp]] = [
    MapOp, SelectOp, CastOp, CopyOp, FillOp, IotaOp, ReduceOp, ScanOp, GatherOp, ScatterOp, TopkOp,
    VecmatOp,
]  # fmt: skip
OPS: list[type[Operation]] = [AllocOp, ParamOp, *DATA_OPS]
