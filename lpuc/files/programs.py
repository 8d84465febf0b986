"""Program files, as something that can be run and written again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from lpuc.compiler.options import WEIGHTS
from lpuc.files.disk import replacing
from lpuc.files.kinds import PROGRAM, kind_of, require
from runtime.errors import BadOption
from runtime.options import one_of
from runtime.program.program import Program
from runtime.weights.image import Check


def is_program(path: Path) -> bool:
    """Whether a file begins as a program does."""
    return kind_of(path) is PROGRAM


@dataclass(frozen=True)
class ProgramFile:
    """A program that was read from a file."""

    path: Path
    program: Program

    @property
    def in_memory(self) -> Program:
        """The program with its parameters, which are read where they are used."""
        return self.program

    @property
    def end_tokens(self) -> frozenset[int]:
        """A program file does not say which tokens end a text."""
        return frozenset()

    @property
    def sources(self) -> tuple[Path, ...]:
        """The files that it is read from, which nothing may overwrite."""
        if self.program.references is None:
            return (self.path,)
        folder = self.program.references.folder or Path()
        return (self.path, *(folder / file.path for file in self.program.references.files))

    def save(self, path: Path, weights: str | None) -> None:
        """Write it again; its parameters as they are, or in another form."""
        program = self.program
        form = weights if weights is None else one_of("weights", weights, WEIGHTS)
        if form == "reference" and program.references is None:
            raise BadOption("weights", "the program does not refer to files; compile it anew")
        if form == "embed":
            verified = replace(program, trusted=False) if program.trusted else program
            program = replace(program, images=verified.params_of_all(), references=None)
        if form == "none":
            program = replace(program, images=(), references=None)
        with replacing(path, self.sources) as temporary:
            program.write(temporary)


def read_program(path: Path, check: Check = "used") -> ProgramFile:
    """Read a program file; of its parameters, `check` is verified."""
    one_of("check", check, get_args(Check))
    require(path, PROGRAM)
    return ProgramFile(path, Program.load(path, check))
