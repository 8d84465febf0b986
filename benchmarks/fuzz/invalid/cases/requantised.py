"""Valid models of operators on bytes with scales."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.fuzz.invalid.contents import (
    fixed,
    flags,
    microsoft,
    node,
    packed,
    positive,
    whole,
)
from benchmarks.fuzz.invalid.node import Node, Operand

SCALE, POINT = fixed(positive(1)), fixed(packed(1))
TO = (SCALE, POINT)
"""How a result is scaled."""
ALONE = (fixed(positive()), fixed(packed()))
"""The same without dimensions, as sums and products take it alone."""
SIGNED = fixed(whole(1, dtype=np.int8))


def _scaled(*shape: int) -> tuple[Operand, Operand, Operand]:
    """Bytes with their scale and their zero point."""
    return Operand(packed(*shape)), SCALE, POINT


def _by_element() -> list[Node]:
    softmax = microsoft("QLinearSoftmax", *_scaled(2, 3, 4), *TO)
    return [
        microsoft("QLinearAdd", Operand(packed(2, 3)), *ALONE, Operand(packed(3)), *ALONE, *ALONE),
        microsoft("QLinearMul", Operand(packed(2, 3)), *ALONE, Operand(packed(3)), *ALONE, *ALONE),
        microsoft("QLinearSigmoid", *_scaled(2, 3), *TO),
        microsoft("QLinearLeakyRelu", *_scaled(2, 3), *TO, alpha=0.3),
        replace(softmax, attributes={"axis": 1, "opset": 13}),
        microsoft("QLinearConcat", *TO, *_scaled(2, 3), *_scaled(2, 1), axis=1),
        microsoft("QLinearWhere", flags(2, 3), *_scaled(2, 3), *_scaled(3), *TO),
        microsoft("QLinearGlobalAveragePool", *_scaled(2, 3, 4, 5), *TO, channels_last=0),
    ]


def _products() -> list[Node]:
    weights = (fixed(whole(8, 5, dtype=np.int8)), SCALE, SIGNED)
    bias, kernel = fixed(whole(5, dtype=np.int32)), fixed(whole(6, 2, 3, dtype=np.int8))
    listed = (fixed(positive(6)), fixed(np.zeros(6, np.int8)))
    image = _scaled(1, 4, 9)
    return [
        microsoft("QGemm", *_scaled(3, 8), *weights, bias, *TO, alpha=0.5, transA=0, transB=0),
        microsoft("QGemm", *_scaled(3, 8), *weights, bias),
        node("QLinearConv", *image, kernel, *listed, *TO, fixed(whole(6, dtype=np.int32)),
             group=2, pads=[1, 0], strides=[2]),
        node("ConvInteger", image[0], fixed(packed(6, 4, 3)), POINT, POINT, pads=[1, 1]),
    ]  # fmt: skip


def cases() -> list[Node]:
    return [*_by_element(), *_products()]
