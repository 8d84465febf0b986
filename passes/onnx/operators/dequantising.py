"""
Weights on a linear scale as numbers, when the program is made: the machine streams no others.

```
dequantise(unpack(file(B)), file(scales), file(zero_points), blocks)
```

Where the numbers, the scales or the zero points are none of the model's constants there is no such
recipe, and the machine computes them for every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from xdsl.ir import SSAValue

from dialects.lpu.weights import (
    Dequantise,
    FileRange,
    Inline,
    Reshape,
    Slice,
    Unpack,
    Weight,
    inline,
    reshaped,
)
from passes.analysis.weights import uniform_of, weight_of
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

Shape = tuple[int, ...]


def bytes_of(value: SSAValue) -> FileRange | Inline | None:
    """Where the bytes of a constant lie in order; None where they are computed, or moved before."""
    held = weight_of(value)
    held = held.source if isinstance(held, Reshape) else held
    return held if isinstance(held, FileRange | Inline) else None


def packed_weight(value: SSAValue, bits: int, shape: Shape, wanted: Shape) -> Weight | None:
    """
    Bytes as numbers of `bits` bits without a sign: of `shape` those at its beginning.

    None where the bytes are computed, or moved before.
    """
    held = bytes_of(value)
    if held is None:
        return None
    size = np.prod(held.shape, dtype=np.int64)
    numbers: Weight = replace(held, shape=shape)
    if bits < 8:
        numbers = Unpack(replace(held, shape=(int(size),)), bits, shape, ElementType.U8)
    return numbers if shape == wanted else Slice(numbers, (0,) * len(shape), wanted)


def listed_weight(value: SSAValue, shape: Shape) -> Weight | None:
    """Scales or zero points as they are, under other extents; one serves all where all are one."""
    uniform = uniform_of(value)
    if uniform is not None:
        return replace(uniform, shape=(1,) * len(shape))
    held = weight_of(value)
    if isinstance(held, FileRange | Inline):
        return replace(held, shape=shape)
    return None if held is None else reshaped(held, shape)


def one_for_all(number: float, rank: int) -> Weight:
    """The zero point that all numbers of a weight have."""
    return inline(np.full((1,) * rank, number, np.float32))


def dequantised(
    b: Build, parts: Sequence[Weight | None], blocks: Shape, dtype: ElementType
) -> SSAValue | None:
    """
    Numbers, scales and zero points as one constant; None where one of them is none.

    Each element is rounded once.
    """
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    numbers, scales, points = known
    return b.cast(b.constant(Dequantise(numbers, scales, points, blocks)), dtype)
