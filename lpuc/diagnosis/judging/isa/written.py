"""
What instructions write, as they write it.

```python
log = Log(provenance)
machine.on_step = log.writes
machine.run(inputs)
log.devices[0][0].array    # what the first instruction of the first device wrote
```
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from runtime.device.device import Device
from runtime.isa.accesses import Access
from runtime.isa.spec import DataInst, Inst
from runtime.numerics.elements import ElementType
from runtime.program.provenance import Provenance
from runtime.run.run import Run

Array = np.ndarray[Any, np.dtype[Any]]
Names = tuple[str, ...]


class Place(NamedTuple):
    """Where an array lies, and what it is made of."""

    in_hbm: bool
    address: int
    """Of its first element, in bytes."""
    elements: int
    kind: np.dtype[Any]


class Found(NamedTuple):
    """What one device has just written, where it lies."""

    device: int
    pc: int
    operation: str
    """Its mnemonic."""
    place: Place
    array: Array


@dataclass(frozen=True)
class Write:
    """What was written once, by an instruction or by an operation on buffers."""

    operation: str
    names: Callable[[], Names]
    """The ONNX nodes that it comes from, of one layer where these are told apart."""
    nodes: Names
    """The same of all layers."""
    place: Place
    array: Array
    bound: Callable[[], Array]
    """The local bound of each element."""


@dataclass
class Writes:
    """Looks at memory behind each instruction of each device, which is before its next one."""

    look: Callable[[Found], None]
    chosen: Counter[str] = field(default_factory=Counter[str])
    """What is not looked at: instructions that write where an index says, by mnemonic."""
    devices: list[Device] = field(default_factory=list[Device])
    pending: dict[int, list[tuple[int, Access, ElementType]]] = field(
        default_factory=dict[int, list[tuple[int, Access, ElementType]]]
    )

    def __call__(self, run: Run) -> None:
        if all(run.device is not one for one in self.devices):
            self.devices.append(run.device)
        number = next(n for n, one in enumerate(self.devices) if one is run.device)
        for pc, access, element in self.pending.get(number, []):
            array = content(run.device, access, element)
            if array.size:
                mnemonic = run.code.instructions[pc].MNEMONIC
                place = Place(access.hbm, access.base, array.size, array.dtype)
                self.look(Found(number, pc, mnemonic, place, array))
        inst = run.code.instructions.get(run.pc)
        here = writes(run, inst)
        self.pending[number] = [one for one in here if not any(one[1].jumps)]
        if inst is not None:
            self.chosen[inst.MNEMONIC] += len(here) - len(self.pending[number])


@dataclass
class Log:
    """Keeps what each device writes, in order."""

    provenance: Provenance
    devices: list[list[Write]] = field(default_factory=list[list[Write]])
    steps: list[list[int]] = field(default_factory=list[list[int]])
    """The instruction of each."""
    writes: Writes = field(init=False)

    def __post_init__(self) -> None:
        self.writes = Writes(self._note)

    def _note(self, found: Found) -> None:
        while len(self.devices) <= found.device:
            self.devices.append([])
            self.steps.append([])
        kept, nodes = found.array.copy(), self.provenance.nodes_at(found.pc)
        bound = partial(np.zeros, kept.shape)
        one = Write(found.operation, lambda: nodes, nodes, found.place, kept, bound)
        self.devices[found.device].append(one)
        self.steps[found.device].append(found.pc)


def writes(run: Run, inst: Inst | None) -> list[tuple[int, Access, ElementType]]:
    """What the next instruction is going to write."""
    if not isinstance(inst, DataInst):
        return []
    names = inst.viewed()  # what an index chooses comes before them
    named = zip(names, inst.accesses(run.device.registers)[-len(names) :], strict=True)
    return [(run.pc, a, inst.operand(n).type) for n, a in named if a.writes]


def content(device: Device, access: Access, element: ElementType) -> Array:
    """The elements of an access, where they lie."""
    low, high = access.bounds()
    for memory in (device.arena,) if access.hbm else (device.lmu,):
        if memory.base <= low < high <= memory.end:
            at = access.base - memory.base
            kind, data = element.dtype, memory.data.data
            return np.ndarray(access.extents, kind, data, at, access.strides)
    return np.empty(0)
