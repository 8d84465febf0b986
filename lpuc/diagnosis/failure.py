"""
What a failure is: how it shows, where, at which operation.

```python
Failure("crash", "lpu-raise-norm", "lpu.reduce", ("/layers.0/norm",), "KeyError: 3")
```

`failure_of` makes one of what was raised. Two failures are the same if kind, place and operation
agree: messages name values and lines, which change while a model is made smaller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from traceback import walk_tb
from types import FrameType
from typing import Literal

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation
from xdsl.utils.exceptions import VerifyException

from dialects.errors import CompileError, node_names
from dialects.refusal import Refused
from lpuc.errors import InternalError, UserError
from passes.rewriting.session import RewriteError
from runtime.errors import RuntimeFault
from runtime.traps import Trap

Kind = Literal["numbers", "crash", "verifier", "hang", "refusal"]

IMPORTER, ENCODER, INTERPRETER = "importer", "encoder", "interpreter"
"""Places that are no passes."""
UNKNOWN = "a place that cannot be told"
PACKAGES = ("lpuc", "passes", "dialects", "runtime")
PARTS = (
    ("runtime.program.", ENCODER),
    ("runtime.isa.encoding.", ENCODER),
    ("runtime.isa.kinds.", ENCODER),
    ("runtime.isa.fields.", ENCODER),
    ("lpuc.compiler.", ENCODER),
    ("runtime.", INTERPRETER),
)
"""Packages of the machine, and what they are parts of."""
HOLDERS = (ModuleOp, FuncOp)
"""Operations that only hold others: nothing goes wrong at them while one inside is looked at."""


@dataclass(frozen=True)
class Failure:
    """One way in which a compilation, or what comes of it, is not right."""

    kind: Kind
    where: str
    """A pass, or `importer`, `semantics of <level>`, `encoder`, `interpreter`."""
    operation: str | None = None
    """The name of the operation, `lpu.matmul`; None if there is no single one."""
    nodes: tuple[str, ...] = ()
    """The ONNX nodes that the operation comes from."""
    message: str = ""

    def same(self, other: Failure | None) -> bool:
        """Whether the other one shows in the same way, at the same place."""
        mine = (self.kind, self.where, self.operation)
        return other is not None and mine == (other.kind, other.where, other.operation)

    def __str__(self) -> str:
        at = f" at {self.operation}" if self.operation else ""
        nodes = f" ({', '.join(self.nodes[:3])})" if self.nodes else ""
        message = f": {self.message.strip()}" if self.message.strip() else ""
        return f"{self.kind} in {self.where}{at}{nodes}{message}"


class Failed(Exception):
    """A failure, where there is no other exception that tells of it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class Hang(Exception):
    """Something takes longer than it was given."""


def failure_of(error: BaseException, where: str) -> Failure:
    """What was raised in `where`, as a failure; a report of a bug stands for what it reports."""
    if isinstance(error, Failed):
        return error.failure
    if isinstance(error, Hang):
        return Failure("hang", where, message=str(error))
    if isinstance(error, CompileError):
        nodes = () if error.node is None else (error.node,)
        return Failure("refusal", where, error.op, nodes, error.message)
    if isinstance(error, UserError | RuntimeFault):
        return Failure("refusal", where, message=str(error))
    if isinstance(error, InternalError) and error.__cause__ is not None:
        error = error.__cause__
    return _bug(error, where)


def _bug(error: BaseException, where: str) -> Failure:
    if isinstance(error, Trap):
        return Failure("crash", where, None, error.nodes, f"{error.kind.value}: {error.message}")
    kind: Kind = "verifier" if isinstance(error, VerifyException | RewriteError) else "crash"
    op = error.op if isinstance(error, Refused) else _operation_of(error)
    name, nodes = (None, ()) if op is None else (op.name, node_names(op))
    text = str(error).strip().partition("\n")[0]
    what = text if isinstance(error, VerifyException) else f"{type(error).__name__}: {text}"
    return Failure(kind, where, name, nodes, what)


def _operation_of(error: BaseException) -> Operation | None:
    """The operation that was being looked at: the first in the innermost frames that hold one."""
    if isinstance(error.__cause__, Refused):
        return error.__cause__.op
    frames = [frame for frame, _ in walk_tb(error.__traceback__) if _is_own(frame)]
    found = (op for frame in reversed(frames) for op in _operations(frame))
    return next(found, None)


def part_of_machine(error: BaseException) -> str | None:
    """
    Which part of the machine a bug was raised in: `encoder` or `interpreter`.

    None if it is neither, and for what the machine refuses by its own rules: the program is to
    blame for that.
    """
    if isinstance(error, Trap | RuntimeFault):
        return None
    own = [frame for frame, _ in walk_tb(error.__traceback__) if _is_own(frame)]
    module = str(own[-1].f_globals.get("__name__", "")) if own else ""
    return next((part for start, part in PARTS if f"{module}.".startswith(start)), None)


def _is_own(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in PACKAGES


def _operations(frame: FrameType) -> Iterator[Operation]:
    """The operations among the local variables of a frame, in the order of their first use."""
    for value in frame.f_locals.values():
        if isinstance(value, Operation) and not isinstance(value, HOLDERS):
            yield value
