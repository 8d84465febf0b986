"""
How loops, state and emitted tokens are bufferised.

A carried value has one buffer for all turns: filled before the loop, and again at the end of each
turn. A window of a state is a view of it, unless the state is written while the window is in use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from xdsl.dialects.builtin import ArrayAttr
from xdsl.ir import Attribute, Block, Region, SSAValue

from dialects.affine import Affine
from dialects.lpu import control
from dialects.lpu.attributes import IntsAttr
from dialects.lpu.control import state_of
from dialects.lpu.ports import StatePort
from dialects.lpu.tensors import tensor_of
from dialects.lpu_mem import control as mem
from dialects.lpu_mem.access import row_major
from dialects.lpu_mem.ports import Port, PortAttr
from dialects.lpu_mem.types import Buffer, BufferType
from passes.lpu.bufferise.bufferiser import Bufferiser, rule
from passes.rewriting.places import Place, number


def _ports(ports: Sequence[StatePort], strides: tuple[int, ...]) -> ArrayAttr[PortAttr]:
    """Ports of a state as ports of its buffer; strides are those of the last axes."""
    found: list[PortAttr] = []
    for port in ports:
        offset = sum(at * step for at, step in zip(port.offsets, strides, strict=True))
        last = strides[len(strides) - len(port.dims) :]
        kind = (port.name, port.role, port.dtype, port.dims)
        found.append(PortAttr(Port(*kind, last, offset, port.sharding)))
    return ArrayAttr(found)


@rule(control.StateOp)
def state(b: Bufferiser, op: control.StateOp) -> None:
    tensor = state_of(op.result)
    shape = tensor.static_shape()
    strides = row_major(shape)
    steps = tuple(stride.const for stride in strides)
    made = b.build.add(
        mem.StateOp.create(
            result_types=[BufferType(Buffer("hbm", tensor.dtype, max(prod(shape), 1)))],
            properties={
                "state": op.state,
                "shape": IntsAttr(shape),
                "inputs": _ports(op.inputs.data, steps),
                "outputs": _ports(op.outputs.data, steps),
            },
        )
    )
    b.places[op.result] = Place(made.results[0], tensor, Affine(), strides)


def _window(b: Bufferiser, op: control.ReadOp | control.WriteOp, value: SSAValue) -> Place:
    """The elements of the state that an operation reads or writes."""
    whole = b.place(op.state)
    offset = whole.offset
    for at, stride in zip(op.offsets.data, whole.strides, strict=True):
        offset = offset + at * stride
    return Place(whole.buffer, tensor_of(value), offset, whole.strides)


def _is_written_later(op: control.ReadOp) -> bool:
    """Whether something behind a read, in its block, writes the same state."""
    writes = [use.operation for use in op.state.uses if isinstance(use.operation, control.WriteOp)]
    block = op.parent
    assert block is not None
    later = {ancestor for write in writes if (ancestor := block.find_ancestor_op_in_block(write))}
    following = op.next_op
    while later and following is not None:
        if following in later:
            return True
        following = following.next_op
    return False


@rule(control.ReadOp)
def read(b: Bufferiser, op: control.ReadOp) -> None:
    window = _window(b, op, op.result)
    if _is_written_later(op):
        kept = b.build.new(window.tensor)
        b.build.copy(kept, window)
        window = kept
    b.places[op.result] = window


@rule(control.WriteOp)
def write(b: Bufferiser, op: control.WriteOp) -> None:
    b.build.copy(_window(b, op, op.value), b.place(op.value))


@rule(control.EmitOp)
def emit(b: Bufferiser, op: control.EmitOp) -> None:
    buffers: list[SSAValue] = []
    for value in op.operands:
        kept = b.build.new(tensor_of(value))
        b.build.copy(kept, b.place(value))
        buffers.append(kept.buffer)
    b.build.add(mem.EmitOp.create(operands=buffers))


@rule(control.ForOp)
def loop(b: Bufferiser, op: control.ForOp) -> None:
    results = [b.build.new(tensor_of(value)) for value in op.outputs]
    for place, value in zip(results, op.init, strict=False):
        b.build.copy(place, b.place(value))
    b.places.update(zip(op.block.args, results, strict=False))
    b.places.update(zip(op.outputs, results, strict=True))
    outer, block, location = b.build, Block(), op.location
    b.build = replace(outer, block=block)
    for inner in op.block.ops:
        if isinstance(inner, control.YieldOp):
            b.build.location = inner.location
            _end_turn(b, op, inner, results)
        else:
            b.visit(inner)
    b.build = outer
    b.build.location = location
    properties: dict[str, Attribute] = {
        "variable": op.variable,
        "upper": op.upper,
        "step": number(1),
    }
    if op.lower is not None:
        properties["lower"] = op.lower
    b.build.add(mem.ForOp.create(properties=properties, regions=[Region(block)]))


def _end_turn(
    b: Bufferiser, op: control.ForOp, end: control.YieldOp, results: Sequence[Place]
) -> None:
    """Put the other values at their place in the stacks, then carry the first to the next turn."""
    count = len(op.init)
    turn = Affine.symbol(op.variable.data)
    for stack, value in zip(results[count:], end.values[count:], strict=True):
        first, *strides = stack.strides
        part = Place(stack.buffer, tensor_of(value), stack.offset + turn * first, tuple(strides))
        b.build.copy(part, b.place(value))
    carried = results[:count]
    moves: list[tuple[Place, Place]] = []
    for target, value in zip(carried, end.values, strict=False):
        source = b.place(value)
        if source.buffer == target.buffer and source.view() == target.view():
            continue
        if any(source.buffer == other.buffer for other in carried):
            kept = b.build.new(source.tensor)
            b.build.copy(kept, source)
            source = kept
        moves.append((target, source))
    for target, source in moves:
        b.build.copy(target, source)
