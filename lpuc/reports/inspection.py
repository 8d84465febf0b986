"""What is in a model or a program, as data; `text` is the same for a terminal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpuc.compiler.options import CompileOptions
from lpuc.errors import printable
from lpuc.files.programs import is_program, read_program
from lpuc.reports.data import plain
from lpuc.reports.lines import rows, size
from lpuc.reports.memory_map import memory_maps
from lpuc.reports.prediction import Prediction, at_bounds
from lpuc.reports.program import histogram, interface_rows, program_rows, weights_text
from lpuc.reports.ring import alone_rows
from runtime.calling.signature import EntryInfo, entry_info
from runtime.program.plan import Plan
from runtime.program.program import Program
from runtime.weights.image import Check

if TYPE_CHECKING:
    from lpuc.reports.model import ModelReport


@dataclass(frozen=True)
class ProgramReport:
    """What a program holds; sizes in bytes."""

    target: str
    weights: str
    parameters: int
    arena: int
    memory: int
    """Device memory that is used in all."""
    device_memory: int
    """Device memory that the machine has."""
    nodes: int
    """ONNX nodes that instructions come from."""
    instructions: dict[str, int]
    entries: dict[str, EntryInfo]
    program: Program = field(repr=False)
    elements: dict[str, int]
    """What a run of each entry works on at most."""
    devices: int = 1
    plan: Plan | None = None
    """What each of several devices computes, and what all of them hold."""
    fuel: int | None = None
    """Elements up to which runs are predicted."""

    @property
    def predictions(self) -> tuple[Prediction, ...]:
        """The time of `step` with the least and the greatest symbols, where it can run there."""
        return tuple(at_bounds(self.program, self.fuel))

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        return plain(self) | {"predictions": plain(self.predictions)}

    def text(self, path: Path) -> str:
        """The report on one screen, with maps of the memories."""
        head = [
            ("program", f"{printable(str(path))}, {size(path.stat().st_size)}"),
            ("weights", self.weights),
        ]
        program = self.program
        facts = rows([*head, *_rows(program, self.fuel), *interface_rows(program)])
        maps = memory_maps(program, self.fuel)
        return f"{facts}\n\ninstructions\n{histogram(program)}\n\n{maps}"


def _rows(program: Program, fuel: int | None) -> list[tuple[str, str]]:
    return [*program_rows(program, fuel), *alone_rows(program, fuel)]


def program_report(program: Program, weights: str, fuel: int | None = None) -> ProgramReport:
    """What a program holds; `weights` says where it has its own."""
    interface = program.interface
    counts = Counter(inst.MNEMONIC for inst in program.code)
    return ProgramReport(
        target=program.target.name,
        weights=weights,
        parameters=interface.params_size,
        arena=interface.arena_size,
        memory=interface.hbm_bytes,
        device_memory=program.target.hbm_bytes,
        nodes=len(program.provenance.names),
        instructions=dict(sorted(counts.items())),
        entries={name: entry_info(name, entry, program.devices) for name, entry in program.entries},
        program=program,
        elements=program.bounds.elements,
        devices=program.devices,
        plan=program.plan,
        fuel=fuel,
    )


def inspected(
    path: Path, options: CompileOptions, check: Check, fuel: int | None = None
) -> ModelReport | ProgramReport:
    """What is in a file, a model or a program, of which runs within `fuel` are predicted."""
    if is_program(path):
        program = read_program(path, check).program
        return program_report(program, weights_text(program), fuel)
    from lpuc.reports.model import model_report

    return model_report(path, options)
