"""`generate` hands out the tokens that a host gets by driving `step`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from dialects.lpu.control import ForOp
from dialects.lpu.elementwise import FillOp, IotaOp, MapOp
from dialects.lpu.execution import Array, input_tensors, run_interface, state_ops
from dialects.lpu.interface import interface_of
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import make_context, parse_passes
from lpuc.onnx_import import import_model
from passes.analysis.functions import functions, model_folder
from runtime.generation.sampling import Sampling, choose

SAMPLES = Path(__file__).parents[4] / "samples/exports"
TO_STATE = (
    "onnx-bind-roles,onnx-resolve-shapes,convert-onnx-to-lpu,lpu-fold-constants,cse,dce,"
    "lpu-gather-to-view,lpu-demote-precision,dce,lpu-cache-to-state,dce"
)
DERIVED = "lpu-derive-generate,lpu-fold-indices,cse,dce,lpu-gather-to-view,dce"
MODELS = ("gpt2", "llama", "opt_torchscript")


@cache
def _module(model: str) -> ModuleOp:
    module = import_model(SAMPLES / f"{model}.onnx")
    module.attributes["lpu.options"] = CompileOptions(precision="f32", max_context=20).attribute()
    for one in parse_passes(f"{TO_STATE},{DERIVED}"):
        one.apply(make_context(), module)
    module.verify()
    return module


def _functions(model: str) -> tuple[FuncOp, FuncOp]:
    step, generate = functions(_module(model))
    return step, generate


def _input(role: str, tokens: Sequence[int], past: int, dims: tuple[int, ...]) -> Array:
    match role:
        case "ids":
            return np.full(dims, tokens[past])
        case "mask":
            return np.ones(dims)
        case _:
            return np.full(dims, past)


def _logits(step: FuncOp, tokens: Sequence[int], folder: Path) -> Iterator[Array]:
    """Those behind each token, as long as somebody appends to `tokens`."""
    roles = {port.name: port.role for port in interface_of(step).arguments}
    pairs = [
        (before.name, after.name)
        for op in state_ops(step)
        for before, after in zip(op.inputs.data, op.outputs.data, strict=True)
    ]
    cache: dict[str, Array] = {}
    past = 0
    while past < len(tokens):
        inputs: dict[str, Array] = {}
        for name, tensor in input_tensors(step).items():
            dims = tuple(extent.evaluate({"P": past}) for extent in tensor.shape)
            known = name in roles
            value = _input(roles[name], tokens, past, dims) if known else np.zeros(dims)
            inputs[name] = cache.get(name, value.astype(tensor.dtype.dtype))
        results = run_interface(step, inputs, folder)
        cache = {before: results[after] for before, after in pairs}
        past += 1
        yield results["logits"].reshape(-1)


def _by_host(model: str, prompt: list[int], count: int, sampling: Sampling) -> list[int]:
    step, _ = _functions(model)
    tokens = list(prompt)
    for index, logits in enumerate(_logits(step, tokens, model_folder(_module(model)))):
        if index + 1 == len(prompt) + count:
            break
        if index + 1 >= len(prompt):
            tokens.append(choose(logits, sampling, tokens))
    return tokens[len(prompt) :][:count]


def _on_device(
    model: str, prompt: list[int], count: int, sampling: Sampling, stops: Sequence[int] = ()
) -> list[int]:
    _, generate = _functions(model)
    settings = sampling.settings(96)
    inputs = {
        "tokens": np.array(prompt, np.int64),
        "stops": np.array([*stops, *[-1] * 4][:4], np.int64),
        "sampler": settings.floats(),
        "sampler_ints": settings.integers(),
    }
    found: list[int] = []
    values = {"fed": 0, "total": len(prompt) + count, "sampled": settings.sampled}
    run_interface(generate, inputs, model_folder(_module(model)), values, found.append)
    return found


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("prompt", [[1], [3, 5, 8, 2]], ids=str)
@pytest.mark.parametrize(
    "sampling",
    [Sampling(), Sampling(temperature=1.3, top_k=9, top_p=0.9, seed=3, repetition_penalty=1.3)],
    ids=["greedy", "sampled"],
)
def test_tokens_are_those_of_the_host(model: str, prompt: list[int], sampling: Sampling):
    expected = _by_host(model, prompt, 6, sampling)
    assert _on_device(model, prompt, 6, sampling) == expected


def test_a_stop_ends_the_text_and_is_not_handed_out():
    tokens = _on_device("llama", [3, 5], 8, Sampling())
    stop = tokens[4]
    assert _on_device("llama", [3, 5], 8, Sampling(), [2, stop]) == tokens[: tokens.index(stop)]


def test_as_many_tokens_as_the_cache_holds_and_one():
    assert len(_on_device("llama", [3, 5], 19, Sampling())) == 19


def test_no_new_token_is_an_empty_text():
    assert _on_device("llama", [3, 5], 0, Sampling()) == []


@pytest.mark.parametrize("model", MODELS)
def test_no_mask_is_left(model: str):
    """Nothing is compared with a position, nothing is selected by one."""
    _, generate = _functions(model)
    loop = [op for op in generate.body.block.ops if isinstance(op, ForOp)][1]
    for op in loop.block.ops:
        if isinstance(op, MapOp):
            assert op.fn.data not in {"lt", "le", "gt", "ge", "and"}, op
            assert op.fn.data != "eq" or op.result_tensor().is_static, op
        long = isinstance(op, FillOp | IotaOp) and not op.result_tensor().is_static
        assert not long, op
