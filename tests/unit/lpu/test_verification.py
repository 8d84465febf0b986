"""An operation's own checks refuse what is wrong, and run once for equal operations."""

from __future__ import annotations

import pytest
from xdsl.dialects.builtin import StringAttr, UnitAttr, UnknownLoc
from xdsl.dialects.test import TestOp
from xdsl.ir import Attribute, Block, SSAValue
from xdsl.utils.exceptions import VerifyException

from dialects.lpu import ops
from dialects.lpu.types import tensor
from dialects.onnx.ops import create, op_class
from dialects.verification import check_op
from passes.rewriting.creation import make
from runtime.numerics import ElementType

F32 = ElementType.F32
VALUES = Block(arg_types=[tensor((2, 3), F32), tensor((2, 4), F32)]).args


def _map(fn: str, source: SSAValue, result: Attribute) -> ops.MapOp:
    return make(ops.MapOp, [source], [result], {"fn": StringAttr(fn)}, UnknownLoc())


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The functions of the maps whose checks ran."""
    seen: list[str] = []
    check = ops.MapOp.verify_

    def counting(self: ops.MapOp) -> None:
        seen.append(self.fn.data)
        check(self)

    monkeypatch.setattr(ops.MapOp, "verify_", counting)
    return seen


def test_an_operation_that_breaks_its_own_rule_is_refused():
    with pytest.raises(VerifyException, match="no function 'nonsense' of 1 operands"):
        check_op(_map("nonsense", VALUES[0], VALUES[0].type))


def test_an_operand_of_another_kind_of_type_is_refused():
    with pytest.raises(VerifyException, match="does not verify"):
        check_op(_map("neg", TestOp(result_types=[StringAttr("x")]).results[0], VALUES[0].type))


def test_equal_operations_are_checked_once(monkeypatch: pytest.MonkeyPatch):
    seen = _counted(monkeypatch)
    for _ in range(3):
        check_op(_map("erf", VALUES[0], VALUES[0].type))
    assert seen == ["erf"]


@pytest.mark.parametrize("wrong", ["property", "operand", "result"])
def test_an_operation_that_differs_is_checked_again(wrong: str):
    check_op(_map("neg", VALUES[0], VALUES[0].type))
    fn = "nonsense" if wrong == "property" else "neg"
    source = VALUES[1] if wrong == "operand" else VALUES[0]
    result = VALUES[1].type if wrong == "result" else VALUES[0].type
    with pytest.raises(VerifyException):
        check_op(_map(fn, source, result))


def test_an_operation_with_an_attribute_more_is_checked_again():
    relu = op_class("", "Relu")
    assert relu is not None
    op = create(relu, [VALUES[0]], [tensor((2, 3), F32)], 14, {})
    check_op(op)
    op.attributes["alpha"] = UnitAttr()
    with pytest.raises(VerifyException, match="no version has an attribute 'alpha'"):
        check_op(op)


def test_what_was_refused_is_refused_again():
    for _ in range(2):
        with pytest.raises(VerifyException):
            check_op(_map("nonsense", VALUES[1], VALUES[1].type))
