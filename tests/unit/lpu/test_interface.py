"""The interface of a function: what it refuses, and that its order is kept down to the program."""

from __future__ import annotations

from pathlib import Path

import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.parser import Parser
from xdsl.utils.exceptions import VerifyException

from dialects.lpu.interface import (
    Interface,
    InterfaceAttr,
    Resident,
    Value,
    check_interface,
    interface_of,
)
from lpuc.compiler.emit import emit_program
from lpuc.compiler.instrument import ir_text
from lpuc.compiler.pipeline import make_context, parse_passes
from passes.analysis.functions import step_function
from runtime.numerics.elements import ElementType
from tests.unit.backend.harness import parse

F32, I64 = ElementType.F32, ElementType.I64
CACHES = """
func.func @step(%k : !lpu.tensor<[1, P, 4], f32>, %x : !lpu.tensor<[1, 1, 4], f32>,
                %v : !lpu.tensor<[1, P, 4], f32>)
    -> (!lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, 1, 4], f32>,
        !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, 1, 4], f32>)
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>, lpu.interface = #lpu.interface<
      ["past.k" past f32, "x" data f32, "past.v" past f32]
      -> ["now.k" data f32, "a" data f32, "now.v" data f32, "b" data f32]>} {
  %ks = lpu.concat %k, %x axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32>
      -> !lpu.tensor<[1, P + 1, 4], f32>
  %y = lpu.map "neg" %x : !lpu.tensor<[1, 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %vs = lpu.concat %v, %y axis 1 : !lpu.tensor<[1, P, 4], f32>, !lpu.tensor<[1, 1, 4], f32>
      -> !lpu.tensor<[1, P + 1, 4], f32>
  %a = lpu.reduce "sum" %ks over <[1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  %b = lpu.reduce "sum" %vs over <[1]> : !lpu.tensor<[1, P + 1, 4], f32> -> !lpu.tensor<[1, 1, 4], f32>
  func.return %ks, %a, %vs, %b : !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, 1, 4], f32>,
      !lpu.tensor<[1, P + 1, 4], f32>, !lpu.tensor<[1, 1, 4], f32>
}
"""  # noqa: E501


def function(interface: str, dtype: str = "f32", body: str = "") -> FuncOp:
    text = f"""func.func @f(%x : !lpu.tensor<[2], {dtype}>) -> !lpu.tensor<[2], {dtype}>
        attributes {{lpu.interface = #lpu.interface<{interface}>}} {{
      {body}
      func.return %x : !lpu.tensor<[2], {dtype}>
    }}"""
    module = Parser(make_context(), text).parse_module()
    assert isinstance(module, ModuleOp)
    return step_function(module)


@pytest.mark.parametrize(
    ("interface", "message"),
    [
        ('["x" data f32] -> []', "it has 1 values and an interface of 0"),
        ('[] -> ["y" data f32]', "it has 1 values and an interface of 0"),
        ('["x" data i64] -> ["y" data f32]', "'x' is i64, and stored as f32"),
        ('["x" data f32] -> ["y" data bool]', "'y' is bool, and stored as f32"),
        (
            '["x" data f32, "k" in state] -> ["y" data f32]',
            'ports and states differ in "k" in state',
        ),
    ],
)
def test_interface_that_does_not_fit_is_refused(interface: str, message: str):
    with pytest.raises(VerifyException, match=message):
        check_interface(function(interface))


def test_port_of_a_state_that_the_interface_lacks_is_refused():
    state = (
        '%s = lpu.state "s" inputs <["k" past f32 [2] at [0]]> outputs <[]> : !lpu.state<[2], f32>'
    )
    with pytest.raises(VerifyException, match='"k" in state'):
        check_interface(function('["x" data f32] -> ["y" data f32]', body=state))


def test_value_may_be_stored_in_a_shorter_float():
    check_interface(function('["x" data f32] -> ["y" data f32]', dtype="f16"))


@pytest.mark.parametrize(
    ("interface", "message"),
    [
        ('["x" data f32, "x" in state] -> ["y" data f32]', "2 ports are called 'x'"),
        ('["x" data f32] -> ["y" data f32, "y" in state]', "2 ports are called 'y'"),
        ('["x" data f32] -> ["y" king f32]', 'unknown role: "y" king f32'),
    ],
)
def test_ports_are_told_apart_and_have_known_roles(interface: str, message: str):
    with pytest.raises(VerifyException, match=message):
        check_interface(function(interface))


def test_interface_is_read_as_it_is_printed():
    name = 'a"b\\\\c'
    interface = Interface((Value(name, "ids", I64), Resident("k")), (Value(name, "data", F32),))
    text = f"func.func private @f() attributes {{x = {InterfaceAttr(interface)}}}"
    module = Parser(make_context(), text).parse_module()
    assert f"x = {InterfaceAttr(interface)}" in ir_text(module)


def test_function_without_interface_has_its_ports_by_position():
    module = Parser(make_context(), CACHES).parse_module()
    func = step_function(module)
    del func.attributes["lpu.interface"]
    names = [port.name for port in interface_of(func).inputs]
    assert names == ["0", "1", "2"]


def test_program_keeps_the_order_of_the_model():
    module = parse(CACHES, "lpu-tiny")
    names = "lpu-cache-to-state,convert-lpu-to-lpu-mem,lpu-mem-assign-layouts,lpu-mem-promote,"
    names += "lpu-mem-tile,lpu-mem-allocate,convert-lpu-mem-to-lpu-isa,lpu-isa-hoist-streams,"
    for one in parse_passes(f"{names}lpu-isa-allocate-registers"):
        one.apply(make_context(), module)
    interface = emit_program(module, Path())[0].interface
    assert [port.name for port in interface.inputs] == ["past.k", "x", "past.v"]
    assert [port.name for port in interface.outputs] == ["now.k", "a", "now.v", "b"]
    assert [port.role for port in interface.inputs] == ["past", "data", "past"]
