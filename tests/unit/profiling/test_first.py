"""The first token behind a prompt: the runs that a host makes, and the products it takes."""

from pathlib import Path

import pytest

from benchmarks.decoders.families import write_decoder
from benchmarks.decoders.shape import SHAPES
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from lpuc.profiling.first import first_token
from lpuc.profiling.floor import floor_of, prompt_of
from lpuc.reports.prediction import predicted
from runtime.generation.prompt import Chunks
from runtime.program.program import Program
from runtime.timing import predict


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("first") / "tiny.onnx"
    write_decoder(path, SHAPES["gpt2-tiny"], has_data=False)
    return path


@pytest.fixture(scope="module")
def program(model: Path) -> Program:
    options = CompileOptions(max_context=64, weights="none", prompt_chunk=8)
    return compile_model(model, options).program


@pytest.mark.parametrize("prompt", [1, 2, 9, 12, 30])
def test_it_is_the_sum_of_what_a_host_runs(program: Program, prompt: int) -> None:
    """Few runs of a kind: each is predicted."""
    chunks = Chunks.of(program)
    assert chunks is not None
    starts, fed = chunks.starts(0, prompt - 1), chunks.reached(0, prompt - 1)
    assert len(starts) <= 5 and prompt - fed <= 5
    runs = [predict(program, {chunks.past: s}, entry="prompt_chunk").seconds for s in starts]
    (past,) = program.interface.symbols
    runs += [predict(program, {past.name: n}).seconds for n in range(fed, prompt)]
    found = first_token(program, prompt=prompt)
    assert found is not None
    assert found.seconds == pytest.approx(sum(runs))
    assert (found.chunks, found.tokens) == (len(starts), prompt - fed)


def test_products_of_a_prompt_are_those_of_its_tokens(model: Path) -> None:
    """The head once; every token sees those before it."""
    tokens = [floor_of(model, n, "f16") for n in range(1, 20)]
    shape = SHAPES["gpt2-tiny"]
    assert {one.last_macs for one in tokens} == {shape.width * shape.vocabulary}
    grown = prompt_of(model, 20, "f16") - prompt_of(model, 1, "f16")
    assert grown == sum(one.macs - one.last_macs for one in tokens)


def test_generate_begins_with_chunks(program: Program) -> None:
    found = predicted(program, "generate", 30, {})
    chunks = Chunks.of(program)
    assert chunks is not None
    starts = chunks.starts(0, 29)
    runs = [predict(program, {chunks.past: s}, entry="prompt_chunk") for s in starts]
    runs.append(predict(program, found.symbols, entry="generate"))
    assert (found.chunks, found.symbols["fed"]) == (len(starts), chunks.reached(0, 29))
    assert found.cycles == sum(run.cycles for run in runs)
    alone = predicted(program, "generate", 30, {"fed": 0})
    assert alone.chunks == 0 and alone.cycles > found.cycles
