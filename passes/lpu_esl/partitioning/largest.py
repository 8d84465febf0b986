"""
The largest elements of an axis that lies on the devices in parts, as a greedy sampler needs them.

Every device selects among its own, of which padding is the last to be chosen; what all selected is
gathered, and selected from again. Parts lie in order and ties go to the lower index in both
selections, so they go to the lower index of the whole axis. NaN counts as largest in both, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine
from dialects.lpu.products import TopkOp
from dialects.lpu.tensors import tensor_of
from passes.lpu_esl.partitioning.exchange import all_gather
from passes.lpu_esl.partitioning.forms import Forms, Need
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType


@dataclass(frozen=True)
class Selection:
    """A selection of few elements of one row that is cut into a part for each device."""

    op: TopkOp
    row: Need
    extent: int
    each: int

    @property
    def count(self) -> int:
        """How many elements are selected."""
        return tensor_of(self.op.values).shape[-1].const


def shared_selection(forms: Forms, op: Operation) -> Selection | None:
    """The selection that an operation is, if its row is in parts that hold far more."""
    if not isinstance(op, TopkOp) or not tensor_of(op.values).shape[-1].is_const:
        return None
    *batch, extent = tensor_of(op.source).shape
    factors = forms.factors.axes(op.source)[-1]
    if any(axis != Affine(1) for axis in batch) or len(factors) != 1 or not extent.is_const:
        return None
    devices = forms.layouts.devices
    row = forms.need(op.source, frozenset(factors) & forms.layouts.cuts.keys())
    found = Selection(op, row, extent.const, -(-extent.const // devices))
    fits = found.count <= found.each and found.count * devices < found.extent
    return found if fits and forms.layouts.is_own(row.sharding) and forms.is_split(row) else None


def select_largest(forms: Forms, selection: Selection) -> tuple[SSAValue, SSAValue]:
    """Values and indices, whole, in front of the selection."""
    op, each, devices = selection.op, selection.each, forms.layouts.devices
    b = Build(op)
    largest = bool(op.largest.value.data)
    own = b.reshape(forms.get(selection.row, "the largest are looked for in parts"), (each,))
    values, places = b.topk(_without_padding(b, own, selection, devices), selection.count, largest)
    start = b.iota(Affine.symbol("d0", each), (), ())
    indices = b.map("add", places, start)
    candidates = (selection.count * devices,)
    reason = "the largest of all parts"
    values = b.reshape(all_gather(b, values, devices, reason), candidates)
    indices = b.reshape(all_gather(b, indices, devices, reason), candidates)
    best, which = b.topk(values, selection.count, largest)
    dims = tensor_of(op.values).shape
    return b.reshape(best, dims), b.reshape(b.gather(indices, which, 0), dims)


def _without_padding(b: Build, own: SSAValue, selection: Selection, devices: int) -> SSAValue:
    """The elements of a device, with what is never selected before others for padding."""
    each, dtype = selection.each, tensor_of(own).dtype
    if each * devices == selection.extent:
        return own
    index = b.iota(Affine.symbol("d0", each), (1,), (each,))
    held = b.map("lt", index, b.fill(selection.extent, (), ElementType.I64))
    low, high = _ends(dtype)
    worst = low if selection.op.largest.value.data else high
    return b.select(held, own, b.fill(worst, (), dtype))


def _ends(dtype: ElementType) -> tuple[float, float]:
    """The least and the greatest value of a type."""
    if dtype.is_float:
        return float("-inf"), float("inf")
    bits = 8 * dtype.itemsize
    signed = dtype in (ElementType.I64, ElementType.I32, ElementType.I8)
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
