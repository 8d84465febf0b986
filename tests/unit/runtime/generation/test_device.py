"""The entry `generate`: what it is called with, and what becomes of what it hands out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from runtime.errors import Unserved
from runtime.generation.decoder import Decoder
from runtime.generation.device import Request, tokens_of
from runtime.generation.sampling import Sampling
from runtime.generation.tokens import generate
from runtime.program.interface import Interface
from runtime.run.interpreter import Interpreter
from tests.unit.cli.counting import INPUTS, MOST, VOCABULARY, counting_program

Array = np.ndarray[Any, Any]


@dataclass
class Recorder:
    """Keeps what the entry was called with; hands out the tokens it is made with."""

    tokens: list[int] = field(default_factory=list[int])
    inputs: Mapping[str, Array] = field(default_factory=dict[str, Array])
    values: Mapping[str, int] = field(default_factory=dict[str, int])

    def __call__(self, inputs: Mapping[str, Array], values: Mapping[str, int], /) -> Iterator[int]:
        self.inputs, self.values = inputs, values
        counting_program().entry("generate").bind(inputs, values)
        return iter(self.tokens)

    def take(self, request: Request, entry: Interface | None = None) -> list[int]:
        """The tokens of a request."""
        program = counting_program()
        decoder = Decoder.of(program.interface)
        return list(tokens_of(entry or program.entry("generate"), decoder, self, request))


def called(request: Request, tokens: tuple[int, ...] = ()) -> Recorder:
    """The call of the entry that a request makes."""
    machine = Recorder(list(tokens))
    machine.take(request)
    return machine


def test_the_device_generates():
    assert list(generate(Interpreter(counting_program()), Request([5, 6], 4))) == [2, 3, 4, 5]


def test_a_ring_hands_out_each_token_once():
    machine = Interpreter(replace(counting_program(), devices=4))
    assert list(generate(machine, Request([5, 6], 4))) == [2, 3, 4, 5]


def test_a_token_arrives_before_the_next_is_made():
    executed: list[int] = []
    machine = Interpreter(counting_program(), on_step=lambda run: executed.append(run.pc))
    tokens = generate(machine, Request([5, 6], 4))
    counts = [(next(tokens), len(executed))[1] for _ in range(4)]
    assert counts == sorted(set(counts))


def test_what_nobody_takes_is_not_made():
    executed: list[int] = []
    machine = Interpreter(counting_program(), on_step=lambda run: executed.append(run.pc))
    generate(machine, Request([5, 6], 4))
    assert not executed


def test_the_entry_gets_what_the_request_says():
    sampling = Sampling(0.5, 3, 0.25, 2**64 - 1, 1.5)
    machine = called(Request([5, 6], 3, sampling, frozenset({7, 2, VOCABULARY + 5})))
    shown = {name: array.tolist() for name, array in machine.inputs.items()}
    assert shown == {
        "tokens": [5, 6],
        "stops": [2, 7, -1, -1],
        "sampler": [0.5, 0.25, 1.5],
        "sampler_ints": [3, -1],
    }
    assert machine.values == {"total": 5, "sampled": 1}
    assert called(Request([5, 6], 3)).values["sampled"] == 0


def test_no_tokens_need_no_call():
    assert called(Request([5], 0)).values == {}


def test_more_tokens_than_fit_are_an_error_before_the_call():
    assert called(Request([5, 6], MOST - 2)).values["total"] == MOST
    message = rf"{MOST} tokens are more than the program holds, {MOST - 1};.*--max-context"
    with pytest.raises(Unserved, match=message):
        called(Request([5, 6], MOST - 1))
    with pytest.raises(Unserved, match="more than the program holds"):
        called(Request([5] * MOST, 1, stops=frozenset({3})))


def test_a_stop_token_may_come_before_the_end():
    request = Request([5, 6], 99, stops=frozenset({3}))
    assert called(request, (1, 2)).values["total"] == MOST
    with pytest.raises(Unserved, match="100 tokens are more than the program holds"):
        called(request, (1,) * (MOST - 2))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request([], 1), "no tokens"),
        (Request([VOCABULARY], 1), f"not among 0 to {VOCABULARY - 1}"),
        (Request([-1], 1), f"token -1 is not among 0 to {VOCABULARY - 1}"),
    ],
)
def test_a_wrong_request_is_an_error(request_: Request, message: str):
    with pytest.raises(Unserved, match=message):
        generate(Interpreter(counting_program()), request_)


def test_stop_tokens_that_the_device_has_no_room_for_end_it_too():
    machine = Recorder([9, 8, 7, 6])
    assert machine.take(Request([1], 4, stops=frozenset({0, 1, 2, 3, 7}))) == [9, 8]
    assert machine.inputs["stops"].tolist() == [0, 1, 2, 3]


def test_an_entry_of_another_kind_is_refused():
    program = counting_program()
    for change in ({"inputs": INPUTS[1:]}, {"symbols": ()}):
        other = replace(program.entry("generate"), **change)  # type: ignore[arg-type]
        with pytest.raises(Unserved, match="takes other inputs than it must"):
            Recorder().take(Request([1], 1), other)
