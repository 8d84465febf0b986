"""A program on another machine than the one that it was compiled for."""

from __future__ import annotations

from dataclasses import replace

from lpuc.reports.prediction import ends
from runtime.errors import BadOption, Invalid
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing import predict
from runtime.traps import Trap


def on_target(program: Program, target: Target) -> Program:
    """
    The same code there; `BadOption` where it cannot run.

    Code is bound to what fits: registers, LMU, FIFO, links. All else may differ.
    """
    moved = replace(program, target=target)
    try:
        moved.validate()
        for symbols in ends(moved):
            predict(moved, symbols)
    except (Invalid, Trap) as reason:
        raise BadOption(
            "target", f"the program cannot run on {target.name}: {reason}; compile the model for it"
        ) from None
    return moved
