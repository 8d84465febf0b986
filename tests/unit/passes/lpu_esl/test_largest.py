"""A selection among parts is the selection of the whole, ties and NaN included."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from xdsl.parser import Parser

from dialects.lpu.execution import run_interface
from lpuc.compiler.pipeline import make_context, parse_passes
from passes.analysis.functions import step_function

MODEL = """
builtin.module attributes {{lpu.options = {{devices = {devices} : i64, whole_budget = 100.0 : f64}},
    lpu_esl.plan = {{devices = {devices} : i64, model = "{model}",
        products = {{head = "{extent}/{devices}"}}}}}} {{
  func.func @step(%x : !lpu.tensor<[1, {extent}], f32>)
      -> (!lpu.tensor<[1, {k}], f32>, !lpu.tensor<[1, {k}], i64>) {{
    %w = lpu.constant <file("w", 0, [{extent}, {extent}], f32)>
        : !lpu.tensor<[{extent}, {extent}], f32>
    %y = lpu.matmul %x, %w
        : !lpu.tensor<[1, {extent}], f32>, !lpu.tensor<[{extent}, {extent}], f32>
        -> !lpu.tensor<[1, {extent}], f32> loc("head")
    %b = lpu.constant <file("b", 0, [{extent}], f32)> : !lpu.tensor<[{extent}], f32>
    %z = lpu.map "add" %y, %b : !lpu.tensor<[1, {extent}], f32>, !lpu.tensor<[{extent}], f32>
        -> !lpu.tensor<[1, {extent}], f32>
    %v, %i = lpu.topk %z largest {largest} : !lpu.tensor<[1, {extent}], f32>
        -> !lpu.tensor<[1, {k}], f32>, !lpu.tensor<[1, {k}], i64>
    func.return %v, %i : !lpu.tensor<[1, {k}], f32>, !lpu.tensor<[1, {k}], i64>
  }}
}}
"""


def selected(
    folder: Path, row: list[float], devices: int, k: int, largest: int = 1
) -> tuple[list[float], list[int]]:
    """What devices select together of a row, which is the bias of a product with zeros."""
    extent = len(row)
    np.zeros((extent, extent), np.float32).tofile(folder / "w")
    np.array(row, np.float32).tofile(folder / "b")
    model = sha256(f"head [{extent}]".encode()).hexdigest()[:16]
    text = MODEL.format(extent=extent, devices=devices, k=k, largest=largest, model=model)
    module = Parser(make_context(), text).parse_module()
    for one in parse_passes("lpu-esl-partition,lpu-esl-insert-sync"):
        one.apply(make_context(), module)
    assert str(module).count("lpu_esl.all_gather") == 2, "values and indices are exchanged"
    inputs = {"0": np.zeros((1, extent), np.float32)}
    found = run_interface(step_function(module), inputs, folder, devices=devices)
    return found["0"][0].tolist(), found["1"][0].tolist()


INF = float("inf")


@pytest.mark.parametrize(
    ("devices", "row", "values", "indices"),
    [
        pytest.param(2, [0, 7, 3, 7, 1, 7], [7, 7], [1, 3], id="ties across parts"),
        pytest.param(4, [2] * 9, [2, 2], [0, 1], id="all equal"),
        pytest.param(4, [-INF] * 9, [-INF, -INF], [0, 1], id="all as small as padding"),
        pytest.param(4, [-5, -4, -3, -2, -9, -9, -9, -9, -1], [-1, -2], [8, 3], id="last part"),
        pytest.param(4, [0, 0, 0, 1, 2, 3, 4, 5, -INF], [5, 4], [7, 6], id="within one part"),
    ],
)
def test_the_two_largest(
    tmp_path: Path, devices: int, row: list[float], values: list[float], indices: list[int]
) -> None:
    assert selected(tmp_path, row, devices, 2) == (values, indices)


def test_devices_that_hold_padding_alone_select_nothing(tmp_path: Path) -> None:
    """9 elements, 2 for each of 8 devices: the last three have none."""
    assert selected(tmp_path, [-INF] * 8 + [-3], 8, 1) == ([-3], [8])
    assert selected(tmp_path, [-INF] * 9, 8, 1) == ([-INF], [0])


def test_the_smallest_are_none_of_padding(tmp_path: Path) -> None:
    row = [4, 4, 9, 9, 9, 9, 9, 9, 3]
    assert selected(tmp_path, row, 4, 2, largest=0) == ([3, 4], [8, 0])


def test_nan_in_one_part_is_largest(tmp_path: Path) -> None:
    values, indices = selected(tmp_path, [0, 0, INF, 0, float("nan"), 0], 2, 1)
    assert np.isnan(values[0])
    assert indices == [4]
