"""What a pass does to states and to what is handed out is named itself, not what shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from dialects.lpu.control import EmitOp, ReadOp, WriteOp
from dialects.reading import all_within
from lpuc.diagnosis.judging.departures import Departure
from lpuc.diagnosis.judging.runs import TOKENS, Runs
from lpuc.diagnosis.judging.snapshots import steps
from lpuc.diagnosis.judging.tensors.effects import Place, handed_over
from lpuc.levels.cases import Case
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import erase, set_operands
from passes.specification import EXACT, Specification
from tests.unit.backend.levels import parse, step_text

ROW, ONE = "!lpu.tensor<[1, 4], f32>", "!lpu.tensor<[1], i64>"
CACHE = "!lpu.state<[8, 4], f32>"
STATE = f"""
  %c = lpu.state "c" inputs <[]> outputs <[]> : {CACHE}
  lpu.write %c, %x at <[0, 0]> : {CACHE}, {ROW} loc("older")
  lpu.write %c, %y at <[0, 0]> : {CACHE}, {ROW} loc("newer")
  %r = lpu.read %c at <[0, 0]> : {CACHE} -> {ROW} loc("read")
  func.return %r : {ROW}"""
LOOP = f"""
  %r = lpu.for "l" to <4> (%i : {ONE}) -> {ONE} {{
  ^bb0(%t : {ONE}):
    %end = lpu.iota <[l + -2, 0]> : {ONE} loc("end")
    %one = lpu.iota <[1, 0]> : {ONE} loc("one")
    %d = lpu.map "add" %t, %one : {ONE}, {ONE} -> {ONE} loc("next")
    lpu.emit %d, %end : {ONE}, {ONE} loc("out")
    lpu.yield %d : {ONE}
  }}
  func.return %r : {ONE}"""
GENERATE = step_text(LOOP, {"i": ONE}, [ONE], name="generate")
Change = Callable[[ModuleOp], None]


@dataclass(frozen=True)
class PlantedPass(RewritingPass):
    name = "planted"
    specification = Specification(level="lpu", gives=(), numbers=EXACT)
    change: ClassVar[Change]

    def rewrite(self, module: ModuleOp) -> None:
        type(self).change(module)


def named(text: str, case: Case, change: Change, found: Departure) -> Place | None:
    PlantedPass.change = staticmethod(change)
    (step,) = steps(parse(text, "lpu-tiny"), [PlantedPass()], "lpu")
    return handed_over(step, Runs(step.before, case), Runs(step.after, case), found)


def of_state(change: Change, operation: str | None) -> Place | None:
    x = np.ones((1, 4), np.float32)
    found = Departure(operation, ("read",), (0,), 0.0, 1.0, 0.0)
    text = step_text(STATE, {"x": ROW, "y": ROW}, [ROW])
    return named(text, Case("one", {"x": x, "y": 2 * x}), change, found)


def the(kind: type[Operation], module: ModuleOp) -> list[Operation]:
    return [op for op in all_within(module) if isinstance(op, kind)]


def without_the_second(module: ModuleOp) -> None:
    erase(the(WriteOp, module)[1])


def unchanged(module: ModuleOp) -> None:
    set_operands(read := the(ReadOp, module)[0], list(read.operands))


@pytest.mark.parametrize("operation", ["lpu.read", None])
def test_a_write_that_is_gone_is_what_a_state_is_read_wrongly_for(operation: str | None):
    assert of_state(without_the_second, operation) == ("lpu.write", ("newer",))


def test_where_all_is_written_nobody_else_is_named():
    assert of_state(unchanged, "lpu.read") is None


def test_what_is_computed_wrongly_is_no_matter_of_states():
    assert of_state(without_the_second, "lpu.map") is None


def of_loop(change: Change) -> Place | None:
    case = Case("text", {"i": np.array([7], np.int64)}, "generate")
    return named(GENERATE, case, change, Departure(None, (TOKENS,), (), 1.0, 0.0, 0.0))


def swapped(module: ModuleOp) -> None:
    (emit,) = the(EmitOp, module)
    set_operands(emit, list(emit.operands)[::-1])


def shifted(module: ModuleOp) -> None:
    """The number itself is another, which whoever judges values sees."""
    (emit,) = the(EmitOp, module)
    (add,) = (op for op in all_within(module) if op.name == "lpu.map")
    set_operands(add, [emit.operands[1], emit.operands[1]])


def test_an_emit_of_another_value_is_named():
    assert of_loop(swapped) == ("lpu.emit", ("out",))


def test_other_numbers_are_no_matter_of_the_emit():
    assert of_loop(shifted) is None
