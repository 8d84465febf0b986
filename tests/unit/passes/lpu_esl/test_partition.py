"""The partition refuses what would defeat it."""

import pytest
from xdsl.parser import Parser

from dialects.errors import CompileError
from lpuc.compiler.pipeline import make_context, parse_passes

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


def partition(text: str) -> None:
    module = Parser(make_context(), text).parse_module()
    for one in parse_passes("lpu-esl-plan,lpu-esl-partition"):
        one.apply(make_context(), module)


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
