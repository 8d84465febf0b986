"""What else than a pass can be to blame when instructions do something else: the machine."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, takewhile

from xdsl.dialects.func import FuncOp

from dialects.lpu_isa.code import VIRTUAL
from dialects.lpu_isa.ops import IsaOp
from dialects.reading import all_within
from lpuc.compiler.emit import assembled
from lpuc.diagnosis.blame import subject_of
from lpuc.diagnosis.failure import INTERPRETER, UNKNOWN, Failure
from lpuc.diagnosis.judging.host import host_departs
from lpuc.diagnosis.judging.runs import Runs
from lpuc.diagnosis.judging.snapshots import Snapshot, Step
from lpuc.levels.cases import Case
from lpuc.levels.instructions import executable, registers_named, unencoded
from passes.analysis.functions import model_folder
from runtime.isa.encoding import decode, encode
from runtime.ring.checks.compile import Unproved, prove


def of_host(step: Step, before: Runs | None, case: Case) -> Failure | None:
    """What the host does wrong around the first IR that the machine runs."""
    if before is None or step.after.level != "lpu_isa" or before.snapshot.level != "lpu_mem":
        return None
    if case.before:
        return None
    module = step.after.module
    try:
        outputs = before.outputs
        found = host_departs(executable(module, model_folder(module)), case, outputs)
    except Exception:  # there is no program, or nothing to compare with
        return None
    return None if found is None else Failure("numbers", INTERPRETER, message=found)


def unproved(steps: Sequence[Step], last: Step, error: Unproved) -> Failure:
    """
    What several devices tell each other is not proved behind the last of some passes.

    The first pass on instructions that can be proved before it and not behind it is to blame; else
    nobody can tell which pass has made it so, as the numbers of all of them are right.
    """
    where, at = UNKNOWN, subject_of(error)
    name = None if at is None else at.name
    for step in chain(takewhile(lambda one: one is not last, steps), (last,)):
        if step.after.level != "lpu_isa" or step.is_idle:
            continue
        if step is last or not _is_proved(step.after):
            where = step.one.name if step.before.level == "lpu_isa" else UNKNOWN
            if where != UNKNOWN and _code(step.before) == _code(step.after):
                return Failure("refusal", where, FuncOp.name, (), str(error))
            break
    return Failure("refusal", where, name, error.nodes, str(error))


def _code(snapshot: Snapshot) -> list[object]:
    """The instructions: what is beside them is said of functions."""
    return [op.code.data for op in all_within(snapshot.module) if isinstance(op, IsaOp)]


def _is_proved(snapshot: Snapshot) -> bool:
    try:
        prove(unencoded(snapshot.module))
    except Exception:  # it is not, or it is no program
        return False
    return True


def is_encoded_otherwise(snapshot: Snapshot) -> bool:
    """Whether the words of a program mean other instructions than it was made of."""
    if registers_named(snapshot.module) > VIRTUAL:
        return False
    code = assembled(snapshot.module).code
    try:
        return decode(encode(code)) != tuple(code)
    except Exception:  # what the encoder raises, or words that mean nothing
        return True
