"""A time for something that may not end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from lpuc.diagnosis.failure import Hang

AGAIN = 1.0
"""After how many seconds it is said again, if somebody caught it."""


@contextmanager
def at_most(seconds: float | None) -> Generator[None]:
    """
    `Hang` in what takes longer; without a limit, and in other threads, nothing ends it.

    It takes effect between two steps of Python, not within one call of numpy.
    """
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Hang(f"takes longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
