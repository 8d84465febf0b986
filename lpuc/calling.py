"""
One call of the ONNX interface on IR of any level.

```python
outputs = call(module, Path("in.npz"))
```

What is given is held to the interface that the IR declares, as a program does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from xdsl.dialects.builtin import ArrayAttr, ModuleOp
from xdsl.dialects.func import FuncOp

from dialects.affine import Affine
from dialects.devices import devices_of
from dialects.lpu import control
from dialects.lpu.interface import interface_of, symbols_of
from dialects.lpu.ports import StatePort
from dialects.lpu.tensors import whole_of
from dialects.lpu.types import TensorType
from dialects.lpu_mem import control as mem
from dialects.lpu_mem.ports import Port as MemPort
from dialects.lpu_mem.ports import PortAttr
from dialects.names import unescape
from dialects.reading import all_within, operations
from lpuc.errors import UserError
from lpuc.files.npz import Arrays, Inputs, inputs_of
from lpuc.levels.execution import run_level
from passes.analysis.functions import step_function
from passes.analysis.levels import level_of
from runtime.program.interface import Dim, Interface, Port, Symbol, device_symbols

LEVELS = {"onnx": "onnx", "lpu": "lpu", "lpu_esl": "esl", "lpu_mem": "mem", "lpu_isa": "isa"}
"""The levels of IR, and what they are called where they are run."""
LARGEST = (1 << 31) - 1
"""Of an extent that nothing bounds."""


def call(module: ModuleOp, inputs: Inputs) -> Arrays:
    """The outputs by name, in the order of the model; Unlinkable for inputs that do not fit."""
    function = step_function(module)
    level, interface = running_level(module), call_interface(function)
    arrays = inputs_of(inputs, interface)
    own = device_symbols(interface, 0, devices_of(module))
    interface.bind(arrays, own)
    found = run_level(level, module, arrays)
    names = [unescape(port.name) for port in interface_of(function).outputs]
    return {name: found[name] for name in names or found}


def running_level(module: ModuleOp) -> str:
    """By which semantics a module is run: where values lie on several devices, on all of them."""
    level = LEVELS[level_of(module)]
    is_shared = level == "lpu" and any(map(_is_shared, _types(module)))
    return "esl" if is_shared else level


def _types(module: ModuleOp) -> Iterator[object]:
    """Those of all results and arguments."""
    for op in all_within(module):
        yield from (result.type for result in op.results)
        for region in op.regions:
            yield from (a.type for block in region.blocks for a in block.args)


def _is_shared(kind: object) -> bool:
    return isinstance(kind, TensorType) and kind.sharding is not None


def call_interface(function: FuncOp) -> Interface:
    """What a call of a function is given, without a place in memory."""
    declared = interface_of(function)
    ports = {port.name: port for port in _ports(function)}
    names = [port.name for port in declared.inputs] or list(ports)
    missing = [name for name in names if name not in ports]
    if missing:
        raise UserError(f"nothing in the IR takes its input '{unescape(missing[0])}'")
    symbols = tuple(Symbol(n, 0, low, high) for n, low, high in symbols_of(function).data)
    inputs = tuple(_port(ports[name]) for name in names)
    free = {n for p in inputs for d in p.shape for n, _ in d.terms} - {s.name for s in symbols}
    symbols += tuple(Symbol(name, 0, 0, LARGEST) for name in sorted(free))
    return Interface(inputs, (), symbols, params_size=0, arena_base=0, arena_size=0)


def _ports(function: FuncOp) -> Iterator[MemPort | StatePort]:
    """What the IR of a function is given, in states and otherwise."""
    listed = function.attributes.get("lpu_mem.inputs")
    if isinstance(listed, ArrayAttr):
        yield from (port.data for port in cast("ArrayAttr[PortAttr]", listed))
    else:
        arguments = interface_of(function).arguments
        pairs = zip(function.body.block.args, arguments, strict=True)
        for index, (value, port) in enumerate(pairs):
            dims = whole_of(value).dims
            if dims is None:
                raise UserError(f"the input '{unescape(port.name)}' has no rank")
            named = (
                Affine.symbol(f"unnamed_{index}_{axis}") if extent is None else extent
                for axis, extent in enumerate(dims)
            )
            yield MemPort(port.name, port.role, port.dtype, tuple(named), (), 0)
    for op in operations(function.body.block):
        if isinstance(op, control.StateOp):
            yield from op.inputs.data
        if isinstance(op, mem.StateOp):
            yield from (port.data for port in op.inputs)


def _port(port: MemPort | StatePort) -> Port:
    shape = tuple(Dim(extent.const, extent.terms) for extent in port.dims)
    return Port(unescape(port.name), port.dtype, port.dtype, shape, (), 0, port.role)
