"""
Operators that only move, repeat or make elements: views of the `lpu` level.

What is known of their elements follows from the operations that they become.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine, product
from dialects.lpu.tensors import same_elements, tensor_of
from passes.analysis.extents import (
    Undecided,
    expand_dims,
    reshape_dims,
    slice_bounds,
    split_sizes,
    unequal,
)
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import Limit, only, operator, same_as_first
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

ONE = Affine(1)


@operator("Identity")
def identity(_b: Build, node: Node) -> SSAValue:
    return node.first


OLD_MASK = Limit("the mask of opset 9 and older, of which the standard does not say what it is")


def _trains(node: Node) -> bool:
    return node.get("training_mode") is not None and node.uniform("training_mode") != Affine()


@operator("Dropout", shape=same_as_first, limits=[Limit("training_mode"), OLD_MASK])
def dropout(b: Build, node: Node) -> Sequence[SSAValue | None]:
    """The identity, as everywhere but in training; the mask keeps all elements."""
    hint = "export the model for inference"
    node.require(not _trains(node), "training_mode is not supported", hint)
    for name in ("ratio", "training_mode"):
        node.expect_dims(name, ())
    kinds = [tensor_of(result).dtype for result in node.op.results[1:]]
    known = [kind for kind in kinds if kind is ElementType.BOOL]
    return node.first, *[b.fill(True, node.source.shape, kind) for kind in known]


def _reshaped(b: Build, node: Node, dims: Sequence[Affine]) -> SSAValue:
    source, target = node.source, node.source.with_dims(dims)
    if not same_elements(source.shape, target.shape):
        message = f"cannot reshape {source} to {target}"
        raise Undecided(message) from unequal(message, source.shape, target.shape)
    return b.reshape(node.first, dims)


@operator("Reshape")
def reshape(b: Build, node: Node) -> SSAValue:
    dims = reshape_dims(node.source.shape, node.need("shape"), not node.flag("allowzero"))
    return _reshaped(b, node, dims)


@operator("Flatten")
def flatten(b: Build, node: Node) -> SSAValue:
    shape = node.source.shape
    axis = node.axis(len(shape), ends=1)
    return b.reshape(node.first, (product(shape[:axis]), product(shape[axis:])))


@operator("Squeeze")
def squeeze(b: Build, node: Node) -> SSAValue:
    shape = node.source.shape
    axes = node.axes(len(shape))
    node.require(axes != [], "'axes' is empty", "leave it out to squeeze all axes of extent 1")
    if axes is None:
        axes = [i for i, d in enumerate(shape) if d == ONE]
        for extent in shape:
            low, high = extent.bounds(node.ranges)
            if low <= 1 <= high and extent != ONE:
                raise Undecided(f"whether the extent {extent} is 1 depends on a symbol")
    if any(shape[i] != ONE for i in axes):
        raise Undecided("Squeeze of an axis whose extent is not 1")
    return b.reshape(node.first, [d for i, d in enumerate(shape) if i not in axes])


@operator("Unsqueeze")
def unsqueeze(b: Build, node: Node) -> SSAValue:
    rest, given = iter(node.source.shape), node.need("axes", scalar=True)
    rank = node.source.rank + len(given)
    new = node.axes(rank, scalar=True) or []
    return b.reshape(node.first, [ONE if i in new else next(rest) for i in range(rank)])


@operator("Expand")
def expand(b: Build, node: Node) -> SSAValue:
    target = node.need("shape", scalar=True)
    _require_extents(node, "shape", target)
    return b.broadcast(node.first, expand_dims(node.source.shape, target))


def _require_extents(node: Node, what: str, values: Sequence[Affine]) -> None:
    """Refuse what can be below zero."""
    for value in values:
        node.require(value.lower(node.ranges) >= 0, f"'{what}' holds {value}, below zero")


@operator("Transpose")
def transpose(b: Build, node: Node) -> SSAValue:
    order, axes = node.numbers("perm"), list(range(node.source.rank))
    order = axes[::-1] if order is None else order
    node.require(sorted(order) == axes, f"perm {order} does not name every axis once")
    return b.transpose(node.first, order)


@operator("Slice", limits=[Limit("bounds that depend on data")])
def slice_(b: Build, node: Node) -> SSAValue:
    rank, starts, ends = node.source.rank, node.need("starts"), node.need("ends")
    axes, steps = node.axes(rank), node.numbers("steps")
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    same = len(starts) == len(ends) == len(axes) == len(steps) and len(axes) <= rank
    node.require(same, "starts, ends, axes and steps differ in length")
    offsets, dims, strides = [Affine()] * rank, list(node.source.shape), [1] * rank
    backwards: list[tuple[int, Affine, Affine, int]] = []
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        node.require(step != 0, "a step is 0")
        first, count = slice_bounds(start, end, step, dims[axis], node.ranges)
        if step < 0:
            backwards.append((axis, first, count, step))
        else:
            offsets[axis], dims[axis], strides[axis] = first, count, step
    sliced = b.slice(node.first, offsets, dims, strides)
    for axis, first, count, step in backwards:
        sliced = b.gather(sliced, b.iota(first, (step,), (count,)), axis)
    return sliced


SIZES = "sizes that depend on data, but for parts that are read row by row and joined"


def _split_sizes(node: Node, extent: Affine) -> Sequence[Affine]:
    """One for each result: those given, or equal ones; since opset 18 the last may be smaller."""
    sizes, parts, given = (
        node.ints("split"),
        len(node.op.results),
        "num_outputs" in node.op.properties,
    )
    if sizes is None:
        counted = node.op.since_version >= 18
        node.require(given == counted, "neither the sizes nor num_outputs are given")
        asked = node.integer("num_outputs") if counted else parts
        node.require(asked == parts, f"num_outputs is {asked} for {parts} results")
        even = counted or not extent.is_const or extent.const % parts == 0
        node.require(even, f"{extent} elements do not split into {parts} equal parts")
        return split_sizes(extent, parts)
    node.require(not given, "the sizes and num_outputs are given")
    node.require(len(sizes) == parts, f"{len(sizes)} sizes for {parts} results")
    node.expect("the sum of the sizes", sum(sizes, Affine()), extent)
    return sizes


@operator("Split", limits=[Limit(SIZES)])
def split(b: Build, node: Node) -> Sequence[SSAValue]:
    axis, results = node.axis(node.source.rank), list[SSAValue]()
    sizes, offset = _split_sizes(node, node.source.shape[axis]), Affine()
    for size in sizes:
        results.append(b.slice_axis(node.first, axis, offset, size))
        offset = offset + size
    return results


@operator("Concat")
def concat(b: Build, node: Node) -> SSAValue:
    shapes = [tensor_of(value).shape for value in node.op.operands]
    axis = node.axis(len(shapes[0])) if "axis" in node.op.properties else 1
    for shape in shapes[1:]:
        same = len(shape) == len(shapes[0])
        node.require(same, "the operands differ in rank")
        first, other = (s[:axis] + s[axis + 1 :] for s in (shapes[0], shape))
        node.expect("an operand without the extent of the axis", other, first)
    return b.concat(list(node.op.operands), axis)


@operator("Tile", limits=[Limit("repeats that depend on data")])
def tile(b: Build, node: Node) -> SSAValue:
    source, repeats = node.source.shape, node.need("repeats")
    node.require(len(repeats) == len(source), f"{len(repeats)} repeats for {len(source)} axes")
    _require_extents(node, "repeats", repeats)
    single = [d for extent in source for d in (ONE, extent)]
    repeated = [d for pair in zip(repeats, source, strict=True) for d in pair]
    dims = [d * r for d, r in zip(source, repeats, strict=True)]
    return b.reshape(b.broadcast(b.reshape(node.first, single), repeated), dims)


def _padding(node: Node) -> list[tuple[int, Affine, Affine]]:
    """Axis, width before and width after."""
    rank, pads = node.source.rank, node.need("pads" if node.op.since_version > 1 else "paddings")
    axes = node.axes(rank)
    axes = list(range(rank)) if axes is None else axes
    node.require(len(pads) == 2 * len(axes), f"{len(pads)} pads for {len(axes)} axes")
    return list(zip(axes, pads, pads[len(axes) :], strict=False))


def _padded_dims(node: Node) -> Sequence[Dims]:
    dims = list(node.source.shape)
    node.expect_dims("constant_value", (), (ONE,))
    for axis, before, after in _padding(node):
        dims[axis] = dims[axis] + before + after
        fits = dims[axis].lower(node.ranges) >= 0
        node.require(fits, f"the pads leave {dims[axis]} elements on axis {axis}")
    return [tuple(dims)]


@operator(
    "Pad",
    shape=_padded_dims,
    limits=[
        only("mode", "constant", "edge", "reflect", "wrap"),
        Limit("pads that are no constants, or wider than the tensor where they repeat it"),
    ],
)
def pad(b: Build, node: Node) -> SSAValue:
    """Padding by concatenation; a negative width cuts off."""
    source, mode = node.first, node.attr("mode")
    value = _pad_value(b, node) if mode == "constant" else None
    for axis, before, after in _padding(node):
        node.require(before.is_const and after.is_const, "the pads must be numbers")
        cut = max(-before.const, 0)
        kept = tensor_of(source).shape[axis] - cut - max(-after.const, 0)
        node.require(kept.lower(node.ranges) >= 0, f"the pads cut off more than axis {axis} has")
        source = b.slice_axis(source, axis, cut, kept)
        widths = max(before.const, 0), max(after.const, 0)
        if value is not None:
            borders = [_constant_border(b, source, axis, width, value) for width in widths]
        else:
            borders = _own_borders(b, node, source, axis, widths)
        parts = [borders[0], source, borders[1]]
        source = b.concat([part for part in parts if part is not None], axis)
    return source


def _constant_border(
    b: Build, x: SSAValue, axis: int, width: int, value: SSAValue
) -> SSAValue | None:
    dims = list(tensor_of(x).shape)
    dims[axis] = Affine(width)
    return b.broadcast(value, dims) if width else None


def _own_borders(
    b: Build, node: Node, x: SSAValue, axis: int, widths: tuple[int, int]
) -> list[SSAValue | None]:
    """What stands before and behind a tensor that repeats its edge, its mirror image or itself."""
    length, (before, after) = tensor_of(x).shape[axis], widths
    mode, most = node.attr("mode"), length.lower(node.ranges)
    reach = {"edge": min(most, 1), "reflect": most - 1}.get(str(mode), most)
    needed = min(max(widths), 1) if mode == "edge" else max(widths)
    node.require(needed <= reach, f"pads of {max(widths)} are wider than {length} elements give")
    first, second = {
        "edge": ((Affine(), 0), (length - 1, 0)),
        "reflect": ((Affine(before), -1), (length - 2, -1)),
        "wrap": ((length - before, 1), (Affine(), 1)),
    }[str(mode)]
    places = ((before, *first), (after, *second))
    return [b.gather(x, b.iota(at, (step,), (n,)), axis) if n else None for n, at, step in places]


def _pad_value(b: Build, node: Node) -> SSAValue:
    given = node.get("constant_value")
    if given is not None:
        return b.reshape(given, ())
    value = node.attr("value") or 0.0
    assert isinstance(value, int | float)
    return b.scalar(value, node.source.dtype)
