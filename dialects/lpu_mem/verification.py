"""
What the operations of the level `lpu_mem` demand of what stands around them.

Every element that an operation touches lies in its buffer. Where an element lies may depend on the
device (`dialects.devices`), how many there are may not. Once a function has addresses
(`lpu_mem.arguments`), it is tiled: at most four axes, HBM is touched by transfers and by what an
engine reads or writes there directly, every buffer lies in the memory of the target, and no
operation writes where another of its buffers lies: an engine may not have read that yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from xdsl.dialects.builtin import ArrayAttr, IntegerAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from dialects.affine import Affine
from dialects.devices import differs_by_device
from dialects.lpu.attributes import IntsAttr
from dialects.lpu_mem import control, ops
from dialects.lpu_mem.access import View
from dialects.lpu_mem.buffers import buffer_of
from dialects.lpu_mem.control import verify_port
from dialects.lpu_mem.ports import Port, PortAttr
from dialects.lpu_mem.target import spill_base, target_of
from dialects.lpu_mem.types import Buffer
from dialects.refusal import require
from dialects.scopes import Bound, Rule, Scope

AXES = 4
"""Axes of a descriptor of the machine."""
ONE = Affine(1)


def _is_tiled(scope: Scope) -> bool:
    return "lpu_mem.arguments" in scope.func.attributes


def _data(op: ops.DataOp, scope: Scope) -> None:
    access = op.access.data
    alike = not any(map(differs_by_device, access.extents))
    require(op, alike, "all devices have the same extents")
    for index, (value, view) in enumerate(zip(op.operands, access.views, strict=True)):
        extents = _extents(op, index)
        low, high = _reach(view, extents, _rows(op, index))
        last = buffer_of(value).elements - 1
        empty = scope.below_zero(low, extents)
        require(op, not empty, f"it leaves buffer {index} at its start")
        beyond = scope.below_zero(last - high, extents)
        require(op, not beyond, f"it leaves buffer {index}, whose last element is {last}")
    if _is_tiled(scope):
        _tiled(op)
        _apart(op, scope)


def _extents(op: ops.DataOp, index: int) -> tuple[Affine, ...]:
    """The iteration space that one buffer sees."""
    extents = op.access.data.extents
    if isinstance(op, ops.ReduceOp) and index == 0:
        return tuple([ONE if axis in op.axes.data else e for axis, e in enumerate(extents)])
    if isinstance(op, ops.TopkOp) and index < op.WRITES:
        return (*extents[:-1], Affine(op.k.value.data))
    return extents


def _rows(op: ops.DataOp, index: int) -> Affine:
    """How far the last row that can be named lies behind the first."""
    if index in op.DIRECT and isinstance(op, ops.GatherOp | ops.ScatterOp):
        limit, row = op.limit.data, op.row_stride.data
        return (limit - 1) * row if limit.is_const or row.is_const else Affine()
    return Affine()


def _reach(view: View, extents: Sequence[Affine], rows: Affine) -> tuple[Affine, Affine]:
    """The first and the last element of a view; an axis that moves by symbols counts as short."""
    low, high = view.offset, view.offset + rows
    for extent, stride in zip(extents, view.strides, strict=True):
        if extent == ONE or (extent.terms and stride.terms):
            continue
        if not stride.terms and stride.const < 0:
            low = low + (extent - 1) * stride
        elif stride.terms or stride.const:
            high = high + (extent - 1) * stride
    return low, high


def _tiled(op: ops.DataOp) -> None:
    rank = op.access.data.rank
    require(op, rank <= AXES, f"the machine has no descriptors of {rank} axes")
    spaces = [buffer_of(value).space for value in op.operands]
    if isinstance(op, ops.CopyOp):
        require(op, "lmu" in spaces, "a tile goes between HBM and LMU, not within HBM")
        return
    for index, space in enumerate(spaces):
        here = (space == "hbm") == (index in op.DIRECT)
        require(op, here, f"no engine takes buffer {index} in {space}")


def _apart(op: ops.DataOp, scope: Scope) -> None:
    """What is written lies in no other buffer that the operation is given."""
    for number, value in enumerate(op.operands[: op.WRITES]):
        for other in op.operands[number + 1 :]:
            if value is other or buffer_of(value).space != buffer_of(other).space:
                continue
            at, end = _bytes(value, scope)
            first, last = _bytes(other, scope)
            apart = end <= first or last <= at
            require(op, apart, "it writes where another of its buffers lies")


def _bytes(value: SSAValue, scope: Scope) -> tuple[int, int]:
    """The first byte of a buffer, and the first behind it; none where no address is known."""
    if isinstance(value, BlockArgument):
        addresses = scope.func.attributes["lpu_mem.arguments"]
        known = addresses.data if isinstance(addresses, IntsAttr) else ()
        at = known[value.index] if value.index < len(known) else None
    else:
        address = getattr(value.owner, "address", None)
        at = address.value.data if isinstance(address, IntegerAttr) else None
    return (0, 0) if at is None else (at, at + buffer_of(value).nbytes)


def _loop(op: control.ForOp, scope: Scope) -> None:
    alike = not any(map(differs_by_device, (op.first, op.upper.data)))
    require(op, alike, "all devices take the same turns")
    high, step = op.upper.data - 1, op.step.value.data
    scope.bind(op, Bound(op.variable.data, "loop", op.first, (high,), step))


def _tile(op: control.MinOp, scope: Scope) -> None:
    require(op, not differs_by_device(op.value.data), "all devices have the same tiles")
    highs = (op.value.data, Affine(op.bound.value.data))
    scope.bind(op, Bound(op.variable.data, "tile", ONE, highs))


def _emit(op: control.EmitOp, scope: Scope) -> None:
    del scope
    require(op, isinstance(op.parent_op(), control.ForOp), "no loop is right around this token")


def _return(op: control.ReturnOp, scope: Scope) -> None:
    require(op, op.parent_op() is scope.func, "a program returns at the end of its function")


def _state(op: control.StateOp, scope: Scope) -> None:
    name, kind = op.state.data, op.result.type
    require(op, op.parent_op() is scope.func, "a state belongs to the whole function")
    require(op, name not in scope.states, f"the state '{name}' is there already")
    scope.states.add(name)
    known = scope.shared.states.setdefault(name, kind)
    require(op, known == kind, f"'{name}' is {known} in another function")
    for port in (*op.inputs, *op.outputs):
        _inside(op, port.data, op.result, scope)


def _inside(op: Operation, port: Port, value: SSAValue, scope: Scope) -> None:
    """Every element of a port lies in its buffer."""
    low, high = _reach(View.of(port.offset, port.strides), port.local, Affine())
    last = buffer_of(value).elements - 1
    outside = scope.below_zero(low, port.dims) or scope.below_zero(last - high, port.dims)
    require(op, not outside, f"port '{port.name}' leaves its buffer")


def _place(op: ops.AllocOp | ops.ParamOp | control.StateOp, scope: Scope) -> None:
    """Where there are addresses, each buffer has one, in the memory that the target has."""
    if not _is_tiled(scope):
        return
    at, buffer = op.address, buffer_of(op.result)
    require(op, at is not None, "every buffer has an address by now")
    start = 0 if at is None else at.value.data
    low, high = _room(op, buffer, scope)
    fits = low <= start and start + buffer.nbytes <= high
    require(op, fits, f"it lies at {start} and not from {low} to {high}")


def _room(op: Operation, buffer: Buffer, scope: Scope) -> tuple[int, int]:
    """The bytes of the memory that a buffer may take."""
    if buffer.space == "lmu":
        return 0, spill_base(target_of(scope.shared.module))
    if isinstance(op, ops.ParamOp):
        return 0, _number(scope.func, "params_size")
    base = _number(scope.func, "arena_base")
    return base, base + _number(scope.func, "arena_size")


def _number(func: FuncOp, name: str) -> int:
    value = func.attributes.get(f"lpu_mem.{name}")
    known = isinstance(value, IntegerAttr)
    require(func, known, f"a function with addresses says its {name}")
    return value.value.data if isinstance(value, IntegerAttr) else 0


def _placed_state(op: control.StateOp, scope: Scope) -> None:
    _state(op, scope)
    _place(op, scope)


RULES: dict[type[Operation], Rule] = {
    **dict.fromkeys(ops.DATA_OPS, _data),
    ops.AllocOp: _place,
    ops.ParamOp: _place,
    control.StateOp: _placed_state,
    control.ForOp: _loop,
    control.MinOp: _tile,
    control.EmitOp: _emit,
    control.ReturnOp: _return,
}


def verify_function(func: FuncOp, scope: Scope) -> None:
    """There is a port for each argument and for each buffer returned, and it lies there."""
    last = func.body.block.last_op
    returns = isinstance(last, control.ReturnOp)
    require(func, returns, "it ends with lpu_mem.return")
    values = {"inputs": func.args, "outputs": last.operands if last else ()}
    for kind, found in values.items():
        attribute = func.attributes.get(f"lpu_mem.{kind}")
        if not isinstance(attribute, ArrayAttr):
            continue
        ports = cast("ArrayAttr[PortAttr]", attribute)
        named = len(ports) == len(found)
        require(func, named, f"there are {len(ports)} ports for {len(found)} {kind}")
        for port, value in zip(ports, found, strict=True):
            verify_port(func, port.data, buffer_of(value))
            _inside(func, port.data, value, scope)
    _arguments(func)


def _arguments(func: FuncOp) -> None:
    addresses = func.attributes.get("lpu_mem.arguments")
    if isinstance(addresses, IntsAttr):
        placed = len(addresses.data) == len(func.args)
        require(func, placed, "there is an address for each argument")
