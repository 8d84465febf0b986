"""The host loop around `step`, against a machine that only counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from runtime.errors import Unserved
from runtime.generation.decoder import Decoder
from runtime.generation.feeding import Feed, HostCache
from runtime.generation.host import tokens_of
from runtime.generation.sampling import Sampling
from runtime.numerics.elements import ElementType
from runtime.program.interface import Dim, Interface, Port, Symbol

Array = np.ndarray[Any, Any]
VOCABULARY = 11


def dims(*entries: int | str) -> tuple[Dim, ...]:
    """`1`, `P`, `P+1` as dimensions."""
    parsed: list[Dim] = []
    for entry in entries:
        name, _, const = str(entry).partition("+")
        parsed.append(Dim(entry) if isinstance(entry, int) else Dim(int(const or 0), ((name, 1),)))
    return tuple(parsed)


def port(name: str, dtype: ElementType, *shape: int | str, role: str = "data") -> Port:
    return Port(name, dtype, dtype, dims(*shape), (1,) * len(shape), 0, role)


def interface(inputs: list[Port], outputs: list[Port], bound: int = 15) -> Interface:
    return Interface(tuple(inputs), tuple(outputs), (Symbol("P", 1, 0, bound),), 0, 0, 0)


I64, F32 = ElementType.I64, ElementType.F32
CACHED = interface(
    [
        port("ids", I64, 1, 1, role="ids"),
        port("mask", I64, 1, "P+1", role="mask"),
        port("positions", I64, 1, 1, role="positions"),
        port("past_key_values.0.key", F32, 1, 2, "P", 4, role="past"),
    ],
    [port("present.0.key", F32, 1, 2, "P+1", 4), port("scores", F32, 1, 1, VOCABULARY)],
)
WHOLE = interface([port("ids", I64, 1, "P", role="ids")], [port("logits", F32, 1, "P", VOCABULARY)])


@dataclass
class Counter:
    """Predicts id + 1 of the last token, and keeps what it was called with."""

    calls: list[dict[str, Array]] = field(default_factory=list[dict[str, Array]])
    new: int = 1
    """How many rows a step adds to the cache."""
    last: bool = False
    """Whether there are scores of the last id alone."""

    def run(self, inputs: Mapping[str, Array], /) -> Mapping[str, Array]:
        self.calls.append(dict(inputs))
        ids = inputs["ids"][0]
        scores = np.eye(VOCABULARY, dtype=np.float32)[(ids + 1) % VOCABULARY][None]
        scores = scores[:, -1:] if self.last else scores
        outputs: dict[str, Array] = {"scores": scores, "logits": scores}
        if "past_key_values.0.key" in inputs:
            past = inputs["past_key_values.0.key"]
            rows = ids[-self.new :, None].astype(np.float32)
            new = np.broadcast_to(rows, (1, 2, self.new, 4))
            outputs["present.0.key"] = np.concatenate([past, new], axis=2)
        return outputs


def feed(program: Interface, machine: Counter) -> Feed:
    decoder = Decoder.of(program)
    return Feed(decoder, HostCache(decoder, machine))


def tokens(program: Interface, prompt: list[int], count: int, machine: Counter) -> list[int]:
    return list(tokens_of(feed(program, machine), prompt, count, Sampling()))


@pytest.mark.parametrize("program", [CACHED, WHOLE], ids=["cache", "no cache"])
def test_tokens_continue_the_prompt(program: Interface):
    assert tokens(program, [3, 7], 5, Counter()) == [8, 9, 10, 0, 1]


def test_every_input_is_what_its_role_says():
    machine = Counter()
    tokens(CACHED, [3, 7], 3, machine)
    assert [int(call["ids"][0, 0]) for call in machine.calls] == [3, 7, 8, 9]
    assert [int(call["positions"][0, 0]) for call in machine.calls] == [0, 1, 2, 3]
    assert [call["mask"].tolist() for call in machine.calls] == [[[1] * n] for n in (1, 2, 3, 4)]
    last = machine.calls[-1]["past_key_values.0.key"]
    assert last[0, 0, :, 0].tolist() == [3, 7, 8]


READ = interface([*CACHED.inputs, port("states", F32, 1, "E", 3)], list(CACHED.outputs))


def test_what_is_none_of_the_text_is_given_to_each_step():
    machine, states = Counter(), np.ones((1, 5, 3), np.float32)
    decoder = Decoder.of(READ)
    fed = Feed(decoder, HostCache(decoder, machine), {"states": states})
    assert list(tokens_of(fed, [3, 7], 3, Sampling())) == [8, 9, 10]
    assert len(machine.calls) == 4 and all(call["states"] is states for call in machine.calls)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "the input 'states' is missing"),
        (["states", "mask"], "'mask' is no input to give; besides the text it takes states"),
    ],
)
def test_what_is_given_is_what_is_wanted(given: list[str], message: str):
    with pytest.raises(Unserved, match=message):
        Decoder.of(READ).check_given(given)


def test_the_last_token_is_not_fed_back():
    machine = Counter()
    assert tokens(CACHED, [1], 0, machine) == []
    assert machine.calls == []
    assert tokens(CACHED, [1], 1, machine) == [2]
    assert len(machine.calls) == 1


def test_a_full_cache_is_an_error():
    program = interface(list(CACHED.inputs), list(CACHED.outputs), bound=2)
    assert tokens(program, [1, 2], 2, Counter()) == [3, 4]
    with pytest.raises(Unserved, match="--max-context"):
        tokens(program, [1, 2], 3, Counter())
    decoder = Decoder.of(program)
    decoder.check_room(2, 2)
    with pytest.raises(Unserved, match="4 tokens are more than the program holds, 3"):
        decoder.check_room(2, 3)


def test_room_and_steps_agree():
    program = interface(list(CACHED.inputs), list(CACHED.outputs), bound=4)
    Decoder.of(program).check_room(2, 4)
    assert len(tokens(program, [1, 2], 4, Counter())) == 4


@pytest.mark.parametrize(("prompt", "message"), [([], "no tokens"), ([11], "not among 0 to 10")])
def test_a_wrong_prompt_is_an_error(prompt: list[int], message: str):
    with pytest.raises(Unserved, match=message):
        tokens(CACHED, prompt, 1, Counter())


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ([port("x", F32, 1)], [], "0 inputs have the role"),
        ([*CACHED.inputs, port("x", F32, 1, role="stops")], CACHED.outputs, "no known role"),
        ([*CACHED.inputs, port("x", F32, 1, "P")], CACHED.outputs, "'x' has no role, and grows"),
        (CACHED.inputs, CACHED.outputs[1:], "no output continues"),
        (CACHED.inputs, CACHED.outputs[:1], "form of logits"),
    ],
)
def test_what_is_no_decoder_is_refused(inputs: list[Port], outputs: list[Port], message: str):
    with pytest.raises(Unserved, match=message):
        Decoder.of(interface(list(inputs), list(outputs)))


def test_a_step_of_several_tokens_is_filled_up_and_forgets_what_filled_it():
    """Tokens come one by one, and a step takes three: the cache keeps those that are real."""
    ids = port("ids", I64, 1, 3, role="ids")
    key = port("past_key_values.0.key", F32, 1, 2, "P", 4, role="past")
    positions = port("positions", I64, 1, 3, role="positions")
    present = port("present.0.key", F32, 1, 2, "P+3", 4)
    scores = port("scores", F32, 1, 3, VOCABULARY)
    machine = Counter(new=3)
    program = interface([ids, positions, key], [present, scores])
    assert tokens(program, [4, 5, 6, 7], 3, machine) == [8, 9, 10]
    assert [call["ids"].tolist() for call in machine.calls] == [
        [[4, 5, 6]],
        [[7, 0, 0]],
        [[8, 0, 0]],
        [[9, 0, 0]],
    ]
    assert [call["positions"].tolist() for call in machine.calls[:2]] == [[[0, 1, 2]], [[3, 3, 3]]]
    assert machine.calls[3]["past_key_values.0.key"][0, 0, :, 0].tolist() == [4, 5, 6, 7, 8]


def test_a_model_of_fixed_length_without_a_cache_is_filled_up():
    program = interface(
        [port("ids", I64, 1, 4, role="ids")], [port("logits", F32, 1, 4, VOCABULARY)]
    )
    machine = Counter()
    assert tokens(program, [3], 4, machine) == [4, 5, 6, 7]
    assert machine.calls[1]["ids"].tolist() == [[3, 4, 0, 0]]
    with pytest.raises(Unserved, match="5 tokens are more than the program holds, 4"):
        tokens(program, [3], 5, machine)


def test_logits_of_the_last_token_alone_do_not_serve_a_step_that_is_filled_up():
    program = interface(
        [port("ids", I64, 1, 4, role="ids")], [port("logits", F32, 1, 1, VOCABULARY)]
    )
    with pytest.raises(Unserved, match="gives logits of the last one only"):
        tokens(program, [3], 1, Counter(last=True))


def test_rows_of_logits_belong_to_the_tokens():
    machine = Counter()
    fed = feed(CACHED, machine)
    assert fed.step([3, 7]).argmax(-1).tolist() == [4, 8]
    assert fed.step([1]).argmax(-1).tolist() == [2]
    assert fed.position == 3
    fed.reset()
    assert fed.step([5]).argmax(-1).tolist() == [6]
    assert machine.calls[-1]["past_key_values.0.key"].shape[2] == 0
