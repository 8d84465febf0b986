"""
Run a function on many keys in processes that may die or hang.

A process that dies, or that does not answer within the limit, costs the key it was working on and
nothing else: that key's outcome is a crash, and another process takes over.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import Any

from benchmarks.fuzz.outcome import Outcome
from lpuc.cli import NEW_OBJECTS

LIMIT_SECONDS = 60.0
STARTING_SECONDS = 300.0
"""How long a process may import the compiler, on a machine that does other things, too."""
READY = "ready"
DIED = "the process died"


@dataclass(frozen=True)
class Result:
    """What became of a case, what it was about, and the parts it is counted under."""

    outcome: Outcome
    name: str = ""
    labels: tuple[str, ...] = ()


Task = Callable[[Any], Result]
"""Takes a key; a function at the top of a module, so that another process can find it."""


def _serve(connection: Connection, task: Task) -> None:
    """Answer keys; whoever gave them ends this process, also where a terminal signals both."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    gc.freeze()  # no search for garbage looks at what was imported
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
    connection.send(READY)
    while True:
        connection.send(task(connection.recv()))


@dataclass
class _Worker:
    """A process and the key it works on."""

    task: Task
    limit: float
    key: Any = None
    is_ready: bool = False
    deadline: float = field(init=False)
    connection: Connection = field(init=False)
    process: Any = field(init=False)

    def __post_init__(self):
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, self.task), daemon=True)
        self.process.start()
        theirs.close()
        self.deadline = time.monotonic() + STARTING_SECONDS

    def give(self, key: Any) -> None:
        """Let the process work on a key; a new process does when it is ready."""
        self.key = key
        if self.is_ready:
            self.deadline = time.monotonic() + self.limit
        self.connection.send(key)

    def take(self) -> Result | None:
        """The result, or a crash if there will be none; None while it may still come."""
        try:
            if self.connection.poll() and (found := self._received()) is not None:
                return found
        except (EOFError, ConnectionError):
            return Result(Outcome("crash", DIED, "process"))
        if time.monotonic() > self.deadline:
            return Result(Outcome("crash", f"no answer in {self.limit:.0f} s", "process"))
        return None

    def _received(self) -> Result | None:
        found = self.connection.recv()
        if found != READY:
            return found
        self.is_ready, self.deadline = True, time.monotonic() + self.limit
        return None

    def stop(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def run_all(
    task: Task,
    keys: Iterable[Hashable],
    jobs: int = 1,
    limit: float = LIMIT_SECONDS,
    is_over: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[Any, Result]]:
    """Each key with its result, in the order in which they are done, until it is over."""
    waiting = iter(keys)
    busy: list[_Worker] = []
    idle: list[_Worker] = []
    try:
        while not is_over():
            for key in islice(waiting, jobs - len(busy)):
                worker = idle.pop() if idle else _Worker(task, limit)
                worker.give(key)
                busy.append(worker)
            if not busy:
                return
            wait([worker.connection for worker in busy], timeout=0.5)
            for worker in tuple(busy):
                if (result := worker.take()) is None:
                    continue
                busy.remove(worker)
                yield worker.key, result
                if result.outcome.stage == "process":
                    worker.stop()
                else:
                    idle.append(worker)
    finally:
        for worker in busy + idle:
            worker.stop()
