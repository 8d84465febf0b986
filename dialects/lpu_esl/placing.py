"""Where operations that move elements put the parts that devices have."""

from __future__ import annotations

from collections.abc import Sequence

from dialects.affine import Affine, NotAffine, product
from dialects.devices import device_values, differs_by_device
from dialects.lpu_esl.layouts import (
    Axis,
    Layout,
    Pieces,
    State,
    flat,
    free,
    held,
    is_cut,
    normal,
    starts,
    whole,
)
from runtime.weights.recipes import (
    Cast,
    Concat,
    Dequantise,
    FileRange,
    Inline,
    Packed,
    Pad,
    Recipe,
    Reshape,
    Shard,
    Slice,
    Stack,
    Transpose,
)

Shape = Sequence[Affine]


def transposed(state: State, perm: Sequence[int]) -> State:
    """Axis `i` becomes axis `perm[i]` of a state."""
    if isinstance(state, Layout):
        return Layout(tuple(state.axes[p] for p in perm))
    if state is None:
        return None
    parts = [(n, Layout(tuple(layout.axes[p] for p in perm))) for n, layout in state.parts]
    return Pieces(list(perm).index(state.axis), tuple(parts))


def reshaped(state: State, source: Shape, result: Shape) -> State:
    """Under other extents, of one device; cut axes and pieces must stay axes of their own."""
    if isinstance(state, Layout):
        return _reshaped(state, source, result)
    axis = None if state is None else _kept(source, result, state.axis)
    if state is None or axis is None:
        return None
    parts: list[tuple[Affine, Layout]] = []
    for length, layout in state.parts:
        before = [*source[: state.axis], length, *source[state.axis + 1 :]]
        behind = [*result[:axis], length, *result[axis + 1 :]]
        part = _reshaped(layout, before, behind)
        if part is None:
            return None
        parts.append((length, part))
    return Pieces(axis, tuple(parts))


def _reshaped(layout: Layout, source: Shape, result: Shape) -> Layout | None:
    found = whole(result)
    for index, axis in enumerate(layout.axes):
        kept = _kept(source, result, index) if is_cut(axis) else None
        if kept is not None:
            found = found.with_axis(kept, axis)
    return found if flat(found) == flat(layout) else None


def _kept(source: Shape, result: Shape, axis: int) -> int | None:
    """The axis of a reshaped tensor that is this one of the source."""
    outside = _elements(source[:axis])
    for index, extent in enumerate(result):
        if extent == source[axis] and _elements(result[:index]) == outside:
            return index
    return None


def _elements(extents: Shape) -> Affine | tuple[Affine, ...]:
    try:
        return product(extents)
    except NotAffine:
        return tuple(extent for extent in extents if extent != Affine(1))


def broadcast(state: State, source: Shape, result: Shape, repeated: Layout) -> State:
    """Repeated along axes of one element, and new ones, which may lie in any way."""
    if not isinstance(state, Layout):
        return None
    lead, axes = len(result) - len(source), list(repeated.axes)
    for index, (axis, extent) in enumerate(zip(state.axes, source, strict=True)):
        if axis and extent != result[lead + index]:
            return None
        axes[lead + index] = axis or axes[lead + index]
    return Layout(tuple(axes))


def concatenated(states: Sequence[State], axis: int, lengths: Shape) -> State:
    """Behind one another: one axis where nothing of it is cut, else pieces."""
    parts: list[tuple[Affine, Layout]] = []
    for state, length in zip(states, lengths, strict=True):
        if state is None or (isinstance(state, Pieces) and state.axis != axis):
            return None
        parts += state.parts if isinstance(state, Pieces) else [(length, state)]
    rests = {layout.with_axis(axis, ()) for _, layout in parts}
    if len(rests) == 1 and not any(is_cut(layout.axes[axis]) for _, layout in parts):
        return rests.pop().with_axis(axis, free(sum(lengths, Affine())))
    return Pieces(axis, tuple(parts))


def cut_out(
    state: State, source: Shape, offsets: Shape, steps: Sequence[int], result: Shape
) -> State:
    """A box of it; along cut axes all, or whole blocks of what stands outside of the cuts."""
    if isinstance(state, Pieces):
        return _cut_out_pieces(state, source, offsets, steps, result)
    if state is None:
        return None
    axes: list[Axis] = []
    columns = zip(state.axes, source, offsets, steps, result, strict=True)
    for axis, extent, at, step, length in columns:
        taken = _cut_out(axis, extent, at, step, length)
        if taken is None:
            return None
        axes.append(taken)
    return Layout(tuple(axes))


