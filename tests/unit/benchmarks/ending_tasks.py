"""Tasks for processes that end in every way; they import nothing that takes long."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.pool import Result

HANGS = "LPUC_TEST_HANGS"
"""Names the file that a case makes before it hangs."""


def dies_or_hangs(key: str) -> Result:
    if key == "dies":
        os._exit(1)
    if key == "hangs":
        time.sleep(60)
    return Result(Outcome("right"), key)


def its_process(key: int) -> Result:
    time.sleep(0.2)
    return Result(Outcome("right"), str(os.getpid()))


def odd_is_refused(key: int) -> Result:
    return Result(Outcome("refused" if key % 2 else "right", f"{key} is odd"), str(key))


def signalled(key: int) -> Result:
    """Its own process is signalled, as by a terminal; the last case hangs."""
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)
    while key == 2:
        Path(os.environ[HANGS]).touch()
        signal.pause()
    return odd_is_refused(key)


def dies_of_two(key: int) -> Result:
    if key == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return Result(Outcome("crash", f"{key}: the process died", "process"))
