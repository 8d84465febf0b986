"""The side of lpuc: a program in this process, which generates as `lpuc generate` does."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, cast

from lpuc.bench.sides.classes import timed
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
        """Instructions and seconds of each class for a token, of `steps` behind the next one."""
        with timed(self._machine.code) as found:
            next(self._tokens)  # what is executed one by one for the first time is prepared
            for share in found.values():
                share.count, share.seconds = 0, 0.0
            for _ in range(steps):
                next(self._tokens)
        shares = found.items()
        return {n: {"count": s.count / steps, "seconds": s.seconds / steps} for n, s in shares}

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
