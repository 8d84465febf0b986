"""
A model that says f32 wherever it said bf16, for a reference that has no bf16.

What it holds is the same to the bit, since each bf16 is an f32. What it computes is rounded later.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, numpy_helper

WIDE, SHORT = int(TensorProto.FLOAT), int(TensorProto.BFLOAT16)
TYPES = ("to", "dtype", "stash_type", "output_dtype", "softmax_precision", "qk_matmul_output_type")
"""Attributes that name an element type."""


def widened(model: ModelProto, folder: Path) -> ModelProto | None:
    """A copy with f32 in place of bf16, None if there is no bf16; `folder` has external data."""
    wide, has_any = ModelProto(), False
    wide.CopyFrom(model)
    for graph in _graphs(wide.graph):
        tensors = [*graph.initializer, *_tensors(graph)]
        for tensor in tensors:
            if tensor.data_type == SHORT:
                has_any = True
                values = numpy_helper.to_array(tensor, str(folder)).astype(np.float32)
                tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        for port in (*graph.input, *graph.output, *graph.value_info):
            if port.type.tensor_type.elem_type == SHORT:
                has_any, port.type.tensor_type.elem_type = True, WIDE
        for attribute in _attributes(graph):
            if attribute.name in TYPES and attribute.i == SHORT:
                has_any, attribute.i = True, WIDE
    return wide if has_any else None


def _attributes(graph: GraphProto) -> Iterator[AttributeProto]:
    return (attribute for node in graph.node for attribute in node.attribute)


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """A graph, and those in the attributes of its nodes."""
    yield graph
    for attribute in _attributes(graph):
        if attribute.type == AttributeProto.GRAPH:
            yield from _graphs(attribute.g)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """The constants in attributes."""
    return (a.t for a in _attributes(graph) if a.type == AttributeProto.TENSOR)
