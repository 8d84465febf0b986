"""Which instruction carries out an operation over data of the level `lpu_mem`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dialects.affine import Affine
from dialects.errors import unsupported
from dialects.lpu_isa.code import Code
from dialects.lpu_mem import ops
from dialects.lpu_mem.access import Access
from dialects.lpu_mem.ops import buffer_of
from passes.lpu_mem.selection.scopes import Scopes
from runtime.isa import (
    Cast,
    Copy,
    Fill,
    Gather,
    Inst,
    Iota,
    Load,
    Map1,
    Map2,
    Operand,
    Recv,
    Reduce,
    Scan,
    Scatter,
    Select,
    Send,
    Store,
    Stream,
    TopK,
    Vecmat,
)
from runtime.numerics.elements import ElementType
from runtime.program.bounds import LONGEST_EXTENT

AXES = 4
ONE, ZERO = Affine(1), Affine(0)
Four = tuple[int, int, int, int]
AddressOf = Callable[[Any], int]


def four(values: list[int]) -> Four:
    a, b, c, d = values
    return (a, b, c, d)


class Selection:
    """Selects instructions for one operation after the other, into the innermost scope."""

    def __init__(self, scopes: Scopes, address_of: AddressOf) -> None:
        self.scopes = scopes
        self.address_of = address_of

    def select(self, op: ops.DataOp) -> None:
        """Append the instructions of an operation."""
        access = op.access.data
        assert access.rank <= AXES, f"{op.name} has {access.rank} axes, lpu-mem-tile leaves 4"
        extents = [ONE] * (AXES - access.rank) + [self.scopes.resolve(e) for e in access.extents]
        for extent in extents:
            if extent.upper(self.scopes.ranges) > LONGEST_EXTENT:
                raise unsupported(op, f"{extent} elements in a row, of at most {LONGEST_EXTENT}")
        registers = four([self.scopes.scalar(e) for e in extents])
        operands = [self._operand(op, i, access, extents) for i in range(len(op.operands))]
        SELECT[type(op)](self, op, registers, operands)

    def emit(self, inst: type[Inst], extents: Four, **fields: Any) -> None:
        self.scopes.emit(Code.of(inst, extents=extents, **fields))

    def _operand(
        self, op: ops.DataOp, index: int, access: Access, extents: list[Affine]
    ) -> Operand:
        value, view = op.operands[index], access.views[index]
        buffer = buffer_of(value)
        dtype, size = buffer.dtype, buffer.dtype.itemsize
        if buffer.space == "hbm":
            base = self.scopes.address(view.offset * size, self.address_of(value))
        else:
            base = self.scopes.scalar(view.offset * size + self.address_of(value))
        strides = [ZERO] * (AXES - access.rank) + [s * size for s in view.strides]
        pairs = zip(strides, extents, strict=True)
        steps = [0 if e == ONE else self.scopes.scalar(s) for s, e in pairs]
        return Operand(dtype, base, four(steps))


def _map(s: Selection, op: ops.MapOp, extents: Four, o: list[Operand]) -> None:
    if len(o) == 2:
        s.emit(Map1, extents, fn=op.fn.data, dst=o[0], a=o[1])
    else:
        s.emit(Map2, extents, fn=op.fn.data, dst=o[0], a=o[1], b=o[2])


def _select(s: Selection, _: ops.SelectOp, extents: Four, o: list[Operand]) -> None:
    s.emit(Select, extents, dst=o[0], cond=o[1], a=o[2], b=o[3])


def _cast(s: Selection, _: ops.CastOp, extents: Four, o: list[Operand]) -> None:
    s.emit(Cast, extents, dst=o[0], a=o[1])


def _copy(s: Selection, op: ops.CopyOp, extents: Four, o: list[Operand]) -> None:
    spaces = tuple(buffer_of(value).space for value in op.operands)
    if spaces == ("lmu", "hbm"):
        s.emit(Load, extents, dst=o[0], src=o[1])
    elif spaces == ("hbm", "lmu"):
        s.emit(Store, extents, dst=o[0], src=o[1])
    else:
        assert spaces == ("lmu", "lmu"), "a copy within HBM is not tiled"
        s.emit(Copy, extents, dst=o[0], a=o[1])


def _fill(s: Selection, op: ops.FillOp, extents: Four, o: list[Operand]) -> None:
    value = int.from_bytes(bytes.fromhex(op.value.data), "little", signed=True)
    s.emit(Fill, extents, dst=o[0], value=s.scopes.constant(value))


def _iota(s: Selection, op: ops.IotaOp, extents: Four, o: list[Operand]) -> None:
    base, *steps = op.coefficients.data
    padded = [ZERO] * (AXES - len(steps)) + steps
    registers = four([s.scopes.scalar(step) for step in padded])
    s.emit(Iota, extents, dst=o[0], start=s.scopes.scalar(base), steps=registers)


def _reduce(s: Selection, op: ops.ReduceOp, extents: Four, o: list[Operand]) -> None:
    shift = AXES - op.access.data.rank
    axes = sum(1 << (axis + shift) for axis in op.axes.data)
    onto = bool(op.accumulate.value.data)
    s.emit(Reduce, extents, fn=op.fn.data, dst=o[0], a=o[1], axes=axes, accumulate=onto)


def _scan(s: Selection, op: ops.ScanOp, extents: Four, o: list[Operand]) -> None:
    exclusive = bool(op.exclusive.value.data)
    s.emit(Scan, extents, dst=o[0], carry=o[1], a=o[2], exclusive=exclusive)


def _row_bytes(s: Selection, op: ops.GatherOp | ops.ScatterOp, dtype: ElementType) -> int:
    return s.scopes.scalar(op.row_stride.data * dtype.itemsize)


def _gather(s: Selection, op: ops.GatherOp, extents: Four, o: list[Operand]) -> None:
    limit, row = s.scopes.scalar(op.limit.data), _row_bytes(s, op, o[1].type)
    s.emit(Gather, extents, dst=o[0], src=o[1], idx=o[2], limit=limit, rowstride=row)


def _scatter(s: Selection, op: ops.ScatterOp, extents: Four, o: list[Operand]) -> None:
    limit, row = s.scopes.scalar(op.limit.data), _row_bytes(s, op, o[0].type)
    fields = {"dst": o[0], "src": o[1], "idx": o[2], "limit": limit, "rowstride": row}
    s.emit(Scatter, extents, fn=op.fn.data, **fields)


def _topk(s: Selection, op: ops.TopkOp, extents: Four, o: list[Operand]) -> None:
    k, largest = s.scopes.constant(op.k.value.data), s.scopes.constant(op.largest.value.data)
    s.emit(TopK, extents, dst=o[0], indices=o[1], a=o[2], k=k, largest=largest)


def _vecmat(s: Selection, op: ops.VecmatOp, extents: Four, o: list[Operand]) -> None:
    batch, _, inner, columns = extents
    s.emit(Stream, (batch, s.scopes.constant(1), inner, columns), src=o[2])
    s.emit(Vecmat, extents, dst=o[0], x=o[1], accumulate=bool(op.accumulate.value.data))


def _send(s: Selection, op: ops.SendOp, extents: Four, o: list[Operand]) -> None:
    s.emit(Send, extents, side=op.side.data, src=o[0])


def _recv(s: Selection, op: ops.RecvOp, extents: Four, o: list[Operand]) -> None:
    s.emit(Recv, extents, side=op.side.data, dst=o[0])


SELECT: dict[type[ops.DataOp], Callable[[Selection, Any, Four, list[Operand]], None]] = {
    ops.MapOp: _map,
    ops.SelectOp: _select,
    ops.CastOp: _cast,
    ops.CopyOp: _copy,
    ops.FillOp: _fill,
    ops.IotaOp: _iota,
    ops.ReduceOp: _reduce,
    ops.ScanOp: _scan,
    ops.GatherOp: _gather,
    ops.ScatterOp: _scatter,
    ops.TopkOp: _topk,
    ops.VecmatOp: _vecmat,
    ops.SendOp: _send,
    ops.RecvOp: _recv,
}
