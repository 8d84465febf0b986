"""What holds of the shards of a function."""

from __future__ import annotations

from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from dialects.lpu_esl.ops import AllGatherOp
from dialects.refusal import require
from dialects.scopes import Rule, Scope


def devices_of(module: ModuleOp) -> int:
    """How many devices a module is for."""
    options = module.attributes.get("lpu.options")
    count = options.data.get("devices") if isinstance(options, DictionaryAttr) else None
    return count.value.data if isinstance(count, IntegerAttr) else 1


def _gather(op: AllGatherOp, scope: Scope) -> None:
    known, count = devices_of(scope.shared.module), op.devices
    require(op, count == known, f"it gathers from {count} devices where there are {known}")


RULES: dict[type[Operation], Rule] = {AllGatherOp: _gather}


def verify_function(func: FuncOp, scope: Scope) -> None:
    """Nothing beyond what its operations and types demand."""
    del func, scope
