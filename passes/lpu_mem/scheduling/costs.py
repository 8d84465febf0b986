"""What an operation costs, in cycles, before it is known which buffers lie in the LMU.

These are estimates that only choose an order: what no engine needs to be told about (banks, ports,
granules, the FIFO) is left out. What a program takes is said by `runtime.timing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from math import ceil, prod
from typing import NamedTuple

from xdsl.ir import BlockArgument, Operation

from dialects.affine import Affine
from dialects.lpu_mem.control import StateOp
from dialects.lpu_mem.ops import CopyOp, DataOp, GatherOp, LinkOp, ReduceOp, VecmatOp, buffer_of
from runtime.target import Target


class Engine(Enum):
    """What serves an operation, in order."""

    MATRIX = auto()
    VECTOR = auto()
    TRANSFER = auto()
    LINK = auto()


class Cost(NamedTuple):
    """`work` keeps the engine; `latency` later the result is there.

    `rest` is the share of the work that is left when the last of the operands is there.
    """

    engine: Engine
    work: float
    latency: float
    rest: float


def engine_of(op: Operation) -> Engine:
    """Which engine an operation will be for."""
    if isinstance(op, VecmatOp):
        return Engine.MATRIX
    if isinstance(op, LinkOp):
        return Engine.LINK
    moves = isinstance(op, GatherOp) or (isinstance(op, CopyOp) and any(map(_is_far, op.operands)))
    return Engine.TRANSFER if moves else Engine.VECTOR


def _is_far(value: object) -> bool:
    """Whether a buffer is one of HBM whatever else is chosen."""
    return isinstance(value, BlockArgument) or isinstance(getattr(value, "owner", None), StateOp)


def cost_of(op: DataOp, values: Mapping[str, int], target: Target) -> Cost:
    """The cost where symbols have these values."""
    extents = [max(0, extent.evaluate(values)) for extent in op.access.data.extents]
    size = buffer_of(op.operands[0]).dtype.itemsize
    engine, elements = engine_of(op), prod(extents)
    match engine:
        case Engine.MATRIX:
            return _product(op, extents, target)
        case Engine.LINK:
            work = target.link_cycles(elements * size)
            return Cost(engine, work, target.link_hop_latency, 0)
        case Engine.TRANSFER:
            return Cost(engine, _moved(op, extents, size, target), 2 * target.hbm_latency, 0)
        case Engine.VECTOR:
            rows = prod(extents[:-1]) if len(extents) > 1 else 1
            steps = rows * ceil((extents[-1] if extents else 1) / target.vxe_lanes)
            depth = target.vxe_lanes.bit_length() if isinstance(op, ReduceOp) else 1
            return Cost(engine, target.issue_latency + steps, depth * target.vector_latency, 0)


def _product(op: DataOp, extents: Sequence[int], target: Target) -> Cost:
    """A panel streams once, however many rows share it; heads follow each other."""
    panel = op.access.data.views[2]
    size = buffer_of(op.operands[2]).dtype.itemsize
    moves = [e for e, s in zip(extents, panel.strides, strict=True) if s != Affine()]
    *outer, inner, columns = extents
    tiles = prod(outer) * ceil(inner / target.vector_lanes) * ceil(columns / target.mac_trees)
    streamed = prod(moves) * size / (target.bytes_per_cycle * float(target.refresh_leaves))
    heads = prod(e for e, s in zip(outer, panel.strides, strict=False) if s != Affine())
    work = target.issue_latency + max(streamed, tiles * target.tile_cycles(size))
    return Cost(Engine.MATRIX, work, target.matrix_latency, 1 / max(1, heads))


def _moved(op: DataOp, extents: Sequence[int], size: int, target: Target) -> float:
    """Elements that do not follow each other take a burst each."""
    elements, view = prod(extents), op.access.data.views[0]
    follow = not view.strides or view.strides[-1] in (Affine(), Affine(1))
    each = size if follow else target.hbm_burst_bytes
    return target.issue_latency + elements * each / target.bytes_per_cycle
