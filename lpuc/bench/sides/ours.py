"""The side of lpuc: a program in this process, which generates as `lpuc generate` does."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time
from typing import Any, cast

from lpuc.bench.sides.classes import Times, timed, typical
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
        self._is_alone = threads == 1  # how many there are, its libraries read in the environment
        self._machine = Interpreter(Program.load(Path(path)))
        self._tokens: Iterator[int] = iter(())
        self._probes: dict[int, ReadProbe] = {}

    def about(self) -> dict[str, Any]:
        """What multiplies."""
        return {"products": serving().why}

    def logits(self, tokens: Sequence[int]) -> list[float]:
        """Those behind a text."""
        feed = feed_of(self._machine, {})
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
        Instructions and seconds of each class for a token, and the seconds of a token as it runs.

        Of each `steps` tokens, which take turns: "outside" is the median of what a token takes less
        the products of the one next to it, so that both were measured at one time. One thread is
        timed by what it has of a processor, several by the clock on the wall.
        """
        clock, key = (thread_time, "cpu") if self._is_alone else (perf_counter, "seconds")
        plain: list[float] = []
        outside: list[float] = []
        tokens: list[dict[str, Times]] = []
        for step in range(steps + 1):
            token = self.step() if step else None
            with timed(self._machine.code, clock) as found:
                next(self._tokens)
            if token is not None:  # what is executed one by one for the first time is prepared
                plain.append(token[key])
                outside.append(token[key] - sum(found["product"]))
                tokens.append(found)
        classes = {name: asdict(typical([t[name] for t in tokens])) for name in tokens[0]}
        return {"classes": classes, "seconds": median(plain), "outside": median(outside)}

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
