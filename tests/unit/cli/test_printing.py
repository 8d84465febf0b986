"""The options that print IR around passes: which passes, which part, how much of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lpuc.cli import invoke
from lpuc.compiler.watching.eliding import elided
from tests.unit.cli.conftest import MODEL

IR = """func.func @step(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {
  %dead = lpu.map "exp" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32> loc("dead")
  %a = lpu.map "neg" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32> loc("/layers.0/neg")
  %b = lpu.map "abs" %a : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32> loc("/layers.1/abs")
  %c = lpu.map "tanh" %b : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32> loc("tanh")
  func.return %c : !lpu.tensor<[2], f32> loc("end")
}
"""
TITLE = re.compile(r"// -----// IR Dump (\w+) (\w+)( Failed)? \((.*)\) //----- //")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.mlir"
    path.write_text(IR)
    return path


def shown(file: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What `lpuc opt` prints to stderr."""
    assert invoke(["opt", str(file), *options]) == 0
    return capsys.readouterr().err


def titles(text: str) -> list[str]:
    return [f"{found[1]} {found[4]}" for found in TITLE.finditer(text)]


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("--print-ir-before=dce", ["Before dce", "Before dce"]),
        ("--print-ir-after=cse", ["After cse"]),
        ("--print-ir-after=cse,dce", ["After dce", "After cse", "After dce"]),
        ("--print-ir-before-all", ["Before dce", "Before cse", "Before dce"]),
        ("--print-ir-after-all", ["After dce", "After cse", "After dce"]),
        ("--print-ir-after-change", ["After dce"]),
        ("--print-ir-after-failure", []),
        ("--mlir-print-ir-before=cse", ["Before cse"]),
        ("--mlir-print-ir-after=cse", ["After cse"]),
        ("--mlir-print-ir-before-all", ["Before dce", "Before cse", "Before dce"]),
        ("--mlir-print-ir-after-all", ["After dce", "After cse", "After dce"]),
        ("--mlir-print-ir-after-change", ["After dce"]),
        ("-print-ir-after=cse", ["After cse"]),
        ("-mlir-print-ir-after-change", ["After dce"]),
    ],
)
def test_ir_is_printed_where_it_is_asked_for(
    option: str, expected: list[str], file: Path, capsys: pytest.CaptureFixture[str]
):
    assert titles(shown(file, capsys, "-p", "dce,cse,dce", option)) == expected


