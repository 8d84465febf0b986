"""A prompt that is taken many tokens at a time leaves what one token after the other leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import lpuc
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from lpuc.levels.tolerance import difference
from runtime.errors import BadOption, Unserved
from runtime.generation.device import Request
from runtime.generation.prompt import Chunks
from runtime.generation.tokens import feed_of, generate
from runtime.run.interpreter import Interpreter
from runtime.traps import Trap
from tests.e2e.committed import CONTEXT, FAMILIES, ONE, expected, made

WIDTH = 8
LENGTHS = (WIDTH - 1, WIDTH, WIDTH + 1, WIDTH + 2, 2 * WIDTH + 4, CONTEXT)
"""Of prompts; the last fills the cache."""
SOME = (WIDTH, WIDTH + 1, CONTEXT)
"""What is enough where the model or the machine is another."""
NEAR = 2e-5
"""How far logits may be that were added up in another order."""


@cache
def machine(
    model: Path, width: int = WIDTH, precision: str = "f32", target: str = "lpu-4nm",
    devices: int = 1, reference: bool = False,
) -> Interpreter:  # fmt: skip
    if (width, precision, target, devices) == (0, "f32", "lpu-4nm", 1) and model != ONE:
        return made(model).interpreter
    options = CompileOptions(target, precision, CONTEXT, devices=devices, prompt_chunk=width)
    return Interpreter(compile_model(model, options).in_memory, reference=reference)


def prompt(count: int) -> list[int]:
    return np.random.default_rng(count).integers(0, 60, count).tolist()


def last_logits(machine: Interpreter, tokens: list[int]) -> np.ndarray:
    feed = feed_of(machine, {})
    (row,) = feed.last(tokens)
    assert feed.tokens == tokens
    feed.cache.close()
    return row


def far(one: Interpreter, other: Interpreter, lengths: Sequence[int] = LENGTHS) -> float:
    """How far logits behind prompts are from each other; the same tokens are chosen."""
    worst = 0.0
    for count in lengths:
        tokens = prompt(count)
        worst = max(worst, difference(last_logits(one, tokens), last_logits(other, tokens)))
        request = Request(tokens, min(2, CONTEXT + 1 - count))
        assert list(generate(one, request)) == list(generate(other, request)), count
    return worst


@FAMILIES
def test_a_chunk_leaves_what_its_tokens_leave(model: Path):
    lengths = LENGTHS if model == ONE else SOME
    assert far(machine(model), machine(model, 0), lengths) <= NEAR


@pytest.mark.parametrize(
    ("target", "precision", "devices"),
    [
        ("lpu-tiny", "f16", 2),
        *(
            pytest.param(*one, marks=pytest.mark.slow)
            for one in [("lpu-4nm", "f16", 1), ("lpu-tiny", "f32", 2)]
        ),
    ],
)
def test_of_any_type_on_any_machine(target: str, precision: str, devices: int):
    one, other = (machine(ONE, w, precision, target, devices) for w in (WIDTH, 0))
    assert Chunks.of(one.program) and not Chunks.of(other.program)
    assert far(one, other, SOME) <= (NEAR if precision == "f32" else 4e-3)


def test_the_specification_of_instructions_gives_the_same():
    """It traps where something is read that nobody wrote."""
    reference = machine(ONE, reference=True)
    for count in LENGTHS[1:4]:
        got = last_logits(reference, prompt(count))
        assert difference(got, last_logits(machine(ONE), prompt(count))) <= NEAR


def test_the_whole_prompt_at_once_gives_the_same():
    """Of ONNX Runtime."""
    tokens = prompt(2 * WIDTH + 4)
    count, cache = len(tokens), np.zeros((1, 2, 0, 8), np.float32)
    inputs = {
        "input_ids": np.array([tokens]),
        "attention_mask": np.ones((1, count), np.int64),
        "position_ids": np.arange(count)[None],
    }
    inputs |= {f"past_key_values.{n}.{k}": cache for n in range(2) for k in ("key", "value")}
    assert difference(last_logits(machine(ONE), tokens), _logits(inputs)) <= NEAR


def _logits(inputs: dict[str, np.ndarray]) -> np.ndarray:
    return expected(ONE, inputs)["logits"][0, -1]


def test_a_text_goes_on_behind_chunks():
    """Rows that a chunk has computed again, or filled up, are those of their tokens."""
    tokens = prompt(CONTEXT)
    one, other = feed_of(machine(ONE), {}), feed_of(machine(ONE, 0), {})
    for start, end in ((0, 3), (3, 12), (12, 13), (13, CONTEXT)):
        got, row = one.last(tokens[start:end]), other.step(tokens[start:end])[-1]
        assert difference(got[0], row) <= NEAR
    assert one.position == CONTEXT
    one.reset()
    assert difference(one.last([5, 6])[0], last_logits(machine(ONE, 0), [5, 6])) <= NEAR


def test_tokens_are_fed_many_at_a_time():
    """A prompt of two chunks and a token takes three runs, not as many as tokens."""
    runs = list[int]()
    made = machine(ONE).program
    watched = Interpreter(made, on_step=lambda run: runs.append(run.pc))
    chunk, step = Chunks.of(made), made.interface
    assert chunk is not None
    list(generate(watched, Request(prompt(2 * WIDTH + 1), 1)))
    assert [runs.count(chunk.entry.pc), runs.count(step.pc)] == [2, 0]
    runs.clear()
    feed_of(watched, {}).last(prompt(2 * WIDTH + 1))
    assert [runs.count(chunk.entry.pc), runs.count(step.pc)] == [2, 1]


@pytest.mark.parametrize(
    ("fed", "end", "starts", "behind"),
    [
        (0, 0, (), 0),
        (0, 1, (), 0),
        (0, 2, (), 0),
        (0, 3, (0,), 3),
        (0, 16, (0,), 16),
        (0, 17, (0,), 16),
        (0, 19, (0, 3), 19),
        (0, 34, (0, 16), 32),
        (5, 21, (5,), 21),
        (5, 24, (5, 8), 24),
        (5, 9, (0,), 9),
        (30, 40, (24,), 40),
    ],
)
def test_where_chunks_begin(fed: int, end: int, starts: tuple[int, ...], behind: int):
    """What is left is one more chunk if it is more than an eighth of one."""
    chunks = Chunks.of(machine(ONE, 16).program)
    assert chunks is not None and chunks.width == 16
    assert (chunks.starts(fed, end), chunks.reached(fed, end)) == (starts, behind)


def test_fuel_and_traps_act_within_a_prompt():
    short = Interpreter(machine(ONE).program, fuel=1000)
    with pytest.raises(Trap, match="not finished after 1000 elements"):
        list(generate(short, Request(prompt(WIDTH + 1), 1)))


def test_a_session_gives_all_logits_or_those_of_the_last_token():
    program = lpuc.compile(ONE, precision="f32", max_context=CONTEXT, prompt_chunk=WIDTH)
    tokens = prompt(WIDTH + 3)
    with program.session() as session:
        rows = session.step(tokens)
        session.reset()
        last = session.step(tokens, logits="last")
        assert last.shape == (1, rows.shape[1]) and session.position == len(tokens)
        assert difference(last[0], rows[-1]) <= NEAR
        with pytest.raises(BadOption, match="logits"):
            session.step([1], logits="none")


Plant = Callable[[pytest.MonkeyPatch], None]


def _late(patch: pytest.MonkeyPatch) -> None:
    real = Chunks.run
    patch.setattr(
        Chunks, "run", lambda self, m, d, text, start, keep: real(self, m, d, text[1:], start, keep)
    )


def _behind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Chunks, "reached", lambda self, fed, end: end)


def _alone(patch: pytest.MonkeyPatch) -> None:
    real = Chunks.run
    patch.setattr(
        Chunks, "run", lambda self, m, d, text, start, keep: real(self, m, d, text, 0, keep)
    )


@pytest.mark.parametrize("plant", [_late, _behind, _alone])
def test_a_fault_shows(plant: Plant, monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch)
    try:
        worst = far(machine(ONE), machine(ONE, 0))
    except (AssertionError, Trap, Unserved):
        return
    assert worst > NEAR
