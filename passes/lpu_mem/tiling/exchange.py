"""
The messages of one exchange, tiled together.

An exchange is a run of sends and receives with nothing between them, which fill a buffer that has a
part for each device: part `dj` at `S * dj`. Where it is split, one loop holds all its messages: a
device that sent every tile before it receives the first would wait for ever on a link that holds
fewer of them, as its neighbours would. Parts that do not lie in the LMU are staged side by side and
stored as one block behind the last message, so that what is in HBM came from all devices.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count

from xdsl.ir import Operation

from dialects.affine import Affine, Ranges
from dialects.devices import is_device_symbol
from dialects.errors import CompileError, node_names
from dialects.lpu_mem import ops
from dialects.lpu_mem.access import View
from passes.lpu_mem.tiling.emit import Emitter, Tile, pick
from passes.lpu_mem.tiling.plan import AXES, Plan, least_bytes, plan, staged_operands
from passes.lpu_mem.tiling.space import simplify, space_of
from passes.rewriting.places import MemBuilder


def exchanges(operations: Iterable[Operation], ranges: Ranges) -> Iterator[list[Operation]]:
    """All operations in order: the messages of one exchange together, every other one alone."""
    run: list[Operation] = []
    for op in operations:
        if run and not _are_alike(run[-1], op, ranges):
            yield from _grouped(run, ranges)
            run = []
        run.append(op)
    yield from _grouped(run, ranges)


def _grouped(run: list[Operation], ranges: Ranges) -> Iterator[list[Operation]]:
    """A run as one exchange, or each of its messages alone where a part is missing."""
    parts = {name for op in run if isinstance(op, ops.LinkOp) for name, _ in op.view.offset.terms}
    if parts and parts == _devices(ranges):
        yield run
    else:
        yield from ([op] for op in run)


def _devices(ranges: Ranges) -> set[str]:
    return set(filter(is_device_symbol, ranges))


def _are_alike(a: Operation, b: Operation, ranges: Ranges) -> bool:
    """Whether two messages are of parts of one buffer, over one iteration space."""
    if not (isinstance(a, ops.LinkOp) and isinstance(b, ops.LinkOp)) or a.buffer is not b.buffer:
        return False
    if a.access.data.extents != b.access.data.extents or a.view.strides != b.view.strides:
        return False
    distance = _distance(a)
    return distance is not None and distance == _distance(b) and _length(a, ranges) <= distance[0]


def _distance(op: ops.LinkOp) -> tuple[int, int] | None:
    """From one part to the next, and where the first one starts; None if this is no such part."""
    offset = op.view.offset
    if len(offset.terms) != 1 or not is_device_symbol(offset.terms[0][0]):
        return None
    return offset.terms[0][1], offset.const


def _length(op: ops.LinkOp, ranges: Ranges) -> int:
    """Elements of the buffer from the first to the last that a message may touch."""
    extents, strides = op.access.data.extents, op.view.strides
    ends = [
        max(extent.upper(ranges) - 1, 0) * max(map(abs, stride.bounds(ranges)))
        for extent, stride in zip(extents, strides, strict=True)
    ]
    return sum(ends) + 1


def write_exchange(
    run: Sequence[ops.LinkOp], build: MemBuilder, names: count[int], budget: int
) -> None:
    """Write all messages of an exchange for `budget` bytes of LMU."""
    devices = len(_devices(build.ranges))
    emitter = Emitter.begin(run[0], _plan(run[0], build.ranges, budget, devices), build, names)
    for axis in emitter.axes:
        if emitter.plan.is_looped(axis):
            emitter.loop(axis)
    block = emitter.stage(0, copies=devices) if staged_operands(run[0]) else None
    filled: set[View] = set()
    for op in run:
        space, here = simplify(space_of(op)), replace(emitter.build, location=op.location)
        one = replace(emitter, op=op, plan=emitter.plan._replace(space=space), build=here)
        part = {} if block is None else {0: _part(op, block, devices)}
        if part and isinstance(op, ops.SendOp) and op.view not in filled:
            one.transfer(0, part[0], load=True)
        filled.add(op.view)
        one.engine(part, accumulate=False)
    if block is not None:
        received = replace(emitter.build, location=run[-1].location)
        _store(replace(emitter, build=received), block, devices)


def _plan(op: ops.LinkOp, ranges: Ranges, budget: int, devices: int) -> Plan:
    """Tiles of which the parts of all devices fit; where these are staged, they are an axis."""
    need = devices * least_bytes(op, ranges)
    axes = AXES - 1 if need else AXES
    if need > budget:
        names = node_names(op)
        raise CompileError(
            f"one element of each of {devices} parts takes {need} bytes of LMU, {budget} are free",
            node=names[0] if names else None,
            op=op.name,
            hint="choose a target with more LMU",
        )
    return plan(op, simplify(space_of(op)), ranges, budget // devices, axes)


def _part(op: ops.LinkOp, block: Tile, devices: int) -> Tile:
    """The part of the staged block that a message is."""
    ((device, _),) = op.view.offset.terms
    size = ops.buffer_of(block.buffer).elements // devices
    return Tile(block.buffer, View(Affine.symbol(device, size), block.view.strides))


def _store(emitter: Emitter, block: Tile, devices: int) -> None:
    """Copy the staged parts of all devices to their places, in the order of the devices."""
    axes, home = emitter.moving(0), emitter.home(0)
    assert isinstance(emitter.op, ops.LinkOp)
    ((device, distance),) = emitter.op.view.offset.terms
    size = ops.buffer_of(block.buffer).elements // devices
    far, near = pick(home, axes), pick(block.view, axes)
    start = home.offset - Affine.symbol(device, distance)
    extents = [Affine(devices), *(emitter.extents[axis] for axis in axes)]
    operands = [
        (emitter.op.buffer, View(start, (Affine(distance), *far.strides))),
        (block.buffer, View(Affine(), (Affine(size), *near.strides))),
    ]
    emitter.build.data(ops.CopyOp, extents, operands)
