"""
What an interrupt does before a command runs, and behind it: the process ends, at once and quietly.

This imports next to nothing, so that it can come before what takes a while to import.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn


def leave_on_signals() -> None:
    """End with the exit code of the signal; outside of commands nothing is half-written."""
    handle(leave)


def handle(handler: Callable[[int, FrameType | None], NoReturn]) -> None:
    """Set what interrupts and terminations do; what a shell has had ignored stays ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def leave(number: int, _frame: FrameType | None) -> NoReturn:
    """End at once."""
    os._exit(128 + number)


def is_importing(frame: FrameType | None) -> bool:
    """Whether a module is being imported, where compiled ones may swallow an exception."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False
