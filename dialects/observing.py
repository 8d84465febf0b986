"""
What may look at a run of IR, operation by operation, put other numbers in the place of results, and
keep what runs have in common.

Runs of the levels `onnx`, `lpu` and `lpu_esl` take an `Observer` and a `Memo`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from xdsl.ir import Operation

OnDevices = list[np.ndarray[Any, np.dtype[Any]]]
"""One value, as each device has it."""

Observer = Callable[[Operation, list[OnDevices], list[OnDevices]], list[OnDevices]]
"""
Called behind an operation with its operands on each device (nested: device, then operand) and its
results (result, then device). What it gives are the results that all behind it reads.
"""


class Memo(Protocol):
    """Knows what other runs computed: of equal operands an equal operation gives the same."""

    def results(
        self,
        op: Operation,
        operands: Sequence[Sequence[np.ndarray[Any, np.dtype[Any]] | None]],
        symbols: Sequence[Mapping[str, int]],
        compute: Callable[[], list[OnDevices]],
    ) -> list[OnDevices]:
        """What an operation gives (result, then device), computed unless it is known."""
        ...

    def kept(self, parts: OnDevices) -> OnDevices:
        """A value that no operation computes: the same arrays for the same numbers."""
        ...
