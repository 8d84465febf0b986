"""
What a failure is: how it shows, where, at which operation.

```python
Failure("crash", "lpu-raise-norm", "lpu.reduce", ("/layers.0/norm",), "KeyError: 3")
```

`failure_of` makes one of what was raised. Two failures are the same if kind, place and operation
agree: messages name values and lines, which change while a model is made smaller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import VerifyException

from dialects.errors import CompileError
from lpuc.diagnosis.blame import Subject, module_of, own_frames, subject_at, subject_of, writer_of
from lpuc.errors import InternalError, UserError
from passes.rewriting.session import RewriteError
from runtime.errors import Misuse, RuntimeFault
from runtime.traps import Trap, TrapKind

Kind = Literal["numbers", "structure", "crash", "verifier", "hang", "refusal"]

IMPORTER, ENCODER, INTERPRETER = "importer", "encoder", "interpreter"
"""Places that are no passes."""
UNKNOWN = "a place that cannot be told"
PARTS = (
    ("runtime.program.", ENCODER),
    ("runtime.isa.encoding.", ENCODER),
    ("runtime.isa.kinds.", ENCODER),
    ("runtime.isa.fields.", ENCODER),
    ("lpuc.compiler.", ENCODER),
    ("runtime.", INTERPRETER),
)
"""Packages of the machine, and what they are parts of."""


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
        """
        Whether the other one shows in the same way, at the same place.

        When time is up is chance: the operation of a hang says where to look, no more.
        """
        if other is None or (self.kind, self.where) != (other.kind, other.where):
            return False
        return self.kind == "hang" or self.operation == other.operation

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


class Hang(BaseException):
    """
    Something takes longer than it was given.

    No error of what runs at that moment: whoever takes everything for one must not take this.
    """

    def __init__(self, message: str, limit: object = None) -> None:
        super().__init__(message)
        self.limit = limit
        """Whose time is over: what `limits.at_most` gave."""


class Endless(Exception):
    """A run of the machine does not end, which is what is wrong with it."""


def failure_of(error: BaseException, where: str, given: ModuleOp | None = None) -> Failure:
    """
    What was raised in `where`, as a failure; a report of a bug stands for what it reports.

    `given` is the IR before `where`, if that is a pass: its operations are the ones to name.
    """
    if isinstance(error, Failed):
        return error.failure
    if isinstance(error, Hang | Endless):
        return _at(subject_of(error, given), "hang", where, str(error))
    if isinstance(error, CompileError):
        return _refusal(error, where, given)
    if isinstance(error, UserError):
        return Failure("refusal", where, message=str(error))
    if isinstance(error, RuntimeFault):
        return _at(subject_of(error), "refusal", where, str(error))
    if isinstance(error, InternalError) and error.__cause__ is not None:
        error = error.__cause__
    return _bug(error, where, given)


def _at(subject: Subject | None, kind: Kind, where: str, message: str) -> Failure:
    name, nodes = (None, ()) if subject is None else (subject.name or None, subject.nodes)
    return Failure(kind, where, name, nodes, message)


def _refusal(error: CompileError, where: str, given: ModuleOp | None) -> Failure:
    """What a refusal names itself; where it names no operation, that which was worked on."""
    nodes = () if error.node is None else (error.node,)
    if error.op is None and given is not None:
        subject = subject_at(nodes, given) if nodes else subject_of(error, given)
        return _at(subject or Subject("", nodes), "refusal", where, error.message)
    return Failure("refusal", where, error.op, nodes, error.message)


def _bug(error: BaseException, where: str, given: ModuleOp | None) -> Failure:
    subject = subject_of(error, given)
    if isinstance(error, Trap):
        subject = (writer_of(error) if where == INTERPRETER else None) or subject
        kind: Kind = "hang" if error.kind is TrapKind.FUEL else "crash"
        nodes = error.nodes or (() if subject is None else subject.nodes)
        name, message = None if subject is None else subject.name, error.message
        return Failure(kind, where, name, nodes, f"{error.kind.value}: {message}")
    kind = "verifier" if isinstance(error, VerifyException | RewriteError) else "crash"
    text = str(error).strip().partition("\n")[0]
    what = text if isinstance(error, VerifyException) else f"{type(error).__name__}: {text}"
    return _at(subject, kind, where, what)


def part_of_machine(error: BaseException) -> str | None:
    """
    Which part of the machine a bug was raised in: `encoder` or `interpreter`.

    What is raised while a program is written or read is the encoder's, wherever that leads. None if
    it is neither, and for what the machine refuses by its own rules: the program is to blame then.
    """
    if isinstance(error, Trap | RuntimeFault) and not isinstance(error, Misuse):
        return None
    modules = [f"{module_of(frame)}." for frame in own_frames(error)]
    parts = {part for one in modules for start, part in PARTS if one.startswith(start)}
    return ENCODER if ENCODER in parts else next(iter(parts), None)
