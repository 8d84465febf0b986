"""
The processes of both sides, seen from the command.

    with Process("lpuc", threads=2) as side:
        side.ask("ours", "model.lpu")
        side.ask("peak")
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from lpuc.cli.threads import VARIABLES
from lpuc.errors import UserError


class Process:
    """Answers questions as `lpuc.bench.sides.worker` does; ends with the block."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        environment = {**os.environ, **dict.fromkeys(VARIABLES, str(threads))}
        command = (sys.executable, "-m", "lpuc.bench.sides.worker", str(threads))
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, env=environment, text=True, encoding="utf-8"
        )

    def ask(self, question: str, *arguments: object) -> Any:
        """The answer; UserError with what went wrong on the other side."""
        assert self._child.stdin is not None and self._child.stdout is not None
        try:
            print(json.dumps([question, arguments]), file=self._child.stdin, flush=True)
            line = self._child.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise UserError(f"{self.name} ended with exit code {self._child.wait()}")
        reply = json.loads(line)
        if "error" in reply:
            raise UserError(f"{self.name}: {reply['error']}")
        return reply["answer"]

    @property
    def pid(self) -> int:
        """Its number."""
        return self._child.pid

    def kill(self) -> None:
        """End it, whatever it is at."""
        self._child.kill()
        self._child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if error is not None:
            self.kill()
        with suppress(BrokenPipeError):
            self._child.communicate()