@pytest.mark.parametrize("option", ["--print-ir-after-all", "--mlir-print-ir-after-all"])
def test_models_are_watched_as_text_is(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    passes = "--pass-pipeline=builtin.module(onnx-check-operators)"
    output = ["-o", str(tmp_path / "x"), "--emit", "onnx"]
    assert invoke(["compile", str(MODEL), passes, option, *output]) == 0
    assert titles(capsys.readouterr().err) == ["After onnx-check-operators"]


@pytest.mark.parametrize(
    "pipeline",
    [
        "builtin.module(dce)",
        " builtin.module ( dce , cse ) ",
        "builtin.module(lpu-fold-constants{budget_bytes=4},dce)",
    ],
)
def test_pipelines_are_read_as_mlir_writes_them(
    pipeline: str, file: Path, capsys: pytest.CaptureFixture[str]
):
    assert invoke(["opt", str(file), f"--pass-pipeline={pipeline}"]) == 0
    assert '"exp"' not in capsys.readouterr().out


def test_passes_do_not_run_on_functions(file: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["opt", str(file), "-p", "builtin.module(cse,func.func(dce))"]) == 2
    expected = "error: pipeline: passes run on 'builtin.module', not on 'func.func'\n"
    assert capsys.readouterr().err == expected


def test_only_what_comes_from_a_node_is_printed(file: Path, capsys: pytest.CaptureFixture[str]):
    text = shown(file, capsys, "-p", "cse", "--print-ir-before=cse", "--print-ir-filter=tanh")
    assert text.splitlines()[1:] == [
        "builtin.module {",
        "  func.func @step(%x: !lpu.tensor<[2], f32> loc(unknown)) -> !lpu.tensor<[2], f32> {",
        "    // ... 2 operations",
        '    %b = lpu.map "abs" %a : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32> '
        'loc("/layers.1/abs")',
        '    %c = lpu.map "tanh" %b : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32> loc("tanh")',
        "    // ... 1 operation",
        "  } loc(unknown)",
        "} loc(unknown)",
        "",
    ]


def test_a_star_stands_for_any_part_of_a_name(file: Path, capsys: pytest.CaptureFixture[str]):
    options = ("-p", "cse", "--print-ir-before=cse", "--print-ir-filter=/layers.*")
    text = shown(file, capsys, *options)
    assert '"neg"' in text and '"abs"' in text
    assert '"tanh"' not in text


def test_a_filter_by_itself_prints_changes(file: Path, capsys: pytest.CaptureFixture[str]):
    text = shown(file, capsys, "-p", "cse,dce", "--print-ir-filter", "dead")
    assert titles(text) == ["After cse"]
    assert "// nothing comes from 'dead'" in text


def test_a_node_that_does_not_exist_is_refused(file: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["opt", str(file), "-p", "cse", "--print-ir-filter", "tahn"]) == 1
    message = "no operation comes from an ONNX node 'tahn'; did you mean tanh?"
    assert message in capsys.readouterr().err


def test_a_filter_reads_at_every_level(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Loops hold what is chosen in them; what stands in none is counted."""
    node = _first_node()
    passes = [
        *("lpu-drop-dead", "lpu-roll-layers", "convert-lpu-to-lpu-mem"),
        *("lpu-mem-tile", "lpu-isa-allocate-registers"),
    ]
    prints = [f"--print-ir-after={','.join(passes)}", "--print-ir-filter", node]
    options = ["--max-context", "16", "-o", str(tmp_path / "x.lpu")]
    assert invoke(["compile", str(MODEL), *options, *prints]) == 0
    dumps = capsys.readouterr().err.split("// -----// ")[1:]
    assert len(dumps) == len(passes) + 2  # one of them runs three times
    for dump in dumps:
        body = [line for line in dump.splitlines()[1:] if line.strip() and "// ..." not in line]
        chosen = [line for line in body if node in line]
        assert chosen, dump
        assert len(body) < 12 + 4 * len(chosen), dump


def _first_node() -> str:
    import onnx

    model = onnx.load(str(MODEL), load_external_data=False)
    return next(node.name for node in model.graph.node if node.op_type in ("MatMul", "Gemm"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1, 2, 3]", "[1, 2, 3]"),
        ("[1, 2, 3, 4]", "[1, 2, ... 2 more]"),
        ("f([[1, 2, 3, 4], 5]) [6]", "f([[1, 2, ... 2 more], 5]) [6]"),
        ('fused["a, b", "c", "d]", "e"]', 'fused["a, b", "c", ... 2 more]'),
        ('"0000803f0000803f0000803f"', '"0000803f0000803f0000803f"'),
        ('"0x0000803f0000803f0000803f00"', '"0x0000803f0000803f... 5 bytes more"'),
        ('"no digits, however long this is"', '"no digits, however long this is"'),
        ("[1, 2, 3, 4\n", "[1, 2, ... 2 more\n"),
        ("]] [1]", "]] [1]"),
    ],
)
def test_long_lists_and_constants_are_cut_short(text: str, expected: str):
    assert elided(text, 3) == expected


@pytest.mark.parametrize(
    "option", ["--mlir-elide-elementsattrs-if-larger", "-elide-elementsattrs-if-larger"]
)
def test_how_much_is_printed_is_an_option(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "x.mlir"
    path.write_text(
        f"%c = arith.constant dense<[{', '.join(map(str, range(20)))}]> : tensor<20xi32>\n"
    )
    prints = ("-p", "cse", "--print-ir-before-all")
    assert "dense<[0, 1, ... 18 more]>" in shown(path, capsys, *prints)
    assert "18, 19]>" in shown(path, capsys, *prints, option, "20")
    assert "dense<[0, 1, ... 18 more]>" in shown(path, capsys, *prints, option, "19")
