"""
Work in processes that are forked from one which has imported what is heavy, and may die or hang.

What a process finds out it tells bit by bit, so that something is known of those that do not come
to an end.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from math import ceil
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

News = dict[str, Any]
MEMORY_BYTES = 6 << 30
PATIENCE = 4
"""How many times its limit a process may take when others keep the machine busy, or it sleeps."""


@dataclass(frozen=True)
class Work:
    """What a process is to do: a call that gives news, within so many seconds of its own time."""

    call: Callable[[], Iterable[News]]
    limit: float


Steps = Generator[Work, News, None]
"""Asks for one piece of work after the other, and is sent all news of each."""


@dataclass
class _Child:
    """A process at work."""

    work: Work
    steps: Steps
    pid: int = 0
    news: int = 0
    found: News = field(default_factory=dict[str, Any])
    pending: bytes = b""
    started: float = field(default_factory=time.monotonic)
    folder: Any = None

    def start(self) -> None:
        """Fork."""
        self.folder = TemporaryDirectory(prefix="fault-")
        reading, writing = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(reading)
            _serve(self.work, writing, self.folder.name)
        os.close(writing)
        self.news = reading

    def take(self) -> bool:
        """Read what has come; whether the process is at its end."""
        data = os.read(self.news, 1 << 16)
        lines = (self.pending + data).split(b"\n")
        self.pending = lines.pop()
        for line in lines:
            self.found.update(json.loads(line))
        return not data

    @property
    def is_late(self) -> bool:
        """Whether it has had its time."""
        return time.monotonic() - self.started > self.work.limit * PATIENCE

    def end(self, is_late: bool) -> News:
        """Everything that it told, and how it ended."""
        if is_late:
            os.kill(self.pid, signal.SIGKILL)
        _, status, used = os.wait4(self.pid, 0)
        os.close(self.news)
        self.folder.cleanup()
        is_late = is_late or os.WTERMSIG(status) == signal.SIGXCPU
        ended = "late" if is_late else "" if status == 0 else f"status {status}"
        seconds = round(time.monotonic() - self.started, 2)
        cpu = round(used.ru_utime + used.ru_stime, 2)
        return {**self.found, "ended": ended, "seconds": seconds, "cpu": cpu}


def _serve(work: Work, writing: int, folder: str) -> NoReturn:
    status = 1
    try:
        os.chdir(folder)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        used = int(time.process_time())
        resource.setrlimit(resource.RLIMIT_CPU, (used + ceil(work.limit), resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        for news in work.call():
            if news:
                os.write(writing, json.dumps(news).encode() + b"\n")
        status = 0
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"[:300]
        os.write(writing, json.dumps({"died": text}).encode() + b"\n")
    finally:
        os._exit(status)


def _next(steps: Steps, news: News | None) -> _Child | None:
    try:
        work = next(steps) if news is None else steps.send(news)
    except StopIteration:
        return None
    child = _Child(work, steps)
    child.start()
    return child


def run_all(tasks: Iterator[Steps], jobs: int) -> None:
    """Do all work, so many processes at a time."""
    busy: list[_Child] = []
    try:
        while True:
            while len(busy) < jobs and (steps := next(tasks, None)) is not None:
                if (child := _next(steps, None)) is not None:
                    busy.append(child)
            if not busy:
                return
            _wait(busy)
    finally:
        for child in busy:
            child.end(is_late=True)


def _wait(busy: list[_Child]) -> None:
    ready, _, _ = select.select([child.news for child in busy], [], [], 0.5)
    for child in tuple(busy):
        is_done = child.news in ready and child.take()
        is_late = not is_done and child.is_late
        if not (is_done or is_late):
            continue
        busy.remove(child)
        following = _next(child.steps, child.end(is_late))
        if following is not None:
            busy.append(following)
