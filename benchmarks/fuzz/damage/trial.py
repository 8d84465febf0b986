"""
One program, one damaged byte anywhere in its file, and what running it shows.

A mutant counts as

* `refused` where loading or a run ends with an error of ours, not with numbers,
* `right` where all outputs and tokens are as they were and `--check` refuses the file: what was
  damaged is read by no run,
* `wrong` where outputs differ, or nothing notices,
* `crash` where any other exception ends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.pool import Result
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from runtime.errors import Error
from runtime.generation.device import Request
from runtime.generation.tokens import generate
from runtime.isa.spec import ISA_VERSION
from runtime.program.file.container import Kind, Sections, unpack_header
from runtime.program.program import Program
from runtime.run.interpreter import Interpreter

Array = np.ndarray[Any, np.dtype[Any]]

CONTEXT = 16
PROMPT = (1, 5, 9)
COUNT = 5


@dataclass(frozen=True)
class Trial:
    """A program that is whole, and where its mutants are written."""

    original: Path
    folder: Path

    @staticmethod
    def of(model: Path, folder: Path, precision: str = "f32", devices: int = 1) -> Trial:
        """The program of a model, with its parameters in it."""
        path = folder / f"{model.stem}.{precision}.{devices}.lpu"
        if not path.exists():
            options = CompileOptions(precision=precision, max_context=CONTEXT, devices=devices)
            compile_model(model, options).save(path)
        return Trial(path, folder)

    @cached_property
    def data(self) -> bytes:
        """The whole file."""
        return self.original.read_bytes()

    @cached_property
    def sections(self) -> Sections:
        """The sections of the file."""
        return unpack_header(self.data, len(self.data), ISA_VERSION).sections

    @cached_property
    def expected(self) -> Mapping[str, Array]:
        """What the whole program computes."""
        return results(Program.load(self.original))

    def judged(self, seed: int, number: int) -> Result:
        """What becomes of the mutant of a seed and a number."""
        rng = np.random.default_rng([seed, number])
        at = self._place(rng)
        mutant = bytearray(self.data)
        mutant[at] ^= int(rng.integers(1, 256))
        path = self.folder / f"mutant{number}.lpu"
        path.write_bytes(mutant)
        try:
            return Result(self._outcome(path), f"byte {at}", (self._where(at),))
        finally:
            path.unlink()

    def _place(self, rng: np.random.Generator) -> int:
        """Half of them anywhere in the file, half in a section that is as likely as any other."""
        if rng.random() < 0.5:
            return int(rng.integers(len(self.data)))
        begin = [0, *(section.offset for section in self.sections.values() if section.length)]
        end = [*begin[1:], len(self.data)]
        chosen = int(rng.integers(len(begin)))
        return int(rng.integers(begin[chosen], end[chosen]))

    def _where(self, at: int) -> str:
        """The section of a byte, or what lies before and between them."""
        inside = (k for (k, _), s in self.sections.items() if s.offset <= at < s.end)
        return next((Kind(kind).name for kind in inside), "header and gaps")

    def _outcome(self, path: Path) -> Outcome:
        stage = "load"
        try:
            program = Program.load(path)
            stage = "run"
            found = results(program)
        except Error as error:
            return Outcome("refused", str(error), stage)
        except Exception as error:
            return Outcome("crash", f"{type(error).__name__}: {error}", stage)
        wrong = [name for name, value in self.expected.items() if not _same(found[name], value)]
        if wrong:
            return Outcome("wrong", f"{wrong[0]} differs", "run")
        return _checked(path)


def _same(found: Array, expected: Array) -> bool:
    return found.shape == expected.shape and found.tobytes() == expected.tobytes()


def _checked(path: Path) -> Outcome:
    """Nothing has changed; `--check` says that something is not as it was."""
    try:
        Program.load(path, check="all")
    except Error as error:
        return Outcome("right", str(error), "check")
    return Outcome("wrong", "nothing notices", "check")


def results(program: Program) -> dict[str, Array]:
    """The outputs of one call, and the tokens that follow a prompt."""
    machine = Interpreter(program)
    symbols = {symbol.name: max(symbol.lower, 1) for symbol in program.interface.symbols}
    inputs = {
        port.name: np.ones(port.extents(symbols), port.dtype.dtype)
        for port in program.interface.inputs
    }
    tokens = list(generate(machine, Request(PROMPT, COUNT)))
    return {**machine.run(inputs), "tokens": np.array(tokens)}


@cache
def _trial(original: Path, folder: Path) -> Trial:
    """The trial of a process, which knows what the whole program computes."""
    return Trial(original, folder)


def run_key(key: tuple[Path, Path, int, int]) -> Result:
    """Judge a mutant: the program, where to write it, the seed and the number."""
    original, folder, seed, number = key
    return _trial(original, folder).judged(seed, number)
