"""Fewer functions, results, attributes and locations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from xdsl.dialects.builtin import ModuleOp, UnknownLoc
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from dialects.lpu_mem import control as mem
from lpuc.diagnosis.reduction.ir.changes import Impossible, changed
from lpuc.diagnosis.reduction.ir.operations import prune
from lpuc.diagnosis.reduction.ir.signature import Signature, unused
from passes.analysis.functions import functions
from passes.rewriting.kernel import (
    erase,
    locate,
    set_attribute,
)


def unlocated(module: ModuleOp) -> Iterator[ModuleOp]:
    """Without locations: with some operations that have none, nobody asks for them."""

    def change(copy: ModuleOp) -> None:
        for op in copy.walk():
            locate(op, UnknownLoc())

    yield from changed(module, change)


def result_count(module: ModuleOp) -> int:
    """The results of all functions."""
    return sum(len(_results(func)) for func in functions(module))


def _results(func: FuncOp) -> Sequence[SSAValue]:
    last = func.body.block.last_op
    return list(last.operands) if isinstance(last, ReturnOp | mem.ReturnOp) else []


def without_results(module: ModuleOp, start: int, stop: int) -> Iterator[ModuleOp]:
    """Without some results of functions, counted over all of them, and what only they need."""
    yield from changed(module, lambda copy: _without_results(copy, start, stop, prune))


def unread_results(module: ModuleOp, start: int, stop: int) -> Iterator[ModuleOp]:
    """Without some results of functions; what only they need stays."""
    yield from changed(module, lambda copy: _without_results(copy, start, stop, unused))


def _without_results(copy: ModuleOp, start: int, stop: int, tidy: Callable[[FuncOp], None]) -> None:
    place = 0
    for func in functions(copy):
        signature, number = Signature.of(func), len(_results(func))
        kept = [i for i in range(number) if not start <= place + i < stop]
        place += number
        if len(kept) < number:
            signature.keep(kept)
            tidy(func)
            signature.update()


def function_count(module: ModuleOp) -> int:
    """How many functions there are."""
    return len(functions(module))


def without_functions(module: ModuleOp, start: int, stop: int) -> Iterator[ModuleOp]:
    """Without some functions."""

    def change(copy: ModuleOp) -> None:
        found = functions(copy)
        if stop - start == len(found):
            raise Impossible
        for func in found[start:stop]:
            erase(func)

    yield from changed(module, change)


def attributes(module: ModuleOp) -> list[tuple[int, str]]:
    """The attributes of all operations that are no properties, by the number of the operation."""
    return [(i, name) for i, op in enumerate(module.walk()) for name in op.attributes]


def without_attribute(module: ModuleOp, start: int, _stop: int) -> Iterator[ModuleOp]:
    """Without one attribute."""
    index, name = attributes(module)[start]

    def change(copy: ModuleOp) -> None:
        set_attribute(list(copy.walk())[index], name, None)

    yield from changed(module, change)
