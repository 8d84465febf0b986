"""Generation in Python: tokens one by one, text in pieces, and what ends it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lpuc
from tests.e2e.committed import CONTEXT, ONE, ROOT
from tests.e2e.python import PROMPT, shared

STORIES = ROOT / "samples/stories"

pytestmark = pytest.mark.xdist_group("python")
"""What they share is compiled once, in one process."""


@pytest.fixture
def program() -> lpuc.Program:
    return shared()


@pytest.fixture(scope="module")
def stories() -> lpuc.Program:
    return lpuc.compile(STORIES / "model.onnx", max_context=64, prompt_chunk=0)


def test_generation_is_lazy_and_ends_before_a_stop(program: lpuc.Program):
    tokens = list(program.generate(PROMPT, max_new_tokens=8))
    generation = program.generate(PROMPT, max_new_tokens=8)
    assert generation.tokens == []
    assert next(generation) == tokens[0]
    assert generation.tokens == tokens[:1]
    stop = tokens[4]
    ended = list(program.generate(PROMPT, max_new_tokens=8, stop_tokens=[stop]))
    assert ended == tokens[: tokens.index(stop)]


def test_text_streams_in_pieces_that_join(stories: lpuc.Program):
    generation = stories.generate("Once", tokenizer=STORIES / "tokenizer.json", max_new_tokens=12)
    pieces = list(generation)
    assert len(pieces) > 4
    assert len(generation.tokens) == 12
    assert "".join(pieces).startswith(" upon a time")
    assert generation.tokens_per_second is not None


def folder_with(tmp_path: Path, name: str, content: object) -> Path:
    (tmp_path / "tokenizer.json").write_bytes((STORIES / "tokenizer.json").read_bytes())
    (tmp_path / name).write_text(json.dumps(content))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("generation_config.json", lambda end: {"eos_token_id": end[0]}),
        ("generation_config.json", lambda end: {"eos_token_id": [1535, end[0]]}),
        ("config.json", lambda end: {"eos_token_id": end[0]}),
        ("tokenizer_config.json", lambda end: {"eos_token": end[1]}),
        ("tokenizer_config.json", lambda end: {"eos_token": {"content": end[1]}}),
    ],
)
def test_the_folder_of_a_tokenizer_says_what_ends_a_text(
    stories: lpuc.Program, tmp_path: Path, name: str, make: Callable[[tuple[int, str]], object]
):
    import tokenizers

    vocabulary: Any = tokenizers.Tokenizer.from_file(str(STORIES / "tokenizer.json"))
    whole = stories.generate("Once", tokenizer=STORIES / "tokenizer.json", max_new_tokens=12)
    list(whole)
    end = whole.tokens[5]
    folder = folder_with(tmp_path, name, make((end, vocabulary.id_to_token(end))))
    ended = stories.generate("Once", tokenizer=folder, max_new_tokens=12)
    list(ended)
    assert ended.tokens == whole.tokens[: whole.tokens.index(end)]
    free = stories.generate("Once", tokenizer=folder, max_new_tokens=12, ignore_end=True)
    list(free)
    assert free.tokens == whole.tokens


def test_the_folder_of_a_model_says_what_ends_a_text(tmp_path: Path):
    (tmp_path / "model.onnx").write_bytes(ONE.read_bytes())
    program = lpuc.compile(tmp_path / "model.onnx", max_context=CONTEXT, prompt_chunk=0)
    tokens = list(program.generate(PROMPT, max_new_tokens=8))
    end = tokens[3]
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": end}))
    program = lpuc.compile(tmp_path / "model.onnx", max_context=CONTEXT, prompt_chunk=0)
    assert list(program.generate(PROMPT, max_new_tokens=8)) == tokens[: tokens.index(end)]


def test_a_tokenizer_of_another_model_is_refused(program: lpuc.Program):
    with pytest.raises(lpuc.Error, match="has ids up to 1535, the model 96"):
        program.generate("Once", tokenizer=STORIES / "tokenizer.json")
