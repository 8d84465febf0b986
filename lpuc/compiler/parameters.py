"""The parameters of a program: recipes over the model's files, and their bytes, piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.dialects.func import FuncOp

from dialects.lpu.weights import Weight
from dialects.lpu_isa.ops import WeightOp
from dialects.reading import operations
from runtime.weights.references import Param
from runtime.weights.source_files import SourceFiles

Array = np.ndarray[Any, np.dtype[Any]]
Piece = tuple[int, list[Array]]
"""An address, and the elements that each device has there."""


def parameters(functions: Iterable[FuncOp]) -> list[Param]:
    """
    Each weight once, in order of address; functions share those they both name.

    Weights without elements are none: they have no bytes, and lie where the next one lies.
    """
    weights: dict[int, Weight] = {}
    for func in functions:
        for op in operations(func.body.block):
            if isinstance(op, WeightOp) and 0 not in op.value.data.shape:
                address, weight = op.address.value.data, op.value.data
                first = weights.setdefault(address, weight)
                assert first == weight, f"two weights lie at {address}"
    return sorted(weights.items(), key=lambda item: item[0])


def parameter_pieces(params: Sequence[Param], folder: Path, devices: int = 1) -> Iterator[Piece]:
    """What each device holds, a few megabytes at a time, in order; paths start at `folder`."""
    from runtime.weights.streaming.pieces import pieces

    with SourceFiles(folder) as files:
        for address, weight in params:
            for parts in pieces(weight, files, devices, address):
                yield address, parts
                address += parts[0].nbytes
