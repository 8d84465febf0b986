"""What operators compute, against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto, helper

from dialects.errors import CompileError
from dialects.onnx.execution import run_function
from dialects.onnx.semantics import evaluate
from tests.unit.onnx_import.models import imported, model, nodes_of, save, step

Array = np.ndarray[Any, np.dtype[Any]]
RNG = np.random.default_rng(7)


def _floats(*shape: int) -> Array:
    return RNG.standard_normal(shape).astype(np.float32)


def _bytes(*shape: int) -> Array:
    return RNG.integers(0, 256, shape, np.uint8)


def _microsoft(op: str, inputs: list[Array | None], **attributes: object) -> tuple[Any, ...]:
    return op, "com.microsoft", inputs, attributes


HEADS = {"num_heads": 4, "kv_num_heads": 2}
CACHE = [_floats(2, 2, 3, 16), _floats(2, 2, 3, 16)]
ANGLES = [np.cos(_floats(16, 4)), np.sin(_floats(16, 4))]
LAST, TOTAL = np.array([4, 3], np.int32), np.array([5], np.int32)
QKV = [_floats(2, 2, 64), _floats(2, 2, 32), _floats(2, 2, 32)]
WIDE = [np.cos(_floats(16, 8)), np.sin(_floats(16, 8))]

CASES: dict[str, tuple[Any, ...]] = {
    "rms": ("SimplifiedLayerNormalization", "", [_floats(2, 8), _floats(8)], {"epsilon": 1e-3}),
    "gather elements": (
        "GatherElements",
        "",
        [_floats(2, 100), np.array([[99, -1], [64, -100]])],
        {"axis": 1},
    ),
    "slice": (
        "Slice",
        "",
        [
            _floats(3, 4),
            np.array([-9, 5]),
            np.array([-99, -99]),
            np.array([0, -1]),
            np.array([-1, -2]),
        ],
        {},
    ),
    "weights of channels": (
        "DequantizeLinear",
        "",
        [_bytes(2, 6), abs(_floats(6)), _bytes(6)],
        {},
    ),
    "to bytes": (
        "QuantizeLinear",
        "",
        [_floats(2, 3, 4) * 9, abs(_floats(3)), _bytes(3)],
        {},
    ),
    "integer product": (
        "MatMulInteger",
        "",
        [_bytes(3, 9), _bytes(9, 2).view(np.int8), _bytes(1), _bytes(2).view(np.int8)],
        {},
    ),
    "scaled product": _microsoft(
        "MatMulIntegerToFloat",
        [*(_bytes(3, 9), _bytes(9, 2), _floats(1), _floats(2)), _bytes(1), _bytes(2), _floats(2)],
    ),
    "dynamic product": _microsoft(
        "DynamicQuantizeMatMul",
        [_floats(3, 9), _bytes(9, 2).view(np.int8), _floats(1), None, _floats(2)],
    ),
    "dynamic scale": ("DynamicQuantizeLinear", "", [_floats(3, 9)], {}),
    "gelu": _microsoft("Gelu", [_floats(2, 8)]),
    "bias gelu": _microsoft("BiasGelu", [_floats(2, 8), _floats(8)]),
    "quick gelu": _microsoft("QuickGelu", [_floats(2, 8)], alpha=1.5),
    "gemm and sigmoid": _microsoft(
        "FusedGemm",
        [_floats(3, 2), _floats(4, 3), _floats(4)],
        transA=1,
        transB=1,
        activation="Sigmoid",
    ),
    "skip rms": _microsoft(
        "SkipSimplifiedLayerNormalization", [_floats(1, 2, 8), _floats(1, 2, 8), _floats(8)]
    ),
    "skip norm": _microsoft(
        "SkipLayerNormalization",
        [_floats(1, 2, 8), _floats(1, 2, 8), _floats(8), _floats(8), _floats(8)],
    ),
    "fast gelu": _microsoft("FastGelu", [_floats(2, 8), _floats(8)]),
    "fused matmul": _microsoft(
        "FusedMatMul", [_floats(2, 4, 3), _floats(2, 5, 4)], transA=1, transB=1, alpha=0.5
    ),
    "rotary": _microsoft(
        "RotaryEmbedding", [_floats(2, 3, 16), np.array([[1, 2, 3], [5, 4, 9]]), *ANGLES]
    ),
    "rotary offset": _microsoft(
        "RotaryEmbedding", [_floats(2, 2, 3, 8), np.array([4]), *ANGLES], interleaved=1
    ),
    "int4": _microsoft(
        "MatMulNBits", [_floats(2, 40), _bytes(6, 3, 8), _floats(18)], K=40, N=6, block_size=16
    ),
    "int4 zero points": _microsoft(
        "MatMulNBits",
        [_floats(2, 40), _bytes(6, 3, 8), _floats(18), _bytes(12)],
        K=40,
        N=6,
        block_size=16,
    ),
    "int8": _microsoft(
        "MatMulNBits",
        [_floats(1, 32), _bytes(4, 2, 16), _floats(8)],
        K=32,
        N=4,
        block_size=16,
        bits=8,
    ),
    "gather int4": _microsoft(
        "GatherBlockQuantized",
        [_bytes(8, 16), np.array([[1, 7]]), _floats(8, 2), _bytes(8, 1)],
        block_size=16,
    ),
    "grouped": _microsoft(
        "GroupQueryAttention", [x[:1] for x in (*QKV, *CACHE, LAST, TOTAL)], **HEADS
    ),
    "grouped with a sink": _microsoft(
        "GroupQueryAttention",
        [*(x[:1] for x in (*QKV, *CACHE, LAST, TOTAL)), *[None] * 4, _floats(HEADS["num_heads"])],
        **HEADS,
    ),
    "grouped and smooth": _microsoft(
        "GroupQueryAttention",
        [x[:1] for x in (*QKV, *CACHE, LAST, TOTAL)],
        **{**HEADS, "smooth_softmax": 1},
    ),
    "grouped prompt": _microsoft(
        "GroupQueryAttention",
        [*QKV, None, None, LAST * 0 + 1, TOTAL - 3, *WIDE],
        do_rotary=1,
        **HEADS,
    ),
    "grouped packed": _microsoft(
        "GroupQueryAttention",
        [_floats(2, 1, 128), None, None, *CACHE, LAST - 1, TOTAL - 1, *WIDE],
        do_rotary=1,
        local_window_size=2,
        softcap=3.0,
        **HEADS,
    ),
    "attention": _microsoft(
        "Attention",
        [_floats(2, 3, 8), _floats(8, 24), _floats(24), None, _floats(2, 2, 2, 4, 4)],
        num_heads=2,
        unidirectional=1,
    ),
    "attention mask": _microsoft(
        "Attention",
        [_floats(2, 3, 8), _floats(8, 24), _floats(24), np.array([[0, 1, 1], [1, 1, 1]], np.int32)],
        num_heads=2,
    ),
    "projected heads": _microsoft(
        "MultiHeadAttention",
        [
            *(_floats(2, 3, 8), _floats(2, 3, 8), _floats(2, 3, 8), _floats(24)),
            *(np.array([[1] * 7, [0, 0, *[1] * 5]], np.int32), _floats(2, 2, 3, 7)),
            *(_floats(2, 2, 4, 4), _floats(2, 2, 4, 4)),
        ],
        num_heads=2,
        unidirectional=1,
    ),
    "embedding": _microsoft(
        "EmbedLayerNormalization",
        [
            np.array([[1, 2, 0]], np.int32),
            None,
            _floats(4, 8),
            _floats(5, 8),
            None,
            _floats(8),
            _floats(8),
        ],
    ),
    "experts": _microsoft(
        "MoE",
        [
            *(_floats(2, 8), _floats(2, 3), _floats(3, 12, 8), _floats(3, 12)),
            *(_floats(3, 8, 6), _floats(3, 8)),
        ],
        **{"k": 2, "activation_type": "swiglu", "swiglu_fusion": 1, "swiglu_limit": 0.5},
    ),
    "experts of 4 bits": _microsoft(
        "QMoE",
        [
            *(_floats(2, 32), _floats(2, 3), _bytes(3, 32, 16), _floats(3, 32, 2), None),
            *(_bytes(3, 32, 16), _floats(3, 32, 2), None, None, None, None),
            *(_bytes(3, 32, 1), _bytes(3, 32, 1), None, _floats(2, 3)),
        ],
        **{"k": 2, "activation_type": "gelu", "block_size": 16},
    ),
    "softmax": ("Softmax", "", [_floats(2, 5)], {}),
    "topk": ("TopK", "", [_floats(2, 5), np.array([2])], {}),
    "gather": ("Gather", "", [_floats(4, 3), np.array([[-1, 0]])], {}),
    "cumsum": ("CumSum", "", [_floats(4, 3), np.array(1)], {"exclusive": 1}),
}

FLOAT, BYTE, INTEGER = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT32
NUMBERS = {
    "TopK": (FLOAT, TensorProto.INT64),
    "EmbedLayerNormalization": (FLOAT, INTEGER),
    "QuantizeLinear": (BYTE,),
    "MatMulInteger": (INTEGER,),
    "DynamicQuantizeLinear": (BYTE, FLOAT, BYTE),
}
"""Element types of the outputs, where they are not all f32."""

OUTPUTS = {"GroupQueryAttention": 3, "Attention": 2, "MultiHeadAttention": 3} | {
    op: len(n) for op, n in NUMBERS.items()
}


def _model(op: str, domain: str, inputs: list[Array | None], attributes: Mapping[str, object]):
    names = ["" if x is None else f"x{i}" for i, x in enumerate(inputs)]
    count = OUTPUTS.get(op, 1) if op != "Attention" or len(inputs) > 4 else 1
    outputs = [f"y{i}" for i in range(count)]
    node = helper.make_node(op, names, outputs, domain=domain, name="it", **attributes)
    proto = model([node], {}, outputs, opset=17)
    for name, x in zip(names, inputs, strict=True):
        if x is not None:
            number = helper.np_dtype_to_tensor_dtype(x.dtype)
            proto.graph.input.append(helper.make_tensor_value_info(name, number, x.shape))
    for position, number in enumerate(NUMBERS.get(op, ())):
        proto.graph.output[position].type.tensor_type.elem_type = number
    return proto, {n: x for n, x in zip(names, inputs, strict=True) if x is not None}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_results_agree_with_onnxruntime(tmp_path: Path, case: tuple[Any, ...]):
    ort = pytest.importorskip("onnxruntime")
    proto, inputs = _model(*case)
    results = run_function(step(imported(tmp_path, proto)), inputs, tmp_path)
    expected = ort.InferenceSession(str(save(tmp_path, proto))).run(None, inputs)
    for ours, theirs in zip(results.values(), expected, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_narrow_types_round_once(tmp_path: Path, dtype: type):
    x = np.array([[3.0, 30.0, 0.1, -7.0]]).astype(dtype)
    node = helper.make_node("ReduceSumSquare", ["x"], ["y"], keepdims=0)
    number = helper.np_dtype_to_tensor_dtype(x.dtype)
    module = imported(tmp_path, model([node], {"x": [1, 4]}, ["y"], opset=18, dtype=number))
    (result,) = evaluate(nodes_of(module)[0], [x], tmp_path)
    assert result == np.sum(np.square(x.astype(np.float32))).astype(dtype)
    assert result.dtype == dtype


def test_values_are_dropped_after_their_last_use(tmp_path: Path):
    nodes = [helper.make_node("Relu", [f"v{i}"], [f"v{i + 1}"]) for i in range(3)]
    function = step(imported(tmp_path, model(nodes, {"v0": [1]}, ["v3", "v1"])))
    results = run_function(function, {"v0": np.array([2.0], np.float32)}, tmp_path)
    assert list(results) == ["v3", "v1"]


def test_missing_inputs_and_failures_are_named(tmp_path: Path):
    node = helper.make_node("MatMul", ["x", "x"], ["y"], name="product")
    function = step(imported(tmp_path, model([node], {"x": ["n", "m"]}, ["y"])))
    with pytest.raises(CompileError, match="no value for the input 'x'"):
        run_function(function, {}, tmp_path)
    with pytest.raises(CompileError, match=r"product: onnx\.MatMul: onnx\.reference cannot run"):
        run_function(function, {"x": np.zeros((2, 3), np.float32)}, tmp_path)
