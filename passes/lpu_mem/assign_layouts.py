"""
Lay out what streams into products so that the K values of a column are contiguous.

```mlir
func.func @step(%y : !lpu_mem.buffer<hbm, f32, 3>, %x : !lpu_mem.buffer<hbm, f32, 2>) {
  %w = lpu_mem.param <file("w", 0, [2, 3], f32)> : !lpu_mem.buffer<hbm, f32, 6>
  lpu_mem.vecmat %y, %x, %w accumulate 0
      <[1, 2, 3] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 3, 1]}>
      : !lpu_mem.buffer<hbm, f32, 3>, !lpu_mem.buffer<hbm, f32, 2>, !lpu_mem.buffer<hbm, f32, 6>
  lpu_mem.return :
}
```
becomes
```mlir
func.func @step(%y : !lpu_mem.buffer<hbm, f32, 3>, %x : !lpu_mem.buffer<hbm, f32, 2>) {
  %w = lpu_mem.param <transpose(file("w", 0, [2, 3], f32), [1, 0])> : !lpu_mem.buffer<hbm, f32, 6>
  lpu_mem.vecmat %y, %x, %w accumulate 0
      <[1, 2, 3] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 2]}>
      : !lpu_mem.buffer<hbm, f32, 3>, !lpu_mem.buffer<hbm, f32, 2>, !lpu_mem.buffer<hbm, f32, 6>
  lpu_mem.return :
}
```

The machine feeds one column to one MAC tree, whose part of HBM holds it as one run; columns go to
the trees in turn (US 12,032,925, claim 6). A weight is transposed on the way into the program; the
value cache changes the strides of its buffer, so that each new row is written transposed.
A transposed weight that is there already untransposed, as a tied embedding is, becomes one with it.

**Leaves alone** weights that something other than a product reads, and buffers whose views do not
follow the axes of what they hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from xdsl.dialects.builtin import ArrayAttr, ModuleOp
from xdsl.ir import SSAValue, Use

from dialects.affine import Ranges
from dialects.lpu.weights import WeightAttr, transposed
from dialects.lpu_mem import control, ops
from dialects.lpu_mem.access import Access, AccessAttr, row_major
from dialects.lpu_mem.ports import PortAttr
from passes.analysis.functions import functions, symbol_ranges
from passes.lpu_mem.layouts.relaying import Relaying
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import set_property
from passes.specification import SUMS, Specification


def _panel_is_by_rows(use: Use) -> bool:
    """Whether a product streams a buffer with the columns, not K, contiguous."""
    op = use.operation
    if not isinstance(op, ops.VecmatOp) or use.index != 2:
        return False
    inner, columns = op.access.data.views[2].strides[-2:]
    return columns.is_const and columns.const == 1 and inner.is_const and inner.const > 1


Change = tuple[ops.DataOp, AccessAttr]


def _changes(value: SSAValue, relaying: Relaying, ranges: Ranges) -> list[Change] | None:
    """Every access of a buffer with the view that it gets; None if one of them has none."""
    accesses: dict[ops.DataOp, Access] = {}
    for use in value.uses:
        op = use.operation
        if not isinstance(op, ops.DataOp) or isinstance(op, ops.GatherOp | ops.ScatterOp):
            return None
        access = accesses.get(op, op.access.data)
        view = relaying.view(access.views[use.index], access.extents, ranges)
        if view is None:
            return None
        views = (*access.views[: use.index], view, *access.views[use.index + 1 :])
        accesses[op] = Access(access.extents, views)
    return [(op, AccessAttr(access)) for op, access in accesses.items()]


def _swapped(shape: Sequence[int]) -> Relaying:
    """From row-major strides to those with the last two axes in the other order."""
    old = [stride.const for stride in row_major(shape)]
    other = [stride.const for stride in row_major((*shape[:-2], shape[-1], shape[-2]))]
    return Relaying(tuple(shape), tuple(old), (*other[:-2], other[-1], other[-2]))


def _param(op: ops.ParamOp, ranges: Ranges) -> None:
    weight = op.value.data
    if len(weight.shape) < 2 or not all(_panel_is_by_rows(use) for use in op.result.uses):
        return
    changes = _changes(op.result, _swapped(weight.shape), ranges)
    if changes is not None:
        rank = len(weight.shape)
        swapped = transposed(weight, (*range(rank - 2), rank - 1, rank - 2))
        set_property(op, "value", WeightAttr(swapped))
        _apply(changes)


def _apply(changes: Iterable[Change]) -> None:
    for op, access in changes:
        set_property(op, "access", access)


def _state(same: Sequence[tuple[control.StateOp, Ranges]]) -> None:
    """One state in all functions that name it; they share its layout."""
    shape = same[0][0].shape.data
    panels = [
        use
        for op, _ in same
        for use in op.result.uses
        if isinstance(use.operation, ops.VecmatOp) and use.index == 2
    ]
    if len(shape) < 2 or not panels or not all(map(_panel_is_by_rows, panels)):
        return
    relaying = _swapped(shape)
    changes = [_changes(op.result, relaying, ranges) for op, ranges in same]
    if None in changes or any(op.shape.data != shape for op, _ in same):
        return
    _apply(change for some in changes if some is not None for change in some)
    for op, _ in same:
        set_property(op, "inputs", _relaid(op.inputs, relaying))
        set_property(op, "outputs", _relaid(op.outputs, relaying))


def _relaid(ports: ArrayAttr[PortAttr], relaying: Relaying) -> ArrayAttr[PortAttr]:
    """Ports of a state cover its last axes."""
    found: list[PortAttr] = []
    for attr in ports:
        port = attr.data
        strides = relaying.new[len(relaying.new) - len(port.strides) :]
        offset = relaying.offset(port.offset)
        found.append(PortAttr(replace(port, strides=strides, offset=offset)))
    return ArrayAttr(found)


class LpuMemAssignLayoutsPass(RewritingPass):
    """Make the K values of each column of a streamed panel contiguous."""

    name = "lpu-mem-assign-layouts"
    specification = Specification(
        level="lpu_mem",
        after={"buffers": "products show how they stream"},
        gives=("layouts",),
        numbers=SUMS,
    )

    def rewrite(self, module: ModuleOp) -> None:
        states: dict[str, list[tuple[control.StateOp, Ranges]]] = {}
        for func in functions(module):
            ranges = symbol_ranges(func)
            for inner in func.walk():
                if isinstance(inner, ops.ParamOp):
                    _param(inner, ranges)
                elif isinstance(inner, control.StateOp):
                    states.setdefault(inner.state.data, []).append((inner, ranges))
        for same in states.values():
            _state(same)
