"""The functions that a module compiles, and what their attributes say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Block, Operation
from xdsl.traits import MemoryEffect, Pure

from dialects.affine import Ranges
from dialects.errors import CompileError
from dialects.lpu.control import ForOp
from dialects.lpu.interface import symbols_of
from dialects.lpu_mem import control as mem
from dialects.names import unescape
from dialects.reading import operations

DEFAULT_CONTEXT = 2048
"""Tokens of a text at most, where nobody asks for another number."""

LOOPS = frozenset({ForOp, mem.ForOp})
"""The loops of the levels `lpu` and `lpu_mem`."""


def functions(module: ModuleOp) -> list[FuncOp]:
    """All functions of a module, in order."""
    return [op for op in module.ops if isinstance(op, FuncOp)]


def step_function(module: ModuleOp) -> FuncOp:
    """The function that is called by the ONNX interface: `step`, or the only one."""
    found = functions(module)
    named = [func for func in found if func.sym_name.data == "step"]
    if len(found) != 1 and len(named) != 1:
        raise CompileError(f"the module has {len(found)} functions, expected one or a @step")
    return (named or found)[0]


def symbol_ranges(func: FuncOp) -> Ranges:
    """
    The inclusive range of every symbol, and of the variable of every loop: of all loops that
    share its name.

    There are no symbols before `onnx-bind-roles`.
    """
    ranges = symbols_of(func).ranges
    for loop in _loops(func.body.block):
        name, (low, high) = loop.variable.data, loop.span(ranges)
        known_low, known_high = ranges.get(name, (low, high))
        ranges[name] = (min(low, known_low), max(high, known_high))
    return ranges


def _loops(block: Block) -> Iterator[ForOp | mem.ForOp]:
    """Every loop, the outer ones first."""
    for op in operations(block):
        if type(op) in LOOPS and isinstance(op, ForOp | mem.ForOp):
            yield op
            yield from _loops(op.body.block)


def model_folder(module: ModuleOp) -> Path:
    """Where the paths of weights start: the folder of the model, or the current one."""
    folder = module.attributes.get("lpu.model_dir")
    return Path(unescape(folder.data)) if isinstance(folder, StringAttr) else Path()


def dictionary(attribute: Attribute | None) -> Mapping[str, Attribute]:
    """The entries of a dictionary attribute; empty if there is none."""
    return attribute.data if isinstance(attribute, DictionaryAttr) else {}


def options(module: ModuleOp) -> Mapping[str, Attribute]:
    """What the driver asks for: target, precision, shape, max_context."""
    return dictionary(module.attributes.get("lpu.options"))


def given_context(module: ModuleOp) -> int | None:
    """The longest context that the options ask for."""
    given = options(module).get("max_context")
    return given.value.data if isinstance(given, IntegerAttr) else None


def devices_of(module: ModuleOp) -> int:
    """For how many devices a module is compiled."""
    count = options(module).get("devices")
    return count.value.data if isinstance(count, IntegerAttr) else 1


@cache
def is_pure(cls: type[Operation]) -> bool:
    """Whether operations of this class have no effects, as a trait of theirs says."""
    return cls.has_trait(Pure)


@cache
def is_ordered(cls: type[Operation]) -> bool:
    """Whether operations of this class read or write memory, themselves or in a region."""
    return cls.has_trait(MemoryEffect) and not is_pure(cls)
