"""A program ready to be called, without a compiler.

    program = runtime.load("model.lpu")
    outputs = program.run({"input_ids": [[1]], ...})
    for token in program.generate([1, 5, 9], max_new_tokens=8): ...
    logits = program.session().step([1, 5, 9])

Threads may share it: each call and each session has devices of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, get_args

import numpy as np

from runtime.calling.arguments import arrays_of
from runtime.calling.signature import Described
from runtime.generation.device import Request
from runtime.generation.sampling import Sampling
from runtime.generation.session import Session
from runtime.generation.tokens import feed_of, generate
from runtime.options import Tokens, one_of, token_ids, whole
from runtime.program.program import Program
from runtime.run.interpreter import Interpreter
from runtime.weights.image import Check

Array = np.ndarray[Any, np.dtype[Any]]

NEW_TOKENS = 32
"""How many tokens are generated unless somebody says so."""


class Loaded(Described):
    """A program and what runs it; with `reference`, as the instruction set specifies.

    `fuel` bounds the elements that a run works on; None is the program's own bound.
    """

    def __init__(
        self, program: Program, *, reference: bool = False, fuel: int | None = None
    ) -> None:
        if fuel is not None:
            whole("fuel", fuel, 0)
        self.program = program
        self._machine = Interpreter(program, fuel, reference=reference)

    @property
    def _described(self) -> Program:
        return self.program

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """One call of the model: outputs by name for inputs by name, arrays or lists."""
        return self._machine.run(arrays_of(self.program.interface, inputs))

    def generate(
        self,
        prompt: Tokens,
        *,
        max_new_tokens: int = NEW_TOKENS,
        stop_tokens: Iterable[int] = (),
        temperature: float = 0.0,
        top_k: int | None = None,
        top_p: float | None = None,
        repetition_penalty: float = 1.0,
        seed: int = 0,
        inputs: Mapping[str, Any] | None = None,
    ) -> Iterator[int]:
        """New tokens behind a prompt, each as soon as it is there, up to one of `stop_tokens`.

        `inputs` are those of the model that are none of the text, such as what an encoder has read.
        Temperature 0 always takes the most likely one. `runtime.generation.sampling` specifies how
        a token is drawn.
        """
        sampling = Sampling(temperature, top_k, top_p, seed, repetition_penalty)
        stops = frozenset(whole("stop_tokens", token, 0) for token in stop_tokens)
        count = whole("max_new_tokens", max_new_tokens, 0)
        text, given = token_ids("prompt", prompt), arrays_of(self.program.interface, inputs or {})
        return generate(self._machine, Request(text, count, sampling, stops, given))

    def session(self, inputs: Mapping[str, Any] | None = None) -> Session:
        """A text that is fed token by token, with its cache on devices of its own.

        `inputs` are those of the model that are none of the text.
        """
        given = arrays_of(self.program.interface, inputs or {})
        return Session(feed_of(self._machine, given))


def load(path: str | PathLike[str], *, check: Check = "used", fuel: int | None = None) -> Loaded:
    """Read a program; of its weights, `all`, the `used` or `none` are verified."""
    one_of("check", check, get_args(Check))
    return Loaded(Program.load(Path(path), check), fuel=fuel)
