"""Operators of the domain com.microsoft, compiled and run, against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from benchmarks.fuzz.judging import judge, reference
from benchmarks.fuzz.nodes.cases import freeze

pytest.importorskip("onnxruntime")

Array = np.ndarray[Any, np.dtype[Any]]
RANDOM = np.random.default_rng(7)


def floats(*shape: int) -> Array:
    return RANDOM.standard_normal(shape).astype(np.float32)


def bytes_(*shape: int) -> Array:
    return RANDOM.integers(0, 256, shape).astype(np.uint8)


def check(
    op_type: str,
    inputs: list[Array | None],
    outputs: int,
    domain: str = "com.microsoft",
    **attrs: Any,
) -> None:
    """Compile one node and compare; what is packed are constants, as in the files of exporters."""
    names = ["" if array is None else f"i{i}" for i, array in enumerate(inputs)]
    results = [f"o{i}" for i in range(outputs)]
    node = helper.make_node(op_type, names, results, domain=domain, **attrs)
    given = {n: a for n, a in zip(names, inputs, strict=True) if a is not None}
    model = _model(node, given)
    arrays = freeze(model, given, "u")
    expected, why_not = reference(model, arrays)
    assert expected is not None, why_not
    assert judge(model, arrays, expected).verdict == "right"


def _model(node: onnx.NodeProto, inputs: dict[str, Array]) -> onnx.ModelProto:
    ports = [
        helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
        for k, v in inputs.items()
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output if name]
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph([node], "g", ports, outputs)
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


@pytest.mark.parametrize("bias", [False, True])
def test_fast_gelu(bias: bool):
    check("FastGelu", [floats(2, 5), floats(5) if bias else None][: 1 + bias], 1)


@pytest.mark.parametrize(("trans_a", "trans_b"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_fused_matmul(trans_a: int, trans_b: int):
    lhs = floats(2, 4, 3) if trans_a else floats(2, 3, 4)
    rhs = floats(2, 5, 4) if trans_b else floats(2, 4, 5)
    check("FusedMatMul", [lhs, rhs], 1, alpha=0.5, transA=trans_a, transB=trans_b)


def test_simplified_layer_normalization():
    check(
        "SimplifiedLayerNormalization", [floats(2, 3, 8), floats(8)], 1, domain="", axis=-1,
        epsilon=1e-5,
    )  # fmt: skip


@pytest.mark.parametrize("bias", [False, True])
def test_skip_simplified_layer_normalization(bias: bool):
    inputs = [floats(2, 3, 8), floats(2, 3, 8), floats(8), floats(8)]
    node = "SkipSimplifiedLayerNormalization"
    check(node, [*inputs[: 3 + bias]], 1, epsilon=1e-5)


def test_skip_layer_normalization():
    inputs = [floats(2, 3, 8), floats(2, 3, 8), floats(8), floats(8), floats(8)]
    check("SkipLayerNormalization", [*inputs], 1, epsilon=1e-5)


@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("positions", [np.array([2]), np.array([[0, 1, 2], [3, 7, 4]])])
def test_rotary_embedding(interleaved: int, positions: Array):
    inputs = [floats(2, 3, 32), positions, floats(9, 4), floats(9, 4)]
    check("RotaryEmbedding", [*inputs], 1, interleaved=interleaved)


def lengths(past: int, new: int, *valid: int) -> list[Array]:
    """`seqlens_k` and `total_sequence_length`."""
    return [np.array(valid, np.int32) - 1, np.array(past + new, np.int32)]


@pytest.mark.parametrize("attrs", [{}, {"local_window_size": 3}, {"softcap": 2.0}, {"scale": 0.3}])
@pytest.mark.parametrize(
    ("new", "past", "valid"),
    [(1, 6, (7, 7)), (1, 6, (7, 4)), (4, 0, (4, 4)), (4, 0, (4, 2))],
)
def test_group_query_attention(attrs: dict[str, Any], new: int, past: int, valid: tuple[int, ...]):
    query, key, value = floats(2, new, 4 * 16), floats(2, new, 2 * 16), floats(2, new, 2 * 16)
    caches = [floats(2, 2, past, 16), floats(2, 2, past, 16)]
    tables = [floats(16, 8), floats(16, 8)]
    inputs = [query, key, value, *caches, *lengths(past, new, *valid), *tables]
    heads = {"num_heads": 4, "kv_num_heads": 2, "do_rotary": 1}
    check("GroupQueryAttention", [*inputs], 3, **heads, **attrs)


def test_group_query_attention_takes_packed_projections():
    caches = [floats(1, 2, 5, 16), floats(1, 2, 5, 16)]
    inputs = [floats(1, 1, 8 * 16), None, None, *caches, *lengths(5, 1, 6)]
    check("GroupQueryAttention", inputs, 3, num_heads=4, kv_num_heads=2)


@pytest.mark.parametrize("zero_points", [False, True])
@pytest.mark.parametrize("bits", [4, 8])
def test_matmul_n_bits(bits: int, zero_points: bool):
    blocks = 3
    points = bytes_(5 * -(-blocks * bits // 8)) if zero_points else None
    packed = bytes_(5, blocks, 16 * bits // 8)
    inputs = [floats(2, 48), packed, floats(5 * blocks), points][: 3 + zero_points]
    check("MatMulNBits", inputs, 1, K=48, N=5, block_size=16, bits=bits)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("new", "past"), [(3, 0), (1, 4), (3, 4)])
def test_packed_attention(new: int, past: int, masked: bool):
    mask = RANDOM.integers(0, 2, (2, past + new)).astype(np.int32) if masked else None
    inputs = [floats(2, new, 8), floats(8, 24), floats(24), mask, floats(2, 2, 2, past, 4)]
    check("Attention", inputs, 2, num_heads=2, unidirectional=1)


def test_embed_layer_normalization():
    ids = RANDOM.integers(0, 9, (2, 3)).astype(np.int32)
    tables = [floats(9, 8), floats(5, 8), None]
    inputs = [ids, None, *tables, floats(8), floats(8)]
    check("EmbedLayerNormalization", inputs, 2, epsilon=1e-5)
