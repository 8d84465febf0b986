"""Values of 4 and 16 bits, which the machine lacks, between QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper, parser

import lpuc
from dialects.errors import CompileError
from lpuc.levels.onnx_runtime import Reference
from tests.e2e.single import MICROSOFT, Array, f32

KINDS = {
    "int4": (TensorProto.INT4, -8, 7),
    "uint4": (TensorProto.UINT4, 0, 15),
    "int16": (TensorProto.INT16, -32768, 32767),
    "uint16": (TensorProto.UINT16, 0, 65535),
}
X = 3 * f32(2, 6, 8)
FORMS = {"one scale": ((), {}), "a list of one": ((1,), {}), "channels": ((6,), {"axis": 1})}
FORMS["blocks"] = ((2, 6, 2), {"axis": 2, "block_size": 4})


def made(kind: str, domain: str, form: str, between: str = "", pointed: bool = True) -> ModelProto:
    """`x` to a type and back; with a product whose weights have that type, too."""
    number, least, greatest = KINDS[kind]
    shape, attributes = FORMS[form]
    draw = np.random.default_rng(3)
    scales = (draw.uniform(1, 2, shape) * 10 / (greatest - least)).astype(np.float32)
    points = draw.integers(least // 2, greatest // 2 + 1, shape)
    weights = draw.integers(least, greatest + 1, (8, 5))
    written = ", ".join(f"{name}: int = {value}" for name, value in attributes.items())
    written = f"<{written}>" if written else ""
    pre = f"{domain}." if domain else ""
    given = "x, s, z" if pointed else "x, s"
    model = parser.parse_model(f"""<ir_version: 10, opset_import: ["": 21, "{MICROSOFT}": 1]>
    g (float[2, 6, 8] x) => (y) {{
      [quantise] q = {pre}QuantizeLinear {written} ({given})
      {between or "m = Identity (q)"}
      [back] d = {pre}DequantizeLinear {written} (m{given[1:]})
      [weights] w = {pre}DequantizeLinear (v, t)
      y = MatMul (d, w)
    }}""")
    held = model.graph.initializer
    held.append(numpy_helper.from_array(scales, "s"))
    held.append(numpy_helper.from_array(np.array(1 / greatest, np.float32), "t"))
    for name, array in {"v": weights, **({"z": points} if pointed else {})}.items():
        held.append(helper.make_tensor(name, number, array.shape, array.reshape(-1).tolist()))
    if not pointed:
        named = helper.make_attribute("output_dtype", number)
        model.graph.node[0].attribute.append(named)
    return model


def assert_same(model: ModelProto, folder: Path) -> None:
    onnx.save(model, folder / "m.onnx")
    (want,) = Reference(folder / "m.onnx")({"x": X}).values()
    got = lpuc.compile(folder / "m.onnx", precision="f32").run({"x": X})["y"]
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    assert np.unique(got).size > 20


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("int4", "blocks"),
        ("uint4", "channels"),
        ("int16", "one scale"),
        ("uint16", "a list of one"),
        ("int16", "channels"),
        ("uint16", "blocks"),
    ],
)
def test_numbers_are_those_of_onnx_runtime(kind: str, form: str, tmp_path: Path):
    assert_same(made(kind, "", form), tmp_path)


@pytest.mark.parametrize(
    ("kind", "form"), [("int16", "channels"), ("uint16", "one scale"), ("uint4", "one scale")]
)
def test_the_same_of_onnx_runtimes_own_operators(kind: str, form: str, tmp_path: Path):
    assert_same(made(kind, MICROSOFT, form), tmp_path)


def test_bytes_of_onnx_runtimes_own_operators(tmp_path: Path):
    model = made("int16", MICROSOFT, "channels")
    for name in ("z", "v"):
        (held,) = [t for t in model.graph.initializer if t.name == name]
        numbers: Array = numpy_helper.to_array(held) // 256
        held.CopyFrom(numpy_helper.from_array(numbers.astype(np.int8), name))
    assert_same(model, tmp_path)


def test_what_moves_them_may_stand_between(tmp_path: Path):
    moved = "t0 = Transpose <perm = [0, 2, 1]> (q) m = Transpose <perm = [0, 2, 1]> (t0)"
    assert_same(made("uint16", "", "one scale", moved), tmp_path)


def test_a_type_may_be_named_without_a_zero_point(tmp_path: Path):
    assert_same(made("int16", "", "channels", pointed=False), tmp_path)


def test_large_tables_are_read_from_the_file(tmp_path: Path):
    """More than what stands in the IR, as numbers of 16 bits."""
    table = np.random.default_rng(0).integers(-32768, 32768, (40, 300)).astype(np.int16)
    model = parser.parse_model("""<ir_version: 10, opset_import: ["": 21]>
    g (int64[3] ids) => (y) {
      w = DequantizeLinear (v, t)
      y = Gather (w, ids)
    }""")
    model.graph.initializer.append(numpy_helper.from_array(table, "v"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(0.5, np.float32), "t"))
    onnx.save(model, tmp_path / "m.onnx")
    ids = np.array([39, 0, 7])
    got = lpuc.compile(tmp_path / "m.onnx", precision="f32").run({"ids": ids})["y"]
    np.testing.assert_array_equal(got, table[ids] * np.float32(0.5))
    assert lpuc.verify(tmp_path / "m.onnx", precision="f32").is_right


def test_constants_that_nothing_reads_may_have_any_type(tmp_path: Path):
    """Tools leave zero points behind when they take away what read them."""
    model = made("int16", "", "one scale")
    model.graph.initializer.append(helper.make_tensor("left", TensorProto.INT16, [], [3]))
    model.graph.initializer.append(helper.make_tensor("words", TensorProto.STRING, [1], [b"a"]))
    assert_same(model, tmp_path)


@pytest.mark.parametrize(
    ("between", "message"),
    [
        ("m = Add (q, q)", "Add: int16 is read by DequantizeLinear and by moves alone"),
        ("m = Cast <to: int = 6> (q)", "Cast: int16 is read by"),
    ],
)
def test_what_would_compute_with_them_is_refused(between: str, message: str, tmp_path: Path):
    onnx.save(made("int16", "", "one scale", between), tmp_path / "m.onnx")
    with pytest.raises(CompileError, match=message):
        lpuc.compile(tmp_path / "m.onnx")


def test_an_output_of_such_a_type_is_refused(tmp_path: Path):
    model = made("int16", "", "one scale")
    model.graph.output.append(helper.make_tensor_value_info("q", TensorProto.INT16, None))
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(CompileError, match="the output 'q' is int16"):
        lpuc.compile(tmp_path / "m.onnx")


def test_two_types_for_one_result_are_refused(tmp_path: Path):
    model = made("int16", "", "one scale")
    model.graph.node[0].attribute.append(helper.make_attribute("output_dtype", TensorProto.UINT16))
    onnx.save(model, tmp_path / "m.onnx")
    words = "quantise: QuantizeLinear: output_dtype is uint16, the zero point int16"
    with pytest.raises(CompileError, match=words):
        lpuc.compile(tmp_path / "m.onnx")
