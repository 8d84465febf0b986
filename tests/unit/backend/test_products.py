"""Products over batches and rows, whose panels are shared, broadcast, transposed or split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lpuc.compiler.pipeline import make_context, stage_passes
from runtime.isa import Stream, Vecmat
from tests.unit.backend.harness import TARGETS, parse
from tests.unit.backend.levels import MEM, agreed, at_every_level, program_of, step_text

Array = np.ndarray[Any, np.dtype[Any]]
SHAPES = {
    "one row": ((1, 5), (5, 7)),
    "rows that share a panel": ((6, 5), (5, 7)),
    "a panel for each batch": ((3, 1, 5), (3, 5, 7)),
    "rows and batches": ((3, 4, 5), (3, 5, 7)),
    "batches that share a panel": ((3, 4, 5), (5, 7)),
    "panels that share the rows": ((4, 5), (3, 5, 7)),
    "two axes of batches": ((2, 3, 4, 5), (2, 3, 5, 7)),
    "an axis of batches of one side each": ((2, 1, 4, 5), (1, 3, 5, 7)),
    "rows that do not fit": ((40, 90), (90, 30)),
    "K and N that do not fit": ((2, 2, 1500), (2, 1500, 9)),
    "N that does not fit": ((2, 3, 4), (2, 4, 2500)),
    "nothing to sum": ((2, 3, 0), (2, 0, 4)),
}


def kind(shape: tuple[int, ...]) -> str:
    return f"!lpu.tensor<{list(shape)}, f32>"


def draw(shape: tuple[int, ...]) -> Array:
    """Small integers, whose sums no order of additions rounds."""
    return np.random.default_rng(sum(shape)).integers(-9, 9, shape).astype(np.float32)


def product_text(x: tuple[int, ...], w: tuple[int, ...], *, transposed: bool) -> str:
    given = (*w[:-2], w[-1], w[-2]) if transposed else w
    result = kind((np.empty(x, np.int8) @ np.empty(w, np.int8)).shape)
    perm = [*range(len(w) - 2), len(w) - 1, len(w) - 2]
    turn = f"%p = lpu.transpose %w <{perm}> : {kind(given)} -> {kind(w)}" if transposed else ""
    panel = "%p" if transposed else "%w"
    body = f"""{turn}
      %y = lpu.matmul %x, {panel} : {kind(x)}, {kind(w)} -> {result}
      func.return %y : {result}"""
    return step_text(body, {"x": kind(x), "w": kind(given)}, [result])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("name", SHAPES)
def test_levels_agree(name: str, transposed: bool, target: str):
    shapes = SHAPES[name]
    x, w = map(draw, shapes)
    text = product_text(*shapes, transposed=transposed)
    given = np.ascontiguousarray(w.swapaxes(-1, -2)) if transposed else w
    result = agreed(at_every_level(text, {"x": x, "w": given}, target=target))
    np.testing.assert_array_equal(result.outputs["0"], x @ w)


def test_rows_come_from_a_symbol():
    rows, result = "!lpu.tensor<[2, P, 5], f32>", "!lpu.tensor<[2, P, 7], f32>"
    body = f"""%y = lpu.matmul %x, %w : {rows}, {kind((2, 5, 7))} -> {result}
      func.return %y : {result}"""
    text = step_text(body, {"x": rows, "w": kind((2, 5, 7))}, [result], "P in 0 to 9")
    w = draw((2, 5, 7))
    for count in (0, 1, 4, 9):
        x = draw((2, count, 5))
        result_of = agreed(at_every_level(text, {"x": x, "w": w}))
        np.testing.assert_array_equal(result_of.outputs["0"], x @ w)


def test_keys_of_a_cache_are_the_panel():
    """Heads are batches, query heads of one group rows; K is read transposed, up to a symbol."""
    q, scores = "!lpu.tensor<[2, 3, 4], f32>", "!lpu.tensor<[2, 3, P + 1], f32>"
    cache, window = "!lpu.state<[2, 8, 4], f32>", "!lpu.tensor<[2, P + 1, 4], f32>"
    turned = "!lpu.tensor<[2, 4, P + 1], f32>"
    body = f"""
      %c = lpu.state "k" inputs <["k" past f32 [2, P, 4] at [0, 0, 0]]> outputs <[]> : {cache}
      lpu.write %c, %n at <[0, P, 0]> : {cache}, {kind((2, 1, 4))}
      %k = lpu.read %c at <[0, 0, 0]> : {cache} -> {window}
      %t = lpu.transpose %k <[0, 2, 1]> : {window} -> {turned}
      %s = lpu.matmul %q, %t : {q}, {turned} -> {scores}
      func.return %s : {scores}"""
    text = step_text(body, {"q": q, "n": kind((2, 1, 4))}, [scores], "P in 0 to 7")
    for length in (0, 1, 7):
        arrays = {"q": draw((2, 3, 4)), "n": draw((2, 1, 4)), "k": draw((2, length, 4))}
        result = agreed(at_every_level(text, arrays))
        keys = np.concatenate((arrays["k"], arrays["n"]), axis=1)
        np.testing.assert_array_equal(result.outputs["0"], arrays["q"] @ keys.swapaxes(1, 2))


def test_a_panel_is_streamed_once_for_all_its_rows():
    module = parse(product_text((2, 6, 5), (2, 5, 7), transposed=False), "lpu-4nm")
    for one in stage_passes(MEM):
        one.apply(make_context(), module)
    code = program_of(module).code
    assert sum(isinstance(inst, Stream) for inst in code) == 1
    assert sum(isinstance(inst, Vecmat) for inst in code) == 1
