"""Build the loop of a repeat, put it in the place of its turns, and take away what they needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Block, Operation, OpResult, Region, SSAValue

from dialects.affine import Affine
from dialects.lpu.attributes import AffineAttr, AffineListAttr
from dialects.lpu.control import ForOp, ReadOp, StateOp, StateType, WriteOp, YieldOp, state_of
from dialects.lpu.ports import StatePort, StatePortsAttr
from dialects.lpu.tensors import LpuOp, tensor_of
from dialects.lpu.types import TensorType
from dialects.reading import operands_of
from passes.lpu.rolling.body import Leaves, Placed, copied, fused, row, stacked_type
from passes.lpu.rolling.turns import Turns
from passes.rewriting.build import Build
from passes.rewriting.kernel import (
    block_of,
    erase,
    locate,
    move,
    replace_where,
    set_operands,
    substitute,
)

Escape = tuple[int, int]
"""Place of an operation in the body and number of its result: a value that is needed outside."""


def escapes(turns: Turns) -> dict[Escape, list[int]]:
    """The turns whose results other operations read; what the last turn carries is none."""
    graph, place, last = turns.graph, turns.place, turns.ends[-1]
    read = [v for at, values in enumerate(graph.uses) if at not in place for v in values]
    owned = {v: graph.index.get(id(v.owner)) for v in (*read, *graph.results) if v is not last}
    where = [
        (*place[at], value.index)
        for value, at in owned.items()
        if at in place and isinstance(value, OpResult)
    ]
    found: dict[Escape, list[int]] = {}
    for turn, k, number in sorted(where):
        found.setdefault((k, number), []).append(turn)
    return found


class Loop:
    """The loop that a repeat becomes."""

    def __init__(self, turns: Turns, variable: str) -> None:
        self.turns, self.variable = turns, variable
        self.escapes = escapes(turns)
        self.span = range(min(turns.place), max(turns.place) + 1)
        self.states: dict[SSAValue, SSAValue] = {}
        """The merged state of each state."""
        self.layers: dict[SSAValue, int] = {}
        self.end = YieldOp.create()
        carried = turns.starts[0]
        block = block_of([self.end], [carried.type])
        stacked = [self._escaping(e, 0) for e in self.escapes]
        self.op = ForOp.create(
            operands=[carried],
            result_types=[carried.type, *(stacked_type(v, turns.count) for v in stacked)],
            properties={
                "variable": StringAttr(variable),
                "upper": AffineAttr(Affine(turns.count)),
            },
            regions=[Region(block)],
        )

    def _escaping(self, escape: Escape, turn: int) -> SSAValue:
        place, number = escape
        return self.turns.graph.ops[self.turns.nodes[turn][place]].results[number]

    def build(self) -> None:
        """Replace the turns."""
        turns = self.turns
        anchor = turns.graph.ops[self.span.start]
        for position in self.span:
            if position not in turns.place and position not in turns.behind:
                move(turns.graph.ops[position], anchor)
        ends = [v.owner for v in turns.ends if isinstance(v.owner, Operation)]
        Placed(anchor, fused(ends)).insert(self.op)
        locate(self.end, self.op.location)
        self._merge_states()
        self._fill()
        self._connect()
        self._erase()

    def _merge_states(self) -> None:
        for column in self.turns.merged():
            owners = [v.owner for v in column if isinstance(v.owner, StateOp)]
            tensor = state_of(column[0])
            state = StateOp.create(
                result_types=[StateType(tensor.with_dims((len(column), *tensor.shape)))],
                properties={
                    "state": owners[0].state,
                    "inputs": _ports([op.inputs.data for op in owners]),
                    "outputs": _ports([op.outputs.data for op in owners]),
                },
            )
            Placed(self.op, fused(owners)).insert(state)
            state.result.name_hint = owners[0].result.name_hint
            self.states.update(dict.fromkeys(column, state.result))
            self.layers.update({v: layer for layer, v in enumerate(column)})

    def _fill(self) -> None:
        """The body: the operations of the first turn, in the order of the program."""
        turns = self.turns
        leaves = Leaves(self.op, self.end, self.variable)
        inside: dict[SSAValue, SSAValue] = {turns.starts[0]: self.op.block.args[0]}
        places = {position: place for place, position in enumerate(turns.nodes[0])}
        for position in sorted(places):
            op, place = turns.graph.ops[position], places[position]
            operands = [
                inside[value] if slot is None else leaves.value(slot)
                for value, slot in zip(turns.graph.uses[position], turns.slots[place], strict=True)
            ]
            build = Placed(self.end, fused(turns.column(place)))
            if isinstance(op, ReadOp | WriteOp):
                results = self._access(build, op, operands, Affine.symbol(self.variable))
            else:
                results = copied(build, op, operands).results
            inside.update(zip(op.results, results, strict=True))
        yielded = [turns.ends[0], *(self._escaping(e, 0) for e in self.escapes)]
        set_operands(self.end, [inside[value] for value in yielded])

    def _access(
        self, build: Build, op: ReadOp | WriteOp, operands: Sequence[SSAValue], layer: Affine
    ) -> list[SSAValue]:
        """A read or write like another, of one layer of the merged state."""
        state = self.states.get(op.state)
        if state is None:
            return list(copied(build, op, [op.state, *operands]).results)
        offsets = AffineListAttr((layer, *op.offsets.data))
        if isinstance(op, WriteOp):
            tensor = tensor_of(operands[0])
            value = build.reshape(operands[0], (1, *tensor.shape))
            write = WriteOp.create(operands=[state, value], properties={"offsets": offsets})
            build.insert(write)
            return []
        tensor = tensor_of(op.result)
        read = ReadOp.create(
            operands=[state],
            properties={"offsets": offsets},
            result_types=[TensorType(tensor.with_dims((1, *tensor.shape)))],
        )
        build.insert(read)
        return [build.reshape(read.result, tensor.shape)]

    def _connect(self) -> None:
        """Give what comes behind the results of the loop, and the other accesses their layer."""
        turns = self.turns
        behind = self.op.next_op
        assert behind is not None
        for number, (escape, layers) in enumerate(self.escapes.items()):
            for layer in layers:
                old = self._escaping(escape, layer)
                where = fused([op for op in (old.owner,) if isinstance(op, Operation)])
                value = row(Placed(behind, where), self.op.outputs[1 + number], layer)
                replace_where(old, value, lambda reader: not turns.holds(reader))
        carried = self.op.outputs[0]
        replace_where(turns.ends[-1], carried, lambda reader: not turns.holds(reader))
        for state, layer in self.layers.items():
            for use in [u for u in state.uses if not turns.holds(u.operation)]:
                self._redirect(use.operation, Affine(layer))

    def _redirect(self, op: Operation, layer: Affine) -> None:
        """An access outside of the loop."""
        assert isinstance(op, ReadOp | WriteOp)
        operands = [op.value] if isinstance(op, WriteOp) else []
        results = self._access(Build(op), op, operands, layer)
        substitute(op, results)

    def _erase(self) -> None:
        """Take the turns away, and what only they read."""
        graph, place = self.turns.graph, self.turns.place
        needed: dict[Operation | Block, None] = {}
        for position in sorted(place, reverse=True):
            op = graph.ops[position]
            owners = [v.owner for v in operands_of(op)]
            needed.update((o, None) for o in owners if graph.index.get(id(o)) not in place)
            erase(op)
        unused = [op for op in needed if isinstance(op, LpuOp | StateOp)]
        while unused:
            op = unused.pop()
            if op.parent is None or any(v.first_use for v in op.results):
                continue
            owners = [v.owner for v in op.operands]
            erase(op)
            unused.extend(owner for owner in owners if isinstance(owner, LpuOp | StateOp))


def _ports(ports: Sequence[tuple[StatePort, ...]]) -> StatePortsAttr:
    """The ports of all layers, each at its layer."""
    return StatePortsAttr(
        tuple(
            replace(port, offsets=(layer, *port.offsets))
            for layer, of_layer in enumerate(ports)
            for port in of_layer
        )
    )
