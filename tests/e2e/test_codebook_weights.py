"""Weights of four bits that are entries of a table: numbers when the program is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import lpuc
from dialects.errors import CompileError
from lpuc.cli import invoke
from tests.e2e.single import MICROSOFT, Array, Case, Inputs, assert_same, f32

FP4 = [0, 1 / 192, 2 / 3, 1, 1 / 3, 1 / 2, 1 / 6, 1 / 4]
"""What three bits stand for; the fourth one is a sign."""


def product(rows: int, inner: int, block: int, half: bool = False) -> Inputs:
    """A product with `[rows, inner]` codes and a scale for each block of them."""
    element, draw = np.float16 if half else np.float32, np.random.default_rng(1)
    return {
        "x": (f32(3, inner) / 8).astype(element),
        "w": draw.integers(0, 256, -(-rows * inner // 2), np.uint8),
        "s": (np.abs(f32(-(-rows * inner // block), seed=2)) / 16).astype(element),
    }


def attributes(rows: int, inner: int, block: int, kind: int) -> dict[str, Any]:
    sizes = {"N": rows, "K": inner, "block_size": block, "quant_type": kind}
    return {**sizes, "domain": MICROSOFT, "constants": ["w", "s"]}


def by_hand(inputs: Inputs, rows: int, inner: int, block: int) -> Array:
    """The weights `[inner, rows]` of FP4, code by code."""
    w, scales = inputs["w"], inputs["s"]
    assert w is not None and scales is not None
    out = np.empty((inner, rows), np.float32)
    for at in range(rows * inner):
        code = int(w[at // 2]) >> 4 if at % 2 == 0 else int(w[at // 2]) & 15
        entry = np.float32(FP4[code % 8]) * (-1 if code >= 8 else 1)
        out[at % inner, at // inner] = entry * np.float32(scales[at // block])
    return out


SHAPES = [(6, 32, 16), (5, 48, 32), (7, 9, 16), (3, 40, 64)]
"""Blocks within rows, over their ends, an odd number of codes, a block of more than a row."""


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_each_code_has_its_place_and_its_scale(
    shape: tuple[int, int, int], half: bool, tmp_path: Path
):
    """Rows of an identity give the weights themselves, bit by bit."""
    inputs = dict(product(*shape, half))
    inputs["x"] = np.eye(shape[1], dtype=np.float16 if half else np.float32)
    case = Case(tmp_path, "MatMulBnb4", inputs, **attributes(*shape, 0))
    (got,) = case.ours()
    np.testing.assert_array_equal(got, by_hand(inputs, *shape).astype(got.dtype))


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_both_tables_are_those_of_onnx_runtime(
    shape: tuple[int, int, int], kind: int, tmp_path: Path
):
    inputs = product(*shape)
    case = Case(tmp_path, "MatMulBnb4", inputs, **attributes(*shape, kind))
    assert_same(case.ours(), case.reference())


def test_large_weights_on_several_devices(tmp_path: Path):
    """Extents that no number of devices divides, blocks over the ends of rows."""
    case = Case(tmp_path, "MatMulBnb4", product(321, 240, 64), **attributes(321, 240, 64, 1))
    (want,) = case.reference()
    for devices in (1, 2, 8):
        (got,) = lpuc.compile(case.path, precision="f32", devices=devices).run(case.inputs).values()
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5 * np.abs(want).max())


def test_nodes_of_equal_types_have_each_their_weights(tmp_path: Path):
    held = [product(8, 32, 16), product(8, 32, 16)]
    held[1]["w"] = np.arange(128, dtype=np.uint8)
    stored, nodes = list[TensorProto](), list[onnx.NodeProto]()
    options = {k: v for k, v in attributes(8, 32, 16, 1).items() if k != "constants"}
    for i, inputs in enumerate(held):
        for name in "ws":
            value = inputs[name]
            assert value is not None
            stored.append(numpy_helper.from_array(value, f"{name}{i}"))
        names = ["x", f"w{i}", f"s{i}"]
        nodes.append(helper.make_node("MatMulBnb4", names, [f"y{i}"], **options))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 32])
    ys = [helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, [1, 8]) for i in range(2)]
    graph = helper.make_graph(nodes, "pair", [x], ys, stored)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    onnx.save(model, tmp_path / "m.onnx")
    inputs = {"x": f32(1, 32)}
    want = onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)
    got = lpuc.compile(tmp_path / "m.onnx", precision="f32").run(inputs)
    assert_same([got["y0"], got["y1"]], want)


def test_a_dump_leads_to_the_same_program(tmp_path: Path):
    case = Case(tmp_path, "MatMulBnb4", product(65, 48, 32), **attributes(65, 48, 32, 1))
    first, dump, second = tmp_path / "a.lpu", tmp_path / "dump", tmp_path / "b.lpu"
    assert invoke(["compile", str(case.path), "-o", str(first), "--dump-ir", str(dump)]) == 0
    (file,) = dump.glob("*fold-constants*.mlir")
    assert "dequantise(decode(file(" in file.read_text()
    assert invoke(["compile", "--from", str(file), "-o", str(second)]) == 0
    assert first.read_bytes() == second.read_bytes()


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a weight that comes in": ({}, {"constants": ["s"]}, "'B' is no constant"),
    "scales that come in": ({}, {"constants": ["w"]}, "'absmax' is no constant"),
    "a third table": ({}, {"quant_type": 2}, "quant_type other than 0, 1"),
    "rows that are columns": ({}, {"transB": 0}, "transB other than 1"),
    "blocks of 24": ({}, {"block_size": 24}, "block_size is 24"),
    "no rows": ({}, {"N": 0}, "N = 0"),
    "a byte too many": ({"w": np.zeros(97, np.uint8)}, {}, "the shape of 'B'"),
    "a scale too few": ({"s": f32(11)}, {}, "the shape of 'absmax'"),
    "rows of another length": ({"x": f32(3, 31)}, {}, "the last extent of A"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_by_name(name: str, tmp_path: Path):
    other, attrs, message = REFUSED[name]
    inputs = {**product(6, 32, 16), **other}
    case = Case(tmp_path, "MatMulBnb4", inputs, **{**attributes(6, 32, 16, 1), **attrs})
    with pytest.raises(CompileError, match=message) as caught:
        case.ours()
    assert caught.value.node == "MatMulBnb4_0"
