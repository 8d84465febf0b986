"""Locations are keys in text and names in memory, whatever the nodes are called."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser
from xdsl.utils.exceptions import ParseError
from xdsl.xdsl_opt_main import xDSLOptMain

from dialects.errors import location_names, node_names
from dialects.lpu.nodes import NodesAttr, names_of, written
from lpuc.compiler.dumping.written import Standing, fed_back
from lpuc.compiler.located import Source, parse_module
from lpuc.compiler.pipeline import make_context, parse_passes
from lpuc.errors import UserError

TEXT = """
func.func @step(%x: !lpu.tensor<[2], f32> loc("#7")) -> !lpu.tensor<[2], f32> {
  %a = lpu.map "neg" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32> loc("#1")
  %b = lpu.map "neg" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32> loc("#0")
  %c = lpu.map "add" %a, %b : !lpu.tensor<[2], f32>, !lpu.tensor<[2], f32>
    -> !lpu.tensor<[2], f32> loc(fused["l.0.q", "l.0.{k}", fused["l.1.q", "l.1.{k}"], "l.0.q"])
  func.return %c : !lpu.tensor<[2], f32>
}
"""


def names(module: ModuleOp) -> list[tuple[str, ...]]:
    return [node_names(op) for op in module.walk()]


NAMES = [(), (), ("#1",), ("#0",), ("l.0.q", "l.0.{k}", "l.1.q", "l.1.{k}"), ()]


def test_nodes_that_are_called_like_keys_are_not_taken_for_some():
    module = parse_module(TEXT, "a.mlir")
    assert names(module) == NAMES
    text = fed_back(module)
    assert '"l.{0..1}.q", "l.{0..1}.{{k}}"' in text
    read = parse_module(text, "b.mlir")
    assert names(read) == NAMES
    argument = next(iter(read.ops)).regions[0].block.args[0]
    assert location_names(argument.location) == ("#7",)
    assert fed_back(read) == text


def test_names_are_those_of_keys_where_nobody_put_them_in():
    read = Source(fed_back(parse_module(TEXT, "a.mlir")), "b.mlir").read()
    assert names(read) == NAMES
    assert [location_names(op.location) for op in read.walk()] != NAMES


def test_keys_fuse_with_keys(tmp_path: Path):
    """xDSL's own tool merges two products, and keeps the table."""
    (tmp_path / "a.mlir").write_text(
        fed_back(parse_module(TEXT, "a.mlir"), Standing(rest=("lpu-merge-duplicates", "cse")))
    )
    out = StringIO()
    with redirect_stdout(out):
        command = [str(tmp_path / "a.mlir"), "-p", "lpu-merge-duplicates", "--print-debuginfo"]
        xDSLOptMain(args=command).run()
    read = parse_module(out.getvalue(), "b.mlir")
    direct = parse_module(TEXT, "a.mlir")
    parse_passes("lpu-merge-duplicates")[0].apply(make_context(), direct)
    assert names(read) == names(direct)
    assert len(names(read)) < len(NAMES)
    assert 'behind = "lpu-merge-duplicates", rest = ["cse"]' in out.getvalue()


def test_a_key_without_an_entry_is_the_fault_of_the_text():
    text = fed_back(parse_module(TEXT, "a.mlir")).replace('loc("#1")', 'loc("#99")')
    with pytest.raises(UserError, match=r'loc."#99".: the table of nodes has no such entry'):
        parse_module(text, "b.mlir")


LETTERS = st.text('ab{}0129,.:"\\', max_size=6)


@given(st.lists(LETTERS, max_size=12, unique=True))
def test_any_names_come_back(given_names: list[str]):
    assert list(names_of(written(given_names))) == given_names


@given(st.lists(LETTERS, min_size=1, max_size=9, unique=True))
def test_tables_print_and_parse(given_names: list[str]):
    table = NodesAttr.of({3: given_names, 4: ["x"]})
    assert Parser(make_context(), str(table)).parse_attribute() == table
    assert table.names == {3: tuple(given_names), 4: ("x",)}


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ([f"h.{i}.q" for i in range(48)], '"h.{0..47}.q"'),
        ([f"val_{9 + 12 * i}" for i in range(3)], '"val_{9..33:12}"'),
        (["n9", "n4", "n77"], '"n{9,4,77}"'),
        (["n01", "n02"], '"n{01,02}"'),
        (["a.0", "b.0", "a.1", "b.1"], '("a.{0..1}", "b.{0..1}")'),
        (["a", "b"], '"a", "b"'),
    ],
)
def test_a_role_names_its_layers(layers: list[str], text: str):
    assert str(NodesAttr.of({0: layers})) == f"#lpu.nodes<\n  0: {text}\n>"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('0: "a{"', "a brace that stands alone"),
        ('0: "a{0..}"', "is no range of numbers"),
        ('0: "a{3..3}"', "is no range of numbers"),
        ('0: "a{0..99999999999}"', "is no range of numbers"),
        ('0: "a{0..1}{0..2}"', "ranges of different lengths"),
        ('0: ("a{0..1}", "b")', "as many names each"),
        ('0: "a", 0: "b"', "entry 0 stands twice"),
    ],
)
def test_a_table_that_is_none(text: str, words: str):
    with pytest.raises(ParseError, match=words):
        Parser(make_context(), f"#lpu.nodes<{text}>").parse_attribute()
