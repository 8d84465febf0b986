"""Simpler loops: the body once, in its place or as a loop of one turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, SSAValue
from xdsl.traits import IsTerminator

from dialects.affine import Affine
from dialects.lpu import control
from dialects.lpu.attributes import AffineAttr
from dialects.lpu_mem import control as mem
from dialects.reading import operations
from lpuc.diagnosis.reduction.ir.changes import Impossible, changed, removable
from passes.rewriting.kernel import (
    erase,
    move,
    replace,
    set_property,
)

Loop = control.ForOp | mem.ForOp


def loops(module: ModuleOp) -> list[Loop]:
    """The loops of all functions, the outer ones first."""
    return [op for op in removable(module) if isinstance(op, control.ForOp | mem.ForOp)]


def simpler_loop(module: ModuleOp, start: int, _stop: int) -> Iterator[ModuleOp]:
    """The body of a loop in its place, else one turn of it."""
    yield from changed(module, lambda copy: _inline(loops(copy)[start]))
    yield from changed(module, lambda copy: _turn_once(loops(copy)[start]))


def _turn_once(loop: Loop) -> None:
    if loop.upper.data == loop.first + 1:
        raise Impossible
    set_property(loop, "upper", AffineAttr(loop.first + Affine(1)))


def _inline(loop: Loop) -> None:
    """What a body computes in its first turn; whoever mentions the variable is refused later."""
    body: Block = loop.body.block
    inits: Sequence[SSAValue] = loop.init if isinstance(loop, control.ForOp) else ()
    for argument, value in zip(body.args, inits, strict=True):
        replace(argument, value)
    last = body.last_op
    given: Sequence[SSAValue] = ()
    if isinstance(loop, control.ForOp):
        given = list(loop.terminator.values)[: len(inits)]
    for op in operations(body):
        if op is not last or not op.has_trait(IsTerminator):
            move(op, loop)
    for result, value in zip(loop.results, given, strict=False):
        replace(result, value)
    erase(loop)
