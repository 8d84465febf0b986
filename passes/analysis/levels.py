"""At which level IR is, and whether it is what a pass takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from dialects.errors import CompileError
from dialects.lpu.interface import symbols_of
from dialects.lpu.types import TensorType
from dialects.reading import operations
from passes.specification import BELONGS, FACTS, LEVELS, Specification, wrong_level


def dialects_of(module: ModuleOp) -> frozenset[str]:
    """The levels that operations in functions belong to."""
    kinds = set[type[Operation]]()
    for func in _functions(module):
        kinds.update(map(type, operations(func.body.block)))
    return frozenset({kind.name.partition(".")[0] for kind in kinds}).intersection(LEVELS)


def level_of(module: ModuleOp) -> str:
    """The level of IR: `onnx` as long as a node of the model is left, else the lowest there is."""
    found = dialects_of(module)
    return "onnx" if "onnx" in found or not found else max(found, key=LEVELS.index)


def _functions(module: ModuleOp) -> Iterator[FuncOp]:
    return (op for op in module.ops if isinstance(op, FuncOp) and op.body.blocks)


def _unbound(module: ModuleOp) -> str | None:
    """Why an argument has extents that are neither numbers nor affine in the symbols."""
    for func in _functions(module):
        symbols = symbols_of(func).ranges
        for argument in func.args:
            tensor = argument.type.data if isinstance(argument.type, TensorType) else None
            if tensor is None:
                continue
            if not tensor.is_resolved:
                return f"an argument is of type [{tensor}]"
            free = {name for extent in tensor.shape for name, _ in extent.terms} - symbols.keys()
            if free:
                return f"the symbol '{min(free)}' has no bounds"
    return None


def _unresolved(module: ModuleOp) -> str | None:
    """Why an extent of a value is not known."""
    bodies = (func.body.block for func in _functions(module))
    types = {
        id(value.type): value.type
        for block in bodies
        for op in operations(block)
        for value in op.results
    }
    tensors = [kind.data for kind in types.values() if isinstance(kind, TensorType)]
    lost = sorted(str(tensor) for tensor in tensors if not tensor.is_resolved)
    return f"a value is of type [{lost[0]}]" if lost else None


def _unplaced(module: ModuleOp) -> str | None:
    """Why buffers have no addresses."""
    placed = all("lpu_mem.arguments" in func.attributes for func in _functions(module))
    return None if placed else "buffers have no addresses"


_HOLDS: Mapping[str, Callable[[ModuleOp], str | None]] = {
    "dimensions": _unbound,
    "extents": _unresolved,
    "addresses": _unplaced,
}
"""Why a fact does not hold, for those that IR shows."""


def require(name: str, specification: Specification, module: ModuleOp) -> None:
    """`CompileError` if IR is not what the pass called `name` takes."""
    level = specification.level
    taken = LEVELS if level is None else (level, *specification.takes)
    others = dialects_of(module).difference(*(BELONGS[one] for one in taken))
    for found in sorted(others, key=LEVELS.index):
        raise CompileError(wrong_level(name, str(level), found))
    for fact in specification.needs:
        reason = _HOLDS[fact](module) if fact in _HOLDS else None
        if reason is not None:
            raise CompileError(f"'{name}' needs that {FACTS[fact][1]}, but {reason}")
