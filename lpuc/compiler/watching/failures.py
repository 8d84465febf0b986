"""What a bug of the compiler leaves: the IR that shows it, in a file that can be run again."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lpuc.compiler.watching.printing import ir_text
from lpuc.errors import InternalError, UserError
from lpuc.files.disk import write_text

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

REPRODUCER = Path("lpuc-reproducer.mlir")


def is_users(error: Exception) -> bool:
    """Whether the model or its files, and not the pass, are at fault."""
    from dialects.errors import CompileError

    return isinstance(error, CompileError | UserError | OSError | MemoryError)


def reported(
    message: str, pipeline: str, before: Callable[[], ModuleOp], reproducer: Path
) -> InternalError:
    """A bug, with the IR that shows it and the passes to run on it in a file."""
    with suppress(Exception):  # the bug itself matters more
        write_text(reproducer, f"// RUN: xdsl-opt %s -p '{pipeline}'\n{ir_text(before())}")
        return InternalError(message, reproducer)
    return InternalError(message)


def refused_nodes(error: Exception) -> str:
    """The ONNX nodes of the operation that a rule refused."""
    from dialects.errors import node_names
    from dialects.refusal import Refused

    names = ", ".join(node_names(error.op)) if isinstance(error, Refused) else ""
    return f" (ONNX: {names})" if names else ""


@contextmanager
def emitting(module: ModuleOp, reproducer: Path = REPRODUCER) -> Generator[None]:
    """
    Around the encoding of a module, behind all passes; a bug leaves the module in a file.

    What several devices tell each other is no model's choice: where it is not proved, that is one.
    """
    from runtime.errors import RuntimeFault
    from runtime.ring.checks.compile import Unproved

    try:
        yield
    except Exception as error:
        is_fault = isinstance(error, RuntimeFault) and not isinstance(error, Unproved)
        if is_users(error) or is_fault:
            raise
        message = f"emission: {type(error).__name__}: {error}"
        raise reported(message, "", lambda: module, reproducer) from error
