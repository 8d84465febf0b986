"""
A program in Python: what `lpuc.compile` and `lpuc.load` give.

```python
program = lpuc.compile("model.onnx", max_context=512)
outputs = program.run(inputs)
for token in program.generate([1, 5, 9], max_new_tokens=64): ...
program.save("model.lpu")
```
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, overload

import numpy as np

from lpuc.files.npz import Inputs, inputs_of
from lpuc.generation import Generation, ids, text
from lpuc.text.tokenizer import Tokenizer
from runtime.calling.loaded import NEW_TOKENS, Loaded
from runtime.calling.signature import Described
from runtime.errors import BadOption
from runtime.generation.decoder import Decoder
from runtime.generation.session import Session
from runtime.options import Tokens, token_ids, whole
from runtime.program.program import Program as Executable

if TYPE_CHECKING:
    from lpuc.reports.prediction import Prediction

Array = np.ndarray[Any, np.dtype[Any]]


class Origin(Protocol):
    """Where a program comes from: a compilation, or a file."""

    @property
    def program(self) -> Executable:
        """The program, with or without its parameters."""
        ...

    @property
    def in_memory(self) -> Executable:
        """The program with its parameters."""
        ...

    @property
    def end_tokens(self) -> frozenset[int]:
        """The tokens that end a text, as far as the model's files say so."""
        ...

    def save(self, path: Path, weights: str | None) -> None:
        """Write a program file; with `weights` as they were asked for if it is None."""
        ...


