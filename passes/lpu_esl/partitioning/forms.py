"""
The forms in which a value is there: whole, or in parts, each made once and right behind the value.

A weight is read in any form: each device is given its part when the program is written. What is
computed whole is cut by taking one's own part, unless it is elementwise and a part takes parts of
weights alone, such as scales of columns; what is computed in parts and needed whole is
`lpu_esl.unshard`, which stands for an exchange.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine
from dialects.lpu.elementwise import CastOp, ConstantOp, MapOp, SelectOp
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import Tensor, TensorType, tensor_type
from dialects.lpu.weights import Shard, WeightAttr
from dialects.lpu_esl.ops import UnshardOp
from dialects.lpu_esl.types import ShardType, local_tensor, shard_type
from passes.lpu_esl.factors.analysis import Factors
from passes.lpu_esl.partitioning.layouts import Chosen, Layouts
from passes.rewriting.build import Build
from passes.rewriting.creation import make
from passes.rewriting.kernel import insert, retype
from passes.rewriting.remarks import PARTITION
from runtime.sharding import Factor, Sharding

ELEMENTWISE = (MapOp, SelectOp, CastOp)
WHOLE: Chosen = frozenset()
"""No factor is cut."""


def own_part(build: Build, value: SSAValue, sharding: Sharding) -> SSAValue:
    """The part of a whole value that a device holds, whose number is the symbol `d0`."""
    shape = tensor_of(value).shape
    axis = next(i for i, a in enumerate(sharding.axes) if any(f.parts > 1 for f in a))
    factors = sharding.axes[axis]
    index = next(i for i, factor in enumerate(factors) if factor.parts > 1)
    cut = factors[index]
    split = [*shape[:axis], *(Affine(f.extent) for f in factors), *shape[axis + 1 :]]
    at = axis + index
    whole = build.reshape(value, split)
    part = build.slice_axis(
        _padded(build, whole, at, cut), at, Affine.symbol("d0", cut.each), cut.each
    )
    alone: list[tuple[Factor, ...]] = [()] * len(split)
    alone[at] = (cut,)
    retype(part, shard_type(tensor_of(whole), Sharding(sharding.devices, tuple(alone))))
    result = build.reshape(part, local_tensor(tensor_of(value), sharding).shape)
    retype(result, shard_type(tensor_of(value), sharding))
    return result


def _padded(build: Build, value: SSAValue, axis: int, cut: Factor) -> SSAValue:
    missing = cut.each * cut.parts - cut.extent
    if not missing:
        return value
    tensor = tensor_of(value)
    dims = (*tensor.shape[:axis], Affine(missing), *tensor.shape[axis + 1 :])
    return build.concat([value, build.fill(0, dims, tensor.dtype)], axis)


@dataclass(frozen=True)
class Need:
    """A value in the form in which an operation reads it, and the factors that are cut in it."""

    value: SSAValue
    sharding: Sharding
    chosen: Chosen


class Forms:
    """What there is of each value of a module."""

    def __init__(self, factors: Factors, layouts: Layouts) -> None:
        self.factors, self.layouts = factors, layouts
        self._forms: dict[SSAValue, dict[Sharding, SSAValue]] = {}

    def is_demanded(self, value: SSAValue) -> bool:
        """Whether a value is made in the form that is asked for, as weights are."""
        return self.factors.reading.is_fixed(value)

    def need(self, value: SSAValue, chosen: Chosen, tied: Collection[int] | None = None) -> Need:
        """A value with these factors cut, on all or some of its axes."""
        axes = self.factors.axes(value)
        where = range(len(axes)) if tied is None else tied
        here = chosen.intersection(factor for axis in where for factor in axes[axis])
        return Need(value, self.layouts.sharding(axes, where, here), here)

    def needs(self, op: Operation, chosen: Chosen) -> list[Need | None]:
        """What an operation reads that computes with these factors cut; None of a state."""
        pairs = zip(op.operands, self.factors.ties(op).operands, strict=True)
        return [
            self.need(v, chosen, tied) if isinstance(v.type, TensorType) else None
            for v, tied in pairs
        ]

    def put(self, value: SSAValue, form: SSAValue) -> None:
        """A form of a value in parts, which is there instead of the value."""
        assert isinstance(form.type, ShardType)
        self._forms.setdefault(value, {})[form.type.sharding] = form

    def put_whole(self, value: SSAValue, form: SSAValue) -> None:
        """Another value that every device has, and that is there instead of the value."""
        self._forms[value] = {self.need(value, WHOLE).sharding: form}

    def any_of(self, value: SSAValue) -> SSAValue:
        """A form of a value that is there: the whole one, if it is."""
        forms = self._forms.get(value, {self.need(value, WHOLE).sharding: value})
        return min(forms.items(), key=lambda form: not form[0].is_whole)[1]

    def has_whole(self, value: SSAValue) -> bool:
        """Whether a value is there as a whole."""
        forms = self._forms.get(value)
        return forms is None or any([sharding.is_whole for sharding in forms])

    def is_split(self, need: Need) -> bool:
        """Whether a value is there in these parts, and not whole."""
        forms = self._forms.get(need.value, {})
        return need.sharding in forms and not self.has_whole(need.value)

    def is_there(self, need: Need) -> bool:
        """Whether a form can be had: any, but parts of what is whole over a part of the mesh."""
        if need.sharding.is_whole or need.sharding in self._forms.get(need.value, {}):
            return True
        if self.is_demanded(need.value):
            return self._can_make(need)
        return self.layouts.is_own(need.sharding)

    def get(self, need: Need, reason: str) -> SSAValue:
        """A form of a value; what is missing is made behind the value, for a reason."""
        value, sharding = need.value, need.sharding
        forms = self._forms.get(value)
        if sharding.is_whole and forms is None:
            return value
        if forms is None:
            forms = self._forms[value] = {self.need(value, WHOLE).sharding: value}
        if sharding not in forms:
            forms[sharding] = self._make(need, reason)
        return forms[sharding]

    def _make(self, need: Need, reason: str) -> SSAValue:
        value = need.value
        if self.is_demanded(value) and self._can_make(need):
            return self._demand(need)
        if need.sharding.is_whole:
            return self._unshard(value, reason)
        if self._is_made_of_parts(need):
            assert isinstance(value.owner, Operation)
            return self.local(value.owner, need.chosen, reason)[0]
        whole = self.get(self.need(value, WHOLE), reason)
        return own_part(Build.behind(whole), whole, need.sharding)

    def _unshard(self, value: SSAValue, reason: str) -> SSAValue:
        form = next(iter(self._forms[value].values()))
        assert isinstance(form.type, ShardType), "what is not whole is in parts"
        PARTITION.yes(value, "is brought to all devices: {}", reason)
        build, located = Build.behind(form), _origin(form)
        properties = {"reason": StringAttr(reason)}
        kind = tensor_type(form.type.whole)
        op = make(UnshardOp, [form], [kind], properties, located.location)
        op.results[0].name_hint = value.name_hint
        return insert(op, build.anchor).results[0]

    def _can_make(self, need: Need) -> bool:
        op = need.value.owner
        if isinstance(op, ConstantOp):
            return True
        assert isinstance(op, Operation)
        made = self.need(need.value, need.chosen, self.factors.ties(op).result)
        same = made.sharding == need.sharding
        return same and all(n is None or self.is_there(n) for n in self.needs(op, need.chosen))

    def _is_made_of_parts(self, need: Need) -> bool:
        """Whether something elementwise has no operand that is cut but weights, or what is so."""
        op = need.value.owner
        if not isinstance(op, ELEMENTWISE):
            return False
        made = self.need(need.value, need.chosen, self.factors.ties(op).result)
        read = [one for one in self.needs(op, need.chosen) if one is not None]
        cut = [one for one in read if not one.sharding.is_whole]
        others = all(self.has_whole(one.value) for one in read if one.sharding.is_whole)
        return (
            made.sharding == need.sharding
            and bool(cut)
            and others
            and all(map(self._is_weight, cut))
        )

    def _is_weight(self, need: Need) -> bool:
        if self.is_demanded(need.value):
            return self._can_make(need)
        return self._is_made_of_parts(need)

    def _demand(self, need: Need) -> SSAValue:
        """A weight, or what is made of weights alone, in another form."""
        op = need.value.owner
        assert isinstance(op, Operation)
        if not isinstance(op, ConstantOp):
            return self.local(op, need.chosen, "made of weights")[0]
        kind = shard_type(op.result_tensor(), need.sharding)
        properties = {"value": WeightAttr(Shard(op.value.data, need.sharding))}
        made = make(ConstantOp, (), [kind], properties, op.location)
        made.results[0].name_hint = op.result.name_hint
        return insert(made, op).results[0]

    def local(self, op: Operation, chosen: Chosen, reason: str) -> Sequence[SSAValue]:
        """An operation of which each device computes its part, in front of the operation."""
        operands = self.operands(op, chosen, reason)
        tied = self.factors.ties(op).result
        kinds = [_kind(tensor_of(v), self.need(v, chosen, tied).sharding) for v in op.results]
        made = make(type(op), operands, kinds, op.properties, op.location)
        for old, new in zip(op.results, made.results, strict=True):
            new.name_hint = old.name_hint
        insert(made, op)
        return made.results

    def operands(self, op: Operation, chosen: Chosen, reason: str) -> list[SSAValue]:
        """The operands of an operation that computes with these factors cut."""
        pairs = zip(op.operands, self.needs(op, chosen), strict=True)
        return [value if need is None else self.get(need, reason) for value, need in pairs]


def _kind(tensor: Tensor, sharding: Sharding) -> TensorType:
    return tensor_type(tensor) if sharding.is_whole else shard_type(tensor, sharding)


def _origin(value: SSAValue) -> Operation:
    """The operation that makes a value: of what a loop carries the loop, of an input its reader."""
    if isinstance(value.owner, Operation):
        return value.owner
    outer = value.owner.parent_op()
    if outer is not None and not isinstance(outer, FuncOp):
        return outer
    first = value.first_use
    assert first is not None, "what is exchanged is read"
    return first.operation
