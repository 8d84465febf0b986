"""
Rows of a table that lies on the devices by rows, as the head that it is tied to needs it.

Every device looks up the row among its own, clamped; all give theirs to all, and the row of the
device that owns it is selected. An index outside of the table is one outside of what was gathered.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine, product
from dialects.lpu.movement import GatherOp
from dialects.lpu.tensors import tensor_of
from passes.lpu_esl.partitioning.exchange import all_gather
from passes.lpu_esl.partitioning.forms import WHOLE, Forms
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType


@dataclass(frozen=True)
class Table:
    """A lookup in rows that are cut into a part for each device."""

    lookup: GatherOp
    rows: int
    factor: int


def shared_table(forms: Forms, op: Operation) -> Table | None:
    """The lookup that an operation is, if other operations have its table by rows."""
    if not isinstance(op, GatherOp) or op.axis.value.data != 0:
        return None
    rows = forms.factors.axes(op.source)[0]
    if len(rows) != 1 or rows[0] not in forms.layouts.cuts or not forms.is_demanded(op.source):
        return None
    need = forms.need(op.source, frozenset(rows))
    if not forms.layouts.is_own(need.sharding) or not forms.is_there(need):
        return None
    return Table(op, tensor_of(op.source).shape[0].const, rows[0])


def look_up(forms: Forms, table: Table) -> SSAValue:
    """The rows, whole, in front of the lookup."""
    op, devices = table.lookup, forms.layouts.devices
    b = Build(op)
    source = forms.get(forms.need(op.source, frozenset({table.factor})), "rows of a table")
    indices = forms.get(forms.need(op.indices, WHOLE), "rows of a table are named by all of it")
    each = -(-table.rows // devices)
    wanted = _from_zero(b, indices, table.rows)
    start = b.iota(Affine.symbol("d0", each), (), ())
    own = b.map(
        "max", b.map("min", b.map("sub", wanted, start), _number(b, each - 1)), _number(b, 0)
    )
    gathered = all_gather(b, b.gather(source, own, 0), devices, "one device has the row")
    return _select(b, gathered, wanted, table.rows, each)


def _select(b: Build, gathered: SSAValue, wanted: SSAValue, rows: int, each: int) -> SSAValue:
    """Of the rows of all devices [devices, indices..., width] those of the owners."""
    devices, *where, width = tensor_of(gathered).shape
    count = product(where)
    flat = b.transpose(b.reshape(gathered, (devices, count, width)), (1, 0, 2))
    flat = b.reshape(flat, (count * devices, width))
    steps = [product(where[axis + 1 :]) * devices for axis in range(len(where))]
    place = b.map("add", b.map("div", wanted, _number(b, each)), b.iota(0, steps, where))
    known = b.map("and", b.map("ge", wanted, _number(b, 0)), b.map("lt", wanted, _number(b, rows)))
    outside = b.iota(count * devices, (), ())
    return b.gather(flat, b.select(known, place, outside), 0)


def _from_zero(b: Build, indices: SSAValue, rows: int) -> SSAValue:
    """Indices of which negative ones counted from the end."""
    behind = b.map("add", indices, _number(b, rows))
    return b.select(b.map("lt", indices, _number(b, 0)), behind, indices)


def _number(b: Build, value: int) -> SSAValue:
    return b.fill(value, (), ElementType.I64)
