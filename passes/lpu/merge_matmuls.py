"""
Make one product of those that share their left side: Q, K and V, or gate and up.

```mlir
func.func @step(%x : !lpu.tensor<[1, 4], f32>)
    -> (!lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 2], f32>) {
  %u = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
  %v = lpu.constant <file("w", 128, [4, 2], f32)> : !lpu.tensor<[4, 2], f32>
  %y = lpu.matmul %x, %u : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32>
      -> !lpu.tensor<[1, 8], f32>
  %z = lpu.matmul %x, %v : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 2], f32>
      -> !lpu.tensor<[1, 2], f32>
  func.return %y, %z : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 2], f32>
}
```
becomes
```mlir
func.func @step(%x : !lpu.tensor<[1, 4], f32>)
    -> (!lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 2], f32>) {
  %0 = lpu.constant <concat([file("w", 0, [4, 8], f32), file("w", 128, [4, 2], f32)], 1)>
      : !lpu.tensor<[4, 10], f32>
  %u = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
  %v = lpu.constant <file("w", 128, [4, 2], f32)> : !lpu.tensor<[4, 2], f32>
  %1 = lpu.matmul %x, %0 : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 10], f32>
      -> !lpu.tensor<[1, 10], f32>
  %y = lpu.slice %1 at <[0, 0]> step <[1, 1]> : !lpu.tensor<[1, 10], f32>
      -> !lpu.tensor<[1, 8], f32>
  %z = lpu.slice %1 at <[0, 8]> step <[1, 1]> : !lpu.tensor<[1, 10], f32>
      -> !lpu.tensor<[1, 2], f32>
  func.return %y, %z : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 2], f32>
}
```

1. The right sides are weights, or rows of stacked weights at the same place: one layer of a rolled
   body. Nothing else in the module reads them but products that are merged just so, in another loop
   or function: no weight is stored twice.
2. What makes keys and queries of an attention goes into one product, in this order: keys can be
   written to the cache while queries are computed. What makes values stays a product of its own,
   which is needed later, and so do the other products with the same left side.
3. Casts and biases that follow each of them follow the one.

What is not read any more is for `dce`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import NamedTuple

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute, Block, Operation, SSAValue

from dialects.affine import Affine
from dialects.lpu.elementwise import CastOp, ConstantOp, MapOp
from dialects.lpu.products import MatmulOp
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import TensorType
from dialects.lpu.weights import Concat, Weight
from passes.lpu.raising.matching import only_user
from passes.lpu.raising.parameters import Parameter, alike, parameter_of, readers
from passes.lpu.raising.roles import attention_ranks
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.fused_build import FusedBuild
from passes.rewriting.kernel import erase, replace, retype
from passes.rewriting.remarks import MERGING
from passes.specification import SUMS, Specification

OTHER = 3
"""The rank of products that make no operand of an attention."""


def _joined(build: Build, parameters: Sequence[Parameter]) -> SSAValue:
    """One weight of all, as the single ones were read; in front of who reads it."""
    first = parameters[0].constant
    axis = first.result_tensor().rank - 1
    weight = Concat(tuple(p.constant.value.data for p in parameters), axis)
    is_beside = first.parent is build.anchor.parent
    anchor = _foremost([first, build.anchor]) if is_beside else first
    nodes = FusedBuild.over(anchor, [p.constant for p in parameters])
    whole, at = nodes.constant(weight), parameters[0].at
    if at is None:
        return whole
    tensor = tensor_of(whole)
    row = build.slice(whole, (at, *(0,) * axis), (1, *tensor.shape[1:]))
    return build.reshape(row, tensor.shape[1:])


class Strands(NamedTuple):
    """What has been merged so far: the values of the single products, in their order."""

    values: list[SSAValue]

    def followers(self) -> list[Operation] | None:
        """The one reader of each."""
        users = [only_user(value) for value in self.values]
        known = [user for user in users if user is not None]
        return known if len(known) == len(users) else None

    def casts(self) -> list[CastOp] | None:
        """The casts that alone read each, if they are all to the same type."""
        found = [user for user in self.followers() or () if isinstance(user, CastOp)]
        same = len({user.result_tensor().dtype for user in found}) == 1
        return found if same and len(found) == len(self.values) else None

    def biases(self) -> tuple[list[MapOp], list[Parameter]] | None:
        """The sums with a bias that alone read each."""
        users = self.followers()
        sums = [u for u in users or () if isinstance(u, MapOp) and u.fn.data == "add"]
        if len(sums) != len(self.values):
            return None
        others: list[Parameter | None] = []
        for value, op in zip(self.values, sums, strict=True):
            other = [operand for operand in op.operands if operand != value]
            keeps = op.result_tensor() == tensor_of(value)
            others.append(parameter_of(other[0]) if len(other) == 1 and keeps else None)
        known = alike(others, 1)
        return None if known is None else (sums, known)


def _foremost(operations: Sequence[Operation]) -> Operation:
    """The first of operations of one block."""
    return min(operations, key=_Position)


class _Position:
    """Orders operations of one block."""

    def __init__(self, op: Operation) -> None:
        self.op = op

    def __lt__(self, other: _Position) -> bool:
        return self.op.is_before_in_block(other.op)


def merge(members: Sequence[MatmulOp], parameters: Sequence[Parameter]) -> None:
    """One product in the place of the first of these; members are in the order of columns."""
    anchor = _foremost(members)
    assert isinstance(anchor, MatmulOp)
    MERGING.yes(anchor, "{} products with one left side become one", len(members))
    build = FusedBuild.over(anchor, members)
    dtype = anchor.result_tensor().dtype
    merged = build.matmul(anchor.lhs, _joined(build, parameters), dtype)
    replaced: list[Operation] = list(members)
    strands = Strands([member.result for member in members])
    casts = strands.casts()
    lengthened = None if casts is None else Strands([op.result for op in casts])
    found = strands.biases() if lengthened is None else lengthened.biases()
    if found is not None:
        if casts is not None:
            build = FusedBuild.over(anchor, casts)
            merged = build.cast(merged, casts[0].result_tensor().dtype)
            replaced += casts
        sums, biases = found
        build = FusedBuild.over(anchor, sums)
        merged = build.map("add", merged, _joined(build, biases))
        replaced += sums
        strands = Strands([op.result for op in sums])
    _split(anchor, merged, strands.values)
    for op in reversed(replaced):
        erase(op)


def _split(anchor: Operation, merged: SSAValue, values: Sequence[SSAValue]) -> None:
    """Columns of the product in the place of the values, with their types: of parts, perhaps."""
    first = Affine()
    for value in values:
        width, owner = tensor_of(value).shape[-1], value.owner
        assert isinstance(owner, Operation)
        part = FusedBuild.over(anchor, [owner]).slice_axis(merged, -1, first, width)
        retype(part, value.type)
        replace(value, part)
        first = first + width


class Group(NamedTuple):
    """Products that could be one, in the order of their columns."""

    members: list[MatmulOp]
    parameters: list[Parameter]

    @property
    def weights(self) -> tuple[Weight, ...]:
        return tuple(p.constant.value.data for p in self.parameters)


def groups_in(block: Block) -> Iterator[Group]:
    """The groups of a block, without what its loops hold."""
    ranks = attention_ranks(block.ops)
    sides: dict[tuple[SSAValue, Attribute, int], list[MatmulOp]] = {}
    for op in block.ops:
        if isinstance(op, MatmulOp):
            sides.setdefault((op.lhs, _kind(op), _place(op, ranks)), []).append(op)
    for members in sides.values():
        members.sort(key=lambda op: ranks.get(op, OTHER))
        if len(members) < 2:
            continue
        parameters = alike([parameter_of(member.rhs) for member in members], 2)
        if parameters is None:
            MERGING.no(members[0], "right sides of {} products are not alike", len(members))
        else:
            yield Group(members, parameters)


def _place(op: MatmulOp, ranks: Mapping[MatmulOp, int]) -> int:
    """Which products of one left side belong together: rule 2."""
    return {0: 0, 1: 1, 2: 1}.get(ranks.get(op, OTHER), OTHER)


def mergeable(module: ModuleOp) -> list[Group]:
    """The groups whose weights nothing reads in another way, anywhere in the module."""
    blocks = [b for op in module.walk() for region in op.regions for b in region.blocks]
    groups = [group for block in blocks for group in groups_in(block)]
    weights = {op: group.weights for group in groups for op in group.members}
    ways: dict[Weight, set[tuple[Weight, ...] | None]] = {}
    for op in module.walk():
        if isinstance(op, ConstantOp):
            found = ways.setdefault(op.value.data, set())
            found.update(_way(reader, op.value.data, weights) for reader in readers(op.result))
    return [group for group in groups if _is_alone(group, ways)]


def _is_alone(group: Group, ways: Mapping[Weight, Set[tuple[Weight, ...] | None]]) -> bool:
    """Whether the weights of a group are read once in it, and by nothing else."""
    first, weights = group.members[0], group.weights
    if len(set(weights)) < len(weights):
        MERGING.no(first, "two of {} products have one weight", len(weights))
        return False
    if any(ways[weight] != {weights} for weight in weights):
        MERGING.no(first, "a weight of {} products is read in another way, too", len(weights))
        return False
    return True


def _way(
    reader: Operation, weight: Weight, weights: Mapping[MatmulOp, tuple[Weight, ...]]
) -> tuple[Weight, ...] | None:
    """All weights of the group that reads a weight; None if something else does."""
    found = weights.get(reader) if isinstance(reader, MatmulOp) else None
    return found if found is not None and weight in found else None


def _kind(op: MatmulOp) -> Attribute:
    """The type of the result but for its last extent."""
    tensor = op.result_tensor()
    return TensorType(tensor.with_dims((*tensor.shape[:-1], 1)))


class LpuMergeMatmulsPass(RewritingPass):
    """Merge products that share their left side."""

    name = "lpu-merge-matmuls"
    specification = Specification(
        level="lpu",
        takes=("lpu_esl",),
        after={
            "attentions": "attention tells values, keys and queries apart",
            "entries": "the functions must agree on what is merged",
        },
        gives=("products",),
        spoils=("distinct", "live"),
        numbers=SUMS,
    )

    def rewrite(self, module: ModuleOp) -> None:
        for group in mergeable(module):
            merge(group.members, group.parameters)
