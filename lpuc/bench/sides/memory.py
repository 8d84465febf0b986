"""What a process takes of memory, and how fast memory can be read while it runs."""

from __future__ import annotations

import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

STATUS = Path("/proc/self/status")
PROBE_BYTES = 256 << 20
"""Several times what the caches of a processor hold."""


def peak_bytes() -> int:
    """The largest resident set of this process so far, pages of mapped files counted."""
    if STATUS.exists():
        lines = STATUS.read_text().splitlines()
        held = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), None)
        if held is not None:
            return int(held) << 10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10


class ReadProbe:
    """Reads memory that lies in no cache, as fast as sums of integers can, on several threads."""

    def __init__(self, threads: int, size: int = PROBE_BYTES) -> None:
        self.threads = threads
        words: Any = np.ones(size // 8, np.int64)
        self._parts = np.array_split(words, threads)
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def rate(self) -> float:
        """Bytes per second, once over all."""
        began = time.perf_counter()
        if self._pool is None:
            sums = [self._parts[0].sum()]
        else:
            sums = list(self._pool.map(np.sum, self._parts))
        seconds = time.perf_counter() - began
        size = sum(part.nbytes for part in self._parts)
        assert sum(map(int, sums)) == size // 8
        return size / seconds

    def close(self) -> None:
        """Let go of threads and memory."""
        if self._pool is not None:
            self._pool.shutdown()
        self._parts = []
