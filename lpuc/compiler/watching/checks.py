"""What must hold of a module: whatever it is, behind a pass, and where a level ends."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from passes.specification import BELONGS, COMMON, specification_of

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass


def check_rules(module: ModuleOp) -> None:
    """Refuse what breaks a rule of ours."""
    from dialects.verification import verify_module

    verify_module(module)


def check_all_rules(module: ModuleOp) -> None:
    """The same, and by xDSL's, which ask each operation anew and take twice as long."""
    check_rules(module)
    module.verify()


def check_removed(module: ModuleOp, one: ModulePass) -> None:
    """Refuse an operation that a pass leaves behind though it removes all of its kind."""
    from dialects.reading import all_within
    from dialects.refusal import Refused

    spec = specification_of(type(one))
    if spec is None or not (spec.to or spec.removes):
        return
    kept = BELONGS[spec.to] | COMMON if spec.to else None
    for op in all_within(module):
        is_above = kept is not None and op.name.partition(".")[0] not in kept
        if is_above or op.name in spec.removes:
            raise Refused(op, f"it is left by '{one.name}'")


def check_level(module: ModuleOp, level: str, dialects: Set[str]) -> None:
    """Refuse an operation of a dialect that is none of a level's."""
    from dialects.reading import all_within
    from dialects.refusal import Refused

    for op in all_within(module):
        if op.name.partition(".")[0] not in dialects:
            raise Refused(op, f"it is left at level '{level}'")
