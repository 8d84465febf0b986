"""The operations: typed access by name, verification, and text that reads back exactly."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from onnx import defs
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute, Block
from xdsl.utils.exceptions import VerifyException

from dialects.errors import location_of
from dialects.lpu.types import Tensor, TensorType
from dialects.lpu.weights import inline
from dialects.names import escape, unescape
from dialects.onnx import Onnx, OnnxOp, create, op_class
from dialects.onnx.attributes import from_attribute, to_attribute
from dialects.onnx.schemas import find_schema, schema_at
from runtime.numerics.elements import ElementType
from tests.unit.onnx_import.models import assert_round_trip

F32 = TensorType(Tensor(None, ElementType("f32")))


def _node(
    name: str, inputs: int | list[bool], version: int, domain: str = "", **attributes: Attribute
) -> OnnxOp:
    """A node with one result whose inputs are arguments of a block, or left out."""
    given = [True] * inputs if isinstance(inputs, int) else inputs
    block = Block(arg_types=[F32] * len(given))
    cls = op_class(domain, name)
    assert cls is not None
    values = [arg if present else None for arg, present in zip(block.args, given, strict=True)]
    op = create(cls, values, [F32], version, attributes)
    block.add_op(op)
    return op


def test_there_is_a_class_for_every_operator():
    standard = {s.name for s in defs.get_all_schemas_with_history() if s.domain == ""}
    assert {op.name for op in Onnx.operations} >= {f"onnx.{name}" for name in standard}
    assert op_class("com.microsoft", "GroupQueryAttention") is not None
    assert op_class("", "SimplifiedLayerNormalization") is not None
    assert op_class("", "Nothing") is None


def test_schemas_agree_with_onnx():
    for ours in defs.get_all_schemas_with_history():
        if ours.domain == "":
            schema = schema_at("", ours.name, ours.since_version)
            assert schema is not None
            assert [f.name for f in schema.inputs] == [f.name for f in ours.inputs]
            assert set(schema.attributes) == set(ours.attributes)


@pytest.mark.parametrize(("opset", "since"), [(7, 6), (12, 12), (13, 13), (99, 13)])
def test_versions_are_found_by_opset(opset: int, since: int):
    schema = find_schema("", "Clip", opset)
    assert schema is not None
    assert schema.since_version == since


def test_defaults_belong_to_the_version():
    assert _node("Softmax", 1, 11).attr("axis") == 1
    assert _node("Softmax", 1, 13).attr("axis") == -1
    assert _node("Gelu", 1, 20).attr("approximate") == "none"
    assert _node("Transpose", 1, 13).attr("perm") is None


def test_access_by_name():
    op = _node("Clip", [True, False, True], 13)
    assert op.get("input") is op.operands[0]
    assert op.get("min") is None
    assert op.get("max") is op.operands[1]
    assert op.slots() == (op.operands[0], None, op.operands[1])
    assert op.attr("max") is None
    assert _node("Clip", 1, 6).get("min") is None
    assert _node("Concat", 3, 13, axis=to_attribute("INT", 0)).variadic("inputs")[2] is not None
    for wrong in (op.get, op.attr, op.variadic):
        with pytest.raises(KeyError, match=r"onnx\.Clip has no"):
            wrong("nothing")


def _int(value: int) -> Attribute:
    return to_attribute("INT", value)


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (lambda: _node("Relu", 1, 99), "there is no version 99"),
        (lambda: _node("Relu", 2, 14), "takes 1 inputs, not 2"),
        (lambda: _node("Concat", 0, 13, axis=_int(0)), "takes 1 to any number inputs, not 0"),
        (lambda: _node("Clip", [False, True], 13), "input 0 must be given"),
        (lambda: _node("Concat", [True, False, True], 13, axis=_int(0)), "input 1 must be given"),
        (lambda: _node("Concat", 1, 13), "attribute 'axis' is required"),
        (lambda: _node("Concat", 1, 13, axis=to_attribute("FLOAT", 1.0)), "must be INT"),
        (lambda: _node("Clip", 1, 13, min=to_attribute("FLOAT", 1.0)), "no attribute 'min'"),
    ],
)
def test_wrong_nodes_do_not_verify(op: object, message: str):
    assert callable(op)
    with pytest.raises(VerifyException, match=message):
        op().verify_()


FLOATS = [0.0, -0.0, 1e-45, 3.4028235e38, 0.1, float("inf"), -float("inf"), float("nan"), 1e16]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(("INT", v) for v in (0, -1, 2**63 - 1, -(2**63))),
        *(("STRING", v) for v in ("", '"', "a\nb\0", "é漢", "\\n", "\udcff", "x" * 9999)),
        ("INTS", [2**63 - 1, -(2**63)]),
        ("INTS", []),
        ("FLOATS", FLOATS),
        ("STRINGS", ["a", '"\\']),
    ],
)
def test_attribute_values_survive(kind: str, value: object):
    attribute = to_attribute(kind, value)  # pyright: ignore[reportArgumentType]
    again = from_attribute(attribute)
    if kind == "FLOATS":
        assert isinstance(again, list)
        assert [struct.pack("f", v) for v in again] == [struct.pack("f", v) for v in FLOATS]
    else:
        assert again == value


@pytest.mark.parametrize("name", ["", '"', "a\nb\0", "é漢\U0001f600", "\\x41", "\udc80", "\\"])
def test_escaped_names_are_plain(name: str):
    text = escape(name)
    assert text.isascii()
    assert text.isprintable() or not text
    assert unescape(text) == name


def test_text_reads_back_exactly():
    rng = np.random.default_rng(0)
    floats = [float(v) for v in rng.integers(0, 2**32, 64, np.uint32).view(np.float32)]
    odd = np.array([np.nan, -np.inf, -0.0, 1e-45], np.float32)
    cls = op_class("", "Constant")
    assert cls is not None
    kinds: list[tuple[str, str, object]] = [
        ("value", "TENSOR", inline(odd)),
        ("value_int", "INT", -(2**63)),
        ("value_ints", "INTS", [2**63 - 1, -1]),
        ("value_floats", "FLOATS", [*FLOATS, *floats]),
        ("value_float", "FLOAT", float("nan")),
        ("value_string", "STRING", 'é"\n\0\\'),
        ("value_strings", "STRINGS", ["", "%"]),
    ]
    block = Block()
    for name, kind, value in kinds:
        attribute = to_attribute(kind, value)  # pyright: ignore[reportArgumentType]
        op = create(cls, [], [F32], 13, {name: attribute})
        op.location = location_of([escape(name + '"\n\0é'), escape("x" * 5000)])
        block.add_op(op)
    module = ModuleOp([])
    module.body.block.add_ops([op.clone() for op in block.ops])
    for copy, op in zip(module.body.block.ops, block.ops, strict=True):
        copy.location = op.location
    assert_round_trip(module)
