"""What a model is called with, as the IR of a level says it."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from dialects.lpu.interface import Value, interface_of, symbols_of
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import Tensor
from dialects.names import unescape
from passes.analysis.functions import step_function
from runtime.program.interface import Dim, Interface, Port, Symbol


def interface_above(module: ModuleOp) -> Interface:
    """The interface of a model whose roles are bound, without a place in memory."""
    function = step_function(module)
    declared, end = interface_of(function), function.body.block.last_op
    assert end is not None, "a function ends with a return"

    symbols = tuple(Symbol(n, 0, low, high) for n, low, high in symbols_of(function).data)
    return Interface(
        inputs=_ports(declared.arguments, function.body.block.args),
        outputs=_ports(declared.results, end.operands),
        symbols=symbols,
        params_size=0,
        arena_base=0,
        arena_size=0,
    )


def _ports(declared: Sequence[Value], values: Sequence[SSAValue]) -> tuple[Port, ...]:
    pairs = zip(declared, map(tensor_of, values), strict=True)
    return tuple(
        Port(unescape(v.name), v.dtype, v.dtype, _dims(tensor), (), 0, v.role)
        for v, tensor in pairs
    )


def _dims(tensor: Tensor) -> tuple[Dim, ...]:
    return tuple(Dim(extent.const, extent.terms) for extent in tensor.shape)
