"""
Functions around one operation: operands are loaded into the LMU, results stored back.

    staged('lpu_mem.map "neg" %y, %x <[P, 4] {0: [4, 1]} {0: [4, 1]}>',
           inputs={"x": ("f32", ["P", 4])}, outputs={"y": ("f32", ["P", 4])}, symbols={"P": (0, 7)})

In the text of the operation, `%x` is the tile of `x` in the LMU and `%x_h` its buffer in HBM.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import prod

Spec = tuple[str, Sequence[int | str]]
Symbols = Mapping[str, tuple[int, int]]


def _bounds(shape: Sequence[int | str], symbols: Symbols) -> list[int]:
    return [symbols[e][1] if isinstance(e, str) else e for e in shape]


def _strides(bounds: Sequence[int]) -> list[int]:
    return [prod(max(b, 1) for b in bounds[axis + 1 :]) for axis in range(len(bounds))]


def _list(items: Sequence[int | str]) -> str:
    return f"[{', '.join(map(str, items))}]"


class _Staging:
    def __init__(self, specs: Mapping[str, Spec], symbols: Symbols) -> None:
        self.specs = specs
        self.symbols = symbols
        self.types: dict[str, str] = {}
        for name, (dtype, shape) in specs.items():
            elements = prod(max(b, 1) for b in _bounds(shape, symbols))
            self.types[f"%{name}"] = f"!lpu_mem.buffer<lmu, {dtype}, {elements}>"
            self.types[f"%{name}_h"] = f"!lpu_mem.buffer<hbm, {dtype}, {elements}>"

    def typed(self, line: str) -> str:
        """A line with the types of the buffers it names."""
        names = re.findall(r"%\w+", line)
        return f"  {line} : {', '.join(self.types[name] for name in names)}"

    def copy(self, name: str, to: str, source: str) -> str:
        _, shape = self.specs[name]
        view = f"{{0: {_list(_strides(_bounds(shape, self.symbols)))}}}"
        return self.typed(f"lpu_mem.copy %{to}, %{source} <{_list(shape)} {view} {view}>")

    def port(self, name: str) -> str:
        dtype, shape = self.specs[name]
        strides = _strides(_bounds(shape, self.symbols))
        return f'#lpu_mem.port<"{name}", data, {dtype}, {_list(shape)}, {_list(strides)}, 0>'


def staged(
    lines: str | Sequence[str],
    inputs: Mapping[str, Spec],
    outputs: Mapping[str, Spec],
    symbols: Symbols | None = None,
) -> str:
    """The text of a function whose body is `lines` between loads and stores."""
    known = symbols or {}
    s = _Staging({**inputs, **outputs}, known)
    body = [s.typed(line) for line in ([lines] if isinstance(lines, str) else lines)]
    only_out = [name for name in outputs if name not in inputs]
    allocs = [f"  %{n}_h = lpu_mem.alloc : {s.types[f'%{n}_h']}" for n in only_out]
    allocs += [f"  %{n} = lpu_mem.alloc : {s.types[f'%{n}']}" for n in s.specs]
    loads = [s.copy(name, name, f"{name}_h") for name in inputs]
    named = {name for line in body for name in re.findall(r"%(\w+)", line)}
    stores = [s.copy(name, f"{name}_h", name) for name in outputs if name in named]
    names = ", ".join(f"%{n}_h" for n in outputs)
    ranges = ", ".join(f"{n} in {low} to {high}" for n, (low, high) in known.items())
    arguments = ", ".join(f"%{n}_h : {s.types[f'%{n}_h']}" for n in inputs)
    attributes = [
        f"lpu.symbols = #lpu.symbols<[{ranges}]>",
        f"lpu_mem.inputs = [{', '.join(s.port(n) for n in inputs)}]",
        f"lpu_mem.outputs = [{', '.join(s.port(n) for n in outputs)}]",
    ]
    header = f"func.func @step({arguments}) attributes {{{', '.join(attributes)}}} {{"
    last = f"  lpu_mem.return {names} : {', '.join(s.types[f'%{n}_h'] for n in outputs)}"
    return "\n".join([header, *allocs, *loads, *body, *stores, last, "}"])