def _cut_out(axis: Axis, extent: Affine, at: Affine, step: int, length: Affine) -> Axis | None:
    if at == Affine() and step == 1 and extent == length:
        return axis
    if differs_by_device(at):
        return None
    if not is_cut(axis):
        return free(length)
    block = product(held(atom) for atom in axis[1:])
    if not isinstance(axis[0], Affine) or step != 1 or not block.is_const or not block.const:
        return None
    whole_blocks = all(not n.terms and n.const % block.const == 0 for n in (at, length))
    return normal((length // block.const, *axis[1:])) if whole_blocks else None


def _cut_out_pieces(
    state: Pieces, source: Shape, offsets: Shape, steps: Sequence[int], result: Shape
) -> State:
    """Whole pieces, or a box of one of them."""
    axis, start = state.axis, Affine()
    at, end = offsets[axis], offsets[axis] + result[axis]
    inside: list[State] = []
    lengths: list[Affine] = []
    for length, layout in state.parts:
        first, last = at - start, end - start
        if not (first.is_const and last.is_const and length.is_const):
            return None
        low, high = max(first.const, 0), min(last.const, length.const)
        if low < high and steps[axis] == 1:
            extents = [*source[:axis], length, *source[axis + 1 :]]
            places = [*offsets[:axis], Affine(low), *offsets[axis + 1 :]]
            sizes = [*result[:axis], Affine(high - low), *result[axis + 1 :]]
            inside.append(cut_out(layout, extents, places, steps, sizes))
            lengths.append(Affine(high - low))
        start = start + length
    return inside[0] if len(inside) == 1 else concatenated(inside, axis, lengths)


def own_part(at: Affine, wanted: Axis, devices: int) -> bool:
    """Whether what each device takes from a place of its own is its part of an axis."""
    return _alike([(at, wanted, Affine(1))], devices)


def counted(base: Affine, coefficients: Shape, layout: Layout, devices: int) -> bool:
    """Whether integers affine in the index of each part are parts of such integers."""
    columns = list(zip(layout.axes, coefficients, strict=True))
    if any(differs_by_device(coefficient) for coefficient in coefficients):
        return False
    moved = [
        (Affine(), axis, factor) for axis, factor in columns if is_cut(axis) and factor != Affine()
    ]
    return _alike([(base, (), Affine(1)), *moved], devices)


def _alike(terms: Sequence[tuple[Affine, Axis, Affine]], devices: int) -> bool:
    """Whether `sum(at - factor * start)` is the same on all devices."""
    found: set[Affine] = set()
    for device in range(devices):
        total = Affine()
        for at, axis, factor in terms:
            start = starts(axis, device)
            if start is None:
                return False
            total = total + at.substitute(device_values(device, devices)) - factor * start
        found.add(total)
    return len(found) == 1


def of_recipe(recipe: Recipe) -> State:
    """Where the elements of a weight lie."""
    match recipe:
        case FileRange() | Inline() | Packed() | Dequantise():
            return whole(_shape(recipe))
        case Shard():
            source = of_recipe(recipe.source)
            plain = isinstance(source, Layout) and source.is_whole
            return _shared(recipe) if plain else None
        case Cast():
            return of_recipe(recipe.source)
        case Transpose():
            return transposed(of_recipe(recipe.source), recipe.perm)
        case Reshape():
            return reshaped(of_recipe(recipe.source), _shape(recipe.source), _shape(recipe))
        case Stack():
            layouts = {of_recipe(source) for source in recipe.sources}
            same = layouts.pop() if len(layouts) == 1 else None
            count = free(Affine(len(recipe.sources)))
            return Layout((count, *same.axes)) if isinstance(same, Layout) else None
        case Concat():
            lengths = [_shape(source)[recipe.axis] for source in recipe.sources]
            return concatenated([of_recipe(s) for s in recipe.sources], recipe.axis, lengths)
        case Slice():
            offsets, steps = [Affine(at) for at in recipe.offsets], [1] * len(recipe.offsets)
            source = of_recipe(recipe.source)
            return cut_out(source, _shape(recipe.source), offsets, steps, _shape(recipe))
        case Pad():
            return _padded(of_recipe(recipe.source), _shape(recipe.source), _shape(recipe))
    return None


def _shape(recipe: Recipe) -> list[Affine]:
    return [Affine(extent) for extent in recipe.shape]


def _shared(recipe: Shard) -> Layout:
    pairs = zip(recipe.sharding.axes, _shape(recipe.source), strict=True)
    return Layout(tuple(normal(axis) if axis else free(extent) for axis, extent in pairs))


def _padded(state: State, source: Shape, result: Shape) -> State:
    """Zeros behind the elements of axes that are not cut."""
    if not isinstance(state, Layout):
        return None
    columns = list(zip(state.axes, source, result, strict=True))
    if any(is_cut(axis) and before != behind for axis, before, behind in columns):
        return None
    return Layout(tuple(axis if is_cut(axis) else free(n) for axis, _, n in columns))
