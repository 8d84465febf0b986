"""A program seen as a decoder: which port is what, and how many tokens fit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from runtime.errors import Unserved
from runtime.program.interface import Interface, Port
from runtime.program.presents import KEPT, is_kept, presents

GIVEN = "data"
"""The role of what is none of the text, such as what an encoder has read."""
ENDLESS = 2**31 - 1
"""Tokens that fit where none is kept: as many as positions count."""


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
    """
    The ports of `step` by what they are; `past` and `present` are in the same order.

    Those of `past` that have the role `recurrent` do not grow: each token replaces them.
    """

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
            if port.role not in ("ids", "mask", "positions", GIVEN, *KEPT):
                raise Unserved(f"cannot generate: input '{port.name}' has no known role")
        past = tuple(p for p in interface.inputs if p.role in KEPT)
        continued = presents(interface)
        if lacking := [port.name for port in past if port.name not in continued]:
            raise Unserved(f"cannot generate: no output continues '{lacking[0]}'")
        present = tuple(continued[port.name] for port in past)
        found = Decoder(interface, ids[0], past, present, _logits(interface.outputs, present))
        if found.replaced and (found.width or 1) > 1:
            name = found.replaced[0].name
            raise Unserved(f"cannot generate: '{name}' would remember what fills up a step")
        for port in found.given:
            if _symbols_in([port]) & _symbols_in([*past, *ids]):
                raise Unserved(f"cannot generate: '{port.name}' has no role, and grows with a text")
        return found

    @cached_property
    def given(self) -> tuple[Port, ...]:
        """Inputs that are the same for all tokens of a text."""
        return tuple(port for port in self.interface.inputs if port.role == GIVEN)

    def check_given(self, names: Collection[str]) -> None:
        """Refuse inputs that are none of `given`, and fewer than those."""
        wanted = [port.name for port in self.given]
        for name in names:
            if name not in wanted:
                known = f"besides the text it takes {', '.join(wanted) or 'nothing'}"
                raise Unserved(f"cannot generate: '{name}' is no input to give; {known}")
        for name in wanted:
            if name not in names:
                what = "give it with inputs (--inputs), or say what it is when you compile"
                raise Unserved(f"cannot generate: the input '{name}' is missing; {what}")

    @cached_property
    def replaced(self) -> tuple[Port, ...]:
        """What each token replaces, zero before the first one."""
        return tuple(port for port in self.past if port.role == "recurrent")

    @cached_property
    def past_symbol(self) -> str | None:
        """The symbol that counts the tokens in the cache."""
        names = _symbols_in(self.past) - _symbols_in([self.ids])
        if len(names) > 1:
            raise Unserved(f"cannot generate: the cache depends on {sorted(names)}")
        if self.past != self.replaced and not names:
            raise Unserved("cannot generate: the cache has a fixed length; leave it dynamic")
        return next(iter(names), None)

    @cached_property
    def sequence_symbol(self) -> str | None:
        """The symbol that counts the tokens of one step, None if their number is fixed."""
        batch, *rest = self.ids.shape
        if batch.terms or batch.const != 1 or len(rest) != 1:
            raise Unserved(f"cannot generate: '{self.ids.name}' is not one row of ids")
        return rest[0].terms[0][0] if rest[0].terms else None

    @property
    def width(self) -> int | None:
        """How many tokens a step takes, None if any number."""
        return self.ids.shape[1].const if self.sequence_symbol is None else None

    @cached_property
    def room(self) -> int:
        """How many tokens can be fed, from the first on."""
        if self.past_symbol is not None:
            return self.upper(self.past_symbol) + (self.width or 1)
        if self.replaced:
            return ENDLESS
        symbol = self.sequence_symbol
        return self.ids.shape[1].const if symbol is None else self.upper(symbol)

    @property
    def is_resident(self) -> bool:
        """Whether each step leaves the cache where the next one has it."""
        return bool(self.past) and all(map(is_kept, self.past, self.present))

    def upper(self, symbol: str) -> int:
        """The largest value of a symbol."""
        return self.interface.greatest[symbol]

    @property
    def vocabulary(self) -> int:
        """The number of token ids."""
        return self.logits.shape[-1].const

    def check(self, tokens: Sequence[int]) -> None:
        """Refuse what are no tokens of the model."""
        if not len(tokens):
            raise Unserved("the prompt has no tokens")
        for token in tokens:
            if not 0 <= token < self.vocabulary:
                known = f"0 to {self.vocabulary - 1}, the vocabulary"
                raise Unserved(f"token {token} is not among {known}")

    def check_room(self, prompt: int, count: int) -> None:
        """Refuse more tokens than the program holds; the last one is not fed back."""
        fed = prompt + max(count - 1, 0)
        if fed > self.room:
            raise no_room(fed, self.room)


def _logits(outputs: Sequence[Port], present: Sequence[Port]) -> Port:
    rest = [p for p in outputs if p not in present]
    named = [p for p in rest if p.name == "logits"] or rest[:1]
    if not named or not named[0].shape or named[0].shape[-1].terms:
        raise Unserved("cannot generate: no output has the form of logits")
    return named[0]