class Program(Described):
    """
    A compiled model, ready to run.

    Threads may share a program: each call, each session and each generation has a device of its
    own. What they share are code and parameters. A session belongs to one thread.
    """

    def __init__(self, origin: Origin, reference: bool = False, fuel: int | None = None) -> None:
        if fuel is not None:
            whole("fuel", fuel, 0)
        self._origin = origin
        self._reference, self._fuel = reference, fuel
        self._lock = threading.Lock()
        self._made: Loaded | None = None

    def __repr__(self) -> str:
        inputs = ", ".join(port.name for port in self.inputs[:3])
        return f"<lpuc.Program for {self.target}: {inputs}{', ...' * (len(self.inputs) > 3)}>"

    @property
    def _described(self) -> Executable:
        return self._origin.program

    @property
    def target(self) -> str:
        """The name of the machine that it is compiled for."""
        return self._origin.program.target.name

    @property
    def devices(self) -> int:
        """How many machines in a ring run it."""
        return self._origin.program.devices

    @property
    def plan(self) -> Mapping[str, Any] | None:
        """
        What each of several devices computes, and what all of them hold; None of one device.

        `compile` takes it, changed or not, as `plan`.
        """
        return self._origin.program.plan

    @property
    def _loaded(self) -> Loaded:
        with self._lock:
            if self._made is None:
                self._made = Loaded(
                    self._origin.in_memory, reference=self._reference, fuel=self._fuel
                )
            return self._made

    def link(self) -> None:
        """Read what weights are not read yet; otherwise the first call does."""
        self._loaded.program.params_of_all()

    def run(self, inputs: Inputs) -> dict[str, Array]:
        """
        One call of the model: outputs by name for inputs by name, or for those of an `.npz` file.

        Inputs are arrays, or lists of numbers. Integers of any type serve where their values fit,
        floats are widened and never narrowed.
        """
        return self._loaded.run(inputs_of(inputs, self._origin.program.interface))

    @overload
    def generate(
        self, prompt: str, *, tokenizer: str | PathLike[str], max_new_tokens: int = ...,
        stop_tokens: Iterable[int] = ..., ignore_end: bool = ..., temperature: float = ...,
        top_k: int | None = ..., top_p: float | None = ..., repetition_penalty: float = ...,
        seed: int = ..., inputs: Inputs | None = ...,
    ) -> Generation[str]: ...  # fmt: skip

    @overload
    def generate(
        self, prompt: Tokens, *, tokenizer: str | PathLike[str] | None = ...,
        max_new_tokens: int = ..., stop_tokens: Iterable[int] = ..., ignore_end: bool = ...,
        temperature: float = ..., top_k: int | None = ..., top_p: float | None = ...,
        repetition_penalty: float = ..., seed: int = ..., inputs: Inputs | None = ...,
    ) -> Generation[int]: ...  # fmt: skip

    def generate(
        self,
        prompt: str | Tokens,
        *,
        tokenizer: str | PathLike[str] | None = None,
        max_new_tokens: int = NEW_TOKENS,
        stop_tokens: Iterable[int] = (),
        ignore_end: bool = False,
        temperature: float = 0.0,
        top_k: int | None = None,
        top_p: float | None = None,
        repetition_penalty: float = 1.0,
        seed: int = 0,
        inputs: Inputs | None = None,
    ) -> Generation[str] | Generation[int]:
        """
        Continue a prompt: token ids for ids, pieces of text for text, each as soon as it is there.

        It ends before one of `stop_tokens`, before the end token of the model unless `ignore_end`,
        and after `max_new_tokens`. The end token is known where a folder says so in its
        `generation_config.json`, `config.json` or `tokenizer_config.json`: that of the tokenizer,
        else that of the model that was compiled. Text needs `tokenizer`, a `tokenizer.json` or a
        folder with one. Temperature 0 always takes the most likely token. `inputs`, as `run` takes
        them, are those of the model that are none of the text: what an encoder has read.
        """
        words = None if tokenizer is None else self._tokenizer(tokenizer)
        ends = frozenset[int]() if ignore_end else self._ends(words)
        tokens = _encoded(prompt, words) if isinstance(prompt, str) else prompt
        new = self._loaded.generate(
            tokens, max_new_tokens=max_new_tokens, stop_tokens={*stop_tokens, *ends},
            temperature=temperature, top_k=top_k, top_p=top_p,
            repetition_penalty=repetition_penalty, seed=seed, inputs=self._given(inputs),
        )  # fmt: skip
        if words is None or not isinstance(prompt, str):
            return ids(new)
        return text(new, words, token_ids("prompt", tokens))

    def _tokenizer(self, path: str | PathLike[str]) -> Tokenizer:
        """A tokenizer that serves the model."""
        words = Tokenizer.load(Path(path))
        words.check(Decoder.of(self._origin.program.interface).vocabulary)
        return words

    def _ends(self, words: Tokenizer | None) -> frozenset[int]:
        """The tokens that end a text, by the tokenizer's folder, or by the model's."""
        return (words.ends if words is not None else frozenset()) or self._origin.end_tokens

    def session(self, inputs: Inputs | None = None) -> Session:
        """
        A text that the caller feeds: `session.step(tokens)` gives logits, the cache stays.

        `inputs` are those of the model that are none of the text.
        """
        return self._loaded.session(self._given(inputs))

    def _given(self, inputs: Inputs | None) -> Mapping[str, Any]:
        return {} if inputs is None else inputs_of(inputs, self._origin.program.interface)

    def predict(
        self,
        entry: str = "step",
        *,
        context: int | None = None,
        symbols: Mapping[str, int] | None = None,
    ) -> Prediction:
        """
        The time that an entry takes on its machine, from the timing model.

        For `step`, `context` is the number of tokens in the cache; for `generate` it is that of the
        prompt, behind which one token is made. `symbols` gives values by name; of those that are
        not given it takes the least.
        """
        from lpuc.reports.prediction import predicted

        return predicted(self._origin.program, entry, context, symbols or {})

    def save(self, path: str | PathLike[str], *, weights: str | None = None) -> None:
        """
        Write the program to a file, whole or not at all.

        `weights` is `embed`, `reference` or `none`; None is what `compile` was told, or what the
        file had.
        """
        self._origin.save(Path(path), weights)


def _encoded(prompt: str, words: Tokenizer | None) -> tuple[int, ...]:
    if words is None:
        raise BadOption("prompt", "text needs a tokenizer; without one, give token ids")
    return words.encode(prompt)
