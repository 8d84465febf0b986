"""
Undo the merging of products that a model arrives with: one product for each part that is read.

```mlir
func.func @step(%x : !lpu.tensor<[1, 4], f32>)
    -> (!lpu.tensor<[1, 2], f32>, !lpu.tensor<[1, 6], f32>) {
  %w = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
  %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32>
      -> !lpu.tensor<[1, 8], f32>
  %k = lpu.slice %y at <[0, 0]> step <[1, 1]> : !lpu.tensor<[1, 8], f32>
      -> !lpu.tensor<[1, 2], f32>
  %q = lpu.slice %y at <[0, 2]> step <[1, 1]> : !lpu.tensor<[1, 8], f32>
      -> !lpu.tensor<[1, 6], f32>
  func.return %k, %q : !lpu.tensor<[1, 2], f32>, !lpu.tensor<[1, 6], f32>
}
```
becomes
```mlir
func.func @step(%x : !lpu.tensor<[1, 4], f32>)
    -> (!lpu.tensor<[1, 2], f32>, !lpu.tensor<[1, 6], f32>) {
  %0 = lpu.constant <slice(file("w", 0, [4, 8], f32), [0, 0], [4, 2])> : !lpu.tensor<[4, 2], f32>
  %1 = lpu.constant <slice(file("w", 0, [4, 8], f32), [0, 2], [4, 6])> : !lpu.tensor<[4, 6], f32>
  %k = lpu.matmul %x, %0 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 2], f32>
      -> !lpu.tensor<[1, 2], f32>
  %q = lpu.matmul %x, %1 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 6], f32>
      -> !lpu.tensor<[1, 6], f32>
  func.return %k, %q : !lpu.tensor<[1, 2], f32>, !lpu.tensor<[1, 6], f32>
}
```

Heads of queries and of keys are cut by devices each on their own, which columns that stand side by
side in one weight cannot be.

1. All that is computed of the product ends in slices of one axis, which do not overlap; casts,
   biases and views may stand in between.
2. Along that axis the product has the columns of a weight, or of weights that data names: experts.

Small constants, many of which are equal and mean different things, become one for each reader: what
is equal is cut alike. `lpu-merge-matmuls` merges the parts again.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine
from dialects.lpu.elementwise import ConstantOp, FillOp
from dialects.lpu.movement import SliceOp
from dialects.lpu.products import MatmulOp
from dialects.lpu.tensors import LpuOp, tensor_of
from dialects.lpu.types import tensor_type
from dialects.lpu.weights import Slice, Weight, WeightAttr
from dialects.reading import all_within
from passes.lpu_esl.factors.links import FREE, Link, links_of
from passes.lpu_esl.factors.reading import Reading, matrices
from passes.rewriting.base import RewritingPass
from passes.rewriting.creation import make
from passes.rewriting.kernel import erase_unread, insert, set_operand, substitute
from passes.rewriting.remarks import PARTITION
from passes.specification import SUMS, Specification


@dataclass(frozen=True)
class Part:
    """Elements of one axis."""

    axis: int
    offset: int
    extent: int


def part_of(op: Operation) -> Part | None:
    """The part of one axis that a slice takes, all of the others."""
    if not isinstance(op, SliceOp) or any(step != 1 for step in op.steps.data):
        return None
    columns = list(zip(op.source_tensor().shape, op.result_tensor().shape, strict=True))
    cut = [axis for axis, (before, after) in enumerate(columns) if before != after]
    at = [op.offsets.data[axis] for axis in cut]
    if len(cut) != 1 or not at[0].is_const or any(e.terms for e in columns[cut[0]]):
        return None
    return Part(cut[0], at[0].const, columns[cut[0]][1].const)


class Splitter:
    """Computes parts of a product instead of the product."""

    def __init__(self) -> None:
        self.reading = Reading()

    def parts(self, value: SSAValue, axis: int) -> list[tuple[SliceOp, Part]] | None:
        """The slices of an axis that a value ends in, whatever is computed of it in between."""
        found: list[tuple[SliceOp, Part]] = []
        for use in value.uses:
            op, part = use.operation, part_of(use.operation)
            if isinstance(op, SliceOp) and part is not None and part.axis == axis:
                found.append((op, part))
                continue
            following = self._following(op, use.index, axis)
            inner = None if following is None else self.parts(op.results[0], following)
            if inner is None:
                return None
            found += inner
        return found

    def _following(self, op: Operation, operand: int, axis: int) -> int | None:
        """The axis of a result that an axis of an operand becomes, if parts can be taken of it."""
        links = [k for k in links_of(op) if k.operand == operand and k.axes == (axis,)]
        if isinstance(op, MatmulOp) or len(links) != 1 or len(links[0].result_axes) != 1:
            return None
        (following,) = links[0].result_axes
        others = [k for k in _along(op, following) or () if k.operand not in (operand, FREE)]
        known = _along(op, following) is not None
        fits = all(self.can_cut(op.operands[k.operand], k.axes[0]) for k in others)
        return following if known and fits else None

    def columns(self, op: MatmulOp) -> int | None:
        """The axis of a product that has the columns of a weight, if parts can be taken of it."""
        rank = op.result_tensor().rank
        for side, axis, other in ((op.rhs, rank - 1, op.lhs), (op.lhs, rank - 2, op.rhs)):
            if self.reading.looked_up(side) and not self.reading.looked_up(other):
                at = tensor_of(side).rank - (1 if side is op.rhs else 2)
                return axis if self.can_cut(side, at) else None
        return None

    def can_cut(self, value: SSAValue, axis: int) -> bool:
        """Whether a part of an axis of a weight can be read in its place."""
        op = value.owner
        if isinstance(op, ConstantOp):
            return True
        links = _along(op, axis) if isinstance(op, LpuOp) else None
        if links is None or not isinstance(op, LpuOp):
            return False
        known = self.reading.is_fixed(value) or bool(self.reading.looked_up(value))
        return known and all(
            link.operand == FREE or self.can_cut(op.operands[link.operand], link.axes[0])
            for link in links
        )

    def cut(self, value: SSAValue, part: Part) -> SSAValue:
        """A part of a value, computed as the value is, from parts."""
        op = value.owner
        assert isinstance(op, LpuOp)
        if isinstance(op, ConstantOp):
            return _constant(op, part)
        operands = list(op.operands)
        for link in _along(op, part.axis) or ():
            if link.operand != FREE:
                inner = Part(link.axes[0], part.offset, part.extent)
                operands[link.operand] = self.cut(operands[link.operand], inner)
        tensor = tensor_of(value)
        dims = list(tensor.shape)
        dims[part.axis] = Affine(part.extent)
        kind = tensor_type(tensor.with_dims(dims))
        return insert(make(type(op), operands, [kind], op.properties, op.location), op).results[0]


def _along(op: Operation, axis: int) -> list[Link] | None:
    """The links of an axis of the result; None if it is no axis of an operand by itself."""
    if len(op.results) != 1:
        return None
    links = [link for link in links_of(op) if axis in link.result_axes]
    alone = all(len(link.axes) <= 1 == len(link.result_axes) for link in links)
    return links if links and alone and all(link.inner == Affine(1) for link in links) else None


def _constant(op: ConstantOp, part: Part) -> SSAValue:
    weight = op.value.data
    offsets, shape = [0] * len(weight.shape), list(weight.shape)
    offsets[part.axis], shape[part.axis] = part.offset, part.extent
    cut = Slice(weight, tuple(offsets), tuple(shape))
    kind = tensor_type(op.result_tensor().with_dims(shape))
    made = make(ConstantOp, (), [kind], {"value": WeightAttr(cut)}, op.location)
    return insert(made, op).results[0]


def _are_apart(parts: Sequence[Part]) -> bool:
    """Whether no element is in two parts."""
    ends = sorted((part.offset, part.offset + part.extent) for part in parts)
    return all(end <= start for (_, end), (start, _) in pairwise(ends))


def split(module: ModuleOp) -> None:
    """Split every product of a module whose columns are shared out."""
    splitter = Splitter()
    for op in all_within(module):
        axis = splitter.columns(op) if isinstance(op, MatmulOp) else None
        parts = None if axis is None else splitter.parts(op.results[0], axis)
        if parts and not _are_apart([part for _, part in parts]):
            PARTITION.no(op, "its {} parts have columns in common", len(parts))
        elif parts:
            PARTITION.yes(op, "becomes {} products", len(parts))
            for slice_, part in sorted(parts, key=lambda pair: pair[1].offset):
                substitute(slice_, [splitter.cut(slice_.source, part)])
    erase_unread(reversed([op for op in all_within(module) if isinstance(op, LpuOp)]))


def separate(module: ModuleOp) -> None:
    """Give each reader its own small constants: many are equal and mean different things."""
    operations, reading = all_within(module), Reading()
    large = matrices(operations, reading)
    for op in reversed(operations):
        if isinstance(op, LpuOp) and _is_small(op, reading, large):
            for use in list(op.results[0].uses)[1:]:
                kinds = [result.type for result in op.results]
                own = insert(make(type(op), op.operands, kinds, op.properties, op.location), op)
                set_operand(use.operation, use.index, own.results[0])


def _is_small(op: LpuOp, reading: Reading, large: Set[Weight]) -> bool:
    """Whether an operation gives a constant of several elements that is no matrix or table."""
    if len(op.results) != 1 or all(extent == Affine(1) for extent in op.result_tensor().shape):
        return False
    weights = reading.weights(op.results[0])
    return isinstance(op, FillOp) or bool(weights and weights.isdisjoint(large))


class LpuEslSplitProductsPass(RewritingPass):
    """Split products whose columns are shared out."""

    name = "lpu-esl-split-products"
    specification = Specification(
        level="lpu",
        after={"entries": "the functions must agree on what is split"},
        gives=("columns",),
        spoils=("distinct",),
        numbers=SUMS,
    )

    def rewrite(self, module: ModuleOp) -> None:
        split(module)
        separate(module)
