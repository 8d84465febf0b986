"""A program does not grow with the number of layers (decision 35)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.decoders.families import write_decoder
from benchmarks.decoders.shape import SHAPES
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from runtime.isa import Loop
from runtime.isa.encoding import encode

CHUNKED = "llama-tiny"
"""The one that takes prompts in chunks."""


@pytest.mark.parametrize(
    "name", [CHUNKED, "opt-tiny", pytest.param("gpt2-tiny", marks=pytest.mark.slow)]
)
def test_code_is_as_long_for_many_layers_as_for_few(name: str, tmp_path: Path):
    lengths: list[int] = []
    for layers in (2, 4):
        path = tmp_path / f"{layers}" / "model.onnx"
        write_decoder(path, replace(SHAPES[name], layers=layers))
        options = CompileOptions(max_context=16, prompt_chunk=None if name == CHUNKED else 0)
        code = compile_model(path, options).program.code
        assert any(isinstance(inst, Loop) for inst in code)
        lengths.append(len(encode(code)))
    assert len(set(lengths)) == 1, lengths
