"""What is asked of each side, lpuc and ONNX Runtime, and what they answer; all of it is JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict, TypeVar

T = TypeVar("T")


class Timing(TypedDict):
    """Seconds by the clock, and of processors, of all threads of the process."""

    seconds: float
    cpu: float


class Token(Timing):
    """A token, and what it took."""

    token: int


class Side(Protocol):
    """One way to run a decoder; greedy, batch 1."""

    def about(self) -> dict[str, Any]:
        """What runs, with its options."""
        ...

    def logits(self, tokens: Sequence[int]) -> list[float]:
        """Those behind a text."""
        ...

    def prompt(self, tokens: Sequence[int], more: int) -> Token:
        """Begin a text anew: its first token; `more` will be asked for behind it."""
        ...

    def step(self) -> Token:
        """The next token."""
        ...

    def peak(self) -> int:
        """The most memory that the process has had, in bytes."""
        ...


@dataclass
class Watch:
    """The clocks of a call."""

    seconds: float = 0.0
    cpu: float = 0.0

    def time(self, call: Callable[[], T]) -> T:
        """What a call gives; it is added to what was timed before."""
        cpu, began = time.process_time(), time.perf_counter()
        given = call()
        self.seconds += time.perf_counter() - began
        self.cpu += time.process_time() - cpu
        return given

    def token(self, token: int) -> Token:
        """A token that was timed."""
        return {"token": token, "seconds": self.seconds, "cpu": self.cpu}
