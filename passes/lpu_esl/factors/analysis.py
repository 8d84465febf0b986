"""
The factors of every axis of every value of a module, and which axes may be cut where they are read.

Functions share weights and states: an axis of either is the same factors wherever it is named, and
a transposed weight is the weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue

from dialects.affine import Affine
from dialects.lpu.control import ForOp, ReadOp, StateOp, StateType, WriteOp, state_of
from dialects.lpu.elementwise import ConstantOp
from dialects.lpu.ports import StatePort
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import TensorType
from dialects.lpu.weights import Cast, Transpose, Weight
from dialects.reading import all_within, operands_of, operations
from passes.analysis.functions import functions
from passes.lpu_esl.factors.classes import ONE, Classes
from passes.lpu_esl.factors.links import FREE, Link, links_of
from passes.lpu_esl.factors.reading import Reading, matrices

Axes = list[list[int]]
"""The factors of each axis."""


@dataclass(frozen=True)
class Ties:
    """The axes of an operation that may be cut: of each operand, and of the results."""

    operands: tuple[frozenset[int], ...]
    result: frozenset[int]


class Factors:
    """What is known of the axes of a module."""

    def __init__(self, module: ModuleOp) -> None:
        self.classes = Classes()
        self.reading = Reading()
        self._values: dict[SSAValue, Axes] = {}
        self._weights: dict[Weight, Axes] = {}
        self._states: dict[str, Axes] = {}
        self._ties: dict[Operation, Ties] = {}
        self._windows: dict[str, set[int]] = {}
        self.matrices = matrices(all_within(module), self.reading)
        for func in functions(module):
            self._read(func.body.block)

    def axes(self, value: SSAValue) -> Axes:
        """The factors of each axis of a value, none of which is split."""
        return [self.classes.leaves(axis) for axis in self._axes(value)]

    def ties(self, op: Operation) -> Ties:
        """Which axes of an operation may be cut."""
        return self._ties[op]

    def windows(self, state: SSAValue) -> set[int]:
        """The axes of a state of which every window and port in the module has all."""
        return self._windows.get(_name(state), set())

    def _axes(self, value: SSAValue) -> Axes:
        if value not in self._values:
            shape = _shape(value)
            owner = value.owner
            if isinstance(owner, ConstantOp):
                found = self._weight(owner.value.data)
            elif isinstance(owner, StateOp):
                found = self._states.setdefault(owner.state.data, self._fresh(shape))
            else:
                found = self._fresh(shape)
            self._values[value] = found
        return self._values[value]

    def _fresh(self, shape: Sequence[Affine]) -> Axes:
        return [self.classes.axis(extent) for extent in shape]

    def _weight(self, weight: Weight) -> Axes:
        """One for a weight wherever it is read, but not for biases: many of those are equal."""
        if weight not in self.matrices:
            return self._fresh([Affine(extent) for extent in weight.shape])
        if weight not in self._weights:
            match weight:
                case Transpose():
                    source = self._weight(weight.source)
                    found = [source[axis] for axis in weight.perm]
                case Cast():
                    found = self._weight(weight.source)
                case _:
                    found = self._fresh([Affine(extent) for extent in weight.shape])
            self._weights[weight] = found
        return self._weights[weight]

    def _read(self, block: Block) -> None:
        for op in operations(block):
            if isinstance(op, ForOp):
                self._loop(op)
            else:
                self._ties[op] = ties = self._tie(op, links_of(op))
                if isinstance(op, ReadOp | WriteOp):
                    taken = ties.operands[0] if isinstance(op, ReadOp) else ties.result
                    self._keep_windows(op.state, taken)
                elif isinstance(op, StateOp):
                    for port in (*op.inputs.data, *op.outputs.data):
                        self._keep_windows(op.result, _port_axes(op, port))

    def _keep_windows(self, state: SSAValue, taken: Iterable[int]) -> None:
        every = set(range(state_of(state).rank))
        self._windows.setdefault(_name(state), every).intersection_update(taken)

    def _loop(self, op: ForOp) -> None:
        """Carried values are one from turn to turn; what is stacked gets an axis in front."""
        inside, yielded = op.block.args, op.terminator.values
        for init, argument in zip(op.init, inside, strict=True):
            self._same(self._axes(init), self._axes(argument))
        self._read(op.block)
        for index, value in enumerate(yielded):
            result = self._axes(op.outputs[index])
            if index < len(inside):
                self._same(self._axes(inside[index]), self._axes(value))
                self._same(self._axes(inside[index]), result)
            else:
                self._same(self._axes(value), result[1:])

    def _same(self, left: Axes, right: Axes) -> None:
        for ours, theirs in zip(left, right, strict=True):
            self.classes.unify(ours, theirs)

    def _tie(self, op: Operation, links: Sequence[Link]) -> Ties:
        """Unify what the links of an operation name; an axis on which they disagree is whole."""
        results = _results(op)
        broken: set[int] = set()
        for link in links:
            if not all([self._unify(op, link, result) for result in results]):
                broken |= set(link.result_axes)
        held = [link for link in links if broken.isdisjoint(link.result_axes)]
        operands: list[set[int]] = [set() for _ in operands_of(op)]
        for link in held:
            if link.operand != FREE:
                operands[link.operand] |= set(link.axes)
        named = {axis for link in held for axis in link.result_axes}
        return Ties(tuple(map(frozenset, operands)), frozenset(named))

    def _unify(self, op: Operation, link: Link, result: SSAValue) -> bool:
        if link.operand == FREE:
            return True
        axes, target = self._axes(op.operands[link.operand]), self._axes(result)
        inner = [] if link.inner == ONE else [self.classes.new(link.inner)]
        theirs = [factor for axis in link.result_axes for factor in target[axis]]
        return self.classes.unify([*_joined(axes, link.axes), *inner], theirs)


def _port_axes(op: StateOp, port: StatePort) -> set[int]:
    """The axes of a state of which a port has all."""
    shape = state_of(op.result).shape
    lead = len(shape) - len(port.dims)
    return {axis + lead for axis, dim in enumerate(port.dims) if dim == shape[axis + lead]}


def _name(state: SSAValue) -> str:
    assert isinstance(state.owner, StateOp), "a state is made by its name"
    return state.owner.state.data


def _joined(axes: Axes, chosen: Iterable[int]) -> list[int]:
    return [factor for axis in chosen for factor in axes[axis]]


def _results(op: Operation) -> Sequence[SSAValue]:
    """What links end in: the results, or the state that is written."""
    return op.results or [v for v in operands_of(op) if isinstance(v.type, StateType)]


def _shape(value: SSAValue) -> Sequence[Affine]:
    if isinstance(value.type, StateType):
        return state_of(value).shape
    return tensor_of(value).shape if isinstance(value.type, TensorType) else ()
