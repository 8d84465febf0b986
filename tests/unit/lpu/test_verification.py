"""An operation's own checks refuse what is wrong, and run once for equal operations."""

from __future__ import annotations

import pytest
from xdsl.dialects.builtin import StringAttr, UnitAttr, UnknownLoc
from xdsl.dialects.test import TestOp
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.utils.exceptions import VerifyException

from dialects import DIALECTS, verification
from dialects.lpu.elementwise import MapOp
from dialects.lpu.types import tensor
from dialects.onnx.ops import create, op_class
from dialects.structure import structure_of
from dialects.verification import check_op
from passes.rewriting.creation import make
from runtime.numerics.elements import ElementType

F32 = ElementType.F32
VALUES = Block(arg_types=[tensor((2, 3), F32), tensor((2, 4), F32)]).args


def _map(fn: str, source: SSAValue, result: Attribute) -> MapOp:
    return make(MapOp, [source], [result], {"fn": StringAttr(fn)}, UnknownLoc())


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The functions of the maps whose checks ran."""
    seen: list[str] = []
    structure = structure_of(MapOp)
    assert structure is not None

    def counting(op: Operation) -> None:
        assert isinstance(op, MapOp)
        seen.append(op.fn.data)
        structure.own(op)

    plan = structure._replace(own=counting)
    monkeypatch.setattr(verification, "structure_of", lambda *_: plan)
    monkeypatch.setattr(verification, "_right", {})
    verification.forget()
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


def test_nearly_all_operations_have_a_structure():
    """Those that have none are rare or have regions: xDSL's verifier is enough for them."""
    classes = [cls for name in DIALECTS if name != "onnx" for cls in DIALECTS[name]().operations]
    without = {cls.name for cls in classes if structure_of(cls) is None}
    assert without <= {
        *("lpu.norm", "lpu.attention", "lpu.yield", "lpu.for"),
        *("lpu_mem.for", "lpu_mem.return", "lpu_isa.halt"),
    }


@pytest.mark.parametrize("wrong", ["missing", "unknown", "kind", "operands", "results"])
def test_what_has_not_the_structure_is_refused_as_by_xdsl(wrong: str):
    source, kind = VALUES[0], VALUES[0].type
    properties: dict[str, Attribute] = {"fn": StringAttr("neg")}
    if wrong == "missing":
        properties = {}
    elif wrong in ("unknown", "kind"):
        properties[{"unknown": "more", "kind": "fn"}[wrong]] = UnitAttr()
    operands = [] if wrong == "operands" else [source]
    results = [kind] * (2 if wrong == "results" else 1)
    op = make(MapOp, operands, results, properties, UnknownLoc())
    with pytest.raises(VerifyException):
        check_op(op)
