"""The partition refuses what would defeat it."""

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser
from xdsl.printer import Printer

from dialects.errors import CompileError
from dialects.lpu.execution import run_interface
from dialects.verification import verify_module
from lpuc.compiler.pipeline import make_context, parse_passes
from passes.analysis.functions import step_function

TABLE = """
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @budget(%x : !lpu.tensor<[1, 4], f32>, %i : !lpu.tensor<[1], i64>)
      -> (!lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 4], f32>) {
    %w = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
    %t = lpu.constant <file("t", 0, [8, 4], f32)> : !lpu.tensor<[8, 4], f32>
    %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32>
        -> !lpu.tensor<[1, 8], f32>
    %s = lpu.softmax %t empty "nan" : !lpu.tensor<[8, 4], f32> -> !lpu.tensor<[8, 4], f32>
        loc("rows")
    %z = lpu.gather %s, %i axis 0 : !lpu.tensor<[8, 4], f32>, !lpu.tensor<[1], i64>
        -> !lpu.tensor<[1, 4], f32>
    func.return %y, %z : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 4], f32>
  }
}
"""


KEYS = """
builtin.module attributes {lpu.options = {devices = 4 : i64}} {
  func.func @step(%x : !lpu.tensor<[1, 4], f32>, %q : !lpu.tensor<[1, 2, 1, 8], f32>)
      -> !lpu.tensor<[1, 2, 1, 8], f32> {
    %w = lpu.constant <file("w", 0, [4, 16], f32)> : !lpu.tensor<[4, 16], f32>
    %0 = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 16], f32>
        -> !lpu.tensor<[1, 16], f32> loc("value")
    %1 = lpu.norm "rms" %0 epsilon 1.0e-05 : !lpu.tensor<[1, 16], f32> -> !lpu.tensor<[1, 16], f32>
    %k = lpu.reshape %1 : !lpu.tensor<[1, 16], f32> -> !lpu.tensor<[1, 2, 1, 8], f32>
    %v = lpu.reshape %0 : !lpu.tensor<[1, 16], f32> -> !lpu.tensor<[1, 2, 1, 8], f32>
    %y = lpu.attention %q, %k, %v scale 1.0 softcap 0.0 empty "nan"
        : !lpu.tensor<[1, 2, 1, 8], f32>, !lpu.tensor<[1, 2, 1, 8], f32>,
          !lpu.tensor<[1, 2, 1, 8], f32>
        -> !lpu.tensor<[1, 2, 1, 8], f32>
    func.return %y : !lpu.tensor<[1, 2, 1, 8], f32>
  }
}
"""


def partition(text: str) -> ModuleOp:
    module = Parser(make_context(), text).parse_module()
    for one in parse_passes("lpu-esl-plan,lpu-esl-partition"):
        one.apply(make_context(), module)
    verify_module(module)
    return module


def test_what_stays_whole_is_under_a_budget() -> None:
    """128 of 256 bytes."""
    message = r"50.0 % of the parameters .* more than 5 %: rows: 128 bytes \(lpu.softmax needs"
    with pytest.raises(CompileError, match=message):
        partition(TABLE)


def test_the_budget_is_the_users() -> None:
    partition(TABLE.replace("devices = 2 : i64", "devices = 2 : i64, whole_budget = 50.0 : f64"))


def test_a_dimension_that_is_called_like_a_device_is_refused() -> None:
    text = TABLE.replace(
        "-> (!lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 4], f32>) {",
        "-> (!lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 4], f32>)"
        " attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 3]>} {",
    )
    with pytest.raises(CompileError, match="the dimension 'd0' is called like a device"):
        partition(text)


