"""What functions are given and give, in arguments and in states, as the IR of a level says it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from xdsl.dialects.builtin import ArrayAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute

from dialects.affine import Affine
from dialects.lpu.control import StateOp
from dialects.lpu.interface import interface_of, symbols_of
from dialects.lpu.ports import StatePort
from dialects.lpu.tensors import whole_of
from dialects.lpu_mem.control import StateOp as StateOpOnBuffers
from dialects.lpu_mem.ports import Port as PortOnBuffers
from dialects.lpu_mem.ports import PortAttr
from dialects.names import unescape
from dialects.reading import operations
from passes.analysis.functions import functions, step_function
from runtime.numerics.elements import ElementType
from runtime.program.interface import Dim, Interface, Port, Symbol
from runtime.program.interface_json import CHUNK

PLACED = "lpu_mem.inputs", "lpu_mem.outputs"
"""Where functions on buffers say what they are given and give."""


def interface_above(module: ModuleOp) -> Interface:
    """The interface of a model whose roles are bound, without a place in memory."""
    function = step_function(module)
    symbols = tuple(Symbol(n, 0, low, high) for n, low, high in symbols_of(function).data)
    return Interface(
        inputs=inputs_of(function),
        outputs=_outputs_of(function),
        symbols=symbols,
        params_size=0,
        arena_base=0,
        arena_size=0,
    )


def inputs_of(function: FuncOp) -> tuple[Port, ...]:
    """What a function is given, in arguments and in states; its types must be known."""
    placed, (states, _) = function.attributes.get(PLACED[0]), _in_states(function)
    if placed is not None:
        return (*map(_kept, _of(placed)), *states)
    pairs = zip(interface_of(function).arguments, function.args, strict=True)
    found = (_port(v.name, v.role, v.dtype, whole_of(value).shape) for v, value in pairs)
    return (*found, *states)


def _outputs_of(function: FuncOp) -> tuple[Port, ...]:
    placed, (_, states) = function.attributes.get(PLACED[1]), _in_states(function)
    if placed is not None:
        return (*map(_kept, _of(placed)), *states)
    end = function.body.block.last_op
    assert end is not None, "a function ends with a return"
    pairs = zip(interface_of(function).results, end.operands, strict=True)
    found = (_port(v.name, v.role, v.dtype, whole_of(value).shape) for v, value in pairs)
    return (*found, *states)


def names_taken(function: FuncOp) -> frozenset[str]:
    """The names of what a function is given, whether types are known or not."""
    if PLACED[0] in function.attributes:
        return frozenset(port.name for port in inputs_of(function))
    declared = {unescape(port.name) for port in interface_of(function).arguments}
    return frozenset(declared | {port.name for port in _in_states(function)[0]})


def chunk_width(module: ModuleOp) -> int | None:
    """How many tokens the function takes that takes a prompt in chunks; None if there is none."""
    for function in functions(module):
        if function.sym_name.data == CHUNK:
            (ids,) = (port for port in inputs_of(function) if port.role == "ids")
            return ids.shape[1].const
    return None


def _in_states(function: FuncOp) -> tuple[list[Port], list[Port]]:
    """What lies in states before a call, and what behind it."""
    given, left = list[Port](), list[Port]()
    for op in operations(function.body.block):
        if type(op) is StateOp:
            given += map(_kept, op.inputs.data)
            left += map(_kept, op.outputs.data)
        elif type(op) is StateOpOnBuffers:
            given += map(_kept, _of(op.inputs))
            left += map(_kept, _of(op.outputs))
    return given, left


def _of(attribute: Attribute) -> list[PortOnBuffers]:
    assert isinstance(attribute, ArrayAttr)
    return [port.data for port in cast("ArrayAttr[PortAttr]", attribute)]


def _kept(port: StatePort | PortOnBuffers) -> Port:
    return _port(port.name, port.role, port.dtype, port.dims)


def _port(name: str, role: str, dtype: ElementType, dims: Iterable[Affine]) -> Port:
    shape = tuple(Dim(extent.const, extent.terms) for extent in dims)
    return Port(unescape(name), dtype, dtype, shape, (), 0, role)
