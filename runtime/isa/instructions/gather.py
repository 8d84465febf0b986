"""Instructions of the memory engine that follow an index vector."""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np

from runtime.isa import fields, kinds
from runtime.isa.accesses import Access
from runtime.isa.instructions.memory import TransferInst
from runtime.isa.parts import Box, parts
from runtime.isa.spec import Extents, Mem0, Mem1, Mem2, Operand, Unit
from runtime.isa.state import Array, State
from runtime.numerics.elements import ElementType
from runtime.traps import Trap, TrapKind

_AT = fields.OPERANDS_AT + 3 * fields.OPERAND_BYTES
Limit = Annotated[int, fields.Register(_AT)]
RowStride = Annotated[int, fields.Register(_AT + 1)]
ScatterFn = Annotated[str, kinds.Choice(("set", "add", "max", "min", "mul"))]

_UPDATES: dict[str, Any] = {
    "add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply,
}  # fmt: skip


class Rows(NamedTuple):
    """Rows of HBM: of the first the byte address and strides, how many there are, how far apart."""

    base: int
    strides: Sequence[int]
    limit: int
    stride: int

    def addresses(self, index: Array, part: Box) -> Array:
        """The byte address of each element of a box, of which `index` has the indices.

        Trap where one lies outside of the rows.
        """
        row = np.where(index < 0, index + self.limit, index)
        wrong = (row < 0) | (row >= self.limit)
        if wrong.any():
            first = index[wrong][0]
            raise Trap(TrapKind.INDEX, f"index {first} is outside a dimension of {self.limit}")
        found: Array = self.base + row.astype(object) * self.stride
        for axis, step in enumerate(self.strides):
            places = range(part[axis].start, part[axis].stop)
            steps = np.array([at * step for at in places], object)
            found = found + steps.reshape([-1 if k == axis else 1 for k in range(index.ndim)])
        return found


class IndexedInst(TransferInst):
    """A transfer whose elements of HBM lie in rows that an index chooses."""

    idx: Mem2
    limit: Limit
    rowstride: RowStride
    extents: Extents

    def rows(self, state: State, operand: Operand) -> Rows:
        """Where the rows lie. Its registers are read also where no point is moved."""
        base, limit, stride = map(state.get, (operand.base, self.limit, self.rowstride))
        return Rows(base, state.four(operand.strides), limit, stride)


def _indexed(inst: IndexedInst, registers: Sequence[int], rows: Access) -> Access:
    """The rows of HBM that the index may choose."""
    a, b, c, d = (registers[s] != 0 for s in inst.idx.strides)
    reach = max(0, registers[inst.limit] - 1) * registers[inst.rowstride]
    return rows._replace(jumps=(a, b, c, d), base=rows.base + min(0, reach), reach=abs(reach))


class Gather(IndexedInst, opcode=0x23, unit=Unit.MEM):
    """Read indexed rows: `LMU[dst][i] = HBM[src.base + j * R[rowstride] + sum i_k * src.stride_k]`.

    j is `idx[i]` (i64, LMU), plus `R[limit]` when negative; outside 0 to `R[limit]` - 1 it traps.
    `rowstride` is in bytes.
    """

    HBM = "src"

    extents: Extents
    dst: Mem0
    src: Mem1
    idx: Mem2
    limit: Limit
    rowstride: RowStride

    def check(self) -> None:
        self.require(self.dst.type is self.src.type, "element types differ")
        self.require(self.idx.type is ElementType.I64, "idx is not i64")

    def viewed(self) -> tuple[str, ...]:
        return ("dst", "idx")

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        dst = state.result(self.dst, extents)
        index = state.source(self.idx, extents).read()
        found, rows = np.zeros(extents, self.dst.type.dtype), self.rows(state, self.src)
        for part in parts(extents):
            addresses = rows.addresses(index[part], part)
            found[part] = state.points(self.src.type, addresses, writes=False).read()
        dst.write(found)

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        rows = _indexed(self, registers, self.access(registers, "src"))
        return (rows, *super().accesses(registers))


class Scatter(IndexedInst, opcode=0x24, unit=Unit.MEM):
    """Write indexed rows: the mirror of `gather`, `HBM[dst + ...][i] = fn(old, LMU[src][i])`.

    Points are applied in row-major order, so of duplicates under `set` the last one stays. `add`,
    `mul`, `max`, `min` need initialised elements; 16-bit floats are rounded after every update.
    """

    HBM = "dst"

    fn: ScatterFn
    extents: Extents
    dst: Mem0
    src: Mem1
    idx: Mem2
    limit: Limit
    rowstride: RowStride

    def check(self) -> None:
        self.require(self.dst.type is self.src.type, "element types differ")
        self.require(self.idx.type is ElementType.I64, "idx is not i64")
        is_bool = self.dst.type is ElementType.BOOL
        self.require(not is_bool or self.fn not in ("add", "mul"), f"{self.fn} of bool")

    def viewed(self) -> tuple[str, ...]:
        return ("src", "idx")

    def direction(self, name: str) -> tuple[bool, bool]:
        return (name != "dst" or self.fn != "set", name == "dst")

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        places = (state.source(self.src, extents), state.source(self.idx, extents))
        new, index = (place.read() for place in places)
        rows = self.rows(state, self.dst)
        for part in parts(extents):
            addresses = rows.addresses(index[part], part)
            self._update(state, addresses, new[part])

    def _update(self, state: State, addresses: Array, new: Array) -> None:
        dst = state.points(self.dst.type, addresses, writes=True)
        if self.fn == "set":
            dst.write(new)
            return
        dst.read()
        for point in np.ndindex(*new.shape):
            one = state.points(self.dst.type, addresses[point], writes=True)
            one.write(self._updated(one.read(), new[point]))

    def _updated(self, old: Array, new: Array) -> Array:
        element = self.dst.type
        if element.is_float:
            old, new = old.astype(np.float32), new.astype(np.float32)
        return np.asarray(_UPDATES[self.fn](old, new)).astype(element.dtype)

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        return (
            *super().accesses(registers),
            _indexed(self, registers, self.access(registers, "dst")),
        )
