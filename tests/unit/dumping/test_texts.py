"""Text that is put together from parts is what xDSL prints, and tells whether anything changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from xdsl.dialects import test as dialect
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.parser import Parser

from dialects.errors import location_of
from dialects.lpu.elementwise import MapOp
from dialects.lpu.types import tensor
from lpuc.compiler.driver import load_module
from lpuc.compiler.dumping.texts import Texts
from lpuc.compiler.instrument import ir_text
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import make_context, pipeline_of, stage_passes
from runtime.numerics.elements import ElementType

ADD = {"fn": StringAttr("add")}
MODEL = Path(__file__).parents[3] / "samples/exports/llama.onnx"

TEXT = """
builtin.module attributes {lpu.options = {precision = "f32"}} {
  func.func @step(%x: !lpu.tensor<[P], f32> loc("x"), %z: !lpu.tensor<[P], f32>,
                  %unread: !lpu.tensor<[P], f32>)
      -> !lpu.tensor<[P], f32> attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
    %a = lpu.map "add" %x, %z : !lpu.tensor<[P], f32>, !lpu.tensor<[P], f32>
      -> !lpu.tensor<[P], f32> loc("a")
    %b = lpu.map "neg" %a {note = "50% \\22"} : !lpu.tensor<[P], f32> -> !lpu.tensor<[P], f32>
    %c = lpu.for "l" to <2>(%b : !lpu.tensor<[P], f32>) -> !lpu.tensor<[P], f32> {
    ^bb0(%d: !lpu.tensor<[P], f32> loc("d")):
      %e = lpu.map "mul" %d, %a : !lpu.tensor<[P], f32>, !lpu.tensor<[P], f32>
        -> !lpu.tensor<[P], f32>
      lpu.yield %e : !lpu.tensor<[P], f32>
    }
    func.return %c : !lpu.tensor<[P], f32>
  }
}
"""


def module() -> ModuleOp:
    return Parser(make_context(), TEXT).parse_module()


def op(module: ModuleOp, name: str, index: int = 0) -> Operation:
    return [one for one in module.walk() if one.name == name][index]


@pytest.mark.parametrize("devices", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_behind_each_pass_it_is_the_text_of_xdsl_and_tells_changes(devices: int):
    chunk = None if devices == 1 else 0
    options = CompileOptions(max_context=16, devices=devices, prompt_chunk=chunk)
    lowered, context, texts = load_module(MODEL, options), make_context(), Texts()
    text, structure, kept = "", list[int](), 0
    for stage in pipeline_of(devices):
        for one in stage_passes(stage):
            one.apply(context, lowered)
            before, text = text, ir_text(lowered)
            was, structure = structure, texts.structure(lowered)
            assert texts.of(lowered) == text, one.name
            assert (structure != was) == (text != before), one.name
            kept += text == before
    assert kept > 1


def swap(module: ModuleOp) -> None:
    add = op(module, "lpu.map")
    add.operands = add.operands[::-1]


def use_another(module: ModuleOp) -> None:
    inner, outer = op(module, "lpu.map", 2), op(module, "lpu.map", 1)
    inner.operands[1] = outer.results[0]


def retype(module: ModuleOp) -> None:
    value: SSAValue = op(module, "lpu.map", 1).results[0]
    value._type = tensor((3,), ElementType.F32)  # pyright: ignore[reportPrivateUsage]


def retype_argument(module: ModuleOp) -> None:
    value: SSAValue = op(module, "lpu.for").regions[0].block.args[0]
    value._type = tensor((3,), ElementType.F32)  # pyright: ignore[reportPrivateUsage]


def retype_what_nobody_reads(module: ModuleOp) -> None:
    value: SSAValue = op(module, "func.func").regions[0].block.args[2]
    value._type = tensor((3,), ElementType.F32)  # pyright: ignore[reportPrivateUsage]


def set_property(module: ModuleOp) -> None:
    op(module, "lpu.map").properties["fn"] = StringAttr("sub")


def set_property_of_a_loop(module: ModuleOp) -> None:
    op(module, "lpu.for").properties["variable"] = StringAttr("m")


def set_attribute(module: ModuleOp) -> None:
    op(module, "lpu.map", 1).attributes["note"] = StringAttr("other")


def set_attribute_of_the_module(module: ModuleOp) -> None:
    module.attributes["more"] = StringAttr("x")


def set_attribute_of_a_function(module: ModuleOp) -> None:
    op(module, "func.func").attributes.pop("lpu.symbols")


def locate(module: ModuleOp) -> None:
    op(module, "lpu.map").location = location_of(["b"])


def locate_a_function(module: ModuleOp) -> None:
    op(module, "func.func").location = location_of(["b"])


def locate_an_argument(module: ModuleOp) -> None:
    op(module, "lpu.for").regions[0].block.args[0].location = location_of(["b"])


def reorder(module: ModuleOp) -> None:
    neg = op(module, "lpu.map", 1)
    add, block = op(module, "lpu.map"), neg.parent
    assert block is not None
    neg.detach()
    block.insert_op_before(neg, add)


def erase(module: ModuleOp) -> None:
    func = op(module, "func.func")
    func.detach()


def move_out_of_a_loop(module: ModuleOp) -> None:
    inner, loop = op(module, "lpu.map", 2), op(module, "lpu.for")
    block = loop.parent
    assert block is not None
    inner.detach()
    block.insert_op_before(inner, loop)


def add_a_block(module: ModuleOp) -> None:
    op(module, "lpu.for").regions[0].add_block(Block())


CHANGES: list[Callable[[ModuleOp], None]] = [
    swap, use_another, retype, retype_argument, retype_what_nobody_reads, set_property,
    set_property_of_a_loop, set_attribute, set_attribute_of_the_module, set_attribute_of_a_function,
    locate,
    locate_a_function, locate_an_argument, reorder, erase, move_out_of_a_loop, add_a_block,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_no_change_is_missed(change: Callable[[ModuleOp], None]):
    texts, changed = Texts(), module()
    before = texts.structure(changed)
    change(changed)
    assert texts.structure(changed) != before
    assert texts.of(changed) == ir_text(changed)


def test_what_is_equal_but_made_anew_is_no_change():
    texts = Texts()
    assert texts.structure(module()) == texts.structure(module())
    assert texts.of(module()) == ir_text(module())


def test_names_are_no_change():
    texts, named = Texts(), module()
    before = texts.structure(named)
    op(named, "lpu.map").results[0].name_hint = "other"
    assert texts.structure(named) == before
    assert texts.of(named) == ir_text(named)


def test_operations_that_are_not_known_are_printed_too():
    from xdsl.context import Context
    from xdsl.dialects.builtin import Builtin

    context = Context(allow_unregistered=True)
    context.load_dialect(Builtin)
    text = (
        '"some.op"() ({\n^bb0:\n  "br.to"() [^bb1] : () -> ()\n^bb1:\n}) {a = "\\0A%s"} : () -> ()'
    )
    parsed = Parser(context, text).parse_module()
    assert Texts().of(parsed) == ir_text(parsed)


REGIONS = [
    '"test.op"() ({^bb0: "test.op"() : () -> () ^bb1:}, {}) : () -> ()',
    '"test.op"() ({^bb0: "test.op"() : () -> ()}, {^bb1:}) : () -> ()',
    '"test.op"() ({^bb0: "test.termop"() [^bb0] : () -> () ^bb1:}) : () -> ()',
    '"test.op"() ({^bb0: "test.termop"() [^bb1] : () -> () ^bb1:}) : () -> ()',
    '"test.op"() ({}) : () -> ()',
    '"test.op"() ({^bb0:}) : () -> ()',
]


def test_blocks_and_regions_are_told_apart():
    texts = Texts()
    found = [texts.structure(Parser(make_context(), text).parse_module()) for text in REGIONS]
    assert all(one not in found[:index] for index, one in enumerate(found))


@pytest.mark.parametrize("reads", [((0, 0), (0, 1)), ((0, 1), (1, 1))])
def test_a_value_that_is_read_twice_is_no_rule_for_others(reads: tuple[tuple[int, int], ...]):
    """Operations that share all attributes and types, and differ in what they read."""
    kind = tensor((3,), ElementType.F32)
    block = Block(arg_types=[kind, kind])
    for places in reads:
        operands = [block.args[place] for place in places]
        block.add_op(MapOp.create(operands=operands, result_types=[kind], properties=ADD))
    made = ModuleOp([dialect.TestOp(regions=[Region(block)])])
    assert Texts().of(made) == ir_text(made)
