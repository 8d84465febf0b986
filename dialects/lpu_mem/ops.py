"""
Operations of the `lpu_mem` level over data: buffers in HBM and LMU, and what engines do to them.

An operation over data names the buffers it touches, destinations first, and an `access` that says
which elements. Before `lpu-mem-tile` the buffers lie in HBM and the iteration space has any rank
and size; after it, operands lie where the machine wants them (`verify` of the pass's output checks
that) and the iteration space has four axes at most.

Loops, states and tokens are in `dialects.lpu_mem.control`, messages between devices in
`dialects.lpu_mem.links`. Axes of `vecmat` are `[..., M, K, N]`.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import I64, IntegerAttr, StringAttr
from xdsl.ir import Operation
from xdsl.irdl import prop_def

from dialects.definition import op_definition
from dialects.lpu.attributes import AffineAttr, AffineListAttr, IntsAttr
from dialects.lpu.movement import SCATTERS
from dialects.lpu_mem.buffers import AllocOp, DataOp, MemOp, ParamOp, buffer_of
from dialects.lpu_mem.links import LinkOp, RecvOp, SendOp
from dialects.refusal import HEX_DIGITS
from runtime.numerics.elements import FUNCTIONS1, FUNCTIONS2, ElementType, result_fits

__all__ = [
    "DATA_OPS", "OPS", "AllocOp", "CastOp", "CopyOp", "DataOp", "FillOp", "GatherOp", "IotaOp",
    "LinkOp", "MapOp", "MemOp", "ParamOp", "RecvOp", "ReduceOp", "ScanOp", "ScatterOp", "SelectOp",
    "SendOp", "TopkOp", "VecmatOp", "buffer_of",
]  # fmt: skip

REDUCTIONS = frozenset({"sum", "mul", "max", "min"})
"""What the machine reduces by."""


@op_definition
class MapOp(DataOp):
    """`dst = fn(a)` or `dst = fn(a, b)`, element by element."""

    name = "lpu_mem.map"
    BUFFERS: ClassVar[tuple[int, ...]] = (2, 3)
    fn = prop_def(StringAttr)
    assembly_format = "$fn $buffers $access attr-dict `:` type($buffers)"

    def verify_data(self) -> None:
        fn, (dst, *sources) = self.fn.data, self.dtypes()
        table = FUNCTIONS1 if len(sources) == 1 else FUNCTIONS2
        self.require(fn in table, f"no function '{fn}' of {len(sources)} buffers")
        fits = result_fits(table[fn], dst, *sources)
        self.require(fits, f"'{fn}' of {' and '.join(sources)} does not give {dst}")


@op_definition
class SelectOp(DataOp):
    """`dst = condition ? a : b`."""

    name = "lpu_mem.select"
    BUFFERS: ClassVar[tuple[int, ...]] = (4,)
    assembly_format = "$buffers $access attr-dict `:` type($buffers)"

    def verify_data(self) -> None:
        dst, condition, a, b = self.dtypes()
        self.require(condition is ElementType.BOOL, "it selects by a bool")
        self.require(dst is a is b, "what is selected has the element type of the destination")


@op_definition
class CastOp(DataOp):
    """`dst = a` in the element type of `dst`."""

    name = "lpu_mem.cast"
    assembly_format = "$buffers $access attr-dict `:` type($buffers)"


@op_definition
class CopyOp(DataOp):
    """`dst = a`; between HBM and LMU, or within one of them."""

    name = "lpu_mem.copy"
    assembly_format = "$buffers $access attr-dict `:` type($buffers)"

    def verify_data(self) -> None:
        dst, source = self.dtypes()
        self.require(dst is source, f"a copy does not make {dst} of {source}")


@op_definition
class FillOp(DataOp):
    """`dst = value`, the hex digits of one element."""

    name = "lpu_mem.fill"
    BUFFERS: ClassVar[tuple[int, ...]] = (1,)
    value = prop_def(StringAttr)
    assembly_format = "$value $buffers $access attr-dict `:` type($buffers)"

    def verify_data(self) -> None:
        (dst,), digits = self.dtypes(), self.value.data
        fits = len(digits) == 2 * dst.itemsize and set(digits) <= HEX_DIGITS
        self.require(fits, f"a value of {dst} has {2 * dst.itemsize} hex digits")


@op_definition
class IotaOp(DataOp):
    """`dst[i] = base + sum(coefficients[d] * i[d])`; the base comes first."""

    name = "lpu_mem.iota"
    BUFFERS: ClassVar[tuple[int, ...]] = (1,)
    coefficients = prop_def(AffineListAttr)
    assembly_format = "$coefficients $buffers $access attr-dict `:` type($buffers)"

    def verify_data(self) -> None:
        (dst,), expected = self.dtypes(), self.access.data.rank + 1
        count = len(self.coefficients.data)
        self.require(count == expected, "a base and one coefficient for each axis")
        self.require(dst in (ElementType.I64, ElementType.I32), f"it does not count in {dst}")


@op_definition
class ReduceOp(DataOp):
    """`dst = fn over axes of a`; with `accumulate`, also over what `dst` holds already."""

    name = "lpu_mem.reduce"
    fn = prop_def(StringAttr)
    axes = prop_def(IntsAttr)
    accumulate = prop_def(IntegerAttr[I64])
    assembly_format = (
        "$fn $buffers `over` $axes `accumulate` $accumulate $access attr-dict `:` type($buffers)"
    )

    def verify_data(self) -> None:
        fn, axes, (dst, source) = self.fn.data, self.axes.data, self.dtypes()
        self.require(fn in REDUCTIONS, f"no reduction '{fn}' of a buffer")
        inside = axes == tuple(sorted(set(axes) & set(range(self.access.data.rank))))
        self.require(inside, "the axes reduced are those of the access, ascending")
        self.require(_holds(dst, source), f"{dst} does not hold what is reduced of {source}")
        logic = source is not ElementType.BOOL or fn in ("max", "min")
        self.require(logic, f"there is no '{fn}' of bool")
        self.require_flag("accumulate", self.accumulate)


@op_definition
class ScanOp(DataOp):
    """
    Running sum of `a` along the last axis into `dst`, starting from `carry`.

    Buffers: dst, carry, a. `carry` (stride 0 along the last axis) holds the total afterwards.
    """

    name = "lpu_mem.scan"
    BUFFERS: ClassVar[tuple[int, ...]] = (3,)
    WRITES: ClassVar[int] = 2
    exclusive = prop_def(IntegerAttr[I64])
    assembly_format = "$buffers `exclusive` $exclusive $access attr-dict `:` type($buffers)"

    def verify_data(self) -> None:
        dst, carry, source = self.dtypes()
        self.require(self.access.data.rank >= 1, "a running sum has an axis")
        self.require_still(self.access.data.rank - 1, 1)
        fits = _holds(dst, source) and _holds(carry, source) and source is not ElementType.BOOL
        self.require(fits, f"running sums of {source} are not {dst}, carried in {carry}")
        self.require_flag("exclusive", self.exclusive)


class _LookupOp(DataOp):
    """Rows of the second or first buffer, named by the third."""

    BUFFERS: ClassVar[tuple[int, ...]] = (3,)

    def verify_data(self) -> None:
        dst, source, index = self.dtypes()
        self.require(index is ElementType.I64, "rows are named by a buffer of i64")
        self.require(dst is source, f"it moves {source} and cannot make {dst} of it")


@op_definition
class GatherOp(_LookupOp):
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


@op_definition
class ScatterOp(_LookupOp):
    """
    The mirror of `gather`: `dst[row_stride * indices[i] + view(i)] = fn(.., a[i])`, in order.

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

    def verify_data(self) -> None:
        super().verify_data()
        self.require(self.fn.data in SCATTERS, f"no update '{self.fn.data}' of a buffer")
        numbers = self.dtypes()[0] is not ElementType.BOOL or self.fn.data not in ("add", "mul")
        self.require(numbers, f"bool is not updated by '{self.fn.data}'")


