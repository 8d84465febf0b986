"""Rows of a table in parts are the rows of the table, and no others."""

from pathlib import Path

import numpy as np
import pytest
from xdsl.parser import Parser

from dialects.lpu.execution import run_interface
from lpuc.compiler.pipeline import make_context, parse_passes
from passes.analysis.functions import step_function
from runtime.traps import Trap

ROWS, WIDTH, DEVICES = 18, 3, 4

MODEL = f"""
builtin.module attributes {{lpu.options = {{devices = {DEVICES} : i64}}}} {{
  func.func @step(%i : !lpu.tensor<[2, 2], i64>)
      -> (!lpu.tensor<[2, 2, {WIDTH}], f32>, !lpu.tensor<[2, 2, {ROWS}], f32>) {{
    %t = lpu.constant <file("t", 0, [{ROWS}, {WIDTH}], f32)> : !lpu.tensor<[{ROWS}, {WIDTH}], f32>
    %x = lpu.gather %t, %i axis 0 : !lpu.tensor<[{ROWS}, {WIDTH}], f32>,
        !lpu.tensor<[2, 2], i64> -> !lpu.tensor<[2, 2, {WIDTH}], f32>
    %n = lpu.norm "rms" %x epsilon 1.0e-5 : !lpu.tensor<[2, 2, {WIDTH}], f32>
        -> !lpu.tensor<[2, 2, {WIDTH}], f32>
    %h = lpu.constant <transpose(file("t", 0, [{ROWS}, {WIDTH}], f32), [1, 0])>
        : !lpu.tensor<[{WIDTH}, {ROWS}], f32>
    %y = lpu.matmul %n, %h : !lpu.tensor<[2, 2, {WIDTH}], f32>,
        !lpu.tensor<[{WIDTH}, {ROWS}], f32> -> !lpu.tensor<[2, 2, {ROWS}], f32>
    func.return %x, %y : !lpu.tensor<[2, 2, {WIDTH}], f32>, !lpu.tensor<[2, 2, {ROWS}], f32>
  }}
}}
"""


def rows(folder: Path, indices: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """The table, and the rows that four devices look up in it, 5 of 18 each."""
    table = np.arange(1, 1 + ROWS * WIDTH, dtype=np.float32).reshape(ROWS, WIDTH)
    table.tofile(folder / "t")
    module = Parser(make_context(), MODEL).parse_module()
    for one in parse_passes("lpu-esl-plan,lpu-esl-partition,lpu-esl-insert-sync"):
        one.apply(make_context(), module)
    assert f"4 x [[{ROWS}/4], []]" in str(module), "the table is cut by rows"
    inputs = {"0": np.array(indices, np.int64)}
    return table, run_interface(step_function(module), inputs, folder, devices=DEVICES)["0"]


@pytest.mark.parametrize("indices", [[[0, 4], [5, 17]], [[9, 10], [15, 14]], [[-1, -18], [3, 3]]])
def test_each_row_comes_from_who_has_it(tmp_path: Path, indices: list[list[int]]) -> None:
    """Negative indices count from the end, as in `lpu.gather`."""
    table, found = rows(tmp_path, indices)
    np.testing.assert_array_equal(found, table[np.array(indices)])


@pytest.mark.parametrize("index", [18, 19, -19, 100])
def test_a_row_that_does_not_exist_is_not_made_up(tmp_path: Path, index: int) -> None:
    """18 and 19 would be padding of the last device."""
    with pytest.raises(Trap, match="an index lies outside"):
        rows(tmp_path, [[0, index], [1, 2]])
