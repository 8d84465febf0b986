"""
Windows that slide along axes: what convolutions and pooling read.

A window axis of `extent` elements, padded, becomes two: how often the window is laid, and its taps.

    [N, C, H, W] -> [N, C, rows, kernel rows, columns, kernel columns]

It is made of slices: one for each tap or one for each place, whichever are fewer, and one alone
where windows follow one another without a gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from xdsl.ir import SSAValue

from dialects.affine import Affine, AffineLike
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import Limit, only
from passes.rewriting.build import Build

SLICES = 64
"""Of more pieces a window axis is not made."""
ONE = Affine(1)
LARGEST = 1 << 20
"""What no stride, dilation, pad or kernel of a model exceeds."""

MODES = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")
SLIDING = (
    only("auto_pad", *MODES),
    Limit("strides along an axis whose extent is a symbol"),
    Limit(f"axes with more than {SLICES} taps and places"),
)
"""Of all that slides."""
LIMITS = (*SLIDING, Limit("auto_pad with dilations"))


class Window(NamedTuple):
    """How a window slides along one axis."""

    extent: Affine
    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0
    beyond: int = 0
    """Elements behind the padding that the last window reaches into."""
    places: Affine = ONE

    @property
    def span(self) -> int:
        """From the first tap to the last."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def padded(self) -> Affine:
        return self.extent + self.before + self.after + self.beyond


def listed(node: Node, name: str, count: int, default: int, least: int) -> list[int]:
    """An attribute of one small integer for each window axis, or all of them the default."""
    given = node.numbers(name) if name in node.op.schema.attributes else None
    values = [default] * count if given is None else given
    node.require(len(values) == count, f"{name} {values} does not name {count} axes")
    fits = all(least <= value <= LARGEST for value in values)
    node.require(fits, f"{name} {values} holds what is below {least}, or too large")
    return values


def windows_of(node: Node, axes: Dims, kernel: Sequence[int]) -> list[Window]:
    """The window of each axis, by the attributes that all such operators have."""
    count, mode = len(axes), node.attr("auto_pad") or "NOTSET"
    strides = listed(node, "strides", count, 1, 1)
    dilations = listed(node, "dilations", count, 1, 1)
    pads = listed(node, "pads", 2 * count, 0, 0)
    node.require(mode == "NOTSET" or node.attr("pads") is None, "auto_pad and pads are given")
    for axis, extent in enumerate(axes, start=2):
        node.require(extent.lower(node.ranges) > 0, f"axis {axis} has no elements")
    rounds_up = "ceil_mode" in node.op.schema.attributes and node.flag("ceil_mode")
    dense = not str(mode).startswith("SAME") or max(dilations) == 1
    node.require(dense, "auto_pad with dilations is not supported")
    found: list[Window] = []
    for i, (extent, taps) in enumerate(zip(axes, kernel, strict=True)):
        own = Window(extent, taps, strides[i], dilations[i], pads[i], pads[count + i])
        found.append(_placed(node, own, str(mode), rounds_up))
    return found


def _placed(node: Node, own: Window, mode: str, rounds_up: bool) -> Window:
    """A window with its pads, and how often it is laid."""
    if mode.startswith("SAME"):
        return _same(node, own, mode)
    room = own.padded - own.span
    fits = room.lower(node.ranges) >= 0
    node.require(fits, f"a window of {own.span} on an axis of {own.padded}")
    steps, rest = _divided(node, room, own.stride)
    last = (steps + 1) * own.stride
    reaches = own.extent + own.before - last
    more = rounds_up and rest > 0 and reaches.lower(node.ranges) > 0
    places = steps + (2 if more else 1)
    beyond = own.stride - rest if more else 0
    return Window(
        own.extent, own.kernel, own.stride, own.dilation, own.before, own.after, beyond, places
    )


def _divided(node: Node, room: Affine, stride: int) -> tuple[Affine, int]:
    """Steps of a stride, and what is left."""
    if stride == 1:
        return room, 0
    words = f"a stride of {stride} along an axis that depends on a symbol is not supported"
    node.require(room.is_const, words)
    return Affine(room.const // stride), room.const % stride


def _same(node: Node, own: Window, mode: str) -> Window:
    """As many places as strides fit into the extent; what is missing is padded on both sides."""
    steps, _ = _divided(node, own.extent - 1, own.stride)
    places = steps + 1
    reach = steps * own.stride + own.span - own.extent
    missing = max(reach.const, 0)
    small, large = missing // 2, missing - missing // 2
    before, after = (small, large) if mode == "SAME_UPPER" else (large, small)
    return Window(own.extent, own.kernel, own.stride, own.dilation, before, after, 0, places)


def padded(
    b: Build, x: SSAValue, axis: int, widths: tuple[int, int], value: float | bool
) -> SSAValue:
    """With so many elements of a value before and behind; a negative width cuts off."""
    before, after = widths
    kept = tensor_of(x).shape[axis] + min(before, 0) + min(after, 0)
    x = b.slice_axis(x, axis, max(-before, 0), kept)
    dims, element = list(tensor_of(x).shape), b.scalar(value, tensor_of(x).dtype)

    def border(width: int) -> list[SSAValue]:
        dims[axis] = Affine(width)
        return [b.broadcast(element, dims)] if width > 0 else []

    return b.concat([*border(before), x, *border(after)], axis)


def laid(
    b: Build, x: SSAValue, first: int, windows: Sequence[Window], value: float | bool
) -> SSAValue:
    """Every axis from `first` on as places and taps, padded with a value."""
    for i, window in reversed(list(enumerate(windows, start=first))):
        x = padded(b, x, i, (window.before, window.after + window.beyond), value)
        x = _laid(b, x, i, window)
    return x


def _laid(b: Build, x: SSAValue, axis: int, window: Window) -> SSAValue:
    dims, (taps, step) = tensor_of(x).shape, (window.kernel, window.dilation)
    lead, rest, places = dims[:axis], dims[axis + 1 :], window.places
    whole = (*lead, places, taps, *rest)
    if taps == 1:
        return b.reshape(_part(b, x, axis, 0, places, window.stride), whole)
    if places == ONE:
        return b.reshape(_part(b, x, axis, 0, taps, step), whole)
    if step == 1 and window.stride == taps:
        return b.reshape(_part(b, x, axis, 0, places * taps, 1), whole)
    if not places.is_const or taps <= places.const:
        slices = [_part(b, x, axis, k * step, places, window.stride) for k in range(taps)]
        return b.concat([b.reshape(s, (*lead, places, 1, *rest)) for s in slices], axis + 1)
    starts = [k * window.stride for k in range(places.const)]
    slices = [_part(b, x, axis, at, taps, step) for at in starts]
    return b.concat([b.reshape(s, (*lead, 1, taps, *rest)) for s in slices], axis)


def _part(b: Build, x: SSAValue, axis: int, start: int, count: AffineLike, step: int) -> SSAValue:
    dims: list[AffineLike] = list(tensor_of(x).shape)
    offsets, steps = [0] * len(dims), [1] * len(dims)
    offsets[axis], dims[axis], steps[axis] = start, count, step
    return b.slice(x, offsets, dims, steps)


def check_pieces(node: Node, windows: Sequence[Window]) -> None:
    """Refuse windows that would be made of more slices than `SLICES`."""
    for window in windows:
        places = window.places
        fewer = min(window.kernel, places.const) if places.is_const else window.kernel
        closed = window.dilation == 1 and window.stride == window.kernel
        words = f"an axis with {window.kernel} taps at {places} places is not supported"
        node.require(closed or fewer <= SLICES, words)
