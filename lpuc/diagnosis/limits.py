"""
A time for something that may not end, in seconds of a processor: how busy that is plays no part.

```python
with at_most(20):            # Hang
    one.apply(context, module)
run_machine(machine, case)   # Endless
```
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from lpuc.diagnosis.failure import Endless, Hang
from lpuc.levels.calls import run_on
from lpuc.levels.cases import Case
from lpuc.levels.execution import Arrays, OnToken
from runtime.run.interpreter import Interpreter

AGAIN = 1.0
"""After how many seconds it is said again, if somebody caught it."""
SOON = 1e-3
"""When time that is over is said, at the latest, in seconds."""
RUN_SECONDS = 15.0
"""What a run of the machine may take, beside what its parameters take."""
BYTES_A_SECOND = 5e5
"""How many bytes of parameters it has the time to work on: a chunk of them, by the reference."""


@contextmanager
def at_most(seconds: float | None) -> Generator[object]:
    """
    `Hang` in what takes longer; without a limit, and in other threads, nothing ends it.

    It takes effect between two steps of Python, not within one call of numpy. Of two limits, one
    within the other, the one that is over first counts. What is given is the `limit` of the `Hang`.
    """
    limit = object()
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield limit
        return
    left, _ = signal.getitimer(signal.ITIMER_PROF)
    if 0 < left <= seconds:
        yield limit
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Hang(f"takes longer than {seconds:g} s", limit)

    before, began = signal.signal(signal.SIGPROF, stop), time.process_time()
    signal.setitimer(signal.ITIMER_PROF, seconds, AGAIN)
    try:
        yield limit
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        if left:
            rest = left - (time.process_time() - began)
            signal.setitimer(signal.ITIMER_PROF, max(rest, SOON), AGAIN)


def run_machine(machine: Interpreter, case: Case, on_token: OnToken | None = None) -> Arrays:
    """
    The outputs of the last call of a case; `Endless` if they take so long that there are none.

    Programs that load halt, and the machine does not run on without executing instructions, unless
    it has a fault: then there is no telling how much of what it has done, so fuel ends nothing.
    """
    seconds = RUN_SECONDS + machine.program.entry(case.entry).params_size / BYTES_A_SECOND
    limit: object = None
    try:
        with at_most(seconds) as limit:
            return run_on(machine, case, on_token)
    except Hang as hang:
        if hang.limit is not limit:
            raise
        raise Endless(str(hang)).with_traceback(hang.__traceback__) from None