@op_definition
class TopkOp(DataOp):
    """
    The `k` largest or smallest along the last axis. Buffers: values, indices, a.

    The extents are those of `a`; along the last axis, values and indices have `k` elements.
    """

    name = "lpu_mem.topk"
    BUFFERS: ClassVar[tuple[int, ...]] = (3,)
    WRITES: ClassVar[int] = 2
    k = prop_def(IntegerAttr[I64])
    largest = prop_def(IntegerAttr[I64])
    assembly_format = "$buffers `k` $k `largest` $largest $access attr-dict `:` type($buffers)"

    def verify_data(self) -> None:
        values, indices, source = self.dtypes()
        self.require(values is source, f"the largest of {source} are not {values}")
        self.require(indices is ElementType.I64, "where they were is told in i64")
        last = self.access.data.extents[-1:]
        self.require(bool(last), "there is no axis to select along")
        k = self.k.value.data
        enough = bool(last[0].terms) or k <= last[0].const
        self.require(k >= 0 and enough, f"there are no {k} elements to select")
        self.require_flag("largest", self.largest)


@op_definition
class VecmatOp(DataOp):
    """
    `dst[.., m, n] = sum over k of x[.., m, k] * panel[.., k, n]`; axes `[..., M, K, N]`.

    Buffers: dst, x, panel. The panel streams from HBM. M may be missing. `accumulate` adds to what
    `dst` holds.
    """

    name = "lpu_mem.vecmat"
    BUFFERS: ClassVar[tuple[int, ...]] = (3,)
    DIRECT: ClassVar[frozenset[int]] = frozenset({2})
    accumulate = prop_def(IntegerAttr[I64])
    assembly_format = "$buffers `accumulate` $accumulate $access attr-dict `:` type($buffers)"

    def verify_data(self) -> None:
        rank, dtypes = self.access.data.rank, self.dtypes()
        self.require(rank >= 2, "a product has the axes K and N, or M, K and N")
        self.require_still(rank - 2, 0)
        self.require_still(rank - 1, 1)
        if rank > 2:
            self.require_still(rank - 3, 2)
        floats = {dtype.is_float for dtype in dtypes}
        fits = len(floats) == 1 and ElementType.BOOL not in dtypes
        self.require(fits, f"there are no products of {dtypes[1]} and {dtypes[2]} in {dtypes[0]}")
        self.require_flag("accumulate", self.accumulate)


def _holds(dst: ElementType, source: ElementType) -> bool:
    """Whether sums of a type can be kept in another: floats in floats, integers in integers."""
    same = dst.is_float == source.is_float and dst.is_int == source.is_int
    return dst is source or same


DATA_OPS: list[type[DataOp]] = [
    MapOp, SelectOp, CastOp, CopyOp, FillOp, IotaOp, ReduceOp, ScanOp, GatherOp, ScatterOp, TopkOp,
    VecmatOp, SendOp, RecvOp,
]  # fmt: skip
OPS: list[type[Operation]] = [AllocOp, ParamOp, *DATA_OPS]
