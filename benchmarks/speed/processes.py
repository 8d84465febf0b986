"""Run a command and say how long it took and how much memory it had, start-up included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from lpuc.cli.threads import VARIABLES

UNWANTED = "PYTHONDONTWRITEBYTECODE"
"""Left out of the environment: a user's second run finds the bytecode of the first."""


@dataclass(frozen=True)
class Cost:
    """
    Wall time and time of processors in seconds, and the largest resident set in bytes.

    The set counts mapped files. Where both times differ much, the machine was busy with others.
    """

    seconds: float
    busy: float
    peak: int

    def __str__(self) -> str:
        return f"{self.seconds:7.2f} s  cpu {self.busy:6.2f} s {self.peak / 1e6:8.0f} MB"


def _environment(threads: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != UNWANTED}
    return {**kept, **dict.fromkeys(VARIABLES, str(threads))}


def once(command: Sequence[str], threads: int = 1) -> Cost:
    """
    One run; what it says goes to stderr if it fails.

    The peak of a child starts at the size of its parent, so this process has to stay small.
    """
    started = time.perf_counter()
    pipe = subprocess.PIPE
    child = subprocess.Popen(
        command, stdout=pipe, stderr=subprocess.STDOUT, env=_environment(threads)
    )
    assert child.stdout is not None
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.stderr.write(output.decode(errors="replace"))
        raise SystemExit(f"failed: {' '.join(command)}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def several(command: Sequence[str], repeat: int, threads: int = 1) -> Cost:
    """Medians of several runs after one that is not counted."""
    once(command, threads)
    costs = [once(command, threads) for _ in range(repeat)]
    return Cost(
        median(c.seconds for c in costs),
        median(c.busy for c in costs),
        int(median(c.peak for c in costs)),
    )


def answer(module: str, arguments: Sequence[str], threads: int = 1) -> Any:
    """What a module prints as JSON when it runs as a program."""
    command = (sys.executable, "-m", module, *arguments)
    done = subprocess.run(command, stdout=subprocess.PIPE, env=_environment(threads), check=False)
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    return json.loads(done.stdout.splitlines()[-1])
