"""
Run a function of the `lpu` level on numpy arrays.

```python
symbols = solve_symbols(argument_tensors(function), arrays)
outputs = run_function(function, {"x": x}, symbols, folder)
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue
from xdsl.utils.hints import isa

from dialects.affine import Affine
from dialects.lpu.ops import LpuOp, tensor_of
from dialects.lpu.semantics import Array, Scope, evaluate
from dialects.lpu.types import Tensor
from dialects.names import unescape
from runtime.numerics import ElementType


def port_names(function: FuncOp, attribute: str, count: int) -> tuple[str, ...]:
    """The ONNX names in `lpu.inputs` or `lpu.outputs`; the positions when there are none."""
    names = function.attributes.get(attribute)
    if names is None:
        return tuple(map(str, range(count)))
    assert isa(names, ArrayAttr[StringAttr])
    texts = [name.data for name in names]
    assert len(texts) == count, f"{attribute} names {len(texts)} of {count}"
    return tuple(map(unescape, texts))


def argument_tensors(function: FuncOp) -> tuple[Tensor, ...]:
    return tuple(tensor_of(argument) for argument in function.body.block.args)


def solve_symbols(tensors: Sequence[Tensor], arrays: Sequence[Array]) -> dict[str, int]:
    """
    The values of the symbols under which these arrays have these types.

    ValueError says which extent does not fit, or which symbol no extent determines.
    """
    equations = [
        pair
        for tensor, array in zip(tensors, arrays, strict=True)
        for pair in _extents(tensor, array)
    ]
    symbols: dict[str, int] = {}
    while _solve_one(equations, symbols):
        pass
    missing = {name for extent, _ in equations for name, _ in extent.terms} - symbols.keys()
    if missing:
        raise ValueError(f"no extent determines {', '.join(sorted(missing))}")
    for extent, size in equations:
        if extent.evaluate(symbols) != size:
            raise ValueError(f"an extent of {extent} does not fit {size}")
    return symbols


def _extents(tensor: Tensor, array: Array) -> list[tuple[Affine, int]]:
    if tensor.rank != array.ndim or tensor.dtype.dtype != array.dtype:
        raise ValueError(f"an array of {array.shape}, {array.dtype} is not of type {tensor}")
    return list(zip(tensor.shape, array.shape, strict=True))


def _solve_one(equations: Sequence[tuple[Affine, int]], symbols: dict[str, int]) -> bool:
    """Find one more symbol: an equation in which it is the only unknown."""
    for extent, size in equations:
        rest = extent.substitute(symbols)
        if len(rest.terms) == 1:
            ((name, coefficient),) = rest.terms
            symbols[name] = (size - rest.const) // coefficient
            return True
    return False


def _last_uses(function: FuncOp) -> dict[SSAValue, Operation]:
    return {value: op for op in function.body.block.ops for value in op.operands}


def run_function(
    function: FuncOp, inputs: Mapping[str, Array], symbols: Mapping[str, int], folder: Path
) -> dict[str, Array]:
    """Results by ONNX name; a value is dropped after the last operation that reads it."""
    block, scope = function.body.block, Scope(symbols, folder)
    names = port_names(function, "lpu.inputs", len(block.args))
    values: dict[SSAValue, Array] = {a: inputs[n] for a, n in zip(block.args, names, strict=True)}
    last_uses = _last_uses(function)
    for op in block.ops:
        if isinstance(op, ReturnOp):
            return _results(function, [values[v] for v in op.arguments])
        assert isinstance(op, LpuOp), f"not of the lpu level: {op.name}"
        results = evaluate(op, [values[v] for v in op.operands], scope)
        values.update((v, r) for v, r in zip(op.results, results, strict=True) if v.uses)
        for value in set(op.operands):
            if last_uses[value] is op:
                del values[value]
    raise AssertionError("the function does not return")


def run_interface(function: FuncOp, inputs: Mapping[str, Array], folder: Path) -> dict[str, Array]:
    """
    `run_function` with the ONNX interface: symbols from the extents, element types converted.

    They differ from the types of the function where cache is stored shorter than the model has it.
    """
    tensors = argument_tensors(function)
    names = port_names(function, "lpu.inputs", len(tensors))
    stored = {
        name: inputs[name].astype(tensor.dtype.dtype, copy=False)
        for name, tensor in zip(names, tensors, strict=True)
    }
    symbols = solve_symbols(tensors, [stored[name] for name in names])
    results = run_function(function, stored, symbols, folder)
    types = function.attributes.get("lpu.output_types")
    if not isa(types, ArrayAttr[StringAttr]):
        return results
    dtypes = [ElementType(t.data).dtype for t in types]
    pairs = zip(results.items(), dtypes, strict=True)
    return {name: array.astype(dtype, copy=False) for (name, array), dtype in pairs}


def _results(function: FuncOp, arrays: Sequence[Array]) -> dict[str, Array]:
    names = port_names(function, "lpu.outputs", len(arrays))
    return {n: np.ascontiguousarray(a) for n, a in zip(names, arrays, strict=True)}
