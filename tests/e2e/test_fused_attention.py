"""Options of ONNX Runtime's fused attention, against its kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import numpy_helper, parser

from lpuc.compiler.driver import load_module
from lpuc.compiler.options import CompileOptions
from lpuc.levels.execution import run_level
from tests.e2e.decoder_nodes import HEADS as GROUPED
from tests.e2e.decoder_nodes import TABLES, grouped
from tests.e2e.single import MICROSOFT, Array, Case, assert_refused, assert_same, f32, i32

BATCH, NEW, HEADS, SIZE, PAST = 2, 3, 2, 8, 5
WIDTH = HEADS * SIZE

Inputs = dict[str, Array | None]
Options = dict[str, Any]


def run(folder: Path, op: str, inputs: Inputs, options: Options) -> None:
    """As a program, and by the meaning of the operator itself."""
    case = Case(folder, op, inputs, **{"domain": MICROSOFT, **options})
    for output in case.model.graph.output:
        output.type.tensor_type.elem_type = 1
    case.path.write_bytes(case.model.SerializeToString())
    meant = run_level("onnx", load_module(case.path, CompileOptions()), case.inputs)
    want = case.reference()
    assert_same(case.ours(), want)
    assert_same(list(meant.values()), want)


def crossed(**others: Array | None) -> Inputs:
    """Queries of a decoder, and keys and values that an encoder has left."""
    kept = (BATCH, HEADS, 4, SIZE)
    found: Inputs = {"q": f32(BATCH, NEW, WIDTH), "k": f32(*kept, seed=1), "v": f32(*kept, seed=2)}
    rest = dict.fromkeys(("bias", "mask", "addend", "past_k", "past_v"))
    return found | rest | others


BIAS, CACHE = f32(3 * WIDTH, seed=7), f32(BATCH, HEADS, PAST, SIZE, seed=8)
PROJECTED: dict[str, tuple[Inputs, Options]] = {
    "keys of an encoder": (crossed(), {}),
    "a bias for the queries alone, and the scores": (
        crossed(bias=BIAS, mask=i32(2, 3)), {"outputs": 4, "scale": 0.4}
    ),
    "keys of an encoder behind others": (
        crossed(past_k=CACHE, past_v=CACHE + 1, addend=f32(1, HEADS, NEW, 4 + PAST)),
        {"outputs": 3},
    ),
    "scores of projected keys": (
        crossed(k=f32(BATCH, 4, WIDTH), v=f32(BATCH, 4, 6), bias=BIAS[: 2 * WIDTH + 6]),
        {"outputs": 4},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROJECTED)
def test_heads_that_are_projected(name: str, tmp_path: Path):
    inputs, options = PROJECTED[name]
    run(tmp_path, "MultiHeadAttention", inputs, {"num_heads": HEADS, **options})


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        (crossed(k=f32(BATCH, 3, 4, SIZE)), {}, r"the shape of 'key' is \[2, 3, 4, 8\]"),
        (crossed(v=f32(BATCH, HEADS, 4, 6)), {}, "the shape of 'value'"),
        (crossed(v=f32(BATCH, 4, WIDTH)), {}, "the shape of 'value'"),
        (crossed(k=f32(BATCH, 4, WIDTH)), {}, "the input 'value' has rank 4, expected 3"),
        (crossed(), {"outputs": 4, "unidirectional": 1}, "the result 'qk' of causal attention"),
        (crossed(), {"unidirectional": 1}, "3 queries and 4 keys have no causal order"),
        (crossed(k=None), {}, "the input 'key' is missing"),
    ],
)
def test_heads_that_do_not_fit_are_refused(
    inputs: Inputs, options: Options, message: str, tmp_path: Path
):
    options = {"domain": MICROSOFT, "num_heads": HEADS, **options}
    assert_refused(tmp_path, "MultiHeadAttention", inputs, options, message)


@pytest.mark.parametrize(
    "counts",
    [
        {"valid": 4, "total": 5, "past": 4, "new": 1},
        {"valid": 3, "total": 4, "past": 0, "new": 4},
    ],
    ids=str,
)
def test_attention_that_is_not_causal_sees_all_valid_keys(counts: dict[str, int], tmp_path: Path):
    run(tmp_path, "GroupQueryAttention", dict(grouped(**counts)), {**GROUPED, "causal": 0})


NORMS = {"q_norm_weight": f32(16, seed=5), "k_norm_weight": f32(16, seed=6)}
APART = """<ir_version: 10, opset_import: ["": 20, "com.microsoft": 1]>
g (float[1, 3, 32] q, float[1, 3, 16] k, float[1, 3, 16] v, float[1, 1, 4, 16] pk,
   float[1, 1, 4, 16] pv, int32[1] n, int32 t, float[9, 8] cos, float[9, 8] sin)
=> (float[1, 3, 32] y, float[1, 1, 7, 16] keys, float[1, 1, 7, 16] values) {
  shape = Constant <value = int64[4] {1, 3, 2, 16}> ()
  heads = Reshape (q, shape)
  normal = SimplifiedLayerNormalization <axis = -1, epsilon = 0.25> (heads, q_norm_weight)
  back = Constant <value = int64[3] {1, 3, 32}> ()
  nq = Reshape (normal, back)
  nk = SimplifiedLayerNormalization <axis = -1, epsilon = 0.5> (k, k_norm_weight)
  y, keys, values = com.microsoft.GroupQueryAttention <num_heads = 2, kv_num_heads = 1,
    do_rotary = 1> (nq, nk, v, pk, pv, n, t, cos, sin)
}"""


def test_norms_of_heads_are_those_of_nodes_before_it(tmp_path: Path):
    """ONNX Runtime has them on other devices alone; on this one it computes them apart."""
    apart = parser.parse_model(APART)
    apart.graph.initializer.extend(numpy_helper.from_array(w, n) for n, w in NORMS.items())
    tables = {name: np.tile(table, 2) for name, table in TABLES.items()}
    inputs = dict(grouped(valid=7, total=7, past=4, new=3, **tables))
    want = onnxruntime.InferenceSession(apart.SerializeToString()).run(None, inputs)
    gaps = {f"gap{i}": None for i in range(5)}
    options = {**GROUPED, "do_rotary": 1, "q_norm_epsilon": 0.25, "qk_norm_epsilon": 0.5}
    case = Case(tmp_path, "GroupQueryAttention", inputs | gaps | NORMS, **options)
    meant = run_level("onnx", load_module(case.path, CompileOptions()), case.inputs)
    assert_same(case.ours(), want)
    assert_same(list(meant.values()), want)


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        ({"qn": f32(16)}, {}, "q_norm_weight and k_norm_weight come together, or neither"),
        ({"qn": f32(15), "kn": f32(16)}, {}, "the shape of 'q_norm_weight'"),
        ({}, {"q_norm_epsilon": 0.0}, "q_norm_epsilon is 0.0, expected a number above 0"),
        ({}, {"causal": 0, "local_window_size": 3}, "a local window of attention that is not"),
    ],
)
def test_norms_that_do_not_fit_are_refused(
    weights: Inputs, options: Options, message: str, tmp_path: Path
):
    gaps: Inputs = {f"gap{i}": None for i in range(5)} if weights else {}
    inputs = {**grouped(), **gaps, **weights}
    assert_refused(tmp_path, "GroupQueryAttention", inputs, {**GROUPED, **options}, message)
