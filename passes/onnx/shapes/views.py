"""ONNX operators that only move or repeat elements, as views of the `lpu` level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from dialects.affine import Affine, Ranges, product
from dialects.lpu.ops import same_elements, tensor_of
from dialects.lpu.types import Tensor
from dialects.onnx.ops import OnnxOp
from passes.analysis.content import Content, Elements, Fill, Line, as_elements, expand_line
from passes.analysis.extents import (
    Undecided,
    expand_dims,
    reshape_dims,
    slice_bounds,
    split_sizes,
)
from passes.onnx.shapes.rules import Lookup, known_elements, moved
from passes.onnx.shapes.typing import attribute, operand
from passes.rewriting.build import Build


@dataclass
class Views:
    """Builds the views of one operator and says what is known of the content of each."""

    build: Build
    lookup: Lookup
    ranges: Ranges

    def ints(self, op: OnnxOp, name: str) -> tuple[Affine, ...] | None:
        """A list of integers that is an attribute in some versions and an operand in others."""
        value = attribute(op, name)
        if isinstance(value, list):
            return tuple(Affine(int(v)) for v in value)
        given = operand(op, name)
        if given is None:
            return None
        known = known_elements(given, self.lookup)
        if known is None:
            raise Undecided(f"operand '{name}' depends on data, not on shapes alone")
        return known.flat()

    def need(self, op: OnnxOp, name: str) -> tuple[Affine, ...]:
        known = self.ints(op, name)
        if known is None:
            raise Undecided(f"'{name}' is missing")
        return known

    def reshape(self, source: SSAValue, dims: Sequence[Affine]) -> tuple[SSAValue, Content | None]:
        tensor = tensor_of(source)
        target = tensor.with_dims(dims)
        if not same_elements(tensor.shape, target.shape):
            raise Undecided(f"cannot reshape {tensor} to {target}")
        content = moved(self.lookup(source), tensor, dims)
        return self.build.reshape(source, dims), content


Viewed = Sequence[tuple[SSAValue, Content | None]]
"""What stands for each result, and what is known of it: nothing where nothing is of the source."""
Rule = Callable[[OnnxOp, Views], Viewed]
VIEWS: dict[str, Rule] = {}


def view(*op_types: str) -> Callable[[Rule], Rule]:
    """Register how an operator becomes views."""

    def register(function: Rule) -> Rule:
        VIEWS.update(dict.fromkeys(op_types, function))
        return function

    return register


@view("Identity")
def identity(op: OnnxOp, views: Views) -> Viewed:
    return [(op.operands[0], views.lookup(op.operands[0]))]


@view("Reshape")
def reshape(op: OnnxOp, views: Views) -> Viewed:
    source = op.operands[0]
    target = views.need(op, "shape")
    copy_zero = not attribute(op, "allowzero")
    dims = reshape_dims(tensor_of(source).shape, target, copy_zero)
    return [views.reshape(source, dims)]


@view("Flatten")
def flatten(op: OnnxOp, views: Views) -> Viewed:
    source = op.operands[0]
    shape, axis = tensor_of(source).shape, attribute(op, "axis")
    assert isinstance(axis, int)
    axis = axis + len(shape) if axis < 0 else axis
    return [views.reshape(source, (product(shape[:axis]), product(shape[axis:])))]


@view("Squeeze")
def squeeze(op: OnnxOp, views: Views) -> Viewed:
    source = op.operands[0]
    shape, axes = tensor_of(source).shape, views.ints(op, "axes")
    if axes is None:
        dropped = {i for i, d in enumerate(shape) if d == Affine(1)}
    else:
        dropped = {a.const % len(shape) for a in axes}
    if any(shape[i] != Affine(1) for i in dropped):
        raise Undecided("Squeeze of an axis whose extent is not 1")
    return [views.reshape(source, [d for i, d in enumerate(shape) if i not in dropped])]


@view("Unsqueeze")
def unsqueeze(op: OnnxOp, views: Views) -> Viewed:
    source = op.operands[0]
    shape, axes = tensor_of(source).shape, views.need(op, "axes")
    rank = len(shape) + len(axes)
    new = {a.const % rank for a in axes}
    rest = iter(shape)
    return [views.reshape(source, [Affine(1) if i in new else next(rest) for i in range(rank)])]


@view("Expand")
def expand(op: OnnxOp, views: Views) -> Viewed:
    source = op.operands[0]
    tensor = tensor_of(source)
    dims = expand_dims(tensor.shape, views.need(op, "shape"))
    content = _expanded(views.lookup(source), tensor, tensor.with_dims(dims))
    return [(views.build.broadcast(source, dims), content)]


def _expanded(content: Content | None, source: Tensor, target: Tensor) -> Content | None:
    if isinstance(content, Line):
        return expand_line(content, source.shape, target.rank)
    if isinstance(content, Elements) and content.array.size == 1:
        return Line(content.flat()[0], (Affine(),) * target.rank)
    return content if isinstance(content, Fill) or source == target else None


@view("Transpose")
def transpose(op: OnnxOp, views: Views) -> Viewed:
    source = op.operands[0]
    rank, perm = tensor_of(source).rank, attribute(op, "perm")
    order = [int(p) for p in perm] if isinstance(perm, list) else list(reversed(range(rank)))
    content = views.lookup(source)
    if isinstance(content, Elements):
        content = Elements(content.array.transpose(order))
    elif isinstance(content, Line):
        content = Line(content.base, tuple(content.coefficients[p] for p in order))
    return [(views.build.transpose(source, order), content)]


@view("Slice")
def slice_(op: OnnxOp, views: Views) -> Viewed:
    source = op.operands[0]
    tensor = tensor_of(source)
    starts, ends = views.need(op, "starts"), views.need(op, "ends")
    axes = views.ints(op, "axes") or tuple(Affine(i) for i in range(len(starts)))
    steps = views.ints(op, "steps") or (Affine(1),) * len(starts)
    offsets, dims = [Affine()] * tensor.rank, list(tensor.shape)
    strides = [1] * tensor.rank
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if not step.is_const or step.const < 1:
            raise Undecided(f"a Slice with step {step}")
        at = axis.const % tensor.rank
        offsets[at], dims[at] = slice_bounds(start, end, step.const, tensor.shape[at], views.ranges)
        strides[at] = step.const
    return [_sliced(views, source, offsets, dims, strides)]


def _sliced(
    views: Views,
    source: SSAValue,
    offsets: Sequence[Affine],
    dims: Sequence[Affine],
    steps: Sequence[int],
) -> tuple[SSAValue, Content | None]:
    content, tensor = views.lookup(source), tensor_of(source)
    if isinstance(content, Line):
        base = content.base
        for coefficient, offset in zip(content.coefficients, offsets, strict=True):
            if coefficient.terms and offset.terms:
                content = None
                break
            base = base + coefficient * offset
        else:
            scaled = tuple(c * s for c, s in zip(content.coefficients, steps, strict=True))
            content = Line(base, scaled)
    elif not isinstance(content, Fill):
        known = as_elements(content, tensor)
        where = [(o, d, s) for o, d, s in zip(offsets, dims, steps, strict=True)]
        static = all(o.is_const and d.is_const for o, d, _ in where)
        content = None
        if known is not None and static:
            index = tuple(slice(o.const, o.const + d.const * s, s) for o, d, s in where)
            content = Elements(known.array[index])
    return views.build.slice(source, offsets, dims, steps), content


@view("Split")
def split(op: OnnxOp, views: Views) -> Viewed:
    source = op.operands[0]
    tensor, axis = tensor_of(source), attribute(op, "axis")
    assert isinstance(axis, int)
    axis %= tensor.rank
    sizes = views.ints(op, "split") or split_sizes(tensor.shape[axis], len(op.results))
    offset, results = Affine(), list[tuple[SSAValue, Content | None]]()
    for extent in sizes:
        offsets, dims = [Affine()] * tensor.rank, list(tensor.shape)
        offsets[axis], dims[axis] = offset, extent
        results.append(_sliced(views, source, offsets, dims, [1] * tensor.rank))
        offset = offset + extent
    return results
