"""The maker of `vecmat`: rows of activations times a panel."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from runtime.device.device import Device
from runtime.device.fast.making import Maker, Run
from runtime.device.memory import Array
from runtime.device.panels import Panel
from runtime.isa.instructions.matrix import Vecmat
from runtime.isa.spec import DataInst
from runtime.numerics.elements import ElementType
from runtime.traps import Trap, TrapKind

Shape = tuple[int, int, int]


def _vecmat(inst: Vecmat) -> Maker:
    native = inst.x.type is inst.dst.type is ElementType.F32 and not inst.accumulate

    def make(device: Device, out: Array, x: Array) -> Run:
        rows, results = x[..., 0], out[:, :, 0]
        shape = (rows.shape[0], rows.shape[2], results.shape[2])
        if not native or not results.size:
            return partial(_general, device, inst, rows, results, shape)
        # `dot` would write its result while it reads.
        apart = not np.may_share_memory(rows, results)
        if results.shape[:2] == (1, 1) and results.flags.c_contiguous and apart:
            return partial(_row, device, rows[0, 0], results[0, 0], shape)
        return partial(_rows, device, rows, results, shape)

    return make


def _drain(device: Device, shape: Shape, is_float: bool) -> Panel:
    """The oldest panel, which must have a shape and elements of a kind."""
    panel: Panel = device.fifo.pop()
    if panel.shape != shape:
        raise Trap(TrapKind.ILLEGAL, f"panel is {panel.shape}, expected {shape}")
    if panel.element.is_float != is_float:
        raise Trap(TrapKind.ILLEGAL, "float and integer operands meet in one product")
    return panel


def _row(device: Device, x: Array, out: Array, shape: Shape) -> None:
    device.products.row(_drain(device, shape, True), x, out)


def _rows(device: Device, x: Array, out: Array, shape: Shape) -> None:
    device.products.rows(_drain(device, shape, True), x, out)


def _general(device: Device, inst: Vecmat, x: Array, out: Array, shape: Shape) -> None:
    panel = _drain(device, shape, inst.x.type.is_float)
    device.products.general(panel, x, out, inst.accumulate, inst.dst.type)


MAKERS: dict[type[DataInst], Callable[[Any], Maker]] = {Vecmat: _vecmat}
