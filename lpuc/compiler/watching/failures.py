"""
What becomes of a bug of the compiler: a report that names pass, operation and ONNX nodes, and the
IR that shows it, in a file that can be run again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lpuc.compiler.watching.printing import ir_text
from lpuc.compiler.watching.reproducer import ANYWHERE, Place, Recipe
from lpuc.errors import InternalError, UserError

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

EMITTED = ("program", "parameters", "references")
"""What is encoded of a module, each behind all passes."""


def is_users(error: Exception) -> bool:
    """Whether the model or its files, and not the pass, are at fault."""
    from dialects.errors import CompileError

    return isinstance(error, CompileError | UserError | OSError | MemoryError)


def reported(
    error: Exception,
    where: str,
    recipe: Recipe,
    before: Callable[[], ModuleOp],
    place: Place,
    is_pass: bool = False,
) -> InternalError:
    """
    A bug, with the IR that shows it, if that can be made anew, in a file.

    If it is one of a pass, the operation to name is one of that IR.
    """
    from lpuc.diagnosis.failure import failure_of

    module = None
    with suppress(Exception):  # the bug itself matters more
        module = before()
    failure = failure_of(error, where, module if is_pass else None)
    message = f"{where}: {failure.message}"
    report = InternalError(message, operation=failure.operation, nodes=failure.nodes)
    with suppress(Exception):
        if module is not None:
            options = module.attributes.get("lpu.options")
            given = "" if options is None else str(options)
            noted = replace(recipe, failure=message, options=given)
            report.reproducer = place.put(noted.text(ir_text(module)))
    return report


@contextmanager
def emitting(module: ModuleOp, what: str, place: Place = ANYWHERE) -> Generator[None]:
    """
    Around the encoding of a module, or a part of it: one of `EMITTED`; a bug leaves the module.

    What several devices tell each other is no model's choice: where it is not proved, that is one.
    """
    assert what in EMITTED, what
    try:
        yield
    except Exception as error:
        from runtime.errors import RuntimeFault
        from runtime.ring.checks.compile import Unproved
        from runtime.ring.checks.load import Unsafe

        is_fault = isinstance(error, RuntimeFault) and not isinstance(error, Unproved | Unsafe)
        if isinstance(error, InternalError) or is_users(error) or is_fault:
            raise
        recipe = Recipe("", emit=what)
        raise reported(error, "emission", recipe, lambda: module, place) from error


def emit_again(module: ModuleOp, what: str, place: Place) -> None:
    """Encode what a reproducer says, into nothing; its weights lie where the module says."""
    from lpuc.compiler.emit import emit_parameters, emit_program, emit_references
    from passes.analysis.functions import model_folder

    folder = model_folder(module)
    with emitting(module, what, place):
        if what == "program":
            emit_program(module, folder)
        elif what == "parameters":
            for _ in emit_parameters(module, folder):
                pass
        else:
            emit_references(module, folder, Path())
