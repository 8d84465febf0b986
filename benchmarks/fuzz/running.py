"""
Run the cases of a fuzzer so that whatever ends the run leaves counts.

```python
add_arguments(parser)
given = parser.parse_args()
results = run(task, keys, Options.of(given))  # counts on stderr as it goes
return finish(results)
```

SIGINT, SIGTERM and `--minutes N` end a run early: what was judged by then is counted and printed as
ever, behind it how many cases were asked for and with which `--start` the same command goes on.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.pool import DIED, LIMIT_SECONDS, Result, Task, run_all
from benchmarks.fuzz.report import coverage_lines, report, tally

PROGRESS_SECONDS = 30.0
Key = TypeVar("Key", bound=Hashable)
FAULTS = ("wrong", "crash")
NO_JUDGE = Outcome("uncounted", "the reference ends its process", "reference")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Options:
    """Which of the cases, how long, in how many processes, and seconds for a case."""

    start: int = 0
    minutes: float | None = None
    jobs: int = 1
    limit: float = LIMIT_SECONDS

    @staticmethod
    def of(given: argparse.Namespace) -> Options:
        """What `add_arguments` read."""
        return Options(given.start, given.minutes, given.jobs, given.limit)


@dataclass
class Until:
    """When a run ends though it has more cases: at a time, or when `is_over` was set."""

    deadline: float = float("inf")
    was_asked: bool = False

    def __call__(self) -> bool:
        return self.was_asked or time.monotonic() > self.deadline

    def ask(self, *_: object) -> None:
        """End the run; serves as a handler of signals, which may come twice."""
        self.was_asked = True


@contextmanager
def interruptible(minutes: float | None = None) -> Iterator[Until]:
    """Signals that end a process end a run instead, and so do so many minutes."""
    seconds = float("inf") if minutes is None else 60 * minutes
    until = Until(time.monotonic() + seconds)
    before = {number: signal.signal(number, until.ask) for number in SIGNALS}
    try:
        yield until
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that all fuzzers share."""
    parser.add_argument("--start", type=int, default=0, metavar="N", help="leave out N cases")
    parser.add_argument("--minutes", type=float, metavar="M", help="end after so long, with counts")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--limit", type=float, default=LIMIT_SECONDS, help="seconds for a case")


def is_fault(result: Result) -> bool:
    """Whether a verdict is one that nobody may see."""
    return result.outcome.verdict in FAULTS


def run(
    task: Task,
    keys: Sequence[Key],
    options: Options = Options(),
    is_shown: Callable[[Result], bool] = is_fault,
) -> dict[Key, Result]:
    """What becomes of each key from `--start` on, in their order, as far as the run comes."""
    results: dict[Key, Result] = {}
    wanted = keys[options.start :]
    with interruptible(options.minutes) as until:
        progress = Progress(len(wanted))
        for key, result in run_all(task, wanted, options.jobs, options.limit, until):
            results[key] = result
            if is_shown(result):
                say(f"{result.name or key}: {result.outcome.stage}: {result.outcome.detail}")
            progress.show(results)
    progress.show(results, is_last=True)
    if len(results) < len(wanted):
        missing = next(at for at, key in enumerate(wanted) if key not in results)
        say(f"ended early: go on with --start {options.start + missing}")
    return {key: results[key] for key in wanted if key in results}


def judges_that_died(
    alone: Task, results: Mapping[Any, Result], options: Options
) -> dict[Any, Result]:
    """
    The cases whose process died with the reference `alone`, too: they do not count.

    `alone` has the reference run a case, and nothing else.
    """
    died = [key for key, result in results.items() if result.outcome.stage == "process"]
    again = run_all(alone, died, options.jobs, options.limit)
    gone = {key: found for key, found in again if found.outcome.detail == DIED}
    return {key: replace(found, outcome=NO_JUDGE) for key, found in gone.items()}


class Progress:
    """Counts on stderr, at most twice a minute."""

    def __init__(self, wanted: int):
        self.wanted = wanted
        self.began = self.shown = time.monotonic()

    def show(self, results: Mapping[Any, Result], is_last: bool = False) -> None:
        """Print the counts if it is time."""
        now = time.monotonic()
        if not is_last and now - self.shown < PROGRESS_SECONDS:
            return
        self.shown = now
        counts = ", ".join(f"{n} {verdict}" for verdict, n in tally(results).items())
        say(f"[{now - self.began:.0f} s] {len(results)} of {self.wanted}: {counts}")


def say(text: str) -> None:
    """Print for whoever watches."""
    print(text, file=sys.stderr, flush=True)


def finish(results: Mapping[Any, Result]) -> int:
    """Print coverage and counts; the exit code, 1 if there was a fault."""
    print("\n".join(coverage_lines(results)))
    print(report(results))
    return int(any(map(is_fault, results.values())))
