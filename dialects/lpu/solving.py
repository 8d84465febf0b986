"""
The values of symbols, from the arrays that a function is called with.

```python
symbols = solve_symbols(argument_tensors(function), arrays)
```
"""

from __future__ import annotations

from collections.abc import Sequence

from dialects.affine import Affine
from dialects.lpu.tensors import Array
from dialects.lpu.types import Tensor


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
