"""Write the loops, the transfers and the engine operation of one tiled operation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from math import prod
from typing import NamedTuple

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Block, Region, SSAValue

from dialects.affine import Affine
from dialects.lpu.attributes import AffineAttr, AffineListAttr, IntsAttr
from dialects.lpu.contents import fill_hex
from dialects.lpu_mem import control, ops
from dialects.lpu_mem.access import Access, AccessAttr, View, row_major
from passes.lpu_mem.tiling.plan import Plan, is_staged, staged_operands
from passes.rewriting.places import MemBuilder, number
from runtime.numerics.elements import ElementType

ONE = Affine(1)


class Tile(NamedTuple):
    """One operand in the LMU: its buffer there and its view over the tile."""

    buffer: SSAValue
    view: View


@dataclass
class Emitter:
    """State while one operation is written: where to, and the loops around."""

    op: ops.DataOp
    plan: Plan
    build: MemBuilder
    names: Iterator[int]
    starts: dict[int, Affine]
    extents: dict[int, Affine]

    @staticmethod
    def begin(op: ops.DataOp, plan: Plan, build: MemBuilder, names: Iterator[int]) -> Emitter:
        """No loop is open, and a tile is the whole space."""
        return Emitter(op, plan, build, names, {}, dict(enumerate(plan.space.extents)))

    @property
    def axes(self) -> range:
        return range(self.plan.space.rank)

    def loop(self, axis: int) -> None:
        """Open a loop along an axis; what follows is written into its body."""
        index = next(self.names)
        variable, step = f"i{index}", self.plan.tiles[axis]
        upper = self.plan.space.extents[axis]
        block = Block()
        self.build.add(
            control.ForOp.create(
                properties={
                    "variable": StringAttr(variable),
                    "upper": AffineAttr(upper),
                    "step": number(step),
                },
                regions=[Region(block)],
            )
        )
        self.build = replace(self.build, block=block)
        start = Affine.symbol(variable)
        if not self.plan.is_optional(axis):
            self.starts[axis] = start
        if step == 1:
            self.extents[axis] = ONE
            return
        name = f"t{index}"
        properties = {
            "variable": StringAttr(name),
            "bound": number(step),
            "value": AffineAttr(upper - start),
        }
        self.build.add(control.MinOp.create(properties=properties))
        self.extents[axis] = Affine.symbol(name)

    def home(self, operand: int) -> View:
        """The view of an operand in HBM from the start of the current tile on."""
        view = self.plan.space.views[operand]
        offset = view.offset
        for axis, start in self.starts.items():
            offset = offset + start * view.strides[axis]
        return View(offset, view.strides)

    def moving(self, operand: int) -> list[int]:
        """The axes along which an operand moves and a tile extends."""
        view = self.plan.space.views[operand]
        return [a for a in self.axes if view.strides[a] != Affine() and self.plan.tiles[a] > 1]

    def stage(self, operand: int, copies: int = 1) -> Tile:
        """A dense LMU buffer for one tile of an operand, or for several behind one another."""
        axes = self.moving(operand)
        sizes = [self._size(operand, axis) for axis in axes]
        dtype = ops.buffer_of(self.op.operands[operand]).dtype
        buffer = self.build.alloc(dtype, copies * prod(sizes), "lmu")
        strides = [Affine()] * self.plan.space.rank
        for axis, stride in zip(axes, row_major(sizes), strict=True):
            strides[axis] = stride
        return Tile(buffer, View(Affine(), tuple(strides)))

    def _size(self, operand: int, axis: int) -> int:
        if self._is_selection(operand, axis):
            assert isinstance(self.op, ops.TopkOp)
            return self.op.k.value.data
        return self.plan.tiles[axis]

    def _is_selection(self, operand: int, axis: int) -> bool:
        """Whether this is the axis along which a top-k writes only k elements."""
        last = axis == self.plan.space.rank - 1
        return isinstance(self.op, ops.TopkOp) and operand < self.op.WRITES and last

    def transfer(self, operand: int, tile: Tile, *, load: bool) -> None:
        """Copy one tile between its home and the LMU."""
        axes = self.moving(operand)
        home = self.home(operand)
        extents = [
            Affine(self._size(operand, a)) if self._is_selection(operand, a) else self.extents[a]
            for a in axes
        ]
        far = (self.op.operands[operand], pick(home, axes))
        near = (tile.buffer, pick(tile.view, axes))
        operands = [near, far] if load else [far, near]
        self.build.data(ops.CopyOp, extents, operands)

    def engine(self, tiles: dict[int, Tile], *, accumulate: bool) -> None:
        """The operation itself on the staged tiles; direct operands stay at home."""
        kept = self._engine_axes()
        operands: list[tuple[SSAValue, View]] = []
        for index, buffer in enumerate(self.op.operands):
            tile = tiles.get(index)
            view = self.home(index) if tile is None else tile.view
            operands.append((buffer if tile is None else tile.buffer, pick(view, kept)))
        extents = tuple(self.extents[a] for a in kept)
        access = AccessAttr(Access(extents, tuple(view for _, view in operands)))
        properties = {**self.op.properties, "access": access}
        if isinstance(self.op, ops.ReduceOp):
            reduced = [i for i, a in enumerate(kept) if self.plan.space.reduced[a]]
            properties["axes"] = IntsAttr(tuple(reduced))
        if isinstance(self.op, ops.IotaOp):
            line = self.home(len(self.op.operands))
            coefficients = (line.offset, *(line.strides[a] for a in kept))
            properties["coefficients"] = AffineListAttr(coefficients)
        if accumulate:
            properties["accumulate"] = number(1)
        self.build.add(
            type(self.op).create(operands=[b for b, _ in operands], properties=properties)
        )

    def _engine_axes(self) -> list[int]:
        """Those that mean something by their position or extend; of a reduction, a reduced one."""
        reduced = self.plan.space.reduced
        kept = [a for a in self.axes if self.plan.tiles[a] > 1 or self._positional(a)]
        if isinstance(self.op, ops.ReduceOp) and not any(reduced[a] for a in kept):
            kept = sorted([*kept, reduced.index(True)])
        return kept

    def _positional(self, axis: int) -> bool:
        return axis >= self.plan.space.rank - self.plan.space.fixed

    def clear(self, operand: int, tile: Tile | None, value: str) -> None:
        """Fill a staged tile, or the part of the operand that it would hold, with one value."""
        axes = self.moving(operand)
        extents = [self.extents[a] for a in axes]
        buffer = self.op.operands[operand] if tile is None else tile.buffer
        view = pick(self.home(operand) if tile is None else tile.view, axes)
        self.build.data(ops.FillOp, extents, [(buffer, view)], value=StringAttr(value))


def pick(view: View, axes: list[int]) -> View:
    return View(view.offset, tuple(view.strides[a] for a in axes))


def identity_hex(op: ops.DataOp, dtype: ElementType) -> str:
    """The neutral element of what an operation accumulates with, as the digits of a fill."""
    if not isinstance(op, ops.ReduceOp) or op.fn.data == "sum":
        return fill_hex(0, dtype)
    if op.fn.data == "mul":
        return fill_hex(1, dtype)
    largest = op.fn.data == "min"
    if dtype.is_float:
        return fill_hex(float("inf") if largest else float("-inf"), dtype)
    if dtype == ElementType.BOOL:
        return fill_hex(largest, dtype)
    bits = 8 * dtype.itemsize
    if dtype == ElementType.U8:
        return fill_hex(255 if largest else 0, dtype)
    return fill_hex(2 ** (bits - 1) - 1 if largest else -(2 ** (bits - 1)), dtype)


def sequential_axes(op: ops.DataOp, plan: Plan) -> list[int]:
    """Looped axes that must run in order, inside of all others: sums, and the axis of a scan."""
    scanned = plan.space.rank - 1 if isinstance(op, ops.ScanOp) else -1
    return [
        axis
        for axis in range(plan.space.rank)
        if plan.is_looped(axis) and (plan.space.reduced[axis] or axis == scanned)
    ]


def carried_operands(op: ops.DataOp) -> tuple[int, ...]:
    """Operands whose tile lives across the sequential loops."""
    if isinstance(op, ops.ScanOp):
        return (1,)
    return (0,) if isinstance(op, ops.ReduceOp | ops.VecmatOp) else ()


def write(op: ops.DataOp, plan: Plan, build: MemBuilder, names: count[int]) -> None:
    """Write the tiled form of one operation."""
    emitter = Emitter.begin(op, plan, build, names)
    sequential = sequential_axes(op, plan)
    for axis in emitter.axes:
        if plan.is_looped(axis) and axis not in sequential:
            emitter.loop(axis)
    carried = {i: emitter.stage(i) for i in carried_operands(op) if is_staged(op, i)}
    outside = snapshot(emitter)
    _begin_carried(emitter, carried, split=bool(sequential))
    for axis in sequential:
        emitter.loop(axis)
    _write_tile(emitter, carried, split=bool(sequential))
    for index, tile in carried.items():
        outside.transfer(index, tile, load=False)


def _begin_carried(emitter: Emitter, carried: dict[int, Tile], *, split: bool) -> None:
    """What accumulates starts from its neutral element, a running sum from its carry."""
    op = emitter.op
    if isinstance(op, ops.ScanOp):
        if 1 in carried:
            emitter.transfer(1, carried[1], load=True)
    elif split:
        dtype = ops.buffer_of(op.operands[0]).dtype
        emitter.clear(0, carried.get(0), identity_hex(op, dtype))


def _write_tile(emitter: Emitter, carried: dict[int, Tile], *, split: bool) -> None:
    """Load what the tile reads, run the engine, store what it wrote."""
    op, tiles = emitter.op, dict(carried)
    staged = [entry.operand for entry in staged_operands(op) if entry.operand not in carried]
    for index in staged:
        tiles[index] = emitter.stage(index)
        if index >= op.WRITES:
            emitter.transfer(index, tiles[index], load=True)
    emitter.engine(tiles, accumulate=split and not isinstance(op, ops.ScanOp))
    for index in staged:
        if index < op.WRITES:
            emitter.transfer(index, tiles[index], load=False)


def snapshot(emitter: Emitter) -> Emitter:
    """The emitter as it is now: for what is written behind the loops that are opened later."""
    return replace(emitter, starts=dict(emitter.starts), extents=dict(emitter.extents))
