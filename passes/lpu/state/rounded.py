"""
Take and give a cache in the short type in which the model keeps it.

Converters to f16 that leave inputs and outputs in f32 cast at the border:
`present = f32(concat(f16(past), new))`. The host rounds what it gives as the model would, and
widening is exact; so argument and result are f16 and the interface goes on to say f32.

Only a past that is read rounded and by nothing else is taken so, with the results that hold it,
widened. A model that computes in f32 and rounds its `present` reads rows before they are rounded.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, SSAValue

from dialects.lpu.elementwise import CastOp
from dialects.lpu.interface import interface_of
from dialects.lpu.tensors import tensor_of
from passes.lpu.precision.widening import is_short
from passes.lpu.state.carried import carried
from passes.rewriting.kernel import erase_unread, replace, retype, set_operand
from passes.rewriting.signature import declare, sign, terminator_of
from runtime.numerics.elements import ElementType


def take_rounded(func: FuncOp) -> None:
    """Move the casts of caches out of a function, into its interface."""
    terminator = terminator_of(func)
    widened = {i: v for i, r in enumerate(terminator.operands) if (v := _widened(r)) is not None}
    found = [
        (argument, casts, shown)
        for argument, role in zip(func.args, interface_of(func).roles, strict=True)
        if role == "past"
        and (casts := _rounding(argument))
        and (shown := [i for i, value in widened.items() if casts[-1].result in carried(value)])
    ]
    if not found:
        return
    declare(func, interface_of(func))
    for argument, casts, _ in found:
        kept = casts[-1].result
        retype(argument, kept.type)
        replace(kept, argument)
        erase_unread(list(reversed(casts)))
    for index in sorted({index for _, _, shown in found for index in shown}):
        wide = terminator.operands[index].owner
        set_operand(terminator, index, widened[index])
        assert isinstance(wide, CastOp)
        erase_unread([wide])
    sign(func)


def _rounding(argument: BlockArgument) -> Sequence[CastOp]:
    """The casts behind which an argument is in a shorter type, or in its own again, all it has."""
    first = _only_cast(argument)
    if first is None:
        return ()
    if is_short(first.result):
        return (first,) if tensor_of(argument).dtype == ElementType.F32 else ()
    again = _only_cast(first.result)
    return (first, again) if again is not None and again.result.type == argument.type else ()


def _only_cast(value: SSAValue) -> CastOp | None:
    reader = value.get_user_of_unique_use()
    return reader if isinstance(reader, CastOp) else None


def _widened(result: SSAValue) -> SSAValue | None:
    """The short value that a result widens."""
    cast = result.owner
    if not isinstance(cast, CastOp) or tensor_of(result).dtype != ElementType.F32:
        return None
    return cast.source if is_short(cast.source) else None
