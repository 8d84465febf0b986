"""The maker of `vecmat`: rows of activations times a panel."""

from collections.abc import Callable
from functools import partial
from typing import Any

from runtime.device.device import Device
from runtime.device.fast.making import Maker, Run
from runtime.device.fifo import Fifo
from runtime.device.memory import Array
from runtime.device.panels import Panel
from runtime.device.products import Multiply
from runtime.isa.instructions.matrix import Vecmat
from runtime.isa.spec import DataInst
from runtime.traps import Trap, TrapKind

Shape = tuple[int, int, int]


def _vecmat(inst: Vecmat) -> Maker:
    accumulate, is_float = inst.accumulate, inst.x.type.is_float
    elements = (inst.x.type, inst.dst.type)

    def make(device: Device, out: Array, x: Array) -> Run:
        rows, results = x[..., 0], out[:, :, 0]
        shape = (rows.shape[0], rows.shape[2], results.shape[2])
        multiply = device.products.prepare(rows, results, accumulate, elements)
        return partial(_product, device.fifo, multiply, shape, is_float)

    return make


def _product(fifo: Fifo, multiply: Multiply, shape: Shape, is_float: bool) -> None:
    """What tokens spend most of their instructions on."""
    panel = fifo.panels.popleft() if fifo.panels else fifo.pop()
    if panel.shape != shape or panel.element.is_float != is_float:
        raise _unfit(panel, shape)
    multiply(panel)


def _unfit(panel: Panel, shape: Shape) -> Trap:
    if panel.shape != shape:
        return Trap(TrapKind.ILLEGAL, f"panel is {panel.shape}, expected {shape}")
    return Trap(TrapKind.ILLEGAL, "float and integer operands meet in one product")


MAKERS: dict[type[DataInst], Callable[[Any], Maker]] = {Vecmat: _vecmat}
