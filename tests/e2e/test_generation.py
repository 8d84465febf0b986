"""The token loop on the device chooses what a loop on the host chooses, step by step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from lpuc.compiler.driver import CompiledProgram, load_module, lower_by_levels
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.levels.execution import run_level
from runtime.errors import Unserved
from runtime.generation.decoder import Decoder
from runtime.generation.device import Request
from runtime.generation.feeding import Feed, HostCache
from runtime.generation.host import tokens_of
from runtime.generation.sampling import Sampling
from runtime.generation.tokens import generate
from runtime.run.interpreter import Interpreter
from tests.e2e.committed import CONTEXT, FAMILIES, ONE, made

PROMPT = [1, 5, 9]
COUNT = 6
CHOICES = {
    "greedy": Sampling(),
    "sampled": Sampling(temperature=0.9, top_k=20, top_p=0.9, seed=7),
    "penalty": Sampling(temperature=1.3, repetition_penalty=1.5, seed=2),
}


def on_device(program: CompiledProgram, request: Request, *, reference: bool = False) -> list[int]:
    return list(generate(Interpreter(program.in_memory, reference=reference), request))


def on_host(program: CompiledProgram, sampling: Sampling) -> list[int]:
    decoder = Decoder.of(program.program.interface)
    feed = Feed(decoder, HostCache(decoder, Interpreter(program.in_memory)))
    return list(tokens_of(feed, PROMPT, COUNT, sampling))


@FAMILIES
def test_the_same_tokens(model: Path):
    """In half precision; one in full. What the device chooses, in each way."""
    program = made(model, precision="f32" if model == ONE else "f16")
    assert "generate" in dict(program.program.others)
    for name, sampling in CHOICES.items():
        got = on_device(program, Request(PROMPT, COUNT, sampling))
        assert got == on_host(program, sampling), name


def test_a_small_machine_and_the_reference_path_agree():
    program = made(ONE, target="lpu-tiny")
    request = Request(PROMPT, COUNT)
    got = on_device(program, request)
    assert got == on_device(program, request, reference=True) == on_host(program, Sampling())


@pytest.mark.parametrize("devices", [2])
def test_every_level_hands_out_the_tokens_of_the_host(devices: int):
    chosen = CompileOptions("lpu-tiny", "f32", CONTEXT, devices=devices)
    module, expected = load_module(ONE, chosen), on_host(made(ONE), Sampling())
    settings, found = Sampling().settings(1), dict[str, list[int]]()
    inputs = {
        "tokens": np.array(PROMPT),
        "stops": np.full(4, -1),
        "sampler": settings.floats(),
        "sampler_ints": settings.integers(),
    }
    values = {"fed": 0, "total": len(PROMPT) + COUNT, "sampled": 0}
    for level in lower_by_levels(module, chosen, Instrumentation()):
        if level in ("lpu", "esl", "mem"):
            tokens = found.setdefault(level, [])
            run_level(level, module, inputs, "generate", values, tokens.append)
    assert found == dict.fromkeys(("lpu", "esl", "mem"), expected)


def test_an_entry_that_a_level_lacks_is_named():
    module = load_module(ONE, CompileOptions(precision="f32", max_context=CONTEXT))
    with pytest.raises(LookupError, match="level onnx has no entry 'generate', only step"):
        run_level("onnx", module, {}, "generate")


def test_a_stop_token_ends_it():
    program = made(ONE)
    tokens = on_device(program, Request(PROMPT, COUNT))
    stop = tokens[4]
    stopped = on_device(program, Request(PROMPT, COUNT, stops=frozenset({stop})))
    assert stopped == tokens[: tokens.index(stop)]


def test_a_call_starts_without_the_cache_of_the_last():
    program = made(ONE)
    machine = Interpreter(program.in_memory)
    runs = [list(generate(machine, Request(p, COUNT))) for p in (PROMPT, [2, 3], PROMPT)]
    assert runs[0] == runs[2] != runs[1]


def spoilt(folder: Path) -> Path:
    """A model whose logits are NaN: a weight of its last norm is."""
    model = onnx.load(ONE)
    (norm,) = (i for i in model.graph.initializer if i.name == "model.model.norm.weight")
    weight = numpy_helper.to_array(norm).copy()
    weight[3] = np.nan
    norm.CopyFrom(numpy_helper.from_array(weight, norm.name))
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


def test_nan_is_refused_on_the_device_as_on_the_host(tmp_path: Path):
    program = made(spoilt(tmp_path), target="lpu-tiny")
    with pytest.raises(Unserved, match="NaN") as of_host:
        on_host(program, Sampling())
    for sampling in CHOICES.values():
        for stops in (frozenset[int](), frozenset({0})):
            with pytest.raises(Unserved) as of_device:
                on_device(program, Request(PROMPT, COUNT, sampling, stops))
            assert str(of_device.value) == str(of_host.value)
