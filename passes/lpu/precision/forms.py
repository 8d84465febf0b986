"""The short and the long form of each value, made on demand and once."""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.ir import Operation, SSAValue

from dialects.lpu.elementwise import CastOp, ConstantOp, SelectOp
from dialects.lpu.facts import facts_of
from dialects.lpu.movement import GatherOp
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import tensor_type
from dialects.lpu.weights import Cast
from passes.lpu.raising.numbers import number_of
from passes.rewriting.build import Build
from passes.rewriting.creation import make
from passes.rewriting.kernel import insert, replace, substitute
from runtime.numerics.elements import ElementType

F32 = ElementType.F32
LEAST = {
    ElementType.F32: -(2 - 2.0**-23) * 2.0**127,
    ElementType.F16: -65504.0,
    ElementType.BF16: -(2 - 2.0**-7) * 2.0**127,
}
"""The least finite number of each float type."""


@dataclass
class Forms:
    """What values are in the other float type."""

    short: ElementType
    tainted: set[SSAValue] = field(default_factory=set[SSAValue])
    """What depends on data."""
    shorter: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    longer: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    unrounded: set[SSAValue] = field(default_factory=set[SSAValue])
    """Short values whose long form has digits that they lack."""

    def demoted(self, value: SSAValue, short: ElementType) -> SSAValue:
        """A value in the short type, as far up as its definition allows."""
        if tensor_of(value).dtype != F32:
            return value
        known = self._known(value, short)
        if known is None:
            known = self.shorter[value] = self._demote(value, short)
        return known

    def _known(self, value: SSAValue, short: ElementType) -> SSAValue | None:
        """The short form of a value so far; a model may hold short values of another type."""
        known = self.shorter.get(value)
        return known if known is not None and tensor_of(known).dtype is short else None

    def _demote(self, value: SSAValue, short: ElementType) -> SSAValue:
        op = value.owner
        if isinstance(op, CastOp) and tensor_of(op.source).dtype == short:
            return op.source
        if isinstance(op, ConstantOp):
            return Build(op).constant(Cast(op.value.data, short))
        if isinstance(op, Operation) and facts_of(op).moves:
            return clone(op, [self.demoted(v, short) for v in op.operands])
        return Build.behind(value).cast(value, short)

    def stored(self, value: SSAValue, short: ElementType) -> SSAValue:
        """What a cache will hold, in the short type: choices and lookups move rounded elements."""
        op, known = value.owner, self._known(value, short)
        if known is not None and not _is_cast_of(known, value):
            return known
        if isinstance(op, GatherOp):
            self.shorter[value] = clone(op, [self.stored(op.source, short), op.indices])
        elif isinstance(op, SelectOp):
            arms = [self.stored(arm, short) for arm in (op.on_true, op.on_false)]
            self.shorter[value] = clone(op, [op.condition, *arms])
        elif isinstance(op, Operation) and facts_of(op).moves:
            self.shorter[value] = clone(op, [self.stored(v, short) for v in op.operands])
        return self.demoted(value, short)

    def widened(self, value: SSAValue) -> SSAValue:
        """A value in f32, unrounded if it was computed so; the least number stays the least."""
        dtype = tensor_of(value).dtype
        if dtype == F32 or not dtype.is_float:
            return value
        if value not in self.longer:
            build = Build.behind(value)
            if number_of(value) == LEAST[dtype]:
                long = build.fill(LEAST[F32], tensor_of(value).shape, F32)
            else:
                long = build.cast(value, F32)
                self.shorter[long] = value
            self.longer[value] = long
        return self.longer[value]

    def rounds(self, result: SSAValue, long: SSAValue, short: ElementType) -> None:
        """Let the rounded form of `long` be read in the place of a short value."""
        assert isinstance(result.owner, Operation)
        rounded = Build(result.owner).cast(long, short)
        self.longer[rounded], self.shorter[long] = long, rounded
        self.unrounded.add(rounded)
        self._taint(result, long, rounded)
        replace(result, rounded)

    def lengthens(self, op: Operation, short: SSAValue) -> None:
        """Put a short value, cast to f32, in the place of the result of an operation."""
        (result,) = op.results
        long = Build(op).cast(short, F32)
        self.shorter[long] = short
        self._taint(result, long)
        substitute(op, [long])

    def _taint(self, result: SSAValue, *values: SSAValue) -> None:
        if result in self.tainted:
            self.tainted.update(values)


def _is_cast_of(short: SSAValue, value: SSAValue) -> bool:
    op = short.owner
    return isinstance(op, CastOp) and op.source is value


def clone(op: Operation, operands: list[SSAValue]) -> SSAValue:
    """The same operation in front of it, on operands of another float type."""
    (dtype,) = {tensor_of(v).dtype for v in operands if tensor_of(v).dtype.is_float}
    tensor = tensor_of(op.results[0])
    kind = tensor_type(tensor.with_dtype(dtype) if tensor.dtype.is_float else tensor)
    new = make(type(op), operands, [kind], op.properties, op.location)
    return insert(new, op).results[0]
