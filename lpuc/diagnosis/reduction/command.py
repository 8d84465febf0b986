"""
A program of the user's that says whether a candidate is still interesting.

As with C-Reduce and llvm-reduce, exit code 0 means that it is; mlir-reduce has it the other way
round. The program runs in a fresh folder that holds nothing but the candidate, under the name of
the file that is reduced, and the inputs of a model in `inputs.npz`. It is given the path of the
candidate behind its own arguments.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lpuc.errors import UsageError


@dataclass(frozen=True)
class Command:
    """A program and its arguments; what takes longer than `seconds` is not interesting."""

    words: tuple[str, ...]
    seconds: float | None = None

    @staticmethod
    def of(text: str, seconds: float | None = None) -> Command:
        """The command of a text with the shell's quotes; `UsageError` if it names no program."""
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise UsageError(f"--test: {error}") from None
        program = shutil.which(words[0]) if words else None
        if program is None:
            raise UsageError(f"--test: no program '{words[0] if words else ''}'")
        return Command((os.path.abspath(program), *words[1:]), seconds)

    def __str__(self) -> str:
        return shlex.join(self.words)

    def __call__(self, candidate: Path) -> bool:
        """Whether a candidate, which is alone in its folder, is interesting."""
        process = subprocess.Popen(
            [*self.words, str(candidate)],
            cwd=candidate.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return process.wait(self.seconds) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
