"""
Generate on the host: call the entry `step` of a program once for each token, and choose there.

This serves programs without an entry `generate`, and is what that entry is compared with. What each
input of a decoder is follows from the roles in the program's interface: the ids, a mask of ones,
positions that count up, and the cache, which comes back from each step as an output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from runtime.errors import Unserved
from runtime.generation.sampling import Sampling, choose
from runtime.program.interface import Interface, Port

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]


class Machine(Protocol):
    """What runs a step: the interpreter of a program."""

    def run(self, inputs: Mapping[str, Array], /) -> Mapping[str, Array]: ...


def no_room(fed: int, room: int) -> Unserved:
    """The error for more tokens than a program holds; the last one is not fed back."""
    return Unserved(
        f"{fed} tokens are more than the program holds, {room}; "
        "compile it with a larger --max-context, or ask for fewer"
    )


def _symbols_in(ports: Sequence[Port]) -> set[str]:
    return {name for port in ports for dim in port.shape for name, _ in dim.terms}


@dataclass(frozen=True)
class Decoder:
    """A program seen as a decoder: which port is what."""

    interface: Interface
    ids: Port
    past: tuple[Port, ...]
    present: tuple[Port, ...]
    logits: Port

    @staticmethod
    def of(interface: Interface) -> Decoder:
        """Raises `Unserved` if the program is no decoder."""
        ids = [p for p in interface.inputs if p.role == "ids"]
        if len(ids) != 1:
            raise Unserved(f"cannot generate: {len(ids)} inputs have the role of token ids")
        for port in interface.inputs:
            if port.role not in ("ids", "mask", "positions", "past"):
                raise Unserved(f"cannot generate: input '{port.name}' has no known role")
        past = tuple(p for p in interface.inputs if p.role == "past")
        present = tuple(_present(p, interface.outputs, i) for i, p in enumerate(past))
        return Decoder(interface, ids[0], past, present, _logits(interface.outputs, present))

    @property
    def past_symbol(self) -> str | None:
        """The symbol that counts the tokens in the cache."""
        names = _symbols_in(self.past) - _symbols_in([self.ids])
        if len(names) > 1:
            raise Unserved(f"cannot generate: the cache depends on {sorted(names)}")
        if self.past and not names:
            raise Unserved("cannot generate: the cache has a fixed length; leave it dynamic")
        return next(iter(names), None)

    @property
    def sequence_symbol(self) -> str | None:
        """The symbol that counts the tokens of one step, None if their number is fixed."""
        batch, *rest = self.ids.shape
        if batch.terms or batch.const != 1 or len(rest) != 1:
            raise Unserved(f"cannot generate: '{self.ids.name}' is not one row of ids")
        return rest[0].terms[0][0] if rest[0].terms else None

    def upper(self, symbol: str) -> int:
        """The largest value of a symbol."""
        return next(s.upper for s in self.interface.symbols if s.name == symbol)

    @property
    def vocabulary(self) -> int:
        """The number of token ids."""
        return self.logits.shape[-1].const


def _present(past: Port, outputs: Sequence[Port], index: int) -> Port:
    """The output that is the cache after the step: by name, else by order."""
    names = {
        past.name.replace("past_key_values", "present"),
        past.name.replace("past", "present"),
    } - {past.name}
    for port in outputs:
        if port.name in names:
            return port
    alike = [p for p in outputs if len(p.shape) == len(past.shape) and p.dtype == past.dtype]
    if index < len(alike):
        return alike[index]
    raise Unserved(f"cannot generate: no output continues '{past.name}'")


def _logits(outputs: Sequence[Port], present: Sequence[Port]) -> Port:
    rest = [p for p in outputs if p not in present]
    named = [p for p in rest if p.name == "logits"] or rest[:1]
    if not named or named[0].shape[-1].terms:
        raise Unserved("cannot generate: no output has the form of logits")
    return named[0]


@dataclass
class Generation:
    """The state between two steps: the tokens seen and the cache."""

    decoder: Decoder
    machine: Machine
    seen: int
    cache: list[Array]

    @staticmethod
    def start(decoder: Decoder, machine: Machine) -> Generation:
        cache = [_empty(port, decoder.past_symbol) for port in decoder.past]
        return Generation(decoder, machine, 0, cache)

    def step(self, ids: Sequence[int]) -> Array:
        """Feed tokens behind those seen; the logits of the last."""
        symbols = self._symbols(len(ids))
        inputs: Arrays = {
            port.name: self._input(port, ids, symbols) for port in self.decoder.interface.inputs
        }
        outputs = self.machine.run(inputs)
        self.cache = [outputs[port.name] for port in self.decoder.present]
        self.seen += len(ids)
        logits = outputs[self.decoder.logits.name]
        return logits.reshape(-1, logits.shape[-1])[-1]

    def _symbols(self, count: int) -> dict[str, int]:
        decoder, symbols = self.decoder, dict[str, int]()
        for name, value in ((decoder.past_symbol, self.seen), (decoder.sequence_symbol, count)):
            if name is None:
                continue
            if value > decoder.upper(name):
                raise Unserved(
                    f"the program holds no more than {decoder.upper(name)} earlier tokens; "
                    "compile it with a larger --max-context"
                )
            symbols[name] = value
        return symbols

    def _input(self, port: Port, ids: Sequence[int], symbols: Mapping[str, int]) -> Array:
        shape, dtype = port.extents(symbols), port.dtype.dtype
        if port.role == "past":
            return self.cache[self.decoder.past.index(port)]
        if port.role == "ids":
            return np.asarray(ids, dtype).reshape(shape)
        if port.role == "mask":
            return np.ones(shape, dtype)
        return np.broadcast_to(np.arange(self.seen, self.seen + len(ids)), shape).astype(dtype)


def _empty(port: Port, symbol: str | None) -> Array:
    symbols = {} if symbol is None else {symbol: 0}
    return np.zeros(port.extents(symbols), port.dtype.dtype)


def _chunks(decoder: Decoder, prompt: Sequence[int]) -> Iterator[Sequence[int]]:
    """The prompt in the portions that one step takes."""
    if decoder.sequence_symbol is not None:
        yield prompt
        return
    width = decoder.ids.shape[1].const
    if len(prompt) % width:
        raise Unserved(f"the program takes {width} tokens a step; the prompt has {len(prompt)}")
    for start in range(0, len(prompt), width):
        yield prompt[start : start + width]


def check_prompt(decoder: Decoder, prompt: Sequence[int]) -> None:
    """Refuse a prompt that the model cannot take."""
    if not prompt:
        raise Unserved("the prompt has no tokens")
    for token in prompt:
        if token >= decoder.vocabulary:
            raise Unserved(f"token {token} is not below {decoder.vocabulary}, the vocabulary")


def check_room(decoder: Decoder, prompt: int, count: int) -> None:
    """Refuse more tokens than the program holds; the last one is not fed back."""
    fed = prompt + max(count - 1, 0)
    symbol = decoder.past_symbol or decoder.sequence_symbol
    room = decoder.upper(symbol) + (1 if decoder.past_symbol else 0) if symbol else fed
    if fed > room:
        raise no_room(fed, room)


def check_steps(decoder: Decoder, count: int) -> None:
    """Refuse a program whose steps take several tokens: behind the prompt they come one by one."""
    width = decoder.ids.shape[1].const
    if count > 1 and decoder.past and decoder.sequence_symbol is None and width != 1:
        raise Unserved(
            f"the program takes {width} tokens a step, and new ones come one by one; "
            "compile it for one token a step"
        )


def tokens_of(
    decoder: Decoder, machine: Machine, prompt: Sequence[int], count: int, sampling: Sampling
) -> Iterator[int]:
    """Up to `count` new tokens after a prompt."""
    check_prompt(decoder, prompt)
    check_steps(decoder, count)
    if decoder.past:
        yield from _with_cache(decoder, machine, prompt, count, sampling)
    else:
        yield from _without_cache(decoder, machine, prompt, count, sampling)


def _with_cache(
    decoder: Decoder, machine: Machine, prompt: Sequence[int], count: int, sampling: Sampling
) -> Iterator[int]:
    state = Generation.start(decoder, machine)
    tokens, logits = list(prompt), np.empty(0)
    for chunk in _chunks(decoder, prompt):
        logits = state.step(chunk)
    for left in reversed(range(count)):
        tokens.append(choose(logits, sampling, tokens))
        yield tokens[-1]
        if left:
            logits = state.step(tokens[-1:])


def _without_cache(
    decoder: Decoder, machine: Machine, prompt: Sequence[int], count: int, sampling: Sampling
) -> Iterator[int]:
    if decoder.sequence_symbol is None:
        raise Unserved("cannot generate: no cache, and the length of the sequence is fixed")
    tokens = list(prompt)
    for _ in range(count):
        logits = Generation.start(decoder, machine).step(tokens)
        tokens.append(choose(logits, sampling, tokens))
        yield tokens[-1]
