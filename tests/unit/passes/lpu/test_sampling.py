"""The sampler in `lpu` operations chooses what the specification does, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import FunctionType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region, SSAValue

from dialects.affine import Affine
from dialects.lpu.execution import run_interface
from dialects.lpu.types import tensor
from passes.lpu.sampling import choice
from passes.lpu.sampling.uniform import uniform as uniform_of
from passes.rewriting.build import Build
from runtime.generation.sampling import Sampling, choose, uniform
from runtime.numerics.elements import ElementType

F32, I64 = ElementType.F32, ElementType.I64
SIZE = 50


def _function(arguments: list[tuple[list[Affine | int], ElementType]]) -> tuple[FuncOp, Build]:
    end = ReturnOp()
    block = Block([end], arg_types=[tensor(dims, dtype) for dims, dtype in arguments])
    return FuncOp("step", ([], []), Region(block)), Build(end)


def _run(function: FuncOp, build: Build, value: SSAValue, *arrays: np.ndarray) -> np.ndarray:
    build.anchor.operands = [value]
    arguments = [argument.type for argument in function.body.block.args]
    function.function_type = FunctionType.from_lists(arguments, [value.type])
    function.verify()
    inputs = {str(index): array for index, array in enumerate(arrays)}
    return run_interface(function, inputs, Path())["0"]


def _sampled(logits: np.ndarray, tokens: list[int], sampling: Sampling) -> int:
    settings = sampling.settings(logits.size)
    assert settings.sampled
    count = Affine.symbol("n")
    function, build = _function([([SIZE], F32), ([count], I64), ([3], F32), ([2], I64)])
    scores, text, floats, integers = function.body.block.args
    token = choice.sampled(build, scores, text, choice.Settings(floats, integers))
    arrays = (logits, np.array(tokens, np.int64), settings.floats(), settings.integers())
    (result,) = _run(function, build, token, *arrays)
    return int(result)


SETTINGS = (
    Sampling(temperature=1.0),
    Sampling(temperature=0.7, top_k=1),
    Sampling(temperature=1.5, top_k=7),
    Sampling(temperature=1.0, top_p=1e-9),
    Sampling(temperature=2.0, top_p=0.6),
    Sampling(temperature=1.0, top_k=SIZE + 5, top_p=1.0),
    Sampling(temperature=1.0, top_k=9, top_p=0.5, repetition_penalty=1.7),
    Sampling(repetition_penalty=2.0),
    Sampling(temperature=40.0, repetition_penalty=0.5, seed=(1 << 64) - 3),
)


@pytest.mark.parametrize("sampling", SETTINGS, ids=str)
def test_a_draw_is_that_of_the_specification(sampling: Sampling):
    random = np.random.default_rng(5)
    for length in (1, 2, 9):
        logits = (random.standard_normal(SIZE) * 3).astype(np.float32)
        logits[random.integers(0, SIZE, 20)] = logits[0]
        tokens = [int(t) for t in random.integers(0, SIZE, length)]
        tokens += tokens[:1]
        assert _sampled(logits, tokens, sampling) == choose(logits, sampling, tokens)


@pytest.mark.parametrize("seed", [0, 1, 1 << 40, (1 << 63) + 5, (1 << 64) - 1])
def test_random_numbers_are_those_of_the_specification(seed: int):
    for place in (0, 1, 2047):
        function, build = _function([([1], I64)])
        number = uniform_of(build, function.body.block.args[0], Affine(place))
        word = np.array([seed], np.uint64).view(np.int64)
        (result,) = _run(function, build, number, word)
        assert result == uniform(seed, place)


def test_of_equal_logits_the_greedy_choice_is_the_first():
    function, build = _function([([SIZE], F32)])
    _, token = choice.greedy(build, function.body.block.args[0])
    logits = np.zeros(SIZE, np.float32)
    logits[[7, 20, 31]] = 2.5
    assert _run(function, build, token, logits).tolist() == [7]


@pytest.mark.parametrize("place", [0, 7, SIZE - 1])
def test_among_logits_with_nan_no_token_is_chosen(place: int):
    """Neither the first one, which is where a comparison with NaN leads, nor one that has none."""
    function, build = _function([([SIZE], F32)])
    greatest, token = choice.greedy(build, function.body.block.args[0])
    logits = np.arange(SIZE, dtype=np.float32)
    logits[place] = np.nan
    assert _run(function, build, choice.checked(build, token, greatest), logits).tolist() == [-2]


@pytest.mark.parametrize("extreme", [np.inf, -np.inf, np.finfo(np.float32).max])
def test_logits_that_are_no_nan_choose_a_token(extreme: float):
    function, build = _function([([SIZE], F32)])
    greatest, token = choice.greedy(build, function.body.block.args[0])
    logits = np.full(SIZE, -np.inf, np.float32)
    logits[3] = extreme
    expected = [int(np.argmax(logits))]
    assert (
        _run(function, build, choice.checked(build, token, greatest), logits).tolist() == expected
    )
