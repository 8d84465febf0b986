"""What the commands of `lpuc` make of a file: exit codes, words on stderr, memory, time."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.pool import Result
from lpuc.cli import invoke
from runtime.errors import RuntimeFault
from runtime.program.program import Program

FREE_BYTES = 128 << 20
"""How much a command may grow besides what the file states; Python and the libraries are there."""
SLOW_SECONDS = 5
FINE = (0, 1, 2)


def allowed(path: Path) -> int:
    """Bytes of host memory that commands on a file may take."""
    try:
        return Program.load(path).bounds.memory + FREE_BYTES
    except RuntimeFault:
        return FREE_BYTES


def run_one(arguments: Sequence[str]) -> tuple[int, str]:
    """Exit code and what went to stderr."""
    out, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(errors):
        code = invoke(list(arguments))
    return code, errors.getvalue()


def run_all(
    commands: Sequence[Sequence[str]], name: str, most: Callable[[], int], labels: Sequence[str]
) -> Result:
    """Run commands one after the other; the first fault, or how often which code came."""
    codes: list[str] = []
    for arguments in commands:
        _forget_peak()
        before = _status("VmRSS")
        started = time.perf_counter()
        code, errors = run_one(arguments)
        seconds, grown = time.perf_counter() - started, _status("VmHWM") - before
        where = f"{name}: {arguments[0]}"
        if code not in FINE or "Traceback" in errors:
            return _fault(f"{where} exits {code}: {errors.strip()[:300]}", arguments[0], labels)
        if grown > FREE_BYTES and grown > most():
            return _fault(f"{where} takes {grown >> 20} MiB in {seconds:.1f} s", "memory", labels)
        codes.append(str(code))
        if seconds > SLOW_SECONDS:
            labels = (*labels, f"{arguments[0]} over {SLOW_SECONDS} s")
    return Result(Outcome("right", "", ""), name, (*labels, f"exit codes {' '.join(codes)}"))


def _fault(detail: str, stage: str, labels: Sequence[str]) -> Result:
    return Result(Outcome("crash", detail, stage), labels=tuple(labels))


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _status(key: str) -> int:
    """Bytes that are resident (VmRSS), or were at most since `_forget_peak` (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(key))
