"""
Find the pairs of past inputs and present results in a function.

A pair is found by dataflow: which argument a concatenation continues, and which result shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from dialects.lpu import ops
from dialects.lpu.interface import interface_of


@dataclass(frozen=True)
class Layout:
    """A value below transposes and casts: axis `i` is axis `perm[i]` of `base`."""

    base: SSAValue
    perm: tuple[int, ...]


def peeled(value: SSAValue) -> Layout:
    """What a value is a transposed or cast form of."""
    perm = tuple(range(ops.tensor_of(value).rank))
    while True:
        match value.owner:
            case ops.TransposeOp() as op:
                perm = tuple(op.perm.data[p] for p in perm)
            case ops.CastOp() as op:
                pass
            case _:
                return Layout(value, perm)
        value = op.source


def inverse(perm: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes one."""
    return tuple(perm.index(axis) for axis in range(len(perm)))


@dataclass(frozen=True)
class Pair:
    """An argument of the function that `concats` continue, and the results that show it."""

    past: BlockArgument
    concats: tuple[ops.ConcatOp, ...]
    perm: tuple[int, ...]
    """Axis `i` of a concatenation is axis `perm[i]` of the argument."""
    results: tuple[int, ...]
    moved: SSAValue | None
    """The result, if it is not the concatenation itself."""

    @property
    def axis(self) -> int:
        """Along which the argument grows."""
        return self.perm[self.concats[0].axis.value.data]


def _readers(value: SSAValue) -> Iterator[Operation]:
    """The users of a value, those of its casts and transposes in their place."""
    for use in value.uses:
        op = use.operation
        if isinstance(op, ops.CastOp | ops.TransposeOp):
            yield from _readers(op.result)
        else:
            yield op


def same_but_type(a: SSAValue, b: SSAValue) -> bool:
    """Whether two values are the same views of one value, whatever their types."""
    while isinstance(a.owner, ops.CastOp):
        a = a.owner.source
    while isinstance(b.owner, ops.CastOp):
        b = b.owner.source
    if a is b:
        return True
    one, other = a.owner, b.owner
    if not isinstance(one, ops.LpuOp) or not one.FACTS.moves or not isinstance(other, type(one)):
        return False
    alike = one.properties == other.properties
    alike = alike and ops.tensor_of(a).dims == ops.tensor_of(b).dims
    return alike and all(map(same_but_type, one.operands, other.operands))


def _continues(op: Operation, first: ops.ConcatOp, past: Layout) -> bool:
    """Whether `op` is the concatenation `first`, or the same one in another type."""
    if not isinstance(op, ops.ConcatOp) or len(op.operands) != 2:
        return False
    same = op.axis == first.axis and peeled(op.operands[0]) == past
    return same and same_but_type(op.operands[1], first.operands[1])


def _origins(result: SSAValue) -> set[ops.ConcatOp]:
    """The concatenations whose elements a result moves."""
    found: set[ops.ConcatOp] = set()
    values = [result]
    while values:
        match values.pop().owner:
            case ops.ConcatOp() as op:
                found.add(op)
            case ops.SelectOp() as op:
                values.extend([op.on_true, op.on_false])
            case ops.CastOp() | ops.TransposeOp() | ops.ReshapeOp() | ops.GatherOp() as op:
                values.append(op.source)
            case _:
                pass
    return found


class Finder:
    """Finds the pairs of a function."""

    def __init__(self, func: FuncOp) -> None:
        self.func = func
        self.ports = interface_of(func).arguments
        self.order = {op: place for place, op in enumerate(func.body.block.ops)}

    def pairs(self) -> list[Pair]:
        """All pairs, in the order of the results; one present may be several results."""
        terminator = self.func.body.block.last_op
        assert terminator is not None
        found: dict[SSAValue, Pair] = {}
        for index, result in enumerate(terminator.operands):
            pair = self._pair(index, result)
            if pair is None:
                continue
            earlier = found.setdefault(pair.past, pair)
            if earlier.moved is pair.moved and earlier is not pair:
                found[pair.past] = replace(pair, results=(*earlier.results, index))
        return list(found.values())

    def _pair(self, index: int, result: SSAValue) -> Pair | None:
        origins = _origins(result)
        concat = next(iter(origins)) if len(origins) == 1 else None
        if concat is None or len(concat.operands) != 2:
            return None
        past, shown = peeled(concat.operands[0]), peeled(result)
        if not isinstance(past.base, BlockArgument) or not self._keeps_type(concat, past.base):
            return None
        moved = None if shown.base is concat.result else result
        readers = dict.fromkeys(_readers(past.base))
        concats = sorted(
            (r for r in readers if isinstance(r, ops.ConcatOp)), key=self.order.__getitem__
        )
        pair = Pair(past.base, tuple(concats), past.perm, (index,), moved)
        fits = (
            all(_continues(reader, concat, past) for reader in readers)
            and concats[0] is concat
            and self._has_layout(pair, result, shown.perm)
        )
        return pair if fits else None

    def _keeps_type(self, concat: ops.ConcatOp, past: BlockArgument) -> bool:
        """Whether the elements have the type of the argument, or had it in the model."""
        dtype = concat.result_tensor().dtype
        stored = ops.tensor_of(past).dtype
        return dtype in (stored, self.ports[past.index].dtype)

    def _has_layout(self, pair: Pair, result: SSAValue, shown: tuple[int, ...]) -> bool:
        """Whether the result is the argument and more of it along the axis."""
        past, whole = ops.tensor_of(pair.past).shape, list(ops.tensor_of(result).shape)
        if pair.moved is None and shown != inverse(pair.perm):
            return False
        if len(whole) != len(past) or not self._grows(pair):
            return False
        whole[pair.axis] = past[pair.axis]
        return tuple(whole) == past

    def _grows(self, pair: Pair) -> bool:
        """Whether the argument is a cache: by its axis, or by its role where extents are fixed."""
        by_role = self.ports[pair.past.index].role == "past"
        return by_role or not ops.tensor_of(pair.past).shape[pair.axis].is_const
