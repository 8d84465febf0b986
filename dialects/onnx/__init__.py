"""
The `onnx` dialect: the operators of a model as they stand in its file.

`Onnx`, the list of all, is made when it is asked for: importing a model needs a few of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdsl.ir import Dialect

from dialects.onnx.branches import IfOp, YieldOp
from dialects.onnx.loops import LoopOp
from dialects.onnx.ops import InitializerOp, OnnxOp, classes, create, op_class, op_name

if TYPE_CHECKING:
    Onnx: Dialect


def __getattr__(name: str) -> Dialect:
    if name != "Onnx":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = Dialect(
        "onnx", [*classes().values(), InitializerOp, IfOp, LoopOp, YieldOp], []
    )
    return globals()[name]


__all__ = [
    "IfOp",
    "InitializerOp",
    "LoopOp",
    "Onnx",
    "OnnxOp",
    "YieldOp",
    "create",
    "op_class",
    "op_name",
]