CARRIED = """
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @step(%x : !lpu.tensor<[1, 36], f32>) -> !lpu.tensor<[1, 36], f32> {
    %v = lpu.constant <file("v", 0, [36, 36], f32)> : !lpu.tensor<[36, 36], f32>
    %w = lpu.constant <file("w", 0, [36, 36], f32)> : !lpu.tensor<[36, 36], f32>
    %0 = lpu.matmul %x, %v : !lpu.tensor<[1, 36], f32>, !lpu.tensor<[36, 36], f32>
        -> !lpu.tensor<[1, 36], f32> loc("first")
    %1 = lpu.reshape %0 : !lpu.tensor<[1, 36], f32> -> !lpu.tensor<[1, 9, 4], f32>
    %2 = lpu.map "tanh" %1 : !lpu.tensor<[1, 9, 4], f32> -> !lpu.tensor<[1, 9, 4], f32>
    %3 = lpu.reshape %2 : !lpu.tensor<[1, 9, 4], f32> -> !lpu.tensor<[1, 36], f32>
    %4 = lpu.for "l" to <3> (%3 : !lpu.tensor<[1, 36], f32>) -> !lpu.tensor<[1, 36], f32> {
    ^bb0(%c : !lpu.tensor<[1, 36], f32>):
      %5 = lpu.matmul %c, %w : !lpu.tensor<[1, 36], f32>, !lpu.tensor<[36, 36], f32>
          -> !lpu.tensor<[1, 36], f32> loc("turn")
      %6 = lpu.reshape %5 : !lpu.tensor<[1, 36], f32> -> !lpu.tensor<[1, 4, 9], f32>
      %7 = lpu.map "tanh" %6 : !lpu.tensor<[1, 4, 9], f32> -> !lpu.tensor<[1, 4, 9], f32>
      %8 = lpu.reshape %7 : !lpu.tensor<[1, 4, 9], f32> -> !lpu.tensor<[1, 36], f32>
      lpu.yield %8 : !lpu.tensor<[1, 36], f32>
    }
    func.return %4 : !lpu.tensor<[1, 36], f32>
  }
}
"""


def test_a_loop_carries_one_form_of_values_that_are_split_in_different_ways(
    tmp_path: Path,
) -> None:
    """9 x 4 and 4 x 9 have no factors in common: the second goes through an exchange."""
    rng = np.random.default_rng(0)
    for name in "vw":
        rng.standard_normal((36, 36)).astype(np.float32).tofile(tmp_path / name)
    inputs = {"0": rng.standard_normal((1, 36)).astype(np.float32)}
    alone = step_function(Parser(make_context(), CARRIED).parse_module())
    expected = run_interface(alone, inputs, tmp_path)["0"]
    module = partition(CARRIED)
    assert 'because "a loop carries it"' in str(module)
    found = run_interface(step_function(module), inputs, tmp_path, devices=2)["0"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_products_of_one_node_have_names_of_their_own() -> None:
    """Also where another node is called like the second of them."""
    text = TABLE.replace(
        "%z = lpu.gather",
        """
    %u = lpu.constant <file("u", 0, [4, 16], f32)> : !lpu.tensor<[4, 16], f32>
    %y1 = lpu.matmul %x, %u : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 16], f32>
        -> !lpu.tensor<[1, 16], f32> loc("fc")
    %a = lpu.constant <file("a", 0, [4, 32], f32)> : !lpu.tensor<[4, 32], f32>
    %y2 = lpu.matmul %x, %a : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 32], f32>
        -> !lpu.tensor<[1, 32], f32> loc("fc")
    %b = lpu.constant <file("b", 0, [4, 64], f32)> : !lpu.tensor<[4, 64], f32>
    %y3 = lpu.matmul %x, %b : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 64], f32>
        -> !lpu.tensor<[1, 64], f32> loc("fc.1")
    %z = lpu.gather""",
    )
    module = Parser(make_context(), text).parse_module()
    (one,) = parse_passes("lpu-esl-plan")
    one.apply(make_context(), module)
    plan = str(module.attributes["lpu_esl.plan"])
    names = ('fc = "16/2"', 'fc.1 = "32/2"', 'fc.1.1 = "64/2"')
    assert all(name in plan for name in names), plan


def test_what_is_computed_whole_is_cut_into_as_many_parts_as_devices_or_not_at_all():
    context = make_context()
    module = Parser(context, KEYS).parse_module()
    (plan,) = parse_passes("lpu-esl-plan")
    plan.apply(context, module)
    stream = StringIO()
    Printer(stream, print_debuginfo=True).print_op(module)
    chosen = stream.getvalue()
    assert 'value = "2, 8/4"' in chosen
    for cut, parts in (("2/2, 8", "2 parts"), ("2/2:2, 8/2", "2 parts, 2 devices apart")):
        edited = Parser(context, chosen.replace("2, 8/4", cut)).parse_module()
        with pytest.raises(CompileError, match=f"cuts 'value' into {parts}, but something"):
            plan.apply(context, edited)
    plan.apply(context, Parser(context, chosen.replace("2, 8/4", "2, 8")).parse_module())
