"""Shapes of all values, node by node, by ONNX's own inference and its reference evaluator.

What is computed of shapes and small integers is evaluated, so that a reshape has its extents.
Operators of ONNX Runtime, which ONNX's inference does not know, are few and keep a shape or are
said here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, TypeProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.shape_inference import infer_node_outputs

from lpuc.profiling.floor.shapes import Shape, attribute

Array = np.ndarray[Any, np.dtype[Any]]
SMALL = 1 << 12
"""Elements of a value that is evaluated."""
KEEPS = (
    "SkipSimplifiedLayerNormalization", "SkipLayerNormalization", "SimplifiedLayerNormalization",
    "RotaryEmbedding", "FastGelu", "Gelu", "BiasGelu", "QuickGelu", "SkipRMSNormalization",
)  # fmt: skip
"""Operators of ONNX Runtime whose outputs are shaped as their first input."""


class Inference:
    """Types by name of the value as far as they are known, and contents of small ones."""

    def __init__(self, model: ModelProto) -> None:
        self.versions = {o.domain or "ai.onnx": o.version for o in model.opset_import}
        self.opsets = list(model.opset_import)
        self.types: dict[str, TypeProto] = {}
        self.contents: dict[str, Array] = {}
        for value in model.graph.input:
            self.types[value.name] = value.type
        for tensor in model.graph.initializer:
            self._weight(tensor.name, tensor)

    def _weight(self, name: str, tensor: TensorProto) -> None:
        self.types[name] = helper.make_tensor_type_proto(tensor.data_type, list(tensor.dims))
        is_inside = tensor.data_location != TensorProto.EXTERNAL
        if is_inside and int(np.prod(tensor.dims, dtype=np.int64)) <= SMALL:
            self.contents[name] = numpy_helper.to_array(tensor)

    def shape(self, name: str) -> Shape | None:
        """The shape of a value, None unless all of it is known."""
        kind = self.types.get(name)
        if kind is None or not kind.tensor_type.HasField("shape"):
            return None
        dims = kind.tensor_type.shape.dim
        return (
            tuple(d.dim_value for d in dims) if all(d.HasField("dim_value") for d in dims) else None
        )

    def node(self, node: NodeProto) -> None:
        """Take up a node whose inputs are known as far as they will be."""
        if node.domain not in ("", "ai.onnx"):
            self._foreign(node)
            return
        if node.op_type == "Shape" and (shape := self.shape(node.input[0])) is not None:
            start, end = attribute(node, "start") or 0, attribute(node, "end")
            self._is(node.output[0], np.array(shape[start:end], np.int64))
        elif self._is_small(node):
            with suppress(Exception):
                self._evaluate(node)
        if node.output[0] not in self.types:
            with suppress(Exception):
                self._infer(node)

    def _is(self, name: str, value: Array) -> None:
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        self.types[name] = helper.make_tensor_type_proto(kind, value.shape)
        if value.size <= SMALL:
            self.contents[name] = value

    def _is_small(self, node: NodeProto) -> bool:
        return all(name in self.contents for name in node.input if name)

    def _evaluate(self, node: NodeProto) -> None:
        """Contents by ONNX's reference evaluator."""
        given = {name: self.contents[name] for name in node.input if name}
        inputs = [helper.make_value_info(name, self.types[name]) for name in given]
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
        graph = helper.make_graph([node], "node", inputs, outputs)
        made = helper.make_model(graph, opset_imports=self.opsets)
        evaluator: Any = ReferenceEvaluator(made)
        with np.errstate(all="ignore"):
            found = evaluator.run(None, given)
        for output, value in zip(outputs, found, strict=True):
            self._is(output.name, np.asarray(value))

    def _infer(self, node: NodeProto) -> None:
        """Shapes by ONNX's inference of one node."""
        schema = onnx.defs.get_schema(node.op_type, self.versions["ai.onnx"], "")
        kinds = {name: self.types[name] for name in node.input if name}
        data = {
            n: numpy_helper.from_array(self.contents[n], n) for n in kinds if n in self.contents
        }
        found = infer_node_outputs(schema, node, kinds, data, opset_imports=self.opsets)
        self.types |= found

    def _foreign(self, node: NodeProto) -> None:
        """An operator of ONNX Runtime."""
        first = self.types.get(node.input[0])
        if first is None:
            return
        shape, kind = self.shape(node.input[0]), first.tensor_type.elem_type
        made = FOREIGN.get(node.op_type)
        if node.op_type in KEEPS and shape is not None:
            for name in filter(None, node.output):
                self.types[name] = first
        elif made is not None and shape is not None:
            inputs = [self.shape(name) if name else None for name in node.input]
            for name, extents in zip(node.output, made(node, inputs), strict=False):
                if name and extents is not None:
                    self.types[name] = helper.make_tensor_type_proto(kind, extents)


Shapes = Sequence[Shape | None]


def _by_rows(node: NodeProto, inputs: Shapes) -> Iterable[Shape | None]:
    first, columns = inputs[0], attribute(node, "N")
    return [None if first is None or columns is None else (*first[:-1], columns)]


def _attention(node: NodeProto, inputs: Shapes) -> Iterable[Shape | None]:
    """Output as the query is; `present` one token longer than `past`."""
    query, past = inputs[0], next((s for s in inputs if s is not None and len(s) == 4), None)
    present = None if past is None else (*past[:2], past[2] + 1, past[3])
    if query is not None and past is not None and node.op_type == "GroupQueryAttention":
        query = (*query[:-1], (attribute(node, "num_heads") or 0) * past[3])
    return [query, present, present]


def _fused(node: NodeProto, inputs: Shapes) -> Iterable[Shape | None]:
    a, b = inputs[:2]
    if a is None or b is None:
        return [None]
    rows = a[-1] if attribute(node, "transA") else a[-2]
    return [(*a[:-2], rows, b[-2] if attribute(node, "transB") else b[-1])]


FOREIGN: Mapping[str, Callable[[NodeProto, Shapes], Iterable[Shape | None]]] = {
    "MatMulNBits": _by_rows,
    "MatMulBnb4": _by_rows,
    "GroupQueryAttention": _attention,
    "MultiHeadAttention": _attention,
    "FusedMatMul": _fused,
}


def shapes_of(model: ModelProto) -> dict[str, Shape]:
    """The shapes that are known, by name of the value, those of weights included."""
    found = Inference(model)
    for node in model.graph.node:
        found.node(node)
    pairs = ((name, found.shape(name)) for name in found.types)
    return {name: shape for name, shape in pairs if shape is not None}
