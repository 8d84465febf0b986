"""Compile and run small `lpu_mem` functions written as text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.dialects.func import Func, FuncOp
from xdsl.parser import Parser

from dialects.lpu import Lpu
from dialects.lpu_esl import LpuEsl
from dialects.lpu_isa import LpuIsa
from dialects.lpu_mem import LpuMem
from dialects.lpu_mem.semantics import run_function
from lpuc.compiler.emit import program_in_memory
from passes.lpu_isa.allocate_registers import LpuIsaAllocateRegistersPass
from passes.lpu_mem.allocate import LpuMemAllocatePass
from passes.lpu_mem.convert_to_lpu_isa import ConvertLpuMemToLpuIsaPass
from runtime.program.program import Program
from runtime.run.interpreter import Interpreter

Arrays = Mapping[str, np.ndarray[Any, Any]]
TARGETS = ("lpu-4nm", "lpu-tiny")
BACKEND = (LpuMemAllocatePass(), ConvertLpuMemToLpuIsaPass(), LpuIsaAllocateRegistersPass())


def context() -> Context:
    """A context with the dialects of the backend."""
    ctx = Context()
    for dialect in (Builtin, Func, Lpu, LpuEsl, LpuMem, LpuIsa):
        ctx.load_dialect(dialect)
    return ctx


def parse(text: str, target: str = "lpu-4nm", devices: int = 1) -> ModuleOp:
    """The module around the functions of a text, for a target, or for several."""
    options = f'{{target = "{target}", devices = {devices} : i64}}'
    header = f"builtin.module attributes {{lpu.options = {options}}} {{"
    module = Parser(context(), f"{header}\n{text}\n}}").parse_module()
    module.verify()
    return module


def function(module: ModuleOp) -> FuncOp:
    """The only function of a module."""
    (func,) = (op for op in module.ops if isinstance(op, FuncOp))
    return func


def compiled(module: ModuleOp, folder: Path = Path()) -> Program:
    """The program of a module, which the passes change."""
    for step in BACKEND:
        step.apply(context(), module)
        module.verify()
    return program_in_memory(module, folder)


def at_all_levels(text: str, inputs: Arrays, target: str = "lpu-4nm") -> list[Arrays]:
    """Outputs of the function before and after allocation, and of the program."""
    module = parse(text, target)
    before = run_function(function(module), inputs, Path())
    LpuMemAllocatePass().apply(context(), module)
    after = run_function(function(module), inputs, Path())
    program = compiled(parse(text, target))
    return [before, after, Interpreter(program, fuel=1_000_000).run(inputs)]
