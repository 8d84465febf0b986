"""A time for something that may not end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from lpuc.diagnosis.failure import Hang

AGAIN = 1.0
"""After how many seconds it is said again, if somebody caught it."""
SOON = 1e-3
"""When time that is over is said, at the latest, in seconds."""


@contextmanager
def at_most(seconds: float | None) -> Generator[None]:
    """
    `Hang` in what takes longer; without a limit, and in other threads, nothing ends it.

    It takes effect between two steps of Python, not within one call of numpy. Of two limits, one
    within the other, the one that is over first counts.
    """
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    if 0 < left <= seconds:
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Hang(f"takes longer than {seconds:g} s")

    before, began = signal.signal(signal.SIGALRM, stop), time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            rest = left - (time.monotonic() - began)
            signal.setitimer(signal.ITIMER_REAL, max(rest, SOON), AGAIN)
