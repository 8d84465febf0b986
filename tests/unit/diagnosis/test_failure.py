"""A failure says how it shows, where, and at which operation."""

from __future__ import annotations

import pytest
from xdsl.dialects.test import TestOp

from dialects.errors import CompileError, location_of
from dialects.refusal import Refused
from lpuc.diagnosis.failure import Failure, Hang, failure_of
from lpuc.errors import InternalError, UserError
from passes.rewriting.session import RewriteError
from runtime.errors import Unlinked
from runtime.traps import Trap, TrapKind


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
