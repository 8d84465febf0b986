"""The `onnx` dialect: the operators of a model as they stand in its file."""

from xdsl.ir import Dialect

from dialects.onnx.ops import InitializerOp, OnnxOp, classes, create, op_class, op_name

Onnx = Dialect("onnx", [*classes().values(), InitializerOp], [])

__all__ = ["InitializerOp", "Onnx", "OnnxOp", "create", "op_class", "op_name"]
