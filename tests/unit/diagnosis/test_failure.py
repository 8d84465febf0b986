"""A failure says how it shows, where, and at which operation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.test import TestOp
from xdsl.ir import Operation

from dialects.errors import CompileError, location_of
from dialects.lpu.movement import ReshapeOp
from dialects.refusal import Refused
from lpuc.compiler.driver import compile_model
from lpuc.compiler.located import Source
from lpuc.compiler.options import CompileOptions
from lpuc.diagnosis import blame
from lpuc.diagnosis.failure import Failure, Hang, failure_of
from lpuc.diagnosis.limits import at_most
from lpuc.errors import InternalError, UserError
from passes.rewriting.build import Build
from passes.rewriting.kernel import insert, set_operands
from passes.rewriting.session import RewriteError, rewriting
from runtime.errors import Unlinked
from runtime.isa.instructions.vector import Map2
from runtime.run.interpreter import Interpreter
from runtime.traps import Trap, TrapKind
from tests.unit.levels.models import save_product


def _op(node: str) -> TestOp:
    op = TestOp()
    op.location = location_of([node])
    return op


def test_the_same_is_kind_place_and_operation():
    one = Failure("crash", "lpu-raise-norm", "lpu.reduce", ("/a",), "KeyError: 1")
    assert one.same(Failure("crash", "lpu-raise-norm", "lpu.reduce", ("/b",), "KeyError: 2"))
    assert not one.same(Failure("verifier", "lpu-raise-norm", "lpu.reduce"))
    assert not one.same(Failure("crash", "lpu-raise-softmax", "lpu.reduce"))
    assert not one.same(Failure("crash", "lpu-raise-norm", "lpu.map"))
    assert not one.same(None)
    hang = Failure("hang", "dce", "lpu.map")
    assert hang.same(Failure("hang", "dce")) and not hang.same(Failure("hang", "cse", "lpu.map"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (CompileError("no"), "refusal"),
        (UserError("no"), "refusal"),
        (Unlinked("no"), "refusal"),
        (Hang("60 s"), "hang"),
        (RewriteError("no"), "verifier"),
        (Refused(_op("n"), "no"), "verifier"),
        (Trap(TrapKind.INDEX, "no"), "crash"),
        (KeyError("no"), "crash"),
    ],
)
def test_kinds(error: Exception, kind: str):
    assert failure_of(error, "p").kind == kind


def test_a_refusal_names_its_node():
    found = failure_of(CompileError("too wide", node="/n", op="onnx.Add"), "onnx-resolve-shapes")
    assert found == Failure("refusal", "onnx-resolve-shapes", "onnx.Add", ("/n",), "too wide")


def test_a_report_stands_for_what_it_reports():
    found = failure_of(_chained(Refused(_op("/n"), "no")), "p")
    assert found == Failure("verifier", "p", "test.op", ("/n",), "'test.op': no")


def _chained(cause: Exception) -> InternalError:
    try:
        raise InternalError("pass 'p'") from cause
    except InternalError as error:
        return error


def test_a_crash_is_at_the_operation_that_was_looked_at(monkeypatch: pytest.MonkeyPatch):
    from passes.rewriting import kernel

    def crash(now: object, *_: object) -> None:
        raise KeyError("a\nb")

    monkeypatch.setattr(kernel, "_check_new", crash)
    inner, outer = _op("/inner"), _op("/outer")
    try:
        kernel.insert(inner, outer)
    except KeyError as error:
        found = failure_of(error, "p")
    assert found == Failure("crash", "p", "test.op", ("/inner",), r"KeyError: 'a\nb'")


RESHAPED = """
func.func @step(%x : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[16], f32> {
  %y = lpu.reshape %x : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[16], f32> loc("/flat")
  %z = lpu.map "neg" %y : !lpu.tensor<[16], f32> -> !lpu.tensor<[16], f32> loc("/neg")
  func.return %z : !lpu.tensor<[16], f32>
}
"""


def _broken_by(rewrite: Callable[[Operation], None]) -> Failure:
    """What a pass that does something at the last of two operations fails with."""
    module = Source(RESHAPED, "test.mlir").read()
    given = module.clone()
    with pytest.raises(RewriteError) as raised, rewriting("a-pass", module):
        rewrite(list(module.walk())[3])
    return failure_of(raised.value, "a-pass", given)


def _insert_wrong(op: Operation) -> None:
    value, anchor = op.operands[0], op.next_op
    assert anchor is not None
    insert(ReshapeOp.create(operands=[value], result_types=[value.type, value.type]), anchor)


def _leave_wrong(op: Operation) -> None:
    set_operands(op, [*op.operands, *op.operands])


def _leave_early(op: Operation) -> None:
    before = op.prev_op
    assert before is not None
    Build(before).map("abs", op.results[0])


def test_a_pass_fails_at_the_operation_that_it_was_given(monkeypatch: pytest.MonkeyPatch):
    """Made or changed, at once or when the pass is through: the one to look for is the old one."""
    monkeypatch.setattr(blame, "PACKAGES", (*blame.PACKAGES, "tests"))
    wrong = _broken_by(_insert_wrong)
    assert (wrong.kind, wrong.operation, wrong.nodes) == ("verifier", "lpu.map", ("/neg",))
    assert "lpu.reshape" in wrong.message
    changed = _broken_by(_leave_wrong)
    assert (changed.kind, changed.operation, changed.nodes) == ("verifier", "lpu.map", ("/neg",))
    early = _broken_by(_leave_early)
    assert (early.kind, early.operation, early.nodes) == ("verifier", "lpu.reshape", ("/flat",))
    assert "lpu.map: reads" in early.message


def test_a_crash_of_the_machine_is_at_the_instruction_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    compiled = compile_model(save_product(tmp_path), CompileOptions("lpu-tiny", "f32"))
    machine = Interpreter(compiled.in_memory, reference=True)
    inputs = {port.name: np.ones(port.extents({}), np.float32) for port in
              machine.program.interface.inputs}  # fmt: skip

    def gone(*_: object) -> None:
        raise KeyError("gone")

    monkeypatch.setattr(Map2, "execute", gone)
    with pytest.raises(KeyError) as raised:
        machine.run(inputs)
    found = failure_of(raised.value, "interpreter")
    assert (found.kind, found.operation, found.nodes) == ("crash", "map2", ("less",))


def test_of_two_limits_the_one_that_is_over_first_counts():
    with pytest.raises(Hang, match=r"0\.05 s"), at_most(0.05), at_most(20):
        _spin()
    with pytest.raises(Hang, match=r"0\.2 s"), at_most(0.2):
        _spin_twice()


def _spin() -> None:
    while True:
        pass


def _spin_twice() -> None:
    with pytest.raises(Hang, match=r"0\.05 s"), at_most(0.05):
        _spin()
    _spin()
