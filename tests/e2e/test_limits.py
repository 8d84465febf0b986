"""What does not fit the machine is refused with what would."""

from __future__ import annotations

import re

import pytest

from dialects.errors import CompileError
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from tests.e2e.committed import ONE


@pytest.fixture(autouse=True)
def without_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many devices would have room is another matter, and takes a compilation for each."""
    monkeypatch.setattr("lpuc.compiler.driver._smallest_ring", lambda *_: None)


def test_a_cache_that_is_too_large_names_a_context_that_fits():
    with pytest.raises(CompileError, match="more than 'lpu-4nm' has") as refusal:
        compile_model(ONE, CompileOptions(max_context=900_000_000, prompt_chunk=0))
    said = re.search(r"--max-context (\d+) fits", str(refusal.value))
    assert said is not None
    fitting = int(said[1])
    assert 100_000_000 < fitting < 900_000_000
    compile_model(ONE, CompileOptions(max_context=fitting, prompt_chunk=0))


def test_scores_of_a_chunk_that_are_too_large_name_a_context_that_fits():
    """What 64 tokens compute takes more than the cache."""
    with pytest.raises(CompileError, match="more than 'lpu-4nm' has") as refusal:
        compile_model(ONE, CompileOptions(max_context=900_000_000))
    said = re.search(r"--max-context (\d+) fits", str(refusal.value))
    assert said is not None
    fitting = int(said[1])
    compile_model(ONE, CompileOptions(max_context=fitting))
    with pytest.raises(CompileError, match="more than 'lpu-4nm' has"):
        compile_model(ONE, CompileOptions(max_context=fitting * 21 // 20))


def test_a_result_that_no_machine_holds_for_its_context():
    with pytest.raises(CompileError, match="any machine has; choose a smaller --max-context"):
        compile_model(ONE, CompileOptions(max_context=2_000_000_000))
