"""What the operations of the level `lpu` demand of what stands around them."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from dialects.affine import Affine
from dialects.lpu import control
from dialects.lpu.interface import check_interface
from dialects.lpu.movement import SliceOp
from dialects.lpu.ports import StatePort
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import Tensor
from dialects.refusal import require
from dialects.scopes import Bound, Rule, Scope


def _slice(op: SliceOp, scope: Scope) -> None:
    extents = op.result_tensor().shape
    for axis, (rest, at) in enumerate(zip(op.rests(), op.offsets.data, strict=False)):
        if rest.terms or at.terms:
            behind = scope.below_zero(rest, extents)
            require(op, not behind, f"it goes beyond the end of axis {axis}")
            before = scope.below_zero(at, extents)
            require(op, not before, f"it goes beyond the start of axis {axis}")


def _window(
    op: Operation, scope: Scope, state: Tensor, window: Tensor, offsets: Sequence[Affine]
) -> None:
    """A window lies within its state."""
    columns = zip(state.shape, window.shape, offsets, strict=True)
    for axis, (extent, width, at) in enumerate(columns):
        inside = not scope.below_zero(extent - width - at, window.shape)
        require(op, inside, f"the window leaves axis {axis} of its state")
        starts = not scope.below_zero(at, window.shape)
        require(op, starts, f"the window starts before axis {axis} of its state")


def _read(op: control.ReadOp, scope: Scope) -> None:
    _window(op, scope, control.state_of(op.state), tensor_of(op.result), op.offsets.data)


def _write(op: control.WriteOp, scope: Scope) -> None:
    _window(op, scope, control.state_of(op.state), tensor_of(op.value), op.offsets.data)


def _state(op: control.StateOp, scope: Scope) -> None:
    name, tensor = op.state.data, control.state_of(op.result)
    require(op, op.parent_op() is scope.func, "a state stands at the top of its function")
    require(op, name not in scope.states, f"the function has the state '{name}' already")
    scope.states.add(name)
    known = scope.shared.states.setdefault(name, op.result.type)
    require(op, known == op.result.type, f"another function has '{name}' as {known}")
    for port in (*op.inputs.data, *op.outputs.data):
        _port(op, port, tensor, scope)


def _port(op: control.StateOp, port: StatePort, state: Tensor, scope: Scope) -> None:
    """The axes of a port are the last ones of its state."""
    lead = state.rank - len(port.dims)
    widths = (*[Affine(1)] * lead, *port.local)
    for extent, width, at in zip(state.shape, widths, port.offsets, strict=True):
        outside = at < 0 or scope.below_zero(extent - width - at, port.dims)
        require(op, not outside, f"port '{port.name}' does not lie in the state")


def _loop(op: control.ForOp, scope: Scope) -> None:
    scope.bind(op, Bound(op.variable.data, "loop", op.first, (op.upper.data - 1,)))


def _emit(op: control.EmitOp, scope: Scope) -> None:
    del scope
    inside = isinstance(op.parent_op(), control.ForOp)
    require(op, inside, "a token is handed over in the body of a loop")


def _yield(op: control.YieldOp, scope: Scope) -> None:
    del scope
    require(op, isinstance(op.parent_op(), control.ForOp), "there is no loop to yield to")


RULES: dict[type[Operation], Rule] = {
    SliceOp: _slice,
    control.ReadOp: _read,
    control.WriteOp: _write,
    control.StateOp: _state,
    control.ForOp: _loop,
    control.EmitOp: _emit,
    control.YieldOp: _yield,
}


def verify_function(func: FuncOp, scope: Scope) -> None:
    """Its interface fits."""
    del scope
    check_interface(func)
