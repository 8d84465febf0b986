"""
Turn gathers and scatters whose indices are affine into views.

```mlir
func.func @step(%x : !lpu.tensor<[8, 4], f32>) -> !lpu.tensor<[2, 3, 4], f32> {
  %i = lpu.iota <[1, 0, 1]> : !lpu.tensor<[2, 3], i64>
  %y = lpu.gather %x, %i axis 0
      : !lpu.tensor<[8, 4], f32>, !lpu.tensor<[2, 3], i64> -> !lpu.tensor<[2, 3, 4], f32>
  func.return %y : !lpu.tensor<[2, 3, 4], f32>
}
```
becomes
```mlir
func.func @step(%x : !lpu.tensor<[8, 4], f32>) -> !lpu.tensor<[2, 3, 4], f32> {
  %i = lpu.iota <[1, 0, 1]> : !lpu.tensor<[2, 3], i64>
  %0 = lpu.slice %x at <[1, 0]> step <[1, 1]> : !lpu.tensor<[8, 4], f32> -> !lpu.tensor<[3, 4], f32>
  %1 = lpu.reshape %0 : !lpu.tensor<[3, 4], f32> -> !lpu.tensor<[1, 3, 4], f32>
  %y = lpu.broadcast %1 : !lpu.tensor<[1, 3, 4], f32> -> !lpu.tensor<[2, 3, 4], f32>
  func.return %y : !lpu.tensor<[2, 3, 4], f32>
}
```

Exporters read the attention mask through computed indices; nearly all of them walk along one axis.

1. The indices are a line (`passes.analysis.lines`).
2. They never leave the axis, whatever the symbols are, and never count from its end.
3. At most one index axis moves, with a constant step above 0; or several do that together cover the
   whole axis in order.

A scatter that sets every row in order is its updates.

**Leaves alone** indices that depend on data, and index arithmetic itself: `dce` removes it.
"""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from dialects.affine import Affine, NotAffine
from dialects.lpu.movement import GatherOp, ScatterOp
from dialects.lpu.tensors import tensor_of
from dialects.reading import all_within
from passes.analysis.content import Line
from passes.analysis.functions import functions, symbol_ranges
from passes.analysis.lines import Lines
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.kernel import substitute
from passes.specification import EXACT, Specification

ONE = Affine(1)


def _in_bounds(lines: Lines, indices: SSAValue, line: Line, extent: Affine) -> bool:
    """Condition 2, also where base and extent move together, as `P + i < P + 3`."""
    dims = tensor_of(indices).shape
    try:
        last = line.base
        for d, c in zip(dims, line.coefficients, strict=True):
            last = last + (c * (d - 1) if c.lower(lines.ranges) > 0 else Affine())
        low = lines.bounds(indices, line)[0]
        return low >= 0 and (extent - 1 - last).lower(lines.ranges) >= 0
    except NotAffine:
        low, high = lines.bounds(indices, line)
        return low >= 0 and high < extent.lower(lines.ranges)


def _covers(line: Line, dims: tuple[Affine, ...], moving: list[int], extent: Affine) -> bool:
    """Whether the moving axes count from 0 to the extent in row-major order."""
    step = ONE
    try:
        for axis in reversed(moving):
            if line.coefficients[axis] != step:
                return False
            step = step * dims[axis]
    except NotAffine:
        return False
    return line.base == Affine() and step == extent


def view_of(op: GatherOp, lines: Lines) -> SSAValue | None:
    """The view that a gather is, None if it is none."""
    line, axis = lines.line_of(op.indices), op.axis.value.data
    source, dims = tensor_of(op.source), tensor_of(op.indices).shape
    if line is None:
        return None
    moving = [i for i, d in enumerate(dims) if d != ONE and line.coefficients[i] != Affine()]
    extent, build = source.shape[axis], Build(op)
    if len(moving) > 1:
        if not _covers(line, dims, moving, extent):
            return None
        part = op.source
    else:
        step = line.coefficients[moving[0]] if moving else ONE
        if not step.is_const or step.const < 1:
            return None
        if not _in_bounds(lines, op.indices, line, extent):
            return None
        part = _slice(build, op.source, axis, line, dims[moving[0]] if moving else ONE, step.const)
    kept = [d if i in moving else ONE for i, d in enumerate(dims)]
    spread = (*source.shape[:axis], *kept, *source.shape[axis + 1 :])
    return build.broadcast(build.reshape(part, spread), op.result_tensor().shape)


def _slice(
    build: Build, source: SSAValue, axis: int, line: Line, count: Affine, step: int
) -> SSAValue:
    tensor = tensor_of(source)
    offsets, dims, steps = [Affine()] * tensor.rank, list(tensor.shape), [1] * tensor.rank
    offsets[axis], dims[axis], steps[axis] = line.base, count, step
    return build.slice(source, offsets, dims, steps)


def is_overwritten(op: ScatterOp, lines: Lines) -> bool:
    """Whether a scatter sets every row of its source, in order."""
    rows, count = tensor_of(op.source).shape[0], tensor_of(op.updates).shape[0]
    line = lines.line_of(op.indices) if op.fn.data == "set" and rows == count else None
    return line is not None and line.base == Affine() and line.coefficients == (ONE,)


class LpuGatherToViewPass(RewritingPass):
    """Affine gathers become slices, full scatters their updates."""

    name = "lpu-gather-to-view"
    specification = Specification(
        level="lpu",
        after={"constants": "indices are seen once they are constants"},
        gives=("views",),
        spoils=("live",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        for func in functions(module):
            lines = Lines(symbol_ranges(func))
            for inner in all_within(func):
                if type(inner) is GatherOp:
                    view = view_of(inner, lines)
                    if view is not None:
                        substitute(inner, [view])
                elif type(inner) is ScatterOp and is_overwritten(inner, lines):
                    substitute(inner, [inner.updates])
