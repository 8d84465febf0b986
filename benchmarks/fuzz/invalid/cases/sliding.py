"""Valid models of what goes along axes: convolutions, pooling, recurrent layers."""

from __future__ import annotations

from benchmarks.fuzz.invalid.contents import fixed, floats, half, node, whole
from benchmarks.fuzz.invalid.node import Node


def _convolutions() -> list[Node]:
    image, kernels = floats(1, 2, 5, 4), floats(4, 2, 3, 2)
    return [
        node("Conv", floats(2, 3, 7), fixed(floats(3, 1, 3)), fixed(floats(3)), group=3),
        node("Conv", image, kernels, strides=[2, 1], pads=[1, 0, 1, 1], dilations=[1, 2]),
        node("Conv", image, kernels, auto_pad="SAME_LOWER", kernel_shape=[3, 2], opset=11),
        node("Conv", half(1, 4, 6), half(2, 2, 2), half(2), group=2, auto_pad="VALID"),
        node("ConvTranspose", floats(1, 2, 4), floats(2, 3, 3), floats(3), strides=[2]),
        node(
            *("ConvTranspose", floats(1, 4, 3, 2), floats(4, 1, 2, 2)),
            group=2,
            strides=[2, 3],
            pads=[0, 1, 1, 0],
            output_padding=[1, 0],
        ),
        node("ConvTranspose", image, floats(2, 1, 3, 3), output_shape=[10, 8], strides=[2, 2]),
    ]


def _pools() -> list[Node]:
    line, image = floats(1, 2, 7), floats(2, 1, 5, 6)
    return [
        node("MaxPool", line, results=2, kernel_shape=[3], strides=[2], pads=[1, 1]),
        node("MaxPool", image, kernel_shape=[2, 3], auto_pad="SAME_UPPER", dilations=[1, 1]),
        node(
            *("MaxPool", image),
            results=2,
            kernel_shape=[2, 2],
            strides=[2, 2],
            ceil_mode=1,
            storage_order=1,
        ),
        node("MaxPool", whole(1, 1, 6, low=0, dtype="u1"), kernel_shape=[2]),
        node("AveragePool", line, kernel_shape=[3], pads=[1, 1], count_include_pad=1),
        node("AveragePool", image, kernel_shape=[2, 2], strides=[2, 3], ceil_mode=1),
        node("AveragePool", image, kernel_shape=[2, 3], auto_pad="SAME_LOWER", opset=11),
        node("LpPool", line, kernel_shape=[3], p=2, pads=[0, 1]),
        node("LpPool", image, kernel_shape=[2, 2], p=1, strides=[2, 1], dilations=[2, 1]),
        node("GlobalLpPool", image, p=2, opset=12),
        node("LRN", floats(2, 5, 3, 2), size=3, alpha=0.1, beta=0.5, bias=2.0),
    ]


def _recurrent() -> list[Node]:
    x, start = floats(3, 1, 2), floats(1, 1, 4)
    weights = {n: (floats(1, n * 4, 2), floats(1, n * 4, 4), floats(1, n * 8)) for n in (1, 3, 4)}
    two = (floats(2, 4, 2), floats(2, 4, 4), floats(2, 8))
    return [
        node("RNN", x, *weights[1], None, start, results=2, hidden_size=4),
        node("RNN", x, *two, results=2, hidden_size=4, direction="bidirectional"),
        node("GRU", x, *weights[3], None, start, results=2, hidden_size=4, direction="reverse"),
        node("GRU", x, *weights[3], results=2, hidden_size=4, linear_before_reset=1),
        node("LSTM", x, *weights[4][:2], results=3, hidden_size=4),
        node(
            *("LSTM", x, *weights[4], None, start, start, floats(1, 12)),
            results=3,
            hidden_size=4,
            direction="reverse",
        ),
    ]


def cases() -> list[Node]:
    return [*_convolutions(), *_pools(), *_recurrent()]
