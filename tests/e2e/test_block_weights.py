"""Weights of few bits: numbers when the program is made, where they are the model's constants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from xdsl.dialects.builtin import ModuleOp

import lpuc
from dialects.errors import CompileError
from dialects.lpu.elementwise import ConstantOp, MapOp
from dialects.lpu.movement import GatherOp
from lpuc.cli import invoke
from lpuc.compiler.driver import compile_model, load_module, lower
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from runtime.weights.recipes import Dequantise, Recipe, sources_of
from tests.e2e.block_quantising import packed
from tests.e2e.single import MICROSOFT, Array, Case, Inputs, assert_same, f32

DEVICES = (1, 2, 4, 8)


def bytes_of(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def product(
    rows: int, inner: int, block: int, bits: int, points: str, half: bool, lines: int = 3
) -> Inputs:
    """A product with `[rows, inner]` numbers, a scale for each block, and zero points of a kind."""
    count, element = -(-inner // block), np.float16 if half else np.float32
    held: dict[str, Array | None] = {
        "x": (f32(lines, inner) / 8).astype(element),
        "w": bytes_of(rows, count, block * bits // 8, seed=1),
        "s": (np.abs(f32(rows, count, seed=2)) / 16).astype(element),
    }
    if points == "packed":
        held["z"] = bytes_of(rows, -(-count * bits // 8), seed=3)
    if points == "floats":
        held["z"] = (f32(rows, count, seed=4) + 7).astype(element)
    return held


def attributes(rows: int, inner: int, block: int, bits: int) -> dict[str, Any]:
    return {"N": rows, "K": inner, "block_size": block, "bits": bits, "domain": MICROSOFT}


def by_hand(inputs: Inputs, rows: int, inner: int, block: int, bits: int) -> Array:
    """The weights `[inner, rows]` in f32, number by number."""
    w, scales, points = inputs["w"], inputs["s"], inputs.get("z")
    assert w is not None and scales is not None
    out, each = np.empty((inner, rows), np.float32), 8 // bits
    for n in range(rows):
        for k in range(inner):
            b, at = divmod(k, block)
            number = (int(w[n, b, at // each]) >> bits * (at % each)) % (1 << bits)
            if points is None:
                zero = np.float32(1 << (bits - 1))
            elif points.dtype == np.uint8:
                zero = np.float32((int(points[n, b // each]) >> bits * (b % each)) % (1 << bits))
            else:
                zero = np.float32(points[n, b])
            out[k, n] = (np.float32(number) - zero) * np.float32(scales[n, b])
    return out


SHAPES = [
    (15, 40, 16, 4, "packed", False),
    (11, 48, 16, 4, "none", True),
    (6, 50, 32, 4, "floats", False),
    (17, 33, 32, 8, "packed", True),
    (6, 70, 16, 2, "packed", False),
    (3, 200, 128, 4, "packed", False),
]


def options(devices: int = 1, precision: str = "f32") -> CompileOptions:
    return CompileOptions("lpu-4nm", precision, devices=devices)


def lowered(path: Path, level: str = "lpu") -> ModuleOp:
    module = lower(load_module(path, options()), options(), level, Instrumentation())
    assert isinstance(module, ModuleOp)
    return module


def recipes(recipe: Recipe) -> Iterator[Recipe]:
    yield recipe
    for source in sources_of(recipe):
        yield from recipes(source)


def dequantised(module: ModuleOp) -> list[Dequantise]:
    """What is dequantised when the program is made."""
    constants = [op.value.data for op in module.walk() if isinstance(op, ConstantOp)]
    return [
        part for weight in constants for part in recipes(weight) if isinstance(part, Dequantise)
    ]


def is_computed(module: ModuleOp) -> bool:
    """Whether the machine dequantises."""
    return any(isinstance(op, MapOp) and op.fn.data == "mul" for op in module.walk())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_each_number_has_its_place_its_scale_and_its_zero_point(
    shape: tuple[int, int, int, int, str, bool], tmp_path: Path
):
    """Rows of an identity give the weights themselves, bit by bit."""
    rows, inner, block, bits, _, half = shape
    inputs = dict(product(*shape))
    inputs["x"] = np.eye(inner, dtype=np.float16 if half else np.float32)
    held = [name for name in ("w", "s", "z") if name in inputs]
    case = Case(tmp_path, "MatMulNBits", inputs, constants=held, **attributes(*shape[:4]))
    (got,) = case.ours()
    want = by_hand(inputs, rows, inner, block, bits).astype(got.dtype)
    np.testing.assert_array_equal(got, want)
    module = lowered(case.path)
    assert len(dequantised(module)) == 1 and not is_computed(module)


LARGE = [
    (321, 240, 32, 4, "packed", False),
    (130, 600, 128, 4, "floats", False),
    (321, 240, 32, 4, "packed", True),
    (321, 240, 32, 8, "packed", False),
]


@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_large_weights_are_those_of_onnx_runtime(
    shape: tuple[int, int, int, int, str, bool], tmp_path: Path
):
    """More elements than are folded one by one, and extents that no number of devices divides."""
    inputs, half = product(*shape), shape[-1]
    held = [name for name in ("w", "s", "z") if name in inputs]
    case = Case(tmp_path, "MatMulNBits", inputs, constants=held, **attributes(*shape[:4]))
    (want,) = case.reference()
    for devices in DEVICES:
        program = lpuc.compile(case.path, precision="f16" if half else "f32", devices=devices)
        (got,) = program.run(case.inputs).values()
        assert got.dtype == want.dtype
        close = 2e-3 if half else 2e-5
        np.testing.assert_allclose(got, want, rtol=close, atol=close * np.abs(want).max())


@pytest.mark.parametrize("given", ["w", "s", "z"])
def test_what_comes_in_is_computed(given: str, tmp_path: Path):
    """A weight, a scale, a zero point that is no constant: the machine dequantises."""
    shape = SHAPES[0]
    inputs = product(*shape)
    held = [name for name in ("w", "s", "z") if name != given]
    case = Case(tmp_path, "MatMulNBits", inputs, constants=held, **attributes(*shape[:4]))
    assert_same(case.ours(), case.reference())
    module = lowered(case.path)
    assert not dequantised(module) and is_computed(module)


def test_a_dump_leads_to_the_same_program(tmp_path: Path):
    """What is printed of a recipe is read again."""
    inputs = product(*LARGE[0])
    case = Case(tmp_path, "MatMulNBits", inputs, constants=["w", "s", "z"],
                **attributes(*LARGE[0][:4]))  # fmt: skip
    first, dump, second = tmp_path / "a.lpu", tmp_path / "dump", tmp_path / "b.lpu"
    assert invoke(["compile", str(case.path), "-o", str(first), "--dump-ir", str(dump)]) == 0
    (file,) = dump.glob("*fold-constants*.mlir")
    assert "dequantise(slice(unpack(file(" in file.read_text()
    assert invoke(["compile", "--from", str(file), "-o", str(second)]) == 0
    assert first.read_bytes() == second.read_bytes()


def test_weights_are_embedded_or_named(tmp_path: Path):
    """A bit of the packed numbers that changed since is noticed."""
    inputs = product(*LARGE[0])
    case = Case(tmp_path, "MatMulNBits", inputs, constants=["w", "s", "z"],
                **attributes(*LARGE[0][:4]))  # fmt: skip
    found: list[Array] = []
    for form in ("embed", "reference"):
        program = lpuc.compile(case.path, precision="f32", weights=form)
        program.save(tmp_path / f"{form}.lpu")
        found += lpuc.load(tmp_path / f"{form}.lpu").run(case.inputs).values()
    np.testing.assert_array_equal(found[0], found[1])
    numbers, data = inputs["w"], bytearray(case.path.read_bytes())
    assert numbers is not None
    data[data.index(numbers.tobytes()) + 3] ^= 1
    case.path.write_bytes(data)
    with pytest.raises(lpuc.Error, match="changed since"):
        lpuc.load(tmp_path / "reference.lpu").run(case.inputs)


def test_a_program_without_weights_needs_none_of_them(tmp_path: Path):
    """Zero points that lie beside the model decide nothing of what is computed."""
    inputs = product(*LARGE[0])
    held = ["w", "s", "z"]
    case = Case(tmp_path, "MatMulNBits", inputs, constants=held, **attributes(*LARGE[0][:4]))
    whole = compile_model(case.path, options()).program.code
    path = tmp_path / "apart.onnx"
    onnx.save(case.model, path, save_as_external_data=True, location="gone", size_threshold=0)
    (tmp_path / "gone").unlink()
    light = compile_model(path, replace(options(), weights="none")).program
    assert light.code == whole


def _pair(moved: str) -> ModelProto:
    """Two products of equal types whose weights, or scales, are made from what is stored."""
    nodes, held = list[onnx.NodeProto](), list[TensorProto]()
    for i in range(2):
        stored = {"w": bytes_of(160, 2, 8, seed=i), "s": abs(f32(160, 2, seed=i))}
        if moved == "w":
            stored["w"] = stored["w"].reshape(320, 8)
            held.append(numpy_helper.from_array(np.array([160, 2, 8]), f"shape{i}"))
            nodes.append(helper.make_node("Reshape", [f"w{i}", f"shape{i}"], [f"mw{i}"]))
        if moved == "s":
            stored["s"] = stored["s"].astype(np.float16)
            nodes.append(helper.make_node("Cast", [f"s{i}"], [f"ms{i}"], to=TensorProto.FLOAT))
        held += [numpy_helper.from_array(value, f"{n}{i}") for n, value in stored.items()]
        names = ["x", *(f"m{n}{i}" if n == moved else f"{n}{i}" for n in "ws")]
        nodes.append(
            helper.make_node("MatMulNBits", names, [f"y{i}"], **attributes(160, 32, 16, 4))
        )
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 32])
    ys = [helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, [1, 160]) for i in range(2)]
    graph = helper.make_graph(nodes, "pair", [x], ys, held)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


@pytest.mark.parametrize("moved", ["w", "s"])
def test_what_lies_behind_a_move_is_a_weight_of_its_own(moved: str, tmp_path: Path):
    """Nodes of equal types have each their weights."""
    model, path = _pair(moved), tmp_path / "m.onnx"
    onnx.save(model, path)
    inputs = {"x": f32(1, 32)}
    want = onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)
    got = lpuc.compile(path, precision="f32").run(inputs)
    assert_same([got["y0"], got["y1"]], want)
    assert len(dequantised(lowered(path))) == 2


def _scaled(
    kind: int, shape: tuple[int, ...], axis: int, block: int, scales: tuple[int, ...], pointed: bool
) -> ModelProto:
    """Integers on a scale, added to what comes in."""
    draw = np.random.default_rng(5)
    wide = {TensorProto.INT8: 128, TensorProto.UINT8: 256}.get(kind, 16)
    least = -wide // 2 if kind in (TensorProto.INT8, TensorProto.INT4) else 0
    least, wide = (-128, 256) if kind == TensorProto.INT8 else (least, wide)

    def integers(name: str, dims: tuple[int, ...]) -> TensorProto:
        numbers = draw.integers(least, least + wide, dims)
        line = numbers.reshape(-1)
        if line.size < 100 or kind not in (TensorProto.INT4, TensorProto.UINT4):
            return helper.make_tensor(name, kind, dims, line.tolist())
        return helper.make_tensor(name, kind, dims, packed(line & 15).tobytes(), raw=True)

    held = [integers("w", shape), numpy_helper.from_array(np.abs(f32(*scales, seed=1)), "s")]
    held += [integers("z", scales)] if pointed else []
    sizes = {"axis": axis} | ({"block_size": block} if block else {})
    nodes = [
        helper.make_node("DequantizeLinear", [t.name for t in held], ["d"], **sizes),
        helper.make_node("Add", ["x", "d"], ["y"]),
    ]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy")
    graph = helper.make_graph(nodes, "scaled", [x], [y], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


SCALED = {
    "int4, blocks of rows": (TensorProto.INT4, (6, 5), 0, 2, (3, 5), True),
    "int4, an odd number": (TensorProto.INT4, (5, 3), 1, 0, (3,), True),
    "uint4, blocks of columns": (TensorProto.UINT4, (3, 8), 1, 4, (3, 2), False),
    "uint4, one scale": (TensorProto.UINT4, (5, 3), 0, 0, (), True),
    "int8, channels": (TensorProto.INT8, (4, 6), 0, 0, (4,), True),
    "uint8, channels of the last axis": (TensorProto.UINT8, (4, 6), -1, 0, (6,), False),
    "int8, three axes": (TensorProto.INT8, (2, 4, 3), 1, 2, (2, 2, 3), True),
}


@pytest.mark.parametrize("name", SCALED)
def test_numbers_on_a_linear_scale(name: str, tmp_path: Path):
    model, path = _scaled(*SCALED[name]), tmp_path / "m.onnx"
    onnx.save(model, path)
    inputs = {"x": np.zeros(SCALED[name][1], np.float32)}
    (want,) = ReferenceEvaluator(model).run(None, inputs)
    np.testing.assert_array_equal(lpuc.compile(path, precision="f32").run(inputs)["y"], want)
    assert len(dequantised(lowered(path))) == 1


def test_a_product_with_blocks_of_rows_on_four_devices(tmp_path: Path):
    """More elements than are folded one by one, `[K, N]` in blocks along K, the last not full."""
    model = _scaled(TensorProto.INT4, (250, 321), 0, 32, (8, 321), True)
    model.graph.node[1].op_type = "MatMul"
    del model.graph.input[0].type.tensor_type.shape.dim[1]
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    model.graph.input[0].type.tensor_type.shape.dim.add(dim_value=250)
    model.graph.output[0].type.CopyFrom(helper.make_tensor_type_proto(TensorProto.FLOAT, [2, 321]))
    onnx.save(model, tmp_path / "m.onnx")
    inputs = {"x": f32(2, 250)}
    (want,) = ReferenceEvaluator(model).run(None, inputs)
    got = lpuc.compile(tmp_path / "m.onnx", precision="f32", devices=4).run(inputs)["y"]
    np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5 * np.abs(want).max())
    assert len(dequantised(lowered(tmp_path / "m.onnx"))) == 1


def table(points: bool, bits: int) -> Inputs:
    held: dict[str, Array | None] = {
        "w": bytes_of(50, 40 * bits // 8, seed=1),
        "ids": np.array([[3, 49, 0], [7, 7, 12]], np.int64),
        "s": abs(f32(50, 3, seed=2)),
    }
    if points:
        held["z"] = bytes_of(50, -(-3 * bits // 8), seed=3)
    return held


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("points", [True, False])
def test_rows_of_a_table_of_constants(points: bool, bits: int, tmp_path: Path):
    """40 columns in blocks of 16: the last one is not full."""
    inputs = table(points, bits)
    held = [name for name in ("w", "s", "z") if name in inputs]
    sizes = {"block_size": 16, "bits": bits, "quantize_axis": 1, "domain": MICROSOFT}
    case = Case(tmp_path, "GatherBlockQuantized", inputs, constants=held, **sizes)
    assert_same(case.ours(), case.reference())
    module = lowered(case.path)
    (gathered,) = [op for op in module.walk() if isinstance(op, GatherOp)]
    assert isinstance(gathered.source.owner, ConstantOp) and not is_computed(module)


def test_rows_of_a_table_that_comes_in(tmp_path: Path):
    case = Case(
        tmp_path, "GatherBlockQuantized", table(True, 4), constants=["s"],
        block_size=16, bits=4, quantize_axis=1, domain=MICROSOFT,
    )  # fmt: skip
    assert_same(case.ours(), case.reference())
    assert not dequantised(lowered(case.path))


def test_a_table_and_a_head_are_one_weight(tmp_path: Path):
    """The rows of an embedding and the columns of the product with it lie in the same bytes."""
    held = {"w": bytes_of(64, 16, seed=1), "s": abs(f32(64, 2, seed=2)) / 9}
    stored = [numpy_helper.from_array(value, name) for name, value in held.items()]
    stored.append(numpy_helper.from_array(held["w"].reshape(64, 2, 8), "v"))
    nodes = [
        helper.make_node(
            "GatherBlockQuantized", ["w", "ids", "s"], ["h"], domain=MICROSOFT, block_size=16
        ),
        helper.make_node("MatMulNBits", ["h", "v", "s"], ["y"], **attributes(64, 32, 16, 4)),
    ]
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 64])
    graph = helper.make_graph(nodes, "tied", [ids], [y], stored[:2] + stored[2:])
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    onnx.save(model, tmp_path / "m.onnx")
    inputs = {"ids": np.array([5], np.int64)}
    want = onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)
    program = lpuc.compile(tmp_path / "m.onnx", precision="f32")
    assert_same([program.run(inputs)["y"]], want)
    compiled = compile_model(tmp_path / "m.onnx", options()).program
    assert compiled.interface.params_size == 64 * 32 * 4


def test_another_number_of_bytes_is_refused_by_name(tmp_path: Path):
    inputs = dict(product(*SHAPES[0]))
    inputs["w"] = bytes_of(15, 3, 9)
    case = Case(tmp_path, "MatMulNBits", inputs, constants=["w", "s", "z"],
                **attributes(*SHAPES[0][:4]))  # fmt: skip
    with pytest.raises(CompileError, match="the shape of 'B' is") as caught:
        case.ours()
    assert caught.value.node == "MatMulNBits_0"
