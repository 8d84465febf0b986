"""
Execute IR: every level above the machine has semantics of its own, in numpy; level `isa` has those
of the instruction set.

```python
outputs = run_level("lpu", module, inputs)
run_level("mem", module, inputs, "generate", {"fed": 0, "total": 9, "sampled": 0}, tokens.append)
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from dialects.devices import devices_of
from dialects.observing import Memo, Observer
from lpuc.levels.initializers import Initializers, initializers_of
from passes.analysis.functions import functions, model_folder, step_function

if TYPE_CHECKING:
    from dialects.lpu_mem.semantics import Watch

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]
OnToken = Callable[[int], None]

STEP = "step"
"""The entry that is called by the ONNX interface."""


@dataclass(frozen=True)
class _Call:
    """
    What a function is run on.

    `values` gives the symbols that no extent determines, `on_token` gets the tokens that the
    function emits, `constants` are those of level `onnx`.
    """

    inputs: Arrays
    folder: Path
    devices: int = 1
    values: Mapping[str, int] = field(default_factory=dict[str, int])
    on_token: OnToken | None = None
    constants: Initializers | None = None
    observer: Observer | None = None
    memo: Memo | None = None
    watch: Watch | None = None
    kept: dict[str, Any] | None = None


def _run_onnx(function: FuncOp, call: _Call) -> Arrays:
    from dialects.onnx.execution import run_function

    return run_function(
        function, call.inputs, call.folder, call.constants, call.observer, call.memo
    )


def _run_lpu(function: FuncOp, call: _Call) -> Arrays:
    from dialects.lpu.execution import run_interface

    given = (call.inputs, call.folder, call.values, call.on_token, call.devices)
    return run_interface(function, *given, call.observer, call.memo, call.kept)


def _run_mem(function: FuncOp, call: _Call) -> Arrays:
    from dialects.lpu_mem.semantics import run_function

    given = (call.inputs, call.folder, call.values, call.on_token, call.devices)
    return run_function(function, *given, watch=call.watch, kept=call.kept)


def _run_isa(function: FuncOp, call: _Call) -> Arrays:
    from lpuc.levels.instructions import run_instructions

    module, entry = function.parent_op(), function.sym_name.data
    assert isinstance(module, ModuleOp), "a function stands in a module"
    return run_instructions(module, call.folder, call.inputs, entry, call.values, call.on_token)


_RUNNERS: dict[str, Callable[[FuncOp, _Call], Arrays]] = {
    "onnx": _run_onnx,
    "lpu": _run_lpu,
    "esl": _run_lpu,
    "mem": _run_mem,
    "isa": _run_isa,
}
SHARED = frozenset({"esl", "mem", "isa"})
"""Levels whose functions run on all devices; above, one device has everything."""


def entries_of(module: ModuleOp) -> dict[str, FuncOp]:
    """The functions of a module that can be called, by name; the one of the interface is `step`."""
    step = step_function(module)
    return {STEP if f is step else f.sym_name.data: f for f in functions(module)}


def run_level(
    level: str,
    module: ModuleOp,
    inputs: Arrays,
    entry: str = STEP,
    values: Mapping[str, int] | None = None,
    on_token: OnToken | None = None,
    observer: Observer | None = None,
    memo: Memo | None = None,
    watch: Watch | None = None,
    kept: dict[str, Any] | None = None,
) -> Arrays:
    """
    The outputs of an entry of the model by name, computed on the IR of a level.

    `values` gives the symbols that no input determines, `on_token` gets the tokens that the entry
    emits, `observer` sees each operation of the levels above `mem`, whose results `memo` may know;
    `watch` those of `mem`. At the levels from `lpu` to `mem`, calls that are given the same `kept`,
    empty at first, go on with each other's states: what a call before put there is no input that
    must be given.
    A module without the entry is a `LookupError`.
    """
    found = entries_of(module)
    if entry not in found:
        raise LookupError(f"level {level} has no entry '{entry}', only {', '.join(found)}")
    devices = devices_of(module) if level in SHARED else 1
    constants = initializers_of(module) if level == "onnx" else None
    folder = model_folder(module)
    given = dict(values or {})
    call = _Call(inputs, folder, devices, given, on_token, constants, observer, memo, watch, kept)
    return _RUNNERS[level](found[entry], call)
