"""Generate on the device, by the entry `generate` of a program that has one.

It holds the loop over tokens and the sampler, and has these inputs, known by their role, and no
outputs; of `data` it may have several, or none:

| role | type | what |
|---|---|---|
| `tokens` | i64 [prompt] | ids of the prompt, at least one; their number is the symbol `prompt` |
| `stops` | i64 [4] | ids that end the generation; -1 where there are fewer |
| `sampler` | f32 [3] | temperature, top-p, repetition penalty |
| `sampler_ints` | i64 [2] | top-k, at most the vocabulary, where 0 means all; the seed |
| `data` | as of `step` | what is none of the text, the same for all of its tokens |

Three symbols are given by value. `fed` is how many tokens of the prompt the cache holds already,
less than all, because `prompt_chunk` has put them there; an entry without it reads them all itself,
and where its bound is less than what the cache holds, a token is computed again. `total` is how
many tokens the text may have, prompt included: from 1 to the bound of the cache and one more, since
the last token is not fed back. `sampled` is 0 for a greedy choice, which reads nothing of the
sampler, and 1 for the six steps of `runtime.generation.sampling`, the specification of the choice.
Where the vocabulary is too large to be sorted on the chip, `sampled` can only be 0, and the host
draws.

The device hands each new token to the host with `out`. It ends before a token that is among the
stops, which is not handed out, and when the text has `total` tokens. A token that no vocabulary has
says that nothing could be chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from runtime.errors import Unserved
from runtime.generation.decoder import GIVEN, Decoder, no_room
from runtime.generation.prompt import fed_of
from runtime.generation.sampling import Sampling, no_choice
from runtime.program.interface import Interface
from runtime.program.program import Program

Array = np.ndarray[Any, Any]

GENERATE = "generate"
STOP_TOKENS = 4
ROLES = ("sampler", "sampler_ints", "stops", "tokens")


class Stream(Protocol):
    """Calls the entry: what it hands out, as it does."""

    def __call__(
        self, inputs: Mapping[str, Array], values: Mapping[str, int], /
    ) -> Iterator[int]: ...


@dataclass(frozen=True)
class Request:
    """Up to `count` new tokens behind a prompt, before one of the `stops`."""

    prompt: Sequence[int]
    count: int
    sampling: Sampling = field(default_factory=Sampling)
    stops: frozenset[int] = frozenset()
    given: Mapping[str, Array] = field(default_factory=dict[str, Array])
    """Inputs that are none of the text."""


def is_on_device(program: Program, sampling: Sampling, vocabulary: int) -> bool:
    """Whether the program has the entry, and one that draws where the choice is a draw."""
    entry = dict(program.others).get(GENERATE)
    if entry is None:
        return False
    return sampling.settings(vocabulary).sampled <= entry.greatest.get("sampled", 1)


def tokens_of(
    entry: Interface, decoder: Decoder, stream: Stream, request: Request, fed: int = 0
) -> Iterator[int]:
    """
    The new tokens; asking for too much is an error only if no stop token comes first.

    The stream has the first `fed` tokens of the prompt in its cache.
    """
    start, count, most = len(request.prompt), request.count, _most_tokens(entry)
    is_short = start + count > most
    if is_short and (not request.stops or start >= most):
        raise no_room(start + count - 1, most - 1)
    settings = request.sampling.settings(decoder.vocabulary)
    arrays = {
        "tokens": np.array(request.prompt, np.int64),
        "stops": _stops(request.stops, decoder.vocabulary),
        "sampler": settings.floats(),
        "sampler_ints": settings.integers(),
    }
    inputs = {
        p.name: request.given[p.name] if p.role == GIVEN else arrays[p.role] for p in entry.inputs
    }
    values = {"total": min(start + count, most), "sampled": settings.sampled}
    values |= fed_of(entry, fed)
    return _checked(
        stream(inputs, values) if count else iter(()), decoder.vocabulary, request, most
    )


def _checked(tokens: Iterator[int], vocabulary: int, request: Request, most: int) -> Iterator[int]:
    """The tokens that the device hands out, up to a stop that it does not know."""
    produced = 0
    for token in tokens:
        if not 0 <= token < vocabulary:
            raise no_choice()
        if token in request.stops:
            return
        produced += 1
        yield token
    start, count = len(request.prompt), request.count
    if produced < count and produced == most - start:
        raise no_room(start + count - 1, most - 1)


def _most_tokens(entry: Interface) -> int:
    """How many tokens a text can have at most; refuses an entry that is another one."""
    upper = entry.greatest
    roles = tuple(sorted(port.role for port in entry.inputs if port.role != GIVEN))
    if roles != ROLES or not {"total", "sampled"} <= upper.keys():
        raise Unserved(f"cannot generate: the entry '{GENERATE}' takes other inputs than it must")
    return upper["total"]


def _stops(stops: frozenset[int], vocabulary: int) -> Array:
    """The first stop tokens, as the device takes them; ids outside of the vocabulary never come."""
    known = sorted(token for token in stops if token < vocabulary)[:STOP_TOKENS]
    return np.array(known + [-1] * (STOP_TOKENS - len(known)), np.int64)
