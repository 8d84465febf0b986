"""Fused layers of transformers, quantised by ONNX Runtime's own tools, against its kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime.quantization as tools
import pytest
from onnx import numpy_helper, parser

import lpuc
from lpuc.compiler.driver import load_module
from lpuc.compiler.options import CompileOptions
from lpuc.levels.execution import run_level
from runtime.traps import Trap
from tests.e2e.single import MICROSOFT, Array, Case, assert_refused, assert_same, f32, i32

I8, U8 = np.int8, np.uint8
BATCH, NEW, HEADS, SIZE = 2, 3, 2, 4
WIDTH = HEADS * SIZE

Inputs = dict[str, Array | None]


def drawn(*shape: int, dtype: type = U8, seed: int = 0) -> Array:
    limits = np.iinfo(dtype)
    random = np.random.default_rng(seed)
    return random.integers(limits.min, limits.max + 1, shape).astype(dtype)


def one(value: float, dtype: type = np.float32) -> Array:
    return np.array(value, dtype)


EACH = abs(f32(3 * WIDTH, seed=1)) / 50
POINTS: Inputs = {"xp": one(120, U8), "wp": one(3, I8)}
PAST: Inputs = {"past": f32(2, BATCH, HEADS, 5, SIZE)}
SOME = i32(1, 1, 0, 0, 1, 1).reshape(BATCH, NEW)
CACHED = {"outputs": 2, "unidirectional": 1}


def projected(**changed: Array | None) -> Inputs:
    found: Inputs = {
        "x": drawn(BATCH, NEW, WIDTH),
        "w": drawn(WIDTH, 3 * WIDTH, dtype=I8, seed=1),
        "b": f32(3 * WIDTH),
        **{"xs": one(0.02), "ws": one(0.03), "m": None, **POINTS},
    }
    return found | changed


def embedded(dtype: type = U8, **changed: Array | None) -> Inputs:
    rows = {"words": 9, "places": 5, "kinds": 2}
    found: Inputs = {
        "ids": i32(1, 8, 0, 3, 3, 5).reshape(BATCH, NEW),
        "of": i32(0, 1, 1, 0, 0, 1).reshape(BATCH, NEW),
        **{n: drawn(count, WIDTH, dtype=dtype, seed=count) for n, count in rows.items()},
        **{n: drawn(WIDTH, dtype=dtype, seed=i) for i, n in enumerate(("gamma", "beta"), 3)},
        "mask": None,
    }
    for end, values in (("s", (0.01, 0.02, 0.03, 0.04, 0.05)), ("p", (9, 20, 3, 40, 5))):
        kind = np.float32 if end == "s" else dtype
        names = (*rows, "gamma", "beta")
        found |= {f"{n}_{end}": one(v, kind) for n, v in zip(names, values, strict=True)}
    return found | changed


NO_KINDS: Inputs = dict.fromkeys(("of", "kinds", "kinds_s", "kinds_p"))
QUANTISED: dict[str, tuple[str, Inputs, dict[str, Any]]] = {
    "one scale": ("QAttention", projected(), {}),
    "a scale and a point for each column, behind a cache": (
        *("QAttention", projected(**PAST, ws=EACH, wp=drawn(3 * WIDTH, dtype=I8))),
        {**CACHED, "constants": ("w", "ws", "wp"), "scale": 0.3},
    ),
    "lengths of rows": ("QAttention", projected(m=i32(1, 3)), {}),
    "embeddings": ("QEmbedLayerNormalization", embedded(), {"outputs": 2}),
    "signed embeddings": ("QEmbedLayerNormalization", embedded(I8), {"outputs": 2}),
    "no segments, and a mask that counts ones": (
        *("QEmbedLayerNormalization", embedded(**NO_KINDS, mask=SOME * 2 - SOME[:, ::-1])),
        {"outputs": 2, "epsilon": 1e-5},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", QUANTISED)
def test_a_layer_of_bytes_gives_the_numbers_of_onnx_runtime(name: str, tmp_path: Path):
    """As a program, and by the meaning of the operator itself."""
    op, inputs, options = QUANTISED[name]
    options = {
        "domain": MICROSOFT,
        **({"num_heads": HEADS} if op == "QAttention" else {}),
    } | options
    case = Case(tmp_path, op, inputs, **options)
    meant = run_level("onnx", load_module(case.path, CompileOptions()), case.inputs)
    want = case.reference()
    assert_same(case.ours(), want)
    assert_same(list(meant.values()), want)


@pytest.mark.parametrize("bounds", [i32(9, 0), i32(3, 2, 1, 7)], ids=["ends", "and starts"])
def test_lengths_of_rows_mask_as_in_onnx_runtime(bounds: Array, tmp_path: Path):
    """Keys beyond all, none at all, starts within and behind the end."""
    inputs = {"x": f32(BATCH, NEW, WIDTH), "w": f32(WIDTH, 3 * WIDTH), "b": None, "m": bounds}
    case = Case(tmp_path, "Attention", inputs, domain=MICROSOFT, num_heads=HEADS)
    meant = run_level("onnx", load_module(case.path, CompileOptions()), case.inputs)
    assert_same(case.ours(), case.reference())
    assert_same(list(meant.values()), case.reference())


def test_lengths_of_rows_mask_projected_heads(tmp_path: Path):
    inputs = {n: f32(BATCH, NEW, WIDTH, seed=i) for i, n in enumerate("qkv")}
    inputs |= {"b": None, "m": i32(1, 3)}
    case = Case(tmp_path, "MultiHeadAttention", inputs, domain=MICROSOFT, num_heads=HEADS)
    assert_same(case.ours(), case.reference())


def test_a_length_below_zero_traps(tmp_path: Path):
    """ONNX Runtime refuses it, too."""
    inputs = {"x": f32(BATCH, NEW, WIDTH), "w": f32(WIDTH, 3 * WIDTH), "b": None, "m": i32(-1, 2)}
    case = Case(tmp_path, "Attention", inputs, domain=MICROSOFT, num_heads=HEADS)
    with pytest.raises(Exception, match="negative"):
        case.reference()
    with pytest.raises(Trap, match="Attention_0"):
        case.ours()


REFUSED: dict[str, tuple[str, Inputs, dict[str, Any], str]] = {
    "a weight of other rows": (
        "QAttention", projected(w=drawn(9, 3 * WIDTH, dtype=I8)), {}, "the rows of 'weight'",
    ),
    "scales of other columns": (
        "QAttention", projected(ws=EACH[1:]), {}, "the shape of 'weight_scale'",
    ),
    "a point for each input": (
        "QAttention", projected(xp=drawn(WIDTH)), {}, "the shape of 'input_zero_point'",
    ),
    "a mask of nothing": ("QAttention", projected(m=SOME[:, :2]), {}, "the shape of 'mask_index'"),
    "a shared buffer": (
        *("QAttention", projected(**PAST), {"past_present_share_buffer": 1, **CACHED}),
        "past_present_share_buffer other than 0 is not supported",
    ),
    "rotation": ("QAttention", projected(), {"do_rotary": 1}, "do_rotary other than 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_layer_that_does_not_fit_is_refused(name: str, tmp_path: Path):
    op, inputs, options, message = REFUSED[name]
    options = {"domain": MICROSOFT, "num_heads": HEADS, **options}
    assert_refused(tmp_path, op, inputs, options, message)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kinds_s": None}, "segment_ids and segment_embedding_scale come together, or neither"),
        ({"words_p": drawn(WIDTH)}, "the shape of 'word_embedding_zero_point'"),
        ({"places": drawn(5, 9)}, "the width of position_embedding_quant is 9, expected 8"),
        ({"gamma": drawn(9)}, "the shape of 'gamma_quant'"),
        ({"mask": SOME[:1]}, "the shape of 'mask'"),
    ],
)
def test_embeddings_that_do_not_fit_are_refused(changed: Inputs, message: str, tmp_path: Path):
    options = {"domain": MICROSOFT, "outputs": 2}
    assert_refused(tmp_path, "QEmbedLayerNormalization", embedded(**changed), options, message)


DECODER = """<ir_version: 10, opset_import: ["": 20, "com.microsoft": 1]>
g (int64[1, s] input_ids, float[2, 1, 2, past, 4] past_0)
=> (float[1, s, 31] logits, float[2, 1, 2, total, 4] present_0) {
  x = Gather (words, input_ids)
  y, present_0 = com.microsoft.Attention <num_heads = 2, unidirectional = 1> (x, w, b, , past_0)
  z = Add (x, y)
  logits = MatMul (z, head)
}"""


def test_a_decoder_that_is_quantised_while_it_runs(tmp_path: Path):
    """Attention becomes QAttention, whose cache stays on the device."""
    model, made = parser.parse_model(DECODER), tmp_path / "quantised.onnx"
    held = {"words": f32(31, WIDTH), "w": f32(WIDTH, 3 * WIDTH), "b": f32(3 * WIDTH)}
    held["head"] = f32(WIDTH, 31, seed=2)
    model.graph.initializer.extend(numpy_helper.from_array(v, name) for name, v in held.items())
    tools.quantize_dynamic(model, made, per_channel=True)
    assert "QAttention" in {node.op_type for node in onnx.load(made).graph.node}
    found = lpuc.verify(made, precision="f32", max_context=12)
    assert found.is_right
    assert "generate greedy" in found.cases
