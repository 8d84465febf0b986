"""
Encode a module at the level `lpu_isa` as a program.

    program, pieces = emit_program(module, Path("model"))
    program.write("model.lpu", pieces)

Instructions come from the operations, the interface from the ports of the function, provenance from
locations. Parameters are read from the model's files piece by piece and never held as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, ModuleOp
from xdsl.dialects.func import FuncOp

from dialects.affine import Affine
from dialects.errors import node_names
from dialects.lpu.attributes import SymbolsAttr
from dialects.lpu_isa.code import Slot, SlotAttr
from dialects.lpu_isa.ops import IsaOp, LabelOp, WeightOp
from dialects.lpu_mem import ports as mem
from dialects.lpu_mem.ports import PortAttr
from dialects.lpu_mem.target import target_of
from dialects.names import unescape
from lpuc.parameters import weight_pieces
from runtime.interface import Dim, Interface, Port, Symbol
from runtime.isa import Inst
from runtime.program import Program
from runtime.provenance import Provenance

Piece = tuple[int, np.ndarray]


def emit_program(module: ModuleOp, folder: Path) -> tuple[Program, Iterable[Piece]]:
    """The program without parameters, and their bytes in ascending order of address.

    `folder` is where the paths of weights are relative to.
    """
    func = _function(module)
    code: list[Inst] = []
    nodes: list[tuple[str, ...]] = []
    labels = _labels(func)
    for op in func.body.block.ops:
        if isinstance(op, IsaOp):
            code.append(op.code.data.encoded(labels.__getitem__))
            nodes.append(tuple(map(unescape, node_names(op))))
    program = Program(tuple(code), _interface(func), Provenance.of(code, nodes), target_of(module))
    return program, _pieces(func, folder)


def write_program(module: ModuleOp, folder: Path, path: Path) -> Program:
    """Write the program to a file; returns it without parameters."""
    program, pieces = emit_program(module, folder)
    program.write(path, pieces)
    return program


def program_in_memory(module: ModuleOp, folder: Path) -> Program:
    """The program with its parameters as one array, for small models and tests."""
    program, pieces = emit_program(module, folder)
    params = np.zeros(program.interface.params_size, np.uint8)
    for offset, piece in pieces:
        data = piece.reshape(-1).view(np.uint8)
        params[offset : offset + data.size] = data
    return replace(program, params=params)


def _function(module: ModuleOp) -> FuncOp:
    functions = [op for op in module.ops if isinstance(op, FuncOp)]
    assert len(functions) == 1, "a program has one function"
    return functions[0]


def _labels(func: FuncOp) -> dict[str, int]:
    """The word address of each label."""
    labels: dict[str, int] = {}
    pc = 0
    for op in func.body.block.ops:
        if isinstance(op, LabelOp):
            assert op.label.data not in labels, f"label {op.label.data} stands twice"
            labels[op.label.data] = pc
        elif isinstance(op, IsaOp):
            pc += op.INST.WORDS
    return labels


def _interface(func: FuncOp) -> Interface:
    symbols = func.attributes.get("lpu.symbols")
    entries = symbols.data if isinstance(symbols, SymbolsAttr) else ()
    return Interface(
        inputs=_ports(func, "inputs"),
        outputs=_ports(func, "outputs"),
        symbols=tuple(Symbol(n, r, low, high) for r, (n, low, high) in enumerate(entries, start=1)),
        params_size=_number(func, "lpu_mem.params_size"),
        arena_base=_number(func, "lpu_mem.arena_base"),
        arena_size=_number(func, "lpu_mem.arena_size"),
    )


def _number(func: FuncOp, name: str) -> int:
    attribute = func.attributes[name]
    assert isinstance(attribute, IntegerAttr)
    return attribute.value.data


def _ports(func: FuncOp, kind: str) -> tuple[Port, ...]:
    ports, slots = func.attributes[f"lpu_mem.{kind}"], func.attributes[f"lpu_isa.{kind}"]
    assert isinstance(ports, ArrayAttr) and isinstance(slots, ArrayAttr)
    pairs = zip(cast("ArrayAttr[PortAttr]", ports), cast("ArrayAttr[SlotAttr]", slots), strict=True)
    return tuple(_port(port.data, slot.data) for port, slot in pairs)


def _port(port: mem.Port, slot: Slot) -> Port:
    return Port(
        name=unescape(port.name),
        dtype=port.dtype,
        storage=slot.dtype,
        shape=tuple(map(_dim, port.dims)),
        strides=port.strides,
        address=slot.address + port.offset * slot.dtype.itemsize,
        role=port.role,
    )


def _dim(extent: Affine) -> Dim:
    return Dim(extent.const, extent.terms)


def _pieces(func: FuncOp, folder: Path) -> Iterator[Piece]:
    weights = [op for op in func.body.block.ops if isinstance(op, WeightOp)]
    for op in sorted(weights, key=lambda op: op.address.value.data):
        offset = op.address.value.data
        for piece in weight_pieces(op.value.data, folder):
            yield offset, piece
            offset += piece.nbytes
