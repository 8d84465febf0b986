"""
Double precision, which exporters leave where a scale was computed: it exists in constants only.

What reads or makes doubles is computed while compiling, by the operator's own semantics; a double
that depends on an input is refused. A weight that is cast from double precision stays an expression
over its file, however large it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.ir import SSAValue

from dialects.errors import unsupported
from dialects.lpu.elementwise import ConstantOp
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import TensorType
from dialects.lpu.weights import INLINE_LIMIT, Cast, Weight, inline
from dialects.onnx.ops import OnnxOp
from dialects.onnx.schemas import formal_at
from dialects.onnx.semantics import evaluate
from dialects.reading import operands_of, types_of
from runtime.numerics.elements import ElementType

Array = np.ndarray[Any, np.dtype[Any]]

F64 = ElementType.F64
HINT = "export the model in float32"


def is_double(op: OnnxOp) -> bool:
    """Whether a node reads or makes doubles; a Constant only names them."""
    for kind in types_of(op) if operands_of(op) else ():
        if isinstance(kind, TensorType) and kind.data.dtype is F64:
            return True
    return False


def folded(op: OnnxOp, known: Callable[[SSAValue], Array | None], folder: Path) -> Sequence[Weight]:
    """The results of a node on doubles; CompileError if an operand is not known."""
    first, target = op.operands[0].owner, tensor_of(op.results[0]).dtype
    if op.OP_TYPE == "Cast" and isinstance(first, ConstantOp) and target is not F64:
        return [Cast(first.value.data, target)]
    arrays = [value and _array(op, i, known(value)) for i, value in enumerate(op.slots())]
    results = evaluate(op, arrays, folder)
    if any(array.nbytes > INLINE_LIMIT for array in results):
        raise unsupported(op, "makes too many numbers from double precision", HINT)
    return [inline(array) for array in results]


def _array(op: OnnxOp, index: int, array: Array | None) -> Array:
    if array is None:
        name = formal_at(op.schema.inputs, index).name
        what = f"double precision is for constants, and '{name}' is none, or too large"
        raise unsupported(op, what, HINT)
    return array
