"""Feed tokens to the entry `step`, some at a time, each behind those that were fed before.

What each input of a decoder is follows from the roles in the program's interface: the ids, a mask
of ones, positions that count up, and the cache; what is none of these the caller gives once, and
each step takes it. Between two steps the cache stays on the device if
the program keeps it in place, else the host holds what each step gives. Of a program without a
cache all tokens are computed anew.

A step that takes more tokens than there are is filled up with others behind them. A decoder looks
at nothing behind a token, and the cache forgets them: the next step writes over what they left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from runtime.errors import Unserved
from runtime.generation.decoder import Decoder, no_room
from runtime.program.interface import Port

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]


class Machine(Protocol):
    """What runs a step: the interpreter of a program."""

    def run(self, inputs: Mapping[str, Array], /) -> Mapping[str, Array]: ...


class Cache(Protocol):
    """Runs steps, and has the cache in between."""

    def step(self, inputs: Arrays, symbols: Mapping[str, int], kept: int) -> Array:
        """The logits of a step; of the cache behind it, the first `kept` tokens stay."""
        ...

    def fill(self, text: Sequence[int], fed: int, end: int) -> int:
        """
        Take many tokens at once, where the program can, and give no logits.

        The cache holds `fed` tokens of the text, and then as many as are returned, `end` at most.
        """
        ...

    def reset(self) -> None:
        """Forget all tokens."""
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...


class HostCache:
    """The cache as arrays of the host, which each step takes and gives."""

    def __init__(self, decoder: Decoder, machine: Machine) -> None:
        self.decoder, self.machine = decoder, machine
        self.arrays: Arrays = {}
        self.reset()

    def reset(self) -> None:
        """Forget all tokens."""
        symbol = self.decoder.past_symbol
        empty = {} if symbol is None else {symbol: 0}
        self.arrays = {p.name: _zeros(p, empty) for p in self.decoder.past}

    def step(self, inputs: Arrays, symbols: Mapping[str, int], kept: int) -> Array:
        """The logits of a step; of the cache behind it, the first `kept` tokens stay."""
        del symbols
        decoder = self.decoder
        outputs = self.machine.run(inputs | self.arrays)
        for past, present in zip(decoder.past, decoder.present, strict=True):
            axis = next((i for i, dim in enumerate(past.shape) if dim.terms), None)
            given = outputs[present.name]
            self.arrays[past.name] = given if axis is None else given.take(range(kept), axis)
        return outputs[decoder.logits.name]

    def fill(self, text: Sequence[int], fed: int, end: int) -> int:
        """Nothing: such a program has no entry for it."""
        del text, end
        return fed

    def close(self) -> None:
        """Let go of what is held."""
        self.arrays.clear()


def _zeros(port: Port, symbols: Mapping[str, int]) -> Array:
    return np.zeros(port.extents(symbols), port.dtype.dtype)


class Feed:
    """Tokens fed so far, their number `position`, and where the next ones go."""

    def __init__(
        self, decoder: Decoder, cache: Cache, given: Mapping[str, Array] | None = None
    ) -> None:
        self.decoder, self.cache, self.given = decoder, cache, dict(given or {})
        self.tokens: list[int] = []
        # both refuse a program that is no decoder
        self._past, self._sequence = decoder.past_symbol, decoder.sequence_symbol

    @property
    def position(self) -> int:
        """How many tokens were fed."""
        return len(self.tokens)

    def reset(self) -> None:
        """Forget all tokens."""
        self.tokens.clear()
        self.cache.reset()

    def step(self, tokens: Sequence[int]) -> Array:
        """Feed tokens behind those seen; their logits, a row for each token.

        There is one row, that of the last token, where the model gives no others.
        """
        decoder = self.decoder
        self._check(tokens)
        if not decoder.past:
            return self._call([*self.tokens, *tokens], 0)[-len(tokens) :]
        return np.concatenate([self._call(part, self.position) for part in self._parts(tokens)])

    def last(self, tokens: Sequence[int]) -> Array:
        """Feed tokens behind those seen, many at once; the logits of the last one, as a row."""
        self._check(tokens)
        start = self.position
        text = [*self.tokens, *tokens]
        fed = self.cache.fill(text, start, len(text) - 1)
        self.tokens[start:] = text[start:fed]
        return self.step(text[fed:])[-1:]

    def _check(self, tokens: Sequence[int]) -> None:
        self.decoder.check(tokens)
        if self.position + len(tokens) > self.decoder.room:
            raise no_room(self.position + len(tokens), self.decoder.room)

    def _parts(self, tokens: Sequence[int]) -> Iterator[Sequence[int]]:
        """The portions that one step takes."""
        most = self.decoder.width or self.decoder.upper(self._sequence or "")
        for start in range(0, len(tokens), most):
            yield tokens[start : start + most]

    def _call(self, ids: Sequence[int], past: int) -> Array:
        """One step with `past` tokens before; the rows of its logits."""
        decoder, count = self.decoder, len(ids)
        width = decoder.width or count
        symbols = {name: value for name, value in ((self._past, past), (self._sequence, count))
                   if name is not None}  # fmt: skip
        inputs = {
            port.name: _filled(port, ids, past, width, port.extents(symbols))
            for port in decoder.interface.inputs
            if port not in decoder.past and port not in decoder.given
        }
        logits = self.cache.step(inputs | self.given, symbols, past + count)
        rows = logits.reshape(-1, decoder.vocabulary)
        if len(rows) != width and (len(rows) != 1 or width != count):
            raise Unserved(
                f"a step takes {width} tokens and gives logits of the last one only; "
                "compile the model without fixing the length of the sequence"
            )
        self.tokens[past:] = ids
        return rows[: min(count, len(rows))]


def _filled(port: Port, ids: Sequence[int], past: int, width: int, shape: tuple[int, ...]) -> Array:
    """An input for `ids` behind `past` tokens, and `width - len(ids)` behind these."""
    dtype, count = port.dtype.dtype, len(ids)
    if port.role == "ids":
        return np.array([*ids, *[0] * (width - count)], dtype).reshape(shape)
    if port.role == "mask":
        return np.ones(shape, dtype)
    places = np.minimum(np.arange(past, past + width), past + count - 1)
    return np.broadcast_to(places, shape).astype(dtype)
