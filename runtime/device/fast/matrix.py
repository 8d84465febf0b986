"""The maker of `vecmat`: rows of activations times a panel."""

from collections.abc import Callable
from functools import partial
from typing import Any

from runtime.device.device import Device
from runtime.device.fast.making import Maker, Run
from runtime.device.fifo import Fifo
from runtime.device.memory import Array
from runtime.device.panels import Panel
from runtime.device.products import Products
from runtime.isa.instructions.matrix import Vecmat
from runtime.isa.spec import DataInst
from runtime.numerics.elements import ElementType
from runtime.traps import Trap, TrapKind

Shape = tuple[int, int, int]


def _vecmat(inst: Vecmat) -> Maker:
    x_base, dst_base = inst.x.base, inst.dst.base
    native = inst.x.type is inst.dst.type is ElementType.F32 and not inst.accumulate

    def make(device: Device, out: Array, x: Array) -> Run:
        rows, results = x[..., 0], out[:, :, 0]
        shape = (rows.shape[0], rows.shape[2], results.shape[2])
        if not native or not results.size:
            return partial(_general, device, inst, rows, results, shape)
        if results.shape[:2] == (1, 1) and results.flags.c_contiguous:
            x_at, at = device.registers[x_base], device.registers[dst_base]
            x_end = x_at + (shape[1] - 1) * rows.strides[2]
            # `dot` would write its result while it reads.
            if max(x_at, x_end) < at or at + results.nbytes <= min(x_at, x_end):
                return partial(_row, device.fifo, device.products, rows[0, 0], results[0, 0], shape)
        return partial(_rows, device, rows, results, shape)

    return make


def _drain(fifo: Fifo, shape: Shape, is_float: bool) -> Panel:
    """The oldest panel, which must have a shape and elements of a kind."""
    panel: Panel = fifo.pop()
    if panel.shape != shape or panel.element.is_float != is_float:
        raise _unfit(panel, shape)
    return panel


def _unfit(panel: Panel, shape: Shape) -> Trap:
    if panel.shape != shape:
        return Trap(TrapKind.ILLEGAL, f"panel is {panel.shape}, expected {shape}")
    return Trap(TrapKind.ILLEGAL, "float and integer operands meet in one product")


def _row(fifo: Fifo, products: Products, x: Array, out: Array, shape: Shape) -> None:
    """What tokens spend most of their instructions on."""
    panel = fifo.panels.popleft() if fifo.panels else fifo.pop()
    if panel.shape != shape or not panel.element.is_float:
        raise _unfit(panel, shape)
    products.row(panel, x, out)


def _rows(device: Device, x: Array, out: Array, shape: Shape) -> None:
    device.products.rows(_drain(device.fifo, shape, True), x, out)


def _general(device: Device, inst: Vecmat, x: Array, out: Array, shape: Shape) -> None:
    panel = _drain(device.fifo, shape, inst.x.type.is_float)
    device.products.general(panel, x, out, inst.accumulate, inst.dst.type)


MAKERS: dict[type[DataInst], Callable[[Any], Maker]] = {Vecmat: _vecmat}
