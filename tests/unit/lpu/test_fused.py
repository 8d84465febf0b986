"""Fused operations: what they compute, against formulas written here, and at level `lpu_mem`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.parser import Parser
from xdsl.utils.exceptions import VerifyException

from dialects.lpu.execution import run_interface
from dialects.lpu_mem.semantics import run_function as run_mem
from lpuc.compiler.pipeline import make_context
from passes.analysis.functions import step_function
from passes.lpu.convert_to_lpu_mem import ConvertLpuToLpuMemPass

Array = np.ndarray[Any, np.dtype[Any]]
DTYPES: dict[str, Any] = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16}
INF = np.inf


def tensor(dims: str, dtype: str = "f32") -> str:
    return f"!lpu.tensor<[{dims}], {dtype}>"


def parse(line: str, inputs: dict[str, str], result: str) -> ModuleOp:
    arguments = ", ".join(f"%{name} : {kind}" for name, kind in inputs.items())
    ports = ", ".join(f'"{name}" data {kind[:-1].split()[-1]}' for name, kind in inputs.items())
    given = f'"y" data {result[:-1].split()[-1]}'
    text = f"""func.func @step({arguments}) -> {result} attributes {{
      lpu.interface = #lpu.interface<[{ports}] -> [{given}]>,
      lpu.symbols = #lpu.symbols<[P in 0 to 7]>
    }} {{
      %y = {line}
      func.return %y : {result}
    }}"""
    module = Parser(make_context(), text).parse_module()
    module.verify()
    return module


def run(line: str, inputs: dict[str, str], result: str, arrays: dict[str, Array]) -> Array:
    """The result at level `lpu`, which level `lpu_mem` must give as well."""
    module = parse(line, inputs, result)
    function = step_function(module)
    got = run_interface(function, arrays, Path())["y"]
    ConvertLpuToLpuMemPass().apply(Context(), module)
    (lowered,) = (op for op in module.ops if isinstance(op, FuncOp))
    below = run_mem(lowered, arrays, Path())["y"]
    assert below.dtype == got.dtype
    wide, expected = below.astype(np.float32), got.astype(np.float32)
    step = 1e-6 if got.dtype == np.float32 else 2.0**-10
    assert np.allclose(wide, expected, rtol=2 * step, atol=2 * step, equal_nan=True)
    return got


def random(*shape: int, dtype: str = "f32") -> Array:
    rng = np.random.default_rng(len(shape))
    return rng.standard_normal(shape).astype(DTYPES[dtype])


@pytest.mark.parametrize(("empty", "expected"), [("nan", np.nan), ("zero", 0.0)])
def test_softmax_of_a_row_that_is_masked_everywhere(empty: str, expected: float):
    x = np.array([[-INF, -INF], [0, -INF]], np.float32)
    line = f'lpu.softmax %x empty "{empty}" : {tensor("2, 2")} -> {tensor("2, 2")}'
    y = run(line, {"x": tensor("2, 2")}, tensor("2, 2"), {"x": x})
    assert np.array_equal(y, [[expected, expected], [1, 0]], equal_nan=True)


def test_softmax_does_not_overflow_in_half_precision():
    x = np.array([[60000, -60000]], np.float16)
    line = f'lpu.softmax %x empty "nan" : {tensor("1, 2", "f16")} -> {tensor("1, 2", "f16")}'
    y = run(line, {"x": tensor("1, 2", "f16")}, tensor("1, 2", "f16"), {"x": x})
    assert np.array_equal(y, [[1, 0]])


@pytest.mark.parametrize("kind", ["rms", "layer"])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_norm(kind: str, count: int):
    x, w, c = random(2, 3, 8) + 1, random(8), random(1, 8)
    inputs = {"x": tensor("2, 3, 8"), "w": tensor("8"), "c": tensor("1, 8")}
    parts = ["weight %w : " + inputs["w"], "bias %c : " + inputs["c"]][:count]
    line = f'lpu.norm "{kind}" %x {" ".join(parts)} epsilon 1.0e-5 : {inputs["x"]}'
    y = run(f"{line} -> {inputs['x']}", inputs, inputs["x"], {"x": x, "w": w, "c": c})
    centred = x.astype(np.float64) - (x.mean(-1, keepdims=True) if kind == "layer" else 0)
    expected = centred / np.sqrt(np.mean(centred**2, -1, keepdims=True) + 1e-5)
    expected = expected * (w if count > 0 else 1) + (c if count > 1 else 0)
    assert np.allclose(y, expected, atol=1e-5)


def test_a_norm_rounds_before_a_short_weight():
    """1/3 of the deviation rounds to f16 first; a product in f32 would round differently."""
    x = np.array([[1.0, 2.0, 2.0, 0.1]], np.float16)
    w = np.array([3.0, 1.7, 1.1, 2.3], np.float16)
    kinds = {"x": tensor("1, 4", "f16"), "w": tensor("4", "f16")}
    line = f'lpu.norm "rms" %x weight %w : {kinds["w"]} epsilon 0.0 : {kinds["x"]}'
    y = run(f"{line} -> {kinds['x']}", kinds, kinds["x"], {"x": x, "w": w})
    wide = x.astype(np.float32)
    normed = (wide * (1 / np.sqrt(np.mean(wide * wide)))).astype(np.float16)
    assert np.array_equal(y, normed * w)


def test_a_norm_does_not_overflow_in_half_precision():
    x = np.full((1, 4), 1000, np.float16)
    kind = tensor("1, 4", "f16")
    line = f'lpu.norm "rms" %x epsilon 0.0 : {kind} -> {kind}'
    assert np.array_equal(run(line, {"x": kind}, kind, {"x": x}), np.ones((1, 4)))


@pytest.mark.parametrize("width", [4, 2])
def test_rotary(width: int):
    x, cos, sin = random(2, 3, 4), random(1, 3, width), random(1, 3, width)[:, ::-1]
    kinds = {"x": tensor("2, 3, 4"), "cos": tensor(f"1, 3, {width}")}
    kinds["sin"] = kinds["cos"]
    line = f"lpu.rotary %x, %cos, %sin : {', '.join(kinds.values())} -> {kinds['x']}"
    y = run(line, kinds, kinds["x"], {"x": x, "cos": cos, "sin": sin.copy()})
    wide = [np.concatenate([t] * (4 // width), -1) for t in (cos, sin)]
    turned = np.concatenate((-x[..., 2:], x[..., :2]), -1)
    assert np.allclose(y, x * wide[0] + turned * wide[1], atol=1e-6)


def reference(q: Array, k: Array, v: Array, scale: float, cap: float, masks: list[Array]) -> Array:
    group = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, group, 1).astype(np.float64), np.repeat(v, group, 1).astype(np.float64)
    scores = q.astype(np.float64) @ k.swapaxes(2, 3) * scale
    scores = cap * np.tanh(scores / cap) if cap else scores
    for mask in masks:
        is_bool = mask.dtype == np.bool_
        scores = np.where(mask, scores, -INF) if is_bool else scores + mask
    with np.errstate(invalid="ignore"):
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True) @ v


ATTENTION = {
    "q": tensor("1, 4, 3, 8"), "k": tensor("1, 2, P + 3, 8"), "v": tensor("1, 2, P + 3, 6"),
    "bias": tensor("1, 4, 1, P + 3"), "keep": tensor("1, 1, 3, P + 3", "bool"),
}  # fmt: skip


def attend(masks: str, empty: str, cap: float, arrays: dict[str, Array]) -> Array:
    line = f'lpu.attention %q, %k, %v {masks} scale 0.5 softcap {float(cap)} empty "{empty}"'
    kinds, result = [ATTENTION[n] for n in "qkv"], tensor("1, 4, 3, 6")
    return run(f"{line} : {', '.join(kinds)} -> {result}", ATTENTION, result, arrays)


def operands(past: int) -> dict[str, Array]:
    total = past + 3
    keep = np.tril(np.ones((1, 1, 3, total), np.bool_), past)
    return {
        "q": random(1, 4, 3, 8), "k": random(1, 2, total, 8), "v": random(1, 2, total, 6),
        "bias": random(1, 4, 1, total), "keep": keep,
    }  # fmt: skip


@pytest.mark.parametrize("past", [0, 4])
@pytest.mark.parametrize("cap", [0.0, 2.0])
def test_attention_with_grouped_heads(past: int, cap: float):
    arrays = operands(past)
    masks = f"biases %bias : {ATTENTION['bias']} keeps %keep : {ATTENTION['keep']}"
    q, k, v, *given = arrays.values()
    expected = reference(q, k, v, 0.5, cap, given)
    assert np.allclose(attend(masks, "nan", cap, arrays), expected, atol=1e-5)
    assert np.allclose(attend("", "nan", cap, arrays), reference(q, k, v, 0.5, cap, []), atol=1e-5)


def test_attention_of_a_row_that_is_masked_everywhere():
    arrays = operands(2)
    arrays["keep"][0, 0, 1] = False
    masks = f"keeps %keep : {ATTENTION['keep']}"
    q, k, v, _, keep = arrays.values()
    expected = reference(q, k, v, 0.5, 0, [keep])
    assert np.isnan(expected[0, :, 1]).all()
    assert np.allclose(attend(masks, "nan", 0, arrays), expected, atol=1e-5, equal_nan=True)
    zeros = np.nan_to_num(expected)
    assert np.allclose(attend(masks, "zero", 0, arrays), zeros, atol=1e-5)


def test_attention_rounds_queries_to_the_type_of_the_keys():
    """2049 is 2048 in f16, so that the first key scores 0 like the second one, and not 1."""
    kinds = {"q": tensor("1, 1, 1, 2"), "k": tensor("1, 1, 2, 2", "f16"), "v": tensor("1, 1, 2, 1")}
    line = 'lpu.attention %q, %k, %v scale 1.0 softcap 0.0 empty "nan" : ' + ", ".join(
        kinds.values()
    )
    arrays: dict[str, Array] = {
        "q": np.array([[[[2049, -2048]]]], np.float32),
        "k": np.array([[[[1, 1], [0, 0]]]], np.float16),
        "v": np.array([[[[1], [0]]]], np.float32),
    }
    y = run(f"{line} -> {tensor('1, 1, 1, 1')}", kinds, tensor("1, 1, 1, 1"), arrays)
    assert y.item() == 0.5


def test_attention_of_a_number_of_rows_that_is_not_known():
    """Then query heads cannot become rows of one product."""
    kinds = {"q": tensor("1, 4, P, 8"), "k": tensor("1, 2, 5, 8"), "v": tensor("1, 2, 5, 6")}
    line = 'lpu.attention %q, %k, %v scale 0.5 softcap 0.0 empty "nan" : ' + ", ".join(
        kinds.values()
    )
    arrays = {"q": random(1, 4, 3, 8), "k": random(1, 2, 5, 8), "v": random(1, 2, 5, 6)}
    result = tensor("1, 4, P, 6")
    y = run(f"{line} -> {result}", kinds, result, arrays)
    q, k, v = arrays.values()
    assert np.allclose(y, reference(q, k, v, 0.5, 0, []), atol=1e-5)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('lpu.softmax %x empty "one" : {x} -> {x}', "no result 'one'"),
        ('lpu.norm "mean" %x epsilon 0.0 : {x} -> {x}', "no norm 'mean'"),
        ('lpu.norm "rms" %x bias %x : {x} epsilon 0.0 : {x} -> {x}', "no bias without"),
        ("lpu.rotary %x, %o, %o : {x}, {o}, {o} -> {x}", "as wide as x or half"),
        (
            'lpu.attention %a, %b, %b scale 1.0 softcap 0.0 empty "nan" : {a}, {b}, {b} -> {a}',
            "multiple of key heads",
        ),
    ],
)
def test_verifiers(line: str, message: str):
    kinds = {"x": tensor("2, 4"), "o": tensor("1"), "a": tensor("1, 3, 1, 4")}
    kinds["b"] = tensor("1, 2, P, 4")
    result = kinds["a"] if "attention" in line else kinds["x"]
    with pytest.raises(VerifyException, match=message):
        parse(line.format(**kinds), kinds, result)
