"""
Which operation was worked on when something was raised, as whoever looks for the bug knows it.

While a pass runs that is an operation of the IR that the pass was given, not one that it has made:
this is what the IR shows before the pass, and what the rules of the pass are written for. A made
operation that breaks a rule is in the message. While the machine runs, or a program is encoded, it
is an instruction.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from itertools import chain
from traceback import walk_tb
from types import FrameType

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from dialects.errors import node_names
from dialects.refusal import Refused
from runtime.isa.spec import Inst
from runtime.run.interpreter import Interpreter
from runtime.run.run import Run
from runtime.traps import Trap

UNWRITTEN = re.compile(r"r(\d+) is read before it is written")
"""What a trap says of a register."""
PACKAGES = ("lpuc", "passes", "dialects", "runtime")
KERNEL = "passes.rewriting."
"""What passes change IR with: it is given operations that may be others than the one worked on."""
HOLDERS = (ModuleOp, FuncOp)
"""Operations that only hold others: nothing goes wrong at them while one inside is looked at."""


@dataclass(frozen=True)
class Subject:
    """An operation, or an instruction, by its name; and the ONNX nodes that it comes from."""

    name: str
    nodes: tuple[str, ...] = ()

    @staticmethod
    def of(op: Operation) -> Subject:
        """An operation as it is now."""
        return Subject(op.name, node_names(op))


def subject_of(error: BaseException, given: ModuleOp | None = None) -> Subject | None:
    """
    What was worked on: the first such thing in the innermost frames that hold one.

    `given` is the IR that the pass was given, if one ran. Where no frame holds an operation of it,
    as a rule is looked at when the pass is through, it is the one that the made operation has its
    nodes of.
    """
    broken, frames = _broken(error), own_frames(error)
    seen = [] if broken is None else [Subject.of(broken)]
    if given is None:
        return next(iter(seen), None) or next(_subjects(frames), None)
    kept = _subjects_in(given)
    of_passes = [f for f in frames if not module_of(f).startswith(KERNEL)]
    for subject in chain(_subjects(of_passes), _subjects(frames)):
        if subject in kept:
            return subject
        seen.append(subject)
    return _origin(seen[0], kept) if seen else None


def subject_at(nodes: Sequence[str], given: ModuleOp) -> Subject | None:
    """The operation that some ONNX nodes are, in IR; None if there is none."""
    found = _origin(Subject("", tuple(nodes)), _subjects_in(given))
    return found if found.name else None


def own_frames(error: BaseException) -> list[FrameType]:
    """The frames of the project that an exception went through, the innermost first."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    return [f for f in reversed(frames) if module_of(f).partition(".")[0] in PACKAGES]


def module_of(frame: FrameType) -> str:
    """The name of the module that a frame runs code of."""
    return str(frame.f_globals.get("__name__", ""))


def _broken(error: BaseException) -> Operation | None:
    """The operation that a rule was broken by."""
    refused = error if isinstance(error, Refused) else error.__cause__
    return refused.op if isinstance(refused, Refused) else None


def _subjects_in(module: ModuleOp) -> dict[Subject, Operation]:
    """All that can be worked on in IR, in order."""
    return {Subject.of(op): op for op in module.walk() if not isinstance(op, HOLDERS)}


def _origin(made: Subject, kept: Mapping[Subject, Operation]) -> Subject:
    """What an operation was made for: of the same nodes if there is one, and of a like name."""
    nodes = set(made.nodes)
    near = [one for one in kept if not nodes.isdisjoint(one.nodes)]

    def rank(one: Subject) -> tuple[bool, bool, bool]:
        mine, theirs = _short(made.name), _short(one.name)
        return one.nodes == made.nodes, mine.startswith(theirs), bool(kept[one].operands)

    return max(near, key=rank, default=made)


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _subjects(frames: Sequence[FrameType]) -> Iterator[Subject]:
    """What the frames work on, the innermost first."""
    values = [value for frame in frames for value in tuple(frame.f_locals.values())]
    run = next((value for value in values if isinstance(value, Run)), None)
    for value in values:
        if isinstance(value, Operation) and not isinstance(value, HOLDERS):
            yield Subject.of(value)
        elif (inst := _instruction(value)) is not None:
            yield Subject(inst.MNEMONIC, () if run is None else _nodes_at(run, values))
        elif value is run and run is not None and run.pc in run.code.instructions:
            yield Subject(run.code.instructions[run.pc].MNEMONIC, _nodes_at(run, values))


def _instruction(value: object) -> Inst | None:
    """An instruction, or that of which a value tells more."""
    held = getattr(value, "__dict__", {}).values() if is_dataclass(value) else ()
    return next((one for one in (value, *held) if isinstance(one, Inst)), None)


def _nodes_at(run: Run, values: Sequence[object]) -> tuple[str, ...]:
    """The nodes of the instruction that a run is at."""
    machine = next((value for value in values if isinstance(value, Interpreter)), None)
    return () if machine is None else machine.program.provenance.nodes_at(run.pc)


def writer_of(error: Trap) -> Subject | None:
    """
    The instruction that should have written the register that another one found unwritten.

    That is the last in front of it that has the register for its result.
    """
    found = UNWRITTEN.match(error.message)
    values = [v for frame in own_frames(error) for v in tuple(frame.f_locals.values())]
    run = next((value for value in values if isinstance(value, Run)), None)
    if found is None or run is None:
        return None
    code = run.code.instructions
    here = (i for at, i in code.items() if at < run.pc and int(found[1]) in i.writes())
    writer = deque(here, maxlen=1)
    return Subject(writer[0].MNEMONIC) if writer else None
