"""Functions of several devices, written as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.parser import Parser

from dialects.lpu.execution import run_interface
from dialects.verification import verify_module
from lpuc.compiler.pipeline import make_context

Arrays = Mapping[str, np.ndarray]


def bits(array: np.ndarray) -> str:
    """The elements as a weight of the IR holds them."""
    return np.ascontiguousarray(array).tobytes().hex()


def module_of(body: str, devices: int, arguments: str = "", more: str = "") -> ModuleOp:
    """A module with one function `step`; `more` are symbols besides those of the devices."""
    names = [more] if more else []
    names += [f"d{j} in 0 to {devices - 1}" for j in range(devices)]
    results = body.rpartition("func.return")[2].partition(" : ")[2]
    text = f"""builtin.module attributes {{lpu.options = {{devices = {devices} : i64}}}} {{
      func.func @step({arguments}) -> ({results})
          attributes {{lpu.symbols = #lpu.symbols<[{", ".join(names)}]>}} {{
        {body}
      }}
    }}"""
    return Parser(make_context(), text).parse_module()


def run(
    module: ModuleOp,
    inputs: Arrays,
    devices: int,
    on_token: Callable[[int], None] | None = None,
) -> Arrays:
    """What `step` gives on a ring, in lock step."""
    (func,) = (op for op in module.ops if isinstance(op, FuncOp))
    return run_interface(func, inputs, Path(), None, on_token, devices)


def ran(body: str, inputs: Arrays, devices: int, arguments: str = "", more: str = "") -> Arrays:
    """The same of a text, which must be right."""
    module = module_of(body, devices, arguments, more)
    verify_module(module)
    return run(module, inputs, devices)
