"""
What an interrupt does before a command runs, and behind it: the process ends, at once and quietly.

This imports next to nothing, so that it can come before what takes a while to import.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn


def leave_on_signals() -> None:
    """End with the exit code of the signal; outside of commands nothing is half-written."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Where a shell has told the process to ignore a signal, that stays.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    os._exit(128 + number)
