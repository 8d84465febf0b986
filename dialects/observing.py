"""
What may look at a run of IR, operation by operation, and put other numbers in the place of results.

Runs of the levels `onnx`, `lpu` and `lpu_esl` take an `Observer`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from xdsl.ir import Operation

OnDevices = list[np.ndarray[Any, np.dtype[Any]]]
"""One value, as each device has it."""

Observer = Callable[[Operation, list[OnDevices], list[OnDevices]], list[OnDevices]]
"""
Called behind an operation with its operands on each device (nested: device, then operand) and its
results (result, then device). What it gives are the results that all behind it reads.
"""
