"""Before its first token a text has no state: what each token replaces is zero then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.ir import Block, SSAValue

from dialects.affine import Affine
from dialects.lpu import control
from dialects.lpu.attributes import AffineListAttr
from passes.lpu.state.replaced import RECURRENT
from passes.rewriting.build import Build


def replaced_states(block: Block) -> list[control.StateOp]:
    """The states that each step replaces."""
    states = [op for op in block.ops if isinstance(op, control.StateOp)]
    return [op for op in states if any(port.role == RECURRENT for port in op.inputs.data)]


def forget(
    build: Build, states: Sequence[control.StateOp], copies: Mapping[SSAValue, SSAValue]
) -> None:
    """Write zeros to the copies of states."""
    for op in states:
        state = copies[op.result]
        held = control.state_of(state)
        zeros = build.fill(0, held.shape, held.dtype)
        offsets = AffineListAttr((Affine(),) * held.rank)
        build.insert(
            control.WriteOp.create(operands=[state, zeros], properties={"offsets": offsets})
        )
