"""Elements of a value are followed to all that they are from, once each."""

from xdsl.dialects.func import FuncOp
from xdsl.parser import Parser

from dialects.lpu.movement import ConcatOp
from lpuc.compiler.pipeline import make_context
from passes.analysis.functions import functions
from passes.lpu.state.carried import carried

ROWS = "!lpu.tensor<[2, 4], f32>"
HEAD = f"""
func.func @f(%past : {ROWS}, %new : {ROWS}, %k : !lpu.tensor<[4], bool>,
             %where : !lpu.tensor<[2], i64>) -> {ROWS} {{
  %n = lpu.map "neg" %new : {ROWS} -> {ROWS}
  %all = lpu.concat %past, %n axis 0 : {ROWS}, {ROWS} -> !lpu.tensor<[4, 4], f32>
  %v0 = lpu.gather %all, %where axis 0
      : !lpu.tensor<[4, 4], f32>, !lpu.tensor<[2], i64> -> {ROWS}
"""


def function(turns: int = 1) -> FuncOp:
    """Rows of a concatenation, chosen from themselves again and again."""
    chosen = [
        f"  %v{n + 1} = lpu.select %k, %v{n}, %v{n}\n"
        f"      : !lpu.tensor<[4], bool>, {ROWS}, {ROWS} -> {ROWS}\n"
        for n in range(turns)
    ]
    text = HEAD + "".join(chosen) + f"  func.return %v{turns} : {ROWS}\n}}\n"
    (found,) = functions(Parser(make_context(), text).parse_module())
    return found


def names(func: FuncOp, *ends: type[ConcatOp]) -> list[str | None]:
    terminator = func.body.block.last_op
    assert terminator is not None
    return [value.name_hint for value in carried(terminator.operands[0], *ends)]


def test_neither_what_chooses_nor_what_is_computed_with_is_carried():
    assert sorted(map(str, names(function()))) == ["all", "n", "past", "v0", "v1"]


def test_it_ends_at_what_an_operation_gives():
    assert names(function(), ConcatOp) == ["v1", "v0", "all"]


def test_each_is_met_once_on_however_many_ways():
    assert names(function(64), ConcatOp) == [*(f"v{n}" for n in range(64, -1, -1)), "all"]
