"""Faults of one level each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dialects.lpu.elementwise import MapOp
from dialects.lpu.semantics import SEMANTICS
from dialects.lpu_mem import kernels
from dialects.lpu_mem.ops import MapOp as MemMapOp
from runtime.device.fast import binding
from runtime.isa.instructions.vector import Map2

OFF = 1e-3
"""By how much numbers are off."""


def off_in_lpu(patch: pytest.MonkeyPatch) -> None:
    before = SEMANTICS[MapOp]
    patch.setitem(
        SEMANTICS, MapOp, lambda *given: tuple(x + np.float32(OFF) for x in before(*given))
    )


def off_in_mem(patch: pytest.MonkeyPatch) -> None:
    def run(op: Any, point: kernels.Point) -> None:
        kernels.run_map(op, point)
        point.view(0).write(point.view(0).read() + np.float32(OFF))

    patch.setitem(kernels.KERNELS, MemMapOp, run)


def off_in_program(patch: pytest.MonkeyPatch) -> None:
    before = Map2.execute

    def execute(self: Map2, state: Any) -> None:
        before(self, state)
        place = state.result(self.dst, state.four(self.extents))
        place.write(place.read() + np.float32(OFF))

    patch.setattr(Map2, "execute", execute)


def off_on_the_fast_path(patch: pytest.MonkeyPatch) -> None:
    before = binding.MAKERS[Map2]

    def maker(inst: Any) -> Any:
        make = before(inst)

        def made(device: Any, out: np.ndarray, *arrays: np.ndarray) -> Callable[[], None]:
            run = make(device, out, *arrays)

            def both() -> None:
                run()
                out[...] += np.float32(OFF)

            return both

        return made

    patch.setitem(binding.MAKERS, Map2, maker)


def off_in_onnx(patch: pytest.MonkeyPatch) -> None:
    import dialects.onnx.semantics as semantics

    before = semantics._compute

    def compute(op: Any, *given: Any) -> Any:
        results = before(op, *given)
        return [x + OFF for x in results] if op.name == "onnx.Sub" else results

    patch.setattr(semantics, "_compute", compute)
