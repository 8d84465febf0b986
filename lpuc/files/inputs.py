"""The tensors of a call as the interface of a program wants them."""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np

from lpuc.files.npz import Arrays, read_npz
from runtime.numerics.elements import ElementType
from runtime.program.interface import Interface

HEADER_BYTES = 4096


def input_bytes(interface: Interface) -> int:
    """The most bytes that the inputs can have, with room for headers of a file."""
    upper = {symbol.name: symbol.upper for symbol in interface.symbols}
    sizes = (prod(port.extents(upper)) * 8 + HEADER_BYTES for port in interface.inputs)
    return sum(sizes) + HEADER_BYTES


def load_inputs(path: Path, interface: Interface) -> Arrays:
    """The tensors of a file; float32 stands for bfloat16, which the format lacks."""
    arrays = read_npz(path, input_bytes(interface))
    for port in interface.inputs:
        array = arrays.get(port.name)
        if port.dtype is ElementType.BF16 and array is not None and array.dtype == np.float32:
            arrays[port.name] = array.astype(port.dtype.dtype)
    return arrays
