"""
Encode a module at the level `lpu_isa` as a program.

    program, pieces = emit_program(module, Path("model"))
    program.write("model.lpu", pieces)

Every function is an entry of the program, `step` the first; their code stands one behind the other.
Instructions come from the operations, interfaces from the ports of the functions, provenance from
locations. Parameters are read from the model's files piece by piece and never held as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp

from dialects.affine import Affine
from dialects.devices import devices_of
from dialects.errors import node_names
from dialects.lpu.interface import Resident, Value, interface_of, symbols_of
from dialects.lpu_isa.code import Code, Slot, SlotAttr
from dialects.lpu_isa.ops import MEANT, IsaOp, LabelOp
from dialects.lpu_mem import ports as mem
from dialects.lpu_mem.ports import PortAttr
from dialects.lpu_mem.target import target_of
from dialects.names import unescape
from dialects.reading import operations
from lpuc.compiler.parameters import Piece, parameter_pieces, parameters
from lpuc.compiler.plans import plan_of
from runtime.isa import Inst
from runtime.isa.meant import Meant
from runtime.program.interface import Dim, Interface, Port, Symbol
from runtime.program.interface_json import STEP, Entry
from runtime.program.program import Program
from runtime.program.provenance import Provenance
from runtime.weights.image import Image
from runtime.weights.references import References, refer
from runtime.weights.source_files import Sums

Assemble = Callable[[Code, Callable[[str], int]], Inst]
"""How an instruction of the IR becomes one of the machine, given where labels are."""


def emit_program(module: ModuleOp, folder: Path) -> tuple[Program, Iterable[Piece]]:
    """
    The program without parameters, and their bytes in ascending order of address.

    One for several devices has the proof that they do not wait for ever or mix up messages, and
    passes the check of a load: none is written that could not be loaded. `folder` is where the
    paths of weights are relative to.
    """
    program = assembled(module)
    if program.devices > 1:
        from runtime.ring.checks.compile import proved

        program = proved(program)
        program.check_ring()
    return program, emit_parameters(module, folder)


def assembled(module: ModuleOp, instruction: Assemble = Code.encoded) -> Program:
    """The program without parameters, of which nothing is proved."""
    functions = _functions(module)
    code: list[Inst] = []
    nodes: list[tuple[str, ...]] = []
    named: dict[int, tuple[str, ...]] = {}
    known: dict[Code, Inst] = {}
    entries: list[Entry] = []
    pc = 0
    for func in functions:
        labels, end = _labels(func, pc)
        for op in operations(func.body.block):
            if isinstance(op, IsaOp):
                code.append(_instruction(op, instruction, labels, known))
                nodes.append(_named(op, named))
        entries.append((func.sym_name.data, _interface(func, pc)))
        pc = end
    (_, step), *others = entries
    assert all(entry.memory == step.memory for _, entry in others), "functions differ in memory"
    provenance = Provenance.of(code, nodes)
    return Program(
        tuple(code), step, provenance, target_of(module), others=tuple(others),
        devices=devices_of(module), plan=plan_of(module), meant=_meant(functions),
    )  # fmt: skip


def emit_parameters(module: ModuleOp, folder: Path) -> Iterable[Piece]:
    """The bytes of the parameters in ascending order of address, to be read once."""
    return parameter_pieces(parameters(_functions(module)), folder, devices_of(module))


class NotEncodable(Exception):
    """An operation for which the machine has no instruction, which the passes must not leave."""


def _instruction(
    op: IsaOp, instruction: Assemble, labels: Mapping[str, int], known: dict[Code, Inst]
) -> Inst:
    """The machine instruction; those that are equal are one object, but for branches."""
    code = op.code.data
    if code in known:
        return known[code]
    try:
        inst = instruction(code, labels.__getitem__)
    except (ValueError, KeyError) as error:
        where = ", ".join(map(unescape, node_names(op))) or "no node"
        raise NotEncodable(f"{where}: {op.name} {op.code.data}: {error}") from error
    if code.target() is None:
        known[code] = inst
    return inst


def _named(op: IsaOp, known: dict[int, tuple[str, ...]]) -> tuple[str, ...]:
    """The nodes of an operation; in a loop over layers they are many, and most share a location."""
    key = id(op.location)
    if key not in known:
        known[key] = tuple(map(unescape, node_names(op)))
    return known[key]


def emit_references(
    module: ModuleOp, folder: Path, target_folder: Path, sums: Sums | None = None
) -> References:
    """The parameters as references, for a program in `target_folder`."""
    return refer(parameters(_functions(module)), folder, target_folder, sums)


def program_in_memory(module: ModuleOp, folder: Path) -> Program:
    """The program with its parameters as one array, for small models and tests."""
    return with_parameters(*emit_program(module, folder))


def with_parameters(program: Program, pieces: Iterable[Piece]) -> Program:
    """A program with these parameters in memory."""
    size = program.interface.params_size
    images = [np.zeros(size, np.uint8) for _ in range(program.devices)]
    for offset, parts in pieces:
        for params, part in zip(images, parts, strict=True):
            data = part.reshape(-1).view(np.uint8)
            params[offset : offset + data.size] = data
    return replace(program, images=tuple(map(Image, images)))


def _functions(module: ModuleOp) -> list[FuncOp]:
    """The functions of a module, `step` first, the others in their order."""
    functions = [op for op in module.ops if isinstance(op, FuncOp)]
    functions.sort(key=lambda func: func.sym_name.data != STEP)
    assert functions and functions[0].sym_name.data == STEP, f"a program has the function {STEP}"
    return functions


def _labels(func: FuncOp, pc: int) -> tuple[dict[str, int], int]:
    """The word address of each label of a function that starts at `pc`, and where it ends."""
    labels: dict[str, int] = {}
    for op in operations(func.body.block):
        if isinstance(op, LabelOp):
            assert op.label.data not in labels, f"label {op.label.data} stands twice"
            labels[op.label.data] = pc
        elif isinstance(op, IsaOp):
            pc += op.INST.WORDS
    return labels, pc


def _meant(functions: Sequence[FuncOp]) -> Meant:
    """What the functions were meant to do; nothing where that was not written down."""
    return {
        func.sym_name.data: tuple(digest.data for digest in cast("ArrayAttr[StringAttr]", digests))
        for func in functions
        if isinstance(digests := func.attributes.get(MEANT), ArrayAttr)
    }


def _interface(func: FuncOp, pc: int) -> Interface:
    symbols, declared = symbols_of(func), interface_of(func)
    registers = symbols.registers
    return Interface(
        inputs=_ports(func, "inputs", declared.inputs),
        outputs=_ports(func, "outputs", declared.outputs),
        symbols=tuple(Symbol(n, registers[n], low, high) for n, low, high in symbols.data),
        params_size=_number(func, "lpu_mem.params_size"),
        arena_base=_number(func, "lpu_mem.arena_base"),
        arena_size=_number(func, "lpu_mem.arena_size"),
        pc=pc,
    )


def _number(func: FuncOp, name: str) -> int:
    attribute = func.attributes[name]
    assert isinstance(attribute, IntegerAttr)
    return attribute.value.data


def _ports(func: FuncOp, kind: str, declared: Sequence[Value | Resident]) -> tuple[Port, ...]:
    """The inputs or outputs in the order of the model."""
    ports, slots = func.attributes[f"lpu_mem.{kind}"], func.attributes[f"lpu_isa.{kind}"]
    assert isinstance(ports, ArrayAttr) and isinstance(slots, ArrayAttr)
    pairs = zip(cast("ArrayAttr[PortAttr]", ports), cast("ArrayAttr[SlotAttr]", slots), strict=True)
    found = {port.data.name: _port(port.data, slot.data) for port, slot in pairs}
    order = [port.name for port in declared] or list(found)
    assert sorted(order) == sorted(found), f"the {kind} are {order} and {list(found)}"
    return tuple(found[name] for name in order)


def _port(port: mem.Port, slot: Slot) -> Port:
    return Port(
        name=unescape(port.name),
        dtype=port.dtype,
        storage=slot.dtype,
        shape=tuple(map(_dim, port.dims)),
        strides=port.strides,
        address=slot.address + port.offset * slot.dtype.itemsize,
        role=port.role,
        sharding=port.sharding,
    )


def _dim(extent: Affine) -> Dim:
    return Dim(extent.const, extent.terms)
