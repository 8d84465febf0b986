"""A prompt in chunks: many tokens by one run of the entry `prompt_chunk`, of a program with one.

The entry takes a fixed number of token ids, its width, and by value how many tokens the cache
holds; it puts its own behind them, and gives nothing: the last token of a prompt is for `step` or
`generate`, which make logits of it.

Whole chunks go one behind the other. What is left is one more chunk that ends where the tokens end:
it computes again what the cache holds already, or, at the start of a text, what nobody asked for,
which the next tokens write over. A few tokens are cheaper one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from runtime.errors import Unserved
from runtime.program.interface import Dim, Interface, Port, call_symbols
from runtime.program.interface_json import CHUNK
from runtime.program.program import Program

if TYPE_CHECKING:
    from runtime.device.device import Device
    from runtime.run.interpreter import Interpreter

Array = np.ndarray[Any, Any]

FED = "fed"
"""The symbol of an entry that says how many tokens of the prompt the cache holds already."""
CHEAP = 8
"""A chunk takes longer than one in so many of its tokens one by one."""


class Chunks(NamedTuple):
    """The entry that takes many tokens at once."""

    entry: Interface
    past: str
    """The symbol that counts the tokens in the cache."""

    @staticmethod
    def of(program: Program) -> Chunks | None:
        """None if there is no such entry; Unserved if it is another one."""
        entry = dict(program.others).get(CHUNK)
        if entry is None:
            return None
        symbols = call_symbols(entry, program.devices)
        if len(symbols) != 1 or [_is_row(port) for port in entry.inputs] != [True]:
            raise Unserved(f"cannot generate: the entry '{CHUNK}' takes other inputs than it must")
        return Chunks(entry, symbols[0].name)

    @property
    def width(self) -> int:
        """How many tokens a chunk has."""
        return self.entry.inputs[0].shape[1].const

    def starts(self, fed: int, end: int) -> tuple[int, ...]:
        """Where the chunks begin that take a text from `fed` tokens in the cache to `end`."""
        width = self.width
        whole = range(fed, end - width + 1, width)
        rest = end - fed - width * len(whole)
        last = (max(0, end - width),) if rest > width // CHEAP else ()
        return (*whole, *last)

    def reached(self, fed: int, end: int) -> int:
        """How many tokens the cache holds behind these chunks."""
        starts = self.starts(fed, end)
        return min(starts[-1] + self.width, end) if starts else fed

    def inputs(self, text: Sequence[int], start: int) -> dict[str, Array]:
        """The ids of the chunk that begins at `start`, 0 behind the end of the text."""
        (port,) = self.entry.inputs
        ids = np.zeros((1, self.width), port.dtype.dtype)
        given = text[start : start + self.width]
        ids[0, : len(given)] = given
        return {port.name: ids}

    def run(
        self, machine: Interpreter, devices: Sequence[Device], text: Sequence[int], start: int,
        keep: bool,
    ) -> None:  # fmt: skip
        """Put the tokens of a text from `start` on into the cache; the rest of memory stays."""
        from runtime.run.host_io import HostIO

        HostIO(self.entry, devices, self.inputs(text, start), {self.past: start}).start(keep)
        machine.finish(machine.ring(devices, self.entry.pc))


def chunks_before(program: Program, entry: Interface) -> Chunks | None:
    """What fills the cache for an entry that can go on behind it."""
    return Chunks.of(program) if FED in entry.greatest else None


def fed_of(entry: Interface, fed: int) -> dict[str, int]:
    """The value that says how many tokens the cache holds, as far as the entry takes it."""
    return {FED: min(fed, entry.greatest[FED])} if FED in entry.greatest else {}


def _is_row(port: Port) -> bool:
    fits = len(port.shape) == 2 and port.shape[0] == Dim(1) and not port.shape[1].terms
    return port.role == "ids" and fits
