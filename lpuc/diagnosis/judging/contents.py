"""
What the operations of a level wrote, by the ONNX nodes that they come from: to find the place where
two levels part that share no values.

The last array that a node's operations write is what the node computes, in whatever order its
elements lie, whole or tile by tile. Only the name of a place rests on this: whether numbers are
wrong is judged by what leaves the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.ir import Operation

from dialects.devices import devices_of
from dialects.errors import node_names
from dialects.lpu_mem import control, ops
from dialects.lpu_mem.kernels import Point
from dialects.lpu_mem.semantics import run_function
from lpuc.diagnosis.judging.snapshots import Snapshot
from lpuc.diagnosis.judging.traces import Event, layer_names
from lpuc.levels.cases import Case
from lpuc.levels.execution import entries_of
from lpuc.levels.instructions import executable
from passes.analysis.functions import model_folder
from runtime.device.device import Device
from runtime.isa.accesses import Access
from runtime.isa.spec import DataInst, Inst
from runtime.numerics.elements import ElementType
from runtime.program.provenance import Provenance
from runtime.run.interpreter import Interpreter
from runtime.run.run import Run

Array = np.ndarray[Any, np.dtype[Any]]
Names = tuple[str, ...]


@dataclass
class Written:
    """Arrays by nodes, each with the operation that wrote it, in the order of their writing."""

    by_names: dict[Names, list[tuple[str, object, Array]]] = field(
        default_factory=dict[Names, list[tuple[str, object, Array]]]
    )

    def add(self, names: Names, operation: str, at: object, array: Array) -> None:
        """One more; `at` tells operations of one name apart."""
        if names and array.size:
            self.by_names.setdefault(names, []).append((operation, at, np.array(array).reshape(-1)))

    def last(self, names: Names) -> Array:
        """What the nodes compute."""
        return self.by_names[names][-1][2]

    def candidates(self, names: Names) -> list[Array]:
        """What may be that: each array, and all that one operation wrote."""
        whole: dict[object, list[Array]] = {}
        for _, at, array in self.by_names[names]:
            whole.setdefault(at, []).append(array)
        several = [np.concatenate(arrays) for arrays in whole.values() if len(arrays) > 1]
        return [array for _, _, array in self.by_names[names]] + several

    def operation(self, names: Names) -> str:
        """The last one that the nodes became."""
        return self.by_names[names][-1][0]


def of_events(events: list[Event]) -> Written:
    """What operations on tensors computed."""
    written = Written()
    for event in events:
        names = layer_names(event.op, event.turn)
        written.add(names, event.op.name, event.op, event.parts[0])
    return written


def of_buffers(snapshot: Snapshot, case: Case, by_layer: bool = True) -> Written:
    """What operations on buffers wrote, on the first device, by the nodes of each layer or all."""
    written = Written()

    def observe(op: ops.DataOp, point: Point, names: Mapping[str, int]) -> None:
        if op.operands:
            nodes = _turn_names(op, names) if by_layer else node_names(op)
            written.add(nodes, op.name, op, point.view(0).data)

    module = snapshot.module
    function = entries_of(module)[case.entry]
    folder, devices = model_folder(module), devices_of(module)
    run_function(function, case.inputs, folder, case.values, _ignored, devices, observer=observe)
    return written


def _ignored(token: int) -> None:
    del token


def _turn_names(op: Operation, values: Mapping[str, int]) -> Names:
    """The nodes of one turn of the loop over layers: the outermost that fits their number."""
    names, parent, found = node_names(op), op.parent_op(), node_names(op)
    while parent is not None:
        if isinstance(parent, control.ForOp) and not parent.upper.data.terms:
            step, first = parent.step.value.data, parent.first
            count = -(-(parent.upper.data.const - first.const) // step)
            if count > 1 and not first.terms and len(names) % count == 0:
                width = len(names) // count
                at = (values[parent.variable.data] - first.const) // step * width
                found = names[at : at + width]
        parent = parent.parent_op()
    return found


def of_instructions(snapshot: Snapshot, case: Case, is_fast: bool = False) -> Written:
    """What instructions wrote, on the first device; layers are not told apart."""
    watch = _Watch()
    program = executable(snapshot.module, model_folder(snapshot.module))
    machine = Interpreter(program, reference=not is_fast, on_step=watch)
    watch.provenance = machine.program.provenance
    machine.run(case.inputs, case.entry, case.values, _ignored)
    return watch.written


@dataclass
class _Watch:
    """Looks at memory behind each instruction, which is before the next."""

    written: Written = field(default_factory=Written)
    provenance: Provenance = field(default_factory=Provenance)
    run: Run | None = None
    pending: list[tuple[int, Access, ElementType]] = field(
        default_factory=list[tuple[int, Access, ElementType]]
    )

    def __call__(self, run: Run) -> None:
        self.run = self.run or run
        if run is not self.run:
            return
        for pc, access, element in self.pending:
            array = _content(run.device, access, element)
            names = self.provenance.nodes_at(pc)
            self.written.add(names, run.code.instructions[pc].MNEMONIC, pc, array)
        self.pending = _writes(run, run.code.instructions.get(run.pc))


def _writes(run: Run, inst: Inst | None) -> list[tuple[int, Access, ElementType]]:
    """What the next instruction is going to write."""
    if not isinstance(inst, DataInst):
        return []
    named = zip(inst.viewed(), inst.accesses(run.device.registers), strict=False)
    return [(run.pc, a, inst.operand(n).type) for n, a in named if a.writes and not any(a.jumps)]


def _content(device: Device, access: Access, element: ElementType) -> Array:
    """The elements of an access, as they are."""
    low, high = access.bounds()
    for memory in (device.arena,) if access.hbm else (device.lmu,):
        if memory.base <= low < high <= memory.end:
            at = access.base - memory.base
            kind, data = element.dtype, memory.data.data
            return np.ndarray(access.extents, kind, data, at, access.strides)
    return np.empty(0)


def parted(before: Written, after: Written, tolerance: float) -> tuple[str, Names] | None:
    """
    The first nodes whose numbers are elsewhere not within a tolerance, and what they became there.

    Sizes that appear on one side alone tell nothing.
    """
    for names in before.by_names:
        if names not in after.by_names:
            continue
        expected = np.sort(before.last(names).astype(np.float64))
        fitting = [a for a in after.candidates(names) if a.size == expected.size]
        if fitting and not any(_is_near(a, expected, tolerance) for a in fitting):
            return after.operation(names), names
    return None


def _is_near(array: Array, expected: Array, tolerance: float) -> bool:
    scale = np.max(np.abs(expected), initial=1e-30, where=np.isfinite(expected))
    ordered = np.sort(array.astype(np.float64))
    return bool(np.allclose(ordered, expected, rtol=0, atol=tolerance * scale, equal_nan=True))
