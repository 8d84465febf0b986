"""The side of lpuc: a program in this process, which generates as `lpuc generate` does."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, cast

from lpuc.bench.sides.classes import Share, timed
from lpuc.bench.sides.memory import ReadProbe, peak_bytes
from lpuc.bench.sides.questions import Token, Watch
from runtime.generation.device import Request
from runtime.generation.tokens import feed_of, generate
from runtime.native.library import serving
from runtime.program.program import Program
from runtime.run.interpreter import Interpreter


class Ours:
    """A program file."""

    def __init__(self, path: str, threads: int) -> None:
        del threads  # its libraries have read the environment
        self._machine = Interpreter(Program.load(Path(path)))
        self._tokens: Iterator[int] = iter(())
        self._probes: dict[int, ReadProbe] = {}

    def about(self) -> dict[str, Any]:
        """What multiplies."""
        return {"products": serving().why}

    def logits(self, tokens: Sequence[int]) -> list[float]:
        """Those behind a text."""
        feed = feed_of(self._machine)
        with closing(feed.cache):
            return feed.step(tokens)[-1].astype(float).tolist()

    def prompt(self, tokens: Sequence[int], more: int) -> Token:
        """Begin a text anew: its first token; `more` will be asked for behind it."""
        self._end()
        self._tokens = generate(self._machine, Request(tokens, more + 1))
        return self.step()

    def step(self) -> Token:
        """The next token."""
        watch = Watch()
        return watch.token(watch.time(partial(next, self._tokens)))

    def profile(self, steps: int) -> dict[str, Any]:
        """
        Instructions and seconds of each class for a token: medians of `steps` behind the next one.
        """
        tokens: list[dict[str, Share]] = []
        with timed(self._machine.code) as found:
            for _ in range(steps + 1):
                next(self._tokens)
                tokens.append({name: replace(share) for name, share in found.items()})
                for share in found.values():
                    share.count, share.seconds = 0, 0.0
        del tokens[0]  # what is executed one by one for the first time is prepared
        return {
            name: {
                "count": median(shares[name].count for shares in tokens),
                "seconds": median(shares[name].seconds for shares in tokens),
            }
            for name in found
        }

    def read(self, threads: int) -> float:
        """Bytes per second of memory that is read once."""
        if threads not in self._probes:
            self._probes[threads] = ReadProbe(threads)
        return self._probes[threads].rate()

    def peak(self) -> int:
        """The most memory that the process has had, in bytes."""
        return peak_bytes()

    def _end(self) -> None:
        """Give devices back before others are asked for."""
        if isinstance(self._tokens, Generator):
            cast("Generator[int]", self._tokens).close()
