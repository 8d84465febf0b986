"""
Initializers of 4-bit integers: the bytes that hold two each, and the nodes that take them apart.

The machine has no such type. Weights of `DequantizeLinear` become integers of 8 bits, which are the
same numbers; the low half of a byte comes first, in row-major order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from onnx import NodeProto, TensorProto, helper
from xdsl.ir import Operation, SSAValue

from dialects.errors import location_of
from dialects.lpu.types import Tensor, tensor_type
from dialects.lpu.weights import Inline, Weight, WeightAttr
from dialects.onnx.ops import InitializerOp
from lpuc.onnx_import.nodes import NodeReader
from lpuc.onnx_import.tensors import Nibbles
from passes.rewriting.creation import make
from runtime.numerics.elements import ElementType

OPSET = 21
"""Of the nodes that are made."""
READERS = frozenset({"DequantizeLinear"})
"""What may read such an initializer."""


class Unpacking:
    """Nodes behind the constant of a tensor; `append` gives each its place."""

    def __init__(
        self, reader: NodeReader, append: Callable[[Operation], object], name: str
    ) -> None:
        self._reader, self._append, self._name = reader, append, name

    def value(self, nibbles: Nibbles) -> SSAValue:
        """The integers of 8 bits, in the shape of the tensor."""
        packed = self._constant(nibbles.packed, f"{self._name}/packed")
        sixteen = self._numbers(16, ElementType.U8)
        halves = [self._node(op, packed, sixteen) for op in ("Mod", "Div")]
        last = self._numbers([1])
        columns = [self._node("Unsqueeze", half, last) for half in halves]
        line = self._node("Reshape", self._node("Concat", *columns, axis=1), self._numbers([-1]))
        count = int(np.prod(nibbles.shape, dtype=np.int64))
        bounds = [self._numbers([number]) for number in (0, count)]
        numbers = self._node("Slice", line, *bounds)
        if nibbles.signed:
            eight = self._numbers(8, ElementType.U8)
            turned = self._node("Mod", self._node("Add", numbers, eight), sixteen)
            signed = self._node("Cast", turned, to=TensorProto.INT8)
            numbers = self._node("Sub", signed, self._numbers(8, ElementType.I8))
        return self._node("Reshape", numbers, self._numbers(list(nibbles.shape)))

    def _node(self, op: str, *operands: SSAValue, **attributes: object) -> SSAValue:
        node = NodeProto(op_type=op, input=["x"] * len(operands), output=["y"])
        node.attribute.extend(helper.make_attribute(*item) for item in attributes.items())
        made = self._reader.build(node, self._name, operands)
        self._append(made)
        return made.results[0]

    def _numbers(
        self, values: int | Sequence[int], element: ElementType = ElementType.I64
    ) -> SSAValue:
        array = np.array(values, element.dtype)
        return self._constant(Inline(array.tobytes(), array.shape, element), self._name)

    def _constant(self, weight: Weight, name: str) -> SSAValue:
        kind = tensor_type(Tensor.of(weight.shape, weight.dtype))
        op = make(InitializerOp, (), [kind], {"value": WeightAttr(weight)}, location_of([name]))
        self._append(op)
        return op.results[0]
