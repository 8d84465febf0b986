"""
Execute IR of the level `lpu_isa`: its instruction objects, as the instruction set specifies them.

```python
run_instructions(module, Path("model"), {"input_ids": ids})
```

Before registers are allocated, the machine has as many registers as the IR names. Behind, what is
executed has gone through the words of the program: what they cannot hold is not there. Either way a
run keeps the rules of the machine: nothing is read that nobody wrote, streams find room, loops end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from dialects.lpu_isa.code import VIRTUAL, Code
from dialects.lpu_isa.ops import IsaOp
from dialects.reading import all_within
from lpuc.compiler.emit import assembled, emit_parameters, emit_program, with_parameters
from runtime.isa.encoding import decode, encode
from runtime.program.program import Program
from runtime.run.interpreter import Hook, Interpreter

Array = np.ndarray[Any, Any]


def run_instructions(
    module: ModuleOp,
    folder: Path,
    inputs: Mapping[str, Array],
    entry: str = "step",
    values: Mapping[str, int] | None = None,
    on_token: Callable[[int], None] | None = None,
) -> dict[str, Array]:
    """Outputs by name of an entry; RuntimeFault where the machine refuses or traps."""
    return interpreter(module, folder).run(inputs, entry, values, on_token)


def interpreter(module: ModuleOp, folder: Path, on_step: Hook | None = None) -> Interpreter:
    """What runs a module any number of times; `on_step` is called before each instruction."""
    return Interpreter(executable(module, folder), reference=True, on_step=on_step)


def executable(module: ModuleOp, folder: Path) -> Program:
    """The program of a module with its parameters, for the machine that has its registers."""
    count = registers_named(module)
    if count <= VIRTUAL:
        program, pieces = emit_program(module, folder)
        decoded = replace(program, code=decode(encode(program.code)))
        return with_parameters(decoded, pieces)
    return with_parameters(unencoded(module), emit_parameters(module, folder))


def unencoded(module: ModuleOp) -> Program:
    """The program without parameters for a machine of as many registers as the module names."""
    program = assembled(module, Code.unbounded)
    count = max(program.target.registers, registers_named(module))
    return replace(program, target=replace(program.target, registers=count))


def registers_named(module: ModuleOp) -> int:
    """One more than the highest register of a module."""
    codes = (op.code.data for op in all_within(module) if isinstance(op, IsaOp))
    used = (register for code in codes for register in (*code.reads(), *code.writes()))
    return 1 + max(used, default=0)
