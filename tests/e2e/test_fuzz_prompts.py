"""Random decoders take prompts in chunks as ONNX Runtime takes them token by token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from benchmarks.fuzz.prompts.trial import judge, make
from runtime.generation.prompt import Chunks

SEED = 5


@pytest.mark.parametrize("number", [18, 23])
def test_chunks_respect_the_window_of_a_random_decoder(number: int):
    case = make(SEED, number)
    assert "window" in case.labels
    outcome = judge(case)
    assert outcome.verdict == "right", outcome


def test_another_token_in_a_chunk_is_wrong(monkeypatch: pytest.MonkeyPatch):
    right = Chunks.inputs

    def other(self: Chunks, text: Sequence[int], start: int) -> dict[str, Any]:
        return right(self, [*text[:start], 1 - min(text[start], 1), *text[start + 1 :]], start)

    monkeypatch.setattr(Chunks, "inputs", other)
    assert judge(make(SEED, 23)).verdict == "wrong"


def test_what_takes_no_chunks_is_not_counted():
    outcome = judge(make(SEED, 0))
    assert (outcome.verdict, outcome.detail) == ("uncounted", "the model takes 1 tokens a step")
