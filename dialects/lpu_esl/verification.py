"""What holds of the shards of a function."""

from __future__ import annotations

from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from dialects.devices import devices_of
from dialects.lpu_esl.ops import AllGatherOp
from dialects.refusal import require
from dialects.scopes import Rule, Scope


def _gather(op: AllGatherOp, scope: Scope) -> None:
    known, count = devices_of(scope.shared.module), op.devices
    require(op, count == known, f"it gathers from {count} devices where there are {known}")


RULES: dict[type[Operation], Rule] = {AllGatherOp: _gather}


def verify_function(func: FuncOp, scope: Scope) -> None:
    """Nothing beyond what its operations and types demand."""
    del func, scope
