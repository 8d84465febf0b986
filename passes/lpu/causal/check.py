"""
Whether each token of a prompt is taken as a step would take it.

A token may see itself, and others through the cache alone: rows that are read behind the write.
Scores of keys behind the row are masked, by positions, before they are added up over keys. What no
token decides is the same in a step. All of that is shown by rules for operations, from the ids on;
where a rule fails, what depends on it may not reach the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, SSAValue

from dialects.affine import Affine
from dialects.lpu.control import ForOp, ReadOp, StateOp, WriteOp, YieldOp
from dialects.lpu.tensors import tensor_of
from dialects.reading import all_within, operations
from passes.analysis.functions import symbol_ranges
from passes.lpu.causal.names import Names, NotShown, Numbers
from passes.lpu.causal.places import NOTHING, Digit
from passes.lpu.causal.rules import tokens_of
from passes.lpu.causal.tokens import ORDINARY, Tokens
from passes.lpu.causal.values import Values

TURNS = 4
"""How often a loop is gone through until what it carries stays as it is."""


def check_causal(
    function: FuncOp, ids: SSAValue, past: str, folder: Path, numbers: Numbers
) -> None:
    """Raise `NotShown` for a function that takes `ids` and fills the cache behind `past` tokens."""
    dims = tensor_of(ids).shape
    values = Values(function, Names(past), symbol_ranges(function), numbers, folder)
    values.tokens[ids] = Tokens(Digit(len(dims) - 1, dims[-1]))
    Walk(values).block(function.body.block)


State = Tokens | NotShown | None
"""What a value has to do with tokens, why that is not shown, or None if nothing."""


class Walk:
    """Goes through the operations in order; `unclear` are values of which nothing is shown."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.unclear: dict[SSAValue, NotShown] = {}
        self.kept: dict[SSAValue, tuple[int, Affine]] = {}
        self._find_caches()

    def _find_caches(self) -> None:
        """Along which axis of a state tokens lie, and where the first one of the prompt goes."""
        past, count = self.values.names.past, self.values.numbers.count
        for op in all_within(self.values.function):
            if not isinstance(op, WriteOp):
                continue
            columns = zip(op.offsets.data, tensor_of(op.value).shape, strict=True)
            ends = [
                (a, end) for a, (at, n) in enumerate(columns) if past in dict((end := at + n).terms)
            ]
            axis, end = ends[0] if len(ends) == 1 else (-1, NOTHING)
            found = axis, end - count
            if dict(end.terms) != {past: 1} or self.kept.get(op.state, found) != found:
                raise NotShown(op)
            self.kept[op.state] = found

    def block(self, block: Block) -> None:
        for op in operations(block):
            self.operation(op)

    def operation(self, op: Operation) -> None:
        match op:
            case StateOp() | YieldOp():
                return
            case ForOp():
                self._loop(op)
            case WriteOp():
                self._write(op)
            case ReadOp():
                self._settle(op, lambda: self._read(op))
            case _:
                if any(v in self.unclear or v in self.values.tokens for v in op.operands):
                    self._settle(op, lambda: tokens_of(self.values, op))

    def _settle(self, op: Operation, rule: Callable[[], Tokens]) -> None:
        """Keep what a rule says of the results, or why it says nothing."""
        for result in op.results:
            self.unclear.pop(result, None)
            self.values.tokens.pop(result, None)
        blamed = next((self.unclear[v] for v in op.operands if v in self.unclear), None)
        try:
            if blamed is not None:
                raise blamed
            found = rule()
        except NotShown as reason:
            self.unclear.update(dict.fromkeys(op.results, reason))
        else:
            self.values.tokens.update(dict.fromkeys(op.results, found))

    def _write(self, op: WriteOp) -> None:
        """The rows of the prompt, or those of the cache in front of them once more."""
        if op.value in self.unclear:
            raise self.unclear[op.value]
        axis, at = self.kept[op.state]
        extent, offset = tensor_of(op.value).shape[axis], op.offsets.data[axis]
        rows = Tokens(Digit(axis, extent))
        if offset != at:
            rows = Tokens(None, Digit(axis, extent), at - offset)
        if op.value not in self.values.tokens and offset == at:
            self.values.check(op, op.value, tensor_of(op.value).shape, rows)
        elif (not offset.is_const and offset != at) or self.values.tokens.get(op.value) != rows:
            raise NotShown(op)

    def _read(self, op: ReadOp) -> Tokens:
        """Of keys, all that there are, or those in front of the prompt."""
        if op.state not in self.kept:
            raise NotShown(op)
        axis, at = self.kept[op.state]
        extent, offset = tensor_of(op.result).shape[axis], op.offsets.data[axis]
        found = Tokens(None, Digit(axis, extent), at - offset)
        whole = self.values.covers(found, extent) or extent == found.base
        if not offset.is_const or not whole:
            raise NotShown(op)
        return found

    def _loop(self, op: ForOp) -> None:
        carried = [self._state(value) for value in op.init]
        for _ in range(TURNS):
            self._enter(op.block.args, carried)
            self.block(op.block)
            given = [self._state(value) for value in op.terminator.values]
            if given[: len(carried)] == carried:
                break
            entries = zip(op.init, carried, given, strict=False)
            carried = [self._weaker(op, value, a, b) for value, a, b in entries]
        else:
            raise NotShown(op)
        self._enter(op.outputs[: len(carried)], carried)
        stacked = [_stacked(state) for state in given[len(carried) :]]
        self._enter(op.outputs[len(carried) :], stacked)

    def _state(self, value: SSAValue) -> State:
        return self.unclear.get(value) or self.values.tokens.get(value)

    def _enter(self, values: Iterable[SSAValue], states: Iterable[State]) -> None:
        for value, state in zip(values, states, strict=True):
            self.unclear.pop(value, None)
            self.values.tokens.pop(value, None)
            if isinstance(state, Tokens):
                self.values.tokens[value] = state
            elif state is not None:
                self.unclear[value] = state

    def _weaker(self, op: ForOp, init: SSAValue, a: State, b: State) -> State:
        """What holds of a carried value at first and behind a turn."""
        if a == b or isinstance(a, NotShown):
            return a
        if a is None and isinstance(b, Tokens):
            try:
                self.values.check(op, init, tensor_of(init).shape, b)
            except NotShown as reason:
                return reason
            return b
        if isinstance(a, Tokens) and isinstance(b, Tokens) and replace(b, later=a.later) == a:
            return replace(a, later=ORDINARY)
        return b if isinstance(b, NotShown) else NotShown(op)


def _stacked(state: State) -> State:
    return state.moved(range(1, 64)) if isinstance(state, Tokens) else state
