"""
What programs look like at each level: operations, types, verifiers and numpy semantics.

From the model down to the machine: `onnx`, `lpu`, which `lpu_esl` extends to several devices,
`lpu_mem`, `lpu_isa`. Each is a module of this package and loaded only when something of it is
parsed or asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdsl.ir import Dialect


def _onnx() -> Dialect:
    from dialects.onnx import Onnx

    return Onnx


def _lpu() -> Dialect:
    from dialects.lpu import Lpu

    return Lpu


def _lpu_esl() -> Dialect:
    from dialects.lpu_esl import LpuEsl

    return LpuEsl


def _lpu_mem() -> Dialect:
    from dialects.lpu_mem import LpuMem

    return LpuMem


def _lpu_isa() -> Dialect:
    from dialects.lpu_isa import LpuIsa

    return LpuIsa


DIALECTS: dict[str, Callable[[], Dialect]] = {
    "onnx": _onnx,
    "lpu": _lpu,
    "lpu_esl": _lpu_esl,
    "lpu_mem": _lpu_mem,
    "lpu_isa": _lpu_isa,
}
