"""Options of ONNX Runtime's fused attention, against its kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lpuc.compiler.driver import load_module
from lpuc.compiler.options import CompileOptions
from lpuc.levels.execution import run_level
from tests.e2e.single import MICROSOFT, Array, Case, assert_refused, assert_same, f32, i32

BATCH, NEW, HEADS, SIZE, PAST = 2, 3, 2, 8, 5
WIDTH = HEADS * SIZE

Inputs = dict[str, Array | None]
Options = dict[str, Any]


def run(folder: Path, op: str, inputs: Inputs, options: Options) -> None:
    """As a program, and by the meaning of the operator itself."""
    case = Case(folder, op, inputs, domain=MICROSOFT, **options)
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
