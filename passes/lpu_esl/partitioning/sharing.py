"""
Exchanges of what is computed element by element of one value: that value is exchanged once instead.

```mlir
%s = lpu.map "mul" %x, %x          // the square of parts, for a sum over all
%a = lpu_esl.unshard %s ...
%y = lpu.map "mul" %x, %r          // and the same parts, scaled, for a product
%b = lpu_esl.unshard %y ...
```
becomes one exchange of `%x`; the square and the product are computed whole, by every device.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Block, Operation, SSAValue

from dialects.lpu.elementwise import CastOp, ConstantOp, MapOp, SelectOp
from dialects.lpu.movement import ReshapeOp
from dialects.lpu.tensors import LpuOp
from dialects.lpu.types import tensor_type
from dialects.lpu.weights import Shard, Weight, WeightAttr
from dialects.lpu_esl.ops import UnshardOp
from dialects.lpu_esl.types import ShardType
from passes.lpu_esl.factors.reading import Reading, matrices
from passes.rewriting.build import Build
from passes.rewriting.creation import make
from passes.rewriting.kernel import insert, substitute

LIGHT = (MapOp, SelectOp, CastOp, ReshapeOp)


class Sharing:
    """Lets exchanges of one value be one."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self._exchanges = [op for op in operations if isinstance(op, UnshardOp)]
        self.reading = Reading()
        self._large = matrices(operations, self.reading)
        self._whole: dict[SSAValue, SSAValue] = {}

    def merge(self) -> None:
        """Merge the exchanges of equal roots that stand in one block; the others stay."""
        groups: dict[tuple[SSAValue, Block | None], list[UnshardOp]] = {}
        for op in self._exchanges:
            groups.setdefault((self._root(op.source), op.parent), []).append(op)
        for (root, _), members in groups.items():
            if len(members) > 1:
                self._whole.clear()
                self._merge(root, members)

    def _merge(self, root: SSAValue, members: list[UnshardOp]) -> None:
        first = members[0]
        kind = root.type
        assert isinstance(kind, ShardType), "what is exchanged is in parts"
        whole = make(UnshardOp, [root], [tensor_type(kind.whole)], first.properties, first.location)
        insert(whole, Build.behind(root).anchor)
        self._whole[root] = whole.result
        for op in members:
            substitute(op, [self._computed(op.source, op)])

    def _root(self, value: SSAValue) -> SSAValue:
        """The one value in parts that a value is computed of, element by element."""
        op = value.owner
        if not isinstance(op, LIGHT):
            return value
        parts = [v for v in op.operands if isinstance(v.type, ShardType)]
        computed = [v for v in parts if not self.reading.is_fixed(v)]
        weights = frozenset[Weight]().union(*map(self.reading.weights, parts))
        alone = len(dict.fromkeys(computed)) == 1 and weights.isdisjoint(self._large)
        return self._root(computed[0]) if alone else value

    def _computed(self, value: SSAValue, before: Operation) -> SSAValue:
        """A value as a whole, computed in front of an operation unless it is there already."""
        if not isinstance(value.type, ShardType):
            return value
        if value not in self._whole:
            op = value.owner
            assert isinstance(op, LpuOp), "what leads to a root is computed"
            operands = [self._computed(operand, before) for operand in op.operands]
            properties = dict(op.properties)
            if isinstance(op, ConstantOp):
                weight = op.value.data
                assert isinstance(weight, Shard), "a weight in parts is a shard"
                properties["value"] = WeightAttr(weight.source)
            kinds = [tensor_type(value.type.whole)]
            made = make(type(op), operands, kinds, properties, op.location)
            self._whole[value] = insert(made, before).results[0]
        return self._whole[value]
