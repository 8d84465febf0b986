"""Operations that put elements in other places: views, concatenations, rows that indices name."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import I64, IntegerAttr, StringAttr
from xdsl.irdl import (
    operand_def,
    prop_def,
    result_def,
    var_operand_def,
)

from dialects.affine import Affine
from dialects.definition import op_definition
from dialects.lpu.attributes import AffineListAttr, IntsAttr
from dialects.lpu.facts import ALL, FIRST, NONE, Facts, Form, Zeros
from dialects.lpu.tensors import LpuOp, UnaryOp, same_elements
from dialects.lpu.types import TensorType
from dialects.lpu.weights import Weight, reshaped, transposed
from runtime.numerics.elements import ElementType

SCATTERS = frozenset({"set", "add", "mul", "max", "min"})


def _reshape(op: LpuOp, weight: Weight) -> Weight | None:
    tensor = op.result_tensor()
    return reshaped(weight, tensor.static_shape()) if tensor.is_static else None


@op_definition
class ReshapeOp(UnaryOp):
    """The same elements in row-major order under other extents."""

    name = "lpu.reshape"
    FACTS: ClassVar = Facts(Form.MOVES, ALL, Zeros.KEPT, lines=True, weight=_reshape, trunk=0)
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def verify_tensors(self) -> None:
        source, result = self.source_tensor(), self.result_tensor()
        self.require(source.dtype == result.dtype, "a reshape keeps the element type")
        self.require(same_elements(source.shape, result.shape), "the number of elements differs")


def _transpose(op: TransposeOp, weight: Weight) -> Weight:
    return transposed(weight, op.perm.data)


@op_definition
class TransposeOp(UnaryOp):
    """Axis `i` of the result is axis `perm[i]` of the source."""

    name = "lpu.transpose"
    FACTS: ClassVar = Facts(Form.MOVES, ALL, Zeros.KEPT, lines=True, weight=_transpose, trunk=0)
    perm = prop_def(IntsAttr)
    assembly_format = "$source $perm attr-dict `:` type($source) `->` type($result)"

    def verify_tensors(self) -> None:
        source, perm = self.source_tensor(), self.perm.data
        self.require(sorted(perm) == list(range(source.rank)), "a permutation of the axes")
        expected = source.with_dims([source.shape[p] for p in perm])
        self.require(self.result_tensor() == expected, f"a transpose gives {expected}")


@op_definition
class BroadcastOp(UnaryOp):
    """Repeat along axes of extent 1 and along new leading axes."""

    name = "lpu.broadcast"
    FACTS: ClassVar = Facts(Form.MOVES, ALL, Zeros.KEPT, lines=True, weight=None, trunk=0)
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def verify_tensors(self) -> None:
        source, result = self.source_tensor(), self.result_tensor()
        self.require(result.rank >= source.rank, "a broadcast does not drop axes")
        kept = result.shape[result.rank - source.rank :]
        fits = all(a in (Affine(1), b) for a, b in zip(source.shape, kept, strict=True))
        self.require(fits and source.dtype == result.dtype, f"{source} does not broadcast to it")


@op_definition
class SliceOp(UnaryOp):
    """Element `i` of axis `d` is element `offsets[d] + i * steps[d]` of the source; steps > 0."""

    name = "lpu.slice"
    FACTS: ClassVar = Facts(Form.MOVES, ALL, Zeros.KEPT, lines=True, weight=None, trunk=0)
    offsets = prop_def(AffineListAttr)
    steps = prop_def(IntsAttr)
    assembly_format = (
        "$source `at` $offsets `step` $steps attr-dict `:` type($source) `->` type($result)"
    )

    def verify_tensors(self) -> None:
        source, result = self.source_tensor(), self.result_tensor()
        ranks = {source.rank, result.rank, len(self.offsets.data), len(self.steps.data)}
        self.require(len(ranks) == 1, "one offset and step for each axis")
        self.require(all(s > 0 for s in self.steps.data), "steps are positive")
        self.require(source.dtype == result.dtype, "a slice keeps the element type")
        before = any([at.is_const and at.const < 0 for at in self.offsets.data])
        self.require(not before, "a slice starts at element 0 or behind")
        for axis, rest in enumerate(self.rests()):
            outside = rest.is_const and rest.const < 0
            self.require(not outside, f"it ends {-rest.const} elements behind axis {axis}")

    def rests(self) -> list[Affine]:
        """How many elements of each axis lie behind the last that is taken; none of 0 elements."""
        result = self.result_tensor()
        columns = zip(
            self.source_tensor().shape,
            self.offsets.data,
            self.steps.data,
            result.shape,
            strict=True,
        )
        if Affine() in result.shape:
            return []
        return [
            d - at - n if step == 1 else d - 1 - at - (n - 1) * step for d, at, step, n in columns
        ]


@op_definition
class ConcatOp(LpuOp):
    """The operands one after another along `axis`."""

    name = "lpu.concat"
    FACTS: ClassVar = Facts(Form.MOVES, ALL, Zeros.KEPT, lines=False, weight=None, trunk=None)
    axis = prop_def(IntegerAttr[I64])
    inputs = var_operand_def(TensorType)
    result = result_def(TensorType)
    assembly_format = "$inputs `axis` $axis attr-dict `:` type($inputs) `->` type($result)"

    def verify_tensors(self) -> None:
        axis, result, sources = self.axis.value.data, self.result_tensor(), self.operand_tensors()
        self.require(bool(sources), "there is nothing to concatenate")
        self.require(0 <= axis < result.rank, f"there is no axis {axis} to concatenate along")
        ranks = {t.rank for t in sources}
        self.require(ranks == {result.rank}, "operands have the rank of the result")
        for source in sources:
            rest = (*source.shape[:axis], result.shape[axis], *source.shape[axis + 1 :])
            self.require(source.with_dims(rest) == result, f"operand {source} does not fit")
        total = sum((t.shape[axis] for t in sources), Affine())
        self.require(result.shape[axis] == total, f"axis {axis} has {total} elements")


@op_definition
class GatherOp(LpuOp):
    """
    `numpy.take(source, indices, axis)`: the index replaces the axis; negative counts from the end.

    An index outside of the axis is a trap when the program runs.
    """

    name = "lpu.gather"
    FACTS: ClassVar = Facts(Form.OTHER, FIRST, Zeros.KEPT, lines=False, weight=None, trunk=None)
    axis = prop_def(IntegerAttr[I64])
    source = operand_def(TensorType)
    indices = operand_def(TensorType)
    result = result_def(TensorType)
    assembly_format = (
        "$source `,` $indices `axis` $axis attr-dict `:` type($source) `,` type($indices)"
        " `->` type($result)"
    )

    def verify_tensors(self) -> None:
        source, indices = self.operand_tensors()
        axis = self.axis.value.data
        self.require(indices.dtype == ElementType.I64, "indices are i64")
        self.require(0 <= axis < source.rank, f"there is no axis {axis} to look up in")
        dims = (*source.shape[:axis], *indices.shape, *source.shape[axis + 1 :])
        expected = source.with_dims(dims)
        self.require(self.result_tensor() == expected, f"a gather gives {expected}")


@op_definition
class ScatterOp(LpuOp):
    """
    A copy of `source [R, C]` with row `indices[i]` set to, or combined with, `updates[i, :]`.

    `indices [I]` is i64; duplicates apply in order. Other ranks reshape to this form.
    """

    name = "lpu.scatter"
    FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.KEPT, lines=False, weight=None, trunk=None)
    fn = prop_def(StringAttr)
    source = operand_def(TensorType)
    indices = operand_def(TensorType)
    updates = operand_def(TensorType)
    result = result_def(TensorType)
    assembly_format = (
        "$fn $source `,` $indices `,` $updates attr-dict `:` type($source) `,` type($indices)"
        " `,` type($updates) `->` type($result)"
    )

    def verify_tensors(self) -> None:
        source, indices, updates = self.operand_tensors()
        self.require(self.fn.data in SCATTERS, f"no combination '{self.fn.data}'")
        self.require(source == self.result_tensor(), "the result has the type of the source")
        self.require((source.rank, indices.rank, updates.rank) == (2, 1, 2), "ranks 2, 1 and 2")
        self.require(indices.dtype == ElementType.I64, "rows are named by i64")
        expected = source.with_dims((indices.shape[0], source.shape[1]))
        self.require(updates == expected, f"the updates are {expected}")


OPS: list[type[LpuOp]] = [
    ReshapeOp,
    TransposeOp,
    BroadcastOp,
    SliceOp,
    ConcatOp,
    GatherOp,
    ScatterOp,
]
