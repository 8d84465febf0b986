"""
Generate tokens with a program: on the device where the program can, else by the loop on the host.

A program that can has the entry `generate`, which holds the loop over tokens and the sampler. It
has these inputs, known by their role, and no outputs:

| role | type | what |
|---|---|---|
| `tokens` | i64 [prompt] | ids of the prompt, at least one; their number is the symbol `prompt` |
| `stops` | i64 [4] | ids that end the generation; -1 where there are fewer |
| `sampler` | f32 [3] | temperature, top-p, repetition penalty |
| `sampler_ints` | i64 [2] | top-k, at most the vocabulary, where 0 means all; the seed |

Two symbols are given by value. `total` is how many tokens the text may have, prompt included: from
1 to the bound of the cache and one more, since the last token is not fed back. `sampled` is 0 for a
greedy choice, which reads nothing of the sampler, and 1 for the six steps of
`runtime.generation.sampling`, the specification of the choice. Where the vocabulary is too large to
be sorted on the chip, `sampled` can only be 0, and the host draws.

The device hands each new token to the host with `out`. It ends before a token that is among the
stops, which is not handed out, and when the text has `total` tokens. A token that no vocabulary has
says that nothing could be chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from runtime.errors import Unserved
from runtime.generation import host
from runtime.generation.host import Decoder, check_prompt, check_room, no_room
from runtime.generation.sampling import Sampling, no_choice
from runtime.program.interface import Interface
from runtime.program.program import Program

Array = np.ndarray[Any, Any]
OnToken = Callable[[int], None]

GENERATE = "generate"
STOP_TOKENS = 4
ROLES = ("sampler", "sampler_ints", "stops", "tokens")


class Machine(Protocol):
    """What runs an entry of a program: its interpreter."""

    def run(
        self,
        inputs: Mapping[str, Array],
        entry: str = ...,
        values: Mapping[str, int] | None = ...,
        on_token: OnToken | None = ...,
    ) -> Mapping[str, Array]: ...


@dataclass(frozen=True)
class Request:
    """Up to `count` new tokens behind a prompt, before one of the `stops`."""

    prompt: Sequence[int]
    count: int
    sampling: Sampling = field(default_factory=Sampling)
    stops: frozenset[int] = frozenset()


def generate(program: Program, machine: Machine, request: Request, on_token: OnToken) -> None:
    """Hand each new token to `on_token` as soon as it is there; Unserved when it cannot."""
    decoder = Decoder.of(program.interface)
    if _is_on_device(program, request.sampling.settings(decoder.vocabulary).sampled):
        check_prompt(decoder, request.prompt)
        _on_device(program.entry(GENERATE), decoder.vocabulary, machine, request, on_token)
    else:
        _on_host(decoder, machine, request, on_token)


def _is_on_device(program: Program, sampled: int) -> bool:
    """Whether the program has the entry, and one that draws where the choice is a draw."""
    entry = dict(program.others).get(GENERATE)
    if entry is None:
        return False
    upper = {symbol.name: symbol.upper for symbol in entry.symbols}
    return sampled <= upper.get("sampled", 1)


def _on_host(decoder: Decoder, machine: Machine, request: Request, on_token: OnToken) -> None:
    prompt, count = request.prompt, request.count
    if not request.stops:
        check_room(decoder, len(prompt), count)
    for token in host.tokens_of(decoder, machine, prompt, count, request.sampling):
        if token in request.stops:
            return
        on_token(token)


def _on_device(
    entry: Interface, vocabulary: int, machine: Machine, request: Request, on_token: OnToken
) -> None:
    """One call of the entry; asking for too much is an error only if no stop token comes first."""
    start, count, most = len(request.prompt), request.count, _most_tokens(entry)
    is_short = start + count > most
    if is_short and (not request.stops or start >= most):
        raise no_room(start + count - 1, most - 1)
    if not count:
        return
    settings = request.sampling.settings(vocabulary)
    arrays = {
        "tokens": np.array(request.prompt, np.int64),
        "stops": _stops(request.stops, vocabulary),
        "sampler": settings.floats(),
        "sampler_ints": settings.integers(),
    }
    produced = 0

    def receive(token: int) -> None:
        nonlocal produced
        if not 0 <= token < vocabulary:
            raise no_choice()
        produced += 1
        on_token(token)

    values = {"total": min(start + count, most), "sampled": settings.sampled}
    machine.run({p.name: arrays[p.role] for p in entry.inputs}, GENERATE, values, receive)
    if is_short and produced == most - start:
        raise no_room(start + count - 1, most - 1)


def _most_tokens(entry: Interface) -> int:
    """How many tokens a text can have at most; refuses an entry that is another one."""
    upper = {symbol.name: symbol.upper for symbol in entry.symbols}
    roles = tuple(sorted(port.role for port in entry.inputs))
    if roles != ROLES or not {"total", "sampled"} <= upper.keys():
        raise Unserved(f"cannot generate: the entry '{GENERATE}' takes other inputs than it must")
    return upper["total"]


def _stops(stops: frozenset[int], vocabulary: int) -> Array:
    """The stop tokens as the device takes them; ids outside of the vocabulary never come."""
    known = sorted(token for token in stops if token < vocabulary)
    if len(known) > STOP_TOKENS:
        raise Unserved(f"{len(known)} stop tokens are more than the program takes, {STOP_TOKENS}")
    return np.array(known + [-1] * (STOP_TOKENS - len(known)), np.int64)
