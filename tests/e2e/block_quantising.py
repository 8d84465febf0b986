"""Decoders with weights of 4 bits, as tools for ONNX Runtime make them of others."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from tests.e2e.single import MICROSOFT, Array


def packed(numbers: Array) -> Array:
    """Two numbers along the last axis in a byte, the first one low; 0 behind an odd one."""
    odd = numbers.shape[-1] % 2
    even = np.pad(numbers, [(0, 0)] * (numbers.ndim - 1) + [(0, odd)]).astype(np.uint8)
    return even[..., 0::2] | even[..., 1::2] << 4


def quantised(weight: Array, block: int) -> tuple[Array, Array, Array]:
    """The rows of `[N, K]` in blocks: packed numbers, scales, packed zero points."""
    rows, inner = weight.shape
    count = -(-inner // block)
    filled = np.pad(weight, ((0, 0), (0, count * block - inner))).reshape(rows, count, block)
    low, high = np.minimum(filled.min(-1), 0), np.maximum(filled.max(-1), 0)
    scales = np.maximum((high - low) / 15, 1e-6).astype(np.float32)
    points = np.round(-low / scales)
    numbers = np.clip(np.round(filled / scales[..., None]) + points[..., None], 0, 15)
    return packed(numbers), scales, packed(points)


def in_blocks(model: ModelProto, block: int = 16) -> ModelProto:
    """The model with products and the look-up of tokens by weights of 4 bits."""
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    nodes, stored, gone = list[NodeProto](), list[TensorProto](), set[str]()
    for node in model.graph.node:
        product = node.op_type == "MatMul" and node.input[1] in held
        if not product and not (node.op_type == "Gather" and "input_ids" in node.input[1]):
            nodes.append(node)
            continue
        name = node.input[1 if product else 0]
        weight = held[name].T if product else held[name]
        numbers, scales, points = quantised(weight, block)
        kept = numbers if product else numbers.reshape(len(weight), -1)
        parts = {f"{name}_b": kept, f"{name}_s": scales, f"{name}_z": points}
        stored += [numpy_helper.from_array(part, n) for n, part in parts.items() if n not in gone]
        gone |= {name, *parts}
        rows, inner = weight.shape
        options: dict[str, Any] = {"block_size": block, "bits": 4}
        b, s, z = parts
        nodes.append(
            helper.make_node("MatMulNBits", [node.input[0], b, s, z], node.output, node.name,
                             domain=MICROSOFT, N=rows, K=inner, **options)
            if product
            else helper.make_node("GatherBlockQuantized", [b, node.input[1], s, z], node.output,
                                  node.name, domain=MICROSOFT, **options)
        )  # fmt: skip
    kept_tensors = [t for t in model.graph.initializer if t.name not in gone]
    made = ModelProto.FromString(model.SerializeToString())
    del made.graph.node[:], made.graph.initializer[:]
    made.graph.node.extend(nodes)
    made.graph.initializer.extend([*kept_tensors, *stored])
    made.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    return made
