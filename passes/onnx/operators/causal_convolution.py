"""
Convolutions of each channel with its last values, which come from a state and go into the next.

```
z = Concat(past_state, x)        y = Conv(z, w) + bias        present_state = the last of z
```
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.convolution import convolved
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import MICROSOFT, Limit, only, operator
from passes.onnx.operators.terms import elements, wide
from passes.onnx.operators.windows import LARGEST, SLICES, Window, check_pieces
from passes.rewriting.build import Build

ACTIVATIONS = ("none", "silu", "swish")
LIMITS = (
    only("activation", *ACTIVATIONS),
    Limit(f"axes with more than {SLICES} taps and places"),
)


def _is_last(node: Node) -> bool:
    """Whether channels stand behind the steps, in one axis or more."""
    return node.op.DOMAIN == MICROSOFT and node.flag("channels_last")


def _window(node: Node) -> Window:
    """How the taps of each channel lie."""
    taps = node.dims("weight", 3)[2]
    dilation = node.integer("dilation") if node.op.DOMAIN == MICROSOFT else 1
    node.require(taps.is_const and taps.const > 0, f"{taps} taps, expected a number above 0")
    node.require(0 < dilation <= LARGEST, f"dilation is {dilation}")
    x = node.dims("input") if _is_last(node) else node.dims("input", 3)
    node.require(len(x) > 2, f"the input has rank {len(x)}, expected channels and steps")
    window = Window(x[1] if _is_last(node) else x[2], taps.const, dilation=dilation)
    return Window(
        window.extent + (window.span - 1), taps.const, dilation=dilation, places=window.extent
    )


def _convolution_dims(node: Node) -> Sequence[Dims]:
    window, x = _window(node), node.dims("input")
    check_pieces(node, [window])
    channels = elements(x[2:]) if _is_last(node) else x[1]
    node.require(channels.is_const and channels.const > 0, f"{channels} channels")
    node.require(window.places.lower(node.ranges) > 0, "there are no steps")
    node.expect("the channels of the weights", node.dims("weight")[:2], (channels, Affine(1)))
    node.expect_dims("bias", (channels,))
    kept = Affine(window.span - 1)
    state = (x[0], kept, *x[2:]) if _is_last(node) else (*x[:2], kept)
    node.expect_dims("past_state", state)
    return [x, state]


def _first(b: Build, node: Node, x: SSAValue) -> SSAValue:
    """`[N, channels, steps]`"""
    if not _is_last(node):
        return x
    dims = tensor_of(x).shape
    return b.transpose(b.reshape(x, (*dims[:2], elements(dims[2:]))), (0, 2, 1))


def _back(b: Build, node: Node, x: SSAValue, like: Dims) -> SSAValue:
    """In the order of axes that the node has."""
    return b.reshape(b.transpose(x, (0, 2, 1)), like) if _is_last(node) else x


@operator("CausalConvWithState", shape=_convolution_dims, limits=LIMITS)
@operator(
    "CausalConvWithState",
    domains=[MICROSOFT],
    shape=_convolution_dims,
    limits=[
        *LIMITS,
        *(only("ndim", 1), only("state_channels_last", -1)),
        *(
            only(name, 0)
            for name in (
                *("state_window", "state_length", "state_update_capacity"),
                *("input_channels", "input_channel_offset"),
            )
        ),
        Limit("the result 'state_update'", lambda node: len(node.op.results) > 2),
    ],
)
def causal_convolution(b: Build, node: Node) -> Sequence[SSAValue]:
    x, window, dtype = _first(b, node, node.value("input")), _window(node), node.result.dtype
    past, bias = node.get("past_state"), node.get("bias")
    dims = tensor_of(x).shape
    if past is None:
        kept = b.fill(0.0, (*dims[:2], window.span - 1), dtype)
    else:
        kept = _first(b, node, past)
    whole = b.concat([kept, x], 2)
    y = convolved(b, whole, node.value("weight"), dims[1].const, [window])
    if bias is not None:
        y = b.map("add", y, b.reshape(bias, (dims[1], 1)))
    if node.attr("activation") != "none":
        y = wide(b, y)
        y = b.cast(b.map("mul", y, b.map("sigmoid", y)), dtype)
    state = b.slice_axis(whole, 2, window.places, window.span - 1)
    return _back(b, node, y, node.result.shape), _back(
        b, node, state, tensor_of(node.op.results[1]).shape
    )
