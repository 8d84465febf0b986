"""A small model of the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def save_product(folder: Path) -> Path:
    """The file of `y = (x - w) @ m`: node `less` gives the value `d`, node `product` gives `y`."""
    numbers = np.random.default_rng(3).standard_normal((4, 300)).astype(np.float32)
    nodes = [
        helper.make_node("Sub", ["x", "w"], ["d"], "less"),
        helper.make_node("MatMul", ["d", "m"], ["y"], "product"),
    ]
    weights = [
        numpy_helper.from_array(numbers[0, :4], "w"),
        numpy_helper.from_array(numbers, "m"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 300])
    graph = helper.make_graph(nodes, "graph", [x], [y], weights)
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), str(path))
    return path
