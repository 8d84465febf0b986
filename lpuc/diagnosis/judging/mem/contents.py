"""
What the operations of a level wrote, by the ONNX nodes that they come from: to find the place where
two levels part that share no values.

Where both levels do the same one by one, what they write is compared one by one. Else the last
array that a node's operations write is what the node computes, whole or tile by tile. Elements may
lie in another order: they are sorted. Only the name of a place rests on this, not whether numbers
are wrong.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.ir import Operation

from dialects.errors import node_names
from dialects.lpu_mem import control
from lpuc.diagnosis.judging.isa.written import content, writes
from lpuc.diagnosis.judging.runs import Runs
from lpuc.diagnosis.judging.snapshots import Snapshot
from lpuc.diagnosis.judging.traces import Event, layer_names
from lpuc.diagnosis.limits import run_machine
from lpuc.levels.cases import Case
from lpuc.levels.instructions import executable
from passes.analysis.functions import model_folder
from runtime.device.device import Device
from runtime.isa.accesses import Access
from runtime.numerics.elements import ElementType
from runtime.program.provenance import Provenance
from runtime.run.interpreter import Interpreter
from runtime.run.run import Run

Array = np.ndarray[Any, np.dtype[Any]]
Names = tuple[str, ...]


@dataclass(frozen=True)
class Piece:
    """What an operation wrote once; `at` tells operations of one name apart."""

    names: Names
    operation: str
    at: object
    array: Array


@dataclass
class Contents:
    """What operations wrote, in order, and by nodes."""

    pieces: list[Piece] = field(default_factory=list[Piece])
    by_names: dict[Names, list[Piece]] = field(default_factory=dict[Names, list[Piece]])
    is_whole: bool = True
    """Whether the run came to its end."""

    def add(self, names: Names, operation: str, at: object, array: Array) -> None:
        """One more."""
        if array.size:
            piece = Piece(names, operation, at, np.array(array).reshape(-1))
            self.pieces.append(piece)
            if names:
                self.by_names.setdefault(names, []).append(piece)

    def candidates(self, names: Names) -> list[Array]:
        """What may be what the nodes compute: each array, and all that one operation wrote."""
        whole: dict[object, list[Array]] = {}
        for piece in self.by_names[names]:
            whole.setdefault(piece.at, []).append(piece.array)
        several = [np.concatenate(arrays) for arrays in whole.values() if len(arrays) > 1]
        return [piece.array for piece in self.by_names[names]] + several

    @contextmanager
    def until_it_ends(self) -> Generator[None]:
        """Around a run that may break off: what it wrote up to there is kept."""
        try:
            yield
        except Exception:  # semantics raise what they meet
            self.is_whole = False


def of_events(events: list[Event]) -> Contents:
    """What operations on tensors computed."""
    written = Contents()
    for event in events:
        names = layer_names(event.op, event.turn)
        written.add(names, event.op.name, event.op, event.parts[0])
    return written


def of_buffers(runs: Runs, by_layer: bool = True) -> Contents:
    """What operations on buffers wrote, on the first device, by the nodes of each layer or all."""
    written = Contents()
    with written.until_it_ends():
        _ = runs.outputs
    for one in runs.written:
        names = turn_names(one.op, one.names) if by_layer else node_names(one.op)
        written.add(names, one.op.name, one.op, one.parts[0])
    return written


def _ignored(token: int) -> None:
    del token


def turn_names(op: Operation, values: Mapping[str, int]) -> Names:
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


def of_instructions(snapshot: Snapshot, case: Case, is_fast: bool = False) -> Contents:
    """What instructions wrote, on the first device; layers are not told apart."""
    watch = _Watch()
    program = executable(snapshot.module, model_folder(snapshot.module))
    machine = Interpreter(program, reference=not is_fast, on_step=watch)
    watch.provenance = machine.program.provenance
    with watch.written.until_it_ends():
        run_machine(machine, case, _ignored)
    return watch.written


@dataclass
class _Watch:
    """Looks at memory behind each instruction, which is before the next."""

    written: Contents = field(default_factory=Contents)
    provenance: Provenance = field(default_factory=Provenance)
    device: Device | None = None
    """The first."""
    pending: list[tuple[int, Access, ElementType]] = field(
        default_factory=list[tuple[int, Access, ElementType]]
    )

    def __call__(self, run: Run) -> None:
        self.device = self.device or run.device
        if run.device is not self.device:
            return
        for pc, access, element in self.pending:
            array = content(run.device, access, element)
            names = self.provenance.nodes_at(pc)
            self.written.add(names, run.code.instructions[pc].MNEMONIC, pc, array)
        here = writes(run, run.code.instructions.get(run.pc))
        self.pending = [one for one in here if not any(one[1].jumps)]


def written_by(runs: Runs) -> Contents:
    """What a run wrote, by nodes."""
    if runs.is_traced:
        return of_events(runs.events)
    if runs.snapshot.level == "lpu_mem":
        return of_buffers(runs)
    return of_instructions(runs.snapshot, runs.case)


def place_of(before: Runs, after: Runs, tolerance: float) -> tuple[str, tuple[str, ...]] | None:
    """The first operation whose nodes do not compute what they did."""
    try:
        if after.snapshot.level == "lpu_isa" and before.snapshot.level == "lpu_mem":
            ours = of_buffers(before, by_layer=False)
        else:
            ours = written_by(before)
        return parted(ours, written_by(after), tolerance)
    except Exception:  # one side cannot be run as far as it takes
        return None


def parted(before: Contents, after: Contents, tolerance: float) -> tuple[str, Names] | None:
    """
    The first operation whose numbers are not within a tolerance of those elsewhere, and its nodes.

    Where both sides do the same one by one, pairs are compared; else what each of the nodes
    computes. Sizes that appear on one side alone tell nothing.
    """
    pairs = list(zip(before.pieces, after.pieces, strict=False))
    if after.pieces and all(_is_alike(old, new) for old, new in pairs):
        apart = (new for old, new in pairs if not _is_near(new.array, old.array, tolerance))
        first = next(apart, None)
        if first is not None or len(before.pieces) == len(after.pieces):
            return None if first is None else (first.operation, first.names)
    for names, pieces in before.by_names.items():
        if names not in after.by_names:
            continue
        is_open = not after.is_whole and after.pieces[-1].names == names
        fitting = [a for a in after.candidates(names) if a.size == pieces[-1].array.size]
        if is_open or not fitting or any(_is_near(a, pieces[-1].array, tolerance) for a in fitting):
            continue
        return _within(pieces, after.by_names[names], tolerance), names
    return None


def _is_alike(old: Piece, new: Piece) -> bool:
    mine, theirs = (old.operation, old.names, old.array.size), new.array.size
    return mine == (new.operation, new.names, theirs)


def _within(before: Sequence[Piece], after: Sequence[Piece], tolerance: float) -> str:
    """
    Of operations that come from the same nodes, the first that is off.

    What the last one computes is wrong. What those before it compute is looked for in the same
    order; if all that is there, it is the one that first wrote what the last one did.
    """
    at = 0
    for old in before[:-1]:
        rest = [(i, new) for i, new in enumerate(after) if i >= at]
        fitting = [(i, new) for i, new in rest if new.array.size == old.array.size]
        near = (i for i, new in fitting if _is_near(new.array, old.array, tolerance))
        found = next(near, None)
        if found is None and fitting:
            return fitting[0][1].operation
        at = at if found is None else found + 1
    last = after[-1].array
    same = (new for new in after if new.array.size == last.size and _is_near(new.array, last, 0.0))
    return next(same).operation


def _is_near(array: Array, expected: Array, tolerance: float) -> bool:
    """Whether two arrays hold the same numbers, in whatever order."""
    mine, theirs = np.sort(array.astype(np.float64)), np.sort(expected.astype(np.float64))
    scale = np.max(np.abs(theirs), initial=1e-30, where=np.isfinite(theirs))
    return bool(np.allclose(mine, theirs, rtol=0, atol=tolerance * scale, equal_nan=True))
