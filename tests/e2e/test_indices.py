"""An index outside of its own dimension traps, also where it would name an element of another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lpuc.compiler.driver import CompiledProgram, compile_model
from lpuc.compiler.options import CompileOptions
from runtime.isa import Scatter
from runtime.traps import Trap, TrapKind

Array = np.ndarray[Any, Any]

DATA = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
UPDATES = {"ScatterElements": (1, 1, 2), "ScatterND": (2,)}
"""Extents of what is written."""

CASES = {
    "GatherElements": ([[[2, -3]]], [[[3, 0]]], [[[0, -4]]], {"axis": 1}),
    "ScatterElements": ([[[2, -3]]], [[[3, 0]]], [[[0, -4]]], {"axis": 1}),
    "GatherND": ([[1, 2, 3], [-2, -3, -4]], [[0, 3, 0], [0, 0, 0]], [[1, 0, -5], [0, 0, 0]], {}),
    "ScatterND": ([[1, 2, 3], [-2, -3, -4]], [[0, 3, 0], [0, 0, 0]], [[1, 0, -5], [0, 0, 0]], {}),
}
"""Indices that name elements, ones that are too large, ones that are too small; attributes."""


def compiled(folder: Path, operator: str, attributes: dict[str, int]) -> CompiledProgram:
    indices = np.asarray(CASES[operator][0])
    names = ["data", "indices", *(["updates"] if operator in UPDATES else [])]
    kinds = {"data": (TensorProto.FLOAT, DATA.shape), "indices": (TensorProto.INT64, indices.shape)}
    kinds["updates"] = (TensorProto.FLOAT, UPDATES.get(operator, ()))
    node = helper.make_node(operator, names, ["y"], name="the_node", **attributes)
    inputs = [helper.make_tensor_value_info(name, *kinds[name]) for name in names]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "g", inputs, [output])
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    return compile_model(path, CompileOptions(precision="f32"))


def run(program: CompiledProgram, operator: str, indices: Any) -> Array:
    inputs = {"data": DATA, "indices": np.asarray(indices, np.int64)}
    if operator in UPDATES:
        inputs["updates"] = np.full(UPDATES[operator], 99, np.float32)
    return program.run(inputs)["y"]


def expected(operator: str, indices: Any) -> Array:
    """By numpy, which refuses what is out of range."""
    where, result = np.asarray(indices), DATA.copy()
    if operator == "GatherElements":
        rows, columns = np.indices(where.shape)[[0, 2]]
        return DATA[rows, where, columns]
    if operator == "GatherND":
        return DATA[tuple(where.T)]
    if operator == "ScatterElements":
        rows, columns = np.indices(where.shape)[[0, 2]]
        result[rows, where, columns] = 99
    else:
        result[tuple(where.T)] = 99
    return result


@pytest.mark.parametrize("operator", CASES)
def test_an_index_names_an_element_of_its_own_axis(operator: str, tmp_path: Path):
    inside, large, small, attributes = CASES[operator]
    program = compiled(tmp_path, operator, attributes)
    assert np.array_equal(run(program, operator, inside), expected(operator, inside))
    for outside in (large, small):
        with pytest.raises(IndexError):
            expected(operator, outside)
        with pytest.raises(Trap, match="the_node") as trapped:
            run(program, operator, outside)
        assert trapped.value.kind is TrapKind.INDEX


@pytest.mark.parametrize(
    ("places", "moved"),
    [
        ([1, 2], True), ([0, 1], True), ([2, 3], True), ([0, 1, 2, 3], True), ([3], True),
        ([0, 2], False), ([2, 1], False), ([1, 1], False), ([-1], False), ([-2, -1], False),
    ],
)  # fmt: skip
def test_rows_that_follow_each_other_are_put_between_the_others(
    places: list[int], moved: bool, tmp_path: Path
):
    """As `x[1:3] = y` is exported; all others are told row by row, the last of two counts."""
    data, updates = DATA.reshape(4, 6), -1 - np.arange(6.0 * len(places), dtype=np.float32)
    updates = updates.reshape(len(places), 6)
    indices = numpy_helper.from_array(np.array(places, np.int64)[:, None], "i")
    node = helper.make_node("ScatterND", ["x", "i", "u"], ["y"], name="the_node")
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape)
        for name, array in (("x", data), ("u", updates), ("y", data))
    ]
    graph = helper.make_graph([node], "g", values[:2], values[2:], [indices])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    program = compile_model(path, CompileOptions(precision="f32"))
    result = data.copy()
    for place, row in zip(places, updates, strict=True):
        result[place] = row
    assert np.array_equal(program.run({"x": data, "u": updates})["y"], result)
    assert program.in_memory is not None
    assert moved != any(isinstance(inst, Scatter) for inst in program.in_memory.code)
