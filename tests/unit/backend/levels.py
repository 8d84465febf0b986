"""Run small `lpu` functions written as text at every level: what each gives, and its tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from dialects.lpu import execution
from dialects.lpu_mem import semantics
from lpuc.compiler.emit import program_in_memory
from lpuc.compiler.pipeline import PIPELINE, make_context, stage_passes
from runtime.program.program import Program
from runtime.run.interpreter import Interpreter
from runtime.run.ring import Stepping
from tests.unit.backend.harness import Arrays, parse

FUEL = 10_000_000
ONE_MESSAGE = Stepping(depth=1)
"""Links with no more room than they must have."""

MEM, ISA = (stage for stage in PIPELINE if stage.level in ("mem", "isa"))


@dataclass(frozen=True)
class Result:
    """Outputs of a run, and the tokens that it handed to the host."""

    outputs: Arrays
    tokens: list[int]


def named(module: ModuleOp, name: str) -> FuncOp:
    """A function of a module."""
    functions = (op for op in module.ops if isinstance(op, FuncOp))
    return next(func for func in functions if func.sym_name.data == name)


def _run(run: Callable[[Callable[[int], None]], Arrays]) -> Result:
    tokens: list[int] = []
    return Result(run(tokens.append), tokens)


def program_of(module: ModuleOp) -> Program:
    """The program of a module at level `lpu_mem` with addresses, which the passes change."""
    for one in stage_passes(ISA):
        one.apply(make_context(), module)
        module.verify()
    return program_in_memory(module, Path())


def at_every_level(
    text: str,
    inputs: Arrays,
    values: Mapping[str, int] | None = None,
    target: str = "lpu-tiny",
    entry: str = "step",
    devices: int = 1,
) -> dict[str, Result]:
    """Results at level `lpu` or `esl`, behind each pass of level `lpu_mem`, and of the program."""
    folder, module = Path(), parse(text, target, devices)

    def lpu(on_token: Callable[[int], None]) -> Arrays:
        func = named(module, entry)
        return execution.run_interface(func, inputs, folder, values, on_token, devices)

    def mem(on_token: Callable[[int], None]) -> Arrays:
        func = named(module, entry)
        return semantics.run_function(func, inputs, folder, values, on_token, devices)

    found = {"lpu": _run(lpu)}
    for one in stage_passes(MEM):
        one.apply(make_context(), module)
        module.verify()
        found[one.name] = _run(mem)
    program = program_of(module)
    for kind, reference in (("program", False), ("reference", True)):
        machine = Interpreter(program, fuel=FUEL, reference=reference, stepping=ONE_MESSAGE)
        found[kind] = _run(lambda on_token, m=machine: m.run(inputs, entry, values, on_token))
    return found


def agreed(results: Mapping[str, Result], rtol: float = 0) -> Result:
    """The result of level `lpu`, once all other levels are seen to agree with it."""
    first = results["lpu"]
    for level, other in results.items():
        assert other.tokens == first.tokens, level
        assert other.outputs.keys() == first.outputs.keys(), level
        for name, array in first.outputs.items():
            found = other.outputs[name]
            assert (found.dtype, found.shape) == (array.dtype, array.shape), f"{level}: {name}"
            np.testing.assert_allclose(found, array, rtol=rtol, err_msg=f"{level}: {name}")
    return first


def step_text(
    body: str,
    inputs: Mapping[str, str],
    results: Sequence[str] = (),
    symbols: str = "",
    name: str = "step",
) -> str:
    """A function with an argument for each input; its results are called `0`, `1`, .."""
    arguments = ", ".join(f"%{name} : {kind}" for name, kind in inputs.items())
    before, behind = (
        [
            f"{name} in state"
            for part in re.findall(rf"{side} <\[(.*?)\]>", body)
            for name in re.findall(r'"[^"]*"', part)
        ]
        for side in ("inputs", "outputs")
    )
    given = [f'"{name}" data {dtype_of(kind)}' for name, kind in inputs.items()] + before
    made = [f'"{name}" data {dtype_of(kind)}' for name, kind in enumerate(results)] + behind
    attributes = [
        f"lpu.symbols = #lpu.symbols<[{symbols}]>",
        f"lpu.interface = #lpu.interface<[{', '.join(given)}] -> [{', '.join(made)}]>",
    ]
    return f"""
    func.func @{name}({arguments}) -> ({", ".join(results)})
        attributes {{{", ".join(attributes)}}} {{
      {body}
    }}"""


def dtype_of(kind: str) -> str:
    """The element type at the end of a tensor type."""
    return kind.rpartition(", ")[2].rstrip(">")
